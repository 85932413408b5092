//! The ledger as a stream: what it holds from a sequence on, then what is posted.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use kaleem_proto::billing::v1::{TailLedgerRequest, TailLedgerResponse};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tonic::Status;

use super::{Grpc, wrong};
use crate::{
    Error,
    store::{BookedEntry, Store},
};

/// Most tails and followers at once: each may keep a reader busy.
pub(super) const TAILS_MAX: usize = 64;
/// Most entries in memory a tail.
const PAGE: i64 = 512;
/// A tail also looks by itself: a commit whose caller left tells nobody, nor does another process.
pub(super) const LOOK: Duration = Duration::from_secs(1);

impl Grpc {
    /// Entries from a sequence on, one after another without gaps; the stream ends when the service stops.
    pub(super) fn tail(
        &self,
        request: TailLedgerRequest,
    ) -> Result<impl Stream<Item = Result<TailLedgerResponse, Status>> + Send + 'static, Error> {
        if request.from_sequence < 0 {
            return Err(wrong("from_sequence", "0 or more; the first entry has sequence 1"));
        }
        let place = Arc::clone(&self.tails).try_acquire_owned().map_err(|_| Error::TailsFull)?;
        let (store, posted) = (Arc::clone(&self.store), self.store.posted());
        let tail = Tail { store, posted, next: request.from_sequence, ready: VecDeque::new(), _place: place };
        let entries = futures::stream::unfold(Some(tail), |tail| async {
            let mut tail = tail?;
            match tail.next().await {
                Ok(entry) => Some((Ok(message(entry)), Some(tail))),
                Err(error) => Some((Err(error.into()), None)),
            }
        });
        Ok(entries.take_until(self.supervisor.stopping().cancelled_owned()))
    }
}

/// A reader's place in the ledger.
struct Tail {
    store: Arc<dyn Store>,
    posted: watch::Receiver<u64>,
    next: i64,
    ready: VecDeque<BookedEntry>,
    _place: OwnedSemaphorePermit,
}

impl Tail {
    async fn next(&mut self) -> Result<BookedEntry, Error> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                self.next = entry.sequence + 1;
                return Ok(entry);
            }
            // Marked as seen before the page is read, so that what is posted meanwhile is told.
            self.posted.mark_unchanged();
            self.ready = self.store.tail(self.next, PAGE).await?.into();
            if self.ready.is_empty() {
                // Told, timed out, or the store is going: to look again is right each time.
                let _ = tokio::time::timeout(LOOK, self.posted.changed()).await;
            }
        }
    }
}

fn message(booked: BookedEntry) -> TailLedgerResponse {
    TailLedgerResponse {
        sequence: booked.sequence,
        transaction_id: booked.transaction.to_string(),
        account: booked.entry.account,
        amount_pico_usd: booked.entry.amount_pico,
    }
}
