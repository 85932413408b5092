//! A deterministic simulation of the money path: three gateways, two quotas over one shared store, billing and a provider with a bill
//! of its own, on a network that loses, doubles, delays and cuts off messages, while processes die and return, lose power, and their
//! clocks jump. A run follows from its seed and its length alone.
//!
//! The parts under test are the real ones where they are pure or own their files: quota's state machine, the gateway's journal with
//! its replay, prices, windows and money. What moves messages between them is modelled after the services, verb by verb.
//!
//! `KALEEM_SIMULATION_SEEDS=1000 cargo nextest run -p kaleem-tests --test simulation any_seed` runs more seeds than CI does;
//! `KALEEM_SIMULATION_FIRST=17` begins with another one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]
#![expect(clippy::similar_names, reason = "net is handed to everybody, and next is what is to come")]

mod auditor;
mod billing;
mod gateway;
mod message;
mod net;
mod provider;
mod quota;
mod run;
mod setup;
mod store;

use std::time::{Duration, Instant};

use net::Tally;
use run::{Report, run};
use setup::Mutation;

/// Events under faults of one run; about half a simulated hour.
const STEPS: u64 = 25_000;
/// So many seeds together have had everything that may happen.
const SEEDS_MIN: u64 = 8;
/// What CI spends on seeds.
const TIME: Duration = Duration::from_secs(6);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}

fn checked(seed: u64, steps: u64) -> Report {
    let report = run(seed, steps, Mutation::None);
    assert!(report.violation.is_none(), "seed {seed}, {steps} steps: {}", report.violation.unwrap());
    report
}

#[test]
fn any_seed_keeps_every_invariant() {
    let (first, wanted) = (number("KALEEM_SIMULATION_FIRST").unwrap_or(1), number("KALEEM_SIMULATION_SEEDS"));
    let (start, mut tally, mut simulated_ms, mut seeds) = (Instant::now(), Tally::new(), 0, 0);
    while wanted.map_or(seeds < SEEDS_MIN || start.elapsed() < TIME, |wanted| seeds < wanted) {
        let report = checked(first + seeds, STEPS);
        seeds += 1;
        simulated_ms += report.simulated_ms;
        for (what, count) in report.tally {
            *tally.entry(what).or_default() += count;
        }
    }
    println!(
        "{seeds} seeds, {:.1} simulated hours in {:?}: {tally:#?}",
        simulated_ms as f64 / 3.6e6,
        start.elapsed()
    );
    if seeds >= SEEDS_MIN {
        for what in
            ["granted", "denied", "settled late", "expired", "healed from the ledger", "process killed"]
        {
            assert!(tally.get(what).is_some_and(|count| *count > 0), "no seed had anything {what}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let (one, again) = (checked(7, 5_000), checked(7, 5_000));
    assert_eq!((one.log_hash, one.events, one.tally), (again.log_hash, again.events, again.tally));
    assert_ne!(one.log_hash, checked(8, 5_000).log_hash);
}

/// Seeds in which a broken part must show.
const SEEDS_TO_CATCH: u64 = 12;

fn caught(mutation: Mutation, invariants: &[&str]) {
    let found = (1..=SEEDS_TO_CATCH).find_map(|seed| run(seed, STEPS / 2, mutation).violation);
    let found = found.unwrap_or_else(|| panic!("{mutation:?} went unnoticed"));
    let names = invariants.iter().any(|invariant| found.starts_with(invariant));
    assert!(names, "{mutation:?} was noticed as {found}, not as {invariants:?}");
}

macro_rules! mutations {
    ($($name:ident: $mutation:ident, $invariants:expr;)+) => {$(
        #[test]
        fn $name() {
            caught(Mutation::$mutation, &$invariants);
        }
    )+};
}

mutations! {
    a_quota_that_forgets_how_reservations_ended_is_caught: ForgetEndings, ["I3"];
    a_store_that_takes_blind_commits_is_caught: CommitBlindly, ["I2", "I3"];
    a_gateway_that_does_not_replay_is_caught: DropReplay, ["I7", "bill"];
    a_gateway_that_notes_no_intent_is_caught: DropIntent, ["bill"];
    a_gateway_that_notes_no_outcome_is_caught: DropOutcome, ["I7", "bill"];
    a_ledger_that_records_twice_is_caught: RecordTwice, ["I7", "I8"];
    a_ledger_that_answers_before_it_commits_is_caught: AnswerEarly, ["I7"];
    a_gateway_that_counts_wrong_is_caught: CountWrong, ["bill"];
}
