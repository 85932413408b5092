//! Amending: a reversal and its replacement in one transaction.

use kaleem_domain::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::{post, record};
use crate::{
    amendment::Amendment,
    ledger::{Entry, Kind},
    store::{Amended, Error, posting::Posting},
};

/// Carries out `amendment` unless it was carried out, or cannot be.
pub async fn amend(
    connection: &mut SqliteConnection,
    amendment: &Amendment,
    now: Timestamp,
) -> Result<Amended, Error> {
    if let Some(done) = done(connection, amendment).await? {
        return Ok(done);
    }
    let sql = "SELECT seq FROM usage_event WHERE window_month = ? AND merchant_id = ? AND event_id = ?";
    let query = sqlx::query_scalar(sql).bind(&amendment.month_window);
    let query = query.bind(amendment.merchant_id.as_str()).bind(&amendment.event_id);
    let Some(event_seq) = query.fetch_optional(&mut *connection).await? else {
        return Ok(Amended::NotFound);
    };
    let sql = "SELECT a.op_id, u.event_id FROM amendment AS a LEFT JOIN usage_event AS u ON u.seq = a.replacement_seq
               WHERE a.event_seq = ?";
    if let Some(row) = sqlx::query(sql).bind(event_seq).fetch_optional(&mut *connection).await? {
        return Ok(Amended::Reversed { op_id: row.try_get(0)?, replacement: row.try_get(1)? });
    }
    let (charge, entries) = charge(connection, event_seq).await?;
    let reversal = Posting::reversal(event_seq, charge, amendment, &entries);
    let reversal = post::post(connection, &[reversal], now).await?;
    let replacement = match &amendment.replacement {
        Some(event) => Some(record::insert(connection, &[event], now).await?),
        None => None,
    };
    let sql = "INSERT INTO amendment (event_seq, op_id, payload_sha256, merchant_id, reason, reversal_txn, replacement_seq,
               replacement_txn, create_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let query = sqlx::query(sql).bind(event_seq).bind(&amendment.op_id);
    let query = query.bind(amendment.payload_sha256().to_vec()).bind(amendment.merchant_id.as_str());
    let query = query.bind(&amendment.reason).bind(reversal);
    let query =
        query.bind(replacement.map(|first| first.event)).bind(replacement.map(|first| first.transaction));
    query.bind(now.as_millis()).execute(&mut *connection).await?;
    let transactions = [Some(reversal), replacement.map(|first| first.transaction)];
    Ok(Amended::Transactions(transactions.into_iter().flatten().collect()))
}

/// What this correction's id was used for before.
async fn done(connection: &mut SqliteConnection, amendment: &Amendment) -> Result<Option<Amended>, Error> {
    let sql = "SELECT payload_sha256, reversal_txn, replacement_txn FROM amendment WHERE op_id = ?";
    let row = sqlx::query(sql).bind(&amendment.op_id).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let hash: &[u8] = row.try_get(0)?;
    if hash != amendment.payload_sha256() {
        return Ok(Some(Amended::Different));
    }
    let transactions: [Option<i64>; 2] = [row.try_get(1)?, row.try_get(2)?];
    Ok(Some(Amended::Transactions(transactions.into_iter().flatten().collect())))
}

/// The usage transaction of an event with its entries.
async fn charge(connection: &mut SqliteConnection, event_seq: i64) -> Result<(i64, Vec<Entry>), Error> {
    let sql = "SELECT txn_id FROM ledger_txn WHERE event_seq = ? AND kind = ?";
    let query = sqlx::query_scalar(sql).bind(event_seq).bind(Kind::Usage.word());
    let missing = Error::Value { table: "ledger_txn", column: "event_seq" };
    let transaction: i64 = query.fetch_optional(&mut *connection).await?.ok_or(missing)?;
    let sql = "SELECT account, amount_pico FROM ledger_entry WHERE txn_id = ? ORDER BY seq";
    let mut entries = Vec::new();
    for row in sqlx::query(sql).bind(transaction).fetch_all(&mut *connection).await? {
        entries.push(Entry { account: row.try_get(0)?, amount_pico: row.try_get(1)? });
    }
    Ok((transaction, entries))
}
