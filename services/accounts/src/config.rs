//! Options of the service.

use std::path::PathBuf;

use kaleem_runtime::config::{Secret, Span};
use kaleem_store::postgres::{Config as PostgresConfig, broken_rule};
use serde::{Deserialize, Serialize};

use crate::{Error, key};

/// Options of the accounts service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of `accounts.sqlite`; made if it is missing. Not used with `postgres_url`.
    pub data_folder: PathBuf,
    /// Database of a store that several processes share, `postgres://user:password@host:5432/database`; unset is SQLite.
    pub postgres_url: Option<Secret>,
    /// Second part of new keys, `klm_<environment>_…`: 1 to 16 lower-case letters and digits.
    pub environment: String,
    /// Plan of merchants that name none.
    pub default_plan: String,
    /// Most keys in the memory index; further ones are read from the store on each call.
    pub indexed_keys_max: usize,
    /// Most merchants in the memory index; further ones are read from the store on each call.
    pub indexed_merchants_max: usize,
    /// Most plans.
    pub plans_max: usize,
    /// Longest silence on the revocation feed.
    pub heartbeat: Span,
    /// Most watchers of the revocation feed at once.
    pub watchers_max: usize,
    /// Longest that what is remembered is trusted without having looked for changes; then each call reads the store. So
    /// a revocation is in force on every process within this time, or the process refuses.
    pub staleness_max: Span,
    /// Bounds of the shared store.
    pub postgres: PostgresConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_folder: PathBuf::from("kaleem-data"),
            postgres_url: None,
            environment: "dev".to_owned(),
            default_plan: "starter".to_owned(),
            indexed_keys_max: 100_000,
            indexed_merchants_max: 20_000,
            plans_max: 256,
            heartbeat: Span::seconds(1),
            watchers_max: 1_024,
            staleness_max: Span::seconds(1),
            postgres: PostgresConfig::default(),
        }
    }
}

impl Config {
    /// Checks what serde cannot.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, rule| Err(Error::Config { field, rule });
        if !key::is_environment(&self.environment) {
            return refuse("environment", "1 to 16 lower-case letters and digits");
        }
        if self.default_plan.is_empty() {
            return refuse("default_plan", "the id of a plan");
        }
        if self.heartbeat == Span::ZERO || self.heartbeat > Span::seconds(1) {
            return refuse("heartbeat", "more than zero and at most 1s, the bound that gateways rely on");
        }
        if self.plans_max == 0 || self.watchers_max == 0 {
            return refuse("plans_max and watchers_max", "at least 1");
        }
        if let Some(rule) = self.postgres_url.as_ref().and_then(|url| broken_rule(url.expose())) {
            return refuse("postgres_url", rule);
        }
        if let Some((field, rule)) = self.postgres.broken_rule(self.staleness_max) {
            return refuse(field, rule);
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
        assert!(text.contains("heartbeat = \"1s\""), "{text}");
        assert_eq!(toml::to_string(&toml::from_str::<Config>(&text).unwrap()).unwrap(), text);
        assert!(toml::from_str::<Config>("data_foldr = \"x\"").is_err());
    }

    #[test]
    fn wrong_options_are_named() {
        let with = |postgres| Config { postgres, ..Config::default() };
        let wrong = [
            Config { environment: "Dev_1".into(), ..Config::default() },
            Config { default_plan: String::new(), ..Config::default() },
            Config { heartbeat: Span::seconds(2), ..Config::default() },
            Config { watchers_max: 0, ..Config::default() },
            with(PostgresConfig { connections_max: 1, ..PostgresConfig::default() }),
            with(PostgresConfig { lock_timeout: Span::ZERO, ..PostgresConfig::default() }),
            with(PostgresConfig { poll_interval: Span::seconds(1), ..PostgresConfig::default() }),
        ];
        let messages: Vec<_> = wrong.iter().map(|config| config.check().unwrap_err().to_string()).collect();
        let fields = [
            "environment",
            "default_plan",
            "heartbeat",
            "watchers_max",
            "connections_max",
            "lock_timeout",
            "poll_interval",
        ];
        for (message, field) in messages.iter().zip(fields) {
            assert!(message.contains(field), "{message}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_and_not_shown() {
        let with =
            |url: &str| Config { postgres_url: Some(Secret::from(url.to_owned())), ..Config::default() };
        for good in [
            "postgres://kaleem:hunter2@db:5432/kaleem",
            "postgresql://db/kaleem?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgres://kaleem@%2Frun%2Fpostgresql/kaleem",
        ] {
            with(good).check().unwrap();
        }
        for bad in [
            "mysql://kaleem:hunter2@db/kaleem",
            "kaleem:hunter2@db/kaleem",
            "postgres://kaleem:hunter2@db:port/kaleem",
            "postgres://kaleem:hunter2@db",
            "postgres://db/kaleem?sslmode=hunter2",
            "postgres://db/kaleem?pasword=hunter2",
            "",
        ] {
            let message = with(bad).check().unwrap_err().to_string();
            assert!(message.starts_with("accounts.postgres_url must "), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
