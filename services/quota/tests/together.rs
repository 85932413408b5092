//! What several quota processes do together beside admitting: limits of upstream projects, alerts, webhooks, and following the ledger.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops on what it did not expect"
)]

mod support;

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_quota::{
    Config, Error, Rounds, UpstreamLimits, UpstreamProject,
    machine::{Amount, MerchantState, WindowId},
    upstream::{Ask, Load},
};
use kaleem_rpc::Transport;
use kaleem_runtime::{Supervisor, config::Span};
use support::{
    Quota,
    billing::settle_with_event,
    heals, merchant, numbers, plan,
    receiver::{Receiver, to},
    reserve, settle,
    stores::{Backend, Stores},
    until,
};
use tokio::task::JoinSet;

const CALL: (i64, i64, i64) = (1, 120, 1_600);
const SELL_PICO: i64 = 1_600_000;

type Client = QuotaServiceClient<Transport>;

async fn processes(stores: &Stores, count: usize, adjust: impl Fn(&mut Config)) -> Vec<Quota> {
    let mut quotas = Vec::new();
    for _ in 0..count {
        quotas.push(stores.open_as(&adjust).await);
    }
    quotas
}

/// Two processes are asked for a model in turn; together they grant what one would.
async fn the_limits_of_an_upstream_project_are_those_of_all_processes(backend: Backend) {
    let stores = Stores::start(backend);
    let limits = UpstreamLimits { minute_requests: Some(100), ..UpstreamLimits::default() };
    let project = UpstreamProject { quota_domain: "project-1".into(), model: None, limits };
    let mut quotas = Vec::new();
    for _ in 0..2 {
        quotas.push(stores.open_as(|config| config.upstream.projects = vec![project.clone()]).await);
    }
    let mut askers = JoinSet::new();
    for (number, quota) in quotas.iter().cycle().take(8).enumerate() {
        let registry = Arc::clone(&quota.registry);
        askers.spawn(async move {
            let (gateway, mut granted) = (format!("gateway-{number}"), 0);
            let wanted = Load { requests: 1, input_tokens: 1 };
            let ask = Ask { quota_domain: "project-1", model: "flash", gateway_id: &gateway, wanted };
            loop {
                match registry.acquire_upstream(&ask).await {
                    Ok(grant) => granted += grant.granted.requests,
                    Err(Error::Upstream(_)) => return granted,
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    assert_eq!(askers.join_all().await.into_iter().sum::<i64>(), 100);
    // A 429 that one process is told of holds for the other.
    stores.clock.advance(Duration::from_secs(62));
    quotas[0].registry.report_upstream("project-1", "flash", 429, 5_000).await.unwrap();
    let wanted = Load { requests: 1, input_tokens: 1 };
    let ask = Ask { quota_domain: "project-1", model: "flash", gateway_id: "gateway-1", wanted };
    assert!(matches!(quotas[1].registry.acquire_upstream(&ask).await, Err(Error::Upstream(_))));
}

/// Raises an alert at 60 % of the month's tokens and returns its id.
async fn raise(quota: &Quota, id: &str) -> String {
    quota.accounts.put(id, plan(100, 1_000, 100_000, 9));
    let mut client = support::client(quota);
    let call = hold(quota, &mut client, id).await;
    client.settle(settle(&call, 500, 1)).await.unwrap();
    format!("{id}/month_tokens/M202603/60/1")
}

async fn watchers_of_any_process_see_the_alerts_of_all(backend: Backend) {
    let stores = Stores::start(backend);
    let quotas = processes(&stores, 3, |config| config.alerts.poll_interval = Span::millis(5)).await;
    let mut watched = Vec::new();
    for quota in &quotas {
        let mut client = support::client(quota);
        let alerts = client.watch_alerts(wire::WatchAlertsRequest::default()).await.unwrap();
        watched.push(alerts.into_inner());
    }
    let mut expected = Vec::new();
    for (number, quota) in quotas.iter().cycle().take(9).enumerate() {
        expected.push(raise(quota, &format!("shop-{number}")).await);
    }
    for alerts in &mut watched {
        let seen = alerts.take(expected.len()).map(|alert| alert.unwrap().alert_id).collect::<Vec<_>>();
        let seen = tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
        assert_eq!(seen, expected);
    }
}

async fn each_alert_is_posted_once_by_one_of_the_processes(backend: Backend) {
    let stores = Stores::start(backend);
    let outside = Supervisor::new();
    let receiver = Receiver::start(&outside);
    let quotas = processes(&stores, 3, |config| to(&receiver.url, config)).await;
    let mut expected = Vec::new();
    for (number, quota) in quotas.iter().cycle().take(24).enumerate() {
        expected.push(raise(quota, &format!("shop-{number:02}")).await);
    }
    until(|| receiver.ids().len() >= expected.len()).await;
    for quota in &quotas {
        // What one of them is about to post, it posts before it ends.
        assert!(quota.supervisor.drain(Duration::from_secs(10)).await.is_clean());
    }
    let mut posted = receiver.ids();
    posted.sort_unstable();
    assert_eq!(posted, expected);
}

async fn hold(quota: &Quota, client: &mut Client, id: &str) -> wire::Reservation {
    client.reserve(reserve(id, quota.now())).await.unwrap().into_inner().reservation.unwrap()
}

/// Posted requests, tokens and nano-US-dollars.
async fn posted(client: &mut Client, id: &str) -> (i64, i64, i64) {
    let numbers = numbers(client, id).await;
    (numbers[0].0, numbers[1].0, numbers[2].0)
}

/// Waits until a merchant's posted usage is `expected`.
async fn counts(client: &mut Client, id: &str, expected: (i64, i64, i64)) {
    let counted = async {
        while posted(client, id).await != expected {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), counted).await.expect("it is counted within 10 s");
}

async fn one_process_follows_the_ledger_for_all_and_another_when_it_stops(backend: Backend) {
    let stores = Stores::start(backend);
    let mut quotas = processes(&stores, 3, |_| {}).await;
    stores.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
    let mut calls = 0;
    while !quotas.is_empty() {
        until(|| stores.billing.followers() > 0).await;
        for quota in &quotas {
            let mut client = support::client(quota);
            let held = hold(quota, &mut client, "dukkan").await;
            stores.billing.record(&held, 20, SELL_PICO);
            calls += 1;
            // Whoever follows, all see the hold freed and the call counted.
            counts(&mut client, "dukkan", (calls, 120 * calls, 1_600 * calls)).await;
            assert_eq!(numbers(&mut client, "dukkan").await[3].0, 0);
        }
        assert_eq!(stores.billing.followers_max(), 1);
        let stopped = quotas.remove(0);
        assert!(stopped.supervisor.drain(Duration::from_secs(10)).await.is_clean());
    }
}

async fn a_process_that_died_while_it_followed_is_replaced_once_its_claim_is_over(backend: Backend) {
    let stores = Stores::start(backend);
    let quotas = processes(&stores, 2, |_| {}).await;
    stores.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
    until(|| stores.billing.followers() == 1).await;
    stores.database("UPDATE quota.claim SET holder = 'dead'").await;
    // Who followed finds that it does no more, and time stands still.
    until(|| stores.billing.followers() == 0).await;
    let mut client = support::client(&quotas[0]);
    let held = hold(&quotas[0], &mut client, "dukkan").await;
    stores.billing.record(&held, 20, SELL_PICO);
    assert_eq!((posted(&mut client, "dukkan").await, stores.billing.followers()), ((0, 0, 0), 0));
    stores.clock.advance(Duration::from_secs(6));
    counts(&mut client, "dukkan", CALL).await;
    until(|| stores.billing.followers() == 1).await;
}

/// Compares until a window of a merchant is healed, which shows that comparing works; the merchant's sums are made to differ.
async fn compares(quota: &Quota, id: &str) {
    quota.accounts.put(id, plan(100, 100_000, 1_000_000, 9));
    let mut client = support::client(quota);
    let held = hold(quota, &mut client, id).await;
    quota.billing.record(&held, 20, SELL_PICO);
    counts(&mut client, id, CALL).await;
    let day = WindowId::parse(&held.day_window_id).unwrap();
    quota.billing.set(id, day, Amount { requests: 2, ..Amount::ZERO });
    heals(quota, &mut Rounds::default()).await;
    assert_eq!(posted(&mut client, id).await, (2, 120, 1_600));
}

async fn a_settled_call_that_nobody_records_is_told_to_billing_once_and_never_healed_down(backend: Backend) {
    let stores = Stores::start(backend);
    // A file serves one process.
    let count = if backend == Backend::Redis { 1 } else { 3 };
    let quotas = processes(&stores, count, |config| config.follow.push_interval = Span::millis(5)).await;
    until(|| stores.billing.followers() == 1).await;
    stores.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
    let mut clients: Vec<_> = quotas.iter().map(support::client).collect();
    let held = hold(&quotas[0], &mut clients[0], "dukkan").await;
    clients[0].settle(settle_with_event(&held)).await.unwrap();
    for (number, quota) in quotas.iter().enumerate() {
        // Also a process that never saw it compares it.
        assert_eq!(posted(&mut clients[number], "dukkan").await, CALL);
        compares(quota, &format!("shop-{number}")).await;
        assert_eq!(posted(&mut clients[number], "dukkan").await, CALL);
    }
    assert_eq!(stores.billing.told(), 0);
    let events = stores.billing.events();
    stores.clock.advance(Duration::from_mins(5));
    until(|| stores.billing.events() == events + 1).await;
    let end = stores.billing.end();
    for (quota, client) in quotas.iter().zip(&mut clients) {
        let followed = async {
            while quota.registry.inspect(&merchant("dukkan"), MerchantState::followed).unwrap() != Some(end) {
                // A look at usage brings the copy up to date.
                posted(client, "dukkan").await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), followed).await.expect("it is confirmed within 10 s");
        assert_eq!(posted(client, "dukkan").await, CALL);
    }
    // What is confirmed is not told again, and what is settled again was settled.
    let told = stores.billing.told();
    for client in &mut clients {
        let answer = client.settle(settle_with_event(&held)).await.unwrap().into_inner();
        assert_eq!(answer.state(), wire::ReservationState::Settled);
    }
    stores.clock.advance(Duration::from_mins(6));
    compares(&quotas[0], "bazaar").await;
    assert_eq!((posted(&mut clients[0], "dukkan").await, stores.billing.told()), (CALL, told));
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

on!(redis: the_limits_of_an_upstream_project_are_those_of_all_processes,
    a_settled_call_that_nobody_records_is_told_to_billing_once_and_never_healed_down);

on!(postgres: the_limits_of_an_upstream_project_are_those_of_all_processes,
    watchers_of_any_process_see_the_alerts_of_all, each_alert_is_posted_once_by_one_of_the_processes,
    one_process_follows_the_ledger_for_all_and_another_when_it_stops,
    a_process_that_died_while_it_followed_is_replaced_once_its_claim_is_over,
    a_settled_call_that_nobody_records_is_told_to_billing_once_and_never_healed_down);

on!(redis_on_postgres: each_alert_is_posted_once_by_one_of_the_processes,
    one_process_follows_the_ledger_for_all_and_another_when_it_stops,
    a_settled_call_that_nobody_records_is_told_to_billing_once_and_never_healed_down);
