//! Tells Billing what was used, in batches, until it has said that it has it.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kaleem_domain::Pico;
use kaleem_proto::billing::v1::{RecordUsageRequest, UsageEvent, record_usage_response::Outcome};
use kaleem_rpc::{Code, Fault, convert};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{BACKLOG_MAX, Books, bounded, journal::Ticket};

const BATCH_MAX: usize = 256;
/// How long a batch gathers after the last one. Its events are in the journal, so that waiting risks nothing, and a commit costs
/// Billing the same for one event as for fifty.
const GATHER: Duration = Duration::from_millis(20);
/// Longest that settling holds up recording at once.
const SETTLING_MAX: Duration = Duration::from_secs(1);
/// After it the settle of an event that Billing has is given up: quota follows the ledger, and one event is not to keep a journal of all
/// later ones.
const LATE_MAX: Duration = Duration::from_mins(15);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// An event on its way to Billing.
pub(super) struct Entry {
    pub(super) ticket: Option<Ticket>,
    pub(super) event: UsageEvent,
    pub(super) cost: Pico,
    /// Quota knows already.
    pub(super) settled: bool,
    since: Instant,
}

impl Entry {
    pub(super) fn new(ticket: Option<Ticket>, event: UsageEvent, cost: Pico) -> Self {
        Self { ticket, event, cost, settled: false, since: Instant::now() }
    }
}

/// Since when Billing takes nothing.
#[derive(Default)]
pub(super) struct Silence(Mutex<Option<Instant>>);

impl Silence {
    pub(super) fn lasts_for(&self, patience: Duration) -> bool {
        self.since().is_some_and(|since| since.elapsed() >= patience)
    }

    fn begin(&self) {
        self.since().get_or_insert_with(Instant::now);
    }

    fn end(&self) {
        *self.since() = None;
    }

    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records `left` first, then what comes in, until the last meter is gone. After `stop` nothing is tried twice; what cannot be
/// told stays in the journal.
pub(super) async fn run(
    books: Books,
    mut entries: mpsc::Receiver<Entry>,
    left: Vec<(Ticket, UsageEvent)>,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut late = Late::default();
    for (ticket, mut event) in left {
        let usage = event.usage.as_ref().map(convert::from_usage).unwrap_or_default();
        let cost = books.price(&mut event, &usage).await;
        batch.push(Entry::new(Some(ticket), event, cost));
        if batch.len() == BATCH_MAX {
            tell(&books, std::mem::take(&mut batch), &mut late, &stop).await;
        }
    }
    if !batch.is_empty() {
        tell(&books, std::mem::take(&mut batch), &mut late, &stop).await;
    }
    let mut told = Instant::now();
    loop {
        tokio::select! {
            received = entries.recv_many(&mut batch, BATCH_MAX), if late.has_room() || stop.is_cancelled() => {
                if received == 0 {
                    break;
                }
            }
            () = tokio::time::sleep_until(late.due), if !late.entries.is_empty() => {
                late.settle(&books).await;
                continue;
            }
        }
        gather(&mut entries, &mut batch, told + GATHER, &stop).await;
        tell(&books, std::mem::take(&mut batch), &mut late, &stop).await;
        told = Instant::now();
    }
    late.settle(&books).await;
    Ok(())
}

/// Lets more entries come until `due`, unless the batch is full or the process stops. After a quiet time nothing waits.
async fn gather(
    entries: &mut mpsc::Receiver<Entry>,
    batch: &mut Vec<Entry>,
    due: Instant,
    stop: &CancellationToken,
) {
    if batch.len() < BATCH_MAX {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep_until(due) => {}
        }
    }
    while batch.len() < BATCH_MAX {
        let Ok(entry) = entries.try_recv() else { return };
        batch.push(entry);
    }
}

/// Tries until Billing knows every entry, or until the process stops. What quota does not know is `late`.
async fn tell(books: &Books, mut batch: Vec<Entry>, late: &mut Late, stop: &CancellationToken) {
    let mut wait = RETRY_FIRST;
    loop {
        fail::fail_point!("gateway::record::before");
        let events = batch.iter().map(|entry| entry.event.clone()).collect();
        match books.0.peers.record_usage(&bounded(), RecordUsageRequest { events }).await {
            Ok(answer) => {
                fail::fail_point!("gateway::record::after");
                books.0.silence.end();
                for (entry, result) in batch.iter().zip(&answer.results) {
                    note(entry, result.outcome(), &result.reason);
                }
                return late.take_up(books, batch);
            }
            Err(fault) => {
                books.0.silence.begin();
                tracing::warn!(%fault, events = batch.len(), "usage was not recorded yet; trying again");
            }
        }
        if stop.is_cancelled() {
            return;
        }
        // Quota is not to wait for Billing either.
        settle_first(books, &mut batch).await;
        late.settle(books).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// Events that Billing has and quota does not know of: while quota is away they hold nothing up.
struct Late {
    entries: Vec<Entry>,
    wait: Duration,
    due: Instant,
}

impl Default for Late {
    fn default() -> Self {
        Self { entries: Vec::new(), wait: RETRY_FIRST, due: Instant::now() }
    }
}

impl Late {
    fn has_room(&self) -> bool {
        self.entries.len() < BACKLOG_MAX
    }

    /// Acknowledges what both peers know, and keeps the rest.
    fn take_up(&mut self, books: &Books, batch: Vec<Entry>) {
        let was_empty = self.entries.is_empty();
        self.entries.extend(batch);
        self.acknowledge(books);
        if was_empty {
            (self.wait, self.due) = (RETRY_FIRST, Instant::now() + RETRY_FIRST);
        }
    }

    async fn settle(&mut self, books: &Books) {
        let is_back = settle_first(books, &mut self.entries).await;
        self.acknowledge(books);
        self.wait = if is_back { RETRY_FIRST } else { (self.wait * 2).min(RETRY_MAX) };
        self.due = Instant::now() + self.wait;
    }

    fn acknowledge(&mut self, books: &Books) {
        self.entries.retain(|entry| {
            let is_given_up = !entry.settled && entry.since.elapsed() >= LATE_MAX;
            if is_given_up {
                tracing::warn!("a charge is left to the ledger, which quota follows");
            }
            let is_done = entry.settled || is_given_up;
            if let (Some(ticket), true) = (entry.ticket, is_done) {
                books.journal().acknowledge(ticket);
            }
            !is_done
        });
    }
}

/// Settles what quota was not told, one after the other up to the first that it does not take, or for as long as is bearable; false if
/// something is left. The next time begins behind that one: should quota never take it, the others are not to wait for it.
async fn settle_first(books: &Books, entries: &mut [Entry]) -> bool {
    let mut tried = 0;
    let settling = async {
        for (index, entry) in entries.iter_mut().enumerate().filter(|(_, entry)| !entry.settled) {
            tried = index + 1;
            match books.settle(&entry.event, entry.cost).await {
                Ok(_) => entry.settled = true,
                // Quota has forgotten the hold, holds another truth or will never take it; the ledger decides.
                Err(fault) if is_final(&fault) => {
                    tracing::warn!(%fault, "a charge was settled in the ledger only");
                    entry.settled = true;
                }
                Err(fault) => {
                    tracing::warn!(%fault, "a hold was not settled yet; trying again");
                    return false;
                }
            }
        }
        true
    };
    let is_back = tokio::time::timeout(SETTLING_MAX, settling).await.unwrap_or(false);
    if !is_back {
        entries.rotate_left(tried);
    }
    is_back
}

/// Whether trying again changes nothing.
fn is_final(fault: &Fault) -> bool {
    fault.reason.starts_with("RESERVATION_") || matches!(fault.code, Code::InvalidArgument | Code::NotFound)
}

/// Says what billing did not take, with the figures that somebody needs to put it right: nobody asks billing again.
fn note(entry: &Entry, outcome: Outcome, reason: &str) {
    let lost = match outcome {
        Outcome::Recorded | Outcome::Duplicate => return,
        Outcome::Conflict => "conflict",
        Outcome::Rejected | Outcome::Unspecified => "rejected",
    };
    metrics::counter!("kaleem_gateway_usage_rejected_total", "outcome" => lost).increment(1);
    let reservation = entry.event.reservation.clone().unwrap_or_default();
    let usage = entry.event.usage.as_ref().map(convert::from_usage).unwrap_or_default();
    tracing::error!(
        event_id = reservation.event_id,
        merchant = reservation.merchant_id,
        model = entry.event.model_served,
        input_tokens = usage.input(),
        output_tokens = usage.output(),
        cost_pico_usd = entry.cost.get(),
        reason,
        "a charge is not in the ledger: billing has another event of its id, or refuses this one ({lost})"
    );
}
