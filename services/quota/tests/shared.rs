//! Several quota processes on one store: caps hold exactly, policies are in force everywhere, and a killed process is carried on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops on what it did not expect"
)]

mod support;

use std::{io::Write as _, sync::Arc, time::Duration};

use kaleem_domain::{MerchantId, RequestId};
use kaleem_proto::accounts::v1::Plan;
use kaleem_quota::{
    Error, Registry,
    machine::{
        BillingMode, CapAction, Caps, Fingerprint, Key, MerchantState, Origin, Policy, Profile, PutPolicy,
        Refusal, Release, Reserve, Settle, TopUp,
    },
};
use kaleem_runtime::config::Span;
use support::{
    CALL, Quota, call,
    kill::{JOURNAL, run_and_kill},
    merchant, plan, prepaid,
    stores::{Backend, Stores},
};
use tokio::task::JoinSet;

const RACERS: usize = 64;
const PROCESSES: usize = 3;
const PLENTY: i64 = 1_000_000_000;

async fn processes(stores: &Stores, count: usize) -> Vec<Quota> {
    let mut quotas = Vec::new();
    for _ in 0..count {
        quotas.push(stores.open_as(|config| config.shared.wait = Span::seconds(20)).await);
    }
    quotas
}

/// What a racer does with a call that was admitted.
#[derive(Clone, Copy)]
enum Then {
    Keep,
    SettleOrRelease,
}

/// All racers try `tries` times each, over all processes; returns how many calls were admitted and not given back.
async fn race(quotas: &[Quota], merchant: &MerchantId, tries: usize, then: Then) -> usize {
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let (registry, now) = (Arc::clone(&quotas[racer % quotas.len()].registry), quotas[0].now());
        let merchant = merchant.clone();
        racers.spawn(async move {
            let mut kept = 0;
            for number in 0..tries {
                let command = call(now);
                match registry.reserve(&merchant, &command).await {
                    Ok(_) => kept += 1,
                    Err(Error::Refused(Refusal::OverCap(_))) => continue,
                    Err(error) => panic!("{error}"),
                }
                match then {
                    Then::Keep => {}
                    Then::SettleOrRelease if number % 2 == 0 => {
                        kept -= 1;
                        registry.release(&merchant, &Release { key: command.key, lost: None }).await.unwrap();
                    }
                    Then::SettleOrRelease => {
                        let settle = settle(command.key);
                        registry.settle(&merchant, &settle, Vec::new()).await.unwrap();
                    }
                }
            }
            kept
        });
    }
    racers.join_all().await.into_iter().sum()
}

fn settle(key: Key) -> Settle {
    Settle { key, actual: CALL, fingerprint: Fingerprint(2, 2), lost: None }
}

/// Each cap alone, all of them together and a balance, in units of [`CALL`].
fn plans(fit: i64) -> [(&'static str, Plan); 6] {
    [
        ("requests", plan(fit, PLENTY, PLENTY, PLENTY)),
        ("tokens", plan(PLENTY, fit * 3 + 2, PLENTY, PLENTY)),
        ("cost", plan(PLENTY, PLENTY, fit * 7 + 6, PLENTY)),
        ("calls", plan(PLENTY, PLENTY, PLENTY, fit)),
        ("mixed", plan(fit + 1, fit * 3, fit * 7 + 9, fit)),
        ("balance", prepaid(plan(PLENTY, PLENTY, PLENTY, PLENTY))),
    ]
}

async fn every_cap_admits_exactly_what_fits(backend: Backend) {
    let stores = Stores::start(backend);
    let quotas = processes(&stores, PROCESSES).await;
    for fit in [1, 63, 64, 1_000_i64] {
        // A fifth more tries than fit, so that the cap is met.
        let tries = usize::try_from(fit).unwrap() * 6 / 5 / RACERS + 3;
        for (name, plan) in plans(fit) {
            let id = format!("{name}-{fit}");
            stores.accounts.put(&id, plan);
            stores.billing.pay_ahead(&id, &id, (fit * 7 + 6) * 1_000);
            let merchant = merchant(&id);
            let admitted = race(&quotas, &merchant, tries, Then::Keep).await;
            assert_eq!(admitted, usize::try_from(fit).unwrap(), "{id}");
            for quota in &quotas {
                let usage = quota.registry.usage(&merchant).await.unwrap();
                assert_eq!(usage.dimensions.map(|dimension| dimension.held), [fit, fit * 3, fit * 7, fit]);
                assert_eq!(usage.balance.map_or(fit * 7, |balance| balance.held), fit * 7);
                quota.registry.inspect(&merchant, MerchantState::audit).unwrap().unwrap().unwrap();
            }
        }
    }
}

async fn calls_that_end_while_others_race_are_counted_once(backend: Backend) {
    let stores = Stores::start(backend);
    let quotas = processes(&stores, PROCESSES).await;
    stores.accounts.put("dukkan", plan(100, PLENTY, PLENTY, 10));
    let merchant = merchant("dukkan");
    let kept = race(&quotas, &merchant, 12, Then::SettleOrRelease).await;
    let kept = i64::try_from(kept).unwrap();
    assert!((1..=100).contains(&kept), "{kept}");
    for quota in &quotas {
        let numbers = registry_numbers(quota, &merchant).await;
        assert_eq!(numbers, [(kept, 0), (kept * 3, 0), (kept * 7, 0), (0, 0)]);
    }
}

fn policy(day_requests: i64) -> PutPolicy {
    let caps = Caps { day_requests, month_tokens: PLENTY, month_cost_nano: PLENTY, concurrency: PLENTY };
    let policy = Policy {
        plan_id: "special".into(),
        plan_version: 1,
        caps,
        on_cap: CapAction::Suspend,
        alert_percents: Vec::new(),
        billing_mode: BillingMode::Postpaid,
    };
    PutPolicy { profile: Profile { policy, time_zone: "Asia/Riyadh".into() }, origin: Origin::Operator }
}

async fn what_one_process_puts_in_force_is_in_force_on_the_other(backend: Backend) {
    let stores = Stores::start(backend);
    let quotas = processes(&stores, 2).await;
    let [one, other] = [&quotas[0].registry, &quotas[1].registry];
    stores.accounts.put("dukkan", plan(PLENTY, 3, PLENTY, PLENTY));
    let (merchant, now) = (merchant("dukkan"), quotas[0].now());
    one.reserve(&merchant, &call(now)).await.unwrap();
    assert!(matches!(other.reserve(&merchant, &call(now)).await, Err(Error::Refused(Refusal::OverCap(_)))));

    one.put_policy(&merchant, &policy(2)).await.unwrap();
    other.reserve(&merchant, &call(now)).await.unwrap();
    assert!(matches!(one.reserve(&merchant, &call(now)).await, Err(Error::Refused(Refusal::OverCap(_)))));

    let top_up = TopUp { op_id: "op-1".into(), tokens: 9, cost_nano: 0 };
    let version = one.top_up(&merchant, &top_up).await.unwrap();
    assert_eq!(other.top_up(&merchant, &top_up).await.unwrap(), version);
    let more = TopUp { tokens: 10, ..top_up };
    assert!(matches!(other.top_up(&merchant, &more).await, Err(Error::Refused(Refusal::TopUpReused))));
    let caps = other.usage(&merchant).await.unwrap().dimensions.map(|dimension| dimension.cap);
    assert_eq!(caps[..2], [2, PLENTY + 9]);
}

fn numbered(number: u64) -> Key {
    Key {
        request_id: RequestId::parse(&format!("01930000-0000-7000-8000-{number:012x}")).unwrap(),
        attempt: 0,
    }
}

async fn one_call(registry: &Registry, merchant: &MerchantId, now: kaleem_domain::Timestamp, number: u64) {
    let reserve = Reserve { key: numbered(number), ..call(now) };
    match registry.reserve(merchant, &reserve).await {
        // It was made, or made and ended, before the kill.
        Ok(_) | Err(Error::Refused(Refusal::Reused { .. })) => {}
        Err(error) => panic!("{error}"),
    }
    registry.settle(merchant, &settle(numbered(number)), vec![7; 32]).await.unwrap();
}

/// Settles one call after the other until it is killed, and says after each how many it settled.
#[tokio::test]
#[ignore = "the process that the tests of kills start and kill"]
async fn child() {
    let Some(place) = std::env::var_os(JOURNAL) else { return };
    let (stores, first) = Stores::joined(place.to_str().unwrap());
    stores.accounts.put("dukkan", plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let quota = stores.open().await;
    for number in first.. {
        one_call(&quota.registry, &merchant("dukkan"), quota.now(), number).await;
        println!("committed {}", number + 1);
        std::io::stdout().flush().unwrap();
    }
}

async fn another_process_carries_a_killed_one_on(backend: Backend) {
    let stores = Stores::start(backend);
    stores.accounts.put("dukkan", plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let quota = stores.open().await;
    let merchant = merchant("dukkan");
    let mut settled = 0;
    for round in 0..4 {
        let (place, enough) = (stores.place(settled), settled + 1 + round * 13);
        let said = tokio::task::spawn_blocking(move || run_and_kill(place.as_ref(), enough)).await.unwrap();
        // The kill met it in a later call than the last that it spoke of: all that it began is held or posted.
        let begun = registry_numbers(&quota, &merchant).await;
        let begun = u64::try_from(begun[0].0 + begun[0].1).unwrap();
        assert!(begun >= said, "{begun} calls are known, and {said} were settled");
        for number in 0..begun {
            one_call(&quota.registry, &merchant, quota.now(), number).await;
        }
        settled = begun;
        let posted = i64::try_from(settled).unwrap();
        let numbers = registry_numbers(&quota, &merchant).await;
        assert_eq!(numbers, [(posted, 0), (posted * 3, 0), (posted * 7, 0), (0, 0)]);
    }
    assert!(quota.supervisor.drain(Duration::from_secs(10)).await.is_clean());
}

/// `(posted, held)` of each dimension.
async fn registry_numbers(quota: &Quota, merchant: &MerchantId) -> [(i64, i64); 4] {
    let usage = quota.registry.usage(merchant).await.unwrap();
    usage.dimensions.map(|dimension| (dimension.posted, dimension.held))
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

on!(redis: every_cap_admits_exactly_what_fits, calls_that_end_while_others_race_are_counted_once,
    what_one_process_puts_in_force_is_in_force_on_the_other, another_process_carries_a_killed_one_on);

on!(postgres: every_cap_admits_exactly_what_fits, calls_that_end_while_others_race_are_counted_once,
    what_one_process_puts_in_force_is_in_force_on_the_other, another_process_carries_a_killed_one_on);
