//! SIGKILL at any moment: what was committed is there again, and the state that is read back is consistent.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::{
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use kaleem_domain::{Clock as _, MerchantId, RequestId};
use kaleem_quota::{
    Config, Registry,
    machine::{
        Adjust, Amount, Beat, Candidate, Ending, Fingerprint, Key, MerchantState, Mode, Release, Reserve,
        Settle, Snapshot, TTL_DEFAULT_MS,
    },
};
use kaleem_testkit::ManualClock;
use support::{
    FakeAccounts, Quota,
    kill::{JOURNAL, run_and_kill},
    merchant, plan,
};

const ROUNDS: u64 = 12;
const MERCHANTS: [&str; 3] = ["dukkan", "bazaar", "souq-7"];
const PLENTY: i64 = 1_000_000_000_000;

fn config(path: &Path) -> Config {
    Config { tombstones_per_merchant_max: 1_000_000, journal_queue_max: 256, ..support::config(path) }
}

async fn open(path: &Path) -> Quota {
    let accounts = FakeAccounts::new();
    for id in MERCHANTS {
        accounts.put(id, plan(PLENTY, PLENTY, PLENTY, 10_000));
    }
    Quota::open(config(path), ManualClock::default(), accounts).await
}

/// One call from Reserve to its end; the number chooses how it goes.
async fn call(registry: &Registry, merchant: &MerchantId, number: u64, settled: &AtomicU64) {
    let key = Key { request_id: RequestId::new(ManualClock::default().now()), attempt: 0 };
    let candidate = Candidate {
        price_version: Arc::from("p@1"),
        input_tokens: 10,
        max_output_tokens: 20,
        min_output_tokens: 1,
        input_pico: 1_000,
        output_pico: 2_000,
        request_pico: 0,
    };
    let reserve = Reserve {
        key,
        mode: Mode::Normal,
        candidates: vec![candidate.clone()],
        ttl_ms: TTL_DEFAULT_MS,
        fingerprint: Fingerprint(1, 1),
    };
    if registry.reserve(merchant, &reserve).await.is_err() {
        // The journal is full, which is no failure here: it gets the thread that this loop would spin on.
        tokio::task::yield_now().await;
        return;
    }
    if number.is_multiple_of(3) {
        let _ = registry.beat(merchant, &Beat { key, observed_output: 5 }).await;
    }
    if number.is_multiple_of(4) {
        let adjust = Adjust { key, candidates: vec![candidate], fingerprint: Fingerprint(3, 3) };
        let _ = registry.adjust(merchant, &adjust).await;
    }
    if number.is_multiple_of(5) {
        let _ = registry.release(merchant, &Release { key, lost: None }).await;
    } else if !number.is_multiple_of(7) {
        let actual = Amount { requests: 1, tokens: 17, cost_nano: 24 };
        let settle = Settle { key, actual, fingerprint: Fingerprint(2, 2), lost: None };
        if registry.settle(merchant, &settle, vec![0xAB; 64]).await.is_ok() {
            settled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Works until it is killed, and says after each commit how many settled calls it covers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that a_kill_loses_nothing_that_was_committed starts and kills"]
async fn child() {
    let Some(path) = std::env::var_os(JOURNAL) else { return };
    let quota = open(Path::new(&path)).await;
    let settled = Arc::new(AtomicU64::new(0));
    for worker in 0..4_u64 {
        let (registry, settled) = (Arc::clone(&quota.registry), Arc::clone(&settled));
        quota.supervisor.spawn_detached("load", async move {
            for number in worker.. {
                let id = MERCHANTS[usize::try_from(number % 3).unwrap()];
                call(&registry, &merchant(id), number, &settled).await;
            }
        });
    }
    let mut said = 0;
    loop {
        let covered = settled.load(Ordering::SeqCst);
        if quota.registry.flushed().await.is_ok() && covered > said {
            println!("committed {covered}");
            std::io::stdout().flush().unwrap();
            said = covered;
        }
    }
}

/// Checks what one merchant read back as, and returns how many calls of it are settled.
fn assert_consistent(id: &str, snapshot: &Snapshot) -> u64 {
    for counter in &snapshot.counters {
        let of_window = snapshot
            .tombstones
            .iter()
            .filter(|tombstone| tombstone.day == counter.id || tombstone.month == counter.id);
        let sum = of_window.fold(Amount::ZERO, |sum, tombstone| {
            sum.plus(if counter.id.is_day() {
                tombstone.posted.of_day()
            } else {
                tombstone.posted.of_month()
            })
        });
        assert_eq!(counter.posted, sum, "{id} {}", counter.id);
        assert!(counter.posted.is_counted());
    }
    snapshot.tombstones.iter().filter(|tombstone| tombstone.ending == Ending::Settled).count() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_nothing_that_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quota.db");
    let mut settled_before = 0;
    for round in 0..ROUNDS {
        // From a few commits to many, so that kills meet a young and an old journal.
        let (file, enough) = (path.clone(), 1 + round * 211 % 997);
        let covered = tokio::task::spawn_blocking(move || run_and_kill(&file, enough)).await.unwrap();
        let quota = open(&path).await;
        let mut settled = 0;
        for id in MERCHANTS {
            // Reads the merchant from the journal; held is the sum of the holds that were committed.
            let usage = quota.registry.usage(&merchant(id)).await.unwrap();
            let look = |state: &MerchantState| (state.audit(), state.snapshot());
            let (audit, snapshot) = quota.registry.inspect(&merchant(id), look).unwrap().unwrap();
            assert_eq!(audit, Ok(()));
            assert_eq!(usage.dimensions[3].held, i64::try_from(snapshot.holds.len()).unwrap());
            settled += assert_consistent(id, &snapshot);
        }
        assert!(
            settled >= settled_before + covered,
            "round {round}: {settled} < {settled_before} + {covered}"
        );
        println!(
            "round {round}: {settled} settled calls read back, {covered} known to be committed in this round"
        );
        settled_before = settled;
        expire_what_the_kill_left(&quota).await;
    }
    assert!(settled_before > 1_000, "the kills met work in progress");
}

/// Holds of the killed process run out, so that the next one has room.
async fn expire_what_the_kill_left(quota: &Quota) {
    quota.clock.advance(std::time::Duration::from_millis(u64::try_from(TTL_DEFAULT_MS).unwrap()));
    quota.registry.sweep().await.unwrap();
    for id in MERCHANTS {
        assert_eq!(quota.registry.inspect(&merchant(id), MerchantState::hold_count).unwrap(), Some(0));
    }
    quota.registry.flushed().await.unwrap();
    assert!(quota.supervisor.drain(std::time::Duration::from_secs(10)).await.is_clean());
}
