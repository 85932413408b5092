//! Changes of many commands, reduced to the last state of every row.

use std::collections::{HashMap, HashSet};

use kaleem_domain::MerchantId;

use crate::machine::{
    Alert, Change, Counter, Dimension, Hold, Key, Marks, MerchantRecord, Tombstone, TopUpRecord, WindowId,
};

/// A usage event that billing must get.
#[derive(Debug, Clone)]
pub(crate) struct UsageEvent {
    /// Reservation that it settles.
    pub(crate) key: Key,
    /// The message, serialised.
    pub(crate) bytes: Vec<u8>,
}

/// Changes of one command.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) merchant: MerchantId,
    pub(crate) changes: Vec<Change>,
    pub(crate) usage_event: Option<UsageEvent>,
}

/// What becomes of a hold's row.
#[derive(Debug)]
pub(crate) enum HoldRow {
    /// Made within the batch: no row of it exists yet.
    Opened(Hold),
    /// Written by an earlier batch.
    Moved(Hold),
    /// To be deleted.
    Ended,
}

type Rows<K, V> = HashMap<(MerchantId, K), V>;

/// The last state of every row that a series of commands touched.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Commands in it.
    pub(crate) commands: usize,
    pub(crate) merchants: HashMap<MerchantId, Box<MerchantRecord>>,
    /// `None` is to be deleted.
    pub(crate) counters: Rows<WindowId, Option<Counter>>,
    pub(crate) holds: Rows<Key, HoldRow>,
    pub(crate) tombstones: Rows<Key, Tombstone>,
    /// Where expired holds of earlier batches no longer count.
    pub(crate) provisional_dropped: HashSet<(MerchantId, WindowId, Dimension)>,
    pub(crate) usage_events: Rows<Key, Vec<u8>>,
    pub(crate) top_ups: Vec<(MerchantId, TopUpRecord)>,
    pub(crate) marks: Rows<(WindowId, Dimension), Marks>,
    pub(crate) marks_dropped: Vec<(MerchantId, WindowId)>,
    pub(crate) alerts: Vec<(MerchantId, Alert)>,
    /// Last transaction of the ledger that is counted.
    pub(crate) followed: HashMap<MerchantId, i64>,
}

impl Batch {
    /// Adds the changes of the next command.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.commands += 1;
        let merchant = entry.merchant;
        for change in entry.changes {
            self.change(&merchant, change);
        }
        if let Some(event) = entry.usage_event {
            self.keep_event(&merchant, event);
        }
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { merchants, counters, holds, tombstones, .. } = self;
        let is_still =
            merchants.is_empty() && counters.is_empty() && holds.is_empty() && tombstones.is_empty();
        let Self { provisional_dropped, top_ups, marks, marks_dropped, alerts, followed, .. } = self;
        let is_told = marks.is_empty() && marks_dropped.is_empty() && alerts.is_empty();
        is_still && is_told && provisional_dropped.is_empty() && top_ups.is_empty() && followed.is_empty()
    }

    /// Keeps the usage event of a reservation that a command of the batch settles.
    pub(crate) fn keep_event(&mut self, merchant: &MerchantId, event: UsageEvent) {
        self.usage_events.insert((merchant.clone(), event.key), event.bytes);
    }

    fn change(&mut self, merchant: &MerchantId, change: Change) {
        match change {
            Change::HoldOpened(hold) => {
                self.holds.insert((merchant.clone(), hold.key), HoldRow::Opened(hold));
            }
            Change::HoldMoved(hold) => {
                let row = self.holds.entry((merchant.clone(), hold.key));
                row.and_modify(|row| row.replace(&hold)).or_insert(HoldRow::Moved(hold));
            }
            Change::HoldEnded(key) => self.end_hold((merchant.clone(), key)),
            Change::Counter(counter) => {
                self.counters.insert((merchant.clone(), counter.id), Some(counter));
            }
            Change::CounterDropped(id) => {
                self.counters.insert((merchant.clone(), id), None);
            }
            Change::Tombstone(tombstone) => {
                self.tombstones.insert((merchant.clone(), tombstone.key), tombstone);
            }
            Change::ProvisionalDropped(window, dimension) => {
                let of_merchant = self.tombstones.iter_mut().filter(|((of, _), _)| of == merchant);
                of_merchant.for_each(|(_, tombstone)| tombstone.drop_provisional(window, dimension));
                self.provisional_dropped.insert((merchant.clone(), window, dimension));
            }
            Change::Merchant(record) => {
                self.merchants.insert(merchant.clone(), record);
            }
            Change::TopUp(top_up) => self.top_ups.push((merchant.clone(), top_up)),
            Change::Marks(marks) => {
                self.marks.insert((merchant.clone(), (marks.window, marks.dimension)), marks);
            }
            Change::MarksDropped(window) => {
                self.marks.retain(|(of, (id, _)), _| of != merchant || *id != window);
                self.marks_dropped.push((merchant.clone(), window));
            }
            Change::Alert(alert) => self.alerts.push((merchant.clone(), alert)),
            Change::Followed(transaction) => {
                self.followed.insert(merchant.clone(), transaction);
            }
        }
    }

    /// Alerts that somebody is told of.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().map(|(_, alert)| alert).filter(|alert| alert.superseded_by.is_none())
    }

    /// A hold that is made and ends within the batch, as most do, is never written.
    fn end_hold(&mut self, key: (MerchantId, Key)) {
        if matches!(self.holds.get(&key), Some(HoldRow::Opened(_))) {
            self.holds.remove(&key);
        } else {
            self.holds.insert(key, HoldRow::Ended);
        }
    }
}

impl HoldRow {
    fn replace(&mut self, hold: &Hold) {
        *self = match self {
            Self::Opened(_) => Self::Opened(hold.clone()),
            Self::Moved(_) | Self::Ended => Self::Moved(hold.clone()),
        };
    }
}
