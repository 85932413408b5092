//! Why no plan was made.

use kaleem_rpc::{Code, Fault};

use crate::gate::Rejection;

const DOMAIN: &str = "router.kaleem";

/// Failures of the router.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy in the configuration is wrong; every fault at once.
    #[error("router.policy: {}", .0.join("; "))]
    Policy(Vec<String>),
    /// The configuration names an upstream project that cannot be.
    #[error("router.quota_domains.{target} {why}")]
    QuotaDomain {
        /// Key, as it is written.
        target: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The configuration names a home region that cannot be.
    #[error("router.home_regions {why}")]
    HomeRegion {
        /// What is wrong.
        why: &'static str,
    },
    /// No target serves the model that was asked for.
    #[error("{} is not served here; known models: {known}", .model.as_ref().map_or_else(|| "the model that was asked for".to_owned(), |model| format!("model {model:?}")))]
    ModelNotFound {
        /// Asked for; `None` if it is no name that a model may have, as then nobody knows what the caller wrote.
        model: Option<String>,
        /// What could be asked for.
        known: String,
    },
    /// Every candidate was removed by a gate.
    #[error("{}", explain(.0))]
    NothingPermitted(Vec<Rejection>),
}

fn explain(rejections: &[Rejection]) -> String {
    let reasons: Vec<_> = rejections.iter().map(|r| format!("{}: {}", r.candidate, r.detail)).collect();
    if reasons.is_empty() {
        "no target serves any model yet; see `kaleem doctor`".to_owned()
    } else {
        format!("no permitted target can serve this request ({})", reasons.join("; "))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Policy(_) | Error::QuotaDomain { .. } | Error::HomeRegion { .. } => {
                Self::new(Code::InvalidArgument, DOMAIN, "REQUEST_INVALID", message)
            }
            Error::ModelNotFound { model, known } => {
                let fault =
                    Self::new(Code::NotFound, DOMAIN, "MODEL_NOT_FOUND", message).with("known", known);
                model.into_iter().fold(fault, |fault, model| fault.with("model", model))
            }
            Error::NothingPermitted(rejections) => {
                let (code, reason) = verdict(&rejections);
                let mut fault = Self::new(code, DOMAIN, reason, message);
                if code == Code::Unavailable {
                    fault = fault.retry_after(std::time::Duration::from_secs(2));
                }
                rejections.iter().fold(fault, |fault, r| fault.with(&r.candidate, r.gate.reason()))
            }
        }
    }
}

/// The gate that the caller can do something about speaks for all, if nothing else would have helped.
fn verdict(rejections: &[Rejection]) -> (Code, &'static str) {
    use crate::gate::Gate;
    let any = |gate: Gate| rejections.iter().any(|r| r.gate == gate);
    if any(Gate::ContextLength) {
        (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED")
    } else if any(Gate::ModelNotAllowed) {
        (Code::PermissionDenied, "MODEL_NOT_ALLOWED")
    } else if any(Gate::PriceUnknown) {
        (Code::FailedPrecondition, "PRICE_UNKNOWN")
    } else {
        (Code::Unavailable, "NO_ROUTE_AVAILABLE")
    }
}
