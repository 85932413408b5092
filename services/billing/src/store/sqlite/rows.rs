//! Rows of the ledger as domain values.

use kaleem_domain::{MerchantId, Timestamp, TokenUsage};
use sqlx::{Row as _, sqlite::SqliteRow};

use crate::{
    event::{Status, UsageEvent, parse_source},
    ledger::Entry,
    rating::{Line, parse_book, parse_component},
    store::{BookedEntry, BookedPayload, BookedTransaction, Error, StoredEvent},
};

/// Columns of `usage_event` with whether the event was reversed.
macro_rules! event_columns {
    () => {
        "usage_event.*, seq IN (SELECT event_seq FROM amendment) AS reversed"
    };
}
pub(super) use event_columns;

/// Reads a row of [`event_columns`].
pub fn stored_event(row: &SqliteRow) -> Result<StoredEvent, Error> {
    let wrong = |column| Error::Value { table: "usage_event", column };
    let usage = TokenUsage {
        input_fresh: row.try_get("input_fresh")?,
        input_cache_read: row.try_get("input_cache_read")?,
        input_cache_write: row.try_get("input_cache_write")?,
        input_tool: row.try_get("input_tool")?,
        output_text: row.try_get("output_text")?,
        output_reasoning: row.try_get("output_reasoning")?,
        source: parse_source(row.try_get("usage_source")?).ok_or_else(|| wrong("usage_source"))?,
    };
    let event = UsageEvent {
        merchant_id: MerchantId::parse(row.try_get("merchant_id")?).map_err(|_| wrong("merchant_id"))?,
        event_id: row.try_get("event_id")?,
        request_id: row.try_get("request_id")?,
        attempt: row.try_get("attempt")?,
        epoch: row.try_get("epoch")?,
        admit_time: Timestamp::from_millis(row.try_get("admit_time_ms")?),
        day_window: row.try_get("window_day")?,
        month_window: row.try_get("window_month")?,
        price_version: row.try_get("price_version")?,
        target: row.try_get("target")?,
        upstream: row.try_get("upstream")?,
        model_requested: row.try_get("model_requested")?,
        model_served: row.try_get("model_served")?,
        provider_request_id: row.try_get("provider_request_id")?,
        gateway_id: row.try_get("gateway_id")?,
        key_id: row.try_get("key_id")?,
        decision_id: row.try_get("decision_id")?,
        usage,
        status: Status::parse(row.try_get("status")?).ok_or_else(|| wrong("status"))?,
    };
    Ok(StoredEvent {
        sequence: row.try_get("seq")?,
        event,
        payload_sha256: row.try_get("payload_sha256")?,
        sell_pico: row.try_get("sell_pico")?,
        cost_pico: row.try_get("cost_pico")?,
        record_time: Timestamp::from_millis(row.try_get("record_time_ms")?),
        reversed: row.try_get("reversed")?,
    })
}

/// Reads a row of `rated_line` with its event's sequence.
pub fn line(row: &SqliteRow) -> Result<(i64, Line), Error> {
    let wrong = |column| Error::Value { table: "rated_line", column };
    let line = Line {
        book: parse_book(row.try_get("side")?).ok_or_else(|| wrong("side"))?,
        component: parse_component(row.try_get("component")?).ok_or_else(|| wrong("component"))?,
        units: row.try_get("units")?,
        amount_pico: row.try_get("amount_pico")?,
    };
    Ok((row.try_get("event_seq")?, line))
}

/// Reads a row of `ledger_txn` with its event's, without entries.
pub fn transaction(row: &SqliteRow) -> Result<BookedTransaction, Error> {
    let payload: Option<Vec<u8>> = row.try_get("payload_sha256")?;
    let event = |payload_sha256| -> Result<BookedPayload, Error> {
        Ok(BookedPayload {
            payload_sha256,
            epoch: row.try_get("epoch")?,
            gateway_id: row.try_get("gateway_id")?,
            sell_pico: row.try_get("sell_pico")?,
            cost_pico: row.try_get("cost_pico")?,
            record_time: Timestamp::from_millis(row.try_get("record_time_ms")?),
        })
    };
    Ok(BookedTransaction {
        transaction: row.try_get("txn_id")?,
        kind: row.try_get("kind")?,
        merchant: row.try_get("merchant_id")?,
        chain_sha256: row.try_get("chain_sha256")?,
        event_seq: row.try_get("event_seq")?,
        ref_id: row.try_get("ref_id")?,
        corrects: row.try_get("corrects_txn")?,
        create_time: Timestamp::from_millis(row.try_get("create_time_ms")?),
        event: payload.map(event).transpose()?,
        entries: Vec::new(),
    })
}

/// Reads a row of `ledger_entry`.
pub fn entry(row: &SqliteRow) -> Result<BookedEntry, Error> {
    let entry = Entry { account: row.try_get("account")?, amount_pico: row.try_get("amount_pico")? };
    Ok(BookedEntry { transaction: row.try_get("txn_id")?, sequence: row.try_get("seq")?, entry })
}
