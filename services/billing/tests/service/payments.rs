//! Payments: posted once for ever, in balance.

use kaleem_proto::billing::v1 as proto;
use kaleem_rpc::{Code, Fault};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Service, assert_fault, assert_invalid, event},
};

const TEN_DOLLARS: i64 = 10_000_000_000_000;

fn payment(id: &str, amount_pico_usd: i64) -> proto::PostPaymentRequest {
    proto::PostPaymentRequest {
        payment_id: id.into(),
        merchant_id: "ward".into(),
        amount_pico_usd,
        ..proto::PostPaymentRequest::default()
    }
}

async fn pay(service: &mut Service, request: proto::PostPaymentRequest) -> Result<String, Fault> {
    let answer = service.client.post_payment(request).await;
    answer.map(|answer| answer.into_inner().transaction_id).map_err(|status| Fault::from_status(&status))
}

async fn a_payment_is_posted_once_for_ever(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record_one(event("a")).await;
    let first = pay(&mut service, payment("pay-1", TEN_DOLLARS)).await.unwrap();
    assert_eq!(first, "2", "after the transaction of the event");
    assert_eq!(pay(&mut service, payment("pay-1", TEN_DOLLARS)).await.unwrap(), first);
    let mut service = service.restart().await;
    assert_eq!(pay(&mut service, payment("pay-1", TEN_DOLLARS)).await.unwrap(), first);
    assert_eq!(pay(&mut service, payment("pay-2", 1)).await.unwrap(), "3");
    let balances = service.sql().await.balances().await;
    let expected = [
        ("ap:provider-gemini", -90_000_000),
        ("cash:psp", TEN_DOLLARS + 1),
        ("cogs:provider-gemini", 90_000_000),
        ("m:ward:prepaid", -TEN_DOLLARS - 1),
        ("m:ward:receivable", 90_000_000),
        ("rev:usage", -90_000_000),
    ];
    assert_eq!(balances, expected.map(|(account, balance)| (account.to_owned(), balance)));
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (1, 8, vec![]));
}

async fn the_same_id_for_something_else_is_refused_and_changes_nothing(backend: &Backend) {
    let mut service = Service::start(backend).await;
    pay(&mut service, payment("pay-1", TEN_DOLLARS)).await.unwrap();
    let others = [
        payment("pay-1", TEN_DOLLARS + 1),
        proto::PostPaymentRequest { merchant_id: "hulm".into(), ..payment("pay-1", TEN_DOLLARS) },
        proto::PostPaymentRequest { tops_up_month_cap: true, ..payment("pay-1", TEN_DOLLARS) },
    ];
    for other in others {
        let fault = assert_fault(pay(&mut service, other).await, Code::AlreadyExists, "PAYMENT_ID_REUSED");
        assert_eq!(fault.metadata["payment_id"], "pay-1");
    }
    assert_eq!(service.verify().await.entry_count, 2);
}

async fn racing_webhooks_post_one_payment(backend: &Backend) {
    let service = Service::start(backend).await;
    let calls = (0..32).map(|_| {
        let mut client = service.client.clone();
        async move { client.post_payment(payment("pay-1", 7)).await.unwrap().into_inner().transaction_id }
    });
    let ids = futures::future::join_all(calls).await;
    assert!(ids.iter().all(|id| id == "1"), "{ids:?}");
    let mut service = service;
    assert_eq!(service.verify().await.entry_count, 2);
}

async fn amounts_are_from_1_to_the_largest_row_and_every_wrong_field_is_named(backend: &Backend) {
    let mut service = Service::start(backend).await;
    pay(&mut service, payment("largest", i64::MAX)).await.unwrap();
    pay(&mut service, payment("smallest", 1)).await.unwrap();
    for amount in [0, -1, i64::MIN] {
        assert_invalid(pay(&mut service, payment("pay", amount)).await, &["amount_pico_usd"]);
    }
    assert_invalid(
        pay(&mut service, proto::PostPaymentRequest::default()).await,
        &["payment_id", "amount_pico_usd", "merchant_id"],
    );
    for id in ["a b", "\u{661}", &"x".repeat(129)] {
        assert_invalid(pay(&mut service, payment(id, 1)).await, &["payment_id"]);
    }
    let verdict = service.verify().await;
    assert_eq!((verdict.entry_count, verdict.faults), (4, vec![]), "sums go beyond 64 bits");
}

on_both_stores!(
    a_payment_is_posted_once_for_ever,
    the_same_id_for_something_else_is_refused_and_changes_nothing,
    racing_webhooks_post_one_payment,
    amounts_are_from_1_to_the_largest_row_and_every_wrong_field_is_named,
);
