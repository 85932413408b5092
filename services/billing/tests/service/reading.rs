//! Reading: sums of windows and pages of events.

use kaleem_proto::{billing::v1 as proto, chat::v1::TokenUsage};
use kaleem_rpc::{Code, Fault, convert};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{NOW, Service, assert_fault, assert_invalid, counted, event, reserved},
};

fn on_day(request: &str, day: &str) -> proto::UsageEvent {
    reserved(event(request), |reservation| {
        reservation.day_window_id = format!("d{day}");
        reservation.month_window_id = format!("M{}", &day[..6]);
        reservation.event_id = format!("{}/{request}/0", &day[..6]);
    })
}

async fn windows_hold_their_own_events_and_days_sum_to_the_month(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let days = ["20261031", "20261101", "20261101", "20261130", "20261201"];
    let events = days.iter().enumerate().map(|(index, day)| on_day(&format!("r-{index}"), day)).collect();
    service.record(events).await.unwrap();
    for (window, count) in
        [("M202611", 3), ("d20261101", 2), ("d20261130", 1), ("d20261102", 0), ("M202610", 1), ("M202701", 0)]
    {
        let summary = service.summary("ward", window).await.unwrap();
        assert_eq!((summary.window_id.as_str(), summary.request_count), (window, count));
        assert_eq!(summary.sell_pico_usd, count * 90_000_000);
        assert_eq!(summary.usage.unwrap().input_fresh_count, count * 300);
    }
    assert_eq!(service.summary("ward", "d20261101").await.unwrap().max_sequence, 3);
    assert_eq!(
        service.summary("ward", "").await.unwrap().window_id,
        "M202612",
        "the month of the newest event"
    );
    assert_eq!(service.summary("hulm", "").await.unwrap(), proto::GetUsageSummaryResponse::default());
}

async fn models_are_summed_apart_and_together(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let other =
        |request| proto::UsageEvent { model_served: "gemini-3.5-flash-lite".into(), ..event(request) };
    let all = |usage: &mut TokenUsage| {
        usage.input_cache_read_count = 1;
        usage.input_cache_write_count = 2;
        usage.input_tool_count = 3;
        usage.output_reasoning_count = 4;
    };
    service.record(vec![event("a"), other("b"), counted(other("c"), all)]).await.unwrap();
    let summary = service.summary("ward", "M202611").await.unwrap();
    let shown: Vec<_> =
        summary.models.iter().map(|model| (model.model.as_str(), model.request_count)).collect();
    assert_eq!(shown, [("gemini-2.5-flash-lite", 1), ("gemini-3.5-flash-lite", 2)]);
    let expected = TokenUsage {
        input_fresh_count: 900,
        input_cache_read_count: 1,
        input_cache_write_count: 2,
        input_tool_count: 3,
        output_text_count: 450,
        output_reasoning_count: 4,
        ..TokenUsage::default()
    };
    assert_eq!(summary.usage, Some(expected));
    assert_eq!(summary.models.iter().map(|model| model.sell_pico_usd).sum::<i64>(), summary.sell_pico_usd);
}

/// The largest count; odd in each half, so that a sum through floats or a lost half would show.
const LARGEST: i64 = (1 << 53) - 1;

/// Puts a version in which only input and calls have a price, in the cost book.
async fn put_price(service: &mut Service, id: &str, input: i64, call: i64) {
    use proto::{PriceBook, PriceComponent};
    let rate = |book: PriceBook, component: PriceComponent, pico_usd_per_unit| {
        let (book, component) = (book.into(), component.into());
        proto::price_version::Rate { book, component, pico_usd_per_unit, ..Default::default() }
    };
    let version = proto::PriceVersion {
        price_version: id.into(),
        target: "provider-gemini".into(),
        model: "large".into(),
        effective_time: Some(convert::timestamp(NOW)),
        rates: vec![
            rate(PriceBook::Cost, PriceComponent::InputFresh, input),
            rate(PriceBook::Cost, PriceComponent::OutputText, 0),
            rate(PriceBook::Cost, PriceComponent::Request, call),
            rate(PriceBook::Sell, PriceComponent::InputFresh, 0),
            rate(PriceBook::Sell, PriceComponent::OutputText, 0),
        ],
        ..Default::default()
    };
    service.client.put_price_version(proto::PutPriceVersionRequest { version: Some(version) }).await.unwrap();
}

fn largest(index: usize, price_version: &str) -> proto::UsageEvent {
    let event = reserved(event(&format!("r-{index}")), |reservation| {
        reservation.price_version = price_version.into();
    });
    counted(event, |usage| usage.input_fresh_count = LARGEST)
}

async fn sums_are_exact_at_the_largest_counts(backend: &Backend) {
    let mut service = Service::start(backend).await;
    put_price(&mut service, "call@1", 0, 1).await;
    service.record((0..1_000).map(|index| largest(index, "call@1")).collect()).await.unwrap();
    let summary = service.summary("ward", "").await.unwrap();
    assert_eq!(summary.usage.unwrap().input_fresh_count, 1_000 * LARGEST);
    assert_eq!((summary.cost_pico_usd, summary.sell_pico_usd), (1_000, 0));
}

async fn sums_beyond_an_answer_are_an_error_and_the_books_still_hold(backend: &Backend) {
    let mut service = Service::start(backend).await;
    put_price(&mut service, "dear@1", 1_000, 0).await;
    service.record(vec![largest(0, "dear@1")]).await.unwrap();
    assert_eq!(service.summary("ward", "").await.unwrap().cost_pico_usd, LARGEST * 1_000);
    service.record(vec![largest(1, "dear@1")]).await.unwrap();
    let fault = assert_fault(service.summary("ward", "").await, Code::FailedPrecondition, "AMOUNT_OVERFLOW");
    assert!(fault.message.contains("smaller window"));
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.faults), (2, vec![]), "the audit sums in 128 bits");
}

async fn windows_and_merchants_are_checked(backend: &Backend) {
    let mut service = Service::start(backend).await;
    for window in ["202611", "M2026", "d202611", "now"] {
        assert_invalid(service.summary("ward", window).await, &["window_id"]);
    }
    assert_invalid(service.summary("", "M202611").await, &["merchant_id"]);
}

async fn pages_show_the_merchants_events_newest_first_and_whole(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let events: Vec<_> = (0..5).map(|index| event(&format!("r-{index}"))).collect();
    service.record(events.clone()).await.unwrap();
    let other = reserved(event("x"), |reservation| reservation.merchant_id = "hulm".into());
    service.record(vec![other]).await.unwrap();
    let (mut listed, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = proto::ListUsageEventsRequest { merchant_id: "ward".into(), page_size: 2, page_token };
        let page = service.client.list_usage_events(request).await.unwrap().into_inner();
        listed.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let sequences: Vec<_> = listed.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, [5, 4, 3, 2, 1]);
    assert!(listed.iter().all(|event| event.record_time == Some(convert::timestamp(NOW))));
    assert!(listed.iter().all(|event| event.sell_pico_usd == 90_000_000));
    let mut returned: Vec<_> = listed.into_iter().map(|event| event.event.unwrap()).collect();
    returned.reverse();
    assert_eq!(returned, events, "every field comes back");
}

async fn wrong_pages_are_refused(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let asked = |page_size, page_token: &str| proto::ListUsageEventsRequest {
        merchant_id: "ward".into(),
        page_size,
        page_token: page_token.into(),
    };
    for (request, field) in
        [(asked(-1, ""), "page_size"), (asked(1_001, ""), "page_size"), (asked(1, "x"), "page_token")]
    {
        let answer = service.client.list_usage_events(request).await;
        assert_invalid(answer.map_err(|status| Fault::from_status(&status)), &[field]);
    }
}

on_both_stores!(
    windows_hold_their_own_events_and_days_sum_to_the_month,
    models_are_summed_apart_and_together,
    sums_are_exact_at_the_largest_counts,
    sums_beyond_an_answer_are_an_error_and_the_books_still_hold,
    windows_and_merchants_are_checked,
    pages_show_the_merchants_events_newest_first_and_whole,
    wrong_pages_are_refused,
);
