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
    /// Life of a hold whose gateway is not heard of, 1 s to 15 min. Streams are heard of after 10 s and then every 5 s, so that a
    /// shorter life lets the holds of long streams run out; they are settled late, and exactly.
    pub hold_ttl: Span,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            gateway_id: "gateway-1".to_owned(),
            journal_dir: PathBuf::new(),
            credential_ttl: Span::seconds(1),
            default_deadline: Span::seconds(120),
            hold_ttl: Span::seconds(30),
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
        Ok(())
    }
}
