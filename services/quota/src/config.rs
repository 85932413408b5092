//! Configuration of the quota service.

use std::path::PathBuf;

use kaleem_runtime::config::{Secret, Span};
use serde::{Deserialize, Serialize};

use crate::machine::Limits;

/// Configuration of the quota service; every bound has a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// SQLite file of the journal; its folder must exist.
    pub path: PathBuf,
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
    /// How long a known policy counts while accounts cannot be reached. Reserve refuses afterwards.
    pub policy_stale_max: Span,
    /// Alerts about used caps.
    pub alerts: Alerts,
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
        let limits = Limits::default();
        Self {
            path: PathBuf::from("quota.db"),
            merchants_max: 1_024,
            holds_per_merchant_max: limits.holds_max,
            tombstones_per_merchant_max: limits.tombstones_max,
            journal_queue_max: 8_192,
            journal_batch_max: 1_024,
            journal_gather: Span::millis(20),
            journal_wait: Span::seconds(1),
            sweep_interval: Span::seconds(1),
            accounts_timeout: Span::seconds(2),
            policy_stale_max: Span::seconds(300),
            alerts: Alerts::default(),
        }
    }
}

impl Config {
    pub(crate) const fn limits(&self) -> Limits {
        Limits { holds_max: self.holds_per_merchant_max, tombstones_max: self.tombstones_per_merchant_max }
    }
}
