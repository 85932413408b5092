//! The revocation feed.

use kaleem_domain::{KeyId, MerchantId, Timestamp};
use kaleem_store::{Row, Session};

use crate::store::{Change, Error, FEED_MAX, Subject};

/// Newest sequence; 1 in a new store.
pub async fn newest(session: &mut dyn Session) -> Result<i64, Error> {
    Ok(session.number("SELECT max(sequence) AS number FROM revocation", &[]).await?)
}

/// Announces that a key is no longer valid.
pub async fn announce_key(session: &mut dyn Session, id: &KeyId, now: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO revocation (sequence, key_id, create_time_ms)
               SELECT max(sequence) + 1, $1, $2 FROM revocation";
    session.execute(sql, &[id.0.as_ref().into(), now.as_millis().into()]).await?;
    trim(session).await
}

/// Announces that a merchant changed.
pub async fn announce_merchant(
    session: &mut dyn Session,
    id: &MerchantId,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO revocation (sequence, merchant_id, create_time_ms)
               SELECT max(sequence) + 1, $1, $2 FROM revocation";
    session.execute(sql, &[id.as_str().into(), now.as_millis().into()]).await?;
    trim(session).await
}

/// Announces that plans changed, and with them every merchant of `plan`.
pub async fn announce_plan(session: &mut dyn Session, plan: &str, now: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO revocation (sequence, create_time_ms)
               SELECT max(sequence) + 1, $1 FROM revocation";
    session.execute(sql, &[now.as_millis().into()]).await?;
    let sql = "INSERT INTO revocation (sequence, merchant_id, create_time_ms)
               SELECT (SELECT max(sequence) FROM revocation) + row_number() OVER (ORDER BY merchant_id), merchant_id, $1
               FROM merchant WHERE plan_id = $2";
    session.execute(sql, &[now.as_millis().into(), plan.into()]).await?;
    trim(session).await
}

/// Changes after `sequence`; `None` if some that came after it are gone, or it never was.
pub async fn after(
    session: &mut dyn Session,
    sequence: i64,
    limit: usize,
) -> Result<Option<Vec<Change>>, Error> {
    let sql =
        "SELECT sequence, key_id, merchant_id FROM revocation WHERE sequence > $1 ORDER BY sequence LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let changes = session.all(sql, &[sequence.into(), limit.into()], change).await?;
    // Read after the changes: what is trimmed in between shows as a gap, and never as none.
    let oldest = session.number("SELECT min(sequence) AS number FROM revocation", &[]).await?;
    let is_known = sequence >= oldest - 1 && sequence <= newest(session).await?;
    Ok(is_known.then_some(changes))
}

fn change(row: &Row) -> Result<Change, Error> {
    let key = row.optional_text("key_id")?.map(Subject::Key);
    let merchant = row.optional_text("merchant_id")?.map(Subject::Merchant);
    Ok(Change { sequence: row.number("sequence")?, subject: key.or(merchant).unwrap_or(Subject::Plans) })
}

async fn trim(session: &mut dyn Session) -> Result<(), Error> {
    let sql = "DELETE FROM revocation WHERE sequence <= (SELECT max(sequence) FROM revocation) - $1";
    Ok(session.execute(sql, &[FEED_MAX.into()]).await?)
}
