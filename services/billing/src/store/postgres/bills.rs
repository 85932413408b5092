//! Bills of providers in Postgres.

use futures::TryStreamExt as _;
use jiff::civil::Date;
use kaleem_domain::Timestamp;
use sqlx::PgConnection;

use super::bulk::{BillDays, BillRows, Rows, add_all};
use crate::{
    bill::{Bill, MONTH_ROWS_MAX},
    reconciliation::{Billed, Call, Scope},
    store::{Error, Imported, rows},
};

/// Takes a bill in unless its file was, or a month of its target would hold too many rows.
pub async fn import(connection: &mut PgConnection, bill: &Bill, now: Timestamp) -> Result<Imported, Error> {
    let sql = "SELECT target FROM provider_bill WHERE file_sha256 = $1";
    let query = sqlx::query_scalar(sql).bind(bill.file_sha256.as_slice());
    if let Some(target) = query.fetch_optional(&mut *connection).await? {
        return Ok(if target == bill.target { Imported::Before } else { Imported::OtherTarget(target) });
    }
    if let Some(month) = overfull_month(connection, bill).await? {
        return Ok(Imported::MonthFull(month));
    }
    let row_count = i64::try_from(bill.rows.len()).unwrap_or(i64::MAX);
    let sql = "INSERT INTO provider_bill (bill_id, file_sha256, target, row_count, create_time_ms)
               SELECT coalesce(max(bill_id), 0) + 1, $1, $2, $3, $4 FROM provider_bill RETURNING bill_id";
    let query = sqlx::query_scalar(sql).bind(bill.file_sha256.as_slice()).bind(&bill.target).bind(row_count);
    let id: i64 = query.bind(now.as_millis()).fetch_one(&mut *connection).await?;
    Rows::<BillDays>::of(&bill.days(), |row, day| {
        add_all!(row, bill.target.as_str(), day.as_str(), id);
    })
    .insert(connection)
    .await?;
    Rows::<BillRows>::of(&bill.rows, |row, billed| {
        add_all!(
            row,
            id,
            billed.line,
            billed.day.to_string().as_str(),
            billed.model.as_str(),
            billed.provider_request_id.as_str(),
            billed.input_tokens,
            billed.output_tokens,
            billed.cost_pico,
        );
    })
    .insert(connection)
    .await?;
    Ok(Imported::Rows(row_count))
}

/// The month of the target that the bill would fill beyond the bound.
async fn overfull_month(connection: &mut PgConnection, bill: &Bill) -> Result<Option<String>, Error> {
    for (month, rows) in bill.rows_by_month() {
        let sql = "SELECT count(*) FROM provider_bill_row AS r JOIN provider_bill AS b USING (bill_id)
                   WHERE b.target = $1 AND r.day BETWEEN $2 AND $3";
        let query = sqlx::query_scalar(sql).bind(&bill.target).bind(format!("{month}-01"));
        let held: i64 = query.bind(format!("{month}-31")).fetch_one(&mut *connection).await?;
        if held + rows > MONTH_ROWS_MAX {
            return Ok(Some(month));
        }
    }
    Ok(None)
}

/// Hands each row of the days to `visit`, of the bills that count.
pub async fn billed(
    connection: &mut PgConnection,
    days: (Date, Date),
    visit: &mut (dyn FnMut(Billed) + Send),
) -> Result<(), Error> {
    let sql = "SELECT b.target, r.* FROM provider_bill_row AS r JOIN provider_bill AS b USING (bill_id)
               WHERE r.day BETWEEN $1 AND $2 AND r.bill_id =
               (SELECT max(d.bill_id) FROM provider_bill_day AS d WHERE d.target = b.target AND d.day = r.day)";
    let mut found = sqlx::query(sql).bind(days.0.to_string()).bind(days.1.to_string()).fetch(connection);
    while let Some(row) = found.try_next().await? {
        visit(rows::billed(&row)?);
    }
    Ok(())
}

/// Hands each call that was admitted in the scope and not reversed to `visit`.
pub async fn calls(
    connection: &mut PgConnection,
    scope: &Scope,
    visit: &mut (dyn FnMut(Call) + Send),
) -> Result<(), Error> {
    let sql = "SELECT * FROM usage_event AS u WHERE window_month = ANY ($1) AND admit_time_ms >= $2 AND admit_time_ms < $3
               AND ($4 = '' OR merchant_id = $4) AND NOT EXISTS (SELECT FROM amendment AS a WHERE a.event_seq = u.seq)";
    let merchant = scope.merchant.as_ref().map_or("", |merchant| merchant.as_str());
    let query = sqlx::query(sql).bind(scope.windows.as_slice());
    let query = query.bind(scope.from.as_millis()).bind(scope.to.as_millis()).bind(merchant);
    let mut found = query.fetch(connection);
    while let Some(row) = found.try_next().await? {
        visit(rows::call(&row)?);
    }
    Ok(())
}
