//! From the state machine to messages of the wire.

use std::time::Duration;

use kaleem_domain::MerchantId;
use kaleem_proto::{quota::v1 as wire, router::v1::QuotaPosture};
use kaleem_rpc::convert;

use crate::{
    machine::{
        Decision, Dimension, DimensionUsage, Ending, Posture, Remaining, Reserved, Settled, Ticket, Usage,
        WindowId,
    },
    store::StoredAlert,
    upstream::Grant,
};

pub(super) fn reserved(merchant: &MerchantId, reserved: &Reserved) -> wire::ReserveResponse {
    wire::ReserveResponse {
        decision: decision(reserved.decision).into(),
        candidate_index: i32::try_from(reserved.candidate_index).unwrap_or(i32::MAX),
        granted_output_token_count: reserved.granted_output,
        reservation: reserved.ticket.as_ref().map(|ticket| reservation(merchant, ticket)),
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

fn reservation(merchant: &MerchantId, ticket: &Ticket) -> wire::Reservation {
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

pub(super) fn grant(grant: Grant) -> wire::AcquireUpstreamResponse {
    let ttl = Duration::from_millis(u64::try_from(grant.ttl_ms).unwrap_or(0));
    wire::AcquireUpstreamResponse {
        request_count: grant.granted.requests,
        input_token_count: grant.granted.input_tokens,
        ttl: Some(convert::duration(ttl)),
    }
}
