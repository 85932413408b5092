//! Sums of a window in Postgres, where a sum of 64-bit integers has no bound.

use sqlx::PgConnection;

use crate::{
    store::{Error, rows},
    summary::{Sums, WindowId},
};

macro_rules! sums {
    ($first:literal $(, $column:literal)*) => {
        concat!(sums!(@ $first) $(, ", ", sums!(@ $column))*)
    };
    (@ $column:literal) => {
        concat!("sum(", $column, ")::text AS ", $column)
    };
}

pub(super) use sums;

const BY_MODEL: &str = concat!(
    "SELECT model_served, count(*) AS events, max(seq) AS max_seq, ",
    sums!(
        "input_fresh",
        "input_cache_read",
        "input_cache_write",
        "input_tool",
        "output_text",
        "output_reasoning",
        "sell_pico",
        "cost_pico"
    ),
    " FROM usage_event AS u WHERE window_month = $1 AND merchant_id = $2 AND window_day BETWEEN $3 AND $4
      AND NOT EXISTS (SELECT FROM amendment AS a WHERE a.event_seq = u.seq) GROUP BY model_served ORDER BY model_served",
);

/// Sums of a window by model.
pub async fn by_model(
    connection: &mut PgConnection,
    merchant: &str,
    window: &WindowId,
) -> Result<Vec<(String, Sums)>, Error> {
    // Every day id lies between these two.
    let (first, last) = window.day.as_deref().map_or(("d", "e"), |day| (day, day));
    let query = sqlx::query(BY_MODEL).bind(&window.month).bind(merchant).bind(first).bind(last);
    query.fetch_all(connection).await?.iter().map(rows::sums).collect()
}

/// Month window of the merchant's newest event.
pub async fn newest_month(connection: &mut PgConnection, merchant: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT window_month FROM usage_event WHERE merchant_id = $1 ORDER BY seq DESC LIMIT 1";
    Ok(sqlx::query_scalar(sql).bind(merchant).fetch_optional(connection).await?)
}
