//! Where a merchant's state in memory stands in the shared store.

use std::collections::VecDeque;

use super::job::Job;
use crate::machine::Change;

/// Which state of a merchant a store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Names one life of the merchant's state in the store; another one begins when the store lost state.
    pub(crate) epoch: String,
    /// Rises by one with each commit.
    pub(crate) version: i64,
}

impl Stamp {
    /// Whether a store that has this stamp has all that one with `earlier` had.
    pub(super) fn follows(&self, earlier: &Self) -> bool {
        self.epoch == earlier.epoch && self.version >= earlier.version
    }
}

/// What a slot knows about its merchant in the shared store, with the commands that wait for it.
#[derive(Default)]
pub(crate) struct Line {
    /// The stored state that memory goes on from; `None` where the store has none.
    pub(super) stamp: Option<Stamp>,
    /// Memory is the state of `stamp`; otherwise it is looked at before the next command.
    pub(super) is_fit: bool,
    /// The life of the state that memory knows.
    pub(super) home: Option<String>,
    /// The store lost what memory knows, and has not got it back yet.
    pub(super) remembers: bool,
    /// The highest version that was ever seen, so that a state that comes back gets a higher one.
    pub(super) highest: i64,
    /// Rows that the next commit writes besides its own: all of a state that the store lacks.
    pub(super) base: Vec<Change>,
    /// Alerts of commands whose commit was not confirmed, kept in case the store is lost.
    pub(super) untold: Vec<Change>,
    pub(super) waiting: VecDeque<Box<dyn Job>>,
    /// Somebody works through `waiting`.
    pub(super) is_busy: bool,
}

impl Line {
    /// A state as the store has it.
    pub(super) fn at(stamp: Stamp) -> Self {
        let home = Some(stamp.epoch.clone());
        Self { highest: stamp.version, stamp: Some(stamp), is_fit: true, home, ..Self::default() }
    }

    /// Memory and store are the same from here on.
    pub(super) fn settle_at(&mut self, stamp: Stamp) {
        let waiting = std::mem::take(&mut self.waiting);
        *self = Self { waiting, is_busy: self.is_busy, ..Self::at(stamp) };
    }

    /// Whether nothing waits and nothing is known that the store does not have.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.is_busy && !self.remembers && self.waiting.is_empty()
    }

    /// The stamp that the next commit makes.
    pub(super) fn next(&self) -> Stamp {
        let goes_on = |stamp: &&Stamp| !self.remembers || Some(&stamp.epoch) != self.home.as_ref();
        let epoch = match self.stamp.as_ref().filter(goes_on) {
            Some(stamp) => stamp.epoch.clone(),
            // A state that comes back is not to be taken for the lost one by those who know that one.
            None => format!("{:016x}", rand::random::<u64>()),
        };
        Stamp { epoch, version: self.highest + 1 }
    }
}
