//! Following the ledger a page at a time: what it counts of calls, what was paid, and one event by its id.

use std::time::Duration;

use kaleem_proto::billing::v1::{self as proto, call_change::Counted, ledger_change::What};
use kaleem_rpc::{Code, Fault, convert};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Client, Service, assert_fault, assert_invalid, counted, event, reserved},
};

const SOON: Duration = Duration::from_secs(10);
const COUNTED: Counted =
    Counted { request_count: 1, token_count: 450, cost_nano_usd: 90_000, upstream_cost_nano_usd: 90_000 };
const NOTHING: Counted =
    Counted { request_count: 0, token_count: 0, cost_nano_usd: 0, upstream_cost_nano_usd: 0 };

fn after(transaction: i64) -> proto::FollowLedgerRequest {
    proto::FollowLedgerRequest { after_transaction: Some(transaction), page_size: 0, wait: None }
}

async fn follow(
    client: &mut Client,
    request: proto::FollowLedgerRequest,
) -> Result<proto::FollowLedgerResponse, Fault> {
    let answer = client.follow_ledger(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
}

/// Transaction, event and what counts now and before.
fn call(change: &proto::LedgerChange) -> (i64, String, Counted, Counted) {
    let Some(What::Call(call)) = &change.what else { panic!("{change:?}") };
    let event_id = call.reservation.as_ref().unwrap().event_id.clone();
    (change.transaction, event_id, call.now.unwrap(), call.before.unwrap())
}

async fn pay(client: &mut Client, id: &str, amount_pico_usd: i64, tops_up_month_cap: bool) {
    let (payment_id, merchant_id) = (id.into(), "ward".into());
    let payment = proto::PostPaymentRequest { payment_id, merchant_id, amount_pico_usd, tops_up_month_cap };
    client.post_payment(payment).await.unwrap();
}

async fn charges_corrections_and_payments_come_in_order_with_what_counts_before_and_after(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let failed = proto::UsageEvent { status: proto::UsageStatus::FailedBilled.into(), ..event("b") };
    service.record(vec![event("a"), failed]).await.unwrap();
    pay(&mut service.client, "pay-1", 1_500, true).await;
    pay(&mut service.client, "pay-2", -7, false).await;
    let amend = proto::AmendUsageRequest {
        op_id: "op-1".into(),
        merchant_id: "ward".into(),
        event_id: "202611/a/0".into(),
        replacement: Some(counted(event("a"), |usage| usage.output_text_count = 151)),
        reason: "one more".into(),
    };
    service.client.amend_usage(amend).await.unwrap();

    let page = follow(&mut service.client, after(0)).await.unwrap();
    assert_eq!((page.transaction, page.changes.len()), (6, 6));
    assert!(page.changes.iter().all(|change| change.merchant_id == "ward"));
    let calls: Vec<_> = [0, 1, 4, 5].map(|index| call(&page.changes[index])).into();
    let unsold = Counted { cost_nano_usd: 0, ..COUNTED };
    let more = Counted { token_count: 451, cost_nano_usd: 90_400, upstream_cost_nano_usd: 90_400, ..COUNTED };
    let expected = [
        (1, "202611/a/0", COUNTED, NOTHING),
        (2, "202611/b/0", unsold, NOTHING),
        (5, "202611/a/0", NOTHING, COUNTED),
        (6, "202611/a/0~1", more, NOTHING),
    ];
    assert_eq!(calls, expected.map(|(at, id, now, before)| (at, id.to_owned(), now, before)));
    let paid = |payment_id: &str, amount_pico_usd, tops_up_month_cap, in_all| {
        let (payment_id, paid_pico_usd) = (payment_id.to_owned(), Some(in_all));
        let paid = proto::PaymentChange { payment_id, amount_pico_usd, tops_up_month_cap, paid_pico_usd };
        Some(What::Payment(paid))
    };
    assert_eq!(page.changes[2].what, paid("pay-1", 1_500, true, 1_500));
    assert_eq!(page.changes[3].what, paid("pay-2", -7, false, 1_493));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn pages_go_on_without_gaps_and_a_fraction_of_a_nano_counts_as_one(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let one_token = |name: String| counted(event(&name), |usage| usage.output_text_count = 0);
    let one_token = |name| counted(one_token(name), |usage| usage.input_fresh_count = 1);
    service.record((0..600).map(|index| one_token(format!("r-{index}"))).collect()).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let position = seen.last().copied().unwrap_or(0);
        let request = proto::FollowLedgerRequest { page_size: 250, ..after(position) };
        let page = follow(&mut service.client, request).await.unwrap();
        if page.changes.is_empty() {
            assert_eq!(page.transaction, position);
            break;
        }
        assert!(page.changes.len() <= 250);
        // $0.10 a million tokens is 100 nano a token.
        assert!(page.changes.iter().all(|change| call(change).2.cost_nano_usd == 100));
        seen.extend(page.changes.iter().map(|change| change.transaction));
    }
    assert_eq!(seen, (1..=600).collect::<Vec<_>>());
}

async fn a_follower_at_the_end_waits_and_is_woken_by_the_next_commit(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record(vec![event("a")]).await.unwrap();
    let end = follow(&mut service.client, proto::FollowLedgerRequest::default()).await.unwrap();
    assert_eq!((end.transaction, end.changes.len()), (1, 0));
    let wait = Some(convert::duration(SOON));
    let mut client = service.client.clone();
    let asked = follow(&mut client, proto::FollowLedgerRequest { wait, ..after(1) });
    let (page, recorded) = tokio::join!(tokio::time::timeout(SOON / 2, asked), async {
        // Only once the follower waits is there news.
        tokio::task::yield_now().await;
        service.record(vec![event("b")]).await
    });
    recorded.unwrap();
    assert_eq!(page.unwrap().unwrap().transaction, 2);
}

async fn a_waiting_follower_is_let_go_when_the_service_stops(backend: &Backend) {
    let service = Service::start(backend).await;
    let mut client = service.client.clone();
    let request = proto::FollowLedgerRequest { wait: Some(convert::duration(SOON)), ..after(0) };
    let (page, ()) = tokio::join!(tokio::time::timeout(SOON / 2, follow(&mut client, request)), async {
        tokio::task::yield_now().await;
        service.supervisor.stop();
    });
    assert_eq!(page.unwrap().unwrap().transaction, 0);
}

async fn a_position_that_the_ledger_does_not_have_is_refused_and_so_is_what_is_out_of_range(
    backend: &Backend,
) {
    let mut service = Service::start(backend).await;
    service.record(vec![event("a")]).await.unwrap();
    let refused = follow(&mut service.client, after(2)).await;
    let fault = assert_fault(refused, Code::FailedPrecondition, "POSITION_UNKNOWN");
    assert_eq!(fault.metadata["newest_transaction"], "1");
    assert_invalid(follow(&mut service.client, after(-1)).await, &["after_transaction"]);
    let many = proto::FollowLedgerRequest { page_size: 1_025, ..after(0) };
    assert_invalid(follow(&mut service.client, many).await, &["page_size"]);
    let long =
        proto::FollowLedgerRequest { wait: Some(convert::duration(Duration::from_secs(31))), ..after(0) };
    assert_invalid(follow(&mut service.client, long).await, &["wait"]);
}

async fn one_event_is_found_by_its_id_with_the_transaction_that_charged_it(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let other = reserved(event("x"), |reservation| reservation.merchant_id = "hulm".into());
    service.record(vec![other, event("a")]).await.unwrap();
    let request = |merchant: &str, event: &str| proto::GetUsageEventRequest {
        merchant_id: merchant.into(),
        event_id: event.into(),
    };
    let found = service.client.get_usage_event(request("ward", "202611/a/0")).await.unwrap().into_inner();
    assert_eq!(found.transaction, 2);
    assert_eq!(found.event.unwrap().event, Some(event("a")));
    for (merchant, id) in [("hulm", "202611/a/0"), ("ward", "202611/z/0")] {
        let missing = service.client.get_usage_event(request(merchant, id)).await;
        let missing = missing.map_err(|status| Fault::from_status(&status));
        assert_fault(missing, Code::NotFound, "EVENT_NOT_FOUND");
    }
    let wrong = service.client.get_usage_event(request("ward", "a")).await;
    assert_invalid(wrong.map_err(|status| Fault::from_status(&status)), &["event_id"]);
}

async fn sums_say_up_to_which_transaction_they_count(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let other = reserved(event("x"), |reservation| reservation.merchant_id = "hulm".into());
    service.record(vec![event("a"), other]).await.unwrap();
    assert_eq!(service.summary("ward", "M202611").await.unwrap().max_transaction, 1);
    assert_eq!(service.summary("hulm", "M202611").await.unwrap().max_transaction, 2);
    // A payment moves the merchant's ledger, and no sum.
    pay(&mut service.client, "pay-1", 5, true).await;
    assert_eq!(service.summary("ward", "d20261120").await.unwrap().max_transaction, 3);
    assert_eq!(service.summary("nobody", "M202611").await.unwrap().max_transaction, 0);
}

/// A call of `merchant` at `upstream`, admitted at an instant that its merchant counts in `window`.
fn served(id: &str, merchant: &str, upstream: &str, admitted: &str, window: &str) -> proto::UsageEvent {
    let admitted: jiff::Timestamp = admitted.parse().unwrap();
    let admitted = kaleem_domain::Timestamp::from_millis(admitted.as_millisecond());
    let event = reserved(event(id), |reservation| {
        reservation.merchant_id = merchant.into();
        reservation.event_id = format!("{window}/{id}/0");
        reservation.day_window_id = format!("d{window}01");
        reservation.month_window_id = format!("M{window}");
        reservation.admit_time = Some(convert::timestamp(admitted));
    });
    proto::UsageEvent { upstream: upstream.into(), ..event }
}

async fn sums_of_an_upstream_are_those_of_all_merchants_in_the_windows_of_its_own_zone(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.clock.set(kaleem_domain::Timestamp::from_millis(1_796_200_000_000));
    let (last, next) = ("2026-12-01T07:59:59Z", "2026-12-01T08:00:00Z");
    let events = vec![
        served("a", "ward", "shop-prod", "2026-11-20T00:00:00Z", "202611"),
        served("b", "hulm", "shop-prod", last, "202612"),
        served("c", "hulm", "shop-prod", next, "202612"),
        served("d", "hulm", "shop-test", last, "202612"),
    ];
    let recorded = service.record(events).await.unwrap();
    assert!(recorded.iter().all(|item| item.reason.is_empty()), "{recorded:?}");
    let request = |upstream: &str, window: &str, max_transaction| proto::GetUsageSummaryRequest {
        upstream: upstream.into(),
        window_id: window.into(),
        time_zone: "America/Los_Angeles".into(),
        max_transaction,
        ..Default::default()
    };
    let mut sums = async |upstream: &str, window: &str, max| {
        let answer =
            service.client.get_usage_summary(request(upstream, window, max)).await.unwrap().into_inner();
        (answer.request_count, answer.cost_pico_usd, answer.max_transaction)
    };
    assert_eq!(sums("shop-prod", "M202611", 0).await, (2, 180_000_000, 4));
    assert_eq!(sums("shop-prod", "M202611", 1).await, (1, 90_000_000, 1));
    assert_eq!(sums("shop-prod", "M202612", 0).await, (1, 90_000_000, 4));
    assert_eq!(sums("shop-prod", "d20261130", 0).await, (1, 90_000_000, 4));
    assert_eq!(sums("provider-gemini", "M202611", 0).await, (3, 270_000_000, 4), "a target by its name");
    assert_eq!(sums("nobody", "M202611", 0).await, (0, 0, 4));
    let amend = proto::AmendUsageRequest {
        op_id: "op-1".into(),
        merchant_id: "ward".into(),
        event_id: "202611/a/0".into(),
        replacement: None,
        reason: "it never was".into(),
    };
    service.client.amend_usage(amend).await.unwrap();
    let mut sums = async |max| {
        let asked = request("shop-prod", "M202611", max);
        service.client.get_usage_summary(asked).await.unwrap().into_inner().cost_pico_usd
    };
    assert_eq!((sums(0).await, sums(4).await), (90_000_000, 180_000_000), "what was, was");
    for (wrong, field) in [
        (
            proto::GetUsageSummaryRequest { time_zone: "Mars".into(), ..request("a", "M202611", 0) },
            "time_zone",
        ),
        (
            proto::GetUsageSummaryRequest { merchant_id: "ward".into(), ..request("a", "M202611", 0) },
            "upstream",
        ),
        (request("a", "", 0), "window_id"),
        (request("a", "M202613", 0), "window_id"),
        (request("a", "M202611", -1), "max_transaction"),
    ] {
        let answer = service.client.get_usage_summary(wrong).await;
        assert_invalid(answer.map_err(|status| Fault::from_status(&status)), &[field]);
    }
}

on_both_stores!(
    sums_of_an_upstream_are_those_of_all_merchants_in_the_windows_of_its_own_zone,
    charges_corrections_and_payments_come_in_order_with_what_counts_before_and_after,
    pages_go_on_without_gaps_and_a_fraction_of_a_nano_counts_as_one,
    a_follower_at_the_end_waits_and_is_woken_by_the_next_commit,
    a_waiting_follower_is_let_go_when_the_service_stops,
    a_position_that_the_ledger_does_not_have_is_refused_and_so_is_what_is_out_of_range,
    one_event_is_found_by_its_id_with_the_transaction_that_charged_it,
    sums_say_up_to_which_transaction_they_count,
);
