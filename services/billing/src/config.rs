//! Options of the service.

use std::path::PathBuf;

use kaleem_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::{Error, grpc::EVENTS_MAX};

/// Longest wait for late events.
const STATEMENT_GRACE_MAX_SECONDS: u64 = 28 * 24 * 3_600;

/// Options of the billing service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of `billing.sqlite`; made if it is missing.
    pub data_folder: PathBuf,
    /// Events that make a commit start at once.
    pub commit_events: usize,
    /// Longest that an event waits for others to share its commit.
    pub commit_window: Span,
    /// Most events waiting for a commit; further calls are refused as overload.
    pub queued_events_max: usize,
    /// Most price versions.
    pub price_versions_max: usize,
    /// How long after its month is over everywhere a statement waits for late events before it can be closed.
    pub statement_grace: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_folder: PathBuf::from("kaleem-data"),
            commit_events: 256,
            commit_window: Span::millis(5),
            queued_events_max: 8_192,
            price_versions_max: 10_000,
            statement_grace: Span::seconds(24 * 3_600),
        }
    }
}

impl Config {
    /// Checks what serde cannot.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, rule| Err(Error::Config { field, rule });
        if !(1..=4_096).contains(&self.commit_events) {
            return refuse("commit_events", "1 to 4096");
        }
        if self.commit_window > Span::seconds(1) {
            return refuse("commit_window", "at most 1s, as callers wait for it");
        }
        if self.queued_events_max < EVENTS_MAX {
            return refuse("queued_events_max", "at least 1024, the most that one call carries");
        }
        if self.price_versions_max == 0 {
            return refuse("price_versions_max", "at least 1");
        }
        if self.statement_grace > Span::seconds(STATEMENT_GRACE_MAX_SECONDS) {
            return refuse(
                "statement_grace",
                "at most 28d, so that a month can be closed before the next one",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_survives_a_round_trip() {
        let config = Config::default();
        config.check().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("commit_window = \"5ms\""), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        assert!(toml::from_str::<Config>("comit_events = 1").is_err());
    }

    #[test]
    fn wrong_options_are_named() {
        let wrong = [
            ("commit_events", Config { commit_events: 0, ..Config::default() }),
            ("commit_window", Config { commit_window: Span::seconds(2), ..Config::default() }),
            ("queued_events_max", Config { queued_events_max: 1_023, ..Config::default() }),
            ("price_versions_max", Config { price_versions_max: 0, ..Config::default() }),
            (
                "statement_grace",
                Config { statement_grace: Span::seconds(29 * 24 * 3_600), ..Config::default() },
            ),
        ];
        for (field, config) in wrong {
            assert!(config.check().unwrap_err().to_string().contains(field), "{field}");
        }
    }
}
