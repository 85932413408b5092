//! Between domain values and the messages of the wire.

use kaleem_domain::{
    MerchantId,
    price::{Book, Component, PriceVersion, Rate},
};
use kaleem_proto::{
    billing::v1::{self as proto, record_usage_response as response},
    chat::v1 as chat,
    quota::v1::Reservation,
};
use kaleem_rpc::convert;

use super::wrong;
use crate::{
    Error, Violation,
    event::{Rejection, Status, UsageEvent},
    statement::{Line, Statement},
    store::{Outcome, Recorded, StoredEvent},
    summary::{Sums, WindowId, narrow},
};

pub fn usage_event(event: proto::UsageEvent) -> Result<UsageEvent, Rejection> {
    let status = match event.status() {
        proto::UsageStatus::Ok => Status::Ok,
        proto::UsageStatus::Partial => Status::Partial,
        proto::UsageStatus::FailedBilled => Status::FailedBilled,
        proto::UsageStatus::Unconfirmed => Status::Unconfirmed,
        proto::UsageStatus::Unspecified => return Err(Rejection::StatusInvalid),
    };
    let reservation = event.reservation.ok_or(Rejection::ReservationIncomplete)?;
    let usage = event.usage.as_ref().map(convert::from_usage).ok_or(Rejection::TokenCountInvalid)?;
    let admit_time = reservation.admit_time.as_ref().map(convert::from_timestamp);
    Ok(UsageEvent {
        merchant_id: MerchantId::parse(&reservation.merchant_id)
            .map_err(|_| Rejection::ReservationIncomplete)?,
        event_id: reservation.event_id,
        request_id: reservation.request_id,
        attempt: reservation.attempt,
        epoch: reservation.epoch,
        admit_time: admit_time.ok_or(Rejection::ReservationIncomplete)?,
        day_window: reservation.day_window_id,
        month_window: reservation.month_window_id,
        price_version: reservation.price_version,
        target: event.target,
        upstream: event.upstream,
        model_requested: event.model_requested,
        model_served: event.model_served,
        provider_request_id: event.provider_request_id,
        gateway_id: event.gateway_id,
        key_id: event.key_id,
        decision_id: event.decision_id,
        usage,
        status,
    })
}

pub fn reservation(event: &UsageEvent) -> Reservation {
    Reservation {
        request_id: event.request_id.clone(),
        attempt: event.attempt,
        merchant_id: event.merchant_id.to_string(),
        admit_time: Some(convert::timestamp(event.admit_time)),
        day_window_id: event.day_window.clone(),
        month_window_id: event.month_window.clone(),
        event_id: event.event_id.clone(),
        price_version: event.price_version.clone(),
        epoch: event.epoch,
        // The event names its upstream itself.
        quota_domain: String::new(),
    }
}

pub fn recorded_event(stored: &StoredEvent) -> proto::RecordedEvent {
    let event = &stored.event;
    let status = match event.status {
        Status::Ok => proto::UsageStatus::Ok,
        Status::Partial => proto::UsageStatus::Partial,
        Status::FailedBilled => proto::UsageStatus::FailedBilled,
        Status::Unconfirmed => proto::UsageStatus::Unconfirmed,
    };
    let event = proto::UsageEvent {
        reservation: Some(reservation(event)),
        target: event.target.clone(),
        upstream: event.upstream.clone(),
        model_requested: event.model_requested.clone(),
        model_served: event.model_served.clone(),
        provider_request_id: event.provider_request_id.clone(),
        usage: Some(convert::usage(&event.usage)),
        status: status.into(),
        gateway_id: event.gateway_id.clone(),
        key_id: event.key_id.clone(),
        decision_id: event.decision_id.clone(),
    };
    proto::RecordedEvent {
        sequence: stored.sequence,
        event: Some(event),
        sell_pico_usd: stored.sell_pico,
        record_time: Some(convert::timestamp(stored.record_time)),
        reversed: stored.reversed,
    }
}

pub fn result(result: Result<Recorded, Rejection>) -> response::Result {
    match result {
        Ok(recorded) => {
            let outcome = match recorded.outcome {
                Outcome::Recorded => response::Outcome::Recorded,
                Outcome::Duplicate => response::Outcome::Duplicate,
                Outcome::Conflict => response::Outcome::Conflict,
            };
            let sell_pico_usd = recorded.sell_pico;
            response::Result { outcome: outcome.into(), reason: String::new(), sell_pico_usd }
        }
        Err(rejection) => response::Result {
            outcome: response::Outcome::Rejected.into(),
            reason: rejection.reason().to_owned(),
            sell_pico_usd: 0,
        },
    }
}

pub fn statement(statement: &Statement) -> proto::Statement {
    let line = |line: &Line| proto::statement::Line {
        model: line.model.clone(),
        component: convert::price_component(line.component).into(),
        price_version: line.price_version.clone(),
        unit_count: line.units,
        amount_pico_usd: line.amount_pico,
        amount_minor: line.amount_minor,
        period: line.period.to_string(),
        service_tier: convert::service_tier(line.service_tier).into(),
    };
    let (exchange, tax) = (&statement.terms.exchange, statement.terms.tax.as_ref());
    proto::Statement {
        merchant_id: statement.merchant_id.to_string(),
        period: statement.cut.period.to_string(),
        max_sequence: statement.cut.max_sequence,
        currency: exchange.currency.clone(),
        total_minor: statement.total_minor(),
        lines: statement.lines.iter().map(line).collect(),
        carry_pico_usd: statement.cut.carry_pico,
        fx_id: exchange.id.clone(),
        fx_rate_micro: exchange.rate_micro,
        net_minor: statement.net_minor,
        tax_id: tax.map(|tax| tax.id.clone()).unwrap_or_default(),
        tax_rate_micro: tax.map_or(0, |tax| tax.rate_micro),
        tax_minor: statement.tax_minor,
    }
}

pub fn summary(
    window: &WindowId,
    by_model: Vec<(String, Sums)>,
    max_transaction: i64,
) -> Result<proto::GetUsageSummaryResponse, Error> {
    let mut total = Sums::default();
    for (_, sums) in &by_model {
        total.add(sums);
    }
    Ok(proto::GetUsageSummaryResponse {
        window_id: window.id().to_owned(),
        request_count: narrow(total.events)?,
        usage: Some(summed_usage(&total)?),
        sell_pico_usd: narrow(total.sell_pico)?,
        cost_pico_usd: narrow(total.cost_pico)?,
        max_sequence: total.max_sequence,
        models: by_model.into_iter().map(model_usage).collect::<Result<_, _>>()?,
        max_transaction,
    })
}

/// Sums as token counts; who counted and in what tier has no sum.
fn summed_usage(sums: &Sums) -> Result<chat::TokenUsage, Error> {
    Ok(chat::TokenUsage {
        source: chat::UsageSource::Unspecified.into(),
        service_tier: chat::ServiceTier::Unspecified.into(),
        ..convert::usage(&sums.usage()?)
    })
}

fn model_usage(
    (model, sums): (String, Sums),
) -> Result<proto::get_usage_summary_response::ModelUsage, Error> {
    Ok(proto::get_usage_summary_response::ModelUsage {
        model,
        request_count: narrow(sums.events)?,
        usage: Some(summed_usage(&sums)?),
        sell_pico_usd: narrow(sums.sell_pico)?,
    })
}

pub fn price_version(version: proto::PriceVersion) -> Result<PriceVersion, Error> {
    let effective_time = version.effective_time.as_ref().map(convert::from_timestamp);
    let mut violations = Vec::new();
    if effective_time.is_none() {
        violations.push(Violation::new("version.effective_time", "set"));
    }
    let mut rates = Vec::with_capacity(version.rates.len());
    for (index, rate) in version.rates.iter().enumerate() {
        match (parse_book(rate.book()), parse_component(rate.component())) {
            (Some(book), Some(component)) => rates.push(Rate {
                book,
                component,
                pico_usd_per_unit: rate.pico_usd_per_unit,
                min_input_token_count: rate.min_input_token_count,
                service_tier: convert::from_service_tier(rate.service_tier()),
            }),
            (None, _) => {
                let field = format!("version.rates[{index}].book");
                violations.push(Violation::new(field, "PRICE_BOOK_COST or PRICE_BOOK_SELL"));
            }
            (_, None) => {
                let field = format!("version.rates[{index}].component");
                violations.push(Violation::new(field, "a PRICE_COMPONENT other than UNSPECIFIED"));
            }
        }
    }
    if !violations.is_empty() {
        return Err(Error::RequestInvalid(violations));
    }
    Ok(PriceVersion {
        effective_time: effective_time.ok_or_else(|| wrong("version.effective_time", "set"))?,
        price_version: version.price_version,
        target: version.target,
        model: version.model,
        source: version.source,
        verified: version.verified,
        rates,
    })
}

fn parse_book(book: proto::PriceBook) -> Option<Book> {
    match book {
        proto::PriceBook::Cost => Some(Book::Cost),
        proto::PriceBook::Sell => Some(Book::Sell),
        proto::PriceBook::Unspecified => None,
    }
}

fn parse_component(wanted: proto::PriceComponent) -> Option<Component> {
    Component::ALL.into_iter().find(|ours| convert::price_component(*ours) == wanted)
}
