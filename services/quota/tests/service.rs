//! The service over its generated client: what callers get, and what survives failures around it.

mod support;

use std::time::Duration;

use kaleem_domain::RequestId;
use kaleem_proto::{
    quota::v1::{self as wire, quota_service_client::QuotaServiceClient, quota_service_server::QuotaServiceServer},
    router::v1::QuotaPosture,
};
use kaleem_quota::Grpc;
use kaleem_rpc::{Code, Fault, Transport};
use sqlx::{Connection as _, sqlite::SqliteConnectOptions};
use support::{FakeAccounts, Quota, merchant, plan, reserve, settle, transport, until};
use tonic::{Response, Status};

fn client(quota: &Quota) -> QuotaServiceClient<Transport> {
    QuotaServiceClient::new(transport(QuotaServiceServer::new(Grpc::new(quota.registry.clone()))))
}

async fn seated() -> (Quota, QuotaServiceClient<Transport>) {
    let quota = Quota::start(|_| {}).await;
    quota.accounts.put("dukkan", plan(3, 1_000, 100_000, 2));
    let client = client(&quota);
    (quota, client)
}

fn fault<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Fault {
    Fault::from_status(&answer.unwrap_err())
}

async fn usage(client: &mut QuotaServiceClient<Transport>, id: &str) -> wire::GetUsageResponse {
    client.get_usage(wire::GetUsageRequest { merchant_id: id.into() }).await.unwrap().into_inner()
}

/// `(posted, held, cap)` of each dimension.
async fn numbers(client: &mut QuotaServiceClient<Transport>, id: &str) -> Vec<(i64, i64, i64)> {
    usage(client, id).await.dimensions.iter().map(|of| (of.posted, of.held, of.cap)).collect()
}

/// Runs SQL on the journal behind quota's back.
async fn behind_its_back(quota: &Quota, sql: &'static str) {
    let mut connection = sqlx::SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(quota.path())).await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_call_is_held_settled_and_shown() {
    let (quota, mut client) = seated().await;
    let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
    assert_eq!((reserved.decision(), reserved.granted_output_token_count), (wire::Decision::Allow, 50));
    assert_eq!(reserved.posture(), QuotaPosture::Normal);
    let reservation = reserved.reservation.unwrap();
    assert_eq!(reservation.event_id, format!("202603/{}/0", reservation.request_id));
    assert_eq!((reservation.day_window_id.as_str(), reservation.month_window_id.as_str()), ("d20260301", "M202603"));
    assert_eq!(reserved.remaining.unwrap().month_token_count, 850);
    assert_eq!(numbers(&mut client, "dukkan").await, [(0, 1, 3), (0, 150, 1_000), (0, 2_500, 100_000), (0, 1, 2)]);

    let settled = client.settle(settle(&reservation, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!((settled.state(), settled.over_hold), (wire::ReservationState::Settled, false));
    let again = client.settle(settle(&reservation, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(again.state(), wire::ReservationState::Settled);
    let shown = usage(&mut client, "dukkan").await;
    let names: Vec<_> = shown.dimensions.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["day_requests", "month_tokens", "month_cost_nano_usd", "concurrent_requests"]);
    assert_eq!(shown.dimensions[0].window_id, "d20260301");
    assert_eq!(numbers(&mut client, "dukkan").await, [(1, 0, 3), (120, 0, 1_000), (1_600, 0, 100_000), (0, 0, 2)]);

    let other = fault(client.settle(settle(&reservation, 21, 1_600)).await);
    assert_eq!((other.code, other.reason.as_str()), (Code::FailedPrecondition, "RESERVATION_CONFLICT"));
    let reuse = fault(client.reserve(wire::ReserveRequest { request_id: reservation.request_id, ..reserve("dukkan", quota.now()) }).await);
    assert_eq!((reuse.code, reuse.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
}

#[tokio::test]
async fn a_repeated_reserve_from_another_gateway_is_the_same_call() {
    let (quota, mut client) = seated().await;
    let request = reserve("dukkan", quota.now());
    let first = client.reserve(request.clone()).await.unwrap().into_inner();
    let moved = wire::ReserveRequest { gateway_id: "gateway-2".into(), ..request.clone() };
    assert_eq!(client.reserve(moved).await.unwrap().into_inner(), first);
    let mut changed = request;
    changed.candidates[0].max_output_token_count = 51;
    assert_eq!(fault(client.reserve(changed).await).reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_spent_quota_says_which_how_much_and_until_when() {
    let (quota, mut client) = seated().await;
    for _ in 0..3 {
        let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
        client.settle(settle(&reserved.reservation.unwrap(), 50, 2_500)).await.unwrap();
    }
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    let facts = ["limit", "spent", "held", "cap", "reset_time", "window"].map(|fact| refused.metadata[fact].as_str());
    assert_eq!(facts, ["day_requests", "3", "0", "3", "2026-03-01T21:00:00Z", "d20260301"]);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(12 * 3_600)));
    assert!(refused.message.contains("upgrade the plan, or wait until 2026-03-01T21:00:00Z"), "{}", refused.message);
    assert_eq!(refused.quota_violations[0].subject, "merchant:dukkan/day_requests");
    quota.clock.advance(Duration::from_secs(12 * 3_600));
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
}

#[tokio::test]
async fn too_many_calls_at_once_are_told_to_come_back_soon() {
    let (quota, mut client) = seated().await;
    for _ in 0..2 {
        client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    }
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert_eq!((refused.metadata["limit"].as_str(), refused.retry_after), ("concurrent_requests", Some(Duration::from_secs(1))));
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_said_at_once_and_nothing_is_held() {
    let (quota, mut client) = seated().await;
    let mut bad = reserve("dukkan", quota.now());
    bad.request_id = "00000000-0000-4000-8000-000000000000".into();
    bad.attempt = -1;
    bad.ttl = Some(prost_types::Duration { seconds: 901, nanos: 0 });
    bad.candidates[0].input_token_count = -1;
    bad.candidates[0].price_version.clear();
    bad.candidates[0].output_pico_usd_per_token = i64::MAX;
    let refused = fault(client.reserve(bad).await);
    let fields: Vec<_> = refused.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    let expected = [
        "request_id",
        "attempt",
        "ttl",
        "candidates[0].price_version",
        "candidates[0].input_token_count",
        "candidates[0].output_pico_usd_per_token",
    ];
    assert_eq!((refused.code, refused.reason.as_str(), fields), (Code::InvalidArgument, "REQUEST_INVALID", expected.to_vec()));

    let no_ladder = wire::ReserveRequest { candidates: Vec::new(), ..reserve("dukkan", quota.now()) };
    assert_eq!(fault(client.reserve(no_ladder).await).field_violations[0].field, "candidates");
    let unpriced = wire::SettleRequest { cost_nano_usd: -1, ..settle(&wire::Reservation::default(), 1, 1) };
    let fields: Vec<_> = fault(client.settle(unpriced).await).field_violations.into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["reservation.merchant_id", "cost_nano_usd"]);
    assert_eq!(fault(client.release(wire::ReleaseRequest::default()).await).field_violations[0].field, "reservation");
    assert_eq!(fault(client.get_usage(wire::GetUsageRequest { merchant_id: "متجر".into() }).await).reason, "REQUEST_INVALID");
    assert_eq!(numbers(&mut client, "dukkan").await[0], (0, 0, 3));
}

#[tokio::test]
async fn a_policy_beyond_exact_numbers_or_in_no_zone_is_refused() {
    let (_quota, mut client) = seated().await;
    let put = |plan, time_zone: &str| wire::PutPolicyRequest { merchant_id: "dukkan".into(), plan, time_zone: time_zone.into() };
    let wrong = fault(client.put_policy(put(Some(plan(-1, 1 << 53, 1, 1)), "Asia/Atlantis")).await);
    let fields: Vec<_> = wrong.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["time_zone", "plan.day_request_cap", "plan.month_token_cap"]);
    assert_eq!(fault(client.put_policy(put(None, "Asia/Riyadh")).await).field_violations[0].field, "plan");
    let nothing = wire::GrantTopUpRequest { op_id: "op".into(), merchant_id: "dukkan".into(), cost_nano_usd: 0, token_count: 0 };
    assert_eq!(fault(client.grant_top_up(nothing.clone()).await).reason, "REQUEST_INVALID");
    let endless = wire::GrantTopUpRequest { token_count: (1 << 53) - 1, ..nothing };
    assert_eq!(fault(client.grant_top_up(endless).await).reason, "REQUEST_INVALID");
}

#[tokio::test]
async fn an_unknown_merchant_is_not_found_unless_an_operator_put_a_policy() {
    let (quota, mut client) = seated().await;
    let refused = fault(client.reserve(reserve("nobody", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "MERCHANT_NOT_FOUND"));
    assert_eq!(fault(client.get_usage(wire::GetUsageRequest { merchant_id: "nobody".into() }).await).reason, "MERCHANT_NOT_FOUND");
    let put = wire::PutPolicyRequest {
        merchant_id: "nobody".into(),
        plan: Some(plan(1, 1_000, 10_000, 1)),
        time_zone: "Asia/Riyadh".into(),
    };
    assert_eq!(client.put_policy(put).await.unwrap().into_inner().policy_version, 1);
    client.reserve(reserve("nobody", quota.now())).await.unwrap();
}

#[tokio::test]
async fn a_new_plan_counts_by_news_or_within_two_seconds() {
    let (quota, mut client) = seated().await;
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    quota.accounts.put("dukkan", plan(9, 1_000, 100_000, 9));
    assert_eq!(numbers(&mut client, "dukkan").await[0].2, 3);
    quota.clock.advance(Duration::from_secs(2));
    assert_eq!(numbers(&mut client, "dukkan").await[0].2, 9);

    quota.accounts.listened().await;
    quota.accounts.announce(None);
    // The first message of the feed outdates what was asked for before it.
    let asked = quota.accounts.asked();
    loop {
        numbers(&mut client, "dukkan").await;
        quota.clock.advance(Duration::from_millis(900));
        quota.accounts.announce(None);
        tokio::task::yield_now().await;
        if quota.accounts.asked() > asked {
            break;
        }
    }
    quota.accounts.put("dukkan", plan(7, 1_000, 100_000, 9));
    quota.accounts.announce(Some("dukkan"));
    let wait = async {
        while numbers(&mut client, "dukkan").await[0].2 != 7 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the news reaches quota");
}

#[tokio::test]
async fn while_accounts_is_away_a_known_plan_counts_for_some_minutes() {
    let (quota, mut client) = seated().await;
    let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
    quota.accounts.set_down(true);
    quota.clock.advance(Duration::from_secs(10));
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    let unknown = fault(client.reserve(reserve("bazaar", quota.now())).await);
    assert_eq!((unknown.code, unknown.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    quota.clock.advance(Duration::from_secs(300));
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.retry_after), (Code::Unavailable, Some(Duration::from_secs(1))));
    // What was admitted still ends.
    client.settle(settle(&reserved.reservation.unwrap(), 1, 1)).await.unwrap();
    quota.accounts.set_down(false);
    quota.clock.advance(Duration::from_secs(1));
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
}

#[tokio::test]
async fn a_restart_goes_on_where_the_journal_ends() {
    let (quota, mut client) = seated().await;
    let live = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let ended = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    client.settle(settle(&ended, 20, 1_600)).await.unwrap();
    let top_up = wire::GrantTopUpRequest { op_id: "op-1".into(), merchant_id: "dukkan".into(), cost_nano_usd: 5, token_count: 7 };
    let granted = client.grant_top_up(top_up.clone()).await.unwrap().into_inner();
    let before = numbers(&mut client, "dukkan").await;
    assert_eq!(before, [(1, 1, 3), (120, 150, 1_007), (1_600, 2_500, 100_005), (0, 1, 2)]);

    let quota = quota.restart().await;
    let mut client = self::client(&quota);
    assert_eq!(numbers(&mut client, "dukkan").await, before);
    assert_eq!(client.settle(settle(&ended, 20, 1_600)).await.unwrap().into_inner().state(), wire::ReservationState::Settled);
    assert_eq!(fault(client.settle(settle(&ended, 20, 1_601)).await).reason, "RESERVATION_CONFLICT");
    assert_eq!(client.grant_top_up(top_up.clone()).await.unwrap().into_inner(), granted);
    assert_eq!(fault(client.grant_top_up(wire::GrantTopUpRequest { token_count: 8, ..top_up }).await).reason, "REQUEST_ID_REUSED");
    let beats = vec![wire::heartbeat_request::Beat { reservation: Some(live.clone()), output_token_count: 9 }];
    let unknown = client.heartbeat(wire::HeartbeatRequest { gateway_id: "gateway-1".into(), beats }).await.unwrap().into_inner();
    assert!(unknown.unknown_request_ids.is_empty());
    assert_eq!(client.settle(settle(&live, 20, 1_600)).await.unwrap().into_inner().state(), wire::ReservationState::Settled);
    assert_eq!(numbers(&mut client, "dukkan").await[1], (240, 0, 1_007));
}

#[tokio::test]
async fn a_call_whose_hold_a_kill_lost_is_still_counted_once() {
    let (quota, mut client) = seated().await;
    let lost = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let quota = quota.restart().await;
    behind_its_back(&quota, "DELETE FROM hold").await;
    let quota = quota.restart().await;
    let mut client = self::client(&quota);
    for _ in 0..2 {
        let settled = client.settle(settle(&lost, 20, 1_600)).await.unwrap().into_inner();
        assert_eq!(settled.state(), wire::ReservationState::LateSettled);
    }
    assert_eq!(numbers(&mut client, "dukkan").await[1], (120, 0, 1_000));
    let forged = wire::Reservation { event_id: "202603/other/0".into(), request_id: RequestId::new(quota.now()).to_string(), ..lost };
    let refused = fault(client.settle(settle(&forged, 20, 1_600)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "RESERVATION_UNKNOWN"));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_admission_until_it_can() {
    let (quota, mut client) = seated().await;
    let live = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    quota.registry.flushed().await.unwrap();
    behind_its_back(&quota, "ALTER TABLE tombstone RENAME TO tombstone_away").await;
    let settled = client.settle(settle(&live, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(settled.state(), wire::ReservationState::Settled);
    until(|| !quota.readiness.is_ready()).await;
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(quota.readiness.failing()[0].0, "quota-store");

    behind_its_back(&quota, "ALTER TABLE tombstone_away RENAME TO tombstone").await;
    until(|| quota.readiness.is_ready()).await;
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    let quota = quota.restart().await;
    assert_eq!(numbers(&mut self::client(&quota), "dukkan").await[..2], [(1, 1, 3), (120, 150, 1_000)]);
}

#[tokio::test]
async fn a_full_journal_refuses_new_calls_and_lets_others_end() {
    let quota = Quota::start(|config| {
        config.journal_queue_max = 2;
        config.journal_gather = Duration::from_secs(3_600);
        config.journal_wait = Duration::from_millis(50);
    })
    .await;
    quota.accounts.put("dukkan", plan(9, 10_000, 100_000, 9));
    let mut client = client(&quota);
    // The policy took one place, the call takes the other.
    let live = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(fault(client.settle(settle(&live, 1, 1)).await).reason, "STORE_UNAVAILABLE");
    quota.registry.flushed().await.unwrap();
    client.settle(settle(&live, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn merchants_beyond_the_bound_are_written_out_and_read_back() {
    let quota = Quota::start(|config| {
        config.merchants_max = 16;
        config.tombstones_per_merchant_max = 1;
    })
    .await;
    let mut client = client(&quota);
    let ids: Vec<_> = (0..60).map(|number| format!("shop-{number}")).collect();
    let mut calls = Vec::new();
    for id in &ids {
        quota.accounts.put(id, plan(9, 10_000, 100_000, 9));
        for _ in 0..2 {
            let call = client.reserve(reserve(id, quota.now())).await.unwrap().into_inner().reservation.unwrap();
            client.settle(settle(&call, 20, 1_600)).await.unwrap();
            calls.push(call);
        }
    }
    let in_memory = ids.iter().filter(|id| quota.registry.inspect(&merchant(id), |_| ()).unwrap().is_some()).count();
    assert!(in_memory <= 16, "{in_memory}");
    for id in &ids {
        assert_eq!(numbers(&mut client, id).await[1], (240, 0, 10_000));
    }
    // Memory keeps one ended call a merchant; the journal knows the others.
    for call in &calls {
        let again = client.settle(settle(call, 20, 1_600)).await.unwrap().into_inner();
        assert_eq!(again.state(), wire::ReservationState::Settled);
        assert_eq!(fault(client.settle(settle(call, 21, 1_600)).await).reason, "RESERVATION_CONFLICT");
    }
}

#[tokio::test]
async fn the_sweep_expires_calls_of_merchants_that_stopped_calling() {
    let quota = Quota::start(|config| config.sweep_interval = Duration::from_millis(5)).await;
    quota.accounts.put("dukkan", plan(9, 10_000, 100_000, 9));
    let mut client = client(&quota);
    let call = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let quota = quota.restart().await;
    quota.clock.advance(Duration::from_secs(30));
    until(|| quota.registry.inspect(&merchant("dukkan"), |state| state.hold_count()).unwrap() == Some(0)).await;
    let mut client = self::client(&quota);
    assert_eq!(numbers(&mut client, "dukkan").await[1], (100, 0, 10_000));
    let late = client.settle(settle(&call, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(late.state(), wire::ReservationState::LateSettled);
    assert_eq!(numbers(&mut client, "dukkan").await[1], (120, 0, 10_000));
}

#[tokio::test]
async fn an_adjust_and_a_release_work_on_the_wire() {
    let (quota, mut client) = seated().await;
    let call = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let cheaper = wire::Candidate { price_version: "local@1".into(), output_pico_usd_per_token: 0, ..support::candidate() };
    let adjust = wire::AdjustRequest { reservation: Some(call.clone()), candidates: vec![cheaper] };
    let adjusted = client.adjust(adjust).await.unwrap().into_inner().reserved.unwrap();
    assert_eq!(adjusted.reservation.unwrap().price_version, "local@1");
    assert_eq!(numbers(&mut client, "dukkan").await[2], (0, 1_000, 100_000));
    let release = wire::ReleaseRequest { reservation: Some(call), reason: wire::ReleaseReason::NotDispatched.into() };
    assert_eq!(client.release(release).await.unwrap().into_inner().state(), wire::ReservationState::Released);
    assert_eq!(numbers(&mut client, "dukkan").await[2], (0, 0, 100_000));
}

#[tokio::test]
async fn what_is_not_built_yet_says_so() {
    let (_quota, mut client) = seated().await;
    let refused = fault(client.acquire_upstream(wire::AcquireUpstreamRequest::default()).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unimplemented, "NOT_IMPLEMENTED"));
    let refused = fault(client.watch_alerts(wire::WatchAlertsRequest::default()).await);
    assert_eq!(refused.reason, "NOT_IMPLEMENTED");
}

#[tokio::test]
async fn a_journal_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = support::config(&folder.path().join("missing").join("quota.db"));
    let accounts = FakeAccounts::new();
    let error = Quota::try_open(config, &accounts).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("missing/quota.db") && text.contains("folder exists"), "{text}");
}
