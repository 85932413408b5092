//! From the state machine to messages of the wire.

use std::time::Duration;

use kaleem_domain::MerchantId;
use kaleem_proto::{
    accounts::v1::{BillingMode as WireBillingMode, CapAction as WireCapAction, Plan},
    quota::v1 as wire,
    router::v1::QuotaPosture,
};
use kaleem_rpc::convert;

use crate::{
    machine::{
        BillingMode, CapAction, Decision, Dimension, DimensionUsage, Ending, Policy, Posture, Remaining,
        Reserved, Settled, Span, Ticket, Usage, WindowId,
    },
    registry::PolicyInForce,
    store::StoredAlert,
    upstream::Grant,
};

pub(super) fn reserved(
    merchant: &MerchantId,
    reserved: &Reserved,
    quota_domain: String,
) -> wire::ReserveResponse {
    wire::ReserveResponse {
        decision: decision(reserved.decision).into(),
        candidate_index: i32::try_from(reserved.candidate_index).unwrap_or(i32::MAX),
        granted_output_token_count: reserved.granted_output,
        reservation: reserved.ticket.as_ref().map(|ticket| reservation(merchant, ticket, quota_domain)),
        remaining: Some(remaining(&reserved.remaining)),
        posture: posture(reserved.posture).into(),
    }
}

pub(super) const fn decision(decision: Decision) -> wire::Decision {
    match decision {
        Decision::Allow => wire::Decision::Allow,
        Decision::DegradeModel => wire::Decision::DegradeModel,
        Decision::DegradeShorter => wire::Decision::DegradeShorter,
    }
}

fn reservation(merchant: &MerchantId, ticket: &Ticket, quota_domain: String) -> wire::Reservation {
    wire::Reservation {
        request_id: ticket.key.request_id.to_string(),
        attempt: ticket.key.attempt,
        merchant_id: merchant.to_string(),
        admit_time: Some(convert::timestamp(ticket.admitted_at)),
        day_window_id: ticket.day.to_string(),
        month_window_id: ticket.month.to_string(),
        event_id: ticket.event_id(),
        price_version: ticket.price_version.to_string(),
        epoch: ticket.epoch,
        quota_domain,
    }
}

fn remaining(remaining: &Remaining) -> wire::Remaining {
    wire::Remaining {
        day_request_count: remaining.left.requests,
        month_token_count: remaining.left.tokens,
        month_cost_nano_usd: remaining.left.cost_nano,
        day_reset_time: Some(convert::timestamp(remaining.windows.day.end)),
        month_reset_time: Some(convert::timestamp(remaining.windows.month.end)),
        balance_nano_usd: remaining.balance,
    }
}

const fn posture(posture: Posture) -> QuotaPosture {
    match posture {
        Posture::Normal => QuotaPosture::Normal,
        Posture::NearCap => QuotaPosture::NearCap,
        Posture::DegradeModel => QuotaPosture::DegradeModel,
        Posture::DegradeShorter => QuotaPosture::DegradeShorter,
        Posture::Suspended => QuotaPosture::Suspended,
    }
}

pub(super) fn settled(settled: &Settled) -> wire::SettleResponse {
    let state = match settled.ending {
        Ending::Settled => wire::ReservationState::Settled,
        Ending::Released => wire::ReservationState::Released,
        Ending::Expired => wire::ReservationState::Expired,
        Ending::LateSettled => wire::ReservationState::LateSettled,
    };
    wire::SettleResponse {
        state: state.into(),
        over_hold: settled.over_hold,
        remaining: Some(remaining(&settled.remaining)),
    }
}

pub(super) fn usage(usage: &Usage) -> wire::GetUsageResponse {
    wire::GetUsageResponse {
        dimensions: usage.dimensions.iter().chain(&usage.balance).map(dimension).collect(),
        posture: posture(usage.posture).into(),
        policy_version: usage.policy_version,
    }
}

fn dimension(usage: &DimensionUsage) -> wire::get_usage_response::Dimension {
    let ever = Some(WindowId::EVER).filter(|_| usage.dimension == Dimension::Balance);
    let window = usage.window.map(|window| window.id).or(ever);
    wire::get_usage_response::Dimension {
        name: usage.dimension.name().to_owned(),
        posted: usage.posted,
        held: usage.held,
        cap: usage.cap,
        window_id: window.map(|window| window.to_string()).unwrap_or_default(),
        reset_time: usage.window.map(|window| convert::timestamp(window.end)),
    }
}

pub(super) fn alert(alert: StoredAlert) -> wire::WatchAlertsResponse {
    wire::WatchAlertsResponse {
        alert_id: alert.alert_id,
        merchant_id: alert.merchant_id,
        dimension: alert.dimension,
        window_id: alert.window.to_string(),
        percent: alert.percent,
        create_time: Some(convert::timestamp(alert.created_at)),
    }
}

pub(super) fn policy(policy: PolicyInForce) -> wire::WatchPolicyResponse {
    let PolicyInForce { windows, extra, .. } = policy;
    wire::WatchPolicyResponse {
        merchant_id: policy.merchant.to_string(),
        plan: Some(plan(policy.policy)),
        policy_version: policy.version,
        time_zone: policy.time_zone,
        day: Some(window(&windows.day)),
        month: Some(window(&windows.month)),
        month_extra_token_count: extra.tokens,
        month_extra_cost_nano_usd: extra.cost_nano,
        initial: policy.initial,
    }
}

fn plan(policy: Policy) -> Plan {
    let on_cap = match policy.on_cap {
        CapAction::Degrade => WireCapAction::Degrade,
        CapAction::Suspend => WireCapAction::Suspend,
    };
    let billing_mode = match policy.billing_mode {
        BillingMode::Postpaid => WireBillingMode::Postpaid,
        BillingMode::Prepaid => WireBillingMode::Prepaid,
    };
    Plan {
        plan_id: policy.plan_id,
        version: policy.plan_version,
        day_request_cap: policy.caps.day_requests,
        month_token_cap: policy.caps.month_tokens,
        month_cost_nano_usd_cap: policy.caps.month_cost_nano,
        concurrent_request_cap: policy.caps.concurrency,
        on_cap: on_cap.into(),
        alert_percents: policy.alert_percents,
        billing_mode: billing_mode.into(),
    }
}

fn window(span: &Span) -> wire::watch_policy_response::Window {
    wire::watch_policy_response::Window {
        window_id: span.id.to_string(),
        start_time: Some(convert::timestamp(span.start)),
        end_time: Some(convert::timestamp(span.end)),
    }
}

pub(super) fn grant(grant: Grant) -> wire::AcquireUpstreamResponse {
    let ttl = Duration::from_millis(u64::try_from(grant.ttl_ms).unwrap_or(0));
    wire::AcquireUpstreamResponse {
        request_count: grant.granted.requests,
        input_token_count: grant.granted.input_tokens,
        ttl: Some(convert::duration(ttl)),
    }
}
