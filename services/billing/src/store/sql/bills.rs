//! Bills of providers.

use jiff::civil::Date;
use kaleem_domain::Timestamp;

use super::{
    rows,
    session::{Session, Table, Value},
};
use crate::{
    bill::{Bill, MONTH_ROWS_MAX},
    reconciliation::{Billed, Call, Scope},
    store::{Error, Imported},
};

/// Takes a bill in unless its file was, or a month of its target would hold too many rows.
pub async fn import(session: &mut dyn Session, bill: &Bill, now: Timestamp) -> Result<Imported, Error> {
    let sql = "SELECT target FROM provider_bill WHERE file_sha256 = $1";
    let before = session.optional(sql, &[(&bill.file_sha256).into()], |row| Ok(row.text("target")?)).await?;
    if let Some(target) = before {
        return Ok(if target == bill.target { Imported::Before } else { Imported::OtherTarget(target) });
    }
    if let Some(month) = overfull_month(session, bill).await? {
        return Ok(Imported::MonthFull(month));
    }
    let row_count = i64::try_from(bill.rows.len()).unwrap_or(i64::MAX);
    let sql = "INSERT INTO provider_bill (bill_id, file_sha256, target, row_count, create_time_ms)
               VALUES ((SELECT coalesce(max(bill_id), 0) + 1 FROM provider_bill), $1, $2, $3, $4) RETURNING bill_id AS number";
    let values =
        [(&bill.file_sha256).into(), (&bill.target).into(), row_count.into(), now.as_millis().into()];
    let id = session.number(sql, &values).await?;
    let days = bill.days();
    let of_day = |day| [Value::from(&bill.target), Value::from(day), id.into()];
    session.insert(Table::BillDays, &days.iter().flat_map(of_day).collect::<Vec<_>>()).await?;
    let dates: Vec<String> = bill.rows.iter().map(|row| row.day.to_string()).collect();
    let mut values = Vec::with_capacity(dates.len() * Table::BillRows.columns());
    for (row, day) in bill.rows.iter().zip(&dates) {
        values.extend([id.into(), row.line.into(), day.into(), Value::from(&row.model)]);
        values.extend([Value::from(&row.provider_request_id), row.input_tokens.into()]);
        values.extend([Value::from(row.output_tokens), row.cost_pico.into()]);
    }
    session.insert(Table::BillRows, &values).await?;
    Ok(Imported::Rows(row_count))
}

/// The month of the target that the bill would fill beyond the bound.
async fn overfull_month(session: &mut dyn Session, bill: &Bill) -> Result<Option<String>, Error> {
    for (month, rows) in bill.rows_by_month() {
        let sql =
            "SELECT count(*) AS number FROM provider_bill_row AS r JOIN provider_bill AS b USING (bill_id)
                   WHERE b.target = $1 AND r.day BETWEEN $2 AND $3";
        let (first, last) = (format!("{month}-01"), format!("{month}-31"));
        let held = session.number(sql, &[(&bill.target).into(), (&first).into(), (&last).into()]).await?;
        if held + rows > MONTH_ROWS_MAX {
            return Ok(Some(month));
        }
    }
    Ok(None)
}

/// Hands each row of the days to `visit`, of the bills that count.
pub async fn billed(
    session: &mut dyn Session,
    days: (Date, Date),
    visit: &mut (dyn FnMut(Billed) + Send),
) -> Result<(), Error> {
    let sql = "SELECT b.target, r.* FROM provider_bill_row AS r JOIN provider_bill AS b USING (bill_id)
               WHERE r.day BETWEEN $1 AND $2 AND r.bill_id =
               (SELECT max(d.bill_id) FROM provider_bill_day AS d WHERE d.target = b.target AND d.day = r.day)";
    let (first, last) = (days.0.to_string(), days.1.to_string());
    session
        .each(sql, &[(&first).into(), (&last).into()], &mut |row| {
            visit(rows::billed(row)?);
            Ok(())
        })
        .await
}

/// Hands each call that was admitted in the scope and not reversed to `visit`.
pub async fn calls(
    session: &mut dyn Session,
    scope: &Scope,
    visit: &mut (dyn FnMut(Call) + Send),
) -> Result<(), Error> {
    let sql = "SELECT * FROM ledger AS u WHERE window_month IN ($1, $2, $3) AND admit_time_ms >= $4 AND admit_time_ms < $5
               AND ($6 = '' OR merchant_id = $6) AND NOT EXISTS (SELECT 1 FROM amendment AS a WHERE a.event_txn = u.txn_id)";
    let [before, month, after] = &scope.windows;
    let merchant = scope.merchant.as_ref().map_or("", |merchant| merchant.as_str());
    let (from, to) = (scope.from.as_millis(), scope.to.as_millis());
    let values = [before.into(), month.into(), after.into(), from.into(), to.into(), merchant.into()];
    session
        .each(sql, &values, &mut |row| {
            visit(rows::call(row)?);
            Ok(())
        })
        .await
}
