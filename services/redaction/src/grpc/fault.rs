//! Errors on the wire.

use std::{error::Error as _, time::Duration};

use kaleem_rpc::{Code, Fault};

use crate::{Error, Violation, error::names};

const DOMAIN: &str = "redaction.kaleem";
/// Long enough for a disk hiccup to pass, short enough for an operator who waits.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// A field that is wrong.
pub(crate) fn invalid(field: &str, description: &str) -> Fault {
    let message = format!("{field} {description}");
    Fault::new(Code::InvalidArgument, DOMAIN, "REQUEST_INVALID", message).violation(field, description)
}

/// A document in which something is wrong; each fault has a path below `field`.
pub(crate) fn wrong_document(field: &str, faults: &[Violation]) -> Fault {
    let path = |fault: &Violation| match fault.field.as_str() {
        "" => field.to_owned(),
        path => format!("{field}.{path}"),
    };
    let mut faults = faults.iter();
    let first = match faults.next() {
        Some(first) => invalid(&path(first), &first.description),
        None => invalid(field, "cannot be read"),
    };
    faults.fold(first, |fault, more| fault.violation(path(more), more.description.as_str()))
}

impl From<Error> for Fault {
    /// After any of these a text must not be sent.
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::TextTooLong { actual, limit } => {
                invalid("input.messages", "hold a text that is too long; split it")
                    .with("bytes", actual)
                    .with("bytes_max", limit)
            }
            Error::Blocked { kinds } => {
                Self::new(Code::FailedPrecondition, DOMAIN, "CONTENT_BLOCKED", message)
                    .with("types", names(&kinds))
            }
            Error::PolicyInvalid(faults) => wrong_document("document", &faults),
            Error::PolicyChanged { current } => {
                Self::new(Code::Aborted, DOMAIN, "POLICY_CHANGED", message).with("version", current)
            }
            Error::Store(store) => {
                let cause = store.source().map(ToString::to_string).unwrap_or_default();
                tracing::error!(error = %store, cause, "the store of privacy policies failed");
                let message = "privacy policies are unavailable; try again, and look at the service's log";
                Self::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", message).retry_after(STORE_RETRY)
            }
            Error::Vault(_)
            | Error::Detector(_)
            | Error::Stopped
            | Error::Unsettled
            | Error::Config { .. }
            | Error::NameModel(_) => {
                let message = format!("redaction cannot vouch for the text ({message}); it must not be sent");
                Self::new(Code::Internal, DOMAIN, "REDACTION_FAILED", message)
            }
        }
    }
}
