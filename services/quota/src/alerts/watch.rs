//! The outbox as a stream: what was missed, then what is committed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::Stream;
use kaleem_domain::MerchantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    store::{Store, StoredAlert},
};

/// Alerts that a watcher reads at once; the rest wait in the outbox, so that a slow watcher costs no memory.
const BATCH: u32 = 256;

/// Where watchers of alerts take their places.
pub(crate) struct Watchers {
    store: Store,
    /// Changes with each commit that has alerts.
    committed: watch::Receiver<u64>,
    /// How often alerts of other processes are looked for.
    polls: Option<Duration>,
    places: Arc<Semaphore>,
    stopping: CancellationToken,
}

/// One watcher.
struct Watcher {
    store: Store,
    committed: watch::Receiver<u64>,
    polls: Option<Duration>,
    merchant: Option<MerchantId>,
    cursor: i64,
    ready: VecDeque<StoredAlert>,
    _place: OwnedSemaphorePermit,
}

impl Watchers {
    pub(crate) fn new(
        store: Store,
        committed: watch::Receiver<u64>,
        polls: Option<Duration>,
        places_max: usize,
        stopping: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(places_max.min(Semaphore::MAX_PERMITS)));
        Self { store, committed, polls, places, stopping }
    }

    /// Alerts after `from`, or from now on where it is `None`; of one merchant, or of all. The stream ends when the service stops,
    /// so that watchers connect elsewhere.
    pub(crate) async fn watch(
        &self,
        from: Option<&str>,
        merchant: Option<MerchantId>,
    ) -> Result<impl Stream<Item = Result<StoredAlert, Error>> + Send + use<>, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Error::WatchersFull)?;
        let mut committed = self.committed.clone();
        // What is committed from here on wakes the watcher; what was before, it reads.
        committed.mark_changed();
        let cursor = match from {
            Some(id) => self.store.alert_sequence(id).await?.ok_or(Error::AlertUnknown)?,
            None => self.store.last_alert().await?,
        };
        let (store, polls) = (self.store.clone(), self.polls);
        let watcher =
            Watcher { store, committed, polls, merchant, cursor, ready: VecDeque::new(), _place: place };
        let stopping = self.stopping.clone();
        Ok(futures::stream::unfold(Some((watcher, stopping)), |state| async move {
            let (mut watcher, stopping) = state?;
            let next = tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                next = watcher.next() => next,
            };
            let go_on = next.is_ok().then_some((watcher, stopping));
            next.transpose().map(|alert| (alert, go_on))
        }))
    }
}

impl Watcher {
    /// Waits until there may be more: this process committed alerts, or another may have.
    async fn stirred(&mut self) -> Result<(), watch::error::RecvError> {
        let Some(interval) = self.polls else { return self.committed.changed().await };
        tokio::time::timeout(interval, self.committed.changed()).await.unwrap_or(Ok(()))
    }

    /// The next alert; `None` once nothing more can come.
    async fn next(&mut self) -> Result<Option<StoredAlert>, Error> {
        loop {
            if let Some(alert) = self.ready.pop_front() {
                self.cursor = alert.sequence;
                return Ok(Some(alert));
            }
            if self.stirred().await.is_err() {
                return Ok(None);
            }
            self.ready = self.store.alerts_after(self.cursor, self.merchant.as_ref(), BATCH).await?.into();
            if self.ready.len() >= BATCH as usize {
                self.committed.mark_changed();
            }
        }
    }
}
