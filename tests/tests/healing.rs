//! A gateway that dies between telling quota and telling billing: what one of them missed comes from the other, without any restart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use kaleem_domain::{Clock as _, Pico, RequestId};
use kaleem_proto::{
    accounts::v1::{BillingMode, CapAction, Plan},
    billing::v1::{
        GetBalanceRequest, PostPaymentRequest, RecordUsageRequest, UsageEvent, UsageStatus,
        record_usage_response::Outcome,
    },
    chat::v1::TokenUsage,
    quota::v1::{
        Candidate, GrantTopUpRequest, PutPolicyRequest, Reservation, ReserveRequest, SettleRequest,
        get_usage_response::Dimension,
    },
};
use kaleem_rpc::{Code, Fault};
use kaleem_runtime::{SystemClock, config::Span};
use kaleem_tests::{
    MERCHANT, Mesh, Shape, Stores,
    ask::{question, whole},
    in_both_shapes,
};
use prost::Message as _;

const SOON: Duration = Duration::from_secs(10);
/// 100 tokens in and 40 out, which 1.5 nano-US-dollars more or less would show.
const USAGE: TokenUsage = TokenUsage {
    input_fresh_count: 100,
    output_text_count: 40,
    input_cache_read_count: 0,
    input_cache_write_count: 0,
    input_tool_count: 0,
    output_reasoning_count: 0,
    source: 1,
    input_image_count: 0,
    input_audio_count: 0,
    input_cache_write_1h_count: 0,
    service_tier: 1,
    unexplained_count: 0,
};

/// A hold such as a gateway makes before it asks a worker.
async fn held(mesh: &Mesh) -> Reservation {
    let candidate = Candidate {
        target: "provider-local".into(),
        model: "tiny-llama".into(),
        price_version: "provider-local@2025-01-01".into(),
        input_token_count: 100,
        max_output_token_count: 60,
        input_pico_usd_per_token: 20_000,
        output_pico_usd_per_token: 60_000,
        request_pico_usd: 0,
        ..Candidate::default()
    };
    let request = ReserveRequest {
        merchant_id: MERCHANT.into(),
        request_id: RequestId::new(SystemClock.now()).to_string(),
        gateway_id: "doomed".into(),
        candidates: vec![candidate],
        ..ReserveRequest::default()
    };
    mesh.quota().reserve(request).await.unwrap().into_inner().reservation.unwrap()
}

fn event(reservation: &Reservation) -> UsageEvent {
    UsageEvent {
        reservation: Some(reservation.clone()),
        target: "provider-local".into(),
        model_requested: "tiny-llama".into(),
        model_served: "tiny-llama".into(),
        usage: Some(USAGE),
        status: UsageStatus::Ok.into(),
        gateway_id: "doomed".into(),
        ..UsageEvent::default()
    }
}

fn settle(reservation: &Reservation) -> SettleRequest {
    SettleRequest {
        reservation: Some(reservation.clone()),
        usage: Some(USAGE),
        cost_nano_usd: 4_400,
        usage_event: event(reservation).encode_to_vec(),
        ..SettleRequest::default()
    }
}

async fn record(mesh: &Mesh, reservation: &Reservation) -> Outcome {
    let request = RecordUsageRequest { events: vec![event(reservation)] };
    mesh.billing().record_usage(request).await.unwrap().into_inner().results[0].outcome()
}

/// Waits until a dimension is as `holds` says.
async fn until(mesh: &Mesh, dimension: &str, holds: impl Fn(&Dimension) -> bool) {
    let wait = async {
        while !holds(&mesh.quota_of(dimension).await) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("{dimension} never gets there"));
}

/// Quota has what the ledger has of `requests` calls, to the nano: each call is rounded up by less than one.
async fn assert_agreed(mesh: &Mesh, requests: i64) {
    let ledger = mesh.ledger_with(requests).await;
    assert_eq!(ledger.request_count, requests);
    until(mesh, "day_requests", |day| (day.posted, day.held) == (requests, 0)).await;
    let usage = ledger.usage.unwrap();
    let tokens = usage.input_fresh_count + usage.output_text_count;
    until(mesh, "month_tokens", |month| (month.posted, month.held) == (tokens, 0)).await;
    let nano = Pico::new(i128::from(ledger.sell_pico_usd)).ceil_nano().unwrap().0;
    let cost = mesh.quota_of("month_cost_nano_usd").await;
    assert!((nano..nano + requests).contains(&cost.posted) && cost.held == 0, "{cost:?} against {nano}");
}

in_both_shapes! {
    async fn a_call_that_was_recorded_and_never_settled_frees_its_hold(mesh) {
        let lost = held(&mesh).await;
        assert_eq!(record(&mesh, &lost).await, Outcome::Recorded);
        until(&mesh, "concurrent_requests", |calls| calls.held == 0).await;
        assert_agreed(&mesh, 1).await;
        // The gateway lives after all: its settle is a repetition, and so is its event.
        mesh.quota().settle(settle(&lost)).await.unwrap();
        assert_eq!(record(&mesh, &lost).await, Outcome::Duplicate);
        assert_agreed(&mesh, 1).await;
        mesh.stop().await;
    }

    async fn calls_that_nothing_befell_agree_and_a_reversal_follows(mesh) {
        for _ in 0..3 {
            mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await.unwrap();
        }
        assert_agreed(&mesh, 3).await;
        let listed = kaleem_proto::billing::v1::ListUsageEventsRequest { merchant_id: MERCHANT.into(), ..Default::default() };
        let events = mesh.billing().list_usage_events(listed).await.unwrap().into_inner().events;
        let event_id = events[0].event.as_ref().unwrap().reservation.as_ref().unwrap().event_id.clone();
        let reversal = kaleem_proto::billing::v1::AmendUsageRequest {
            op_id: "op-1".into(),
            merchant_id: MERCHANT.into(),
            event_id,
            replacement: None,
            reason: "a test".into(),
        };
        mesh.billing().amend_usage(reversal).await.unwrap();
        assert_agreed(&mesh, 2).await;
        mesh.stop().await;
    }

    async fn a_payment_serves_a_merchant_at_its_cap_again_and_raises_the_cap_once(mesh) {
        let plan = Plan {
            plan_id: "prepaid".into(),
            day_request_cap: 100,
            month_token_cap: 1_000_000,
            month_cost_nano_usd_cap: 1,
            concurrent_request_cap: 9,
            on_cap: CapAction::Suspend.into(),
            ..Plan::default()
        };
        let policy =
            PutPolicyRequest { merchant_id: MERCHANT.into(), plan: Some(plan), time_zone: "Asia/Riyadh".into() };
        mesh.quota().put_policy(policy).await.unwrap();
        let refused = mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await.unwrap_err();
        assert_eq!(Fault::from_status(&refused).reason, "QUOTA_EXCEEDED");
        let payment = PostPaymentRequest {
            payment_id: "psp-1".into(),
            merchant_id: MERCHANT.into(),
            amount_pico_usd: 1_000_000_000_000,
            tops_up_month_cap: true,
        };
        for _ in 0..5 {
            mesh.billing().post_payment(payment.clone()).await.unwrap();
        }
        until(&mesh, "month_cost_nano_usd", |month| month.cap > 1).await;
        mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await.unwrap();
        assert_eq!(mesh.quota_of("month_cost_nano_usd").await.cap, 1_000_000_001);
        // An operator's grant of the same name is another one.
        let grant = GrantTopUpRequest {
            op_id: "psp-1".into(),
            merchant_id: MERCHANT.into(),
            cost_nano_usd: 5,
            token_count: 0,
        };
        mesh.quota().grant_top_up(grant).await.unwrap();
        assert_eq!(mesh.quota_of("month_cost_nano_usd").await.cap, 1_000_000_006);
        mesh.stop().await;
    }

    async fn who_pays_ahead_is_served_by_its_payments_and_told_to_top_up_in_its_language(mesh) {
        let plan = Plan {
            plan_id: "ahead".into(),
            day_request_cap: 100,
            month_token_cap: 1_000_000,
            month_cost_nano_usd_cap: 1_000_000_000,
            concurrent_request_cap: 9,
            on_cap: CapAction::Suspend.into(),
            billing_mode: BillingMode::Prepaid.into(),
            ..Plan::default()
        };
        let policy =
            PutPolicyRequest { merchant_id: MERCHANT.into(), plan: Some(plan), time_zone: "Asia/Riyadh".into() };
        mesh.quota().put_policy(policy).await.unwrap();
        let refused = mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await.unwrap_err();
        let fault = Fault::from_status(&refused);
        assert_eq!((fault.reason.as_str(), fault.metadata["limit"].as_str()), ("QUOTA_EXCEEDED", "balance_nano_usd"));
        let said = fault.localized.unwrap();
        assert!(said.locale == "ar" && said.message.contains("اشحن الرصيد"), "{said:?}");
        let payment = |payment_id: &str, amount_pico_usd| PostPaymentRequest {
            payment_id: payment_id.into(),
            merchant_id: MERCHANT.into(),
            amount_pico_usd,
            ..PostPaymentRequest::default()
        };
        for _ in 0..3 {
            mesh.billing().post_payment(payment("psp-1", 1_000_000_000_000)).await.unwrap();
        }
        mesh.billing().post_payment(payment("refund-1", -400_000_000_000)).await.unwrap();
        until(&mesh, "balance_nano_usd", |balance| balance.cap == 600_000_000).await;
        mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await.unwrap();
        let charged = mesh.ledger_with(1).await.sell_pico_usd;
        let nano = Pico::new(i128::from(charged)).ceil_nano().unwrap().0;
        until(&mesh, "balance_nano_usd", |balance| (balance.posted, balance.held) == (nano, 0)).await;
        let asked = GetBalanceRequest { merchant_id: MERCHANT.into() };
        let account = mesh.billing().get_balance(asked).await.unwrap().into_inner();
        assert_eq!((account.paid_pico_usd, account.charged_pico_usd), (600_000_000_000, charged));
        mesh.stop().await;
    }
}

/// A gateway told quota, and neither it nor its journal ever tells billing.
async fn a_call_that_was_settled_and_never_recorded(shape: Shape) {
    let mesh = Mesh::start_with(shape, |config| {
        config.quota.follow.push_after = Span::millis(1);
        config.quota.follow.push_interval = Span::millis(20);
        // Rounds that would have healed down what the ledger does not have yet.
        config.quota.reconcile_interval = Span::millis(10);
    })
    .await;
    let lost = held(&mesh).await;
    mesh.quota().settle(settle(&lost)).await.unwrap();
    assert_agreed(&mesh, 1).await;
    assert_eq!(record(&mesh, &lost).await, Outcome::Duplicate);
    mesh.quota().settle(settle(&lost)).await.unwrap();
    assert_agreed(&mesh, 1).await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_settled_and_never_recorded_is_told_to_billing_once_in_one_process() {
    a_call_that_was_settled_and_never_recorded(Shape::AllInOne).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_settled_and_never_recorded_is_told_to_billing_once_over_tcp() {
    a_call_that_was_settled_and_never_recorded(Shape::Split).await;
}

/// Asks until `goes_on` says that the outcome is not waited for any more.
async fn ask_until(mesh: &Mesh, goes_on: impl Fn(Result<(), Fault>) -> bool) {
    let asking = async {
        loop {
            let answered = mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await;
            if !goes_on(answered.map(drop).map_err(|status| Fault::from_status(&status))) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, asking).await.expect("the outcome comes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_counters_are_gone_a_merchant_is_served_on_credit_and_afterwards_all_of_it_is_counted() {
    let layout = Shape::Split.on(Stores::Production);
    let mut mesh = Mesh::start_with(layout, |config| config.gateway.credit.requests_max = 3).await;
    ask_until(&mesh, |answered| answered.is_err()).await;
    mesh.databases().redis.kill_hard();
    let served = AtomicI64::new(0);
    ask_until(&mesh, |answered| match answered {
        Ok(()) => served.fetch_add(1, Ordering::Relaxed) < 3,
        Err(fault) => {
            assert_eq!((fault.code, fault.domain.as_str()), (Code::Unavailable, "quota.kaleem"), "{fault}");
            false
        }
    })
    .await;
    assert_eq!(served.load(Ordering::Relaxed), 3, "as many as are lent, and no call more");
    assert_eq!(mesh.ledger_with(4).await.request_count, 4, "billing does not wait for quota");
    mesh.databases().redis.restart();
    ask_until(&mesh, |answered| answered.is_err()).await;
    mesh.nothing_held().await;
    assert_agreed(&mesh, 5).await;
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_hangs_is_away() {
    let layout = Shape::Split.on(Stores::Production);
    let mut mesh = Mesh::start_with(layout, |config| config.gateway.quota_timeout = Span::millis(300)).await;
    ask_until(&mesh, |answered| answered.is_err()).await;
    mesh.databases().redis.freeze();
    ask_until(&mesh, |answered| answered.is_err()).await;
    mesh.databases().redis.thaw();
    ask_until(&mesh, |answered| answered.is_err()).await;
    mesh.nothing_held().await;
    assert_agreed(&mesh, 3).await;
    mesh.stop().await;
}
