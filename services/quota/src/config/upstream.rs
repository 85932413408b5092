//! Configuration of upstream projects: what a provider lets them do, and what they may cost us.

use std::collections::{BTreeMap, HashMap};

use kaleem_domain::{MerchantId, window::Zone};
use kaleem_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    machine::{BillingMode, COUNT_MAX, CapAction, Caps, Policy, Profile},
    upstream::{Limits, Settings},
};

/// Limits of upstream projects: data of the provider's tier, so there are none until they are given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// Life of a lease, in whole seconds; utilisation falls by about 1.6 % with each.
    pub lease: Span,
    /// Models of projects that are remembered at once.
    pub models_max: usize,
    /// Gateways of one model that are remembered at once.
    pub gateways_max: usize,
    /// Limits of a project, or of one of its models.
    pub projects: Vec<UpstreamProject>,
    /// Limits of each model of a project that is not listed; nothing where it is absent.
    pub default: Option<UpstreamLimits>,
    /// What projects may cost us a month, over all their models; a project without a row may cost anything.
    pub spend: Vec<UpstreamSpend>,
}

/// What a project may cost us a month: the spend cap of its billing tier, or less.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSpend {
    /// Quota domain, as candidates name it.
    pub quota_domain: String,
    /// What the provider may charge us in a calendar month by the cost side of the price book, in nano-US-dollars.
    pub month_cost_nano_usd: i64,
    /// IANA zone at whose midnight the month ends; that of Gemini where it is absent.
    #[serde(default)]
    pub month_zone: Option<String>,
}

/// Limits of a project, or of one of its models.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamProject {
    /// Quota domain, as candidates name it.
    pub quota_domain: String,
    /// Model; without one, each model of the domain has these limits on its own.
    #[serde(default)]
    pub model: Option<String>,
    /// Limits.
    pub limits: UpstreamLimits,
}

/// Limits of one model; what is absent is not limited.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamLimits {
    /// Requests in any 60 seconds.
    pub minute_requests: Option<i64>,
    /// Input tokens in any 60 seconds.
    pub minute_input_tokens: Option<i64>,
    /// Requests in a day.
    pub day_requests: Option<i64>,
    /// IANA zone at whose midnight the day ends; that of Gemini where it is absent.
    pub day_zone: Option<String>,
}

/// Zone in which Gemini counts days and months.
const PROVIDER_ZONE: &str = "America/Los_Angeles";
/// A lease lives for at most this many seconds.
const LEASE_SECONDS_MAX: u64 = 10;

impl Default for Upstream {
    fn default() -> Self {
        Self {
            projects: Vec::new(),
            default: None,
            spend: Vec::new(),
            lease: Span::seconds(1),
            models_max: 256,
            gateways_max: 64,
        }
    }
}

impl Upstream {
    /// The limits as they are enforced; an error names the key that is wrong.
    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        let lease = self.lease.get();
        let whole = lease.subsec_nanos() == 0 && (1..=LEASE_SECONDS_MAX).contains(&lease.as_secs());
        if !whole {
            let why = format!("must be 1 to {LEASE_SECONDS_MAX} whole seconds");
            return Err(Error::Config { key: "quota.upstream.lease".to_owned(), why });
        }
        let mut rows = HashMap::new();
        for (index, project) in self.projects.iter().enumerate() {
            let key = format!("quota.upstream.projects[{index}]");
            let limits = project.limits.checked(&format!("{key}.limits"))?;
            let names = (project.quota_domain.clone(), project.model.clone());
            if rows.insert(names, limits).is_some() {
                let why = "names a quota_domain and model that another row has; keep one".to_owned();
                return Err(Error::Config { key, why });
            }
        }
        let default = self.default.as_ref().map(|limits| limits.checked("quota.upstream.default"));
        let capped = self.spend_caps()?.into_keys().collect();
        Ok(Settings {
            rows,
            default: default.transpose()?,
            capped,
            lease_seconds: i64::try_from(lease.as_secs()).unwrap_or(1),
            models_max: self.models_max,
            gateways_max: self.gateways_max,
        })
    }

    /// The profile of each project with a spend cap; an error names the key that is wrong.
    pub(crate) fn spend_caps(&self) -> Result<BTreeMap<String, Profile>, Error> {
        let mut caps = BTreeMap::new();
        for (index, spend) in self.spend.iter().enumerate() {
            let key = format!("quota.upstream.spend[{index}]");
            MerchantId::of_upstream(&spend.quota_domain).map_err(|error| Error::Config {
                key: format!("{key}.quota_domain"),
                why: error.to_string(),
            })?;
            if caps.insert(spend.quota_domain.clone(), spend.checked(&key)?).is_some() {
                let why = "names a quota_domain that another row has; keep one".to_owned();
                return Err(Error::Config { key, why });
            }
        }
        Ok(caps)
    }
}

impl UpstreamSpend {
    /// A project is an account like a merchant, of whom money alone is limited.
    fn checked(&self, key: &str) -> Result<Profile, Error> {
        let wrong = |field: &str, why: String| Error::Config { key: format!("{key}.{field}"), why };
        if !(1..=COUNT_MAX).contains(&self.month_cost_nano_usd) {
            return Err(wrong(
                "month_cost_nano_usd",
                format!("must be between 1 and {COUNT_MAX}; leave the row out where there is no cap"),
            ));
        }
        let time_zone = self.month_zone.clone().unwrap_or_else(|| PROVIDER_ZONE.to_owned());
        Zone::parse(&time_zone).map_err(|error| wrong("month_zone", error.to_string()))?;
        let caps = Caps {
            day_requests: COUNT_MAX,
            month_tokens: COUNT_MAX,
            month_cost_nano: self.month_cost_nano_usd,
            concurrency: COUNT_MAX,
        };
        let policy = Policy {
            plan_id: "upstream".to_owned(),
            plan_version: 1,
            caps,
            on_cap: CapAction::Suspend,
            alert_percents: Vec::new(),
            billing_mode: BillingMode::Postpaid,
        };
        Ok(Profile { policy, time_zone })
    }
}

impl UpstreamLimits {
    fn checked(&self, key: &str) -> Result<Limits, Error> {
        let Self { minute_requests, minute_input_tokens, day_requests, .. } = *self;
        let caps = [
            ("minute_requests", minute_requests),
            ("minute_input_tokens", minute_input_tokens),
            ("day_requests", day_requests),
        ];
        for (field, cap) in caps {
            if cap.is_some_and(|cap| !(1..=COUNT_MAX).contains(&cap)) {
                let why = format!("must be between 1 and {COUNT_MAX}; leave it out where there is no limit");
                return Err(Error::Config { key: format!("{key}.{field}"), why });
            }
        }
        let day_zone = self.day_zone.clone().unwrap_or_else(|| PROVIDER_ZONE.to_owned());
        Zone::parse(&day_zone)
            .map_err(|error| Error::Config { key: format!("{key}.day_zone"), why: error.to_string() })?;
        Ok(Limits { minute_requests, minute_input_tokens, day_requests, day_zone, exact: false })
    }
}
