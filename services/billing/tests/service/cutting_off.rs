//! Calls that are cut off at any moment are either not begun or done whole, and sending them again ends the same.

use std::time::Duration;

use kaleem_proto::billing::v1 as proto;

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Service, event, reserved, statement_of},
};

const MERCHANTS: u64 = 40;
/// Cut-offs are spread over the length of a call on a slow machine.
const STEP: Duration = Duration::from_micros(150);

fn merchant(index: u64) -> String {
    format!("shop-{index}")
}

/// Each merchant has the same two events.
async fn start(backend: &Backend) -> Service {
    let mut service = Service::start(backend).await;
    for index in 0..MERCHANTS {
        let of = |request| reserved(event(request), |reservation| reservation.merchant_id = merchant(index));
        service.record(vec![of("a"), of("b")]).await.unwrap();
    }
    service.clock.advance(Duration::from_hours(24 * 60));
    service
}

async fn a_closing_that_was_cut_off_is_closed_again_to_the_same_statement(backend: &Backend) {
    let mut service = start(backend).await;
    let mut statements = Vec::new();
    for index in 0..MERCHANTS {
        let request = statement_of(&merchant(index), "202611");
        let at = STEP * u32::try_from(index).unwrap();
        let _cut = tokio::time::timeout(at, service.client.close_statement(request.clone())).await;
        let statement =
            service.client.close_statement(request).await.unwrap().into_inner().statement.unwrap();
        statements.push(proto::Statement { merchant_id: String::new(), max_sequence: 0, ..statement });
    }
    assert_eq!((statements[0].lines.len(), statements[0].carry_pico_usd), (2, 180_000_000));
    assert!(statements.iter().all(|statement| *statement == statements[0]), "{statements:#?}");
    let verdict = service.verify().await;
    assert_eq!((verdict.entry_count, verdict.faults), (i64::try_from(MERCHANTS).unwrap() * 10, vec![]));
}

async fn a_correction_or_payment_that_was_cut_off_is_carried_out_once(backend: &Backend) {
    let mut service = start(backend).await;
    for index in 0..MERCHANTS {
        let at = STEP * u32::try_from(index).unwrap();
        let amendment = proto::AmendUsageRequest {
            op_id: format!("op-{index}"),
            merchant_id: merchant(index),
            event_id: "202611/a/0".into(),
            replacement: Some(reserved(event("a"), |reservation| reservation.merchant_id.clear())),
            reason: "test".into(),
        };
        let _cut = tokio::time::timeout(at, service.client.amend_usage(amendment.clone())).await;
        service.client.amend_usage(amendment).await.unwrap();
        let payment = proto::PostPaymentRequest {
            payment_id: format!("pay-{index}"),
            merchant_id: merchant(index),
            amount_pico_usd: 5,
            ..proto::PostPaymentRequest::default()
        };
        let _cut = tokio::time::timeout(at, service.client.post_payment(payment.clone())).await;
        service.client.post_payment(payment).await.unwrap();
        let summary = service.summary(&merchant(index), "M202611").await.unwrap();
        assert_eq!((summary.request_count, summary.sell_pico_usd), (2, 180_000_000));
    }
    let verdict = service.verify().await;
    let merchants = i64::try_from(MERCHANTS).unwrap();
    assert_eq!((verdict.event_count, verdict.entry_count), (merchants * 3, merchants * 18));
    assert_eq!(verdict.faults, Vec::<String>::new());
}

on_both_stores!(
    a_closing_that_was_cut_off_is_closed_again_to_the_same_statement,
    a_correction_or_payment_that_was_cut_off_is_carried_out_once,
);
