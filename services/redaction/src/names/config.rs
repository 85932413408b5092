//! Where the model of names is, and its bounds.

use std::net::IpAddr;

use kaleem_runtime::config::{Size, Span};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Error;

/// A longer wait would be felt by everybody.
const DEADLINE_MAX: Span = Span::millis(50);
const REQUESTS_MAX: usize = 1_024;
const TEXT_BYTES_MAX: Size = Size::mib(1);
/// Names that only a network of one's own resolves.
const OWN_SUFFIXES: [&str; 7] =
    [".internal", ".local", ".localhost", ".lan", ".svc", ".cluster.local", ".home.arpa"];

/// A model on our own machines that finds names which no word announces. Without an address there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameModelConfig {
    /// Address of a token classifier, for example `http://10.0.0.9:8000/names`; empty is no model. Texts go there as they were
    /// written, so it must be of the own network: a private address, or a name such as `ner.internal`.
    pub url: String,
    /// Says of an address that does not look like one of the own network that it is, or lies in the region where personal data may be.
    pub in_region: bool,
    /// Longest that a request waits for names, 1 ms to 50 ms; after it the request goes on without.
    pub deadline: Span,
    /// Requests to the model at once, 1 to 1,024; beyond it requests go on without names at once.
    pub requests_max: usize,
    /// Bytes of text that a request shows the model, at most 1 MiB; newer texts before older ones.
    pub text_bytes_max: Size,
}

impl Default for NameModelConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            in_region: false,
            deadline: Span::millis(5),
            requests_max: 16,
            text_bytes_max: Size::kib(16),
        }
    }
}

impl NameModelConfig {
    /// Checks what serde cannot.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |field, rule| Err(Error::Config { field, rule });
        if !(Span::millis(1)..=DEADLINE_MAX).contains(&self.deadline) {
            return refuse("name_model.deadline", "1ms to 50ms");
        }
        if !(1..=REQUESTS_MAX).contains(&self.requests_max) {
            return refuse("name_model.requests_max", "1 to 1024");
        }
        if self.text_bytes_max == Size::bytes(0) || self.text_bytes_max > TEXT_BYTES_MAX {
            return refuse("name_model.text_bytes_max", "1 byte to 1MiB");
        }
        self.address().map(drop)
    }

    /// Where the model is, if there is one.
    pub(super) fn address(&self) -> Result<Option<Url>, Error> {
        let refuse = |rule| Err(Error::Config { field: "name_model.url", rule });
        if self.url.is_empty() {
            return Ok(None);
        }
        let Some(url) = Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
        else {
            return refuse("an address such as http://10.0.0.9:8000/names");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("an address without user and password");
        }
        if !self.in_region && !is_own(&url) {
            return refuse(
                "of the own network, as texts go there as they were written; if it is, or lies in the region, set name_model.in_region",
            );
        }
        Ok(Some(url))
    }
}

/// Whether the address can only be one of the own network.
fn is_own(url: &Url) -> bool {
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.to_ipv4_mapped().map_or(address.into(), Into::into),
        Some(Host::Domain(name)) => {
            return !name.contains('.') || OWN_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        }
        None => return false,
    };
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> NameModelConfig {
        NameModelConfig { url: url.to_owned(), ..NameModelConfig::default() }
    }

    #[test]
    fn texts_go_to_the_own_network_only() {
        NameModelConfig::default().check().unwrap();
        for own in [
            "http://127.0.0.1:8000/",
            "http://10.0.0.9:8000/names",
            "http://[::1]:8000/",
            "http://[fd00::9]/",
            "http://[::ffff:10.0.0.9]/",
            "https://ner.internal/names",
            "http://ner:8000/",
            "http://localhost:8000/",
            "http://ner.models.svc.cluster.local/",
        ] {
            at(own).check().unwrap();
        }
        for foreign in [
            "https://ner.example.com/",
            "http://203.0.113.9/",
            "http://[2001:db8::9]/",
            "http://[::ffff:203.0.113.9]/",
        ] {
            let message = at(foreign).check().unwrap_err().to_string();
            assert!(message.contains("name_model.in_region"), "{foreign}: {message}");
            NameModelConfig { in_region: true, ..at(foreign) }.check().unwrap();
        }
    }

    #[test]
    fn wrong_options_are_named_and_no_password_is_shown() {
        let wrong = [
            (at("ner:8000"), "name_model.url"),
            (at("ftp://ner/"), "name_model.url"),
            (at("http://kaleem:hunter2@ner/"), "name_model.url"),
            (NameModelConfig { deadline: Span::ZERO, ..at("") }, "name_model.deadline"),
            (NameModelConfig { deadline: Span::millis(51), ..at("") }, "name_model.deadline"),
            (NameModelConfig { requests_max: 0, ..at("") }, "name_model.requests_max"),
            (NameModelConfig { text_bytes_max: Size::mib(2), ..at("") }, "name_model.text_bytes_max"),
        ];
        for (config, field) in wrong {
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(field) && !message.contains("hunter2"), "{message}");
        }
    }
}
