//! Group commit behind the state: a bounded queue of changes and a flush that runs while there are any.

mod handoff;
/// The locks of the hand-over.
mod sync {
    pub(super) use std::sync::{Mutex, MutexGuard};
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kaleem_runtime::{Readiness, Supervisor};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tracing::Instrument as _;

use self::handoff::Handoff;
pub(crate) use self::handoff::Taken;
use crate::{
    Config, Error,
    store::{Batch, Entry, Store},
};

/// Name under which the journal reports whether it can be written.
const COMPONENT: &str = "quota-store";
/// First and longest wait before a failed commit is tried again.
const RETRY_WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Failed commits after which a stopping process gives up.
const STOPPING_TRIES_MAX: u32 = 3;

/// The journal; clones share the same queue.
#[derive(Clone)]
pub(crate) struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    supervisor: Supervisor,
    readiness: Readiness,
    batch_max: usize,
    gather: Duration,
    wait: Duration,
    /// Room in the queue; a command takes its place before it changes state and gives it back with its commit.
    room: Semaphore,
    queue: Handoff<Entry>,
    /// The last commit failed: Reserve refuses until one succeeds.
    failing: AtomicBool,
    /// Somebody waits for the commit, so do not gather.
    urgent: Notify,
    /// Number of the last committed command.
    committed: watch::Sender<u64>,
    /// Counts commits that had alerts.
    alerted: watch::Sender<u64>,
}

/// A place in the queue.
pub(crate) struct Place<'a>(SemaphorePermit<'a>);

impl Journal {
    pub(crate) fn new(store: Store, supervisor: Supervisor, readiness: Readiness, config: &Config) -> Self {
        readiness.set(COMPONENT, Ok(()));
        let inner = Inner {
            store,
            supervisor,
            readiness,
            batch_max: config.journal_batch_max.max(1),
            gather: config.journal_gather.get(),
            wait: config.journal_wait.get(),
            room: Semaphore::new(config.journal_queue_max.clamp(1, Semaphore::MAX_PERMITS)),
            queue: Handoff::new(),
            failing: AtomicBool::new(false),
            urgent: Notify::new(),
            committed: watch::Sender::new(0),
            alerted: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A place at once, or a refusal: while the journal fails nothing new is admitted.
    pub(crate) fn try_place(&self) -> Result<Place<'_>, Error> {
        if self.inner.failing.load(Ordering::Acquire) {
            return Err(Error::StoreUnavailable("its last write failed; check the disk"));
        }
        self.inner.room.try_acquire().map(Place).map_err(|_| Error::StoreUnavailable("its queue is full"))
    }

    /// A place as soon as there is one: what ends a call must get through while the journal catches up.
    pub(crate) async fn place(&self) -> Result<Place<'_>, Error> {
        match tokio::time::timeout(self.inner.wait, self.inner.room.acquire()).await {
            Ok(Ok(permit)) => Ok(Place(permit)),
            Ok(Err(_)) | Err(_) => Err(Error::StoreUnavailable("its queue is full")),
        }
    }

    /// Takes the changes of a command in, under the lock that made them; what comes back must be handed to [`Journal::start`].
    pub(crate) fn take(&self, place: Place<'_>, entry: Entry) -> Taken {
        place.0.forget();
        self.inner.queue.take(entry)
    }

    /// Starts a flush if none runs. A flush is a task that the process waits for when it stops, and there is none without changes.
    pub(crate) fn start(&self, taken: Taken) {
        if !taken.must_flush {
            return;
        }
        let inner = Arc::clone(&self.inner);
        // Of its own trace: it outlives the call that started it and commits those of others.
        let span = tracing::debug_span!(parent: None, "quota.flush");
        let flush = inner.flush().instrument(span.clone());
        span.in_scope(|| self.inner.supervisor.spawn_detached("quota flush", flush));
    }

    /// Number of the last committed command.
    pub(crate) fn committed(&self) -> u64 {
        *self.inner.committed.borrow()
    }

    /// Changes with each commit that has alerts.
    pub(crate) fn alerted(&self) -> watch::Receiver<u64> {
        self.inner.alerted.subscribe()
    }

    /// Waits until everything taken in so far is committed.
    pub(crate) async fn flushed(&self) -> Result<(), Error> {
        let last = self.inner.queue.last();
        self.inner.urgent.notify_one();
        let mut committed = self.inner.committed.subscribe();
        let waited =
            tokio::time::timeout(self.inner.wait, committed.wait_for(|committed| *committed >= last)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::StoreUnavailable("a commit takes too long; try again")),
        }
    }
}

impl Inner {
    async fn flush(self: Arc<Self>) {
        loop {
            if self.queue.waiting() < self.batch_max {
                tokio::select! {
                    () = tokio::time::sleep(self.gather) => {}
                    () = self.urgent.notified() => {}
                }
            }
            let Some(batch) = self.next_batch() else { return };
            let committed = self.commit(&batch).await;
            self.room.add_permits(batch.commands);
            if committed {
                self.committed.send_modify(|last| *last += batch.commands as u64);
            }
        }
    }

    /// The oldest commands, or the end of the flush.
    fn next_batch(&self) -> Option<Batch> {
        let entries = self.queue.next(self.batch_max);
        let mut batch = Batch::default();
        let any = !entries.is_empty();
        for entry in entries {
            batch.add(entry);
        }
        any.then_some(batch)
    }

    /// Commits `batch`, however often it takes; only a stopping process gives up, and says so.
    async fn commit(&self, batch: &Batch) -> bool {
        let (mut wait, mut tries) = (RETRY_WAIT.0, 0);
        loop {
            fail::fail_point!("quota::commit::before");
            match self.store.commit(batch).await {
                Ok(()) => {
                    fail::fail_point!("quota::commit::after");
                    if self.failing.swap(false, Ordering::AcqRel) {
                        tracing::info!("the quota journal can be written again");
                        self.readiness.set(COMPONENT, Ok(()));
                    }
                    self.report_commit(batch);
                    return true;
                }
                Err(error) => self.report(&error),
            }
            tries += 1;
            if tries >= STOPPING_TRIES_MAX && self.supervisor.stopping().is_cancelled() {
                tracing::error!(
                    commands = batch.commands,
                    "stopping with changes that are not in the quota journal"
                );
                return false;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_WAIT.1);
        }
    }

    fn report_commit(&self, batch: &Batch) {
        metrics::histogram!("kaleem_quota_commit_commands").record(batch.commands as f64);
        for alert in batch.alerts() {
            metrics::counter!("kaleem_quota_alerts_total", "dimension" => alert.dimension.name())
                .increment(1);
        }
        if batch.alerts().next().is_some() {
            self.alerted.send_modify(|commits| *commits += 1);
        }
    }

    fn report(&self, error: &Error) {
        metrics::counter!("kaleem_quota_commit_failures_total").increment(1);
        if !self.failing.swap(true, Ordering::AcqRel) {
            tracing::error!(%error, "the quota journal cannot be written; new calls are refused");
        }
        self.readiness.set(COMPONENT, Err(error.to_string()));
    }
}
