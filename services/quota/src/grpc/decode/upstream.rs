//! What gateways ask of upstream projects.

use std::sync::Arc;

use kaleem_domain::TOKENS_PER_CALL_MAX;
use kaleem_proto::quota::v1 as wire;
use kaleem_rpc::{Fault, convert};

use super::{NAME_LEN_MAX, Violations};
use crate::{
    machine::{COUNT_MAX, Candidate},
    registry::Spending,
    upstream::{Ask, Load},
};

/// Upstream projects of candidates, in their order.
pub(in crate::grpc) fn quota_domains(candidates: &[wire::Candidate]) -> Vec<String> {
    candidates.iter().map(|candidate| candidate.quota_domain.clone()).collect()
}

/// The call of a reservation as its upstream project knows it; `None` where it names none.
pub(in crate::grpc) fn spending(reservation: Option<&wire::Reservation>) -> Option<Spending> {
    let reservation = reservation.filter(|reservation| !reservation.quota_domain.is_empty())?;
    let mut unseen = Violations::default();
    let found = super::reservation(Some(reservation), "reservation", &mut unseen)?;
    let admitted_at = convert::from_timestamp(reservation.admit_time.as_ref()?);
    Some(Spending {
        quota_domain: reservation.quota_domain.clone(),
        merchant: found.merchant,
        key: found.key,
        event_id: reservation.event_id.clone(),
        admitted_at,
    })
}

/// What a call costs at most by the cost side of the price book.
fn cost(request: &wire::AcquireUpstreamRequest) -> Candidate {
    let price_version = request.reservation.as_ref().map_or("", |reservation| &reservation.price_version);
    Candidate {
        price_version: Arc::from(price_version),
        input_tokens: request.input_token_count,
        max_output_tokens: request.max_output_token_count,
        min_output_tokens: request.max_output_token_count,
        input_pico: request.input_cost_pico_usd_per_token,
        output_pico: request.output_cost_pico_usd_per_token,
        request_pico: request.request_cost_pico_usd,
    }
}

/// What a gateway wants of an upstream project, and for which call at which cost.
pub(in crate::grpc) fn acquire_upstream(
    request: &wire::AcquireUpstreamRequest,
) -> Result<(Ask<'_>, Option<Spending>, Candidate), Fault> {
    let mut violations = Violations::default();
    let names = [
        (&request.quota_domain, "quota_domain"),
        (&request.model, "model"),
        (&request.gateway_id, "gateway_id"),
    ];
    for (name, field) in names {
        violations.require((1..=NAME_LEN_MAX).contains(&name.len()), field, "must be 1 to 200 bytes");
    }
    violations.within(request.request_count, TOKENS_PER_CALL_MAX, "request_count");
    violations.within(request.input_token_count, TOKENS_PER_CALL_MAX, "input_token_count");
    let asks = request.request_count != 0 || request.input_token_count != 0;
    violations.require(asks, "request_count", "or input_token_count must be more than 0");
    let cost_bounds = [
        (request.max_output_token_count, TOKENS_PER_CALL_MAX, "max_output_token_count"),
        (request.input_cost_pico_usd_per_token, COUNT_MAX, "input_cost_pico_usd_per_token"),
        (request.output_cost_pico_usd_per_token, COUNT_MAX, "output_cost_pico_usd_per_token"),
        (request.request_cost_pico_usd, COUNT_MAX, "request_cost_pico_usd"),
    ];
    for (value, max, field) in cost_bounds {
        violations.within(value, max, field);
    }
    // The project that a call is held at is the one whose rate it takes.
    let spending = spending(request.reservation.as_ref())
        .map(|spending| Spending { quota_domain: request.quota_domain.clone(), ..spending });
    let ask = Ask {
        quota_domain: &request.quota_domain,
        model: &request.model,
        gateway_id: &request.gateway_id,
        wanted: Load { requests: request.request_count, input_tokens: request.input_token_count },
    };
    violations.done(Some((ask, spending, cost(request))))
}

/// The wait that an upstream asked for, in milliseconds, of a report that is right in all else.
pub(in crate::grpc) fn report_upstream(request: &wire::ReportUpstreamRequest) -> Result<i64, Fault> {
    let mut violations = Violations::default();
    for (name, field) in [(&request.quota_domain, "quota_domain"), (&request.model, "model")] {
        violations.require((1..=NAME_LEN_MAX).contains(&name.len()), field, "must be 1 to 200 bytes");
    }
    let known = (100..=599).contains(&request.http_status);
    violations.require(known, "http_status", "must be between 100 and 599");
    let wait = match &request.retry_after {
        None => Some(0),
        Some(wait) => convert::from_duration(wait).and_then(|wait| i64::try_from(wait.as_millis()).ok()),
    };
    violations.require(wait.is_some(), "retry_after", "must not be negative");
    violations.done(wait)
}
