//! Options of the service.

use std::path::PathBuf;

use kaleem_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::{Error, key};

/// Options of the accounts service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of `accounts.sqlite`; made if it is missing.
    pub data_folder: PathBuf,
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_folder: PathBuf::from("kaleem-data"),
            environment: "dev".to_owned(),
            default_plan: "starter".to_owned(),
            indexed_keys_max: 100_000,
            indexed_merchants_max: 20_000,
            plans_max: 256,
            heartbeat: Span::seconds(1),
            watchers_max: 1_024,
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
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        assert!(toml::from_str::<Config>("data_foldr = \"x\"").is_err());
    }

    #[test]
    fn wrong_options_are_named() {
        let wrong = [
            Config { environment: "Dev_1".into(), ..Config::default() },
            Config { default_plan: String::new(), ..Config::default() },
            Config { heartbeat: Span::seconds(2), ..Config::default() },
            Config { watchers_max: 0, ..Config::default() },
        ];
        let messages: Vec<_> = wrong.iter().map(|config| config.check().unwrap_err().to_string()).collect();
        for (message, field) in
            messages.iter().zip(["environment", "default_plan", "heartbeat", "watchers_max"])
        {
            assert!(message.contains(field), "{message}");
        }
    }
}
