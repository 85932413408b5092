//! Price versions in Postgres.

use kaleem_domain::{Timestamp, price::PriceVersion};
use sqlx::PgConnection;

use crate::{
    prices::same,
    store::{Added, Error, rows},
};

/// How many versions there are.
pub async fn count(connection: &mut PgConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM price_version").fetch_one(connection).await?)
}

/// All versions.
pub async fn all(connection: &mut PgConnection) -> Result<Vec<PriceVersion>, Error> {
    sqlx::query("SELECT * FROM price_version")
        .fetch_all(connection)
        .await?
        .iter()
        .map(rows::price_version)
        .collect()
}

/// One version.
pub async fn get(connection: &mut PgConnection, id: &str) -> Result<Option<PriceVersion>, Error> {
    let sql = "SELECT * FROM price_version WHERE price_version = $1";
    sqlx::query(sql).bind(id).fetch_optional(connection).await?.as_ref().map(rows::price_version).transpose()
}

/// Adds a version to a book of at most `max`, unless it is there or its instant is taken.
pub async fn add(
    connection: &mut PgConnection,
    version: &PriceVersion,
    now: Timestamp,
    max: usize,
) -> Result<Added, Error> {
    if let Some(existing) = get(connection, &version.price_version).await? {
        return Ok(if same(&existing, version) { Added::Same } else { Added::Different });
    }
    let sql =
        "SELECT price_version FROM price_version WHERE target = $1 AND model = $2 AND effective_time_ms = $3";
    let at = version.effective_time.as_millis();
    let query = sqlx::query_scalar(sql).bind(&version.target).bind(&version.model).bind(at);
    if let Some(other) = query.fetch_optional(&mut *connection).await? {
        return Ok(Added::TimeTaken(other));
    }
    if usize::try_from(count(connection).await?).is_ok_and(|count| count >= max) {
        return Ok(Added::Full);
    }
    insert(connection, version, now).await?;
    Ok(Added::New)
}

/// Adds a version.
pub async fn insert(
    connection: &mut PgConnection,
    version: &PriceVersion,
    now: Timestamp,
) -> Result<(), Error> {
    let rates = serde_json::to_string(&version.rates).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let sql =
        "INSERT INTO price_version (price_version, target, model, effective_time_ms, source, verified, rates,
               create_time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(sql)
        .bind(&version.price_version)
        .bind(&version.target)
        .bind(&version.model)
        .bind(version.effective_time.as_millis())
        .bind(&version.source)
        .bind(version.verified)
        .bind(rates)
        .bind(now.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}
