//! Configuration of the router.

use std::collections::{BTreeMap, BTreeSet};

use kaleem_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::{Error, Policy};

/// How the name of every provider target begins.
const PROVIDER: &str = "provider-";
/// Longest name of an upstream project, in bytes.
const QUOTA_DOMAIN_MAX: usize = 128;
/// Longest name of a region, in bytes.
const REGION_MAX: usize = 64;
/// What a provider calls its region that has none.
const EVERYWHERE: &str = "global";

/// Configuration of the router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often models and prices are read from their services.
    pub refresh_interval: Span,
    /// A target that has not answered for this long counts as down.
    pub stale_after: Span,
    /// Upstream project of a provider target, as quota limits it (`quota.upstream`): targets of one project share its limits. A target that
    /// is not named is a project of its own, by its name.
    pub quota_domains: BTreeMap<String, String>,
    /// Regions in which personal data may be, as providers name theirs (`provider_gemini.region`). What redaction may have left goes to
    /// models in them, and to our own machines (`local`), which always may have it.
    pub home_regions: BTreeSet<String>,
    /// The routing policy.
    pub policy: Policy,
}

impl Config {
    /// Checks what serde cannot; the error names the key.
    pub fn check(&self) -> Result<(), Error> {
        for (target, project) in &self.quota_domains {
            if !target.starts_with(PROVIDER) {
                return Err(Error::QuotaDomain { target: target.clone(), why: "is no provider target" });
            }
            if project.is_empty() || project.len() > QUOTA_DOMAIN_MAX {
                return Err(Error::QuotaDomain { target: target.clone(), why: "must have 1 to 128 bytes" });
            }
        }
        for region in &self.home_regions {
            let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if region.is_empty() || region.len() > REGION_MAX || !region.bytes().all(letters) {
                return Err(Error::HomeRegion {
                    why: "must be names of 1 to 64 lower-case letters, digits and dashes",
                });
            }
            if region == EVERYWHERE {
                return Err(Error::HomeRegion { why: "must be regions, and `global` is everywhere" });
            }
        }
        self.policy.check()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            refresh_interval: Span::seconds(1),
            stale_after: Span::seconds(10),
            quota_domains: BTreeMap::new(),
            home_regions: BTreeSet::new(),
            policy: Policy::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_project_that_cannot_be_is_refused_by_its_key() {
        let with = |target: &str, project: &str| Config {
            quota_domains: BTreeMap::from([(target.to_owned(), project.to_owned())]),
            ..Config::default()
        };
        with("provider-gemini", "shop-prod").check().unwrap();
        for (wrong, why) in [
            (with("gemini", "shop-prod"), "router.quota_domains.gemini is no provider target"),
            (with("provider-gemini", ""), "router.quota_domains.provider-gemini must have 1 to 128 bytes"),
            (
                with("provider-gemini", &"x".repeat(129)),
                "router.quota_domains.provider-gemini must have 1 to 128 bytes",
            ),
        ] {
            assert_eq!(wrong.check().unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn a_home_that_is_no_region_is_refused() {
        let with =
            |region: &str| Config { home_regions: BTreeSet::from([region.to_owned()]), ..Config::default() };
        with("me-central2").check().unwrap();
        for wrong in ["", "global", "Saudi Arabia", &"x".repeat(65)] {
            let message = with(wrong).check().unwrap_err().to_string();
            assert!(message.starts_with("router.home_regions must be"), "{message}");
        }
    }
}
