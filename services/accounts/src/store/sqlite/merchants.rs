//! Merchants in SQLite.

use kaleem_domain::{MerchantId, Timestamp};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    merchant::{Merchant, State},
    store::Error,
};

/// Reads a merchant.
pub async fn get(connection: &mut SqliteConnection, id: &MerchantId) -> Result<Option<Merchant>, Error> {
    let sql = "SELECT * FROM merchant WHERE merchant_id = ?";
    sqlx::query(sql).bind(id.as_str()).fetch_optional(connection).await?.as_ref().map(merchant).transpose()
}

/// Reads up to `limit` merchants after the id `after`, in order.
pub async fn page(
    connection: &mut SqliteConnection,
    after: &str,
    limit: usize,
) -> Result<Vec<Merchant>, Error> {
    let sql = "SELECT * FROM merchant WHERE merchant_id > ? ORDER BY merchant_id LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sqlx::query(sql).bind(after).bind(limit).fetch_all(connection).await?.iter().map(merchant).collect()
}

/// Adds a merchant.
pub async fn insert(connection: &mut SqliteConnection, merchant: &Merchant) -> Result<(), Error> {
    let sql = "INSERT INTO merchant (merchant_id, display_name, plan_id, time_zone, state, create_time_ms,
               allowed_models, external_providers_allowed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(merchant.id.as_str())
        .bind(&merchant.display_name)
        .bind(&merchant.plan_id)
        .bind(&merchant.time_zone)
        .bind(word(merchant.state))
        .bind(merchant.create_time.as_millis())
        .bind(merchant.allowed_models.join(" "))
        .bind(merchant.external_providers_allowed)
        .execute(connection)
        .await?;
    Ok(())
}

/// Sets the state of a merchant.
pub async fn set_state(
    connection: &mut SqliteConnection,
    id: &MerchantId,
    state: State,
) -> Result<(), Error> {
    let sql = "UPDATE merchant SET state = ? WHERE merchant_id = ?";
    sqlx::query(sql).bind(word(state)).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

fn word(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Suspended => "suspended",
    }
}

fn merchant(row: &SqliteRow) -> Result<Merchant, Error> {
    let id = MerchantId::parse(row.try_get("merchant_id")?);
    let state = match row.try_get("state")? {
        "active" => State::Active,
        "suspended" => State::Suspended,
        _ => return Err(Error::Value { table: "merchant", column: "state" }),
    };
    let models: &str = row.try_get("allowed_models")?;
    Ok(Merchant {
        id: id.map_err(|_| Error::Value { table: "merchant", column: "merchant_id" })?,
        display_name: row.try_get("display_name")?,
        plan_id: row.try_get("plan_id")?,
        time_zone: row.try_get("time_zone")?,
        state,
        create_time: Timestamp::from_millis(row.try_get("create_time_ms")?),
        allowed_models: models.split_whitespace().map(str::to_owned).collect(),
        external_providers_allowed: row.try_get("external_providers_allowed")?,
    })
}
