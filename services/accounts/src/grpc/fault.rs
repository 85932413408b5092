//! Errors on the wire.

use std::{error::Error as _, time::Duration};

use kaleem_rpc::{Code, Fault};
use tonic::Status;

use crate::Error;

const DOMAIN: &str = "accounts.kaleem";
/// Long enough for a disk hiccup to pass, short enough for an interactive caller.
const STORE_RETRY: Duration = Duration::from_millis(500);

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let message = error.to_string();
        let fault = |code, reason: &str| Self::new(code, DOMAIN, reason, message.clone());
        match error {
            Error::RequestInvalid(violations) => {
                violations.iter().fold(fault(Code::InvalidArgument, "REQUEST_INVALID"), |fault, violation| {
                    fault.violation(violation.field.clone(), violation.description.clone())
                })
            }
            Error::CredentialInvalid => fault(Code::Unauthenticated, "CREDENTIAL_INVALID"),
            Error::MerchantMismatch(id) => {
                fault(Code::PermissionDenied, "MERCHANT_MISMATCH").with("merchant_id", id)
            }
            Error::MerchantSuspended(id) => {
                fault(Code::PermissionDenied, "MERCHANT_SUSPENDED").with("merchant_id", id)
            }
            Error::MerchantNotFound(id) => {
                fault(Code::NotFound, "MERCHANT_NOT_FOUND").with("merchant_id", id)
            }
            Error::MerchantExists { id, field } => {
                fault(Code::AlreadyExists, "MERCHANT_EXISTS").with("merchant_id", id).with("field", field)
            }
            Error::PlanNotFound(id) => fault(Code::NotFound, "PLAN_NOT_FOUND").with("plan_id", id),
            Error::KeyNotFound(id) => fault(Code::NotFound, "KEY_NOT_FOUND").with("key_id", id),
            Error::SequenceUnknown(sequence) => {
                fault(Code::FailedPrecondition, "SEQUENCE_UNKNOWN").with("sequence", sequence)
            }
            Error::WatchersFull => fault(Code::Unavailable, "OVERLOADED").retry_after(Duration::from_secs(1)),
            Error::Store(_) | Error::CutOff => {
                let message = "the accounts store is unavailable; try again, and look at the service's log";
                Self::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", message).retry_after(STORE_RETRY)
            }
            Error::Config { .. } | Error::Entropy(_) => fault(Code::Internal, "INTERNAL"),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Error::Store(store) = &error {
            let cause = store.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = %store, cause, "the accounts store failed");
        }
        Fault::from(&error).into()
    }
}
