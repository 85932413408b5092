//! Recording: once for ever, each event with its own outcome, never half.

use futures::future::join_all;
use kaleem_domain::Timestamp;
use kaleem_proto::billing::v1::{self as proto, record_usage_response::Outcome};
use kaleem_rpc::{Code, convert};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{LOCAL, NOW, Service, assert_fault, assert_invalid, counted, event, item, record, reserved},
};

const CHARGE: i64 = 90_000_000;

async fn an_event_is_recorded_once_for_ever(backend: &Backend) {
    let mut service = Service::start(backend).await;
    assert_eq!(service.record_one(event("a")).await, item(Outcome::Recorded, CHARGE));
    assert_eq!(service.record_one(event("a")).await, item(Outcome::Duplicate, CHARGE));
    let mut service = service.restart().await;
    assert_eq!(service.record_one(event("a")).await, item(Outcome::Duplicate, CHARGE));
    let healed = proto::UsageEvent { gateway_id: "gw-2".into(), ..event("a") };
    assert_eq!(
        service.record_one(healed).await,
        item(Outcome::Duplicate, CHARGE),
        "another reporter, the same call"
    );
    let summary = service.summary("ward", "M202611").await.unwrap();
    assert_eq!((summary.request_count, summary.sell_pico_usd, summary.cost_pico_usd), (1, CHARGE, CHARGE));
}

async fn the_same_id_with_another_payload_is_a_conflict_that_changes_nothing(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record_one(event("a")).await;
    let before = service.summary("ward", "").await.unwrap();
    let dearer = counted(event("a"), |usage| usage.output_text_count += 1);
    assert_eq!(service.record_one(dearer).await, item(Outcome::Conflict, CHARGE));
    assert_eq!(service.summary("ward", "").await.unwrap(), before);
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (1, 4, vec![]));
}

async fn each_event_of_a_call_has_its_own_outcome_in_order(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record_one(event("old")).await;
    let events = vec![
        event("new"),
        counted(event("bad"), |usage| usage.input_fresh_count = -1),
        event("old"),
        event("new"),
        counted(event("new"), |usage| usage.input_fresh_count = 1),
        reserved(event("other"), |reservation| reservation.merchant_id = "hulm".into()),
    ];
    let results = service.record(events).await.unwrap();
    let outcomes: Vec<_> = results.iter().map(proto::record_usage_response::Result::outcome).collect();
    let expected = [
        Outcome::Recorded,
        Outcome::Rejected,
        Outcome::Duplicate,
        Outcome::Duplicate,
        Outcome::Conflict,
        Outcome::Recorded,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(results[1].reason, "TOKEN_COUNT_INVALID");
    assert_eq!(service.verify().await.event_count, 3);
}

async fn what_the_ledger_refuses_as_known_is_looked_for_and_the_rest_recorded(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let events =
        |numbers: std::ops::Range<i32>| numbers.map(|n| event(&format!("r-{n}"))).collect::<Vec<_>>();
    // After a call in which all was new, the next is taken for new as well.
    for known in [0..1, 1..200] {
        let results = service.record(events(known)).await.unwrap();
        assert!(results.iter().all(|result| result.outcome() == Outcome::Recorded));
    }
    let mut mixed = events(150..400);
    mixed.push(counted(event("r-20"), |usage| usage.output_text_count += 1));
    let results = service.record(mixed).await.unwrap();
    let count = |outcome| results.iter().filter(|result| result.outcome() == outcome).count();
    let counts = [Outcome::Duplicate, Outcome::Recorded, Outcome::Conflict].map(count);
    assert_eq!(counts, [50, 200, 1]);
    assert_eq!(results[250].outcome(), Outcome::Conflict);
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (400, 1_600, vec![]));
}

async fn the_same_event_id_of_two_merchants_is_two_charges(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let other = reserved(event("a"), |reservation| reservation.merchant_id = "hulm".into());
    let results = service.record(vec![event("a"), other]).await.unwrap();
    assert_eq!(results, [item(Outcome::Recorded, CHARGE), item(Outcome::Recorded, CHARGE)]);
}

async fn what_cannot_be_recorded_is_rejected_with_its_reason(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let late = convert::timestamp(NOW.plus_millis(5 * 60_000 + 1));
    let cases = [
        ("RESERVATION_INCOMPLETE", proto::UsageEvent { reservation: None, ..event("a") }),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.merchant_id.clear())),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.merchant_id = "Ward".into())),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.request_id.clear())),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.event_id.clear())),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.price_version.clear())),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.admit_time = None)),
        ("RESERVATION_INCOMPLETE", reserved(event("a"), |r| r.attempt = -1)),
        ("WINDOW_INVALID", reserved(event("a"), |r| r.month_window_id.clear())),
        ("WINDOW_INVALID", reserved(event("a"), |r| r.day_window_id = "d20261020".into())),
        ("EVENT_ID_INVALID", reserved(event("a"), |r| r.event_id = "202610/a/0".into())),
        ("ADMIT_TIME_IN_FUTURE", reserved(event("a"), |r| r.admit_time = Some(late))),
        ("MODEL_MISSING", proto::UsageEvent { model_served: String::new(), ..event("a") }),
        ("MODEL_MISSING", proto::UsageEvent { target: String::new(), ..event("a") }),
        ("TEXT_INVALID", proto::UsageEvent { upstream: "x".repeat(257), ..event("a") }),
        ("TOKEN_COUNT_INVALID", proto::UsageEvent { usage: None, ..event("a") }),
        ("TOKEN_COUNT_INVALID", counted(event("a"), |usage| usage.output_text_count = 1 << 53)),
        ("TOKEN_COUNT_INVALID", counted(event("a"), |usage| usage.input_tool_count = -1)),
        ("STATUS_INVALID", proto::UsageEvent { status: 0, ..event("a") }),
        ("STATUS_INVALID", proto::UsageEvent { status: 99, ..event("a") }),
        ("PRICE_UNKNOWN", reserved(event("a"), |r| r.price_version = "nothing@1".into())),
        ("AMOUNT_OVERFLOW", counted(event("a"), |usage| usage.output_text_count = (1 << 53) - 1)),
    ];
    let reasons: Vec<_> = cases.iter().map(|(reason, _)| *reason).collect();
    let results = service.record(cases.into_iter().map(|(_, event)| event).collect()).await.unwrap();
    assert!(results.iter().all(|result| result.outcome() == Outcome::Rejected && result.sell_pico_usd == 0));
    let given: Vec<_> = results.into_iter().map(|result| result.reason).collect();
    assert_eq!(given, reasons);
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count), (0, 0), "nothing is half written");
}

async fn a_call_carries_1_to_1024_events(backend: &Backend) {
    let mut service = Service::start(backend).await;
    assert_invalid(service.record(Vec::new()).await, &["events"]);
    let events = |count: usize| (0..count).map(|index| event(&format!("r-{index}"))).collect::<Vec<_>>();
    assert_invalid(service.record(events(1_025)).await, &["events"]);
    let results = service.record(events(1_024)).await.unwrap();
    assert!(results.iter().all(|result| *result == item(Outcome::Recorded, CHARGE)));
    assert_eq!(service.summary("ward", "").await.unwrap().sell_pico_usd, 1_024 * CHARGE);
}

async fn the_pinned_version_rates_whatever_the_date_says(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let old = reserved(event("old"), |r| {
        r.price_version = "gemini-2.5-flash-lite@2025-10-03".into();
        r.admit_time = Some(convert::timestamp(Timestamp::from_millis(0)));
    });
    assert_eq!(service.record_one(old).await.sell_pico_usd, 67_500_000);
    let cached = counted(event("cached"), |usage| {
        (usage.input_fresh_count, usage.input_cache_read_count, usage.output_reasoning_count) =
            (100, 200, 50);
    });
    assert_eq!(service.record_one(cached).await.sell_pico_usd, 100 * 100_000 + 200 * 10_000 + 200 * 400_000);
}

async fn status_decides_which_books_move(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let with =
        |request, status: proto::UsageStatus| proto::UsageEvent { status: status.into(), ..event(request) };
    let events = vec![
        with("ok", proto::UsageStatus::Ok),
        with("partial", proto::UsageStatus::Partial),
        with("failed", proto::UsageStatus::FailedBilled),
        with("unknown", proto::UsageStatus::Unconfirmed),
        reserved(proto::UsageEvent { target: "provider-local".into(), ..event("local") }, |r| {
            r.price_version = LOCAL.into();
        }),
    ];
    let sold: Vec<_> =
        service.record(events).await.unwrap().iter().map(|result| result.sell_pico_usd).collect();
    assert_eq!(sold, [CHARGE, CHARGE, 0, 0, 300 * 20_000 + 150 * 60_000]);
    let balances = service.sql().await.balances().await;
    let expected = [
        ("ap:provider-gemini", -4 * CHARGE),
        ("cogs:provider-gemini", 3 * CHARGE),
        ("m:ward:receivable", 2 * CHARGE + 15_000_000),
        ("rev:usage", -2 * CHARGE - 15_000_000),
        ("suspense:unconfirmed", CHARGE),
    ];
    assert_eq!(balances, expected.map(|(account, balance)| (account.to_owned(), balance)));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn many_callers_with_the_same_events_charge_each_once(backend: &Backend) {
    let service = Service::start(backend).await;
    let calls = (0..64).map(|caller| {
        let mut client = service.client.clone();
        // Every event is sent by eight callers, in another order by each.
        let events: Vec<_> = (0..40)
            .map(|index| event(&format!("r-{}", (index * 7 + caller) % 40 + caller % 8 * 40)))
            .collect();
        async move { record(&mut client, events).await.unwrap() }
    });
    let results: Vec<_> = join_all(calls).await.into_iter().flatten().collect();
    let count = |outcome| results.iter().filter(|result| result.outcome() == outcome).count();
    assert_eq!((count(Outcome::Recorded), count(Outcome::Duplicate)), (8 * 40, 56 * 40));
    let mut service = service;
    let summary = service.summary("ward", "").await.unwrap();
    assert_eq!((summary.request_count, summary.sell_pico_usd), (320, 320 * CHARGE));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn a_store_that_cannot_write_says_so_and_recovers(backend: &Backend) {
    let mut service =
        Service::start_with(backend, |config| config.commit_window = kaleem_runtime::config::Span::ZERO)
            .await;
    let mut file = service.sql().await;
    file.refuse_entries().await;
    let fault = assert_fault(service.record(vec![event("a")]).await, Code::Unavailable, "STORE_UNAVAILABLE");
    assert!(fault.retry_after.is_some());
    assert_eq!(service.summary("ward", "").await.unwrap().request_count, 0, "nothing is half written");
    file.accept_entries().await;
    assert_eq!(service.record_one(event("a")).await, item(Outcome::Recorded, CHARGE));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

on_both_stores!(
    an_event_is_recorded_once_for_ever,
    the_same_id_with_another_payload_is_a_conflict_that_changes_nothing,
    each_event_of_a_call_has_its_own_outcome_in_order,
    what_the_ledger_refuses_as_known_is_looked_for_and_the_rest_recorded,
    the_same_event_id_of_two_merchants_is_two_charges,
    what_cannot_be_recorded_is_rejected_with_its_reason,
    a_call_carries_1_to_1024_events,
    the_pinned_version_rates_whatever_the_date_says,
    status_decides_which_books_move,
    many_callers_with_the_same_events_charge_each_once,
    a_store_that_cannot_write_says_so_and_recovers,
);
