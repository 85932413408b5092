//! The supervisor: every task of the process has a name, an owner and a seen end.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Failures kept with their text; further ones are only counted.
const FAILURES_KEPT_MAX: usize = 32;

/// How long aborted tasks get to be dropped. A task that blocks its thread is left behind after it.
const ABORT_WAIT: Duration = Duration::from_secs(1);

/// What the supervisor does when a task ends with an error or a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Log and count it; the process goes on without the task.
    Log,
    /// Log it, ask the whole process to stop, and make its exit code non-zero.
    Shutdown,
}

/// A task that ended with an error or a panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Name the task was spawned with.
    pub task: &'static str,
    /// The error with its causes, or where a panic came from. Panic texts that may quote data are withheld.
    pub message: String,
    /// Whether this failure asked the process to stop.
    pub fatal: bool,
}

/// Tasks of one name that were still running when time was up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Name the tasks were spawned with.
    pub task: &'static str,
    /// How many of them were aborted.
    pub count: usize,
}

/// What a drain left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Tasks that were aborted, by name. Empty after a clean drain.
    pub cut: Vec<Cut>,
}

impl DrainReport {
    /// Whether every task ended by itself.
    pub fn is_clean(&self) -> bool {
        self.cut.is_empty()
    }
}

/// Owner of all tasks of a process; clones share the same tasks.
///
/// A stop has three steps, each visible to tasks as a token: [`stopping`](Self::stopping) (accept nothing new,
/// background loops end), [`cancelling`](Self::cancelling) (work in flight ends now, with an error to its caller),
/// and the abort, which drops what is left. [`drain::run`](crate::drain::run) walks through them.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tracker: TaskTracker,
    requested: CancellationToken,
    stopping: CancellationToken,
    cancelling: CancellationToken,
    aborting: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<&'static str, usize>,
    failures: Vec<Failure>,
    failure_count: u64,
    fatal: bool,
}

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` as the long-lived task `name`; it should end soon after [`stopping`](Self::stopping) fires.
    ///
    /// A panic counts as an error. The task does not inherit the caller's span, as it outlives the request or
    /// the start-up step that began it.
    pub fn spawn<E>(
        &self,
        name: &'static str,
        on_error: OnError,
        future: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let task = async move { future.await.map_err(|error| chain(error.into().as_ref())) };
        self.launch(name, on_error, task);
    }

    /// Runs the short task `name` that must finish before the process exits, such as settling a reservation.
    ///
    /// It keeps the caller's span, so that it shows in the caller's trace. A panic is logged and counted.
    pub fn spawn_detached(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.launch(name, OnError::Log, future.map(Ok).in_current_span());
    }

    fn launch(
        &self,
        name: &'static str,
        on_error: OnError,
        future: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let running = Running::enter(&self.inner, name);
        self.inner.tracker.spawn(async move {
            let inner = Arc::clone(&running.inner);
            let caught = AssertUnwindSafe(future).catch_unwind();
            tokio::select! {
                biased;
                () = inner.aborting.cancelled() => tracing::warn!(task = name, "task aborted"),
                ended = caught => match ended {
                    Ok(Ok(())) => tracing::trace!(task = name, "task ended"),
                    Ok(Err(message)) => inner.fail(name, on_error, message),
                    Err(payload) => inner.fail(name, on_error, panic_message(payload.as_ref())),
                },
            }
        });
    }

    /// A token that fires when the process accepts nothing new; background loops end on it.
    ///
    /// Cancelling the returned child does not stop the process.
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stopping.child_token()
    }

    /// A token that fires when the grace period is over and work in flight must end with an error.
    pub fn cancelling(&self) -> CancellationToken {
        self.inner.cancelling.child_token()
    }

    /// Asks the process to stop, as a signal would; whoever runs the drain sequence hears it.
    pub fn request_stop(&self) {
        self.inner.requested.cancel();
    }

    /// Waits until a task, a failure or [`stop`](Self::stop) asked the process to stop.
    pub async fn stop_requested(&self) {
        self.inner.requested.cancelled().await;
    }

    /// Fires [`stopping`](Self::stopping). Tasks spawned from now on are still tracked and waited for.
    pub fn stop(&self) {
        self.inner.requested.cancel();
        self.inner.stopping.cancel();
        self.inner.tracker.close();
    }

    /// Fires [`cancelling`](Self::cancelling), after [`stop`](Self::stop).
    pub fn cancel(&self) {
        self.stop();
        self.inner.cancelling.cancel();
    }

    /// Waits until no task runs; only returns after [`stop`](Self::stop).
    pub async fn idle(&self) {
        self.inner.tracker.wait().await;
    }

    /// Stops, waits up to `grace` for the tasks to end, then aborts and reports those that had not.
    pub async fn drain(&self, grace: Duration) -> DrainReport {
        self.stop();
        if tokio::time::timeout(grace, self.idle()).await.is_ok() {
            return DrainReport::default();
        }
        self.abort().await
    }

    /// Drops every running task at its next await point and reports them.
    pub async fn abort(&self) -> DrainReport {
        let cut = self.running().into_iter().map(|(task, count)| Cut { task, count }).collect();
        self.cancel();
        self.inner.aborting.cancel();
        if tokio::time::timeout(ABORT_WAIT, self.idle()).await.is_err() {
            tracing::error!(running = ?self.running(), "aborted tasks do not give their threads back");
        }
        DrainReport { cut }
    }

    /// How many tasks of each name run now.
    pub fn running(&self) -> BTreeMap<&'static str, usize> {
        self.inner.lock().running.clone()
    }

    /// The first failures, oldest first, at most 32.
    pub fn failures(&self) -> Vec<Failure> {
        self.inner.lock().failures.clone()
    }

    /// How many tasks ended with an error or a panic.
    pub fn failure_count(&self) -> u64 {
        self.inner.lock().failure_count
    }

    /// Exit code of the process as far as tasks decide it: 0, or 70 when a task with [`OnError::Shutdown`] failed.
    pub fn exit_code(&self) -> u8 {
        if self.inner.lock().fatal { crate::drain::EXIT_TASK_FAILED } else { 0 }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, task: &'static str, on_error: OnError, message: String) {
        let fatal = on_error == OnError::Shutdown;
        tracing::error!(task, fatal, error = message, "task failed");
        metrics::counter!("kaleem_runtime_task_failures_total", "task" => task).increment(1);
        let mut state = self.lock();
        state.failure_count += 1;
        state.fatal |= fatal;
        if state.failures.len() < FAILURES_KEPT_MAX {
            state.failures.push(Failure { task, message, fatal });
        }
        drop(state);
        if fatal {
            self.requested.cancel();
        }
    }
}

/// Entry of a task in the count of running ones, given back on drop.
struct Running {
    inner: Arc<Inner>,
    name: &'static str,
}

impl Running {
    fn enter(inner: &Arc<Inner>, name: &'static str) -> Self {
        *inner.lock().running.entry(name).or_default() += 1;
        Self { inner: Arc::clone(inner), name }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        if let Some(count) = state.running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(self.name);
            }
        }
    }
}

/// An error and its causes in one line. A cause that its effect already quotes is not repeated.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// The text of a panic if it is a literal.
///
/// A formatted text may quote what was processed (slicing a string off a boundary quotes the string), so it is
/// withheld.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&'static str>() {
        Some(literal) => format!("panicked: {literal}"),
        None => "panicked (text withheld: it may quote data)".to_owned(),
    }
}

#[cfg(test)]
mod tests;
