//! Sums of a window in SQLite.
//!
//! SQLite's `sum` fails beyond 64 bits, so it adds high and low halves apart and they are joined in 128 bits when they are read. A half cannot
//! overflow below two billion rows.

use sqlx::SqliteConnection;

use super::rows;
use crate::{
    store::Error,
    summary::{Sums, WindowId},
};

macro_rules! halves {
    ($first:literal $(, $column:literal)*) => {
        concat!(halves!(@ $first) $(, ", ", halves!(@ $column))*)
    };
    (@ $column:literal) => {
        concat!("sum(", $column, " >> 32) AS ", $column, "_high, sum(", $column, " & 4294967295) AS ", $column, "_low")
    };
}

pub(super) use halves;

const BY_MODEL: &str = concat!(
    "SELECT model_served, count(*) AS events, max(seq) AS max_seq, ",
    halves!(
        "input_fresh",
        "input_cache_read",
        "input_cache_write",
        "input_tool",
        "output_text",
        "output_reasoning",
        "sell_pico",
        "cost_pico"
    ),
    " FROM usage_event WHERE window_month = ? AND merchant_id = ? AND window_day BETWEEN ? AND ?
      AND seq NOT IN (SELECT event_seq FROM amendment) GROUP BY model_served ORDER BY model_served",
);

/// Sums of a window by model.
pub async fn by_model(
    connection: &mut SqliteConnection,
    merchant: &str,
    window: &WindowId,
) -> Result<Vec<(String, Sums)>, Error> {
    // Every day id lies between these two.
    let (first, last) = window.day.as_deref().map_or(("d", "e"), |day| (day, day));
    let query = sqlx::query(BY_MODEL).bind(&window.month).bind(merchant).bind(first).bind(last);
    query.fetch_all(connection).await?.iter().map(rows::sums).collect()
}

/// Month window of the merchant's newest event.
pub async fn newest_month(
    connection: &mut SqliteConnection,
    merchant: &str,
) -> Result<Option<String>, Error> {
    let sql = "SELECT window_month FROM usage_event WHERE merchant_id = ? ORDER BY seq DESC LIMIT 1";
    Ok(sqlx::query_scalar(sql).bind(merchant).fetch_optional(connection).await?)
}
