//! Rows of the ledger as domain values; both back ends name their columns alike.

use kaleem_domain::{MerchantId, Timestamp, TokenUsage, price::PriceVersion};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    event::{Status, UsageEvent, parse_source},
    ledger::Entry,
    period::Period,
    rating::{Line, parse_book, parse_component},
    reconciliation::{Billed, Call, Figures},
    statement::{self, Cut, Used},
    store::{BookedEntry, BookedPayload, BookedTransaction, ChainHead, Error, StoredEvent},
    summary::Sums,
};

/// A type that a column of either back end can hold.
pub trait Value:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Value for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

/// A row of either back end.
pub trait Fields {
    /// The value of `column`.
    fn field<T: Value>(&self, column: &str) -> Result<T, sqlx::Error>;

    /// The sum of `column` over many rows, beyond 64 bits.
    fn sum(&self, column: &str) -> Result<i128, Error>;
}

impl Fields for SqliteRow {
    fn field<T: Value>(&self, column: &str) -> Result<T, sqlx::Error> {
        self.try_get(column)
    }

    /// Joins the halves of [`super::sqlite::halves`].
    fn sum(&self, column: &str) -> Result<i128, Error> {
        let high: i64 = self.try_get(format!("{column}_high").as_str())?;
        let low: i64 = self.try_get(format!("{column}_low").as_str())?;
        Ok((i128::from(high) << 32) + i128::from(low))
    }
}

impl Fields for PgRow {
    fn field<T: Value>(&self, column: &str) -> Result<T, sqlx::Error> {
        self.try_get(column)
    }

    /// Reads a `sum(…)::text`: the sum of `BIGINT`s is a `NUMERIC`, for which there is no integer on this side.
    fn sum(&self, column: &str) -> Result<i128, Error> {
        let digits: &str = self.try_get(column)?;
        digits.parse().map_err(|error| Error::Statement(sqlx::Error::Decode(Box::new(error))))
    }
}

/// Columns of `usage_event` with whether the event was reversed.
macro_rules! event_columns {
    () => {
        "usage_event.*, seq IN (SELECT event_seq FROM amendment) AS reversed"
    };
}
pub(super) use event_columns;

/// A wrong value in `column` of `table`.
pub fn wrong(table: &'static str, column: &'static str) -> Error {
    Error::Value { table, column }
}

/// Reads a row of [`event_columns`].
pub fn stored_event(row: &impl Fields) -> Result<StoredEvent, Error> {
    let wrong = |column| wrong("usage_event", column);
    let source: String = row.field("usage_source")?;
    let source = parse_source(&source).ok_or_else(|| wrong("usage_source"))?;
    let merchant_id: String = row.field("merchant_id")?;
    let status: String = row.field("status")?;
    let event = UsageEvent {
        merchant_id: MerchantId::parse(&merchant_id).map_err(|_| wrong("merchant_id"))?,
        event_id: row.field("event_id")?,
        request_id: row.field("request_id")?,
        attempt: row.field("attempt")?,
        epoch: row.field("epoch")?,
        admit_time: Timestamp::from_millis(row.field("admit_time_ms")?),
        day_window: row.field("window_day")?,
        month_window: row.field("window_month")?,
        price_version: row.field("price_version")?,
        target: row.field("target")?,
        upstream: row.field("upstream")?,
        model_requested: row.field("model_requested")?,
        model_served: row.field("model_served")?,
        provider_request_id: row.field("provider_request_id")?,
        gateway_id: row.field("gateway_id")?,
        key_id: row.field("key_id")?,
        decision_id: row.field("decision_id")?,
        usage: TokenUsage { source, ..counts(row)? },
        status: Status::parse(&status).ok_or_else(|| wrong("status"))?,
    };
    Ok(StoredEvent {
        sequence: row.field("seq")?,
        event,
        payload_sha256: row.field("payload_sha256")?,
        sell_pico: row.field("sell_pico")?,
        cost_pico: row.field("cost_pico")?,
        record_time: Timestamp::from_millis(row.field("record_time_ms")?),
        reversed: row.field("reversed")?,
    })
}

/// The token counts of a row of `usage_event`.
fn counts(row: &impl Fields) -> Result<TokenUsage, Error> {
    Ok(TokenUsage {
        input_fresh: row.field("input_fresh")?,
        input_cache_read: row.field("input_cache_read")?,
        input_cache_write: row.field("input_cache_write")?,
        input_tool: row.field("input_tool")?,
        output_text: row.field("output_text")?,
        output_reasoning: row.field("output_reasoning")?,
        ..TokenUsage::default()
    })
}

/// Reads a row of `usage_event` as reconciliation sees it.
pub fn call(row: &impl Fields) -> Result<Call, Error> {
    let usage = counts(row)?;
    let input = [usage.input_fresh, usage.input_cache_read, usage.input_cache_write, usage.input_tool];
    Ok(Call {
        merchant: row.field("merchant_id")?,
        event_id: row.field("event_id")?,
        target: row.field("target")?,
        model: row.field("model_served")?,
        provider_request_id: row.field("provider_request_id")?,
        admit_time: Timestamp::from_millis(row.field("admit_time_ms")?),
        figures: Figures {
            input_tokens: input.into_iter().map(i128::from).sum(),
            output_tokens: i128::from(usage.output_text) + i128::from(usage.output_reasoning),
            cost_pico: row.field::<i64>("cost_pico")?.into(),
        },
    })
}

/// Reads a row of `provider_bill_row` with its bill's target.
pub fn billed(row: &impl Fields) -> Result<Billed, Error> {
    let day: String = row.field("day")?;
    Ok(Billed {
        target: row.field("target")?,
        day: day.parse().map_err(|_| wrong("provider_bill_row", "day"))?,
        model: row.field("model")?,
        provider_request_id: row.field("provider_request_id")?,
        figures: Figures {
            input_tokens: row.field::<i64>("input_tokens")?.into(),
            output_tokens: row.field::<i64>("output_tokens")?.into(),
            cost_pico: row.field::<i64>("cost_pico")?.into(),
        },
    })
}

/// Reads a row of `rated_line` with its event's sequence.
pub fn line(row: &impl Fields) -> Result<(i64, Line), Error> {
    let wrong = |column| wrong("rated_line", column);
    let (side, component): (String, String) = (row.field("side")?, row.field("component")?);
    let line = Line {
        book: parse_book(&side).ok_or_else(|| wrong("side"))?,
        component: parse_component(&component).ok_or_else(|| wrong("component"))?,
        units: row.field("units")?,
        amount_pico: row.field("amount_pico")?,
    };
    Ok((row.field("event_seq")?, line))
}

/// Reads a row of `ledger_txn` with its event's, without entries.
pub fn transaction(row: &impl Fields) -> Result<BookedTransaction, Error> {
    let payload: Option<Vec<u8>> = row.field("payload_sha256")?;
    let event = |payload_sha256| -> Result<BookedPayload, Error> {
        Ok(BookedPayload {
            payload_sha256,
            epoch: row.field("epoch")?,
            gateway_id: row.field("gateway_id")?,
            sell_pico: row.field("sell_pico")?,
            cost_pico: row.field("cost_pico")?,
            record_time: Timestamp::from_millis(row.field("record_time_ms")?),
        })
    };
    Ok(BookedTransaction {
        transaction: row.field("txn_id")?,
        kind: row.field("kind")?,
        merchant: row.field("merchant_id")?,
        chain_sha256: row.field("chain_sha256")?,
        event_seq: row.field("event_seq")?,
        ref_id: row.field("ref_id")?,
        corrects: row.field("corrects_txn")?,
        create_time: Timestamp::from_millis(row.field("create_time_ms")?),
        event: payload.map(event).transpose()?,
        entries: Vec::new(),
    })
}

/// Reads a row of `ledger_entry`.
pub fn entry(row: &impl Fields) -> Result<BookedEntry, Error> {
    let entry = Entry { account: row.field("account")?, amount_pico: row.field("amount_pico")? };
    Ok(BookedEntry { transaction: row.field("txn_id")?, sequence: row.field("seq")?, entry })
}

/// Reads a row of `chain_head`.
pub fn chain_head(row: &impl Fields) -> Result<ChainHead, Error> {
    Ok(ChainHead {
        merchant: row.field("merchant_id")?,
        transaction: row.field("txn_id")?,
        chain_sha256: row.field("chain_sha256")?,
    })
}

/// Reads a row of `price_version`.
pub fn price_version(row: &impl Fields) -> Result<PriceVersion, Error> {
    let rates: String = row.field("rates")?;
    Ok(PriceVersion {
        price_version: row.field("price_version")?,
        target: row.field("target")?,
        model: row.field("model")?,
        effective_time: Timestamp::from_millis(row.field("effective_time_ms")?),
        source: row.field("source")?,
        verified: row.field("verified")?,
        rates: serde_json::from_str(&rates).map_err(|_| wrong("price_version", "rates"))?,
    })
}

/// Reads where a row of `statement` ends.
pub fn cut(row: &impl Fields) -> Result<Cut, Error> {
    let period: String = row.field("period")?;
    Ok(Cut {
        period: Period::parse(&period).ok_or_else(|| wrong("statement", "period"))?,
        max_sequence: row.field("max_seq")?,
        max_transaction: row.field("max_txn")?,
        carry_pico: row.field("carry_pico")?,
    })
}

/// Reads a row of `statement_line`.
pub fn statement_line(row: &impl Fields) -> Result<statement::Line, Error> {
    let wrong = |column| wrong("statement_line", column);
    let (period, component): (String, String) = (row.field("usage_period")?, row.field("component")?);
    Ok(statement::Line {
        period: Period::parse(&period).ok_or_else(|| wrong("usage_period"))?,
        model: row.field("model")?,
        component: parse_component(&component).ok_or_else(|| wrong("component"))?,
        price_version: row.field("price_version")?,
        units: row.field("units")?,
        amount_pico: row.field("amount_pico")?,
        amount_minor: row.field("amount_minor")?,
    })
}

/// Reads a sum that a statement counts.
pub fn used(row: &impl Fields) -> Result<Used, Error> {
    let (month, component): (String, String) = (row.field("window_month")?, row.field("component")?);
    Ok(Used {
        period: Period::of_window(&month).ok_or_else(|| wrong("usage_event", "window_month"))?,
        model: row.field("model_served")?,
        component: parse_component(&component).ok_or_else(|| wrong("rated_line", "component"))?,
        price_version: row.field("price_version")?,
        units: row.sum("units")?,
        amount_pico: row.sum("amount_pico")?,
    })
}

/// Reads the sums of a window for one model.
pub fn sums(row: &impl Fields) -> Result<(String, Sums), Error> {
    let sums = Sums {
        events: row.field::<i64>("events")?.into(),
        counts: [
            row.sum("input_fresh")?,
            row.sum("input_cache_read")?,
            row.sum("input_cache_write")?,
            row.sum("input_tool")?,
            row.sum("output_text")?,
            row.sum("output_reasoning")?,
        ],
        sell_pico: row.sum("sell_pico")?,
        cost_pico: row.sum("cost_pico")?,
        max_sequence: row.field("max_seq")?,
    };
    Ok((row.field("model_served")?, sums))
}
