//! Options of the service.

use std::path::PathBuf;

use kaleem_runtime::config::{Secret, Span};
use serde::{Deserialize, Serialize};

use crate::{Error, grpc::EVENTS_MAX, store::postgres};

/// Longest wait for late events.
const STATEMENT_GRACE_MAX_SECONDS: u64 = 28 * 24 * 3_600;

/// Shortest time between two audits.
const AUDIT_INTERVAL_MIN_SECONDS: u64 = 60;

/// Options of the billing service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of `billing.sqlite`; made if it is missing. Not used with Postgres.
    pub data_folder: PathBuf,
    /// Where the ledger is in Postgres, such as `postgres://role:password@host/database`; absent, it is in `data_folder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres_url: Option<Secret>,
    /// Events that make a commit start at once.
    pub commit_events: usize,
    /// Events after which a commit takes no further call: what came during the last commit goes together, up to here.
    pub commit_events_max: usize,
    /// Longest that an event waits for others to share its commit.
    pub commit_window: Span,
    /// Most events waiting for a commit; further calls are refused as overload.
    pub queued_events_max: usize,
    /// Most price versions.
    pub price_versions_max: usize,
    /// How long after its month is over everywhere a statement waits for late events before it can be closed.
    pub statement_grace: Span,
    /// How often the books are audited and compared with the providers' bills although nobody asks; 0 never.
    pub audit_interval: Span,
    /// Bounds of the connections to Postgres.
    pub postgres: Postgres,
}

/// Bounds of the connections to Postgres.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Postgres {
    /// Most connections that read; writers have two more.
    pub readers_max: u32,
    /// Longest that a call waits for a connection, also for a server that starts again.
    pub acquire_timeout: Span,
    /// Longest that the server works on a statement of a call, or waits for the next one of a transaction.
    pub statement_timeout: Span,
    /// Longest that a write waits for those of other processes.
    pub lock_timeout: Span,
}

impl Default for Postgres {
    fn default() -> Self {
        Self {
            readers_max: 4,
            acquire_timeout: Span::seconds(5),
            statement_timeout: Span::seconds(30),
            lock_timeout: Span::seconds(10),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_folder: PathBuf::from("kaleem-data"),
            postgres_url: None,
            commit_events: 256,
            commit_events_max: 4_096,
            commit_window: Span::millis(5),
            queued_events_max: 8_192,
            price_versions_max: 10_000,
            statement_grace: Span::seconds(24 * 3_600),
            audit_interval: Span::seconds(24 * 3_600),
            postgres: Postgres::default(),
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
        if !(self.commit_events..=8_192).contains(&self.commit_events_max) {
            return refuse("commit_events_max", "commit_events to 8192");
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
        let audits = [Span::seconds(0), Span::seconds(AUDIT_INTERVAL_MIN_SECONDS)];
        if self.audit_interval != audits[0] && self.audit_interval < audits[1] {
            return refuse(
                "audit_interval",
                "0s, which is never, or at least 1m, as an audit reads the whole ledger",
            );
        }
        if self.postgres_url.as_ref().is_some_and(|url| postgres::parse(url.expose()).is_none()) {
            return refuse(
                "postgres_url",
                "a URL such as postgres://role:password@host:5432/database?sslmode=verify-full; take it out for SQLite",
            );
        }
        self.postgres.check()
    }
}

impl Postgres {
    fn check(&self) -> Result<(), Error> {
        let refuse = |field, rule| Err(Error::Config { field, rule });
        if !(1..=64).contains(&self.readers_max) {
            return refuse("postgres.readers_max", "1 to 64");
        }
        // Zero would switch each of them off.
        let limits = [
            ("postgres.acquire_timeout", self.acquire_timeout),
            ("postgres.statement_timeout", self.statement_timeout),
            ("postgres.lock_timeout", self.lock_timeout),
        ];
        match limits.into_iter().find(|(_, limit)| !(Span::millis(1)..=Span::seconds(600)).contains(limit)) {
            Some((field, _)) => refuse(field, "1ms to 10m"),
            None => Ok(()),
        }
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
        assert_eq!(toml::to_string(&toml::from_str::<Config>(&text).unwrap()).unwrap(), text);
        assert!(toml::from_str::<Config>("comit_events = 1").is_err());
    }

    #[test]
    fn wrong_options_are_named() {
        let with = |change: fn(&mut Postgres)| {
            let mut config = Config::default();
            change(&mut config.postgres);
            config
        };
        let wrong = [
            ("commit_events", Config { commit_events: 0, ..Config::default() }),
            ("commit_events_max", Config { commit_events_max: 255, ..Config::default() }),
            ("commit_window", Config { commit_window: Span::seconds(2), ..Config::default() }),
            ("queued_events_max", Config { queued_events_max: 1_023, ..Config::default() }),
            ("price_versions_max", Config { price_versions_max: 0, ..Config::default() }),
            (
                "statement_grace",
                Config { statement_grace: Span::seconds(29 * 24 * 3_600), ..Config::default() },
            ),
            ("audit_interval", Config { audit_interval: Span::seconds(59), ..Config::default() }),
            ("postgres.readers_max", with(|postgres| postgres.readers_max = 0)),
            ("postgres.lock_timeout", with(|postgres| postgres.lock_timeout = Span::millis(0))),
            ("postgres.statement_timeout", with(|postgres| postgres.statement_timeout = Span::seconds(601))),
        ];
        for (field, config) in wrong {
            assert!(config.check().unwrap_err().to_string().contains(field), "{field}");
        }
    }
    #[test]
    fn a_wrong_url_is_refused_without_being_told() {
        for url in
            ["", "mysql://root:secret@db/x", "postgres://u:secret@db:port", "postgres://db/x?pass=secret"]
        {
            let config = Config { postgres_url: Some(Secret::from(url.to_owned())), ..Config::default() };
            let message = config.check().unwrap_err().to_string();
            assert!(
                message.starts_with("billing.postgres_url must be a URL") && !message.contains("secret"),
                "{message}"
            );
        }
        let url = Some(Secret::from("postgresql://u:secret@db/x".to_owned()));
        let config = Config { postgres_url: url, ..Config::default() };
        config.check().unwrap();
        assert!(!toml::to_string(&config).unwrap().contains("secret"));
    }
}
