//! Price versions.

use kaleem_domain::{Timestamp, price::PriceVersion};

use super::{
    rows,
    session::{Session, Value},
};
use crate::{
    prices::same,
    store::{Added, Error},
};

/// How many versions there are.
pub async fn count(session: &mut dyn Session) -> Result<i64, Error> {
    session.number("SELECT count(*) AS number FROM price_version", &[]).await
}

/// All versions.
pub async fn all(session: &mut dyn Session) -> Result<Vec<PriceVersion>, Error> {
    session.all("SELECT * FROM price_version", &[], rows::price_version).await
}

/// One version.
pub async fn get(session: &mut dyn Session, id: &str) -> Result<Option<PriceVersion>, Error> {
    let sql = "SELECT * FROM price_version WHERE price_version = $1";
    session.optional(sql, &[id.into()], rows::price_version).await
}

/// Adds a version to a book of at most `max`, unless it is there or its instant is taken.
pub async fn add(
    session: &mut dyn Session,
    version: &PriceVersion,
    now: Timestamp,
    max: usize,
) -> Result<Added, Error> {
    if let Some(existing) = get(session, &version.price_version).await? {
        return Ok(if same(&existing, version) { Added::Same } else { Added::Different });
    }
    let sql =
        "SELECT price_version FROM price_version WHERE target = $1 AND model = $2 AND effective_time_ms = $3";
    let at = version.effective_time.as_millis();
    let instant = [(&version.target).into(), (&version.model).into(), at.into()];
    if let Some(other) = session.optional(sql, &instant, |row| Ok(row.text("price_version")?)).await? {
        return Ok(Added::TimeTaken(other));
    }
    if usize::try_from(count(session).await?).is_ok_and(|count| count >= max) {
        return Ok(Added::Full);
    }
    insert(session, version, now).await?;
    Ok(Added::New)
}

/// Adds a version.
pub async fn insert(session: &mut dyn Session, version: &PriceVersion, now: Timestamp) -> Result<(), Error> {
    let rates = serde_json::to_string(&version.rates).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let sql =
        "INSERT INTO price_version (price_version, target, model, effective_time_ms, source, verified, rates,
               create_time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        (&version.price_version).into(),
        (&version.target).into(),
        (&version.model).into(),
        version.effective_time.as_millis().into(),
        (&version.source).into(),
        Value::Flag(version.verified),
        (&rates).into(),
        now.as_millis().into(),
    ];
    session.execute(sql, &values).await
}
