//! Killed at any moment, the ledger opens again with every acknowledged event in it once, and proves itself.
//!
//! The parent starts this test program again as a child that serves events from its standard input and acknowledges them on its
//! standard output, kills it with SIGKILL under load, and sends again what was not acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, mpsc},
    time::Duration,
};

use kaleem_billing::{Deps, build};
use kaleem_proto::billing::v1::{
    self as proto, billing_service_client::BillingServiceClient, record_usage_response::Outcome,
};
use kaleem_runtime::Supervisor;
use kaleem_testkit::ManualClock;
use tokio::{io::AsyncBufReadExt as _, task::JoinSet};

use crate::harness::{NOW, config, counted, event, record};

const FOLDER: &str = "KALEEM_BILLING_CRASH_FOLDER";
const EVENTS: u32 = 2_400;
const KILLS: u32 = 20;
/// Events sent and not acknowledged; more than a commit holds, so that kills fall into full and into small commits.
const IN_FLIGHT: usize = 300;
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// Event number `index`; each has another amount, so that a lost or doubled one shows in the sum.
fn numbered(index: u32) -> proto::UsageEvent {
    counted(event(&format!("r-{index}")), |usage| usage.output_text_count = i64::from(index) + 1)
}

fn charge(index: u32) -> i64 {
    300 * 100_000 + (i64::from(index) + 1) * 400_000
}

/// Serves `<index>` lines until its input ends or it is killed.
#[tokio::test]
#[ignore = "the child process of killed_at_any_moment_nothing_is_lost_or_doubled"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let deps = Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: Supervisor::new() };
    let server = build(config(Path::new(&folder)), deps).await.unwrap();
    let mut client = BillingServiceClient::new(server);
    let verdict = client.verify_ledger(proto::VerifyLedgerRequest {}).await.unwrap().into_inner();
    say(&format!("open {} {}", verdict.event_count, verdict.faults.len()));
    let mut calls = JoinSet::new();
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let indices: Vec<u32> = line.split(' ').map(|index| index.parse().unwrap()).collect();
        let mut client = client.clone();
        calls.spawn(async move {
            let results =
                record(&mut client, indices.iter().map(|index| numbered(*index)).collect()).await.unwrap();
            for (index, result) in indices.iter().zip(results) {
                say(&format!("ack {index} {} {}", result.outcome, result.sell_pico_usd));
            }
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
}

/// Writes one line in one call; the harness may have left the line of the test's name unfinished.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What the child says.
enum Line {
    Open { events: u32, faults: u32 },
    Ack { index: u32, outcome: i32, sell_pico: i64 },
}

fn parse(line: &str) -> Option<Line> {
    let words: Vec<_> = line.split(' ').collect();
    match words.as_slice() {
        ["open", events, faults] => {
            Some(Line::Open { events: events.parse().ok()?, faults: faults.parse().ok()? })
        }
        ["ack", index, outcome, sell] => Some(Line::Ack {
            index: index.parse().ok()?,
            outcome: outcome.parse().ok()?,
            sell_pico: sell.parse().ok()?,
        }),
        _ => None,
    }
}

struct Server {
    child: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<Line>,
}

impl Server {
    fn start(folder: &Path) -> (Self, u32) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tx, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        // Ends with the child; what it still says after a kill is read to the end.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok).filter_map(|line| parse(&line)) {
                if tx.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take().unwrap();
        let server = Self { child, input, lines };
        let Line::Open { events, faults } = server.lines.recv_timeout(ANSWER_LIMIT).unwrap() else {
            panic!("the child acknowledges before it opens");
        };
        assert_eq!(faults, 0, "the ledger must prove itself at every start");
        (server, events)
    }

    fn kill(mut self, ledger: &mut Sent) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        drop(self.input);
        // Acknowledged before the kill, read after it.
        self.lines.iter().for_each(|line| ledger.note(&line));
    }
}

/// What the parent knows: acknowledged outcomes by event.
#[derive(Default)]
struct Sent {
    acked: BTreeMap<u32, Vec<i32>>,
    in_flight: BTreeSet<u32>,
}

impl Sent {
    fn note(&mut self, line: &Line) {
        if let Line::Ack { index, outcome, sell_pico } = line {
            assert_eq!(*sell_pico, charge(*index));
            self.acked.entry(*index).or_default().push(*outcome);
            self.in_flight.remove(index);
        }
    }

    /// Sends events that are not acknowledged, in calls of different sizes.
    fn fill(&mut self, server: &mut Server) {
        let wanted = IN_FLIGHT.saturating_sub(self.in_flight.len());
        let open =
            (0..EVENTS).filter(|index| !self.acked.contains_key(index) && !self.in_flight.contains(index));
        let next: Vec<_> = open.take(wanted).collect();
        for (call, indices) in next.chunks(7).enumerate() {
            // Some calls repeat an event that was acknowledged long ago.
            let again = self.acked.keys().nth(call * 31).filter(|_| call % 5 == 0);
            let words: Vec<_> = indices.iter().chain(again).map(ToString::to_string).collect();
            writeln!(server.input, "{}", words.join(" ")).unwrap();
        }
        self.in_flight.extend(next);
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

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Sent::default();
    let mut dice = Dice(7);
    for _ in 0..KILLS {
        let (mut server, events) = Server::start(folder.path());
        assert!(events as usize >= sent.acked.len(), "an acknowledged event is gone");
        sent.fill(&mut server);
        // Killed after some acknowledgements, at a random instant within the next commits.
        let acks = dice.below(u64::from(EVENTS / KILLS)).min(sent.in_flight.len() as u64);
        for _ in 0..acks {
            let line = server.lines.recv_timeout(ANSWER_LIMIT).unwrap();
            sent.note(&line);
        }
        let instant = std::time::Instant::now() + Duration::from_micros(dice.below(12_000));
        while let Ok(line) =
            server.lines.recv_timeout(instant.saturating_duration_since(std::time::Instant::now()))
        {
            sent.note(&line);
        }
        server.kill(&mut sent);
        sent.in_flight.clear();
    }
    let survivors = finish(folder.path(), &mut sent);
    check_answers(&sent, survivors);
    check_books(folder.path());
}

/// Sends the rest without a kill; answers how many events the ledger held when it opened.
fn finish(folder: &Path, sent: &mut Sent) -> u32 {
    let (mut server, survivors) = Server::start(folder);
    while sent.acked.len() < EVENTS as usize {
        sent.fill(&mut server);
        let line = server.lines.recv_timeout(ANSWER_LIMIT).unwrap();
        sent.note(&line);
    }
    drop(server.input);
    assert!(server.child.wait().unwrap().success());
    server.lines.iter().for_each(|line| sent.note(&line));
    survivors
}

fn check_answers(sent: &Sent, survivors: u32) {
    assert!(survivors > 0, "some events outlived the kills");
    for (index, outcomes) in &sent.acked {
        let recorded = outcomes.iter().filter(|outcome| **outcome == Outcome::Recorded as i32).count();
        let duplicates = outcomes.iter().filter(|outcome| **outcome == Outcome::Duplicate as i32).count();
        // A duplicate is an event that was committed and killed before its answer; how many is the machine's doing.
        assert!(recorded <= 1 && recorded + duplicates == outcomes.len(), "event {index}: {outcomes:?}");
    }
}

fn check_books(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let deps = Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: Supervisor::new() };
        let mut client = BillingServiceClient::new(build(config(folder), deps).await.unwrap());
        let request =
            proto::GetUsageSummaryRequest { merchant_id: "ward".into(), window_id: "M202611".into() };
        let summary = client.get_usage_summary(request).await.unwrap().into_inner();
        let total: i64 = (0..EVENTS).map(charge).sum();
        assert_eq!((summary.request_count, summary.sell_pico_usd), (i64::from(EVENTS), total));
        assert_eq!(summary.cost_pico_usd, total);
        let verdict = client.verify_ledger(proto::VerifyLedgerRequest {}).await.unwrap().into_inner();
        assert_eq!(verdict.faults, Vec::<String>::new());
        assert_eq!((verdict.event_count, verdict.entry_count), (i64::from(EVENTS), i64::from(EVENTS) * 4));
    });
}
