//! Configuration of redaction.

use std::path::PathBuf;

use kaleem_runtime::config::{Secret, Size, Span};
use kaleem_store::postgres::{Config as PostgresConfig, broken_rule};
use serde::{Deserialize, Serialize};

use crate::{Error, NameModelConfig};

/// Configuration of redaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The line that goes before a conversation with placeholders, so that the model keeps them.
    pub instruction: String,
    /// Pieces of an answer that wait for a slow reader of `StreamRestore`.
    pub restore_queue: usize,
    /// Folder of `redaction.sqlite`, the merchants' policies; made if it is missing. Not used with `postgres_url`.
    pub data_folder: PathBuf,
    /// Database of policies that several processes share, `postgres://user:password@host:5432/database`; unset is SQLite.
    pub postgres_url: Option<Secret>,
    /// Memory for policies that are ready to use; others are read from the store again.
    pub policy_cache: Size,
    /// Longest wait for the store before a request goes on under the strict policy.
    pub policy_timeout: Span,
    /// Longest that a policy is taken to be in force without having looked for changes. After it nothing that the policy leaves
    /// in a text is left there, and texts stay with models that may see personal data.
    pub staleness_max: Span,
    /// Bounds of the shared store.
    pub postgres: PostgresConfig,
    /// A model that finds names which no word announces.
    pub name_model: NameModelConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instruction: "Keep tokens of the form [[TYPE:XXXXXX]] unchanged.".to_owned(),
            restore_queue: 32,
            data_folder: PathBuf::from("kaleem-data"),
            postgres_url: None,
            policy_cache: Size::mib(64),
            policy_timeout: Span::millis(500),
            staleness_max: Span::seconds(5),
            postgres: PostgresConfig::default(),
            name_model: NameModelConfig::default(),
        }
    }
}

impl Config {
    /// Checks what serde cannot.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, rule| Err(Error::Config { field, rule });
        if self.policy_timeout == Span::ZERO {
            return refuse("policy_timeout", "more than zero");
        }
        if let Some(rule) = self.postgres_url.as_ref().and_then(|url| broken_rule(url.expose())) {
            return refuse("postgres_url", rule);
        }
        self.name_model.check()?;
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
    fn the_default_is_valid_and_wrong_options_are_named() {
        Config::default().check().unwrap();
        let with = |postgres| Config { postgres, ..Config::default() };
        let url = |url: &str| Some(Secret::from(url.to_owned()));
        let wrong = [
            (Config { policy_timeout: Span::ZERO, ..Config::default() }, "policy_timeout"),
            (Config { postgres_url: url("mysql://k:hunter2@db/k"), ..Config::default() }, "postgres_url"),
            (with(PostgresConfig { connections_max: 1, ..PostgresConfig::default() }), "connections_max"),
            (with(PostgresConfig { lock_timeout: Span::ZERO, ..PostgresConfig::default() }), "lock_timeout"),
            (
                with(PostgresConfig { poll_interval: Span::seconds(5), ..PostgresConfig::default() }),
                "poll_interval",
            ),
        ];
        for (config, field) in wrong {
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(field) && !message.contains("hunter2"), "{message}");
        }
    }
}
