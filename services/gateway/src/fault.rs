//! The gateway's own failures, and the stage that a peer's failure belongs to.

use kaleem_rpc::{Code, Fault};

pub(crate) const DOMAIN: &str = "gateway.kaleem";

pub(crate) fn request_invalid(message: impl Into<String>) -> Fault {
    Fault::new(Code::InvalidArgument, DOMAIN, "REQUEST_INVALID", message)
}

pub(crate) fn credential_missing() -> Fault {
    let message =
        "no API key was sent; send `authorization: Bearer klm_…` (make one with `kaleem key issue`)";
    Fault::new(Code::Unauthenticated, DOMAIN, "CREDENTIAL_INVALID", message)
}

pub(crate) fn scope_missing(scope: &str) -> Fault {
    let message = format!("the API key lacks the {scope} scope; issue one that has it");
    Fault::new(Code::PermissionDenied, DOMAIN, "SCOPE_MISSING", message).with("scope", scope)
}

pub(crate) fn redaction_failed(why: &str) -> Fault {
    let message = format!("redaction cannot vouch for the text ({why}); nothing was sent to a model");
    Fault::new(Code::Internal, DOMAIN, "REDACTION_FAILED", message)
}

pub(crate) fn upstream_protocol(message: &str) -> Fault {
    Fault::new(Code::Unavailable, DOMAIN, "UPSTREAM_PROTOCOL_ERROR", message)
}

pub(crate) fn timed_out(what: &str) -> Fault {
    let message =
        format!("the model did not answer in time ({what}); try again or ask with a longer deadline");
    Fault::new(Code::Unavailable, DOMAIN, "UPSTREAM_TIMEOUT", message)
}

pub(crate) fn deadline_exceeded() -> Fault {
    let message = "the deadline passed before the answer was complete; ask with a longer deadline";
    Fault::new(Code::DeadlineExceeded, DOMAIN, "DEADLINE_EXCEEDED", message)
}

pub(crate) fn journal_unavailable(error: &std::io::Error) -> Fault {
    let message = format!("the usage journal cannot be written ({}), so nothing is admitted", error.kind());
    Fault::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", message)
        .retry_after(std::time::Duration::from_secs(2))
}

/// Billing has taken no usage for too long.
pub(crate) fn billing_away() -> Fault {
    let message = "usage was not recorded for longer than gateway.billing_away_max, so nothing is admitted until billing is back";
    Fault::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", message)
        .retry_after(std::time::Duration::from_secs(2))
}

/// Quota is `away`, for whatever reason, and nothing may be lent.
pub(crate) fn quota_away(away: Fault) -> Fault {
    if away.code != Code::DeadlineExceeded {
        return away;
    }
    // The deadline was the gateway's own.
    let message = "quota did not answer in time, so nothing was sent to a model; try again";
    Fault::new(Code::Unavailable, DOMAIN, "PEER_UNAVAILABLE", message)
        .retry_after(std::time::Duration::from_secs(2))
}

pub(crate) fn stopping() -> Fault {
    let message = "this gateway is stopping and takes no new requests; try again, another one will answer";
    Fault::new(Code::Unavailable, DOMAIN, "STOPPING", message).retry_after(std::time::Duration::from_secs(1))
}

pub(crate) fn not_built(what: &str) -> Fault {
    Fault::new(Code::Unimplemented, DOMAIN, "NOT_IMPLEMENTED", format!("{what} is not built yet"))
}

/// Says in which stage `fault` happened.
pub(crate) fn at(stage: &'static str, fault: Fault) -> Fault {
    fault.with("stage", stage)
}
