//! Killed at any moment, the ledger opens again with every acknowledged event in it once, and proves itself.

mod process;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use kaleem_billing::Config;
use kaleem_proto::billing::v1::{self as proto, record_usage_response::Outcome};

use self::process::{ANSWER_LIMIT, Line, Process, open, say};
use crate::{
    backend::Backend,
    harness::{config, counted, event},
};

/// Event number `index`; each has another amount, so that a lost or doubled one shows in the sum.
fn numbered(index: u32) -> proto::UsageEvent {
    counted(event(&format!("r-{index}")), |usage| usage.output_text_count = i64::from(index) + 1)
}

fn charge(index: u32) -> i64 {
    300 * 100_000 + (i64::from(index) + 1) * 400_000
}

/// A run of kills.
#[derive(Clone, Copy)]
struct Trial {
    events: u32,
    kills: u32,
    /// Every how many starts the whole ledger is proved.
    verify_every: u32,
}

/// Runs with every change.
const SMALL: Trial = Trial { events: 2_400, kills: 40, verify_every: 1 };
/// Runs by hand.
const FULL: Trial = Trial { events: 100_000, kills: 1_000, verify_every: 100 };

/// Events sent and not acknowledged; more than a commit holds, so that kills fall into full and into small commits.
const IN_FLIGHT_MAX: usize = 300;

/// What the parent knows: acknowledged outcomes by event.
struct Sent {
    acked: BTreeMap<u32, Vec<i32>>,
    in_flight: BTreeSet<u32>,
    open: BTreeSet<u32>,
}

impl Sent {
    fn new(events: u32) -> Self {
        Self { acked: BTreeMap::new(), in_flight: BTreeSet::new(), open: (0..events).collect() }
    }

    fn note(&mut self, line: &Line) {
        if let Line::Ack { index, outcome, sell_pico } = line {
            assert_eq!(*sell_pico, charge(*index));
            self.acked.entry(*index).or_default().push(*outcome);
            self.in_flight.remove(index);
        }
    }

    /// Sends events that are not acknowledged until `in_flight` wait, in calls of different sizes.
    fn fill(&mut self, process: &mut Process, in_flight: usize) {
        let wanted = in_flight.saturating_sub(self.in_flight.len());
        let next: Vec<_> = self.open.iter().copied().take(wanted).collect();
        for (call, indices) in next.chunks(7).enumerate() {
            // Some calls repeat an event that was acknowledged long ago.
            let again = self.acked.keys().nth(call * 31).filter(|_| call % 5 == 0);
            process.send(indices.iter().chain(again));
        }
        for index in next {
            self.open.remove(&index);
            self.in_flight.insert(index);
        }
    }

    /// What was not acknowledged is sent again.
    fn killed(&mut self) {
        self.open.append(&mut self.in_flight);
    }
}

/// A fixed sequence of numbers below `bound`, so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

impl Trial {
    fn run(self, backend: &Backend) {
        let start = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        backend.place(&mut config);
        let mut sent = Sent::new(self.events);
        let mut dice = Dice(7);
        for kill in 0..self.kills {
            let (process, events) = Process::start(&config, kill % self.verify_every == 0);
            assert!(events >= sent.acked.len(), "an acknowledged event is gone");
            self.round(process, kill, &mut sent, &mut dice);
        }
        let survivors = self.finish(&config, &mut sent);
        check_answers(&sent, survivors);
        self.check_books(config);
        let repeated =
            sent.acked.values().filter(|outcomes| !outcomes.contains(&Outcome::Recorded.into())).count();
        say(&format!(
            "{} kills, {} records, 0 lost, 0 doubled, {repeated} recorded by a process that was killed before its answer, {:.0} s",
            self.kills,
            self.events,
            start.elapsed().as_secs_f64()
        ));
    }

    /// Kills `process` after some acknowledgements, at a random instant within the next commits.
    fn round(self, mut process: Process, kill: u32, sent: &mut Sent, dice: &mut Dice) {
        // Twice the fair share, so that there is load to the last kill.
        let share = sent.open.len() / (self.kills - kill) as usize;
        sent.fill(&mut process, (2 * share).clamp(1, IN_FLIGHT_MAX));
        for _ in 0..dice.below(share as u64 + 1).min(sent.in_flight.len() as u64) {
            let line = process.lines.recv_timeout(ANSWER_LIMIT).unwrap();
            sent.note(&line);
        }
        let instant = Instant::now() + Duration::from_micros(dice.below(12_000));
        while let Ok(line) = process.lines.recv_timeout(instant.saturating_duration_since(Instant::now())) {
            sent.note(&line);
        }
        // Acknowledged before the kill, read after it.
        process.kill().iter().for_each(|line| sent.note(&line));
        sent.killed();
    }

    /// Sends the rest without a kill; answers how many events the ledger held when it opened.
    fn finish(self, config: &Config, sent: &mut Sent) -> usize {
        let (mut process, survivors) = Process::start(config, true);
        while sent.acked.len() < self.events as usize {
            sent.fill(&mut process, IN_FLIGHT_MAX);
            let line = process.lines.recv_timeout(ANSWER_LIMIT).unwrap();
            sent.note(&line);
        }
        process.finish().iter().for_each(|line| sent.note(&line));
        survivors
    }

    fn check_books(self, config: Config) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(check_books(config, self.events));
    }
}

fn check_answers(sent: &Sent, survivors: usize) {
    assert!(survivors > 0, "some events outlived the kills");
    for (index, outcomes) in &sent.acked {
        let (recorded, duplicates) = counts(outcomes);
        // A duplicate is an event that was committed and killed before its answer; how many is the machine's doing.
        assert!(recorded <= 1 && recorded + duplicates == outcomes.len(), "event {index}: {outcomes:?}");
    }
}

/// How many outcomes are of a recording, and how many of a duplicate.
fn counts(outcomes: &[i32]) -> (usize, usize) {
    let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted as i32).count();
    (count(Outcome::Recorded), count(Outcome::Duplicate))
}

/// The ledger holds the first `events` events once each, and proves itself.
async fn check_books(config: Config, events: u32) {
    let mut client = open(config).await;
    let request = proto::GetUsageSummaryRequest {
        merchant_id: "ward".into(),
        window_id: "M202611".into(),
        ..Default::default()
    };
    let summary = client.get_usage_summary(request).await.unwrap().into_inner();
    let total: i64 = (0..events).map(charge).sum();
    assert_eq!((summary.request_count, summary.sell_pico_usd), (i64::from(events), total));
    assert_eq!((summary.cost_pico_usd, summary.max_sequence), (total, i64::from(events)));
    let verdict = client.verify_ledger(proto::VerifyLedgerRequest {}).await.unwrap().into_inner();
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!((verdict.event_count, verdict.entry_count), (i64::from(events), i64::from(events) * 4));
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled_in_sqlite() {
    SMALL.run(&Backend::Sqlite);
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled_in_postgres() {
    SMALL.run(&Backend::postgres());
}

/// `cargo test -p kaleem-billing --test service -- --ignored --exact --nocapture crash::a_thousand_kills_on_sqlite`
#[test]
#[ignore = "takes minutes; run it by hand with the command above"]
fn a_thousand_kills_on_sqlite() {
    FULL.run(&Backend::Sqlite);
}

/// `cargo test -p kaleem-billing --test service -- --ignored --exact --nocapture crash::a_thousand_kills_on_postgres`
#[test]
#[ignore = "takes minutes; run it by hand with the command above"]
fn a_thousand_kills_on_postgres() {
    FULL.run(&Backend::postgres());
}

#[test]
fn two_processes_on_one_database_record_overlapping_events_once() {
    const EVENTS: u32 = 1_800;
    /// Both processes get these; each gets a third for itself.
    const SHARED: std::ops::Range<u32> = 600..1_200;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let backend = Backend::postgres();
    backend.place(&mut config);
    let mut processes = [Process::start(&config, true).0, Process::start(&config, true).0];
    // Towards each other, so that they meet among the shared ones.
    let forwards: Vec<u32> = (0..SHARED.end).collect();
    let backwards: Vec<u32> = (SHARED.start..EVENTS).rev().collect();
    for (first, second) in forwards.chunks(7).zip(backwards.chunks(7)) {
        processes[0].send(first.iter());
        processes[1].send(second.iter());
    }
    let mut sent = Sent::new(EVENTS);
    for process in processes {
        process.finish().iter().for_each(|line| sent.note(&line));
    }
    assert_eq!(sent.acked.len(), EVENTS as usize);
    for (index, outcomes) in &sent.acked {
        let told_twice = usize::from(SHARED.contains(index));
        assert_eq!(counts(outcomes), (1, told_twice), "event {index}: {outcomes:?}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(check_books(config, EVENTS));
}
