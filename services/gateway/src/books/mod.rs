//! What a request used reaches Quota and Billing exactly once, whoever leaves or dies: outcomes are journalled before they are
//! told, told again after a restart, and both services know a repetition.

mod heartbeat;
pub(crate) mod journal;
mod meter;
mod recorder;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kaleem_domain::{Nano, Pico, TokenUsage, price::Book};
use kaleem_proto::{
    billing::v1::{UsageEvent, UsageStatus},
    quota::v1::{ReleaseReason, ReleaseRequest, Remaining, Reservation, SettleRequest},
};
use kaleem_rpc::{CallContext, Fault, convert};
use kaleem_runtime::{OnError, Supervisor};
use prost::Message as _;
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{clients::Peers, config::Config, fault, prices::Prices};
use heartbeat::Live;
use journal::Journal;
pub(crate) use meter::Meter;
use recorder::{Entry, Silence};

/// Outcomes of callers that left, waiting to be posted.
const OUTCOMES_MAX: usize = 65_536;
/// Events waiting for Billing; beyond it nothing is admitted.
const BACKLOG_MAX: usize = 65_536;
const PEER_TIMEOUT: Duration = Duration::from_secs(5);
/// Quota refuses a settle with a larger event; without one it settles all the same.
const USAGE_EVENT_BYTES_MAX: usize = 8 * 1_024;

/// What became of an attempt whose caller no longer waits.
enum Outcome {
    Release(Box<Reservation>, ReleaseReason),
    Post(Box<UsageEvent>),
}

/// The way into the background work. Every meter holds one, so that work goes on after a stop until the last meter is gone.
#[derive(Clone)]
struct Senders {
    outcomes: mpsc::Sender<(Outcome, mpsc::Sender<Entry>)>,
    entries: mpsc::Sender<Entry>,
}

/// A posted charge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posted {
    pub(crate) cost: Pico,
    pub(crate) remaining: Option<Remaining>,
}

/// Handle to the books of this gateway; cloning shares them.
#[derive(Clone)]
pub(crate) struct Books(Arc<Inner>);

struct Inner {
    peers: Arc<Peers>,
    prices: Prices,
    journal: Mutex<Journal>,
    journal_failed: AtomicBool,
    /// Of billing.
    silence: Silence,
    billing_away_max: Duration,
    /// An answer waits no longer for the word what is left.
    quota_timeout: Duration,
    /// Absent once the process stops.
    senders: RwLock<Option<Senders>>,
    live: Mutex<Live>,
    supervisor: Supervisor,
}

impl Books {
    /// Opens the journal, tells again what a killed process left in it, and starts the background work.
    pub(crate) fn open(
        config: &Config,
        peers: Arc<Peers>,
        prices: Prices,
        supervisor: &Supervisor,
    ) -> io::Result<Self> {
        let (journal, left) = Journal::open(&config.journal_dir)?;
        let (outcomes, outcomes_rx) = mpsc::channel(OUTCOMES_MAX);
        let (entries, entries_rx) = mpsc::channel(BACKLOG_MAX);
        let books = Self(Arc::new(Inner {
            peers,
            prices,
            journal: Mutex::new(journal),
            journal_failed: AtomicBool::new(false),
            silence: Silence::default(),
            billing_away_max: config.billing_away_max.get(),
            quota_timeout: config.quota_timeout.get(),
            senders: RwLock::new(Some(Senders { outcomes, entries })),
            live: Mutex::default(),
            supervisor: supervisor.clone(),
        }));
        if !left.is_empty() {
            tracing::info!(events = left.len(), "telling again what the last process left in its journal");
        }
        let stop = supervisor.stopping();
        let task = books.clone().post_outcomes(outcomes_rx, stop.clone());
        supervisor.spawn("gateway outcomes", OnError::Shutdown, task);
        let task = recorder::run(books.clone(), entries_rx, left, stop.clone());
        supervisor.spawn("gateway recorder", OnError::Shutdown, task);
        let task = heartbeat::run(books.clone(), config.gateway_id.clone(), stop.clone());
        supervisor.spawn("gateway heartbeat", OnError::Shutdown, task);
        supervisor.spawn(
            "gateway journal sync",
            OnError::Shutdown,
            journal::sync_forever(books.clone(), stop),
        );
        Ok(books)
    }

    /// The meter of a reservation that is about to be made. Refuses new paid work while its outcome could not be kept.
    pub(crate) fn meter(&self) -> Result<Meter, Fault> {
        if self.0.journal_failed.load(Ordering::Relaxed) {
            // Tried again here, so that freed space is noticed.
            let probed = self.journal().probe();
            self.0.journal_failed.store(probed.is_err(), Ordering::Relaxed);
            probed.map_err(|error| fault::journal_unavailable(&error))?;
        }
        let senders = self.0.senders.read().unwrap_or_else(PoisonError::into_inner).clone();
        let senders = senders.ok_or_else(fault::stopping)?;
        if senders.entries.capacity() == 0 {
            return Err(fault::journal_unavailable(&io::ErrorKind::StorageFull.into()));
        }
        if self.0.silence.lasts_for(self.0.billing_away_max) {
            return Err(fault::billing_away());
        }
        Ok(Meter::new(self.clone(), senders))
    }

    /// Takes no more work; what runs goes on to its end.
    fn close(&self) {
        *self.0.senders.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.0.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down an attempt before it is dispatched.
    fn intend(&self, event: &UsageEvent) -> Result<(), Fault> {
        let intended = self.journal().intend(event);
        intended.map_err(|error| {
            self.0.journal_failed.store(true, Ordering::Relaxed);
            fault::journal_unavailable(&error)
        })
    }

    /// What was written last may be lost with the power: nothing more is admitted until the journal goes on elsewhere.
    fn distrust_journal(&self) {
        self.journal().distrust();
        self.0.journal_failed.store(true, Ordering::Relaxed);
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rates `event`, journals it, settles its hold and queues it for Billing.
    async fn post(&self, mut event: Box<UsageEvent>, entries: mpsc::Sender<Entry>) -> Posted {
        let usage = event.usage.as_ref().map(convert::from_usage).unwrap_or_default();
        let cost = self.price(&mut event, &usage).await;
        self.post_rated(event, cost, entries).await
    }

    /// Journals a rated `event` at once, settles its hold and queues it for Billing. Dropped before its end it leaves the rest to
    /// the recorder.
    async fn post_rated(&self, event: Box<UsageEvent>, cost: Pico, entries: mpsc::Sender<Entry>) -> Posted {
        fail::fail_point!("gateway::outcome::before");
        let appended = self.journal().finish(&event);
        fail::fail_point!("gateway::outcome::after");
        let ticket = appended.inspect_err(|error| {
            self.0.journal_failed.store(true, Ordering::Relaxed);
            tracing::error!(%error, "the usage journal cannot be written; admission stops");
        });
        let mut unsettled = Unsettled { entry: Some(Entry::new(ticket.ok(), *event, cost)), entries };
        let Some(entry) = unsettled.entry.as_mut() else { return Posted::default() };
        let settled = self.settle(&entry.event, cost).await;
        fail::fail_point!("gateway::settle::after");
        entry.settled = settled.is_ok();
        let remaining = settled.unwrap_or_else(|fault| {
            tracing::warn!(%fault, "a hold was not settled yet; it will be tried again");
            None
        });
        unsettled.queue().await;
        Posted { cost, remaining }
    }

    /// Rates `event`. A model other than the one asked for is rated by its own price in force, where it has one.
    async fn price(&self, event: &mut UsageEvent, usage: &TokenUsage) -> Pico {
        let Some(reservation) = event.reservation.as_mut() else { return Pico::ZERO };
        if self.0.prices.version(&reservation.price_version).is_none()
            && let Err(fault) = self.0.prices.refresh(&self.0.peers).await
        {
            tracing::warn!(%fault, "prices could not be read");
        }
        let pinned = self.0.prices.version(&reservation.price_version);
        let at = reservation.admit_time.as_ref().map(convert::from_timestamp).unwrap_or_default();
        let price = match pinned {
            Some(pinned) if pinned.covers(&event.target, &event.model_served) => Some(pinned),
            pinned => self.0.prices.in_force(&event.target, &event.model_served, at).or(pinned),
        };
        let Some(price) = price else {
            tracing::error!(version = %reservation.price_version, "a pinned price version is unknown here");
            return Pico::ZERO;
        };
        reservation.price_version.clone_from(&price.price_version);
        if !is_sold(event.status()) {
            return Pico::ZERO;
        }
        price.amount(Book::Sell, usage).unwrap_or_else(|error| {
            tracing::error!(%error, "usage cannot be rated");
            Pico::ZERO
        })
    }

    /// What the provider charges us for a rated `event`.
    fn upstream_cost(&self, event: &UsageEvent) -> Pico {
        let version = event.reservation.as_ref().map(|reservation| reservation.price_version.as_str());
        let price = version.and_then(|version| self.0.prices.version(version));
        let usage = event.usage.as_ref().map(convert::from_usage).unwrap_or_default();
        price.and_then(|price| price.amount(Book::Cost, &usage).ok()).unwrap_or(Pico::ZERO)
    }

    async fn settle(&self, event: &UsageEvent, cost: Pico) -> Result<Option<Remaining>, Fault> {
        let request = SettleRequest {
            reservation: event.reservation.clone(),
            usage: event.usage,
            cost_nano_usd: cost.ceil_nano().unwrap_or(Nano(i64::MAX)).0,
            usage_event: Some(event.encode_to_vec())
                .filter(|bytes| bytes.len() <= USAGE_EVENT_BYTES_MAX)
                .unwrap_or_default(),
            upstream_cost_nano_usd: self.upstream_cost(event).ceil_nano().unwrap_or(Nano(i64::MAX)).0,
        };
        Ok(self.0.peers.settle(&within(self.0.quota_timeout), request).await?.remaining)
    }

    /// Works until the last meter is gone: through the drain, whose last streams are the longest.
    async fn post_outcomes(
        self,
        mut outcomes: mpsc::Receiver<(Outcome, mpsc::Sender<Entry>)>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let mut open = true;
        let mut progress = tokio::time::interval(heartbeat::PROGRESS_INTERVAL);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = tokio::select! {
                next = outcomes.recv() => next,
                _ = progress.tick() => {
                    heartbeat::journal_progress(&self);
                    continue;
                }
                () = stop.cancelled(), if open => {
                    open = false;
                    self.close();
                    continue;
                }
            };
            let books = self.clone();
            match next {
                None => return Ok(()),
                Some((Outcome::Post(event), entries)) => {
                    let post = async move {
                        books.post(event, entries).await;
                    };
                    self.0.supervisor.spawn_detached("gateway post", post);
                }
                Some((Outcome::Release(reservation, reason), _)) => {
                    let release = async move { books.release(*reservation, reason).await };
                    self.0.supervisor.spawn_detached("gateway release", release);
                }
            }
        }
    }

    /// Gives a hold back; if Quota cannot be told, the hold expires by itself.
    async fn release(&self, reservation: Reservation, reason: ReleaseReason) {
        if let Err(error) = self.journal().release(&reservation.event_id) {
            tracing::error!(%error, "a release could not be journalled; a restart would take its call for one that was cut off");
        }
        fail::fail_point!("gateway::release::before");
        let request = ReleaseRequest { reservation: Some(reservation), reason: reason.into() };
        if let Err(fault) = self.0.peers.release(&bounded(), request).await {
            tracing::warn!(%fault, "a hold was not given back; it will expire");
        }
    }
}

/// A journalled event that Billing is to get, also if its caller leaves before the hold is settled.
struct Unsettled {
    entry: Option<Entry>,
    entries: mpsc::Sender<Entry>,
}

impl Unsettled {
    async fn queue(mut self) {
        let Ok(permit) = self.entries.reserve().await else {
            tracing::error!("the recorder has stopped; the event stays in the journal");
            self.entry = None;
            return;
        };
        if let Some(entry) = self.entry.take() {
            permit.send(entry);
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take()
            && self.entries.try_send(entry).is_err()
        {
            tracing::error!("an event could not be queued; it stays in the journal until the next start");
        }
    }
}

fn bounded() -> CallContext {
    within(PEER_TIMEOUT)
}

fn within(patience: Duration) -> CallContext {
    CallContext { deadline: Some(std::time::Instant::now() + patience), ..CallContext::default() }
}

/// Whether the merchant pays; Billing books the rest as our cost alone.
const fn is_sold(status: UsageStatus) -> bool {
    matches!(status, UsageStatus::Ok | UsageStatus::Partial)
}

/// The status and counts with which an event is posted.
fn close(event: &mut UsageEvent, usage: &TokenUsage, status: UsageStatus) {
    event.usage = Some(convert::usage(usage));
    event.status = status.into();
}
