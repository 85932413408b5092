//! What can go wrong: at start ([`Error`]) and for one call ([`CallError`]).

use std::time::Duration;

use kaleem_rpc::{Code, Fault};

pub use crate::engine::LoadError;

/// Domain of the faults of every provider.
pub const DOMAIN: &str = "provider.kaleem";

/// Why ProviderLocal cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its bounds.
    #[error("{field} {rule}")]
    Config {
        /// Path of the setting.
        field: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The model folder cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The HTTP client for workers cannot be made.
    #[error("cannot make the HTTP client for workers: {0}")]
    HttpClient(String),
}

/// A wrong field of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field.
    pub field: String,
    /// What it must be.
    pub rule: String,
}

impl Violation {
    /// A violation of `rule` by `field`.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }
}

/// Why a call failed. Texts never hold prompt, answer or an upstream's own message, which may quote either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Fields of the call are wrong; all of them are listed.
    #[error("the request is invalid; see the field violations")]
    Invalid(Vec<Violation>),
    /// No worker serves the model.
    #[error("model {model} is not served here; served are: {known}")]
    ModelNotFound {
        /// Model of the call.
        model: String,
        /// Models that are served, separated by commas.
        known: String,
    },
    /// The prompt does not fit.
    #[error(
        "the prompt has {needed} tokens and model {model} takes {context} in all; shorten the conversation"
    )]
    ContextLength {
        /// Model of the call.
        model: String,
        /// Tokens of the prompt; a lower bound where a worker counted.
        needed: u64,
        /// Longest prompt plus answer.
        context: u64,
    },
    /// A worker refused the request as malformed.
    #[error("worker {worker} refused the request{}; change that field or use another model", named(.param.as_ref()))]
    Refused {
        /// Worker.
        worker: String,
        /// Field that the worker named.
        param: Option<String>,
    },
    /// The worker limits our rate.
    #[error("worker {worker} limits our rate; wait or use another model")]
    RateLimited {
        /// Worker.
        worker: String,
        /// The worker's own wish.
        retry_after: Option<Duration>,
    },
    /// Every worker of the model is at its window.
    #[error("every worker of model {model} is busy; try again shortly")]
    Overloaded {
        /// Model of the call.
        model: String,
    },
    /// Workers serve the model, and none is ready.
    #[error("no worker of model {model} is ready: {detail}")]
    NoneReady {
        /// Model of the call.
        model: String,
        /// Names and states.
        detail: String,
    },
    /// A worker could not be reached, stalled, or failed.
    #[error("worker {worker} failed: {detail}")]
    Unavailable {
        /// Worker.
        worker: String,
        /// What happened, in our words.
        detail: String,
    },
    /// A worker's own queue is full.
    #[error("worker {worker} has a full queue; try again shortly")]
    Busy {
        /// Worker.
        worker: String,
    },
    /// A worker does not know the model that it listed before.
    #[error("worker {worker} no longer serves model {model}")]
    ModelGone {
        /// Worker.
        worker: String,
        /// Model of the call.
        model: String,
    },
    /// A worker does not have the path that was asked for.
    #[error("worker {worker} has no such endpoint; check base_url of this worker")]
    NoEndpoint {
        /// Worker.
        worker: String,
    },
    /// A worker broke the protocol.
    #[error("worker {worker} broke the protocol: {detail}")]
    Protocol {
        /// Worker.
        worker: String,
        /// What it did, in our words.
        detail: String,
    },
    /// The output bound fell inside a tool call, whose arguments are therefore incomplete.
    #[error("the answer was cut inside a tool call at {limit} output tokens; raise max_output_token_count")]
    ToolCallCut {
        /// The bound.
        limit: u32,
    },
    /// The model cannot embed.
    #[error("model {model} has no embeddings here; name a model of a worker that serves /v1/embeddings")]
    NoEmbeddings {
        /// Model of the call.
        model: String,
    },
    /// The in-process engine failed.
    #[error("the in-process engine failed: {detail}")]
    Engine {
        /// What happened; never text of the call.
        detail: String,
    },
}

fn named(param: Option<&String>) -> String {
    param.map_or_else(String::new, |param| format!(" because of {param}"))
}

impl CallError {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(field, rule)])
    }

    /// Whether another worker may do better. Only asked while nothing of the answer has been passed on.
    pub fn may_move(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Unavailable { .. }
                | Self::Busy { .. }
                | Self::ModelGone { .. }
                | Self::NoEndpoint { .. }
                | Self::Protocol { .. }
                | Self::Engine { .. }
        )
    }

    fn code_and_reason(&self) -> (Code, &'static str) {
        match self {
            Self::Invalid(_) | Self::Refused { .. } => (Code::InvalidArgument, "REQUEST_INVALID"),
            Self::ModelNotFound { .. } | Self::ModelGone { .. } => (Code::NotFound, "MODEL_NOT_FOUND"),
            Self::ContextLength { .. } => (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED"),
            Self::RateLimited { .. } => (Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
            Self::Overloaded { .. } | Self::Busy { .. } => (Code::Unavailable, "OVERLOADED"),
            Self::NoneReady { .. } | Self::Unavailable { .. } | Self::NoEndpoint { .. } => {
                (Code::Unavailable, "UPSTREAM_UNAVAILABLE")
            }
            Self::Protocol { .. } => (Code::Unavailable, "UPSTREAM_PROTOCOL_ERROR"),
            Self::ToolCallCut { .. } => (Code::FailedPrecondition, "TOOL_CALL_CUT"),
            Self::NoEmbeddings { .. } => (Code::Unimplemented, "EMBEDDINGS_UNSUPPORTED"),
            Self::Engine { .. } => (Code::Internal, "ENGINE_FAILED"),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } => Some(retry_after.unwrap_or(Duration::from_secs(1))),
            Self::Overloaded { .. } | Self::Busy { .. } | Self::NoneReady { .. } => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        let (code, reason) = error.code_and_reason();
        let mut fault = Self::new(code, DOMAIN, reason, error.to_string());
        if let Some(wait) = error.retry_after() {
            fault = fault.retry_after(wait);
        }
        match error {
            CallError::Invalid(violations) => violations
                .into_iter()
                .fold(fault, |fault, Violation { field, rule }| fault.violation(field, rule)),
            CallError::ContextLength { model, needed, context } => {
                fault.with("model", model).with("prompt_tokens", needed).with("context_tokens", context)
            }
            CallError::ModelNotFound { model, .. }
            | CallError::Overloaded { model }
            | CallError::NoneReady { model, .. }
            | CallError::NoEmbeddings { model } => fault.with("model", model),
            CallError::Refused { worker, .. }
            | CallError::RateLimited { worker, .. }
            | CallError::Unavailable { worker, .. }
            | CallError::Busy { worker }
            | CallError::ModelGone { worker, .. }
            | CallError::NoEndpoint { worker }
            | CallError::Protocol { worker, .. } => fault.with("worker", worker),
            CallError::ToolCallCut { limit } => fault.with("max_output_tokens", limit),
            CallError::Engine { .. } => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_carry_reason_numbers_and_retry() {
        let error = CallError::ContextLength { model: "m".into(), needed: 600, context: 512 };
        let fault = Fault::from(error);
        assert_eq!((fault.code, fault.reason.as_str()), (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED"));
        assert!(fault.message.contains("600") && fault.message.contains("512"));

        let fault = Fault::from(CallError::Overloaded { model: "m".into() });
        assert_eq!(fault.retry_after, Some(Duration::from_secs(1)));

        let fault = Fault::from(CallError::invalid("messages", "must not be empty"));
        assert_eq!(fault.field_violations[0].field, "messages");

        let refused = CallError::Refused { worker: "w".into(), param: Some("temperature".into()) };
        assert_eq!(
            refused.to_string(),
            "worker w refused the request because of temperature; change that field or use another model"
        );
    }
}
