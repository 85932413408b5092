//! What commands and the flush hand over to each other: entries in the order of the changes, and whose turn it is to flush.

use std::{collections::VecDeque, sync::PoisonError};

// The standard library's, or a model's that tries every interleaving (tests/interleavings.rs).
use super::sync::{Mutex, MutexGuard};

/// A queue that at most one flush empties, and that is never left full without one.
pub(crate) struct Handoff<T> {
    queue: Mutex<Queue<T>>,
}

struct Queue<T> {
    entries: VecDeque<T>,
    /// Number of the last entry taken in.
    last: u64,
    flushing: bool,
}

/// An entry taken in; whoever has it starts a flush if there is none, once locks are released.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Nobody flushes: it is up to this one.
    pub(crate) must_flush: bool,
}

impl<T> Handoff<T> {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::new(Queue { entries: VecDeque::new(), last: 0, flushing: false }) }
    }

    /// Takes an entry in. Called under the lock that made the change, so that the queue has the order of the changes.
    pub(crate) fn take(&self, entry: T) -> Taken {
        let mut queue = self.lock();
        queue.last += 1;
        queue.entries.push_back(entry);
        Taken { number: queue.last, must_flush: !std::mem::replace(&mut queue.flushing, true) }
    }

    /// The oldest entries, at most `count_max`. None is the end of the flush: the next entry starts another.
    pub(crate) fn next(&self, count_max: usize) -> Vec<T> {
        let mut queue = self.lock();
        let count = queue.entries.len().min(count_max);
        queue.flushing = count > 0;
        queue.entries.drain(..count).collect()
    }

    /// Number of the last entry taken in.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// Entries that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // Nothing panics while the queue is locked, and each of its states is a whole one.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
