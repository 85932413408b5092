//! Configuration of the gateway.

use std::path::PathBuf;

use kaleem_runtime::config::{Size, Span};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Configuration of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of this instance in usage records.
    pub gateway_id: String,
    /// Folder of the outcome journal; empty puts it under the data folder.
    pub journal_dir: PathBuf,
    /// How long a checked credential is trusted; revocations reach callers within it.
    pub credential_ttl: Span,
    /// Deadline of requests that bring none.
    pub default_deadline: Span,
    /// Latest deadline that a request may bring, at most 15 min: no hold lives longer.
    pub deadline_max: Span,
    /// Life of a hold whose gateway is not heard of, 1 s to 15 min. Streams are heard of after 10 s and then every 5 s, so that a
    /// shorter life lets the holds of long streams run out; they are settled late, and exactly.
    pub hold_ttl: Span,
    /// Wait for quota to admit a call; after it quota counts as away.
    pub quota_timeout: Span,
    /// What calls may cost while quota is away.
    pub credit: Credit,
    /// Longest that calls are admitted while billing takes no usage, 1 s to 24 h; until then the journal keeps it.
    pub billing_away_max: Span,
    /// Wait for the first token of one attempt.
    pub first_token_timeout: Span,
    /// Longest silence between two tokens.
    pub idle_timeout: Span,
    /// Output bound of requests that name none, in tokens.
    pub default_max_output_tokens: i64,
    /// Attempts beyond the first, before any content was sent.
    pub failovers_max: usize,
    /// Largest request body.
    pub body_bytes_max: Size,
    /// Messages in one request.
    pub messages_max: usize,
    /// HTTP requests at once.
    pub http_requests_max: usize,
    /// Facts of merchants that are held between requests, in bytes of their JSON, and as much of facts that come with requests; the
    /// least used give way.
    pub answer_policies_bytes_max: Size,
    /// How often prices are read again.
    pub price_refresh_interval: Span,
}

/// What each merchant may be lent by this gateway in one outage of quota: at most this, a hundredth of its month's money, and its share of
/// what it had left. All gateways together lend `gateways` times that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Credit {
    /// Calls; 0 lends nothing, so that without quota nothing is served.
    pub requests_max: u32,
    /// Money, in nano-US-dollars.
    pub cost_nano_usd_max: i64,
    /// What quota said longer ago is nothing to lend on; an outage is over when nothing was lent for as long.
    pub snapshot_age_max: Span,
    /// Gateways that share what a merchant had left, 1 to 1,000.
    pub gateways: u32,
}

impl Default for Credit {
    fn default() -> Self {
        Self {
            requests_max: 100,
            cost_nano_usd_max: 500_000_000,
            snapshot_age_max: Span::seconds(5 * 60),
            gateways: 4,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gateway_id: "gateway-1".to_owned(),
            journal_dir: PathBuf::new(),
            credential_ttl: Span::seconds(1),
            default_deadline: Span::seconds(120),
            deadline_max: Span::seconds(14 * 60),
            hold_ttl: Span::seconds(30),
            quota_timeout: Span::seconds(2),
            credit: Credit::default(),
            billing_away_max: Span::seconds(15 * 60),
            first_token_timeout: Span::seconds(30),
            idle_timeout: Span::seconds(60),
            default_max_output_tokens: 1024,
            failovers_max: 2,
            body_bytes_max: Size::mib(8),
            messages_max: 1000,
            http_requests_max: 4096,
            answer_policies_bytes_max: Size::mib(64),
            price_refresh_interval: Span::seconds(2),
        }
    }
}

impl Config {
    /// Checks what serde cannot; the error names the key.
    pub fn check(&self) -> Result<(), Error> {
        if !(Span::seconds(1)..=Span::seconds(15 * 60)).contains(&self.hold_ttl) {
            return Err(Error::Config { key: "hold_ttl", why: "must be 1s to 15min" });
        }
        if !(Span::millis(10)..=Span::seconds(60)).contains(&self.quota_timeout) {
            return Err(Error::Config { key: "quota_timeout", why: "must be 10ms to 60s" });
        }
        if self.default_deadline > self.deadline_max || self.deadline_max > Span::seconds(15 * 60) {
            return Err(Error::Config {
                key: "deadline_max",
                why: "must be at least default_deadline and at most 15min",
            });
        }
        if !(Span::seconds(1)..=Span::seconds(24 * 3_600)).contains(&self.billing_away_max) {
            return Err(Error::Config { key: "billing_away_max", why: "must be 1s to 24h" });
        }
        self.credit.check()
    }
}

impl Credit {
    fn check(&self) -> Result<(), Error> {
        if self.requests_max > 10_000 {
            return Err(Error::Config { key: "credit.requests_max", why: "must be at most 10000" });
        }
        if !(0..=10_000_000_000).contains(&self.cost_nano_usd_max) {
            return Err(Error::Config {
                key: "credit.cost_nano_usd_max",
                why: "must be 0 to 10000000000, which is $10",
            });
        }
        if !(Span::seconds(1)..=Span::seconds(60 * 60)).contains(&self.snapshot_age_max) {
            return Err(Error::Config { key: "credit.snapshot_age_max", why: "must be 1s to 1h" });
        }
        if !(1..=1_000).contains(&self.gateways) {
            return Err(Error::Config { key: "credit.gateways", why: "must be 1 to 1000" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        assert!(Config::default().check().is_ok());
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        let refused = [
            ("hold_ttl", with(|config| config.hold_ttl = Span::millis(999))),
            ("quota_timeout", with(|config| config.quota_timeout = Span::ZERO)),
            ("credit.requests_max", with(|config| config.credit.requests_max = 10_001)),
            ("credit.cost_nano_usd_max", with(|config| config.credit.cost_nano_usd_max = -1)),
            ("credit.snapshot_age_max", with(|config| config.credit.snapshot_age_max = Span::ZERO)),
            ("credit.gateways", with(|config| config.credit.gateways = 0)),
        ];
        for (key, message) in refused {
            assert!(message.starts_with(&format!("{key} must be ")), "{message}");
        }
    }
}
