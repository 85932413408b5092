//! Reading the ledger in Postgres as its followers do.

use sqlx::{PgConnection, Row as _};

use crate::{
    event::UsageEvent,
    store::{Error, Page, StoredEvent, following, rows},
};

/// Reads a page of transactions.
pub async fn page(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Page, Error> {
    let newest = sqlx::query_scalar(following::NEWEST).fetch_one(&mut *connection).await?;
    let found = sqlx::query(following::CHANGES).bind(after).bind(limit).fetch_all(connection).await?;
    Ok(Page { changes: found.iter().map(following::change).collect::<Result<_, _>>()?, newest })
}

/// Reads the newest transaction of a merchant.
pub async fn head(connection: &mut PgConnection, merchant: &str) -> Result<i64, Error> {
    let select = sqlx::query_scalar(following::HEAD).bind(merchant);
    Ok(select.fetch_optional(connection).await?.unwrap_or(0))
}

/// Reads an event with the transaction that charged it.
pub async fn event(
    connection: &mut PgConnection,
    merchant: &str,
    event_id: &str,
) -> Result<Option<(StoredEvent, i64)>, Error> {
    let Some(month) = UsageEvent::month_of(event_id) else { return Ok(None) };
    let select = sqlx::query(following::EVENT).bind(format!("M{month}")).bind(merchant).bind(event_id);
    let Some(row) = select.fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some((rows::stored_event(&row)?, row.try_get("txn_id")?)))
}
