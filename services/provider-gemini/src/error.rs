//! Failures of the service, split by cause, and how callers see them.

use std::time::Duration;

use kaleem_rpc::{Code, Fault};

use crate::config::{API_KEY_CONFIG, API_KEY_ENV};
use crate::upstream_error::UpstreamError;

/// Domain of this service's faults.
pub const DOMAIN: &str = "provider-gemini.kaleem";

/// Wait that a refused call is told when too many are in flight.
const OVERLOAD_WAIT: Duration = Duration::from_secs(1);

/// A failure of the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is wrong.
    #[error("{key} {why}")]
    Config {
        /// Full configuration key.
        key: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The HTTP client cannot be built.
    #[error("the HTTP client for the Gemini API cannot be built: {0}")]
    Client(String),
    /// There is no API key.
    #[error(
        "no Gemini API key is configured; set {API_KEY_CONFIG} or the environment variable {API_KEY_ENV}"
    )]
    CredentialMissing,
    /// The call carries no valid admission.
    #[error(transparent)]
    Admission(Fault),
    /// The admission is for something else.
    #[error("the admission does not cover this call: {0}")]
    AdmissionMismatch(&'static str),
    /// Fields are wrong or not possible at this provider.
    #[error("the request cannot be sent to Gemini: {0}")]
    Request(Violations),
    /// The model is not configured here.
    #[error("model {0:?} is not configured at this provider; ListModels names those that are")]
    ModelUnknown(String),
    /// The project is refused the model and all its fallbacks.
    #[error("model {0:?} and its fallbacks are not available to this Google project; choose another model")]
    ModelGone(String),
    /// Too many calls are in flight.
    #[error(
        "too many calls to Gemini are in flight; try again shortly or raise provider_gemini.in_flight_max"
    )]
    Overloaded,
    /// The upstream refused or failed.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The upstream broke its contract.
    #[error("the Gemini API gave no usable answer: {what}")]
    Protocol {
        /// What happened, without content.
        what: String,
        /// Why the model stopped, where that is the failure.
        finish_reason: Option<String>,
    },
}

impl Error {
    /// A broken contract of the upstream.
    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into(), finish_reason: None }
    }

    /// Code and reason that callers branch on.
    pub fn class(&self) -> (Code, &'static str) {
        match self {
            Self::Config { .. } | Self::Client(_) => (Code::FailedPrecondition, "CONFIGURATION_INVALID"),
            Self::CredentialMissing => (Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_MISSING"),
            Self::Admission(_) | Self::AdmissionMismatch(_) => (Code::PermissionDenied, "ADMISSION_INVALID"),
            Self::Request(_) => (Code::InvalidArgument, "REQUEST_INVALID"),
            Self::ModelUnknown(_) | Self::ModelGone(_) => (Code::NotFound, "MODEL_NOT_FOUND"),
            Self::Overloaded => (Code::Unavailable, "OVERLOADED"),
            Self::Upstream(error) => error.class(),
            Self::Protocol { .. } => (Code::Unavailable, "UPSTREAM_PROTOCOL_ERROR"),
        }
    }
}

/// All wrong fields of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(Vec<(String, String)>);

/// Violations that are reported; more are only cut off.
const VIOLATIONS_MAX: usize = 32;

impl Violations {
    /// Adds a field and what is wrong with it; the description quotes nothing of the content.
    pub fn push(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push((field.into(), description.into()));
        }
    }

    /// Ends with an error if there is any.
    pub fn check(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Request(self)) }
    }
}

impl std::fmt::Display for Violations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (field, description)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{field} {description}")?;
        }
        Ok(())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (code, reason) = error.class();
        let fault = Self::new(code, DOMAIN, reason, error.to_string());
        match error {
            Error::Admission(fault) => fault,
            Error::CredentialMissing => fault.with("config_key", API_KEY_CONFIG),
            Error::Request(violations) => {
                violations.0.into_iter().fold(fault, |fault, (field, what)| fault.violation(field, what))
            }
            Error::ModelUnknown(model) | Error::ModelGone(model) => fault.with("model", model),
            Error::Overloaded => fault.retry_after(OVERLOAD_WAIT),
            Error::Upstream(error) => error.detail(fault),
            Error::Protocol { finish_reason: Some(finish_reason), .. } => {
                fault.with("finish_reason", finish_reason)
            }
            _ => fault,
        }
    }
}
