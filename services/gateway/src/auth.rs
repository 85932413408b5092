//! Who calls: credentials from headers, checked by Accounts and trusted for a bounded time.

use std::sync::Arc;

use http::HeaderMap;
use kaleem_domain::MerchantId;
use kaleem_proto::accounts::v1::{AuthenticateRequest, Merchant, Plan, Principal, Scope};
use kaleem_rpc::{CallContext, Fault};
use moka::future::Cache;
use sha2::{Digest as _, Sha256};

use crate::{clients::Peers, config::Config, fault};

/// Callers that are remembered at once; beyond it the least used give way.
const CALLERS_MAX: u64 = 100_000;
/// No API key is longer.
const API_KEY_BYTES_MAX: usize = 256;

/// A credential as presented. It has no `Debug`, so that it cannot reach a log.
pub(crate) struct Credential {
    api_key: String,
    act_as: String,
}

/// A checked caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) merchant_id: MerchantId,
    pub(crate) key_id: String,
    /// Models that merchant and key allow; empty allows all.
    pub(crate) allowed_models: Vec<String>,
    pub(crate) external_providers_allowed: bool,
    pub(crate) plan: Plan,
}

impl Credential {
    /// Reads `authorization: Bearer …` or `x-api-key`, and `x-kaleem-merchant`.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, Fault> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let api_key = bearer.or_else(|| text("x-api-key")).filter(|key| !key.is_empty());
        let api_key = api_key.ok_or_else(fault::credential_missing)?;
        if api_key.len() > API_KEY_BYTES_MAX {
            return Err(fault::credential_missing());
        }
        let act_as = text("x-kaleem-merchant").unwrap_or_default();
        Ok(Self { api_key: api_key.to_owned(), act_as: act_as.to_owned() })
    }

    /// Keys of the cache are digests, so that it holds no secret.
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.api_key.as_bytes());
        hash.update([0]);
        hash.update(self.act_as.as_bytes());
        hash.finalize().into()
    }

    async fn check(
        &self,
        ctx: &CallContext,
        peers: &Peers,
    ) -> Result<(Principal, Option<Merchant>, Plan), Fault> {
        let request =
            AuthenticateRequest { api_key: self.api_key.clone(), act_as_merchant_id: self.act_as.clone() };
        let answer = peers.authenticate(ctx, request).await?;
        let principal = answer.principal.ok_or_else(fault::credential_missing)?;
        Ok((principal, answer.merchant, answer.plan.unwrap_or_default()))
    }
}

/// Checks credentials, remembering good ones for the configured time.
pub(crate) struct Authenticator {
    peers: Arc<Peers>,
    callers: Cache<[u8; 32], Arc<Caller>>,
}

impl Authenticator {
    pub(crate) fn new(peers: Arc<Peers>, config: &Config) -> Self {
        let callers =
            Cache::builder().max_capacity(CALLERS_MAX).time_to_live(config.credential_ttl.get()).build();
        Self { peers, callers }
    }

    /// The caller, who may chat.
    pub(crate) async fn caller(
        &self,
        ctx: &CallContext,
        credential: &Credential,
    ) -> Result<Arc<Caller>, Fault> {
        let digest = credential.digest();
        if let Some(caller) = self.callers.get(&digest).await {
            return Ok(caller);
        }
        let (principal, merchant, plan) = credential.check(ctx, &self.peers).await?;
        let may_chat = [Scope::Chat, Scope::ActAs].into_iter().any(|scope| has(&principal, scope));
        if !may_chat {
            return Err(fault::scope_missing("chat"));
        }
        let merchant = merchant.ok_or_else(|| {
            fault::request_invalid("the API key belongs to no merchant; name one in x-kaleem-merchant")
                .violation("x-kaleem-merchant", "must name the merchant to act for")
        })?;
        let merchant_id = MerchantId::parse(&merchant.merchant_id)
            .map_err(|error| fault::request_invalid(error.to_string()))?;
        let caller = Arc::new(Caller {
            merchant_id,
            key_id: principal.key_id,
            allowed_models: both_allow(&merchant.allowed_models, &principal.allowed_models),
            external_providers_allowed: merchant.external_providers_allowed,
            plan,
        });
        self.callers.insert(digest, Arc::clone(&caller)).await;
        Ok(caller)
    }

    /// Passes only callers with the admin scope; never remembered.
    pub(crate) async fn admin(&self, ctx: &CallContext, credential: &Credential) -> Result<Principal, Fault> {
        let (principal, _, _) = credential.check(ctx, &self.peers).await?;
        if has(&principal, Scope::Admin) { Ok(principal) } else { Err(fault::scope_missing("admin")) }
    }
}

fn has(principal: &Principal, scope: Scope) -> bool {
    principal.scopes.contains(&i32::from(scope))
}

/// The models that both lists allow; an empty list allows all. Lists without a common model leave a name that no model has,
/// because an empty answer would allow everything.
fn both_allow(merchant: &[String], key: &[String]) -> Vec<String> {
    match (merchant, key) {
        ([], only) | (only, []) => only.to_vec(),
        (merchant, key) => {
            let common: Vec<String> = merchant.iter().filter(|model| key.contains(model)).cloned().collect();
            if common.is_empty() { vec!["(none)".to_owned()] } else { common }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_either_header() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        let of = |pairs: &[_]| Credential::from_headers(&headers(pairs)).map(|c| c.api_key);
        assert_eq!(of(&[("authorization", "Bearer klm_a")]), Ok("klm_a".to_owned()));
        assert_eq!(of(&[("authorization", "bearer klm_a")]), Ok("klm_a".to_owned()));
        assert_eq!(of(&[("x-api-key", "klm_b")]), Ok("klm_b".to_owned()));
        for bad in [&[][..], &[("authorization", "Basic x")], &[("authorization", "Bearer ")]] {
            assert_eq!(of(bad).unwrap_err().reason, "CREDENTIAL_INVALID");
        }
    }

    #[test]
    fn lists_without_a_common_model_allow_nothing() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(both_allow(&[], &list(&["a"])), list(&["a"]));
        assert_eq!(both_allow(&list(&["a", "b"]), &list(&["b", "c"])), list(&["b"]));
        assert_eq!(both_allow(&list(&["a"]), &list(&["b"])), list(&["(none)"]));
    }
}
