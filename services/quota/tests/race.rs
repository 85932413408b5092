//! Sixty-four threads against one cap: exactly as many calls are admitted as fit.
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
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use kaleem_domain::MerchantId;
use kaleem_quota::{
    Error, Registry,
    machine::{Fingerprint, Mode, Refusal, Release, Reserve, Settle},
};
use support::{CALL, Quota, call, merchant, plan, prepaid};
use tokio::runtime::Handle;

const THREADS: usize = 64;
const TRIES: usize = 63;
const PLENTY: i64 = 1_000_000_000;
/// What a thread does with a call that was admitted.
#[derive(Clone, Copy)]
enum Then {
    Keep,
    Settle,
    Release,
}

/// Runs all threads and returns how many calls were admitted and how many were in flight at most.
fn race(
    registry: &Registry,
    merchant: &MerchantId,
    now: kaleem_domain::Timestamp,
    then: Then,
) -> (usize, usize) {
    let (admitted, in_flight, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let handle = Handle::current();
    let one = || {
        let _entered = handle.enter();
        for _ in 0..TRIES {
            let command = call(now);
            let reserved = match registry.try_reserve(merchant, &command) {
                // Of thousands of ids of one millisecond memory cannot tell which are new.
                Ok(None) => handle.block_on(registry.reserve(merchant, &command)),
                tried => tried.map(|reserved| reserved.expect("a grant or a refusal")),
            };
            match reserved {
                Ok(_) => {}
                Err(Error::Refused(Refusal::OverCap(_))) => continue,
                Err(error) => panic!("{error}"),
            }
            admitted.fetch_add(1, Ordering::SeqCst);
            most.fetch_max(in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let key = command.key;
            match then {
                Then::Keep => {}
                Then::Settle => {
                    in_flight.fetch_sub(1, Ordering::SeqCst);
                    let settle = Settle { key, actual: CALL, fingerprint: Fingerprint(2, 2), lost: None };
                    handle.block_on(registry.settle(merchant, &settle, Vec::new())).unwrap();
                }
                Then::Release => {
                    in_flight.fetch_sub(1, Ordering::SeqCst);
                    handle.block_on(registry.release(merchant, &Release { key, lost: None })).unwrap();
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(one);
        }
    });
    (admitted.into_inner(), most.into_inner())
}

async fn seat(quota: &Quota, id: &str, plan: kaleem_proto::accounts::v1::Plan) -> MerchantId {
    quota.accounts.put(id, plan);
    let merchant = merchant(id);
    let check = Reserve { mode: Mode::CheckOnly, ..call(quota.now()) };
    quota.registry.reserve(&merchant, &check).await.unwrap();
    merchant
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cap_admits_exactly_what_fits() {
    let quota = Quota::start(|config| config.journal_queue_max = 100_000).await;
    for fit in [1, 63, 64, 1_000_i64] {
        let plans = [
            ("requests", plan(fit, PLENTY, PLENTY, PLENTY)),
            ("tokens", plan(PLENTY, fit * 3 + 2, PLENTY, PLENTY)),
            ("cost", plan(PLENTY, PLENTY, fit * 7 + 6, PLENTY)),
            ("calls", plan(PLENTY, PLENTY, PLENTY, fit)),
            ("mixed", plan(fit + 1, fit * 3, fit * 7 + 9, fit)),
            ("balance", prepaid(plan(PLENTY, PLENTY, PLENTY, PLENTY))),
        ];
        for (name, plan) in plans {
            let id = format!("{name}-{fit}");
            quota.billing.pay_ahead(&id, &id, (fit * 7 + 6) * 1_000);
            let merchant = seat(&quota, &id, plan).await;
            let (registry, now) = (Arc::clone(&quota.registry), quota.now());
            let raced = merchant.clone();
            let (admitted, _) =
                tokio::task::spawn_blocking(move || race(&registry, &raced, now, Then::Keep)).await.unwrap();
            assert_eq!(admitted, usize::try_from(fit).unwrap(), "{name}");
            let usage = quota.registry.usage(&merchant).await.unwrap();
            assert_eq!(usage.dimensions.map(|dimension| dimension.held), [fit, fit * 3, fit * 7, fit]);
            assert_eq!(usage.balance.map_or(fit * 7, |balance| balance.held), fit * 7);
            quota.registry.inspect(&merchant, |state| state.audit().unwrap()).unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settled_calls_count_as_held_ones_did() {
    let quota = Quota::start(|config| config.journal_queue_max = 100_000).await;
    let merchant = seat(&quota, "dukkan", plan(1_000, PLENTY, PLENTY, 500)).await;
    let (registry, now, raced) = (Arc::clone(&quota.registry), quota.now(), merchant.clone());
    let (admitted, _) =
        tokio::task::spawn_blocking(move || race(&registry, &raced, now, Then::Settle)).await.unwrap();
    assert_eq!(admitted, 1_000);
    let usage = quota.registry.usage(&merchant).await.unwrap();
    assert_eq!(
        usage.dimensions.map(|dimension| (dimension.posted, dimension.held)),
        [(1_000, 0), (3_000, 0), (7_000, 0), (0, 0)]
    );
    quota.restart().await.registry.inspect(&merchant, |_| ()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn released_calls_leave_room_and_never_more_than_the_cap_are_in_flight() {
    let quota = Quota::start(|config| config.journal_queue_max = 100_000).await;
    let merchant = seat(&quota, "dukkan", plan(7, PLENTY, PLENTY, 5)).await;
    let (registry, now, raced) = (Arc::clone(&quota.registry), quota.now(), merchant.clone());
    let (admitted, most) =
        tokio::task::spawn_blocking(move || race(&registry, &raced, now, Then::Release)).await.unwrap();
    assert!(admitted >= 5 && most <= 5, "{admitted} admitted, {most} at once");
    let usage = quota.registry.usage(&merchant).await.unwrap();
    assert_eq!(usage.dimensions.map(|dimension| (dimension.posted, dimension.held)), [(0, 0); 4]);
}
