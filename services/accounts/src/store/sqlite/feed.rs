//! The revocation feed in SQLite.

use kaleem_domain::{KeyId, MerchantId, Timestamp};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::store::{Change, Error, FEED_MAX, Subject};

/// Newest sequence; 1 in a new store.
pub async fn newest(connection: &mut SqliteConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT max(sequence) FROM revocation").fetch_one(connection).await?)
}

/// Announces that a key is no longer valid.
pub async fn announce_key(
    connection: &mut SqliteConnection,
    id: &KeyId,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO revocation (key_id, create_time_ms) VALUES (?, ?)";
    sqlx::query(sql).bind(id.0.as_ref()).bind(now.as_millis()).execute(&mut *connection).await?;
    trim(connection).await
}

/// Announces that a merchant changed.
pub async fn announce_merchant(
    connection: &mut SqliteConnection,
    id: &MerchantId,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO revocation (merchant_id, create_time_ms) VALUES (?, ?)";
    sqlx::query(sql).bind(id.as_str()).bind(now.as_millis()).execute(&mut *connection).await?;
    trim(connection).await
}

/// Announces that every merchant of a plan changed.
pub async fn announce_plan(
    connection: &mut SqliteConnection,
    plan: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO revocation (merchant_id, create_time_ms)
               SELECT merchant_id, ? FROM merchant WHERE plan_id = ? ORDER BY merchant_id";
    sqlx::query(sql).bind(now.as_millis()).bind(plan).execute(&mut *connection).await?;
    trim(connection).await
}

/// Changes after `sequence`; `None` if some that came after it are gone, or it never was.
pub async fn after(
    connection: &mut SqliteConnection,
    sequence: i64,
    limit: usize,
) -> Result<Option<Vec<Change>>, Error> {
    let sql = "SELECT min(sequence) AS oldest, max(sequence) AS newest FROM revocation";
    let bounds = sqlx::query(sql).fetch_one(&mut *connection).await?;
    let (oldest, newest): (i64, i64) = (bounds.try_get("oldest")?, bounds.try_get("newest")?);
    if sequence < oldest - 1 || sequence > newest {
        return Ok(None);
    }
    let sql =
        "SELECT sequence, key_id, merchant_id FROM revocation WHERE sequence > ? ORDER BY sequence LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(sequence).bind(limit).fetch_all(connection).await?;
    let changes: Result<Vec<Option<Change>>, Error> = rows.iter().map(change).collect();
    Ok(Some(changes?.into_iter().flatten().collect()))
}

/// The change of a row; `None` for the first row of the store, which names nothing.
fn change(row: &SqliteRow) -> Result<Option<Change>, Error> {
    let key: Option<String> = row.try_get("key_id")?;
    let merchant: Option<String> = row.try_get("merchant_id")?;
    let sequence = row.try_get("sequence")?;
    let subject = key.map(Subject::Key).or(merchant.map(Subject::Merchant));
    Ok(subject.map(|subject| Change { sequence, subject }))
}

async fn trim(connection: &mut SqliteConnection) -> Result<(), Error> {
    let sql = "DELETE FROM revocation WHERE sequence <= (SELECT max(sequence) FROM revocation) - ?";
    sqlx::query(sql).bind(FEED_MAX).execute(connection).await?;
    Ok(())
}
