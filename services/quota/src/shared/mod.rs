//! Quota on a store that several processes share: each runs the state machine on a copy of a merchant's state and commits what changed
//! by compare-and-set on the copy's version.
//!
//! Commands of one merchant wait in line. One task at a time takes some of them, runs them in order, commits once and answers all, so
//! that a race for one merchant costs few round trips. Nothing is answered before the commit, not even a refusal: where nothing
//! changed, the version is compared alone. A copy that is behind is read again and the commands are run again. Where it is not known
//! whether a commit happened, callers are refused and the copy is read again; a repeated request id gets the same answer either way.

mod awaiting;
mod commit;
mod job;
mod keep;
mod line;
mod meet;
mod merge;
mod redis;
mod upstream;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kaleem_domain::{Clock, MerchantId, Timestamp};
use kaleem_runtime::{Readiness, Supervisor};
use tokio::sync::watch;

pub(crate) use job::About;
pub(crate) use keep::Keep;
pub(crate) use line::Line;

use crate::{
    Config, Error,
    clients::Billing,
    config::Shadow,
    machine::{Change, Limits, MerchantState, Refusal, Snapshot, WindowId},
    shard::Shards,
    store::Store,
};
use job::{Job, Outcome, Task};

/// Name under which the shared store reports whether it can be used.
const COMPONENT: &str = "quota-store";

/// The engine on a shared store; clones are the same one.
#[derive(Clone)]
pub(crate) struct Shared {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Arc<Shards>,
    keep: Keep,
    /// What must survive the loss of a store in memory: policies, top-ups and alerts.
    durable: Store,
    billing: Billing,
    clock: Arc<dyn Clock>,
    supervisor: Supervisor,
    readiness: Readiness,
    /// The last commit failed.
    failing: AtomicBool,
    limits: Limits,
    shadow: Shadow,
    /// Epoch of the reservations, see [`crate::machine::Ticket::epoch`].
    epoch: i64,
    /// Commands of one merchant that wait at most.
    queue_max: usize,
    /// Commands that one commit takes at most.
    batch_max: usize,
    /// Times that a commit is tried while other processes are faster.
    tries_max: u32,
    /// How long a caller waits.
    wait: Duration,
    /// Counts commits that had alerts.
    alerted: watch::Sender<u64>,
}

/// What the engine needs of the registry.
pub(crate) struct Parts {
    pub(crate) shards: Arc<Shards>,
    pub(crate) keep: Keep,
    pub(crate) durable: Store,
    pub(crate) billing: Billing,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) supervisor: Supervisor,
    pub(crate) readiness: Readiness,
    pub(crate) epoch: i64,
}

impl Shared {
    pub(crate) fn new(parts: Parts, config: &Config) -> Result<Self, Error> {
        let Parts { shards, keep, durable, billing, clock, supervisor, readiness, epoch } = parts;
        readiness.set(COMPONENT, Ok(()));
        let inner = Inner {
            shards,
            keep,
            durable,
            billing,
            clock,
            supervisor,
            readiness,
            failing: AtomicBool::new(false),
            limits: config.limits(),
            shadow: config.shadow()?,
            epoch,
            queue_max: config.shared.queue_max.max(1),
            batch_max: config.shared.batch_max.max(1),
            tries_max: config.shared.tries_max.max(1),
            wait: config.shared.wait.get(),
            alerted: watch::Sender::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `command` on a merchant in memory and returns what it came to once that is committed; `None` where the merchant is not in
    /// memory. An error says that the outcome is unknown or that there is none; the same command may be repeated.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        merchant: &MerchantId,
        about: About,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Option<Result<T, Refusal>>, Error> {
        let (task, answered) = Task::new(about, command);
        if !self.line_up(merchant, Box::new(task))? {
            return Ok(None);
        }
        let answer: Outcome<T> = match tokio::time::timeout(self.inner.wait, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::StoreUnavailable("a command before this one failed; look into the log")),
            Err(_) => Err(Error::StoreUnavailable("the shared store takes too long; try again")),
        };
        answer.map(Some)
    }

    /// A merchant as the store has it, or as it was before the store lost it; `None` where nobody made it known.
    pub(crate) async fn load(&self, merchant: &MerchantId) -> Result<Option<(MerchantState, Line)>, Error> {
        let inner = &self.inner;
        if let Some(found) = inner.keep.load(merchant, &[]).await? {
            let state = inner.restore(merchant, found.snapshot, inner.clock.now())?;
            return Ok(Some((state, Line::at(found.stamp))));
        }
        let Some(mut known) = inner.durable.load(merchant, 0).await? else { return Ok(None) };
        // Who wrote them is gone, and what became of them the ledger says.
        known.holds.clear();
        known.counters.retain(|counter| counter.id != WindowId::EVER);
        Ok(Some((inner.restore(merchant, known, inner.clock.now())?, Line::default())))
    }

    /// Where everything that survives a loss of memory is kept.
    pub(crate) fn keep(&self) -> &Keep {
        &self.inner.keep
    }

    /// Changes with each commit of this process that has alerts.
    pub(crate) fn alerted(&self) -> watch::Receiver<u64> {
        self.inner.alerted.subscribe()
    }

    /// Puts a command in line; `false` where the merchant is not in memory.
    fn line_up(&self, merchant: &MerchantId, job: Box<dyn Job>) -> Result<bool, Error> {
        let mut slots = self.inner.shards.of(merchant).lock()?;
        let Some(line) = slots.get(merchant).and_then(|slot| slot.line.as_mut()) else { return Ok(false) };
        if line.waiting.len() >= self.inner.queue_max {
            return Err(Error::StoreUnavailable("too many calls of this merchant wait"));
        }
        line.waiting.push_back(job);
        let is_first = !std::mem::replace(&mut line.is_busy, true);
        drop(slots);
        if is_first {
            let (inner, merchant) = (Arc::clone(&self.inner), merchant.clone());
            // A task of its own: a caller that leaves must not take the answers of others with it.
            self.inner
                .supervisor
                .spawn_detached("quota commands", async move { inner.work(&merchant).await });
        }
        Ok(true)
    }
}

impl Inner {
    /// Works until nobody waits for `merchant`.
    async fn work(&self, merchant: &MerchantId) {
        while let Some(mut jobs) = self.next_jobs(merchant) {
            match self.run_jobs(merchant, &mut jobs).await {
                Ok(()) => jobs.into_iter().for_each(Job::answer),
                Err(error) => {
                    let text = self.report(&error);
                    for job in jobs {
                        job.fail(Error::StoreUnavailable(text));
                    }
                }
            }
        }
    }

    /// The commands that waited longest, or the end of the work.
    fn next_jobs(&self, merchant: &MerchantId) -> Option<Vec<Box<dyn Job>>> {
        // A poisoned shard drops its lines, which tells everybody who waits.
        let mut slots = self.shards.of(merchant).lock().ok()?;
        let line = slots.get(merchant)?.line.as_mut()?;
        line.waiting.retain(|job| !job.is_abandoned());
        let count = line.waiting.len().min(self.batch_max);
        line.is_busy = count > 0;
        (count > 0).then(|| line.waiting.drain(..count).collect())
    }

    /// Notes that the store can be used.
    fn report_use(&self) {
        if self.failing.swap(false, Ordering::AcqRel) {
            tracing::info!("the shared quota store can be used again");
            self.readiness.set(COMPONENT, Ok(()));
        }
    }

    /// A state that goes on from `at`.
    fn restore(
        &self,
        merchant: &MerchantId,
        snapshot: Snapshot,
        at: Timestamp,
    ) -> Result<MerchantState, Error> {
        let state = MerchantState::restore(snapshot, self.epoch, self.limits, at)?;
        Ok(state.in_shadow(self.shadow.has(merchant)))
    }

    /// Says in the log and to the prober why commands failed; callers are told the text.
    fn report(&self, error: &Error) -> &'static str {
        metrics::counter!("kaleem_quota_commit_failures_total").increment(1);
        if !self.failing.swap(true, Ordering::AcqRel) {
            tracing::error!(%error, "the shared quota store cannot be used; calls are refused");
        }
        self.readiness.set(COMPONENT, Err(error.to_string()));
        match error {
            Error::StoreUnavailable(text) => text,
            Error::BillingUnavailable(_) => "it was lost, and billing does not say what was used; try again",
            _ => "the shared store cannot be used; its cause is in the log of quota",
        }
    }
}
