//! The revocation feed as a stream: what was missed, then what happens, and a heartbeat in between.

use std::{collections::VecDeque, time::Duration};

use futures::Stream;
use kaleem_proto::accounts::v1::{
    WatchRevocationsResponse, watch_revocations_response::Subject as ProtoSubject,
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::wrong;
use crate::{
    Error,
    directory::Directory,
    store::{self, Change, Subject},
};

const BATCH: usize = 256;

/// Bounds of the feed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Longest silence.
    pub heartbeat: Duration,
    /// Most watchers at once.
    pub watchers_max: usize,
}

/// One watcher's place in the feed.
pub(super) struct Feed {
    directory: Directory,
    newest: watch::Receiver<i64>,
    cursor: i64,
    ready: VecDeque<Change>,
    heartbeat: Interval,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// Takes a place after `from`; 0 is after the newest. Fails if changes after `from` are gone.
    pub async fn start(
        directory: Directory,
        from: i64,
        heartbeat: Duration,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, Error> {
        if from < 0 {
            return Err(wrong("from_sequence", "0, or the last sequence seen"));
        }
        let newest = directory.newest();
        let cursor = if from == 0 { *newest.borrow() } else { from };
        let ready = directory.changes(cursor, BATCH).await?.into();
        // The first tick is at once: it tells the watcher where it stands.
        let mut heartbeat = tokio::time::interval(heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { directory, newest, cursor, ready, heartbeat, _place: place })
    }

    /// The stream; it ends when the service stops, so that watchers connect elsewhere.
    pub fn into_stream(
        self,
        stopping: CancellationToken,
    ) -> impl Stream<Item = Result<WatchRevocationsResponse, Status>> + Send + 'static {
        futures::stream::unfold(Some((self, stopping)), |state| async move {
            let (mut feed, stopping) = state?;
            let next = tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                next = feed.next() => next,
            };
            match next {
                Ok(response) => Some((Ok(response), Some((feed, stopping)))),
                Err(error) => Some((Err(error.into()), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<WatchRevocationsResponse, Error> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                self.cursor = change.sequence;
                match message(change) {
                    Some(message) => return Ok(message),
                    None => continue,
                }
            }
            if *self.newest.borrow_and_update() > self.cursor {
                self.ready = self.directory.changes(self.cursor, BATCH).await?.into();
                if !self.ready.is_empty() {
                    continue;
                }
            }
            tokio::select! {
                changed = self.newest.changed() => changed.map_err(|_| Error::CutOff)?,
                // A heartbeat says that there was nothing more to tell, which must be known.
                _ = self.heartbeat.tick() => {
                    if !self.directory.is_current() {
                        return Err(store::Error::Behind.into());
                    }
                    return Ok(WatchRevocationsResponse { sequence: self.cursor, subject: None });
                }
            }
        }
    }
}

/// What a watcher is told of a change; `None` if it concerns no credential.
fn message(change: Change) -> Option<WatchRevocationsResponse> {
    let subject = match change.subject {
        Subject::Key(id) => ProtoSubject::KeyId(id),
        Subject::Merchant(id) => ProtoSubject::MerchantId(id),
        Subject::Plans => return None,
    };
    Some(WatchRevocationsResponse { sequence: change.sequence, subject: Some(subject) })
}
