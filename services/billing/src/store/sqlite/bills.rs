//! Bills of providers in SQLite.

use futures::TryStreamExt as _;
use jiff::civil::Date;
use kaleem_domain::Timestamp;
use sqlx::{Arguments as _, SqliteConnection};

use super::{
    bulk::{self, bind_all},
    rows,
};
use crate::{
    bill::{Bill, MONTH_ROWS_MAX},
    reconciliation::{Billed, Call, Scope},
    store::{Error, Imported},
};

/// Takes a bill in unless its file was, or a month of its target would hold too many rows.
pub async fn import(
    connection: &mut SqliteConnection,
    bill: &Bill,
    now: Timestamp,
) -> Result<Imported, Error> {
    let sql = "SELECT target FROM provider_bill WHERE file_sha256 = ?";
    let query = sqlx::query_scalar(sql).bind(bill.file_sha256.to_vec());
    if let Some(target) = query.fetch_optional(&mut *connection).await? {
        return Ok(if target == bill.target { Imported::Before } else { Imported::OtherTarget(target) });
    }
    if let Some(month) = overfull_month(connection, bill).await? {
        return Ok(Imported::MonthFull(month));
    }
    let rows = i64::try_from(bill.rows.len()).unwrap_or(i64::MAX);
    let sql =
        "INSERT INTO provider_bill (file_sha256, target, row_count, create_time_ms) VALUES (?, ?, ?, ?)";
    let query = sqlx::query(sql).bind(bill.file_sha256.to_vec()).bind(&bill.target).bind(rows);
    let id = query.bind(now.as_millis()).execute(&mut *connection).await?.last_insert_rowid();
    let days = bill.days();
    let columns = ["target", "day", "bill_id"];
    bulk::insert(connection, "provider_bill_day", &columns, &days, |arguments, day| {
        bind_all!(arguments, bill.target.as_str(), day.as_str(), id)
    })
    .await?;
    let columns = [
        "bill_id",
        "line",
        "day",
        "model",
        "provider_request_id",
        "input_tokens",
        "output_tokens",
        "cost_pico",
    ];
    bulk::insert(connection, "provider_bill_row", &columns, &bill.rows, |arguments, row| {
        let (day, model, request) =
            (row.day.to_string(), row.model.as_str(), row.provider_request_id.as_str());
        bind_all!(
            arguments,
            id,
            row.line,
            day,
            model,
            request,
            row.input_tokens,
            row.output_tokens,
            row.cost_pico
        )
    })
    .await?;
    Ok(Imported::Rows(rows))
}

/// The month of the target that the bill would fill beyond the bound.
async fn overfull_month(connection: &mut SqliteConnection, bill: &Bill) -> Result<Option<String>, Error> {
    for (month, rows) in bill.rows_by_month() {
        let sql = "SELECT count(*) FROM provider_bill_row AS r JOIN provider_bill AS b USING (bill_id)
                   WHERE b.target = ? AND r.day BETWEEN ? AND ?";
        let query = sqlx::query_scalar(sql).bind(&bill.target).bind(format!("{month}-01"));
        let held: i64 = query.bind(format!("{month}-31")).fetch_one(&mut *connection).await?;
        if held + rows > MONTH_ROWS_MAX {
            return Ok(Some(month));
        }
    }
    Ok(None)
}

/// Hands each row of the days to `visit`, of the bills that count.
pub async fn rows(
    connection: &mut SqliteConnection,
    days: (Date, Date),
    visit: &mut (dyn FnMut(Billed) + Send),
) -> Result<(), Error> {
    let sql = "SELECT b.target, r.* FROM provider_bill_row AS r JOIN provider_bill AS b USING (bill_id)
               WHERE r.day BETWEEN ? AND ? AND r.bill_id =
               (SELECT max(d.bill_id) FROM provider_bill_day AS d WHERE d.target = b.target AND d.day = r.day)";
    let mut found = sqlx::query(sql).bind(days.0.to_string()).bind(days.1.to_string()).fetch(connection);
    while let Some(row) = found.try_next().await? {
        visit(rows::billed(&row)?);
    }
    Ok(())
}

/// Hands each call that was admitted in the scope and not reversed to `visit`.
pub async fn calls(
    connection: &mut SqliteConnection,
    scope: &Scope,
    visit: &mut (dyn FnMut(Call) + Send),
) -> Result<(), Error> {
    let sql = "SELECT * FROM usage_event WHERE window_month IN (?, ?, ?) AND admit_time_ms >= ? AND admit_time_ms < ?
               AND (? = '' OR merchant_id = ?) AND seq NOT IN (SELECT event_seq FROM amendment)";
    let merchant = scope.merchant.as_ref().map_or("", |merchant| merchant.as_str());
    let mut query = sqlx::query(sql);
    for window in &scope.windows {
        query = query.bind(window);
    }
    let query = query.bind(scope.from.as_millis()).bind(scope.to.as_millis()).bind(merchant).bind(merchant);
    let mut found = query.fetch(connection);
    while let Some(row) = found.try_next().await? {
        visit(rows::call(&row)?);
    }
    Ok(())
}
