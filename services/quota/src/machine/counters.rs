//! Posted and held amounts of the windows of one kind, as separate numbers.

use super::{Amount, WindowId};

/// Amounts of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Window.
    pub id: WindowId,
    /// Real or conservative usage.
    pub posted: Amount,
    /// Sum of the live holds that were admitted in the window; never stored, always the sum.
    pub held: Amount,
    /// Added to the caps of the window by top-ups.
    pub extra: Amount,
}

impl Counter {
    /// A counter at nothing.
    pub const fn new(id: WindowId) -> Self {
        Self { id, posted: Amount::ZERO, held: Amount::ZERO, extra: Amount::ZERO }
    }
}

/// Counters of the last windows, in order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    rows: Vec<Counter>,
}

impl Counters {
    /// The counter of `id`; nothing where there is none.
    pub(super) fn get(&self, id: WindowId) -> Counter {
        self.rows.iter().rev().find(|row| row.id == id).copied().unwrap_or(Counter::new(id))
    }

    /// The counter of `id`, made where there is none.
    pub(super) fn entry(&mut self, id: WindowId) -> &mut Counter {
        let index = match self.rows.binary_search_by_key(&id, |row| row.id) {
            Ok(index) => index,
            Err(index) => {
                self.rows.insert(index, Counter::new(id));
                index
            }
        };
        &mut self.rows[index]
    }

    /// The counter of `id` if it is kept.
    pub(super) fn kept(&mut self, id: WindowId) -> Option<&mut Counter> {
        self.rows.iter_mut().rev().find(|row| row.id == id)
    }

    /// Drops the oldest counters beyond `kept_max`, but never `current` nor one with live holds, and returns their ids.
    pub(super) fn prune(&mut self, current: WindowId, kept_max: usize) -> Vec<WindowId> {
        let mut surplus = self.rows.len().saturating_sub(kept_max);
        let mut dropped = Vec::new();
        self.rows.retain(|row| {
            let drops = surplus > 0 && row.id != current && row.held == Amount::ZERO;
            if drops {
                surplus -= 1;
                dropped.push(row.id);
            }
            !drops
        });
        dropped
    }

    pub(super) fn rows(&self) -> &[Counter] {
        &self.rows
    }
}
