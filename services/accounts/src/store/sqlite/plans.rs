//! Plans in SQLite.

use kaleem_domain::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    plan::{CapAction, Plan},
    store::Error,
};

/// Newest version of each plan, by id.
pub async fn newest(connection: &mut SqliteConnection) -> Result<Vec<Plan>, Error> {
    let sql = "SELECT * FROM plan AS p
               WHERE version = (SELECT max(version) FROM plan WHERE plan_id = p.plan_id) ORDER BY plan_id";
    sqlx::query(sql).fetch_all(connection).await?.iter().map(plan).collect()
}

/// Newest version of one plan.
pub async fn newest_of(connection: &mut SqliteConnection, id: &str) -> Result<Option<Plan>, Error> {
    let sql = "SELECT * FROM plan WHERE plan_id = ? ORDER BY version DESC LIMIT 1";
    sqlx::query(sql).bind(id).fetch_optional(connection).await?.as_ref().map(plan).transpose()
}

/// Adds a version.
pub async fn insert(connection: &mut SqliteConnection, plan: &Plan, now: Timestamp) -> Result<(), Error> {
    let percents: Vec<_> = plan.alert_percents.iter().map(ToString::to_string).collect();
    let on_cap = match plan.on_cap {
        CapAction::Degrade => "degrade",
        CapAction::Suspend => "suspend",
    };
    let sql = "INSERT INTO plan (plan_id, version, day_request_cap, month_token_cap, month_cost_nano_usd_cap,
               concurrent_request_cap, on_cap, alert_percents, create_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(&plan.id)
        .bind(plan.version)
        .bind(plan.day_request_cap)
        .bind(plan.month_token_cap)
        .bind(plan.month_cost_nano_usd_cap)
        .bind(plan.concurrent_request_cap)
        .bind(on_cap)
        .bind(percents.join(" "))
        .bind(now.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

fn plan(row: &SqliteRow) -> Result<Plan, Error> {
    let on_cap = match row.try_get("on_cap")? {
        "degrade" => CapAction::Degrade,
        "suspend" => CapAction::Suspend,
        _ => return Err(Error::Value { table: "plan", column: "on_cap" }),
    };
    let percents: &str = row.try_get("alert_percents")?;
    let alert_percents: Result<_, _> = percents.split_whitespace().map(str::parse).collect();
    Ok(Plan {
        id: row.try_get("plan_id")?,
        version: row.try_get("version")?,
        day_request_cap: row.try_get("day_request_cap")?,
        month_token_cap: row.try_get("month_token_cap")?,
        month_cost_nano_usd_cap: row.try_get("month_cost_nano_usd_cap")?,
        concurrent_request_cap: row.try_get("concurrent_request_cap")?,
        on_cap,
        alert_percents: alert_percents
            .map_err(|_| Error::Value { table: "plan", column: "alert_percents" })?,
    })
}
