//! Payments: posted once for ever, in balance.

use kaleem_proto::billing::v1 as proto;
use kaleem_rpc::{Code, Fault};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Service, assert_fault, assert_invalid, event, in_month, reserved},
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

async fn amounts_are_anything_but_0_within_a_row_and_every_wrong_field_is_named(backend: &Backend) {
    let mut service = Service::start(backend).await;
    pay(&mut service, payment("largest", i64::MAX)).await.unwrap();
    pay(&mut service, payment("smallest", 1)).await.unwrap();
    for amount in [0, i64::MIN] {
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

async fn money_that_went_back_is_posted_once_and_is_never_more_than_was_paid(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let too_large = pay(&mut service, payment("refund-1", -1)).await;
    assert_fault(too_large, Code::FailedPrecondition, "REFUND_TOO_LARGE");
    let raises = proto::PostPaymentRequest { tops_up_month_cap: true, ..payment("pay-1", TEN_DOLLARS) };
    pay(&mut service, raises).await.unwrap();
    for _ in 0..2 {
        assert_eq!(pay(&mut service, payment("refund-1", -TEN_DOLLARS / 2)).await.unwrap(), "2");
    }
    let reused = pay(&mut service, payment("refund-1", -1)).await;
    assert_fault(reused, Code::AlreadyExists, "PAYMENT_ID_REUSED");
    let lowers = proto::PostPaymentRequest { tops_up_month_cap: true, ..payment("refund-2", -1) };
    assert_invalid(pay(&mut service, lowers).await, &["tops_up_month_cap"]);
    let more = pay(&mut service, payment("refund-2", -TEN_DOLLARS / 2 - 1)).await;
    let fault = assert_fault(more, Code::FailedPrecondition, "REFUND_TOO_LARGE");
    assert!(fault.message.contains("$5.00"), "{}", fault.message);
    pay(&mut service, payment("refund-2", -TEN_DOLLARS / 2)).await.unwrap();
    let expected = [("m:ward:prepaid", TEN_DOLLARS), ("m:ward:topup", -TEN_DOLLARS)];
    let mut balances = service.sql().await.balances().await;
    balances.retain(|(_, balance)| *balance != 0);
    assert_eq!(balances, expected.map(|(account, balance)| (account.to_owned(), balance)));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn balance(service: &mut Service, merchant_id: &str) -> proto::GetBalanceResponse {
    let asked = proto::GetBalanceRequest { merchant_id: merchant_id.into() };
    service.client.get_balance(asked).await.unwrap().into_inner()
}

async fn a_balance_is_all_that_was_paid_and_charged_in_whatever_month(backend: &Backend) {
    const CHARGE: i64 = 90_000_000;
    let mut service = Service::start(backend).await;
    assert_eq!(balance(&mut service, "ward").await, proto::GetBalanceResponse::default());
    service.record(vec![event("a"), in_month(event("b"), "202507"), event("c")]).await.unwrap();
    let other = reserved(event("x"), |reservation| reservation.merchant_id = "hulm".into());
    service.record_one(other).await;
    let mut expected = proto::GetBalanceResponse {
        paid_pico_usd: 0,
        charged_pico_usd: 3 * CHARGE,
        request_count: 3,
        transaction: 3,
    };
    // Asked each time, asked once at the end and asked after a restart it is the same.
    assert_eq!(balance(&mut service, "ward").await, expected);
    pay(&mut service, payment("pay-1", TEN_DOLLARS)).await.unwrap();
    pay(&mut service, payment("refund-1", -1)).await.unwrap();
    expected = proto::GetBalanceResponse { paid_pico_usd: TEN_DOLLARS - 1, transaction: 6, ..expected };
    assert_eq!(balance(&mut service, "ward").await, expected);
    let amend = proto::AmendUsageRequest {
        op_id: "op-1".into(),
        merchant_id: "ward".into(),
        event_id: "202507/b/0".into(),
        replacement: None,
        reason: "a test".into(),
    };
    service.client.amend_usage(amend).await.unwrap();
    let (charged_pico_usd, request_count, transaction) = (2 * CHARGE, 2, 7);
    expected = proto::GetBalanceResponse { charged_pico_usd, request_count, transaction, ..expected };
    for _ in 0..2 {
        assert_eq!(balance(&mut service, "ward").await, expected);
    }
    let mut service = service.restart().await;
    assert_eq!(balance(&mut service, "ward").await, expected);
    assert_eq!(balance(&mut service, "hulm").await.charged_pico_usd, CHARGE);
    let wrong = service.client.get_balance(proto::GetBalanceRequest::default()).await;
    assert_invalid(wrong.map_err(|status| Fault::from_status(&status)), &["merchant_id"]);
    // What does not fit the answer is an error and never cut.
    for id in ["large-1", "large-2"] {
        pay(&mut service, payment(id, i64::MAX)).await.unwrap();
    }
    let asked = proto::GetBalanceRequest { merchant_id: "ward".into() };
    let overflow = service.client.get_balance(asked).await.map_err(|status| Fault::from_status(&status));
    assert_fault(overflow, Code::FailedPrecondition, "AMOUNT_OVERFLOW");
}

on_both_stores!(
    a_payment_is_posted_once_for_ever,
    the_same_id_for_something_else_is_refused_and_changes_nothing,
    racing_webhooks_post_one_payment,
    amounts_are_anything_but_0_within_a_row_and_every_wrong_field_is_named,
    money_that_went_back_is_posted_once_and_is_never_more_than_was_paid,
    a_balance_is_all_that_was_paid_and_charged_in_whatever_month,
);
