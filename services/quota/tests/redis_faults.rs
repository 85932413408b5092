//! Redis is emptied, killed, frozen and put back: no cap is passed while a process remembers, and what cannot be known is refused.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops on what it did not expect"
)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use kaleem_domain::MerchantId;
use kaleem_proto::accounts::v1::Plan;
use kaleem_quota::{
    Error,
    machine::{Amount, Fingerprint, MerchantState, Refusal, Settle, TopUp, Usage},
};
use kaleem_runtime::config::Secret;
use kaleem_testkit::redis::{Durability, Redis};
use support::{
    CALL, Quota, call, merchant, plan, prepaid,
    stores::{Backend, Stores},
};
use tokio::task::JoinSet;

const PLENTY: i64 = 1_000_000_000;

fn settle(key: kaleem_quota::machine::Key) -> Settle {
    Settle { key, actual: CALL, fingerprint: Fingerprint(2, 2), lost: None }
}

/// Whether the answer says that the store is away, which callers may try again.
fn is_away(error: &Error) -> bool {
    matches!(error, Error::StoreUnavailable(_) | Error::Redis(_) | Error::BillingUnavailable(_))
}

/// Callers that reserve and settle until they are told to stop or their cap is reached; each counts what was admitted to it.
fn load(quota: &Quota, merchant: &MerchantId, stop: &Arc<AtomicBool>) -> JoinSet<i64> {
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (registry, merchant, stop) = (Arc::clone(&quota.registry), merchant.clone(), Arc::clone(stop));
        let now = quota.now();
        callers.spawn(async move {
            let mut admitted = 0;
            while !stop.load(Ordering::SeqCst) {
                let command = call(now);
                match registry.reserve(&merchant, &command).await {
                    Ok(_) => admitted += 1,
                    Err(Error::Refused(Refusal::OverCap(_))) => return admitted,
                    Err(error) if is_away(&error) => {
                        tokio::task::yield_now().await;
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                }
                // What is not settled stays held.
                let _ = registry.settle(&merchant, &settle(command.key), Vec::new()).await;
            }
            admitted
        });
    }
    callers
}

fn spent(usage: &Usage) -> i64 {
    usage.dimensions[0].posted + usage.dimensions[0].held
}

/// Usage as soon as the store answers again.
async fn usage(quota: &Quota, merchant: &MerchantId) -> Usage {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match quota.registry.usage(merchant).await {
            Ok(usage) => return usage,
            Err(error) => assert!(is_away(&error) && Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Lets callers run against a cap of `cap` while `fault` happens; what is admitted never passes the cap.
async fn assert_cap_holds(stores: &mut Stores, cap: i64, faults: usize, fault: impl Fn(&mut Redis)) {
    assert_plan_holds(stores, plan(cap, PLENTY, PLENTY, PLENTY), cap, faults, fault).await;
}

/// As [`assert_cap_holds`] with a plan, or a balance, that admits `cap` calls.
async fn assert_plan_holds(
    stores: &mut Stores,
    plan: Plan,
    cap: i64,
    faults: usize,
    fault: impl Fn(&mut Redis),
) {
    stores.accounts.put("dukkan", plan);
    let (quota, merchant, stop) = (stores.open().await, merchant("dukkan"), Arc::default());
    usage(&quota, &merchant).await;
    let mut callers = load(&quota, &merchant, &stop);
    for number in 1..=faults {
        // Between any two faults the callers get somewhere.
        let some = cap * i64::try_from(number).unwrap() / i64::try_from(faults + 2).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while spent(&usage(&quota, &merchant).await) < some && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fault(stores.redis());
    }
    let mut admitted = 0;
    while let Some(of_caller) = callers.join_next().await {
        admitted += of_caller.unwrap();
    }
    let usage = usage(&quota, &merchant).await;
    assert!(admitted <= cap, "{admitted} admitted of {cap}");
    assert_eq!(spent(&usage), cap, "all was used, and no more: {usage:?}");
    quota.registry.inspect(&merchant, MerchantState::audit).unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cap_is_passed_while_redis_is_emptied_under_load() {
    let mut stores = Stores::start(Backend::Redis);
    assert_cap_holds(&mut stores, 600, 4, |redis| assert_eq!(redis.command("FLUSHALL"), "+OK")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_balance_is_passed_while_redis_is_emptied_under_load() {
    let mut stores = Stores::start(Backend::Redis);
    stores.billing.pay_ahead("dukkan", "pay-1", (300 * CALL.cost_nano + CALL.cost_nano - 1) * 1_000);
    let prepaid = prepaid(plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let empty = |redis: &mut Redis| assert_eq!(redis.command("FLUSHALL"), "+OK");
    assert_plan_holds(&mut stores, prepaid, 300, 3, empty).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cap_is_passed_while_redis_is_killed_and_comes_back_empty() {
    let mut stores = Stores::start(Backend::Redis);
    assert_cap_holds(&mut stores, 400, 2, Redis::restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cap_is_passed_while_redis_is_killed_and_comes_back_with_its_file() {
    let mut stores = Stores::durable(Backend::Redis, Durability::AppendOnly);
    assert_cap_holds(&mut stores, 400, 2, Redis::restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_redis_forgot_is_sent_again() {
    let mut stores = Stores::start(Backend::Redis);
    stores.accounts.put("dukkan", plan(2, PLENTY, PLENTY, PLENTY));
    let (quota, merchant) = (stores.open().await, merchant("dukkan"));
    quota.registry.reserve(&merchant, &call(quota.now())).await.unwrap();
    assert_eq!(stores.redis().command("SCRIPT FLUSH"), "+OK");
    quota.registry.reserve(&merchant, &call(quota.now())).await.unwrap();
    assert_eq!(spent(&usage(&quota, &merchant).await), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_answered_for_in_time_and_served_from_again() {
    let mut stores = Stores::start(Backend::Redis);
    stores.accounts.put("dukkan", plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let (quota, merchant) = (stores.open().await, merchant("dukkan"));
    let command = call(quota.now());
    quota.registry.reserve(&merchant, &command).await.unwrap();
    stores.redis().freeze();
    let timeout = quota.config.shared.response_timeout.get();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        let error = quota.registry.reserve(&merchant, &call(quota.now())).await.unwrap_err();
        assert!(is_away(&error), "{error}");
        assert!(asked.elapsed() < timeout * 2 + Duration::from_millis(500), "{:?}", asked.elapsed());
    }
    assert!(!quota.readiness.is_ready(), "the prober is told");
    stores.redis().thaw();
    usage(&quota, &merchant).await;
    // Known by its id, though the copy was thrown away in between.
    quota.registry.reserve(&merchant, &command).await.unwrap();
    quota.registry.settle(&merchant, &settle(command.key), Vec::new()).await.unwrap();
    assert_eq!(usage(&quota, &merchant).await.dimensions[1].posted, CALL.tokens);
    assert!(quota.readiness.is_ready());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_state_that_is_put_back_is_overruled_by_who_remembers() {
    let mut stores = Stores::start(Backend::Redis);
    stores.accounts.put("dukkan", plan(10, PLENTY, PLENTY, PLENTY));
    let (quota, merchant) = (stores.open().await, merchant("dukkan"));
    let calls: Vec<_> = (0..8).map(|_| call(quota.now())).collect();
    for command in &calls[..4] {
        quota.registry.reserve(&merchant, command).await.unwrap();
    }
    let mut redis = redis::Client::open(stores.redis().url()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).unwrap();
    let bodies: Vec<Vec<u8>> =
        keys.iter().map(|key| redis::cmd("DUMP").arg(key).query(&mut redis).unwrap()).collect();
    for command in &calls[..4] {
        quota.registry.settle(&merchant, &settle(command.key), Vec::new()).await.unwrap();
    }
    for command in &calls[4..] {
        quota.registry.reserve(&merchant, command).await.unwrap();
    }
    let _: () = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
    for (key, body) in keys.iter().zip(&bodies) {
        let _: () = redis::cmd("RESTORE").arg(key).arg(0).arg(body).arg("REPLACE").query(&mut redis).unwrap();
    }
    let numbers = |usage: Usage| (usage.dimensions[0].posted, usage.dimensions[0].held);
    assert_eq!(numbers(usage(&quota, &merchant).await), (4, 4));
    // A process that comes later sees what was put right, and a repeated settle counts once.
    let later = stores.open().await;
    for command in &calls[..6] {
        later.registry.settle(&merchant, &settle(command.key), Vec::new()).await.unwrap();
    }
    assert_eq!(numbers(usage(&later, &merchant).await), (6, 2));
    assert_eq!(numbers(usage(&quota, &merchant).await), (6, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_that_put_a_lost_state_back_at_once_do_not_inflate_it() {
    let mut stores = Stores::start(Backend::Redis);
    stores.accounts.put("dukkan", plan(1_000, PLENTY, PLENTY, PLENTY));
    let merchant = merchant("dukkan");
    let mut quotas = Vec::new();
    for _ in 0..8 {
        quotas.push(stores.open().await);
    }
    for round in 0..3 {
        for quota in &quotas {
            let command = call(quota.now());
            quota.registry.reserve(&merchant, &command).await.unwrap();
            quota.registry.settle(&merchant, &settle(command.key), Vec::new()).await.unwrap();
            quota.registry.reserve(&merchant, &call(quota.now())).await.unwrap();
        }
        let before = usage(&quotas[0], &merchant).await;
        assert_eq!(
            (before.dimensions[0].posted, before.dimensions[0].held),
            (8 * (round + 1), 8 * (round + 1))
        );
        assert_eq!(stores.redis().command("FLUSHALL"), "+OK");
        let mut rebuilders = JoinSet::new();
        for quota in &quotas {
            let (registry, merchant) = (Arc::clone(&quota.registry), merchant.clone());
            rebuilders.spawn(async move { registry.usage(&merchant).await.unwrap() });
        }
        for after in rebuilders.join_all().await {
            // Some have an older copy; who has the newest comes in any order.
            assert!(after.dimensions[0].posted <= before.dimensions[0].posted, "{after:?}");
        }
        for quota in &quotas {
            assert_eq!(usage(quota, &merchant).await.dimensions, before.dimensions);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anybody_who_remembers_the_ledger_and_the_durable_store_do() {
    let mut stores = Stores::start(Backend::Redis);
    stores.accounts.put("dukkan", plan(10, 100, PLENTY, PLENTY));
    let merchant = merchant("dukkan");
    let quota = stores.open().await;
    let command = call(quota.now());
    quota.registry.reserve(&merchant, &command).await.unwrap();
    quota.registry.settle(&merchant, &settle(command.key), Vec::new()).await.unwrap();
    let top_up = TopUp { op_id: "op-1".into(), tokens: 50, cost_nano: 0 };
    quota.registry.top_up(&merchant, &top_up).await.unwrap();
    let windows =
        quota.registry.inspect(&merchant, |state| state.reconcilable(quota.now()).unwrap()).unwrap().unwrap();
    assert!(quota.supervisor.drain(Duration::from_secs(10)).await.is_clean());
    drop(quota);
    assert_eq!(stores.redis().command("FLUSHALL"), "+OK");

    // Nobody says what was used, so nothing is admitted.
    stores.billing.set_down(true);
    let later = stores.open().await;
    let error = later.registry.reserve(&merchant, &call(later.now())).await.unwrap_err();
    assert!(is_away(&error), "{error}");

    stores.billing.set_down(false);
    for (window, _) in windows {
        stores.billing.set("dukkan", window, Amount { requests: 1, ..CALL });
    }
    let usage = usage(&later, &merchant).await;
    assert_eq!(
        usage.dimensions.map(|dimension| (dimension.posted, dimension.held)),
        [(1, 0), (3, 0), (7, 0), (0, 0)]
    );
    assert_eq!(usage.dimensions[1].cap, 150, "the top-up is there again");
    assert!(later.registry.top_up(&merchant, &top_up).await.is_ok());
    assert_eq!(later.registry.usage(&merchant).await.unwrap().dimensions[1].cap, 150, "once");
}

#[tokio::test]
async fn a_redis_that_may_evict_is_refused_with_the_way_out() {
    let mut stores = Stores::start(Backend::Redis);
    assert_eq!(stores.redis().command("CONFIG SET maxmemory-policy allkeys-lru"), "+OK");
    let Err(Error::Config { key, why }) = Quota::try_open(stores.config(), &stores.accounts).await else {
        panic!("it was taken");
    };
    assert_eq!(key, "quota.redis_url");
    assert!(why.contains("allkeys-lru") && why.contains("maxmemory-policy noeviction"), "{why}");
}

#[tokio::test]
async fn an_address_with_a_password_is_in_no_error() {
    let stores = Stores::start(Backend::Redis);
    for url in ["redis://:hunter2@127.0.0.1:1/0", "http://user:hunter2@localhost/", "redis://:hunter2@"] {
        let mut config = stores.config();
        config.redis_url = Some(Secret::from(url.to_owned()));
        let Err(error) = Quota::try_open(config, &stores.accounts).await else { panic!("it was taken") };
        let text = format!("{error} {error:?}");
        assert!(text.contains("quota.redis_url") && !text.contains("hunter2"), "{text}");
    }
}
