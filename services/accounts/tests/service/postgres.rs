//! Several processes on one Postgres: their writes are exact, each learns of the others' in time, and a killed server
//! loses nothing that was acknowledged.

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, future::join_all};
use kaleem_accounts::Config;
use kaleem_proto::accounts::v1::{self as proto, MerchantState, Scope, watch_revocations_response::Subject};
use kaleem_rpc::{Code, Fault};
use kaleem_runtime::config::Span;
use sqlx::Connection as _;
use tokio::task::JoinSet;

use crate::harness::{Client, Service, Store, assert_fault};

/// Within this time a change is in force on every process.
const IN_FORCE: Duration = Duration::from_secs(1);
/// Bound of waits that have no bound of their own to prove.
const LIMIT: Duration = Duration::from_secs(20);

async fn run(url: &str, statement: &'static str) {
    let mut session = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query(statement).execute(&mut session).await.unwrap();
    session.close().await.unwrap();
}

/// Asks until the answer is as wanted; how long it took. Panics after [`LIMIT`].
async fn until(service: &mut Service, key: &str, wanted: impl Fn(&Result<(), Fault>) -> bool) -> Duration {
    let from = Instant::now();
    loop {
        let answer = service.authenticate(key, "").await.map(drop);
        if wanted(&answer) {
            return from.elapsed();
        }
        assert!(from.elapsed() < LIMIT, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until_refused(service: &mut Service, key: &str, reason: &str) -> Duration {
    until(service, key, |answer| answer.as_ref().is_err_and(|fault| fault.reason == reason)).await
}

#[tokio::test]
async fn what_one_process_adds_another_knows_at_once() {
    let mut one = Service::start(Store::postgres()).await;
    let mut other = one.beside().await;
    for round in 0..10 {
        let merchant = format!("shop-{round}");
        one.merchant(&merchant).await;
        let (_, key) = other.chat_key(&merchant).await;
        one.authenticate(&key, "").await.unwrap();
        let starter = other.authenticate(&key, "").await.unwrap().plan.unwrap();
        let plan = proto::Plan { plan_id: format!("plan-{round}"), ..starter };
        one.client.put_plan(proto::PutPlanRequest { plan: Some(plan.clone()) }).await.unwrap();
        let merchant_id = format!("on-plan-{round}");
        let request =
            proto::CreateMerchantRequest { merchant_id, plan_id: plan.plan_id, ..Default::default() };
        other.create(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_revocation_is_in_force_on_every_process_within_a_second() {
    let mut one = Service::start(Store::postgres()).await;
    let mut other = one.beside().await;
    one.merchant("ward").await;
    // With notifications, and when they do not come: then the poll is the bound.
    for silenced in [false, true] {
        if silenced {
            let url = one.store.server().unwrap().url();
            run(&url, "DROP TRIGGER revocation_announced ON accounts.revocation").await;
        }
        let (key, text) = one.chat_key("ward").await;
        other.authenticate(&text, "").await.unwrap();
        one.revoke(&key.key_id).await.unwrap();
        let took = until_refused(&mut other, &text, "CREDENTIAL_INVALID").await;
        assert!(took < IN_FORCE, "{took:?}, silenced: {silenced}");
        let (_, text) = one.chat_key("ward").await;
        other.authenticate(&text, "").await.unwrap();
        one.set_state("ward", MerchantState::Suspended).await.unwrap();
        let took = until_refused(&mut other, &text, "MERCHANT_SUSPENDED").await;
        assert!(took < IN_FORCE, "{took:?}, silenced: {silenced}");
        other.set_state("ward", MerchantState::Active).await.unwrap();
        assert!(until(&mut one, &text, Result::is_ok).await < IN_FORCE);
    }
}

#[tokio::test]
async fn a_new_version_of_a_plan_reaches_every_process_also_when_no_merchant_has_it() {
    let mut one = Service::start(Store::postgres()).await;
    let mut other = one.beside().await;
    one.merchant("ward").await;
    let (_, key) = one.chat_key("ward").await;
    let starter = other.authenticate(&key, "").await.unwrap().plan.unwrap();
    let gold = proto::Plan { plan_id: "gold".into(), ..starter };
    one.client.put_plan(proto::PutPlanRequest { plan: Some(gold.clone()) }).await.unwrap();
    let request = |id: &str| proto::CreateMerchantRequest {
        merchant_id: id.into(),
        plan_id: "gold".into(),
        ..Default::default()
    };
    // Refused, and yet the other process remembers the first version from here on.
    assert_fault(other.create(request("ward")).await, Code::AlreadyExists, "MERCHANT_EXISTS");
    let changed = proto::Plan { day_request_cap: 7, ..gold };
    one.client.put_plan(proto::PutPlanRequest { plan: Some(changed) }).await.unwrap();
    one.create(request("on-gold")).await.unwrap();
    let from = Instant::now();
    loop {
        let asked = proto::GetMerchantRequest { merchant_id: "on-gold".into() };
        let plan = other.client.get_merchant(asked).await.unwrap().into_inner().plan.unwrap();
        if plan.day_request_cap == 7 {
            break;
        }
        assert!(from.elapsed() < IN_FORCE, "{plan:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn racing_processes_write_exactly() {
    let mut one = Service::start_with(Store::postgres(), |config| config.plans_max = 10).await;
    let (other, third) = (one.beside().await, one.beside().await);
    let clients = [one.client.clone(), other.client.clone(), third.client.clone()];
    let racing = |count: usize| (0..count).map(|racer| (racer, clients[racer % clients.len()].clone()));
    let starter =
        one.client.list_plans(proto::ListPlansRequest {}).await.unwrap().into_inner().plans.remove(2);

    let versions = racing(24).map(|(racer, mut client)| {
        let plan = Some(proto::Plan { day_request_cap: i64::try_from(racer).unwrap(), ..starter.clone() });
        async move { client.put_plan(proto::PutPlanRequest { plan }).await.unwrap().into_inner().plan }
    });
    let versions: BTreeSet<_> =
        join_all(versions).await.into_iter().map(|plan| plan.unwrap().version).collect();
    assert_eq!(versions, (2..=25).collect(), "each change is a version of its own, without a gap");

    let added = racing(20).map(|(racer, mut client)| {
        let plan = Some(proto::Plan { plan_id: format!("plan-{racer}"), ..starter.clone() });
        async move { client.put_plan(proto::PutPlanRequest { plan }).await.is_ok() }
    });
    let added = join_all(added).await.into_iter().filter(|added| *added).count();
    assert_eq!(added, 7, "three plans were there and ten may be");

    let created = racing(12).map(|(racer, mut client)| {
        let merchant = proto::CreateMerchantRequest {
            merchant_id: "ward".into(),
            display_name: format!("name {racer}"),
            ..Default::default()
        };
        async move { client.create_merchant(merchant).await }
    });
    let (created, refused): (Vec<_>, Vec<_>) = join_all(created).await.into_iter().partition(Result::is_ok);
    assert_eq!((created.len(), refused.len()), (1, 11));
    for refused in refused {
        assert_fault(
            refused.map_err(|status| Fault::from_status(&status)),
            Code::AlreadyExists,
            "MERCHANT_EXISTS",
        );
    }

    let (key, _) = one.chat_key("ward").await;
    let start = newest(&mut one.client).await;
    let revoked = racing(12).map(|(_, mut client)| {
        let request = proto::RevokeKeyRequest { key_id: key.key_id.clone() };
        async move { client.revoke_key(request).await.unwrap().into_inner().key.unwrap() }
    });
    let revoked = join_all(revoked).await;
    assert!(revoked.iter().all(|key| *key == revoked[0]));
    assert_eq!(newest(&mut one.client).await, start + 1, "it is announced once");
}

/// Where a new watcher of the feed stands.
async fn newest(client: &mut Client) -> i64 {
    let request = proto::WatchRevocationsRequest { from_sequence: 0 };
    let mut feed = client.watch_revocations(request).await.unwrap().into_inner();
    feed.next().await.unwrap().unwrap().sequence
}

/// What the feed of a process names after `from_sequence`, up to its first heartbeat.
async fn told(client: &mut Client, from_sequence: i64) -> Vec<(i64, Subject)> {
    let request = proto::WatchRevocationsRequest { from_sequence };
    let feed = client.watch_revocations(request).await.unwrap().into_inner();
    let named = feed.map(Result::unwrap).take_while(|message| {
        let is_change = message.subject.is_some();
        async move { is_change }
    });
    named.map(|message| (message.sequence, message.subject.unwrap())).collect().await
}

/// What one process acknowledged.
#[derive(Default)]
struct Acknowledged {
    issued: Vec<String>,
    /// Key ids with the keys.
    revoked: Vec<(String, String)>,
    failures: usize,
}

/// Issues keys and revokes every second one until `stop`; `acknowledged` and `failed` count along.
async fn load(
    mut client: Client,
    progress: tokio::sync::watch::Sender<(usize, usize)>,
    stop: tokio_util::sync::CancellationToken,
) -> Acknowledged {
    let mut seen = Acknowledged::default();
    while !stop.is_cancelled() {
        let request = proto::IssueKeyRequest {
            merchant_id: "ward".into(),
            scopes: vec![Scope::Chat.into()],
            ..Default::default()
        };
        let outcome = async {
            let issued = client.issue_key(request).await?.into_inner();
            let id = issued.key.unwrap().key_id;
            if seen.issued.len() > seen.revoked.len() {
                client.revoke_key(proto::RevokeKeyRequest { key_id: id.clone() }).await?;
                seen.revoked.push((id, issued.api_key));
            } else {
                seen.issued.push(issued.api_key);
            }
            Ok::<(), tonic::Status>(())
        };
        match outcome.await {
            Ok(()) => progress.send_modify(|(acknowledged, _)| *acknowledged += 1),
            Err(status) => {
                assert_eq!(Fault::from_status(&status).reason, "STORE_UNAVAILABLE", "{status:?}");
                seen.failures += 1;
                progress.send_modify(|(_, failed)| *failed += 1);
            }
        }
    }
    seen
}

#[tokio::test]
async fn a_server_that_is_killed_under_load_loses_nothing_that_was_acknowledged() {
    let quick = |config: &mut Config| config.postgres.acquire_timeout = Span::millis(200);
    let mut one = Service::start_with(Store::postgres(), quick).await;
    let mut other = one.beside().await;
    one.merchant("ward").await;
    let start = newest(&mut other.client).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let (mut loads, mut watches) = (JoinSet::new(), Vec::new());
    for client in [one.client.clone(), other.client.clone()] {
        let (progress, watch) = tokio::sync::watch::channel((0, 0));
        loads.spawn(load(client, progress, stop.clone()));
        watches.push(watch);
    }
    for _ in 0..3 {
        for watch in &mut watches {
            let goal = watch.borrow().0 + 20;
            let busy = watch.wait_for(|(acknowledged, _)| *acknowledged >= goal);
            tokio::time::timeout(LIMIT, busy).await.expect("keys are issued").unwrap();
        }
        one.store.server().unwrap().kill_hard();
        for watch in &mut watches {
            let goal = watch.borrow().1 + 1;
            let down = watch.wait_for(|(_, failed)| *failed >= goal);
            tokio::time::timeout(LIMIT, down).await.expect("calls fail").unwrap();
        }
        one.store.server().unwrap().restart();
    }
    for watch in &mut watches {
        let goal = watch.borrow().0 + 20;
        let busy = watch.wait_for(|(acknowledged, _)| *acknowledged >= goal);
        tokio::time::timeout(LIMIT, busy).await.expect("keys are issued again").unwrap();
    }
    stop.cancel();
    let seen = loads.join_all().await;
    assert!(seen.iter().all(|seen| seen.failures >= 3));
    // Once it hears again, each process vouches for what it remembers.
    for service in [&mut one, &mut other] {
        until(service, &seen[0].issued[0], Result::is_ok).await;
        for key in seen.iter().flat_map(|seen| &seen.issued) {
            service.authenticate(key, "").await.unwrap();
        }
        for (_, key) in seen.iter().flat_map(|seen| &seen.revoked) {
            let answer = service.authenticate(key, "").await;
            assert_fault(answer, Code::Unauthenticated, "CREDENTIAL_INVALID");
        }
        let told = told(&mut service.client, start).await;
        assert!((start + 1..).zip(&told).all(|(expected, (sequence, _))| *sequence == expected), "no gap");
        let named: HashSet<_> = told.iter().map(|(_, subject)| format!("{subject:?}")).collect();
        assert_eq!(named.len(), told.len(), "each once");
        for (id, _) in seen.iter().flat_map(|seen| &seen.revoked) {
            assert!(named.contains(&format!("{:?}", Subject::KeyId(id.clone()))), "{id} was not announced");
        }
    }
}

#[tokio::test]
async fn a_process_that_does_not_hear_vouches_for_nothing() {
    let quick = |config: &mut Config| config.postgres.acquire_timeout = Span::millis(100);
    let mut service = Service::start_with(Store::postgres(), quick).await;
    service.merchant("ward").await;
    let (_, key) = service.chat_key("ward").await;
    service.authenticate(&key, "").await.unwrap();
    let request = proto::WatchRevocationsRequest { from_sequence: 0 };
    let mut feed = service.client.watch_revocations(request).await.unwrap().into_inner();
    feed.next().await.unwrap().unwrap();
    service.store.server().unwrap().kill_hard();
    let took = until_refused(&mut service, &key, "STORE_UNAVAILABLE").await;
    // The answer itself waits for a connection.
    assert!(took < IN_FORCE + Duration::from_millis(500), "{took:?}");
    let end = async {
        loop {
            if let Err(status) = feed.next().await.unwrap() {
                return Fault::from_status(&status).reason;
            }
        }
    };
    assert_eq!(tokio::time::timeout(LIMIT, end).await.unwrap(), "STORE_UNAVAILABLE");
    service.store.server().unwrap().restart();
    until(&mut service, &key, Result::is_ok).await;
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_new_store() {
    let Store::Postgres(server) = Store::postgres() else { unreachable!() };
    let starts = (0..3).map(|_| Service::start(Store::Shared(server.url())));
    for mut service in join_all(starts).await {
        let plans = service.client.list_plans(proto::ListPlansRequest {}).await.unwrap().into_inner().plans;
        assert_eq!(plans.iter().map(|plan| plan.version).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
