//! Identifiers with their rules.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why an identifier is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {rule}")]
pub struct IdError {
    kind: &'static str,
    rule: &'static str,
}

impl IdError {
    /// What would be right, as in "must be ...".
    pub fn rule(&self) -> String {
        format!("must be {}", self.rule)
    }
}

/// Identity of a shop: 3 to 40 lower-case letters, digits and dashes, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MerchantId(std::sync::Arc<str>);

impl MerchantId {
    /// Checks and wraps `text`.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let valid = (3..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(IdError {
                kind: "merchant_id",
                rule: "3 to 40 lower-case letters, digits and dashes, starting with a letter",
            })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account in which quota counts what the upstream project `quota_domain` costs us: `upstream/<quota domain>`, which no merchant
    /// can be called. The name of the project is 1 to 128 printable ASCII characters without spaces and braces.
    pub fn of_upstream(quota_domain: &str) -> Result<Self, IdError> {
        let valid = (1..=128).contains(&quota_domain.len())
            && quota_domain.bytes().all(|b| b.is_ascii_graphic() && b != b'{' && b != b'}');
        if valid {
            Ok(Self(format!("{UPSTREAM}{quota_domain}").into()))
        } else {
            Err(IdError {
                kind: "quota_domain",
                rule: "1 to 128 printable ASCII characters without spaces and braces",
            })
        }
    }

    /// Reads the id of a merchant, or the account of an upstream project.
    pub fn parse_account(text: &str) -> Result<Self, IdError> {
        text.strip_prefix(UPSTREAM).map_or_else(|| Self::parse(text), Self::of_upstream)
    }

    /// The upstream project whose account it is; `None` for a merchant.
    pub fn upstream(&self) -> Option<&str> {
        self.0.strip_prefix(UPSTREAM)
    }
}

/// Begins the account of an upstream project.
const UPSTREAM: &str = "upstream/";

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MerchantId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<MerchantId> for String {
    fn from(id: MerchantId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// Identity of an API key, the third part of `klm_<env>_<id>_<secret>`: safe to log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub std::sync::Arc<str>);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of a request everywhere: a UUID of version 7, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new id that sorts by `now`.
    pub fn new(now: crate::Timestamp) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let nanos = (millis % 1000) as u32 * 1_000_000;
        let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos);
        Self(Uuid::new_v7(timestamp))
    }

    /// An id of the same instant whose other bits are those of `bits`.
    #[must_use]
    pub fn with_bits(self, bits: &[u8; 10]) -> Self {
        let millis = self.0.as_u64_pair().0 >> 16;
        Self(uuid::Builder::from_unix_timestamp_millis(millis, bits).into_uuid())
    }

    /// When it was made, by the clock of who made it.
    pub fn made_at(self) -> crate::Timestamp {
        let millis = self.0.as_u64_pair().0 >> 16;
        crate::Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// Checks and wraps `text`; only UUIDs of version 7 are taken.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.get_version_num() == 7 => Ok(Self(uuid)),
            _ => Err(IdError { kind: "request_id", rule: "a UUID of version 7" }),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merchant_ids_have_one_spelling() {
        assert!(MerchantId::parse("dukkan-7").is_ok());
        for bad in ["", "ab", "Dukkan", "7shop", "a_b_c", "متجر", &"a".repeat(41)] {
            assert!(MerchantId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn accounts_of_upstream_projects_are_no_merchants() {
        let account = MerchantId::of_upstream("shop-prod").unwrap();
        assert_eq!((account.as_str(), account.upstream()), ("upstream/shop-prod", Some("shop-prod")));
        assert_eq!(MerchantId::parse_account("upstream/shop-prod"), Ok(account));
        assert_eq!(MerchantId::parse_account("dukkan"), MerchantId::parse("dukkan"));
        assert_eq!(MerchantId::parse("dukkan").unwrap().upstream(), None);
        assert!(MerchantId::parse("upstream/shop-prod").is_err(), "a merchant cannot be called so");
        for bad in ["", "a b", "a{b}", "متجر", &"a".repeat(129)] {
            assert!(MerchantId::of_upstream(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn request_ids_are_version_7_and_sort_by_time() {
        let early = RequestId::new(crate::Timestamp::from_millis(1_000));
        let late = RequestId::new(crate::Timestamp::from_millis(2_000));
        assert!(early < late);
        assert_eq!(RequestId::parse(&early.to_string()), Ok(early));
        assert!(RequestId::parse("00000000-0000-4000-8000-000000000000").is_err());
        let other = early.with_bits(&[255; 10]);
        assert!(other != early && other < late && RequestId::parse(&other.to_string()) == Ok(other));
    }
}
