//! Corrections: taken back whole, replaced by the next revision, once for ever.

use kaleem_proto::billing::v1::{self as proto, record_usage_response::Outcome};
use kaleem_rpc::{Code, Fault};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Service, assert_fault, assert_invalid, counted, event, item, reserved},
};

const CHARGE: i64 = 90_000_000;

fn amendment(op: &str, event_id: &str, replacement: Option<proto::UsageEvent>) -> proto::AmendUsageRequest {
    proto::AmendUsageRequest {
        op_id: op.into(),
        merchant_id: "ward".into(),
        event_id: event_id.into(),
        replacement,
        reason: "the provider's bill says so".into(),
    }
}

async fn amend(service: &mut Service, request: proto::AmendUsageRequest) -> Result<Vec<String>, Fault> {
    let answer = service.client.amend_usage(request).await;
    answer.map(|answer| answer.into_inner().transaction_ids).map_err(|status| Fault::from_status(&status))
}

/// Request `a` with 50 tokens out: 300 × 100,000 + 50 × 400,000.
fn shorter() -> proto::UsageEvent {
    counted(event("a"), |usage| usage.output_text_count = 50)
}
const SHORTER: i64 = 50_000_000;

async fn two_events(backend: &Backend) -> Service {
    let mut service = Service::start(backend).await;
    service.record(vec![event("a"), event("b")]).await.unwrap();
    service
}

async fn a_reversal_takes_the_charge_out_of_every_sum(backend: &Backend) {
    let mut service = two_events(backend).await;
    assert_eq!(amend(&mut service, amendment("op-1", "202611/a/0", None)).await.unwrap(), ["3"]);
    for window in ["M202611", "d20261120"] {
        let summary = service.summary("ward", window).await.unwrap();
        assert_eq!(
            (summary.request_count, summary.sell_pico_usd, summary.cost_pico_usd),
            (1, CHARGE, CHARGE)
        );
        assert_eq!(summary.usage.unwrap().input_fresh_count, 300);
    }
    let balances = service.sql().await.balances().await;
    let expected = [
        ("ap:provider-gemini", -CHARGE),
        ("cogs:provider-gemini", CHARGE),
        ("m:ward:receivable", CHARGE),
        ("rev:usage", -CHARGE),
    ];
    assert_eq!(balances, expected.map(|(account, balance)| (account.to_owned(), balance)));
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (2, 12, vec![]));
    assert_eq!(service.record_one(event("a")).await, item(Outcome::Duplicate, CHARGE), "not charged again");
}

async fn a_replacement_is_the_next_revision_and_counts_instead(backend: &Backend) {
    let mut service = two_events(backend).await;
    let request = amendment("op-1", "202611/a/0", Some(shorter()));
    assert_eq!(amend(&mut service, request).await.unwrap(), ["3", "4"]);
    let summary = service.summary("ward", "").await.unwrap();
    assert_eq!((summary.request_count, summary.sell_pico_usd), (2, CHARGE + SHORTER));
    assert_eq!((summary.usage.unwrap().output_text_count, summary.max_sequence), (200, 4));

    let back = reserved(event("a"), |reservation| reservation.event_id.clear());
    let request = amendment("op-2", "202611/a/0~1", Some(back));
    assert_eq!(amend(&mut service, request).await.unwrap(), ["5", "6"]);
    let summary = service.summary("ward", "").await.unwrap();
    assert_eq!((summary.request_count, summary.sell_pico_usd), (2, 2 * CHARGE));

    let request = proto::ListUsageEventsRequest { merchant_id: "ward".into(), ..Default::default() };
    let page = service.client.list_usage_events(request).await.unwrap().into_inner();
    let id = |event: &proto::RecordedEvent| {
        event.event.as_ref().unwrap().reservation.as_ref().unwrap().event_id.clone()
    };
    let listed: Vec<_> = page.events.iter().map(|event| (id(event), event.reversed)).collect();
    let expected =
        [("202611/a/0~2", false), ("202611/a/0~1", true), ("202611/b/0", false), ("202611/a/0", true)];
    assert_eq!(listed, expected.map(|(id, reversed)| (id.to_owned(), reversed)));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn a_correction_is_carried_out_once_for_ever(backend: &Backend) {
    let mut service = two_events(backend).await;
    let request = amendment("op-1", "202611/a/0", Some(shorter()));
    let first = amend(&mut service, request.clone()).await.unwrap();
    assert_eq!(amend(&mut service, request.clone()).await.unwrap(), first);
    let mut service = service.restart().await;
    assert_eq!(amend(&mut service, request.clone()).await.unwrap(), first);
    let others = [
        amendment("op-1", "202611/b/0", Some(shorter())),
        amendment("op-1", "202611/a/0", None),
        proto::AmendUsageRequest { reason: "another".into(), ..request.clone() },
        amendment("op-1", "202611/a/0", Some(counted(shorter(), |usage| usage.output_text_count += 1))),
    ];
    for other in others {
        let mut other = other;
        if other.event_id == "202611/b/0" {
            other.replacement = None;
        }
        let fault = assert_fault(amend(&mut service, other).await, Code::AlreadyExists, "OP_ID_REUSED");
        assert_eq!(fault.metadata["op_id"], "op-1");
    }
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (3, 16, vec![]));
}

async fn racing_corrections_reverse_once(backend: &Backend) {
    let service = two_events(backend).await;
    let calls = (0..16).map(|index| {
        let mut client = service.client.clone();
        let request = amendment(&format!("op-{index}"), "202611/a/0", Some(shorter()));
        async move { client.amend_usage(request).await.map_err(|status| Fault::from_status(&status)) }
    });
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for fault in answers.into_iter().filter_map(Result::err) {
        assert_eq!((fault.code, fault.reason.as_str()), (Code::FailedPrecondition, "EVENT_REVERSED"));
    }
    let mut service = service;
    assert_eq!(service.summary("ward", "").await.unwrap().sell_pico_usd, CHARGE + SHORTER);
}

async fn what_cannot_be_amended_is_named_with_the_way_out(backend: &Backend) {
    let mut service = two_events(backend).await;
    let unknown = amend(&mut service, amendment("op", "202611/c/0", None)).await;
    assert_fault(unknown, Code::NotFound, "EVENT_NOT_FOUND");
    let stranger =
        proto::AmendUsageRequest { merchant_id: "hulm".into(), ..amendment("op", "202611/a/0", None) };
    assert_fault(amend(&mut service, stranger).await, Code::NotFound, "EVENT_NOT_FOUND");

    amend(&mut service, amendment("op-1", "202611/a/0", Some(shorter()))).await.unwrap();
    let again = amend(&mut service, amendment("op-2", "202611/a/0", None)).await;
    let fault = assert_fault(again, Code::FailedPrecondition, "EVENT_REVERSED");
    assert_eq!(
        (fault.metadata["op_id"].as_str(), fault.metadata["replacement_event_id"].as_str()),
        ("op-1", "202611/a/0~1")
    );
    assert!(fault.message.contains("amend 202611/a/0~1"), "{}", fault.message);

    amend(&mut service, amendment("op-3", "202611/b/0", None)).await.unwrap();
    let again = amend(&mut service, amendment("op-4", "202611/b/0", None)).await;
    let fault = assert_fault(again, Code::FailedPrecondition, "EVENT_REVERSED");
    assert!(fault.message.contains("record another event"), "{}", fault.message);
}

async fn every_wrong_field_is_named(backend: &Backend) {
    let mut service = two_events(backend).await;
    let empty = proto::AmendUsageRequest::default();
    assert_invalid(amend(&mut service, empty).await, &["op_id", "event_id", "reason", "merchant_id"]);
    let cases = [
        ("replacement.reservation", reserved(event("a"), |r| r.request_id.clear())),
        ("replacement.reservation.merchant_id", reserved(event("a"), |r| r.merchant_id = "hulm".into())),
        ("replacement.reservation.event_id", reserved(event("a"), |r| r.event_id = "202611/c/0".into())),
        (
            "replacement.reservation.event_id",
            reserved(event("a"), |r| {
                r.month_window_id = "M202610".into();
                r.day_window_id = "d20261031".into();
            }),
        ),
        ("replacement", proto::UsageEvent { upstream: "x".repeat(257), ..event("a") }),
        ("replacement.usage", counted(event("a"), |usage| usage.output_text_count = -1)),
        ("replacement.status", proto::UsageEvent { status: 0, ..event("a") }),
    ];
    for (field, replacement) in cases {
        let request = amendment("op", "202611/a/0", Some(replacement));
        assert_invalid(amend(&mut service, request).await, &[field]);
    }
    let unpriced = reserved(event("a"), |r| r.price_version = "nothing@1".into());
    let request = amendment("op", "202611/a/0", Some(unpriced));
    assert_fault(amend(&mut service, request).await, Code::FailedPrecondition, "PRICE_UNKNOWN");
    let revision = reserved(event("a"), |r| r.event_id = "202611/a/0~1".into());
    assert_eq!(
        service.record_one(revision).await.reason,
        "EVENT_ID_INVALID",
        "no call takes a revision's place"
    );
    assert_eq!(service.verify().await.entry_count, 8, "nothing was changed");
}

async fn tampering_with_a_correction_is_found(backend: &Backend) {
    let cases = [
        ("DELETE FROM amendment", "1 reversals have no amendment"),
        ("DELETE FROM amendment", "1 events took the place of none"),
        ("UPDATE amendment SET reversal_txn = 1", "1 amendments have no reversal of their event"),
        (
            "UPDATE ledger SET entries = replace(entries, 'ward', 'hulm') WHERE txn_id = 3",
            "transaction 3: it does not take back the charge that it corrects",
        ),
        (
            "UPDATE ledger SET entries = '[]' WHERE txn_id = 3",
            "sell lines sum to 140000000 pico-USD but revenue to 230000000",
        ),
    ];
    for (sql, fault) in cases {
        let mut service = two_events(backend).await;
        amend(&mut service, amendment("op-1", "202611/a/0", Some(shorter()))).await.unwrap();
        service.sql().await.tamper(sql).await;
        let faults = service.verify().await.faults;
        assert!(faults.iter().any(|found| found.contains(fault)), "{sql}: {faults:#?}");
    }
}

on_both_stores!(
    a_reversal_takes_the_charge_out_of_every_sum,
    a_replacement_is_the_next_revision_and_counts_instead,
    a_correction_is_carried_out_once_for_ever,
    racing_corrections_reverse_once,
    what_cannot_be_amended_is_named_with_the_way_out,
    every_wrong_field_is_named,
    tampering_with_a_correction_is_found,
);
