//! Statements.

use kaleem_domain::{MerchantId, Timestamp, price::Component};

use super::{
    ledger::post,
    rows::{self, wrong},
    session::{Columns, Session, Table, Value},
    sums::{optional_sum, sums},
    terms,
};
use crate::{
    event::tier_word,
    period::Period,
    rating::component_word,
    statement::{Closed, Cut, Draft, Statement, Used},
    store::{Error, posting::Posting},
    terms::{Asked, Terms},
};

/// Reads a statement.
pub async fn get(
    session: &mut dyn Session,
    merchant: &MerchantId,
    period: &Period,
) -> Result<Option<Statement>, Error> {
    let key = [merchant.as_str().into(), period.as_str().into()];
    let Some(head) = session.optional(STATEMENT, &key, head).await? else { return Ok(None) };
    let (cut, terms, net_minor, tax_minor) = head;
    let sql = "SELECT * FROM statement_line WHERE merchant_id = $1 AND period = $2 ORDER BY position";
    let lines = session.all(sql, &key, rows::statement_line).await?;
    Ok(Some(Statement { merchant_id: merchant.clone(), cut, terms, net_minor, tax_minor, lines }))
}

/// A statement with the rates that it names.
const STATEMENT: &str =
    "SELECT s.period, s.max_seq, s.max_txn, s.carry_pico, s.net_minor, s.tax_minor, s.fx_id, s.tax_id,
       f.currency, f.rate_micro AS fx_rate_micro, t.country, t.rate_micro AS tax_rate_micro
     FROM statement AS s JOIN fx_rate AS f ON f.fx_id = s.fx_id LEFT JOIN tax_rate AS t ON t.tax_id = s.tax_id
     WHERE s.merchant_id = $1 AND s.period = $2";

fn head(row: &dyn Columns) -> Result<(Cut, Terms, i64, i64), Error> {
    Ok((rows::cut(row)?, terms::terms(row)?, row.number("net_minor")?, row.number("tax_minor")?))
}

/// The merchant's newest statement before `period`, or of all.
pub async fn newest(
    session: &mut dyn Session,
    merchant: &MerchantId,
    before: Option<&Period>,
) -> Result<Option<Cut>, Error> {
    // A colon sorts after every digit.
    let before = before.map_or(":", Period::as_str);
    let sql = "SELECT * FROM statement WHERE merchant_id = $1 AND period < $2 ORDER BY period DESC LIMIT 1";
    session.optional(sql, &[merchant.as_str().into(), before.into()], rows::cut).await
}

/// What a statement of `period` would count now. The session must see one instant.
pub async fn draft(
    session: &mut dyn Session,
    merchant: &MerchantId,
    period: &Period,
    asked: &Asked,
) -> Result<Draft, Error> {
    let id = merchant.as_str();
    let previous = newest(session, merchant, None).await?;
    let sql = "SELECT txn_id AS number FROM ledger WHERE merchant_id = $1 AND kind = 'usage' ORDER BY txn_id DESC LIMIT 1";
    let max_sequence = session.optional(sql, &[id.into()], |row| Ok(row.number("number")?)).await?;
    let max_sequence = max_sequence.unwrap_or(0);
    let max_transaction =
        session.number("SELECT coalesce(max(txn_id), 0) AS number FROM ledger", &[]).await?;
    let after = previous.as_ref().map_or_else(String::new, |previous| previous.period.window());
    let sql = "SELECT min(window_month) AS month FROM ledger
               WHERE merchant_id = $1 AND window_month > $2 AND window_month < $3";
    let window = period.window();
    let months = [id.into(), (&after).into(), (&window).into()];
    let skipped = session.optional(sql, &months, |row| Ok(row.optional_text("month")?)).await?.flatten();
    let skipped = skipped.map(|window| Period::of_window(&window).ok_or(wrong("ledger", "window_month")));
    let max = (max_sequence, max_transaction);
    let used = used(session, merchant, period, max, previous.as_ref()).await?;
    let terms = terms::find(session, merchant, period, asked).await?;
    Ok(Draft { previous, skipped: skipped.transpose()?, max_sequence, max_transaction, used, terms })
}

/// Events of the month, events of closed months that came after the statement before, and reversals of either. The plus keeps SQLite's
/// planner on the index of month and merchant; by number it would walk the merchant's whole life.
const USED: &str = concat!(
    "WITH counted AS (
         SELECT 1 AS sign, u.* FROM ledger AS u WHERE u.window_month = $1 AND u.merchant_id = $2 AND +u.txn_id <= $3
         UNION ALL
         SELECT 1 AS sign, u.* FROM ledger AS u
         WHERE u.merchant_id = $2 AND u.txn_id > $5 AND u.txn_id <= $3 AND u.window_month <= $6
         UNION ALL
         SELECT -1 AS sign, u.* FROM amendment AS a CROSS JOIN ledger AS u
         WHERE u.txn_id = a.event_txn AND a.merchant_id = $2 AND a.reversal_txn <= $4
           AND (u.window_month = $1 OR (u.window_month <= $6 AND a.reversal_txn > $7))
     )
     SELECT window_month, model_served, price_version, service_tier, ",
    sums!(
        "CASE WHEN sell_input_fresh > 0 THEN sign * input_fresh END" as "input_fresh_units",
        "CASE WHEN sell_input_cache_read > 0 THEN sign * input_cache_read END" as "input_cache_read_units",
        "CASE WHEN sell_input_cache_write > 0 THEN sign * input_cache_write END" as "input_cache_write_units",
        "CASE WHEN sell_input_tool > 0 THEN sign * input_tool END" as "input_tool_units",
        "CASE WHEN sell_output_text > 0 THEN sign * output_text END" as "output_text_units",
        "CASE WHEN sell_output_reasoning > 0 THEN sign * output_reasoning END" as "output_reasoning_units",
        "CASE WHEN sell_request > 0 THEN CAST(sign AS BIGINT) END" as "request_units",
        "CASE WHEN sell_input_image > 0 THEN sign * input_image END" as "input_image_units",
        "CASE WHEN sell_input_audio > 0 THEN sign * input_audio END" as "input_audio_units",
        "CASE WHEN sell_input_cache_write_1h > 0 THEN sign * input_cache_write_1h END" as "input_cache_write_1h_units",
        "sign * sell_input_fresh" as "input_fresh_pico",
        "sign * sell_input_cache_read" as "input_cache_read_pico",
        "sign * sell_input_cache_write" as "input_cache_write_pico",
        "sign * sell_input_tool" as "input_tool_pico",
        "sign * sell_output_text" as "output_text_pico",
        "sign * sell_output_reasoning" as "output_reasoning_pico",
        "sign * sell_request" as "request_pico",
        "sign * sell_input_image" as "input_image_pico",
        "sign * sell_input_audio" as "input_audio_pico",
        "sign * sell_input_cache_write_1h" as "input_cache_write_1h_pico"
    ),
    " FROM counted GROUP BY window_month, model_served, price_version, service_tier",
);

/// What the statement of `period` that ends at `max`, an event and a transaction, counts after `previous`.
pub async fn used(
    session: &mut dyn Session,
    merchant: &MerchantId,
    period: &Period,
    max: (i64, i64),
    previous: Option<&Cut>,
) -> Result<Vec<Used>, Error> {
    let window = period.window();
    // No month sorts before the empty one, so nothing is late without a statement before.
    let (late, late_window, late_reversals) = match previous {
        Some(cut) => (cut.max_sequence, cut.period.window(), cut.max_transaction),
        None => (0, String::new(), 0),
    };
    let values = [
        (&window).into(),
        merchant.as_str().into(),
        max.0.into(),
        max.1.into(),
        late.into(),
        (&late_window).into(),
        late_reversals.into(),
    ];
    Ok(session.all(USED, &values, components).await?.into_iter().flatten().collect())
}

/// Reads what was used of each component of a row of [`USED`].
fn components(row: &dyn Columns) -> Result<Vec<Used>, Error> {
    let period = Period::of_window(&row.text("window_month")?).ok_or(wrong("ledger", "window_month"))?;
    let (model, price_version) = (row.text("model_served")?, row.text("price_version")?);
    let service_tier = rows::service_tier(row, "ledger")?;
    let mut all = Vec::new();
    for component in Component::ALL {
        let word = component_word(component);
        let units = optional_sum(row, &format!("{word}_units"))?;
        let Some((units, amount_pico)) = units.zip(optional_sum(row, &format!("{word}_pico"))?) else {
            continue;
        };
        let (period, model, price_version) = (period.clone(), model.clone(), price_version.clone());
        all.push(Used { period, model, component, price_version, service_tier, units, amount_pico });
    }
    Ok(all)
}

/// Writes a statement that was drawn up after `previous`, unless another came between.
pub async fn close(
    session: &mut dyn Session,
    statement: &Statement,
    previous: Option<&Cut>,
    now: Timestamp,
) -> Result<Closed, Error> {
    let Statement { merchant_id, cut, .. } = statement;
    if newest(session, merchant_id, None).await?.as_ref() != previous {
        return Ok(Closed::Overtaken);
    }
    let transaction = post(session, &[Posting::statement(statement, previous)], now).await?;
    let sql = "INSERT INTO statement (merchant_id, period, max_seq, max_txn, fx_id, net_minor, tax_id, tax_minor, carry_pico, txn_id,
               create_time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let terms = &statement.terms;
    let values = [
        merchant_id.as_str().into(),
        cut.period.as_str().into(),
        cut.max_sequence.into(),
        cut.max_transaction.into(),
        (&terms.exchange.id).into(),
        statement.net_minor.into(),
        terms.tax.as_ref().map(|tax| tax.id.as_str()).into(),
        statement.tax_minor.into(),
        cut.carry_pico.into(),
        transaction.into(),
        now.as_millis().into(),
    ];
    session.execute(sql, &values).await?;
    let mut values = Vec::with_capacity(statement.lines.len() * Table::StatementLines.columns());
    for (position, line) in (0_i64..).zip(&statement.lines) {
        values.extend([Value::from(merchant_id.as_str()), cut.period.as_str().into(), position.into()]);
        values.extend([line.period.as_str().into(), Value::from(&line.model)]);
        values.extend([component_word(line.component).into(), Value::from(&line.price_version)]);
        values.extend([Value::from(line.units), line.amount_pico.into(), line.amount_minor.into()]);
        values.push(tier_word(line.service_tier).into());
    }
    session.insert(Table::StatementLines, &values).await?;
    Ok(Closed::Written)
}
