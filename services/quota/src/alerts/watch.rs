//! The outbox as a stream: what was missed, then what is committed.

use std::{collections::VecDeque, time::Duration};

use futures::Stream;
use kaleem_domain::MerchantId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    store::{Store, StoredAlert},
    watch::{PAGE, Places, Reader},
};

/// Where watchers of alerts take their places.
pub(crate) struct Watchers {
    store: Store,
    /// Changes with each commit that has alerts.
    committed: watch::Receiver<u64>,
    /// How often alerts of other processes are looked for.
    polls: Option<Duration>,
    places: Places,
}

/// One watcher.
struct Watcher {
    store: Store,
    committed: watch::Receiver<u64>,
    polls: Option<Duration>,
    merchant: Option<MerchantId>,
    cursor: i64,
    ready: VecDeque<StoredAlert>,
}

impl Watchers {
    pub(crate) fn new(
        store: Store,
        committed: watch::Receiver<u64>,
        polls: Option<Duration>,
        places_max: usize,
        stopping: CancellationToken,
    ) -> Self {
        let places = Places::new(places_max, "quota.alerts.watchers_max", stopping);
        Self { store, committed, polls, places }
    }

    /// Alerts after `from`, or from now on where it is `None`; of one merchant, or of all.
    pub(crate) async fn watch(
        &self,
        from: Option<&str>,
        merchant: Option<MerchantId>,
    ) -> Result<impl Stream<Item = Result<StoredAlert, Error>> + Send + use<>, Error> {
        let place = self.places.take()?;
        let mut committed = self.committed.clone();
        // What is committed from here on wakes the watcher; what was before, it reads.
        committed.mark_changed();
        let cursor = match from {
            Some(id) => self.store.alert_sequence(id).await?.ok_or(Error::AlertUnknown)?,
            None => self.store.last_alert().await?,
        };
        let (store, polls, ready) = (self.store.clone(), self.polls, VecDeque::new());
        Ok(place.stream(Watcher { store, committed, polls, merchant, cursor, ready }))
    }
}

impl Watcher {
    /// Waits until there may be more: this process committed alerts, or another may have.
    async fn stirred(&mut self) -> Result<(), watch::error::RecvError> {
        let Some(interval) = self.polls else { return self.committed.changed().await };
        tokio::time::timeout(interval, self.committed.changed()).await.unwrap_or(Ok(()))
    }
}

impl Reader for Watcher {
    type Item = StoredAlert;

    async fn next(&mut self) -> Result<Option<StoredAlert>, Error> {
        loop {
            if let Some(alert) = self.ready.pop_front() {
                self.cursor = alert.sequence;
                return Ok(Some(alert));
            }
            if self.stirred().await.is_err() {
                return Ok(None);
            }
            self.ready = self.store.alerts_after(self.cursor, self.merchant.as_ref(), PAGE).await?.into();
            if self.ready.len() >= PAGE as usize {
                self.committed.mark_changed();
            }
        }
    }
}
