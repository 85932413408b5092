//! API keys.

use kaleem_domain::{KeyId, MerchantId, Timestamp};
use kaleem_store::{Row, Session};

use crate::{
    key::{ApiKey, KeyHash, Scope},
    store::Error,
};

/// Columns are named, not starred: another version of kaleem may add some while this one runs.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT key_id, key_sha256, merchant_id, alias, scopes, allowed_models, create_time_ms, expire_time_ms,
             revoke_time_ms FROM api_key ",
            $which
        )
    };
}

/// Reads a key.
pub async fn get(session: &mut dyn Session, id: &KeyId) -> Result<Option<ApiKey>, Error> {
    session.optional(select!("WHERE key_id = $1"), &[id.0.as_ref().into()], key).await
}

/// Reads up to `limit` keys that are not revoked, newest first: those are the likeliest to be used.
pub async fn valid(session: &mut dyn Session, limit: usize) -> Result<Vec<ApiKey>, Error> {
    let sql = select!("WHERE revoke_time_ms IS NULL ORDER BY create_time_ms DESC LIMIT $1");
    session.all(sql, &[i64::try_from(limit).unwrap_or(i64::MAX).into()], key).await
}

/// Reads up to `limit` keys of `merchant`, or of no merchant, after the id `after`, in order.
pub async fn page(
    session: &mut dyn Session,
    merchant: Option<&MerchantId>,
    after: &str,
    limit: usize,
) -> Result<Vec<ApiKey>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX).into();
    // A comparison with NULL that both databases answer from the index needs a statement of its own.
    if let Some(id) = merchant {
        let sql = select!("WHERE merchant_id = $1 AND key_id > $2 ORDER BY key_id LIMIT $3");
        session.all(sql, &[id.as_str().into(), after.into(), limit], key).await
    } else {
        let sql = select!("WHERE merchant_id IS NULL AND key_id > $1 ORDER BY key_id LIMIT $2");
        session.all(sql, &[after.into(), limit], key).await
    }
}

/// Adds a key.
pub async fn insert(session: &mut dyn Session, key: &ApiKey) -> Result<(), Error> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| word(*scope)).collect();
    let (scopes, allowed_models) = (scopes.join(" "), key.allowed_models.join(" "));
    let sql =
        "INSERT INTO api_key (key_id, key_sha256, merchant_id, alias, scopes, allowed_models, create_time_ms,
               expire_time_ms, revoke_time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        key.id.0.as_ref().into(),
        (&key.hash.0).into(),
        key.merchant_id.as_ref().map(MerchantId::as_str).into(),
        (&key.alias).into(),
        (&scopes).into(),
        (&allowed_models).into(),
        key.create_time.as_millis().into(),
        key.expire_time.map(Timestamp::as_millis).into(),
        key.revoke_time.map(Timestamp::as_millis).into(),
    ];
    Ok(session.execute(sql, &values).await?)
}

/// Marks a key as revoked.
pub async fn revoke(session: &mut dyn Session, id: &KeyId, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE api_key SET revoke_time_ms = $1 WHERE key_id = $2";
    Ok(session.execute(sql, &[now.as_millis().into(), id.0.as_ref().into()]).await?)
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

fn key(row: &Row) -> Result<ApiKey, Error> {
    let merchant = row.optional_text("merchant_id")?;
    let time = |column| row.optional_number(column).map(|millis| millis.map(Timestamp::from_millis));
    Ok(ApiKey {
        id: KeyId(row.text("key_id")?.into()),
        hash: KeyHash(row.bytes("key_sha256")?.try_into().map_err(|_| wrong("key_sha256"))?),
        merchant_id: merchant
            .as_deref()
            .map(MerchantId::parse)
            .transpose()
            .map_err(|_| wrong("merchant_id"))?,
        alias: row.text("alias")?,
        scopes: row.text("scopes")?.split_whitespace().map(scope).collect::<Result<_, _>>()?,
        allowed_models: row.text("allowed_models")?.split_whitespace().map(str::to_owned).collect(),
        create_time: Timestamp::from_millis(row.number("create_time_ms")?),
        expire_time: time("expire_time_ms")?,
        revoke_time: time("revoke_time_ms")?,
    })
}

fn wrong(column: &'static str) -> Error {
    Error::Value { table: "api_key", column }
}
