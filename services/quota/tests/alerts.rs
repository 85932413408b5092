//! Alerts from the settle to the watcher: each exactly once, whatever races, restarts and is asked for again.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use kaleem_domain::{MerchantId, Timestamp};
use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_quota::{
    Registry,
    machine::{Fingerprint, Settle},
};
use kaleem_rpc::{Code, Transport};
use support::{CALL, Quota, call, fault, merchant, plan, reserve, seated, settle};
use tonic::Streaming;

const SETTLERS: usize = 64;

fn watch(from: &str, merchant_id: &str) -> wire::WatchAlertsRequest {
    wire::WatchAlertsRequest { from_alert_id: from.into(), merchant_id: merchant_id.into() }
}

async fn next(alerts: &mut Streaming<wire::WatchAlertsResponse>) -> wire::WatchAlertsResponse {
    let message = tokio::time::timeout(Duration::from_secs(10), alerts.next()).await;
    message.unwrap().unwrap().unwrap()
}

/// Spends `tokens` of a merchant in one call.
async fn spend(quota: &Quota, client: &mut QuotaServiceClient<Transport>, id: &str, tokens: i64) {
    let call = client.reserve(reserve(id, quota.now())).await.unwrap().into_inner().reservation.unwrap();
    client.settle(settle(&call, tokens - 100, 1)).await.unwrap();
}

async fn spend_one(registry: &Registry, merchant: &MerchantId, now: Timestamp) {
    let command = call(now);
    let key = command.key;
    // Beyond the cap it is refused, which tells that the cap is reached.
    if registry.reserve(merchant, &command).await.is_ok() {
        let settle = Settle { key, actual: CALL, fingerprint: Fingerprint(2, 2), lost: None };
        for _ in 0..2 {
            registry.settle(merchant, &settle, Vec::new()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_settlers_raise_each_alert_once() {
    let quota = Quota::start(|config| config.journal_queue_max = 100_000).await;
    quota.accounts.put("dukkan", plan(1_000, 3_000, 7_000, 10_000));
    let mut client = support::client(&quota);
    let mut alerts = client.watch_alerts(watch("", "")).await.unwrap().into_inner();
    let settlers = (0..SETTLERS).map(|_| {
        let (registry, now) = (Arc::clone(&quota.registry), quota.now());
        async move {
            for _ in 0..17 {
                spend_one(&registry, &merchant("dukkan"), now).await;
            }
        }
    });
    // Spread over both workers, so that they do race.
    let (done, mut ended) = tokio::sync::mpsc::channel(SETTLERS);
    for settler in settlers {
        let done = done.clone();
        quota.supervisor.spawn_detached("settler", async move {
            settler.await;
            done.send(()).await.unwrap();
        });
    }
    for _ in 0..SETTLERS {
        ended.recv().await.unwrap();
    }
    quota.registry.flushed().await.unwrap();

    let mut seen: BTreeMap<(String, i32), usize> = BTreeMap::new();
    // 4 percentages in 3 dimensions, and the cap itself in the one that a refusal names first.
    for _ in 0..13 {
        let alert = next(&mut alerts).await;
        assert_eq!((alert.merchant_id.as_str(), alert.create_time.is_some()), ("dukkan", true));
        *seen.entry((alert.dimension, alert.percent)).or_default() += 1;
    }
    let mut expected = BTreeMap::from([(("day_requests".to_owned(), 100), 1)]);
    for dimension in ["day_requests", "month_tokens", "month_cost_nano_usd"] {
        expected.extend([60, 80, 90, 95].map(|percent| ((dimension.to_owned(), percent), 1)));
    }
    assert_eq!(seen, expected);
    // The next alert is another merchant's: nothing came twice.
    quota.accounts.put("bazaar", plan(1, 1_000, 100_000, 9));
    spend(&quota, &mut client, "bazaar", 100).await;
    assert_eq!(next(&mut alerts).await.alert_id, "bazaar/day_requests/d20260301/95/1");
}

#[tokio::test]
async fn a_watcher_goes_on_after_the_alert_it_names_and_across_a_restart() {
    let (quota, mut client) = seated().await;
    quota.accounts.put("bazaar", plan(100, 1_000, 100_000, 9));
    let mut all = client.watch_alerts(watch("", "")).await.unwrap().into_inner();
    spend(&quota, &mut client, "bazaar", 650).await;
    spend(&quota, &mut client, "bazaar", 300).await;
    let first = next(&mut all).await;
    assert_eq!(
        (first.alert_id.as_str(), first.dimension.as_str(), first.window_id.as_str(), first.percent),
        ("bazaar/month_tokens/M202603/60/1", "month_tokens", "M202603", 60)
    );
    // 80 and 90 were jumped over.
    assert_eq!(next(&mut all).await.alert_id, "bazaar/month_tokens/M202603/95/1");

    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    let mut rest = client.watch_alerts(watch(&first.alert_id, "")).await.unwrap().into_inner();
    assert_eq!(next(&mut rest).await.alert_id, "bazaar/month_tokens/M202603/95/1");
    // A superseded alert is a place to go on from as well.
    let superseded = "bazaar/month_tokens/M202603/80/1";
    let mut dukkan = client.watch_alerts(watch(superseded, "dukkan")).await.unwrap().into_inner();
    quota.accounts.put("souq-7", plan(1, 1_000, 100_000, 9));
    spend(&quota, &mut client, "souq-7", 100).await;
    spend(&quota, &mut client, "dukkan", 100).await;
    spend(&quota, &mut client, "dukkan", 100).await;
    assert_eq!(next(&mut dukkan).await.alert_id, "dukkan/day_requests/d20260301/60/1");
}

#[tokio::test]
async fn watchers_are_bounded_and_end_when_quota_stops() {
    let quota = Quota::start(|config| config.alerts.watchers_max = 1).await;
    let mut client = support::client(&quota);
    let mut alerts = client.watch_alerts(watch("", "")).await.unwrap().into_inner();
    let refused = fault(client.watch_alerts(watch("", "")).await.map(|_| tonic::Response::new(())));
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    quota.supervisor.stop();
    assert!(alerts.next().await.is_none());
    drop(alerts);
    let unknown = fault(client.watch_alerts(watch("nobody/x", "")).await.map(|_| tonic::Response::new(())));
    assert_eq!((unknown.code, unknown.reason.as_str()), (Code::FailedPrecondition, "ALERT_UNKNOWN"));
    let wrong = fault(client.watch_alerts(watch("", "متجر")).await.map(|_| tonic::Response::new(())));
    assert_eq!(wrong.field_violations[0].field, "merchant_id");
}

#[tokio::test]
async fn alerts_are_forgotten_after_they_were_kept_long_enough() {
    let (quota, mut client) = seated().await;
    spend(&quota, &mut client, "dukkan", 700).await;
    quota.registry.flushed().await.unwrap();
    let told = "dukkan/month_tokens/M202603/60/1";
    client.watch_alerts(watch(told, "")).await.unwrap();
    let kept = quota.config.alerts.kept.get();
    quota.clock.advance(kept + Duration::from_millis(1));
    let forgotten = async {
        while client.watch_alerts(watch(told, "")).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.unwrap();
}
