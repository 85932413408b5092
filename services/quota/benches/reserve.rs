//! Cost of Reserve and Settle in process: the state machine alone, and through the registry with its journal behind it.
//!
//! `cargo bench -p kaleem-quota --bench reserve` also prints percentiles of Reserve, which a mean hides.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops on a failure and prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kaleem_domain::{RequestId, Timestamp};
use kaleem_quota::machine::{
    Amount, BillingMode, Candidate, CapAction, Caps, Fingerprint, Key, Limits, MerchantState, Mode, Policy,
    Profile, Reserve, Settle, TTL_DEFAULT_MS,
};
use support::{Quota, merchant, plan};

const PLENTY: i64 = 1_000_000_000_000;
const SAMPLES: usize = 200_000;

fn reserve(now: Timestamp) -> Reserve {
    let candidate = Candidate {
        price_version: Arc::from("gemini-2.5-flash-lite@1"),
        input_tokens: 300,
        max_output_tokens: 150,
        min_output_tokens: 1,
        input_pico: 75_000,
        output_pico: 300_000,
        request_pico: 0,
    };
    Reserve {
        key: Key { request_id: RequestId::new(now), attempt: 0 },
        mode: Mode::Normal,
        candidates: vec![candidate.clone(), candidate],
        ttl_ms: TTL_DEFAULT_MS,
        fingerprint: Fingerprint(1, 2),
    }
}

/// Calls whose ids sort by time, as those of real calls do; ids of one millisecond are random, and no journal is filled with such.
struct Calls(Timestamp);

impl Calls {
    fn next(&mut self) -> Reserve {
        self.0 = self.0.plus_millis(1);
        reserve(self.0)
    }
}

fn settle(reserve: &Reserve) -> Settle {
    let actual = Amount { requests: 1, tokens: 420, cost_nano: 60_000 };
    Settle { key: reserve.key, actual, fingerprint: Fingerprint(3, 4), lost: None }
}

fn machine(criterion: &mut Criterion) {
    let now = Timestamp::from_millis(1_772_355_600_000);
    let caps =
        Caps { day_requests: PLENTY, month_tokens: PLENTY, month_cost_nano: PLENTY, concurrency: PLENTY };
    let policy = Policy {
        plan_id: "p".into(),
        plan_version: 1,
        caps,
        on_cap: CapAction::Suspend,
        alert_percents: Vec::new(),
        billing_mode: BillingMode::Postpaid,
    };
    let profile = Profile { policy, time_zone: "Asia/Riyadh".into() };
    let mut state = MerchantState::new(profile, 1, Limits::default(), now).unwrap();
    criterion.bench_function("machine/reserve+settle", |bencher| {
        bencher.iter_batched(
            || reserve(now),
            |command| {
                let mut changes = Vec::new();
                black_box(state.reserve(&command, now, &mut changes)).unwrap();
                black_box(state.settle(&settle(&command), now, &mut changes)).unwrap();
                changes
            },
            BatchSize::SmallInput,
        );
    });
}

fn registry(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let quota = runtime.block_on(Quota::start(|config| config.journal_queue_max = 65_536));
    quota.accounts.put("dukkan", plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let merchant = merchant("dukkan");
    let mut calls = Calls(quota.now());
    let seat = Reserve { mode: Mode::CheckOnly, ..reserve(quota.now()) };
    runtime.block_on(quota.registry.reserve(&merchant, &seat)).unwrap();

    criterion.bench_function("registry/reserve+settle", |bencher| {
        bencher.iter_batched(
            || calls.next(),
            |command| {
                // Settle waits where the journal is behind, so what is measured is sustained.
                while !matches!(quota.registry.try_reserve(&merchant, &command), Ok(Some(_))) {
                    let _ = runtime.block_on(quota.registry.flushed());
                }
                runtime.block_on(quota.registry.settle(&merchant, &settle(&command), Vec::new())).unwrap();
            },
            BatchSize::SmallInput,
        );
    });

    let mut nanos: Vec<u128> = Vec::with_capacity(SAMPLES);
    let started = Instant::now();
    while nanos.len() < SAMPLES {
        let command = calls.next();
        let before = Instant::now();
        let reserved = quota.registry.try_reserve(&merchant, &command);
        let taken = before.elapsed().as_nanos();
        if !matches!(reserved, Ok(Some(_))) {
            // The journal is full: a refusal is quick and says nothing about an admission.
            let _ = runtime.block_on(quota.registry.flushed());
            continue;
        }
        nanos.push(taken);
        runtime.block_on(quota.registry.settle(&merchant, &settle(&command), Vec::new())).unwrap();
    }
    let all = started.elapsed();
    nanos.sort_unstable();
    let percentile = |per_mille: usize| {
        Duration::from_nanos(u64::try_from(nanos[SAMPLES * per_mille / 1_000 - 1]).unwrap())
    };
    println!(
        "registry/reserve: p50 {:?}, p99 {:?}, p99.9 {:?}; {SAMPLES} reserve+settle in {all:?} with the journal on disk",
        percentile(500),
        percentile(990),
        percentile(999),
    );
}

criterion_group!(benches, machine, registry);
criterion_main!(benches);
