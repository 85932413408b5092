//! The service over its generated client: what callers get.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_proto::{quota::v1 as wire, router::v1::QuotaPosture};
use kaleem_rpc::Code;
use support::{Quota, fault, numbers, plan, reserve, seated, settle, usage};

#[tokio::test]
async fn a_call_is_held_settled_and_shown() {
    let (quota, mut client) = seated().await;
    let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
    assert_eq!((reserved.decision(), reserved.granted_output_token_count), (wire::Decision::Allow, 50));
    assert_eq!(reserved.posture(), QuotaPosture::Normal);
    let reservation = reserved.reservation.unwrap();
    assert_eq!(reservation.event_id, format!("202603/{}/0", reservation.request_id));
    assert_eq!(
        (reservation.day_window_id.as_str(), reservation.month_window_id.as_str()),
        ("d20260301", "M202603")
    );
    assert_eq!(reserved.remaining.unwrap().month_token_count, 850);
    assert_eq!(
        numbers(&mut client, "dukkan").await,
        [(0, 1, 3), (0, 150, 1_000), (0, 2_500, 100_000), (0, 1, 2)]
    );

    let settled = client.settle(settle(&reservation, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!((settled.state(), settled.over_hold), (wire::ReservationState::Settled, false));
    let again = client.settle(settle(&reservation, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(again.state(), wire::ReservationState::Settled);
    let shown = usage(&mut client, "dukkan").await;
    let names: Vec<_> = shown.dimensions.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["day_requests", "month_tokens", "month_cost_nano_usd", "concurrent_requests"]);
    assert_eq!(shown.dimensions[0].window_id, "d20260301");
    assert_eq!(
        numbers(&mut client, "dukkan").await,
        [(1, 0, 3), (120, 0, 1_000), (1_600, 0, 100_000), (0, 0, 2)]
    );

    let other = fault(client.settle(settle(&reservation, 21, 1_600)).await);
    assert_eq!((other.code, other.reason.as_str()), (Code::FailedPrecondition, "RESERVATION_CONFLICT"));
    let reuse = fault(
        client
            .reserve(wire::ReserveRequest {
                request_id: reservation.request_id,
                ..reserve("dukkan", quota.now())
            })
            .await,
    );
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
async fn another_admission_under_the_same_id_is_refused_while_the_first_runs_and_after_it() {
    let (quota, mut client) = seated().await;
    let first = wire::ReserveRequest { admission_id: "first".into(), ..reserve("dukkan", quota.now()) };
    let second = wire::ReserveRequest { admission_id: "second".into(), ..first.clone() };
    let granted = client.reserve(first.clone()).await.unwrap().into_inner();
    assert_eq!(
        client.reserve(first).await.unwrap().into_inner(),
        granted,
        "an answer that was lost is given again"
    );
    let refused = fault(client.reserve(second.clone()).await);
    assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), ("REQUEST_ID_REUSED", "HELD"));
    assert_eq!(numbers(&mut client, "dukkan").await[0], (0, 1, 3));

    client.settle(settle(&granted.reservation.unwrap(), 20, 1_600)).await.unwrap();
    let refused = fault(client.reserve(second).await);
    assert_eq!(
        (refused.reason.as_str(), refused.metadata["state"].as_str()),
        ("REQUEST_ID_REUSED", "SETTLED")
    );
}

#[tokio::test]
async fn a_call_that_memory_had_no_room_for_is_still_known() {
    let quota = Quota::start(|config| config.tombstones_per_merchant_max = 2).await;
    quota.accounts.put("dukkan", plan(9, 10_000, 1_000_000, 2));
    let mut client = support::client(&quota);
    let first = reserve("dukkan", quota.now());
    for request in [first.clone()].into_iter().chain((0..3).map(|_| reserve("dukkan", quota.now()))) {
        let reserved = client.reserve(request).await.unwrap().into_inner();
        client.settle(settle(&reserved.reservation.unwrap(), 20, 1_600)).await.unwrap();
    }
    assert_eq!(fault(client.reserve(first.clone()).await).reason, "REQUEST_ID_REUSED");
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    assert_eq!(
        fault(client.reserve(first).await).reason,
        "REQUEST_ID_REUSED",
        "nor by a process that starts"
    );
    assert_eq!(numbers(&mut client, "dukkan").await[0], (4, 0, 9));
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
    let facts =
        ["limit", "spent", "held", "cap", "reset_time", "window"].map(|fact| refused.metadata[fact].as_str());
    assert_eq!(facts, ["day_requests", "3", "0", "3", "2026-03-01T21:00:00Z", "d20260301"]);
    assert_eq!(refused.retry_after, Some(Duration::from_hours(12)));
    assert!(
        refused.message.contains("upgrade the plan, or wait until 2026-03-01T21:00:00Z"),
        "{}",
        refused.message
    );
    assert_eq!(refused.quota_violations[0].subject, "merchant:dukkan/day_requests");
    quota.clock.advance(Duration::from_hours(12));
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
    assert_eq!(
        (refused.metadata["limit"].as_str(), refused.retry_after),
        ("concurrent_requests", Some(Duration::from_secs(1)))
    );
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
    bad.candidates[0].request_pico_usd = -1;
    let refused = fault(client.reserve(bad).await);
    let fields: Vec<_> = refused.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    let expected = [
        "request_id",
        "attempt",
        "ttl",
        "candidates[0].price_version",
        "candidates[0].input_token_count",
        "candidates[0].output_pico_usd_per_token",
        "candidates[0].request_pico_usd",
    ];
    assert_eq!(
        (refused.code, refused.reason.as_str(), fields),
        (Code::InvalidArgument, "REQUEST_INVALID", expected.to_vec())
    );

    let no_ladder = wire::ReserveRequest { candidates: Vec::new(), ..reserve("dukkan", quota.now()) };
    assert_eq!(fault(client.reserve(no_ladder).await).field_violations[0].field, "candidates");
    let unpriced = wire::SettleRequest { cost_nano_usd: -1, ..settle(&wire::Reservation::default(), 1, 1) };
    let fields: Vec<_> = fault(client.settle(unpriced).await)
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    assert_eq!(fields, ["reservation.merchant_id", "cost_nano_usd"]);
    assert_eq!(
        fault(client.release(wire::ReleaseRequest::default()).await).field_violations[0].field,
        "reservation"
    );
    assert_eq!(
        fault(client.get_usage(wire::GetUsageRequest { merchant_id: "متجر".into() }).await).reason,
        "REQUEST_INVALID"
    );
    assert_eq!(numbers(&mut client, "dukkan").await[0], (0, 0, 3));
}

#[tokio::test]
async fn a_policy_beyond_exact_numbers_or_in_no_zone_is_refused() {
    let (_quota, mut client) = seated().await;
    let put = |plan, time_zone: &str| wire::PutPolicyRequest {
        merchant_id: "dukkan".into(),
        plan,
        time_zone: time_zone.into(),
    };
    let wrong = fault(client.put_policy(put(Some(plan(-1, 1 << 53, 1, 1)), "Asia/Atlantis")).await);
    let fields: Vec<_> = wrong.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["time_zone", "plan.day_request_cap", "plan.month_token_cap"]);
    assert_eq!(fault(client.put_policy(put(None, "Asia/Riyadh")).await).field_violations[0].field, "plan");
    let nothing = wire::GrantTopUpRequest {
        op_id: "op".into(),
        merchant_id: "dukkan".into(),
        cost_nano_usd: 0,
        token_count: 0,
    };
    assert_eq!(fault(client.grant_top_up(nothing.clone()).await).reason, "REQUEST_INVALID");
    let endless = wire::GrantTopUpRequest { token_count: (1 << 53) - 1, ..nothing };
    assert_eq!(fault(client.grant_top_up(endless).await).reason, "REQUEST_INVALID");
}

#[tokio::test]
async fn an_unknown_merchant_is_not_found_unless_an_operator_put_a_policy() {
    let (quota, mut client) = seated().await;
    let refused = fault(client.reserve(reserve("nobody", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "MERCHANT_NOT_FOUND"));
    assert_eq!(
        fault(client.get_usage(wire::GetUsageRequest { merchant_id: "nobody".into() }).await).reason,
        "MERCHANT_NOT_FOUND"
    );
    let put = wire::PutPolicyRequest {
        merchant_id: "nobody".into(),
        plan: Some(plan(1, 1_000, 10_000, 1)),
        time_zone: "Asia/Riyadh".into(),
    };
    assert_eq!(client.put_policy(put).await.unwrap().into_inner().policy_version, 1);
    client.reserve(reserve("nobody", quota.now())).await.unwrap();
}

#[tokio::test]
async fn an_adjust_and_a_release_work_on_the_wire() {
    let (quota, mut client) = seated().await;
    let call =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let cheaper = wire::Candidate {
        price_version: "local@1".into(),
        output_pico_usd_per_token: 0,
        ..support::candidate()
    };
    let adjust = wire::AdjustRequest { reservation: Some(call.clone()), candidates: vec![cheaper] };
    let adjusted = client.adjust(adjust).await.unwrap().into_inner().reserved.unwrap();
    assert_eq!(adjusted.reservation.unwrap().price_version, "local@1");
    assert_eq!(numbers(&mut client, "dukkan").await[2], (0, 1_000, 100_000));
    let release =
        wire::ReleaseRequest { reservation: Some(call), reason: wire::ReleaseReason::NotDispatched.into() };
    assert_eq!(client.release(release).await.unwrap().into_inner().state(), wire::ReservationState::Released);
    assert_eq!(numbers(&mut client, "dukkan").await[2], (0, 0, 100_000));
}

#[tokio::test]
async fn merchants_in_shadow_are_served_beyond_their_caps_and_others_are_not() {
    let quota = Quota::start(|config| config.shadow_merchants = vec!["dukkan".into()]).await;
    let mut client = support::client(&quota);
    for id in ["dukkan", "bazaar"] {
        quota.accounts.put(id, plan(1, 1_000, 100_000, 9));
        client.reserve(reserve(id, quota.now())).await.unwrap();
    }
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    assert_eq!(fault(client.reserve(reserve("bazaar", quota.now())).await).reason, "QUOTA_EXCEEDED");
    assert_eq!(numbers(&mut client, "dukkan").await[0], (0, 2, 1));
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    assert_eq!(numbers(&mut client, "dukkan").await[0], (0, 3, 1));

    let mut config = quota.config.clone();
    config.check().unwrap();
    config.shadow_merchants = vec!["*".into(), "متجر".into()];
    let refused = Quota::try_open(config, &quota.accounts).await.err().unwrap().to_string();
    assert!(refused.starts_with("quota.shadow_merchants[1] must be *"), "{refused}");
}
