//! API keys in SQLite.

use kaleem_domain::{KeyId, MerchantId, Timestamp};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    key::{ApiKey, KeyHash, Scope},
    store::Error,
};

/// Reads a key.
pub async fn get(connection: &mut SqliteConnection, id: &KeyId) -> Result<Option<ApiKey>, Error> {
    let sql = "SELECT * FROM api_key WHERE key_id = ?";
    sqlx::query(sql).bind(id.0.as_ref()).fetch_optional(connection).await?.as_ref().map(key).transpose()
}

/// Reads up to `limit` keys that are not revoked, newest first: those are the likeliest to be used.
pub async fn valid(connection: &mut SqliteConnection, limit: usize) -> Result<Vec<ApiKey>, Error> {
    let sql = "SELECT * FROM api_key WHERE revoke_time_ms IS NULL ORDER BY create_time_ms DESC LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sqlx::query(sql).bind(limit).fetch_all(connection).await?.iter().map(key).collect()
}

/// Reads up to `limit` keys of `merchant`, or of no merchant, after the id `after`, in order.
pub async fn page(
    connection: &mut SqliteConnection,
    merchant: Option<&MerchantId>,
    after: &str,
    limit: usize,
) -> Result<Vec<ApiKey>, Error> {
    let sql = "SELECT * FROM api_key WHERE merchant_id IS ? AND key_id > ? ORDER BY key_id LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(merchant.map(MerchantId::as_str)).bind(after).bind(limit);
    query.fetch_all(connection).await?.iter().map(key).collect()
}

/// Adds a key.
pub async fn insert(connection: &mut SqliteConnection, key: &ApiKey) -> Result<(), Error> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| word(*scope)).collect();
    let sql =
        "INSERT INTO api_key (key_id, key_sha256, merchant_id, alias, scopes, allowed_models, create_time_ms,
               expire_time_ms, revoke_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(key.id.0.as_ref())
        .bind(key.hash.0.as_slice())
        .bind(key.merchant_id.as_ref().map(MerchantId::as_str))
        .bind(&key.alias)
        .bind(scopes.join(" "))
        .bind(key.allowed_models.join(" "))
        .bind(key.create_time.as_millis())
        .bind(key.expire_time.map(Timestamp::as_millis))
        .bind(key.revoke_time.map(Timestamp::as_millis))
        .execute(connection)
        .await?;
    Ok(())
}

/// Marks a key as revoked.
pub async fn revoke(connection: &mut SqliteConnection, id: &KeyId, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE api_key SET revoke_time_ms = ? WHERE key_id = ?";
    sqlx::query(sql).bind(now.as_millis()).bind(id.0.as_ref()).execute(connection).await?;
    Ok(())
}

fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::Chat => "chat",
        Scope::Admin => "admin",
        Scope::ActAs => "act_as",
    }
}

fn scope(word: &str) -> Result<Scope, Error> {
    match word {
        "chat" => Ok(Scope::Chat),
        "admin" => Ok(Scope::Admin),
        "act_as" => Ok(Scope::ActAs),
        _ => Err(wrong("scopes")),
    }
}

fn key(row: &SqliteRow) -> Result<ApiKey, Error> {
    let hash: &[u8] = row.try_get("key_sha256")?;
    let merchant: Option<&str> = row.try_get("merchant_id")?;
    let scopes: &str = row.try_get("scopes")?;
    let models: &str = row.try_get("allowed_models")?;
    let time =
        |column| row.try_get::<Option<i64>, _>(column).map(|millis| millis.map(Timestamp::from_millis));
    Ok(ApiKey {
        id: KeyId(row.try_get::<&str, _>("key_id")?.into()),
        hash: KeyHash(hash.try_into().map_err(|_| wrong("key_sha256"))?),
        merchant_id: merchant.map(MerchantId::parse).transpose().map_err(|_| wrong("merchant_id"))?,
        alias: row.try_get("alias")?,
        scopes: scopes.split_whitespace().map(scope).collect::<Result<_, _>>()?,
        allowed_models: models.split_whitespace().map(str::to_owned).collect(),
        create_time: Timestamp::from_millis(row.try_get("create_time_ms")?),
        expire_time: time("expire_time_ms")?,
        revoke_time: time("revoke_time_ms")?,
    })
}

fn wrong(column: &'static str) -> Error {
    Error::Value { table: "api_key", column }
}
