//! What a refusal or failure of the Gemini API means. Google's own texts are matched but never passed on: they may quote the
//! request.

use std::time::Duration;

use kaleem_domain::Timestamp;
use kaleem_rpc::{Code, Fault};
use serde_json::Value;

use crate::config::{API_KEY_CONFIG, Limits};
use crate::pacific;
use crate::wire::response::{ErrorBody, ErrorPage};

/// Longest piece of Google's machine-readable text that is passed on.
const FACT_LEN_MAX: usize = 160;

/// A refusal or failure, classified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct UpstreamError {
    /// What it means.
    pub cause: Cause,
    /// HTTP status, 0 where there was none.
    pub status: u16,
    /// Google's reason, field or quota id, cut to safe characters.
    pub fact: Option<String>,
}

/// What a failure means, and with it who may do what about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A quota of the project is spent.
    #[error("the Google project's rate limit is reached; wait or use another provider")]
    RateLimited {
        /// Wait at least this long.
        retry_after: Duration,
        /// The quota is a day's: nothing heals before midnight Pacific.
        daily: bool,
    },
    /// Credit is spent or a spending cap is reached.
    #[error("the Google project has no credit left; top it up or raise its spending cap")]
    Billing,
    /// The prompt is too long for the model.
    #[error("the prompt is longer than the model's context; shorten it")]
    ContextOverflow,
    /// The request is larger than the API takes.
    #[error("the request is larger than the Gemini API accepts; send fewer or smaller pictures")]
    TooLarge,
    /// The key is refused.
    #[error("Google refused the configured API key; check {API_KEY_CONFIG} and the key's restrictions")]
    CredentialRejected,
    /// The API does not serve this place or plan.
    #[error(
        "the Gemini API does not serve this location or plan; enable billing or call from a supported country"
    )]
    LocationRejected,
    /// A returned thought signature is not the model's own.
    #[error("a returned provider_signature is not one of this model; leave it out of the history")]
    SignatureRejected,
    /// The model does not exist or is closed to this project.
    #[error("the model is not available to this Google project")]
    ModelNotFound,
    /// The API is down, overloaded or not reachable.
    #[error("the Gemini API is not available: {what}")]
    Unavailable {
        /// What happened.
        what: String,
        /// Google's own hint.
        retry_after: Option<Duration>,
    },
    /// The API had the request, and its answer was lost: it may bill what it did.
    #[error("the answer of the Gemini API was lost: {what}")]
    Lost {
        /// What happened.
        what: String,
    },
    /// The API found our request malformed: a fault of this service.
    #[error("the Gemini API found the request malformed; this is a fault of the provider service")]
    Rejected,
}

impl UpstreamError {
    /// A request that did not reach the API.
    pub fn unreachable(what: impl Into<String>) -> Self {
        Self { cause: Cause::Unavailable { what: what.into(), retry_after: None }, status: 0, fact: None }
    }

    /// A request that the API may have had, without an answer: a broken connection or body, silence.
    pub fn lost(what: impl Into<String>) -> Self {
        Self { cause: Cause::Lost { what: what.into() }, status: 0, fact: None }
    }

    /// Classifies an HTTP answer that is no success. Bodies that are not the API's JSON come from front ends.
    pub fn from_page(status: u16, body: &[u8], limits: &Limits, now: Timestamp) -> Self {
        if let Some(error) = parse(body) {
            return Self::from_body(status, &error, limits, now);
        }
        let cause = match status {
            413 => Cause::TooLarge,
            429 => rate_limited(&ErrorBody::default(), limits, now),
            // Also for 403: a page of a proxy says nothing about the key.
            _ => unavailable(status, &ErrorBody::default()),
        };
        Self { cause, status, fact: None }
    }

    /// Classifies the API's error object, from an error page or from the middle of a stream.
    pub fn from_body(status: u16, error: &ErrorBody, limits: &Limits, now: Timestamp) -> Self {
        let cause = match status {
            400 => bad_request(error),
            401 | 403 => Cause::CredentialRejected,
            402 => Cause::Billing,
            404 => Cause::ModelNotFound,
            413 => Cause::TooLarge,
            429 if is_billing(&error.message) => Cause::Billing,
            429 => rate_limited(error, limits, now),
            _ => unavailable(status, error),
        };
        let fact = match cause {
            Cause::RateLimited { .. } => quota_id(error),
            Cause::Rejected => rejected_field(error),
            _ => reason(error),
        };
        Self { cause, status, fact: fact.and_then(safe) }
    }

    /// Code and reason that callers branch on.
    pub(crate) fn class(&self) -> (Code, &'static str) {
        match &self.cause {
            Cause::RateLimited { .. } => (Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
            Cause::Billing => (Code::FailedPrecondition, "UPSTREAM_BILLING"),
            Cause::ContextOverflow => (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED"),
            Cause::TooLarge => (Code::InvalidArgument, "REQUEST_TOO_LARGE"),
            Cause::SignatureRejected => (Code::InvalidArgument, "REQUEST_INVALID"),
            Cause::CredentialRejected => (Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_REJECTED"),
            Cause::LocationRejected => (Code::FailedPrecondition, "UPSTREAM_LOCATION_REJECTED"),
            Cause::ModelNotFound => (Code::NotFound, "MODEL_NOT_FOUND"),
            Cause::Unavailable { .. } => (Code::Unavailable, "UPSTREAM_UNAVAILABLE"),
            Cause::Lost { .. } => (Code::Unavailable, "UPSTREAM_CONNECTION_LOST"),
            Cause::Rejected => (Code::Internal, "UPSTREAM_PROTOCOL_ERROR"),
        }
    }

    /// Adds what is known to `fault`.
    pub(crate) fn detail(self, mut fault: Fault) -> Fault {
        if self.status != 0 {
            fault = fault.with("upstream_status", self.status);
        }
        if let Some(fact) = &self.fact {
            fault = fault.with("upstream_fact", fact);
        }
        match self.cause {
            Cause::RateLimited { retry_after, daily } => {
                let quota = self.fact.unwrap_or_else(|| "unnamed".to_owned());
                let window = if daily { "day" } else { "minute" };
                fault
                    .with("window", window)
                    .retry_after(retry_after)
                    .quota_violation(quota, "spent at Google")
            }
            Cause::Unavailable { retry_after: Some(wait), .. } => fault.retry_after(wait),
            Cause::SignatureRejected => {
                fault.violation("messages", "a provider_signature is not this model's own")
            }
            _ => fault,
        }
    }
}

/// Reads an error page: one object, or a list of one where the stream was asked for without `alt=sse`.
fn parse(body: &[u8]) -> Option<ErrorBody> {
    let page = serde_json::from_slice::<ErrorPage>(body).ok();
    let first = || serde_json::from_slice::<Vec<ErrorPage>>(body).ok()?.into_iter().next();
    page.or_else(first).map(|page| page.error)
}

fn bad_request(error: &ErrorBody) -> Cause {
    let text = error.message.to_ascii_lowercase();
    let is_credential = matches!(reason(error), Some("API_KEY_INVALID" | "API_KEY_EXPIRED"))
        || text.starts_with("api key not valid")
        || text.starts_with("api key not found")
        || text.starts_with("api key expired");
    if is_credential {
        return Cause::CredentialRejected;
    }
    // An older text has the count in the middle, so only the tail is matched.
    if text.contains("exceeds the maximum number of tokens allowed") {
        return Cause::ContextOverflow;
    }
    if text.contains("thought signature") || text.contains("thought_signature") {
        return Cause::SignatureRejected;
    }
    if error.status == "FAILED_PRECONDITION" || text.contains("location is not supported") {
        return Cause::LocationRejected;
    }
    Cause::Rejected
}

fn is_billing(message: &str) -> bool {
    let text = message.to_ascii_lowercase();
    ["prepayment", "credits are depleted", "spending cap", "spend cap", "billing account"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn rate_limited(error: &ErrorBody, limits: &Limits, now: Timestamp) -> Cause {
    let daily = quota_id(error).is_some_and(|id| id.contains("PerDay"));
    if daily {
        return Cause::RateLimited { retry_after: pacific::until_midnight(now), daily };
    }
    let wait = retry_hint(error).unwrap_or(limits.rate_limit_default.get());
    Cause::RateLimited { retry_after: wait.min(limits.rate_limit_max.get()), daily }
}

fn unavailable(status: u16, error: &ErrorBody) -> Cause {
    let what = format!("it answered HTTP {status}; try again later or use another provider");
    Cause::Unavailable { what, retry_after: retry_hint(error) }
}

/// The wait that Google asks for: `RetryInfo`, else the sentence in the text. Recorded answers disagree, and the detail is right.
fn retry_hint(error: &ErrorBody) -> Option<Duration> {
    let detail =
        detail(error, "google.rpc.RetryInfo").and_then(|detail| seconds(detail["retryDelay"].as_str()?));
    let text = || {
        let (_, rest) = error.message.split_once("retry in ")?;
        let end = rest.find('s')?;
        seconds(&rest[..=end])
    };
    detail.or_else(text)
}

/// Reads `14s` or `51.38s`, rounded up to milliseconds.
fn seconds(text: &str) -> Option<Duration> {
    let number = text.trim().strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() > 9 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let exact = fraction.len() <= 3 || fraction[3..].bytes().all(|digit| digit == b'0');
    let millis = millis.parse::<u64>().ok()? + u64::from(!exact);
    Some(Duration::from_secs(whole.parse().ok()?) + Duration::from_millis(millis))
}

fn detail<'a>(error: &'a ErrorBody, type_name: &str) -> Option<&'a Value> {
    error.details.iter().find(|detail| detail["@type"].as_str().is_some_and(|name| name.ends_with(type_name)))
}

fn reason(error: &ErrorBody) -> Option<&str> {
    detail(error, "google.rpc.ErrorInfo")?["reason"].as_str()
}

fn quota_id(error: &ErrorBody) -> Option<&str> {
    let violations = detail(error, "google.rpc.QuotaFailure")?["violations"].as_array()?;
    // A day's quota outlasts a minute's, so it is the one to report.
    let ids = || violations.iter().filter_map(|violation| violation["quotaId"].as_str());
    ids().find(|id| id.contains("PerDay")).or_else(|| ids().next())
}

fn rejected_field(error: &ErrorBody) -> Option<&str> {
    detail(error, "google.rpc.BadRequest")?["fieldViolations"][0]["field"].as_str()
}

/// Lets only identifiers and paths through.
fn safe(text: &str) -> Option<String> {
    let is_safe = |c: &char| c.is_ascii_alphanumeric() || "._-/[]".contains(*c);
    let kept: String = text.chars().filter(is_safe).take(FACT_LEN_MAX).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests;
