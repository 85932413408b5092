//! One run: callers take what is due, a tally takes what they saw.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{task::JoinSet, time::sleep_until};

use super::{
    exchange::{Caller, Endpoint, Protocol, Question},
    process::{Usage, usage},
    report::{Machine, Report},
    schedule::Schedule,
    tally::Tally,
};

const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// What a run does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the front door is asked.
    pub protocol: Protocol,
    /// Requests a second; none asks again as soon as an answer is complete.
    pub rate: Option<f64>,
    /// Requests at once; with a rate, those that are due beyond it wait, and their wait counts.
    pub concurrency: usize,
    /// HTTP/2 connections that the callers share over gRPC.
    pub connections: usize,
    /// Time before the measurement, under the same load.
    pub warmup: Duration,
    /// Time that is measured.
    pub duration: Duration,
    /// Server process whose processor time and memory are read.
    pub server_pid: Option<u32>,
}

/// Runs `plan` against `endpoint` and says what was seen.
pub async fn run(plan: &Plan, endpoint: &Endpoint, question: Question) -> anyhow::Result<Report> {
    let question = Arc::new(question);
    // A wrong pid or key is told before the load, not after it.
    plan.server_pid.map(usage).transpose()?;
    let connections = plan.connections.clamp(1, plan.concurrency);
    let callers: Vec<Caller> = (0..connections)
        .map(|_| Caller::new(plan.protocol, endpoint, &question))
        .collect::<anyhow::Result<_>>()?;
    for caller in &callers {
        let first = caller.clone().call().await;
        if let Some(reason) = first.failure {
            anyhow::bail!("the first request failed: {reason}; `kaleem doctor` says what is missing");
        }
    }
    let begin = Instant::now();
    let (from, until) = (begin + plan.warmup, begin + plan.warmup + plan.duration);
    let schedule = Arc::new(Schedule::new(plan.rate, begin, plan.warmup + plan.duration));
    let tally = Arc::new(Mutex::new(Tally::new(from, until)?));
    let pacing = Arc::clone(&schedule);
    let pacer = thread::Builder::new().name("bench pacer".to_owned()).spawn(move || pacing.pace());
    pacer.context("the pacer's thread cannot be started")?;
    let mut running = JoinSet::new();
    for caller in callers.iter().cycle().take(plan.concurrency) {
        running.spawn(drive(caller.clone(), Arc::clone(&schedule), Arc::clone(&tally)));
    }
    let used = watch(plan, from, until, &tally).await?;
    while let Some(ended) = running.join_next().await {
        ended.context("a caller failed by a defect")?;
    }
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    schedule.unsent().for_each(|due| tally.record_unsent(due));
    Ok(Report::new(plan, &question, &tally, used))
}

async fn drive(mut caller: Caller, schedule: Arc<Schedule>, tally: Arc<Mutex<Tally>>) {
    while let Some(due) = schedule.next().await {
        let exchange = caller.call().await;
        tally.lock().unwrap_or_else(PoisonError::into_inner).record(due, exchange);
    }
}

fn usages(plan: &Plan) -> anyhow::Result<(Option<Usage>, Option<Usage>)> {
    // Where there is no /proc, only the server's figures were asked for and must be there.
    Ok((plan.server_pid.map(usage).transpose()?, usage(std::process::id()).ok()))
}

/// Shows progress until `until`; what server and generator used from `from` on.
async fn watch(plan: &Plan, from: Instant, until: Instant, tally: &Mutex<Tally>) -> anyhow::Result<Machine> {
    let total = (until - from).as_millis();
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
    // Hidden by itself where stderr is no terminal.
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent}% {msg}")?);
    bar.set_message("warming up");
    sleep_until(from.into()).await;
    let (server_before, own_before) = usages(plan)?;
    while Instant::now() < until {
        sleep_until((Instant::now() + PROGRESS_INTERVAL).min(until).into()).await;
        let elapsed = from.elapsed();
        bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        let (completed, errors) = {
            let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            (tally.completed, tally.sent - tally.ok)
        };
        bar.set_message(format!("{:.0}/s, {errors} errors", completed as f64 / elapsed.as_secs_f64()));
    }
    let (server_after, own_after) = usages(plan)?;
    bar.finish_and_clear();
    Ok(Machine { server: server_before.zip(server_after), generator: own_before.zip(own_after) })
}
