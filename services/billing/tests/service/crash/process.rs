//! A billing process: this test program started again as a child that serves events from its standard input and acknowledges them on
//! its standard output.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, mpsc},
    time::Duration,
};

use kaleem_billing::{Config, Deps, build};
use kaleem_proto::billing::v1::{self as proto, billing_service_client::BillingServiceClient};
use kaleem_runtime::{Supervisor, config::Secret};
use kaleem_testkit::ManualClock;
use tokio::{io::AsyncBufReadExt as _, task::JoinSet};

use super::numbered;
use crate::harness::{Client, NOW, config, record};

const FOLDER: &str = "KALEEM_BILLING_CRASH_FOLDER";
const URL: &str = "KALEEM_BILLING_CRASH_URL";
const VERIFY: &str = "KALEEM_BILLING_CRASH_VERIFY";
pub const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// A start that proves the ledger reads all of it.
const PROOF_LIMIT: Duration = Duration::from_mins(10);

/// Opens the ledger in this process.
pub async fn open(config: Config) -> Client {
    let deps = Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: Supervisor::new() };
    BillingServiceClient::new(build(config, deps).await.unwrap())
}

/// Serves lines of `<index>` words until its input ends or it is killed.
#[tokio::test]
#[ignore = "the child process of the tests in crash"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let postgres_url = std::env::var(URL).ok().map(Secret::from);
    let mut client = open(Config { postgres_url, ..config(Path::new(&folder)) }).await;
    let mut faults = 0;
    if std::env::var(VERIFY).is_ok() {
        faults = client.verify_ledger(proto::VerifyLedgerRequest {}).await.unwrap().into_inner().faults.len();
    }
    let request = proto::GetUsageSummaryRequest {
        merchant_id: "ward".into(),
        window_id: "M202611".into(),
        ..Default::default()
    };
    let events = client.get_usage_summary(request).await.unwrap().into_inner().request_count;
    say(&format!("open {events} {faults}"));
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
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What the child says.
pub enum Line {
    Open { events: usize, faults: u32 },
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

pub struct Process {
    child: Child,
    input: ChildStdin,
    pub lines: mpsc::Receiver<Line>,
}

impl Process {
    /// Starts a process on the ledger of `config`; answers how many events it holds once it is open.
    pub fn start(config: &Config, is_verified: bool) -> (Self, usize) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "crash::process::child", "--ignored", "--nocapture"]);
        command.env(FOLDER, config.data_folder.parent().unwrap());
        if let Some(url) = &config.postgres_url {
            command.env(URL, url.expose());
        }
        if is_verified {
            command.env(VERIFY, "1");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
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
        let process = Self { child, input, lines };
        let limit = if is_verified { PROOF_LIMIT } else { ANSWER_LIMIT };
        let Line::Open { events, faults } = process.lines.recv_timeout(limit).unwrap() else {
            panic!("the child acknowledges before it opens");
        };
        assert_eq!(faults, 0, "the ledger must prove itself");
        (process, events)
    }

    /// Sends one call.
    pub fn send<'a>(&mut self, indices: impl Iterator<Item = &'a u32>) {
        let words: Vec<_> = indices.map(ToString::to_string).collect();
        writeln!(self.input, "{}", words.join(" ")).unwrap();
    }

    /// Kills it; answers what it had acknowledged before.
    pub fn kill(mut self) -> mpsc::Receiver<Line> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines
    }

    /// Lets it end; answers what it still acknowledges.
    pub fn finish(mut self) -> mpsc::Receiver<Line> {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
        self.lines
    }
}
