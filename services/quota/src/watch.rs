//! Streams that callers read at their own pace. What is not read yet waits in a store and not in memory: a reader asks for the next page
//! once the last one is taken, so that a slow caller costs a page, and a caller that is gone a place until its stream is dropped.

use std::sync::Arc;

use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// Rows that are read at once.
pub(crate) const PAGE: u32 = 256;

/// What a caller watches.
pub(crate) trait Reader: Send + 'static {
    /// One piece of news.
    type Item: Send;

    /// Waits for the next; `None` once nothing more can come. It may be dropped while it waits.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Item>, Error>> + Send;
}

/// Places of those who watch, a bounded number.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// The setting that bounds them.
    key: &'static str,
    stopping: CancellationToken,
}

/// A place of one who watches.
pub(crate) struct Place {
    _held: OwnedSemaphorePermit,
    stopping: CancellationToken,
}

impl Places {
    pub(crate) fn new(max: usize, key: &'static str, stopping: CancellationToken) -> Self {
        Self { free: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))), key, stopping }
    }

    /// A place, unless all are taken.
    pub(crate) fn take(&self) -> Result<Place, Error> {
        let held = Arc::clone(&self.free).try_acquire_owned().map_err(|_| Error::WatchersFull(self.key))?;
        Ok(Place { _held: held, stopping: self.stopping.clone() })
    }
}

impl Place {
    /// What `reader` reads, until it ends or fails, or the service stops, so that callers connect elsewhere.
    pub(crate) fn stream<R: Reader>(
        self,
        reader: R,
    ) -> impl Stream<Item = Result<R::Item, Error>> + Send + use<R> {
        futures::stream::unfold(Some((reader, self)), |state| async move {
            let (mut reader, place) = state?;
            let next = tokio::select! {
                biased;
                () = place.stopping.cancelled() => return None,
                next = reader.next() => next,
            };
            let go_on = next.is_ok().then_some((reader, place));
            next.transpose().map(|item| (item, go_on))
        })
    }
}
