//! Configuration of the quota service.

mod upstream;

use std::{collections::HashSet, path::PathBuf};

use kaleem_domain::MerchantId;
use kaleem_runtime::config::{Secret, Span};
use serde::{Deserialize, Serialize};

use crate::{Error, alerts::Webhook, machine, store};
pub use upstream::{Upstream, UpstreamLimits, UpstreamProject, UpstreamSpend};

/// Configuration of the quota service; every bound has a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// SQLite file of the journal; its folder must exist.
    pub path: PathBuf,
    /// Postgres that several quota processes share, `postgres://`; without it `path` is the durable store, which serves one process.
    pub postgres_url: Option<Secret>,
    /// Redis that several quota processes share, `redis://` or `rediss://`: counters are in it, and what must survive its loss in the
    /// durable store. It must not evict. Without it and `postgres_url` quota answers from memory and is one process.
    pub redis_url: Option<Secret>,
    /// Bounds on a store that several quota processes share.
    pub shared: Shared,
    /// Merchants in memory at once. Others are written out and read back when they call.
    pub merchants_max: usize,
    /// Live holds of one merchant; a larger concurrency cap counts as this.
    pub holds_per_merchant_max: usize,
    /// Ended reservations of one merchant in memory. Older ones are looked up in the journal.
    pub tombstones_per_merchant_max: usize,
    /// Commands that wait for the journal at most. When it is full, Reserve refuses.
    pub journal_queue_max: usize,
    /// Commands that one commit takes at most.
    pub journal_batch_max: usize,
    /// How long a commit gathers commands.
    pub journal_gather: Span,
    /// How long a command other than Reserve waits for room in the journal, and a policy or top-up for its commit.
    pub journal_wait: Span,
    /// How often due holds are expired and old tombstones deleted.
    pub sweep_interval: Span,
    /// Bound on one call to accounts.
    pub accounts_timeout: Span,
    /// How often posted usage is compared with the ledger; zero never does. A difference that two rounds see is healed.
    pub reconcile_interval: Span,
    /// Bound on one call to billing.
    pub billing_timeout: Span,
    /// How the ledger is followed.
    pub follow: Follow,
    /// How long a known policy counts while accounts cannot be reached. Reserve refuses afterwards.
    pub policy_stale_max: Span,
    /// Merchants whose caps warn and do not refuse; `*` is all. What would be refused is counted in
    /// `kaleem_quota_shadow_refusals_total`.
    pub shadow_merchants: Vec<String>,
    /// Watchers of policies at once.
    pub policy_watchers_max: usize,
    /// Alerts about used caps.
    pub alerts: Alerts,
    /// Limits of upstream projects.
    pub upstream: Upstream,
}

/// Bounds on a store that several quota processes share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shared {
    /// Commands of one merchant that wait at most. More are refused.
    pub queue_max: usize,
    /// Commands of one merchant that one commit takes at most.
    pub batch_max: usize,
    /// Times that a commit is tried while other processes change the merchant.
    pub tries_max: u32,
    /// How long a caller waits for a commit.
    pub wait: Span,
    /// Bound on one connection.
    pub connect_timeout: Span,
    /// Connections to Postgres at once.
    pub connections_max: u32,
    /// Bound on one command of Redis.
    pub response_timeout: Span,
    /// Commands of Redis at once.
    pub in_flight_max: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            queue_max: 1_024,
            batch_max: 64,
            tries_max: 64,
            wait: Span::seconds(2),
            connect_timeout: Span::seconds(1),
            connections_max: 8,
            response_timeout: Span::millis(500),
            in_flight_max: 256,
        }
    }
}

/// How the ledger is followed, and told of calls that it seems to have missed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Follow {
    /// How long billing is asked to wait for news before it answers that there are none; at most a second where several processes
    /// share a store.
    pub wait: Span,
    /// A call that settled this long ago and is not in the ledger is told to billing, unless its gateway does so first.
    pub push_after: Span,
    /// How often such calls are looked for.
    pub push_interval: Span,
    /// Calls that billing is told of at once.
    pub push_batch_max: u32,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            wait: Span::seconds(10),
            push_after: Span::seconds(300),
            push_interval: Span::seconds(30),
            push_batch_max: 256,
        }
    }
}

impl Follow {
    /// Itself, if it can work; an error names the key that is wrong.
    pub(crate) fn checked(&self) -> Result<&Self, Error> {
        let spans = [
            ("wait", self.wait, 1, 30_000),
            ("push_after", self.push_after, 0, 86_400_000),
            ("push_interval", self.push_interval, 1, 3_600_000),
        ];
        for (key, span, least_ms, most_ms) in spans {
            if !(least_ms..=most_ms).contains(&span.get().as_millis()) {
                let why = format!("must be {least_ms} to {most_ms} ms");
                return Err(Error::Config { key: format!("quota.follow.{key}"), why });
            }
        }
        if !(1..=1_024).contains(&self.push_batch_max) {
            let why = "must be 1 to 1024".to_owned();
            return Err(Error::Config { key: "quota.follow.push_batch_max".to_owned(), why });
        }
        Ok(self)
    }
}

/// Where alerts go and how long they are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// Address that each alert is posted to; empty sends none.
    pub webhook_url: String,
    /// Signs webhooks; plain, or `whsec_` and base64.
    pub webhook_secret: Secret,
    /// Bound on one try.
    pub webhook_timeout: Span,
    /// Wait after the first failed try; it doubles with each.
    pub webhook_retry_wait: Span,
    /// Longest wait between two tries.
    pub webhook_retry_wait_max: Span,
    /// An alert that is not taken this long after it was made is given up.
    pub webhook_give_up_after: Span,
    /// How often the outbox is looked through for tries that are due.
    pub poll_interval: Span,
    /// How long alerts are kept for watchers. Windows are kept for shorter, so no alert is made again.
    pub kept: Span,
    /// Watchers at once.
    pub watchers_max: usize,
}

const DAY_SECONDS: u64 = 86_400;

impl Default for Alerts {
    fn default() -> Self {
        Self {
            webhook_url: String::new(),
            webhook_secret: Secret::default(),
            webhook_timeout: Span::seconds(10),
            webhook_retry_wait: Span::seconds(1),
            webhook_retry_wait_max: Span::seconds(15 * 60),
            webhook_give_up_after: Span::seconds(DAY_SECONDS),
            poll_interval: Span::seconds(1),
            kept: Span::seconds(100 * DAY_SECONDS),
            watchers_max: 64,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let limits = machine::Limits::default();
        Self {
            path: PathBuf::from("quota.db"),
            postgres_url: None,
            redis_url: None,
            shared: Shared::default(),
            merchants_max: 1_024,
            holds_per_merchant_max: limits.holds_max,
            tombstones_per_merchant_max: limits.tombstones_max,
            journal_queue_max: 8_192,
            journal_batch_max: 1_024,
            journal_gather: Span::millis(20),
            journal_wait: Span::seconds(1),
            sweep_interval: Span::seconds(1),
            accounts_timeout: Span::seconds(2),
            reconcile_interval: Span::seconds(60),
            billing_timeout: Span::seconds(2),
            follow: Follow::default(),
            policy_stale_max: Span::seconds(300),
            policy_watchers_max: 64,
            alerts: Alerts::default(),
            shadow_merchants: Vec::new(),
            upstream: Upstream::default(),
        }
    }
}

/// Merchants in shadow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shadow {
    all: bool,
    merchants: HashSet<MerchantId>,
}

/// Names all merchants.
const EVERYBODY: &str = "*";

impl Shadow {
    /// A project is no merchant: its money is ours.
    pub(crate) fn has(&self, merchant: &MerchantId) -> bool {
        (self.all && merchant.upstream().is_none()) || self.merchants.contains(merchant)
    }
}

impl Config {
    /// Checks what serde cannot; the error names the key. Opening checks the same.
    pub fn check(&self) -> Result<(), Error> {
        self.shadow()?;
        self.address().map(store::parse).transpose()?;
        self.upstream.settings()?;
        self.follow.checked()?;
        Webhook::from_config(&self.alerts).map(|_| ())
    }

    /// Address of the shared database; an empty one is none.
    pub(crate) fn address(&self) -> Option<&str> {
        self.postgres_url.as_ref().filter(|url| !url.is_empty()).map(Secret::expose)
    }

    /// The merchants in shadow; an error names the entry that is wrong.
    pub(crate) fn shadow(&self) -> Result<Shadow, Error> {
        let mut shadow = Shadow::default();
        for (index, name) in self.shadow_merchants.iter().enumerate() {
            let wrong = |error: kaleem_domain::id::IdError| Error::Config {
                key: format!("quota.shadow_merchants[{index}]"),
                why: format!("must be * or the id of a merchant: {error}"),
            };
            if name == EVERYBODY {
                shadow.all = true;
            } else {
                shadow.merchants.insert(MerchantId::parse(name).map_err(wrong)?);
            }
        }
        Ok(shadow)
    }

    pub(crate) const fn limits(&self) -> machine::Limits {
        machine::Limits {
            holds_max: self.holds_per_merchant_max,
            tombstones_max: self.tombstones_per_merchant_max,
        }
    }
}
