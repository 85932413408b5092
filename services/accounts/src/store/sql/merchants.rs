//! Merchants.

use kaleem_domain::{MerchantId, Timestamp};
use kaleem_store::{Row, Session, Value};

use crate::{
    merchant::{Merchant, State},
    store::Error,
};

/// Columns are named, not starred: another version of kaleem may add some while this one runs.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT merchant_id, display_name, plan_id, time_zone, state, create_time_ms, allowed_models,
             external_providers_allowed FROM merchant ",
            $which
        )
    };
}

/// Reads a merchant.
pub async fn get(session: &mut dyn Session, id: &MerchantId) -> Result<Option<Merchant>, Error> {
    session.optional(select!("WHERE merchant_id = $1"), &[id.as_str().into()], merchant).await
}

/// Reads up to `limit` merchants after the id `after`, in order.
pub async fn page(session: &mut dyn Session, after: &str, limit: usize) -> Result<Vec<Merchant>, Error> {
    let sql = select!("WHERE merchant_id > $1 ORDER BY merchant_id LIMIT $2");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    session.all(sql, &[after.into(), limit.into()], merchant).await
}

/// Adds a merchant.
pub async fn insert(session: &mut dyn Session, merchant: &Merchant) -> Result<(), Error> {
    let sql = "INSERT INTO merchant (merchant_id, display_name, plan_id, time_zone, state, create_time_ms,
               allowed_models, external_providers_allowed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let allowed_models = merchant.allowed_models.join(" ");
    let values = [
        merchant.id.as_str().into(),
        (&merchant.display_name).into(),
        (&merchant.plan_id).into(),
        (&merchant.time_zone).into(),
        word(merchant.state).into(),
        merchant.create_time.as_millis().into(),
        (&allowed_models).into(),
        Value::Flag(merchant.external_providers_allowed),
    ];
    Ok(session.execute(sql, &values).await?)
}

/// Sets the state of a merchant.
pub async fn set_state(session: &mut dyn Session, id: &MerchantId, state: State) -> Result<(), Error> {
    let sql = "UPDATE merchant SET state = $1 WHERE merchant_id = $2";
    Ok(session.execute(sql, &[word(state).into(), id.as_str().into()]).await?)
}

fn word(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Suspended => "suspended",
    }
}

fn merchant(row: &Row) -> Result<Merchant, Error> {
    let wrong = |column| Error::Value { table: "merchant", column };
    let state = match row.text("state")?.as_str() {
        "active" => State::Active,
        "suspended" => State::Suspended,
        _ => return Err(wrong("state")),
    };
    Ok(Merchant {
        id: MerchantId::parse(&row.text("merchant_id")?).map_err(|_| wrong("merchant_id"))?,
        display_name: row.text("display_name")?,
        plan_id: row.text("plan_id")?,
        time_zone: row.text("time_zone")?,
        state,
        create_time: Timestamp::from_millis(row.number("create_time_ms")?),
        allowed_models: row.text("allowed_models")?.split_whitespace().map(str::to_owned).collect(),
        external_providers_allowed: row.flag("external_providers_allowed")?,
    })
}
