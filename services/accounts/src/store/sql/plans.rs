//! Plans.

use kaleem_domain::Timestamp;
use kaleem_store::{Row, Session};

use crate::{
    plan::{BillingMode, CapAction, Plan},
    store::Error,
};

/// Columns are named, not starred: another version of kaleem may add some while this one runs.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT plan_id, version, day_request_cap, month_token_cap, month_cost_nano_usd_cap, concurrent_request_cap,
             on_cap, alert_percents, billing_mode FROM plan AS p ",
            $which
        )
    };
}

/// Newest version of each plan, by id.
pub async fn newest(session: &mut dyn Session) -> Result<Vec<Plan>, Error> {
    let sql =
        select!("WHERE version = (SELECT max(version) FROM plan WHERE plan_id = p.plan_id) ORDER BY plan_id");
    session.all(sql, &[], plan).await
}

/// Newest version of one plan.
pub async fn newest_of(session: &mut dyn Session, id: &str) -> Result<Option<Plan>, Error> {
    session.optional(select!("WHERE plan_id = $1 ORDER BY version DESC LIMIT 1"), &[id.into()], plan).await
}

/// How many plans there are.
pub async fn count(session: &mut dyn Session) -> Result<usize, Error> {
    let count = session.number("SELECT count(DISTINCT plan_id) AS number FROM plan", &[]).await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Adds a version.
pub async fn insert(session: &mut dyn Session, plan: &Plan, now: Timestamp) -> Result<(), Error> {
    let percents: Vec<_> = plan.alert_percents.iter().map(ToString::to_string).collect();
    let percents = percents.join(" ");
    let on_cap = match plan.on_cap {
        CapAction::Degrade => "degrade",
        CapAction::Suspend => "suspend",
    };
    let billing_mode = match plan.billing_mode {
        BillingMode::Postpaid => "postpaid",
        BillingMode::Prepaid => "prepaid",
    };
    let sql = "INSERT INTO plan (plan_id, version, day_request_cap, month_token_cap, month_cost_nano_usd_cap,
               concurrent_request_cap, on_cap, alert_percents, billing_mode, create_time_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = [
        (&plan.id).into(),
        plan.version.into(),
        plan.day_request_cap.into(),
        plan.month_token_cap.into(),
        plan.month_cost_nano_usd_cap.into(),
        plan.concurrent_request_cap.into(),
        on_cap.into(),
        (&percents).into(),
        billing_mode.into(),
        now.as_millis().into(),
    ];
    Ok(session.execute(sql, &values).await?)
}

fn plan(row: &Row) -> Result<Plan, Error> {
    let wrong = |column| Error::Value { table: "plan", column };
    let on_cap = match row.text("on_cap")?.as_str() {
        "degrade" => CapAction::Degrade,
        "suspend" => CapAction::Suspend,
        _ => return Err(wrong("on_cap")),
    };
    let billing_mode = match row.text("billing_mode")?.as_str() {
        "postpaid" => BillingMode::Postpaid,
        "prepaid" => BillingMode::Prepaid,
        _ => return Err(wrong("billing_mode")),
    };
    let percents: Result<_, _> = row.text("alert_percents")?.split_whitespace().map(str::parse).collect();
    Ok(Plan {
        id: row.text("plan_id")?,
        version: row.number("version")?,
        day_request_cap: row.number("day_request_cap")?,
        month_token_cap: row.number("month_token_cap")?,
        month_cost_nano_usd_cap: row.number("month_cost_nano_usd_cap")?,
        concurrent_request_cap: row.number("concurrent_request_cap")?,
        on_cap,
        alert_percents: percents.map_err(|_| wrong("alert_percents"))?,
        billing_mode,
    })
}
