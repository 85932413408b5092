//! Sums of a window.
//!
//! A sum goes beyond 64 bits, where SQLite fails and the driver of Postgres has no integer. So the high and the low halves of the numbers are
//! added apart and joined in 128 bits when they are read. A half cannot overflow below two billion rows.

use super::session::{Columns, Session};
use crate::{
    store::Error,
    summary::{Served, Sums, WindowId},
};

/// The sums of expressions, each named.
macro_rules! sums {
    ($first:literal as $first_name:literal $(, $expression:literal as $name:literal)*) => {
        concat!(sums!(@ $first, $first_name) $(, ", ", sums!(@ $expression, $name))*)
    };
    (@ $expression:literal, $name:literal) => {
        concat!(
            "CAST(sum((", $expression, ") >> 32) AS BIGINT) AS ", $name, "_high, ",
            "CAST(sum((", $expression, ") & 4294967295) AS BIGINT) AS ", $name, "_low"
        )
    };
}
pub(super) use sums;

/// Reads one of [`sums`]; `None` is the sum of nothing but NULL.
pub fn optional_sum(row: &dyn Columns, name: &str) -> Result<Option<i128>, Error> {
    let half = |half| row.optional_number(&format!("{name}_{half}"));
    let halves = half("high")?.zip(half("low")?);
    Ok(halves.map(|(high, low)| (i128::from(high) << 32) + i128::from(low)))
}

fn sum(row: &dyn Columns, name: &str) -> Result<i128, Error> {
    Ok(optional_sum(row, name)?.unwrap_or(0))
}

/// The columns of [`model_sums`].
macro_rules! sums_by_model {
    () => {
        concat!(
            "SELECT model_served, count(*) AS events, max(txn_id) AS max_seq, ",
            sums!(
                "input_fresh" as "input_fresh",
                "input_cache_read" as "input_cache_read",
                "input_cache_write" as "input_cache_write",
                "input_tool" as "input_tool",
                "output_text" as "output_text",
                "output_reasoning" as "output_reasoning",
                "input_image" as "input_image",
                "input_audio" as "input_audio",
                "input_cache_write_1h" as "input_cache_write_1h",
                "sell_pico" as "sell_pico",
                "cost_pico" as "cost_pico"
            )
        )
    };
}

const BY_MODEL: &str = concat!(
    sums_by_model!(),
    " FROM ledger AS u WHERE window_month = $1 AND merchant_id = $2 AND window_day BETWEEN $3 AND $4
      AND NOT EXISTS (SELECT 1 FROM amendment AS a WHERE a.event_txn = u.txn_id) GROUP BY model_served ORDER BY model_served",
);

/// What is counted of an upstream project or target.
const OF_UPSTREAM: &str = concat!(
    sums_by_model!(),
    " FROM ledger AS u WHERE window_month BETWEEN $1 AND $2 AND (upstream = $3 OR target = $3)
      AND admit_time_ms >= $4 AND admit_time_ms < $5 AND txn_id <= $6
      AND NOT EXISTS (SELECT 1 FROM amendment AS a WHERE a.event_txn = u.txn_id AND a.reversal_txn <= $6)
      GROUP BY model_served ORDER BY model_served",
);

/// Sums of what an upstream served, by model.
pub async fn of_upstream(session: &mut dyn Session, served: &Served) -> Result<Vec<(String, Sums)>, Error> {
    let Served { upstream, months: (first, last), from, to, max_transaction } = served;
    let values = [
        first.into(),
        last.into(),
        upstream.into(),
        from.as_millis().into(),
        to.as_millis().into(),
        (*max_transaction).into(),
    ];
    session.all(OF_UPSTREAM, &values, model_sums).await
}

/// Sums of a window by model.
pub async fn by_model(
    session: &mut dyn Session,
    merchant: &str,
    window: &WindowId,
) -> Result<Vec<(String, Sums)>, Error> {
    // Every day id lies between these two.
    let (first, last) = window.day.as_deref().map_or(("d", "e"), |day| (day, day));
    let values = [(&window.month).into(), merchant.into(), first.into(), last.into()];
    session.all(BY_MODEL, &values, model_sums).await
}

fn model_sums(row: &dyn Columns) -> Result<(String, Sums), Error> {
    let sums = Sums {
        events: row.number("events")?.into(),
        counts: [
            sum(row, "input_fresh")?,
            sum(row, "input_cache_read")?,
            sum(row, "input_cache_write")?,
            sum(row, "input_tool")?,
            sum(row, "output_text")?,
            sum(row, "output_reasoning")?,
            sum(row, "input_image")?,
            sum(row, "input_audio")?,
            sum(row, "input_cache_write_1h")?,
        ],
        sell_pico: sum(row, "sell_pico")?,
        cost_pico: sum(row, "cost_pico")?,
        max_sequence: row.number("max_seq")?,
    };
    Ok((row.text("model_served")?, sums))
}

/// Month window of the merchant's newest event.
pub async fn newest_month(session: &mut dyn Session, merchant: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT window_month FROM ledger WHERE merchant_id = $1 AND kind = 'usage' ORDER BY txn_id DESC LIMIT 1";
    session.optional(sql, &[merchant.into()], |row| Ok(row.text("window_month")?)).await
}
