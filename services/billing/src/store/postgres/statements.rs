//! Statements in Postgres.

use kaleem_domain::{MerchantId, Timestamp};
use sqlx::{PgConnection, Row as _};

use super::{
    bulk::{Rows, StatementLines, add_all},
    post,
    sums::sums,
};
use crate::{
    period::Period,
    rating::component_word,
    statement::{CURRENCY, Closed, Cut, Draft, Statement, Used},
    store::{Error, posting::Posting, rows},
};

/// Reads a statement.
pub async fn get(
    connection: &mut PgConnection,
    merchant: &MerchantId,
    period: &Period,
) -> Result<Option<Statement>, Error> {
    let sql = "SELECT * FROM statement WHERE merchant_id = $1 AND period = $2";
    let query = sqlx::query(sql).bind(merchant.as_str()).bind(period.as_str());
    let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let sql = "SELECT * FROM statement_line WHERE merchant_id = $1 AND period = $2 ORDER BY position";
    let query = sqlx::query(sql).bind(merchant.as_str()).bind(period.as_str());
    let found = query.fetch_all(&mut *connection).await?;
    let lines = found.iter().map(rows::statement_line).collect::<Result<_, _>>()?;
    let total_minor = row.try_get("total_minor")?;
    Ok(Some(Statement { merchant_id: merchant.clone(), cut: rows::cut(&row)?, total_minor, lines }))
}

/// The merchant's newest statement before `period`, or of all.
pub async fn newest(
    connection: &mut PgConnection,
    merchant: &MerchantId,
    before: Option<&Period>,
) -> Result<Option<Cut>, Error> {
    // A colon sorts after every digit.
    let before = before.map_or(":", Period::as_str);
    let sql = "SELECT * FROM statement WHERE merchant_id = $1 AND period < $2 ORDER BY period DESC LIMIT 1";
    let query = sqlx::query(sql).bind(merchant.as_str()).bind(before);
    query.fetch_optional(connection).await?.as_ref().map(rows::cut).transpose()
}

/// What a statement of `period` would count now. The connection must be in a transaction that sees one instant.
pub async fn draft(
    connection: &mut PgConnection,
    merchant: &MerchantId,
    period: &Period,
) -> Result<Draft, Error> {
    let previous = newest(connection, merchant, None).await?;
    let sql = "SELECT coalesce((SELECT max(seq) FROM usage_event WHERE merchant_id = $1), 0),
               coalesce((SELECT max(txn_id) FROM ledger_txn), 0)";
    let row = sqlx::query(sql).bind(merchant.as_str()).fetch_one(&mut *connection).await?;
    let (max_sequence, max_transaction) = (row.try_get(0)?, row.try_get(1)?);
    let after = previous.as_ref().map_or_else(String::new, |previous| previous.period.window());
    let sql = "SELECT min(window_month) FROM usage_event WHERE merchant_id = $1 AND window_month > $2 AND window_month < $3";
    let query = sqlx::query_scalar(sql).bind(merchant.as_str()).bind(after).bind(period.window());
    let skipped: Option<String> = query.fetch_one(&mut *connection).await?;
    let month = Error::Value { table: "usage_event", column: "window_month" };
    let skipped = skipped.map(|window| Period::of_window(&window).ok_or(month)).transpose()?;
    let used = used(connection, merchant, period, (max_sequence, max_transaction), previous.as_ref()).await?;
    Ok(Draft { previous, skipped, max_sequence, max_transaction, used })
}

/// Events of the month, events of closed months that came after the statement before, and reversals of either.
const USED: &str = concat!(
    "WITH counted (seq, sign) AS (
         SELECT u.seq, 1 FROM usage_event AS u WHERE u.window_month = $1 AND u.merchant_id = $2 AND u.seq <= $3
         UNION ALL
         SELECT u.seq, 1 FROM usage_event AS u
         WHERE u.merchant_id = $2 AND u.seq > $5 AND u.seq <= $3 AND u.window_month <= $6
         UNION ALL
         SELECT u.seq, -1 FROM amendment AS a JOIN usage_event AS u ON u.seq = a.event_seq
         WHERE a.merchant_id = $2 AND a.reversal_txn <= $4
           AND (u.window_month = $1 OR (u.window_month <= $6 AND a.reversal_txn > $7))
     ), line AS (
         SELECT u.window_month, u.model_served, u.price_version, l.component, c.sign * l.units AS units,
                c.sign * l.amount_pico AS amount_pico
         FROM counted AS c JOIN usage_event AS u ON u.seq = c.seq
         JOIN rated_line AS l ON l.event_seq = c.seq AND l.side = 'sell'
     )
     SELECT window_month, model_served, price_version, component, ",
    sums!("units", "amount_pico"),
    " FROM line GROUP BY window_month, model_served, price_version, component
     ORDER BY window_month, model_served, price_version, component",
);

/// What the statement of `period` that ends at `max`, an event and a transaction, counts after `previous`.
pub async fn used(
    connection: &mut PgConnection,
    merchant: &MerchantId,
    period: &Period,
    max: (i64, i64),
    previous: Option<&Cut>,
) -> Result<Vec<Used>, Error> {
    let query = sqlx::query(USED).bind(period.window()).bind(merchant.as_str()).bind(max.0).bind(max.1);
    let query = match previous {
        Some(cut) => query.bind(cut.max_sequence).bind(cut.period.window()).bind(cut.max_transaction),
        // No month sorts before the empty one, so nothing is late.
        None => query.bind(0_i64).bind(String::new()).bind(0_i64),
    };
    query.fetch_all(connection).await?.iter().map(rows::used).collect()
}

/// Writes a statement that was drawn up after `previous`, unless another came between.
pub async fn close(
    connection: &mut PgConnection,
    statement: &Statement,
    previous: Option<&Cut>,
    now: Timestamp,
) -> Result<Closed, Error> {
    let Statement { merchant_id, cut, .. } = statement;
    if newest(connection, merchant_id, None).await?.as_ref() != previous {
        return Ok(Closed::Overtaken);
    }
    let posting = Posting::statement(statement, previous);
    let transaction = post::post(connection, &[posting], now).await?;
    let sql = "INSERT INTO statement (merchant_id, period, max_seq, max_txn, currency, total_minor, carry_pico, txn_id,
               create_time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let query = sqlx::query(sql).bind(merchant_id.as_str()).bind(cut.period.as_str());
    let query = query.bind(cut.max_sequence).bind(cut.max_transaction).bind(CURRENCY);
    let query = query.bind(statement.total_minor).bind(cut.carry_pico).bind(transaction);
    query.bind(now.as_millis()).execute(&mut *connection).await?;
    let lines = (0_i64..).zip(&statement.lines);
    Rows::<StatementLines>::of(lines, |row, (position, line)| {
        add_all!(
            row,
            merchant_id.as_str(),
            cut.period.as_str(),
            position,
            line.period.as_str(),
            line.model.as_str(),
            component_word(line.component),
            line.price_version.as_str(),
            line.units,
            line.amount_pico,
            line.amount_minor,
        );
    })
    .insert(connection)
    .await?;
    Ok(Closed::Written)
}
