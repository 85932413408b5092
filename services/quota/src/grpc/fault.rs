//! What callers are told when quota refuses or fails.

use std::time::Duration;

use kaleem_domain::MerchantId;
use kaleem_rpc::{Code, Fault};

use crate::{
    Error,
    machine::{Dimension, Ending, OverCap, Refusal, WindowId},
    upstream::{self, Ask, Limit, Limited},
};

/// Domain of quota's reasons.
pub(super) const DOMAIN: &str = "quota.kaleem";
/// When to try again while the journal or accounts is away.
const OUTAGE_RETRY: Duration = Duration::from_secs(1);

/// What the caller is told about `error`.
pub(super) fn refused(merchant: &MerchantId, error: Error) -> Fault {
    match error {
        Error::Refused(refusal) => by_machine(merchant, refusal),
        Error::MerchantNotFound(_) => {
            Fault::new(Code::NotFound, DOMAIN, "MERCHANT_NOT_FOUND", error.to_string())
                .with("merchant_id", merchant)
        }
        Error::PolicyInvalid(_) => {
            Fault::new(Code::FailedPrecondition, DOMAIN, "POLICY_INVALID", error.to_string())
        }
        Error::AccountsUnavailable(_) | Error::StoreUnavailable(_) => away(&error),
        error => failed(&error),
    }
}

/// What a caller is told while something that quota needs is away.
fn away(error: &Error) -> Fault {
    Fault::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", error.to_string()).retry_after(OUTAGE_RETRY)
}

/// What a watcher is told, and everybody about a journal that cannot be used.
pub(super) fn failed(error: &Error) -> Fault {
    match error {
        Error::BillingUnavailable(_) => away(error),
        Error::AlertUnknown => {
            Fault::new(Code::FailedPrecondition, DOMAIN, "ALERT_UNKNOWN", error.to_string())
                .violation("from_alert_id", error.to_string())
        }
        Error::WatchersFull(_) => {
            Fault::new(Code::Unavailable, DOMAIN, "OVERLOADED", error.to_string()).retry_after(OUTAGE_RETRY)
        }
        error => {
            tracing::error!(%error, "the quota journal cannot be used");
            let message = "the quota journal cannot be used; its cause is in the log of quota";
            Fault::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", message).retry_after(OUTAGE_RETRY)
        }
    }
}

/// What a gateway is told that gets no lease.
pub(super) fn upstream(ask: &Ask<'_>, error: Error) -> Fault {
    match error {
        Error::Upstream(upstream::Refusal::Limited(limited)) => upstream_limited(ask, &limited),
        Error::Upstream(upstream::Refusal::TooLarge { limit, wanted, cap }) => {
            let field = match limit {
                Limit::MinuteInputTokens => "input_token_count",
                Limit::MinuteRequests | Limit::DayRequests | Limit::RetryAfter => "request_count",
            };
            let name = limit.name();
            let message = format!(
                "is {wanted}, more than {name} of {cap} ever allows; use another model or raise the limit in quota.upstream"
            );
            invalid(&format!("{field} {message}"), field)
        }
        Error::SpendUnnamed => invalid(&error.to_string(), "reservation"),
        Error::Spend(why) => match *why {
            Error::Refused(Refusal::OverCap(over)) => spend_exhausted(ask, &over),
            error => spend_unknown(ask, &error),
        },
        error => failed(&error),
    }
}

fn spend_exhausted(ask: &Ask<'_>, over: &OverCap) -> Fault {
    let (domain, name) = (ask.quota_domain, over.dimension.name());
    let reset = over.window.map(|window| window.end.to_string()).unwrap_or_default();
    let OverCap { posted, held, cap, needed, retry_after_ms, .. } = *over;
    let why = format!("{posted} spent and {held} held of {cap}");
    let message = format!(
        "{name} of the upstream project {domain} is at its cap: {why}, and the call needs {needed}; use another model, or raise the cap in quota.upstream.spend or for this month with a top-up of upstream/{domain}; it resets at {reset}"
    );
    let wait = retry_after_ms.and_then(|wait| u64::try_from(wait).ok()).unwrap_or(0);
    Fault::new(Code::ResourceExhausted, DOMAIN, "UPSTREAM_SPEND_EXHAUSTED", message)
        .with("quota_domain", domain)
        .with("model", ask.model)
        .with("limit", name)
        .with("spent", posted)
        .with("held", held)
        .with("cap", cap)
        .with("needed", needed)
        .with("reset_time", reset)
        .retry_after(Duration::from_millis(wait))
        .quota_violation(format!("upstream:{domain}/{name}"), why)
}

/// Money is at stake, so a call whose cost cannot be held goes elsewhere.
fn spend_unknown(ask: &Ask<'_>, error: &Error) -> Fault {
    let domain = ask.quota_domain;
    tracing::warn!(quota_domain = domain, %error, "the spend of an upstream project is not known; its calls go elsewhere");
    let message = format!(
        "what the upstream project {domain} may still cost is not known, its cause is in the log of quota; try again, or use another model"
    );
    Fault::new(Code::Unavailable, DOMAIN, "UPSTREAM_SPEND_UNKNOWN", message)
        .with("quota_domain", domain)
        .retry_after(OUTAGE_RETRY)
}

fn upstream_limited(ask: &Ask<'_>, limited: &Limited) -> Fault {
    let (domain, model, name) = (ask.quota_domain, ask.model, limited.limit.name());
    let why = match limited.limit {
        Limit::RetryAfter => "the upstream asked to be left alone".to_owned(),
        _ => format!("{} of {} are granted and {} are wanted", limited.used, limited.cap, limited.wanted),
    };
    let message = format!(
        "{name} of {model} in {domain} leaves no room: {why}; try again after {} ms, or another model",
        limited.retry_after_ms
    );
    let wait = Duration::from_millis(u64::try_from(limited.retry_after_ms).unwrap_or(0));
    Fault::new(Code::ResourceExhausted, DOMAIN, "UPSTREAM_RATE_LIMITED", message)
        .with("quota_domain", domain)
        .with("model", model)
        .with("limit", name)
        .with("spent", limited.used)
        .with("cap", limited.cap)
        .with("needed", limited.wanted)
        .retry_after(wait)
        .quota_violation(format!("upstream:{domain}/{model}/{name}"), why)
}

fn by_machine(merchant: &MerchantId, refusal: Refusal) -> Fault {
    match refusal {
        Refusal::OverCap(over) if over.dimension == Dimension::Concurrency => rate_limited(merchant, &over),
        Refusal::OverCap(over) => quota_exceeded(merchant, &over),
        Refusal::Reused { ended } => reused(ended),
        Refusal::Unknown => Fault::new(
            Code::NotFound,
            DOMAIN,
            "RESERVATION_UNKNOWN",
            "no such reservation within the last 48 hours; reserve first, and send the reservation back as it came",
        ),
        Refusal::Conflict(ending) => Fault::new(
            Code::FailedPrecondition,
            DOMAIN,
            "RESERVATION_CONFLICT",
            format!(
                "the reservation ended as {} and nothing was changed; repeat only the same figures",
                ending.name()
            ),
        )
        .with("state", ending.name()),
        Refusal::TopUpReused => Fault::new(
            Code::AlreadyExists,
            DOMAIN,
            "REQUEST_ID_REUSED",
            "op_id was used for a top-up of other amounts; use a new op_id",
        ),
        Refusal::CapTooLarge => {
            invalid("the top-up would raise a cap over 2^53-1; grant less", "cost_nano_usd, token_count")
        }
        Refusal::TooManyTopUps => {
            invalid("the merchant has 1,000 top-ups in its last months; put a larger plan", "op_id")
        }
        // A rebuild skips such a merchant, and the ledger is asked for a balance before its call is refused, so neither answers anybody
        // unless a new verb asks.
        Refusal::NotQuiet | Refusal::BalanceUnknown => away(&Error::Refused(refusal)),
        Refusal::Calendar(error) => invalid(&error.to_string(), "time_zone"),
    }
}

fn invalid(message: &str, field: &str) -> Fault {
    Fault::new(Code::InvalidArgument, DOMAIN, "REQUEST_INVALID", message).violation(field, message)
}

fn reused(ended: Option<Ending>) -> Fault {
    let state = ended.map_or("HELD", Ending::name);
    let way_out = match ended {
        None => "another call holds quota under this request_id and attempt; use a new request_id",
        Some(_) => "this request_id and attempt have ended; use the next attempt or a new request_id",
    };
    Fault::new(Code::AlreadyExists, DOMAIN, "REQUEST_ID_REUSED", way_out).with("state", state)
}

fn rate_limited(merchant: &MerchantId, over: &OverCap) -> Fault {
    let message = format!(
        "{} of {} calls at once are in flight; wait for one to end, or upgrade the plan",
        over.held, over.cap
    );
    spent(Fault::new(Code::ResourceExhausted, DOMAIN, "RATE_LIMITED", message), merchant, over)
}

fn quota_exceeded(merchant: &MerchantId, over: &OverCap) -> Fault {
    if over.dimension == Dimension::Balance {
        return balance_spent(merchant, over);
    }
    let name = over.dimension.name();
    let reset = over.window.map(|window| window.end.to_string()).unwrap_or_default();
    let only_holds = over.posted.saturating_add(over.needed) <= over.cap;
    let way_out = match over.dimension {
        _ if only_holds => {
            format!("wait for calls in flight to end, top up or upgrade the plan; resets at {reset}")
        }
        Dimension::DayRequests => format!("upgrade the plan, or wait until {reset}"),
        _ => format!("top up, upgrade the plan, or wait until {reset}"),
    };
    let message = format!(
        "{name} is at its cap: {} spent and {} held of {}, and the call needs {}; {way_out}",
        over.posted, over.held, over.cap, over.needed
    );
    let mut fault = Fault::new(Code::ResourceExhausted, DOMAIN, "QUOTA_EXCEEDED", message);
    if let Some(window) = over.window {
        fault = fault.with("window", window.id).with("reset_time", reset);
    }
    spent(fault, merchant, over)
}

/// There is no reset to wait for: only a payment helps, unless calls in flight hold what is left.
fn balance_spent(merchant: &MerchantId, over: &OverCap) -> Fault {
    let way_out = match over.retry_after_ms {
        Some(_) => "wait for calls in flight to end, or top up",
        None => "top up to go on",
    };
    let message = format!(
        "{} is used up: {} spent and {} held of {} paid, and the call needs {}; {way_out}",
        over.dimension.name(),
        over.posted,
        over.held,
        over.cap,
        over.needed
    );
    let fault = Fault::new(Code::ResourceExhausted, DOMAIN, "QUOTA_EXCEEDED", message);
    spent(fault.with("window", WindowId::EVER), merchant, over)
}

fn spent(fault: Fault, merchant: &MerchantId, over: &OverCap) -> Fault {
    let name = over.dimension.name();
    let wait = over.retry_after_ms.and_then(|wait| u64::try_from(wait).ok()).map(Duration::from_millis);
    let fault = match wait {
        Some(wait) => fault.retry_after(wait),
        None => fault,
    };
    fault
        .with("limit", name)
        .with("spent", over.posted)
        .with("held", over.held)
        .with("cap", over.cap)
        .with("needed", over.needed)
        .quota_violation(
            format!("merchant:{merchant}/{name}"),
            format!("{} spent and {} held of {}", over.posted, over.held, over.cap),
        )
}
