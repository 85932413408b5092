//! The way down: not ready, stop accepting, let work in flight end, cancel it, abort it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Span;
use crate::readiness::Readiness;
use crate::signal::{Signal, Signals};
use crate::supervisor::{DrainReport, Supervisor};

/// Exit code of a process in which a task with [`OnError::Shutdown`](crate::OnError::Shutdown) failed.
pub const EXIT_TASK_FAILED: u8 = 70;

/// Exit code of a process that had to abort tasks when the hard limit was over.
pub const EXIT_TASKS_ABORTED: u8 = 75;

/// How long each step of the way down may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrainConfig {
    /// Time between becoming not ready and refusing connections, for load balancers to notice. Default 0s.
    pub ready_delay: Span,
    /// Time that work in flight may take to end by itself. Default 30s.
    pub grace: Span,
    /// Time between cancelling what is left and aborting it. Default 5s.
    pub hard_limit: Span,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { ready_delay: Span::ZERO, grace: Span::seconds(30), hard_limit: Span::seconds(5) }
    }
}

/// What asked the process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A signal from outside.
    Signal(Signal),
    /// A task that failed, or [`Supervisor::request_stop`].
    Request,
}

/// How the process came down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What asked it to stop.
    pub cause: Cause,
    /// What had to be aborted.
    pub report: DrainReport,
    /// 0; 70 after a fatal task error; 128 + signal after a second signal; 75 when tasks had to be aborted.
    pub exit_code: u8,
}

/// Waits until the process is asked to stop and brings it down.
///
/// The steps: readiness turns false; after `ready_delay` [`Supervisor::stopping`] fires; what still runs after `grace`
/// sees [`Supervisor::cancelling`]; what still runs `hard_limit` later is aborted. A step ends early once no task is
/// left, and a second signal aborts at once.
pub async fn run(
    config: &DrainConfig,
    supervisor: &Supervisor,
    readiness: &Readiness,
    signals: &mut Signals,
) -> Outcome {
    let cause = tokio::select! {
        signal = signals.next() => Cause::Signal(signal),
        () = supervisor.stop_requested() => Cause::Request,
    };
    tracing::info!(?cause, "stopping");
    readiness.begin_drain();

    let (second, report) = tokio::select! {
        biased;
        signal = signals.next() => {
            tracing::warn!(?signal, "second signal, aborting");
            (Some(signal), supervisor.abort().await)
        }
        report = steps(config, supervisor) => (None, report),
    };
    if !report.is_clean() {
        tracing::error!(cut = ?report.cut, "aborted tasks that did not end");
    }
    let exit_code = exit_code(supervisor, second, &report);
    tracing::info!(exit_code, "stopped");
    Outcome { cause, report, exit_code }
}

async fn steps(config: &DrainConfig, supervisor: &Supervisor) -> DrainReport {
    tokio::time::sleep(config.ready_delay.get()).await;
    supervisor.stop();
    if ended_within(config.grace.get(), supervisor).await {
        return DrainReport::default();
    }
    tracing::warn!(running = ?supervisor.running(), "grace is over, cancelling work in flight");
    supervisor.cancel();
    supervisor.drain(config.hard_limit.get()).await
}

async fn ended_within(limit: Duration, supervisor: &Supervisor) -> bool {
    tokio::time::timeout(limit, supervisor.idle()).await.is_ok()
}

fn exit_code(supervisor: &Supervisor, second: Option<Signal>, report: &DrainReport) -> u8 {
    match (supervisor.exit_code(), second) {
        (0, Some(signal)) => signal.exit_code(),
        (0, None) if !report.is_clean() => EXIT_TASKS_ABORTED,
        (code, _) => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cut, OnError};
    use std::convert::Infallible;
    use tokio::sync::mpsc::Sender;
    use tokio::time::Instant;

    struct Process {
        supervisor: Supervisor,
        readiness: Readiness,
        signal: Sender<Signal>,
        signals: Signals,
    }

    impl Process {
        fn new() -> Self {
            let (signal, signals) = Signals::manual();
            let readiness = Readiness::new();
            readiness.set("gateway", Ok(()));
            Self { supervisor: Supervisor::new(), readiness, signal, signals }
        }

        async fn run(&mut self, config: &DrainConfig) -> Outcome {
            run(config, &self.supervisor, &self.readiness, &mut self.signals).await
        }
    }

    fn config(ready_delay: u64, grace: u64, hard_limit: u64) -> DrainConfig {
        DrainConfig {
            ready_delay: Span::seconds(ready_delay),
            grace: Span::seconds(grace),
            hard_limit: Span::seconds(hard_limit),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_turns_readiness_off_before_the_listeners_close() {
        let mut process = Process::new();
        let (readiness, stopping) = (process.readiness.clone(), process.supervisor.stopping());
        let begin = Instant::now();
        process.supervisor.spawn("server", OnError::Shutdown, async move {
            stopping.cancelled().await;
            assert!(!readiness.is_ready());
            assert_eq!(begin.elapsed(), Duration::from_secs(3));
            Ok::<_, Infallible>(())
        });
        process.signal.send(Signal::Terminate).await.unwrap();

        let outcome = process.run(&config(3, 30, 5)).await;

        assert_eq!(outcome.cause, Cause::Signal(Signal::Terminate));
        assert_eq!((outcome.exit_code, outcome.report), (0, DrainReport::default()));
        assert_eq!(begin.elapsed(), Duration::from_secs(3), "an idle process does not sit out the grace");
    }

    #[tokio::test(start_paused = true)]
    async fn work_in_flight_is_cancelled_after_the_grace() {
        let mut process = Process::new();
        let cancelling = process.supervisor.cancelling();
        let begin = Instant::now();
        process.supervisor.spawn_detached("stream", async move {
            cancelling.cancelled().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        });
        process.supervisor.request_stop();

        let outcome = process.run(&config(0, 30, 5)).await;

        assert_eq!((outcome.cause, outcome.exit_code), (Cause::Request, 0));
        assert_eq!(begin.elapsed(), Duration::from_secs(31));
    }

    #[tokio::test(start_paused = true)]
    async fn what_ignores_the_cancel_is_aborted_at_the_hard_limit() {
        let mut process = Process::new();
        process.supervisor.spawn_detached("deaf", std::future::pending());
        process.signal.send(Signal::Interrupt).await.unwrap();
        let begin = Instant::now();

        let outcome = process.run(&config(0, 30, 5)).await;

        assert_eq!(outcome.report.cut, [Cut { task: "deaf", count: 1 }]);
        assert_eq!(outcome.exit_code, EXIT_TASKS_ABORTED);
        assert_eq!(begin.elapsed(), Duration::from_secs(35));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_aborts_at_once() {
        let mut process = Process::new();
        process.supervisor.spawn_detached("deaf", std::future::pending());
        for signal in [Signal::Terminate, Signal::Interrupt] {
            process.signal.send(signal).await.unwrap();
        }
        let begin = Instant::now();

        let outcome = process.run(&config(60, 30, 5)).await;

        assert_eq!(outcome.exit_code, 130);
        assert_eq!(outcome.report.cut.len(), 1);
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_task_brings_the_process_down_with_its_exit_code() {
        let mut process = Process::new();
        process.supervisor.spawn("server", OnError::Shutdown, async { Err("listener is gone") });

        let outcome = process.run(&config(0, 30, 5)).await;

        assert_eq!((outcome.cause, outcome.exit_code), (Cause::Request, EXIT_TASK_FAILED));
    }
}
