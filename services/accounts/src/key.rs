//! API keys `klm_<environment>_<id>_<secret>`: made here once, kept as a hash, compared in constant time.

use std::fmt;

use kaleem_domain::{KeyId, MerchantId, Timestamp};
use rand::{TryRng as _, rngs::SysRng};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    Error, Violation,
    merchant::{check_models, is_name},
};

const PREFIX: &str = "klm_";
const ID_LEN: usize = 12;
/// 43 characters of 62 carry 256.03 bits.
const SECRET_LEN: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Chat for its merchant.
    Chat,
    /// Administration.
    Admin,
    /// Chat for any merchant that the call names.
    ActAs,
}

/// SHA-256 of a whole key. Equality takes the same time wherever two hashes differ.
#[derive(Clone, Copy)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

/// A stored key, without its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Third part of the key.
    pub id: KeyId,
    /// What is kept of the key.
    pub hash: KeyHash,
    /// Merchant; `None` for admin and act-as keys that belong to none.
    pub merchant_id: Option<MerchantId>,
    /// Name for people.
    pub alias: String,
    /// What it may do; sorted, not empty.
    pub scopes: Vec<Scope>,
    /// Models it may use; empty is all of the merchant's.
    pub allowed_models: Vec<String>,
    /// When it was made.
    pub create_time: Timestamp,
    /// Not valid from then on.
    pub expire_time: Option<Timestamp>,
    /// When it was revoked.
    pub revoke_time: Option<Timestamp>,
}

impl ApiKey {
    /// Whether `presented` is this key and this key is good at `now`.
    pub fn accepts(&self, presented: &Presented, now: Timestamp) -> bool {
        // The comparison comes first, so that a revoked key answers no faster than a good one.
        let same = self.hash.matches(&presented.hash);
        same && self.revoke_time.is_none() && self.expire_time.is_none_or(|expire| now < expire)
    }

    /// Whether the key has `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// A credential as a caller sent it, reduced to what the check needs.
#[derive(Debug, Clone)]
pub struct Presented {
    /// Third part of the key.
    pub id: KeyId,
    hash: KeyHash,
}

impl Presented {
    /// Takes `text` apart; `None` if it cannot be a key.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.split('_');
        let (environment, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let is_word = |word: &str, len| word.len() == len && word.bytes().all(|b| b.is_ascii_alphanumeric());
        let valid = parts.next().is_none()
            && is_environment(environment)
            && is_word(id, ID_LEN)
            && is_word(secret, SECRET_LEN);
        valid.then(|| Self { id: KeyId(id.into()), hash: KeyHash::of(text) })
    }
}

/// A key as asked for.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Merchant; empty only for admin and act-as keys.
    pub merchant_id: String,
    /// Name for people.
    pub alias: String,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// Models the key may use; empty is all.
    pub allowed_models: Vec<String>,
    /// Not valid from then on.
    pub expire_time: Option<Timestamp>,
}

impl NewKey {
    /// Checks every field and makes the key with its secret, which is returned this once.
    pub fn mint(mut self, environment: &str, now: Timestamp) -> Result<(ApiKey, String), Error> {
        self.scopes.sort_unstable();
        self.scopes.dedup();
        let merchant_id = self.check(now)?;
        let id = random_text(ID_LEN)?;
        let text = format!("{PREFIX}{environment}_{id}_{}", random_text(SECRET_LEN)?);
        let key = ApiKey {
            id: KeyId(id.into()),
            hash: KeyHash::of(&text),
            merchant_id,
            alias: self.alias,
            scopes: self.scopes,
            allowed_models: self.allowed_models,
            create_time: now,
            expire_time: self.expire_time,
            revoke_time: None,
        };
        Ok((key, text))
    }

    fn check(&self, now: Timestamp) -> Result<Option<MerchantId>, Error> {
        let mut violations = Vec::new();
        let merchant_id = match self.merchant_id.as_str() {
            "" => None,
            text => MerchantId::parse(text)
                .map_err(|error| violations.push(Violation::new("merchant_id", rule(&error))))
                .ok(),
        };
        if self.scopes.is_empty() {
            violations.push(Violation::new("scopes", "at least one of chat, admin and act-as"));
        }
        if self.scopes.contains(&Scope::Chat) && self.merchant_id.is_empty() {
            violations.push(Violation::new("merchant_id", "the merchant that a chat key speaks for"));
        }
        if self.scopes.contains(&Scope::ActAs) && !self.merchant_id.is_empty() {
            violations.push(Violation::new(
                "merchant_id",
                "empty for an act-as key, which names the merchant in each call",
            ));
        }
        if !is_name(&self.alias) {
            violations.push(Violation::new("alias", "at most 80 characters without control characters"));
        }
        if self.expire_time.is_some_and(|expire| expire <= now) {
            violations.push(Violation::new("expire_time", "in the future"));
        }
        violations.extend(check_models("allowed_models", &self.allowed_models));
        if violations.is_empty() { Ok(merchant_id) } else { Err(Error::RequestInvalid(violations)) }
    }
}

fn rule(error: &kaleem_domain::id::IdError) -> String {
    error.to_string().trim_start_matches("merchant_id must be ").to_owned()
}

/// Whether `text` can be the second part of a key.
pub fn is_environment(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// `len` characters, each equally likely, straight from the operating system.
fn random_text(len: usize) -> Result<String, Error> {
    // Bytes of 248 and more would favour the first letters.
    const UNBIASED: u8 = 248;
    let mut text = String::with_capacity(len);
    let mut bytes = [0_u8; 64];
    while text.len() < len {
        SysRng.try_fill_bytes(&mut bytes).map_err(Error::Entropy)?;
        let letters = bytes
            .iter()
            .filter(|byte| **byte < UNBIASED)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(letters.take(len - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn chat_key() -> NewKey {
        NewKey { merchant_id: "dukkan".into(), scopes: vec![Scope::Chat], ..NewKey::default() }
    }

    #[test]
    fn a_key_has_four_parts_and_is_accepted() {
        let (key, text) = chat_key().mint("live", NOW).unwrap();
        let parts: Vec<_> = text.split('_').collect();
        assert_eq!((parts.len(), parts[0], parts[1]), (4, "klm", "live"));
        assert_eq!((parts[2].len(), parts[3].len()), (12, 43));
        let presented = Presented::parse(&text).unwrap();
        assert_eq!(presented.id, key.id);
        assert!(key.accepts(&presented, NOW));
    }

    #[test]
    fn any_other_text_is_not_accepted() {
        let (key, text) = chat_key().mint("live", NOW).unwrap();
        for position in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[position] = if other[position] == b'a' { b'b' } else { b'a' };
            let other = String::from_utf8(other).unwrap();
            assert!(
                !Presented::parse(&other).is_some_and(|presented| key.accepts(&presented, NOW)),
                "{position}"
            );
        }
    }

    #[test]
    fn expiry_and_revocation_end_a_key() {
        let expire_time = Some(NOW.plus_millis(10));
        let (mut key, text) = NewKey { expire_time, ..chat_key() }.mint("live", NOW).unwrap();
        let presented = Presented::parse(&text).unwrap();
        assert!(key.accepts(&presented, NOW.plus_millis(9)));
        assert!(!key.accepts(&presented, NOW.plus_millis(10)));
        key.expire_time = None;
        key.revoke_time = Some(NOW);
        assert!(!key.accepts(&presented, NOW));
    }

    #[test]
    fn scopes_decide_about_the_merchant() {
        let mint = |scopes: &[Scope], merchant_id: &str| {
            NewKey { merchant_id: merchant_id.into(), scopes: scopes.to_vec(), ..NewKey::default() }
                .mint("dev", NOW)
        };
        assert!(mint(&[Scope::Chat], "").is_err());
        assert!(mint(&[Scope::ActAs], "dukkan").is_err());
        assert!(mint(&[], "dukkan").is_err());
        assert!(mint(&[Scope::Chat], "No").is_err());
        assert!(mint(&[Scope::Admin], "").is_ok());
        assert!(mint(&[Scope::ActAs, Scope::Admin], "").is_ok());
        let (key, _) = mint(&[Scope::Admin, Scope::Chat, Scope::Chat], "dukkan").unwrap();
        assert_eq!(key.scopes, [Scope::Chat, Scope::Admin]);
    }

    #[test]
    fn past_expiry_and_long_names_are_refused_together() {
        let asked = NewKey {
            alias: "x".repeat(81),
            expire_time: Some(NOW),
            allowed_models: vec!["a b".into()],
            ..chat_key()
        };
        let Err(Error::RequestInvalid(violations)) = asked.mint("dev", NOW) else { panic!("accepted") };
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["alias", "expire_time", "allowed_models"]);
    }

    #[test]
    fn secrets_do_not_repeat_and_use_the_whole_alphabet() {
        let texts: HashSet<_> = (0..1_000).map(|_| random_text(SECRET_LEN).unwrap()).collect();
        assert_eq!(texts.len(), 1_000);
        let letters: HashSet<_> = texts.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(letters.len(), 62);
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let (key, text) = chat_key().mint("live", NOW).unwrap();
        let presented = Presented::parse(&text).unwrap();
        let shown = format!("{key:?} {presented:?}");
        assert!(!shown.contains(text.rsplit('_').next().unwrap()));
        assert!(shown.contains("KeyHash"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}") {
            let _ = Presented::parse(&text);
            let keyed = Presented::parse(&(String::from("klm_") + &text));
            prop_assert!(keyed.is_none_or(|presented| presented.id.0.len() == 12));
        }
    }
}
