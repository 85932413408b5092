//! Watching policies: what is in force, then each change, by whomever it was made.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_rpc::{Code, Transport};
use support::{
    Quota, plan, reserve,
    stores::{Backend, Stores},
};
use tonic::Streaming;

type Client = QuotaServiceClient<Transport>;
type Policies = Streaming<wire::WatchPolicyResponse>;

async fn watch(client: &mut Client, merchant_id: &str) -> Policies {
    let request =
        wire::WatchPolicyRequest { gateway_id: "gateway-1".into(), merchant_id: merchant_id.into() };
    client.watch_policy(request).await.unwrap().into_inner()
}

async fn next(policies: &mut Policies) -> wire::WatchPolicyResponse {
    let told = tokio::time::timeout(Duration::from_secs(10), policies.message()).await;
    told.expect("it is told within 10 s").unwrap().expect("the stream goes on")
}

/// Makes a merchant known to quota, with a plan of `requests` a day.
async fn meet(quota: &Quota, id: &str, requests: i64) {
    quota.accounts.put(id, plan(requests, 1_000, 100_000, 9));
    support::client(quota).reserve(reserve(id, quota.now())).await.unwrap();
    quota.registry.flushed().await.unwrap();
}

fn put(id: &str, requests: i64, time_zone: &str) -> wire::PutPolicyRequest {
    wire::PutPolicyRequest {
        merchant_id: id.into(),
        plan: Some(plan(requests, 1_000, 100_000, 9)),
        time_zone: time_zone.into(),
    }
}

fn top_up(id: &str, op_id: &str) -> wire::GrantTopUpRequest {
    wire::GrantTopUpRequest { op_id: op_id.into(), merchant_id: id.into(), cost_nano_usd: 7, token_count: 5 }
}

/// Merchant, requests of the plan, and version.
fn told(policy: &wire::WatchPolicyResponse) -> (&str, i64, i64) {
    (&policy.merchant_id, policy.plan.as_ref().unwrap().day_request_cap, policy.policy_version)
}

fn span(window: Option<&wire::watch_policy_response::Window>) -> (&str, i64, i64) {
    let window = window.unwrap();
    let seconds = |at: &Option<prost_types::Timestamp>| at.as_ref().unwrap().seconds;
    (&window.window_id, seconds(&window.start_time), seconds(&window.end_time))
}

#[tokio::test]
async fn a_watcher_is_told_what_is_in_force_then_each_change_and_each_new_window() {
    let quota = Quota::start(|_| {}).await;
    let mut client = support::client(&quota);
    meet(&quota, "bazaar", 3).await;
    meet(&quota, "dukkan", 4).await;
    let mut policies = watch(&mut client, "").await;
    let first = next(&mut policies).await;
    assert_eq!((told(&first), first.initial), (("bazaar", 3, 1), true));
    let second = next(&mut policies).await;
    assert_eq!(
        (told(&second), second.initial, second.time_zone.as_str()),
        (("dukkan", 4, 1), true, "Asia/Riyadh")
    );
    // 2026-03-01 and March 2026 in Riyadh, which is three hours ahead.
    assert_eq!(span(second.day.as_ref()), ("d20260301", 1_772_312_400, 1_772_398_800));
    assert_eq!(span(second.month.as_ref()), ("M202603", 1_772_312_400, 1_774_990_800));

    client.put_policy(put("dukkan", 40, "Asia/Riyadh")).await.unwrap();
    let changed = next(&mut policies).await;
    assert_eq!((told(&changed), changed.initial), (("dukkan", 40, 2), false));
    client.grant_top_up(top_up("bazaar", "op-1")).await.unwrap();
    let raised = next(&mut policies).await;
    assert_eq!(told(&raised), ("bazaar", 3, 2));
    assert_eq!((raised.month_extra_token_count, raised.month_extra_cost_nano_usd), (5, 7));
    // A plan that accounts changed, without any call of the merchant.
    quota.accounts.listened().await;
    quota.accounts.put("bazaar", plan(30, 1_000, 100_000, 9));
    quota.accounts.announce(Some("bazaar"));
    assert_eq!(told(&next(&mut policies).await), ("bazaar", 30, 3));

    quota.clock.set(kaleem_domain::Timestamp::from_millis(1_774_990_800_000));
    let mut turned = [next(&mut policies).await, next(&mut policies).await];
    turned.sort_by(|a, b| a.merchant_id.cmp(&b.merchant_id));
    assert_eq!([told(&turned[0]), told(&turned[1])], [("bazaar", 30, 3), ("dukkan", 40, 2)]);
    assert_eq!(span(turned[0].month.as_ref()), ("M202604", 1_774_990_800, 1_777_582_800));
    assert_eq!(turned[0].month_extra_token_count, 0, "a top-up ends with its month");
    // One merchant alone, and the account of nobody.
    let mut alone = watch(&mut client, "dukkan").await;
    assert_eq!(told(&next(&mut alone).await), ("dukkan", 40, 2));
    let mut nobody = watch(&mut client, "upstream/nobody").await;
    quota.supervisor.stop();
    assert!(nobody.message().await.unwrap().is_none() && alone.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_slow_reader_is_told_the_last_state_of_each_merchant_once() {
    let quota = Quota::start(|_| {}).await;
    let mut client = support::client(&quota);
    meet(&quota, "dukkan", 4).await;
    let mut policies = watch(&mut client, "").await;
    for requests in 10..20 {
        client.put_policy(put("dukkan", requests, "Asia/Riyadh")).await.unwrap();
    }
    assert_eq!(told(&next(&mut policies).await), ("dukkan", 19, 11));
    meet(&quota, "bazaar", 3).await;
    assert_eq!(told(&next(&mut policies).await), ("bazaar", 3, 1), "and nothing in between");
}

#[tokio::test]
async fn more_policies_than_a_page_are_told_whole_and_so_are_their_new_windows() {
    const MERCHANTS: usize = 300;
    let quota = Quota::start(|_| {}).await;
    let mut client = support::client(&quota);
    for number in 0..MERCHANTS {
        client.put_policy(put(&format!("shop-{number:03}"), 1, "Asia/Riyadh")).await.unwrap();
    }
    let mut policies = watch(&mut client, "").await;
    for day in ["d20260301", "d20260302", "d20260303"] {
        let mut seen = Vec::new();
        for _ in 0..MERCHANTS {
            let policy = next(&mut policies).await;
            assert_eq!(policy.day.unwrap().window_id, day);
            seen.push(policy.merchant_id);
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), MERCHANTS);
        quota.clock.advance(Duration::from_hours(24));
    }
}

#[tokio::test]
async fn watchers_of_policies_are_bounded_and_a_wrong_request_is_refused() {
    let quota = Quota::start(|config| config.policy_watchers_max = 1).await;
    let mut client = support::client(&quota);
    let watched = watch(&mut client, "").await;
    let ask = |merchant_id: &str| wire::WatchPolicyRequest {
        gateway_id: String::new(),
        merchant_id: merchant_id.into(),
    };
    let refused = support::fault(client.watch_policy(ask("")).await.map(|_| tonic::Response::new(())));
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    drop(watched);
    let wrong = support::fault(client.watch_policy(ask("متجر")).await.map(|_| tonic::Response::new(())));
    assert_eq!(wrong.field_violations[0].field, "merchant_id");
    client.watch_policy(ask("")).await.unwrap();
}

/// What one process puts in force, a watcher of another is told.
async fn a_change_by_another_process_is_told(backend: Backend) {
    let stores = Stores::start(backend);
    let (one, other) = (stores.open().await, stores.open().await);
    let mut policies = watch(&mut support::client(&other), "").await;
    meet(&one, "dukkan", 4).await;
    assert_eq!(told(&next(&mut policies).await), ("dukkan", 4, 1));
    let mut client = support::client(&one);
    client.put_policy(put("dukkan", 40, "Asia/Riyadh")).await.unwrap();
    assert_eq!(told(&next(&mut policies).await), ("dukkan", 40, 2));
    client.grant_top_up(top_up("dukkan", "op-1")).await.unwrap();
    let raised = next(&mut policies).await;
    assert_eq!((told(&raised), raised.month_extra_token_count), (("dukkan", 40, 3), 5));
    // Calls change no policy.
    for _ in 0..3 {
        client.reserve(reserve("dukkan", one.now())).await.unwrap();
    }
    meet(&other, "bazaar", 3).await;
    assert_eq!(told(&next(&mut policies).await), ("bazaar", 3, 1));
}

/// The tests of one back end.
macro_rules! on {
    ($backend:ident: $($name:ident),+) => {
        mod $backend {
            use super::Backend;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(Backend::named(stringify!($backend))).await;
            })+
        }
    };
}

on!(redis: a_change_by_another_process_is_told);
on!(postgres: a_change_by_another_process_is_told);
