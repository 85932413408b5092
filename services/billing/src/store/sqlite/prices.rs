//! Price versions in SQLite.

use kaleem_domain::{Timestamp, price::PriceVersion};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::store::{Added, Error};

/// How many versions there are.
pub async fn count(connection: &mut SqliteConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM price_version").fetch_one(connection).await?)
}

/// All versions.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<PriceVersion>, Error> {
    sqlx::query("SELECT * FROM price_version").fetch_all(connection).await?.iter().map(version).collect()
}

/// One version.
pub async fn get(connection: &mut SqliteConnection, id: &str) -> Result<Option<PriceVersion>, Error> {
    let sql = "SELECT * FROM price_version WHERE price_version = ?";
    sqlx::query(sql).bind(id).fetch_optional(connection).await?.as_ref().map(version).transpose()
}

/// Adds a version to a book of at most `max`, unless it is there or its instant is taken.
pub async fn add(
    connection: &mut SqliteConnection,
    version: &PriceVersion,
    now: Timestamp,
    max: usize,
) -> Result<Added, Error> {
    if let Some(existing) = get(connection, &version.price_version).await? {
        return Ok(if same(&existing, version) { Added::Same } else { Added::Different });
    }
    let sql =
        "SELECT price_version FROM price_version WHERE target = ? AND model = ? AND effective_time_ms = ?";
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
    connection: &mut SqliteConnection,
    version: &PriceVersion,
    now: Timestamp,
) -> Result<(), Error> {
    let rates = serde_json::to_string(&version.rates).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let sql =
        "INSERT INTO price_version (price_version, target, model, effective_time_ms, source, verified, rates,
               create_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
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

/// Whether two versions say the same; the order of rates says nothing.
fn same(stored: &PriceVersion, asked: &PriceVersion) -> bool {
    let sorted = |version: &PriceVersion| {
        let mut version = version.clone();
        version.rates.sort_by_key(|rate| (rate.book, rate.component, rate.min_input_token_count));
        version
    };
    sorted(stored) == sorted(asked)
}

fn version(row: &SqliteRow) -> Result<PriceVersion, Error> {
    let rates = serde_json::from_str(row.try_get("rates")?);
    Ok(PriceVersion {
        price_version: row.try_get("price_version")?,
        target: row.try_get("target")?,
        model: row.try_get("model")?,
        effective_time: Timestamp::from_millis(row.try_get("effective_time_ms")?),
        source: row.try_get("source")?,
        verified: row.try_get("verified")?,
        rates: rates.map_err(|_| Error::Value { table: "price_version", column: "rates" })?,
    })
}
