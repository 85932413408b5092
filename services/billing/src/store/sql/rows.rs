//! Rows of the ledger as domain values.

use kaleem_domain::{MerchantId, ServiceTier, Timestamp, TokenUsage, UsageSource, price::PriceVersion};

use super::session::Columns;
use crate::{
    event::{Status, UsageEvent, parse_source, parse_tier},
    ledger::Entry,
    period::Period,
    prices::rates::complete,
    rating::{Line, parse_book, parse_component},
    reconciliation::{Billed, Call, Figures},
    statement::{self, Cut},
    store::{BookedEntry, ChainHead, Error, StoredEvent},
};

/// Columns of an event in `ledger AS u`; other transactions have none of them.
macro_rules! event_columns {
    () => {
        "u.*, EXISTS (SELECT 1 FROM amendment AS a WHERE a.event_txn = u.txn_id) AS reversed"
    };
}
pub(super) use event_columns;

/// A wrong value in `column` of `table`.
pub fn wrong(table: &'static str, column: &'static str) -> Error {
    Error::Value { table, column }
}

/// Reads a row of [`event_columns`].
pub fn stored_event(row: &dyn Columns) -> Result<StoredEvent, Error> {
    let wrong = |column| wrong("ledger", column);
    let source = row.text("usage_source")?;
    let source = parse_source(&source).ok_or_else(|| wrong("usage_source"))?;
    let merchant_id = row.text("merchant_id")?;
    let event = UsageEvent {
        merchant_id: MerchantId::parse(&merchant_id).map_err(|_| wrong("merchant_id"))?,
        event_id: row.text("event_id")?,
        request_id: row.text("request_id")?,
        attempt: i32::try_from(row.number("attempt")?).map_err(|_| wrong("attempt"))?,
        epoch: row.number("epoch")?,
        admit_time: Timestamp::from_millis(row.number("admit_time_ms")?),
        day_window: row.text("window_day")?,
        month_window: row.text("window_month")?,
        price_version: row.text("price_version")?,
        target: row.text("target")?,
        upstream: row.text("upstream")?,
        model_requested: row.text("model_requested")?,
        model_served: row.text("model_served")?,
        provider_request_id: row.text("provider_request_id")?,
        gateway_id: row.text("gateway_id")?,
        key_id: row.text("key_id")?,
        decision_id: row.text("decision_id")?,
        usage: TokenUsage { source, ..counts(row)? },
        status: status(row)?,
    };
    Ok(StoredEvent {
        sequence: row.number("txn_id")?,
        event,
        payload_sha256: row.bytes("payload_sha256")?,
        sell_pico: row.number("sell_pico")?,
        cost_pico: row.number("cost_pico")?,
        record_time: Timestamp::from_millis(row.number("create_time_ms")?),
        reversed: row.flag("reversed")?,
    })
}

/// How the call of a charge ended.
pub fn status(row: &dyn Columns) -> Result<Status, Error> {
    Status::parse(&row.text("status")?).ok_or_else(|| wrong("ledger", "status"))
}

/// The token counts of a charge.
fn counts(row: &dyn Columns) -> Result<TokenUsage, Error> {
    let rare = |name| Ok::<_, Error>(row.optional_number(name)?.unwrap_or(0));
    Ok(TokenUsage {
        input_fresh: row.number("input_fresh")?,
        input_cache_read: row.number("input_cache_read")?,
        input_cache_write: row.number("input_cache_write")?,
        input_tool: row.number("input_tool")?,
        output_text: row.number("output_text")?,
        output_reasoning: row.number("output_reasoning")?,
        input_image: rare("input_image")?,
        input_audio: rare("input_audio")?,
        input_cache_write_1h: rare("input_cache_write_1h")?,
        service_tier: service_tier(row, "ledger")?,
        unexplained: rare("unexplained")?,
        source: UsageSource::default(),
    })
}

/// The tier of a charge or of a line of a statement.
pub fn service_tier(row: &dyn Columns, table: &'static str) -> Result<ServiceTier, Error> {
    let Some(word) = row.optional_text("service_tier")? else { return Ok(ServiceTier::Standard) };
    parse_tier(&word).ok_or_else(|| wrong(table, "service_tier"))
}

/// Reads a charge as reconciliation sees it.
pub fn call(row: &dyn Columns) -> Result<Call, Error> {
    let usage = counts(row)?;
    Ok(Call {
        merchant: row.text("merchant_id")?,
        event_id: row.text("event_id")?,
        target: row.text("target")?,
        model: row.text("model_served")?,
        provider_request_id: row.text("provider_request_id")?,
        admit_time: Timestamp::from_millis(row.number("admit_time_ms")?),
        figures: Figures {
            // No count is beyond 2^53, so that neither sum saturates.
            input_tokens: usage.input().into(),
            output_tokens: usage.output().into(),
            cost_pico: row.number("cost_pico")?.into(),
        },
    })
}

/// Reads a row of `provider_bill_row` with its bill's target.
pub fn billed(row: &dyn Columns) -> Result<Billed, Error> {
    let day = row.text("day")?;
    Ok(Billed {
        target: row.text("target")?,
        day: day.parse().map_err(|_| wrong("provider_bill_row", "day"))?,
        model: row.text("model")?,
        provider_request_id: row.text("provider_request_id")?,
        figures: Figures {
            input_tokens: row.number("input_tokens")?.into(),
            output_tokens: row.number("output_tokens")?.into(),
            cost_pico: row.number("cost_pico")?.into(),
        },
    })
}

/// Reads a row of `rated_line` with its event's sequence.
pub fn line(row: &dyn Columns) -> Result<(i64, Line), Error> {
    let wrong = |column| wrong("rated_line", column);
    let (side, component) = (row.text("side")?, row.text("component")?);
    let line = Line {
        book: parse_book(&side).ok_or_else(|| wrong("side"))?,
        component: parse_component(&component).ok_or_else(|| wrong("component"))?,
        units: row.number("units")?,
        amount_pico: row.number("amount_pico")?,
    };
    Ok((row.number("event_seq")?, line))
}

/// Reads a row of `ledger_entry`.
pub fn entry(row: &dyn Columns) -> Result<BookedEntry, Error> {
    let entry = Entry { account: row.text("account")?, amount_pico: row.number("amount_pico")? };
    Ok(BookedEntry { transaction: row.number("txn_id")?, sequence: row.number("seq")?, entry })
}

/// Reads a row of `chain_head`.
pub fn chain_head(row: &dyn Columns) -> Result<ChainHead, Error> {
    Ok(ChainHead {
        merchant: row.text("merchant_id")?,
        transaction: row.number("txn_id")?,
        chain_sha256: row.bytes("chain_sha256")?,
    })
}

/// Reads a row of `price_version`.
pub fn price_version(row: &dyn Columns) -> Result<PriceVersion, Error> {
    let rates = row.text("rates")?;
    let mut rates = serde_json::from_str(&rates).map_err(|_| wrong("price_version", "rates"))?;
    // A version from before there was a component prices it as one does that leaves it out.
    complete(&mut rates);
    Ok(PriceVersion {
        price_version: row.text("price_version")?,
        target: row.text("target")?,
        model: row.text("model")?,
        effective_time: Timestamp::from_millis(row.number("effective_time_ms")?),
        source: row.text("source")?,
        verified: row.flag("verified")?,
        rates,
    })
}

/// Reads where a row of `statement` ends.
pub fn cut(row: &dyn Columns) -> Result<Cut, Error> {
    let period = row.text("period")?;
    Ok(Cut {
        period: Period::parse(&period).ok_or_else(|| wrong("statement", "period"))?,
        max_sequence: row.number("max_seq")?,
        max_transaction: row.number("max_txn")?,
        carry_pico: row.number("carry_pico")?,
    })
}

/// Reads a row of `statement_line`.
pub fn statement_line(row: &dyn Columns) -> Result<statement::Line, Error> {
    let wrong = |column| wrong("statement_line", column);
    let (period, component) = (row.text("usage_period")?, row.text("component")?);
    Ok(statement::Line {
        period: Period::parse(&period).ok_or_else(|| wrong("usage_period"))?,
        model: row.text("model")?,
        component: parse_component(&component).ok_or_else(|| wrong("component"))?,
        service_tier: service_tier(row, "statement_line")?,
        price_version: row.text("price_version")?,
        units: row.number("units")?,
        amount_pico: row.number("amount_pico")?,
        amount_minor: row.number("amount_minor")?,
    })
}
