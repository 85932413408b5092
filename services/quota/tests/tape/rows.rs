//! The rows that a store would hold, apart from the machine, and what must be true of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use kaleem_domain::Timestamp;
use kaleem_quota::machine::{
    ALERT_PERCENTS, Alert, Amount, Change, Counter, Dimension, DimensionUsage, Hold, Key, Limits, Marks,
    MerchantRecord, MerchantState, PutBalance, Reconcile, Snapshot, Tombstone, TopUpRecord, WindowId,
};

/// What the store would hold: changes applied as rows, apart from the machine.
#[derive(Default)]
pub struct Rows {
    merchant: Option<MerchantRecord>,
    counters: HashMap<WindowId, Counter>,
    holds: HashMap<Key, Hold>,
    tombstones: HashMap<Key, Tombstone>,
    top_ups: HashMap<String, TopUpRecord>,
    marks: BTreeMap<(WindowId, Dimension), Marks>,
    alerts: HashSet<(WindowId, Dimension, i32, i64)>,
    followed: i64,
    /// By how much the ledger said other than the reservations, by window.
    healed: HashMap<WindowId, Amount>,
}

impl Rows {
    pub fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::HoldOpened(hold) => {
                    assert!(self.holds.insert(hold.key, hold).is_none(), "opened twice");
                }
                Change::HoldMoved(hold) => {
                    assert!(self.holds.insert(hold.key, hold).is_some(), "moved without a row");
                }
                Change::HoldEnded(key) => assert!(self.holds.remove(&key).is_some(), "ended without a row"),
                Change::Counter(counter) => {
                    self.counters.insert(counter.id, counter);
                }
                Change::CounterDropped(id) => {
                    self.counters.remove(&id);
                }
                Change::Tombstone(tombstone) => {
                    self.tombstones.insert(tombstone.key, tombstone);
                }
                Change::ProvisionalDropped(window, dimension) => {
                    self.tombstones.values_mut().for_each(|row| row.drop_provisional(window, dimension));
                }
                Change::Merchant(record) => self.merchant = Some(*record),
                Change::TopUp(top_up) => {
                    self.top_ups.insert(top_up.op_id.clone(), top_up);
                }
                Change::Marks(marks) => {
                    self.marks.insert((marks.window, marks.dimension), marks);
                }
                Change::MarksDropped(window) => self.marks.retain(|(of, _), _| *of != window),
                Change::Alert(alert) => self.alert(&alert),
                Change::Followed(transaction) => {
                    assert!(transaction > self.followed, "the ledger goes on");
                    self.followed = transaction;
                }
            }
        }
    }

    /// What a call that is no longer remembered contributed stays, and its id may be used anew.
    pub fn forget(&mut self, state: &MerchantState) {
        let kept: HashSet<_> = state.snapshot().tombstones.iter().map(|ended| ended.key).collect();
        let (kept, over): (HashMap<_, _>, HashMap<_, _>) =
            self.tombstones.drain().partition(|(key, _)| kept.contains(key));
        self.tombstones = kept;
        for ended in over.into_values() {
            let parts = [
                (ended.day, ended.posted.of_day()),
                (ended.month, ended.posted.of_month()),
                (WindowId::EVER, ended.posted.of_balance()),
            ];
            for (window, part) in parts {
                let healed = self.healed.entry(window).or_insert(Amount::ZERO);
                *healed = healed.plus(part);
            }
        }
    }

    /// I5: each alert is raised once, and says what is true.
    fn alert(&mut self, alert: &Alert) {
        let Alert { window, dimension, percent, cap_version, posted, cap, .. } = *alert;
        assert!(self.alerts.insert((window, dimension, percent, cap_version)), "raised twice: {alert:?}");
        let crossed = i128::from(posted) * 100 >= i128::from(cap) * i128::from(percent);
        assert!(crossed || percent == 100, "{alert:?}");
        assert!(alert.superseded_by.is_none_or(|by| by > percent), "{alert:?}");
    }

    /// I5: no percentage that posted usage of the open windows has crossed is without an alert.
    pub fn assert_alerted(&self, state: &MerchantState, now: Timestamp) {
        let usage = state.clone().usage(now, &mut Vec::new()).unwrap();
        for of in usage.dimensions {
            let Some(window) = of.window.map(|window| window.id) else { continue };
            if of.posted <= 0 {
                continue;
            }
            // Of a month that a clock gone back opened again, a changed cap is looked at with the next usage.
            let cap = self.marks[&(window, of.dimension)].cap;
            let crossed =
                |percent: &i32| i128::from(of.posted) * 100 >= i128::from(cap) * i128::from(*percent);
            for percent in ALERT_PERCENTS.into_iter().filter(crossed) {
                let raised =
                    (1..100).any(|version| self.alerts.contains(&(window, of.dimension, percent, version)));
                assert!(raised, "{percent} % of {of:?} was not told");
            }
        }
        if let Some(balance) = usage.balance {
            self.assert_balance_alerted(balance);
        }
    }

    /// I5: as for windows, of what was there after the last payment.
    fn assert_balance_alerted(&self, balance: DimensionUsage) {
        let marks = self.marks[&(WindowId::EVER, Dimension::Balance)];
        let used = marks.cap - (balance.cap - balance.posted);
        let crossed = |percent: &i32| {
            used > 0 && i128::from(used) * 100 >= i128::from(marks.cap) * i128::from(*percent)
        };
        for percent in ALERT_PERCENTS.into_iter().filter(crossed) {
            let alert = (WindowId::EVER, Dimension::Balance, percent, marks.cap_version);
            assert!(self.alerts.contains(&alert), "{percent} % of {balance:?} was not told");
        }
    }

    /// What the reservations contributed to a window, each once.
    fn contributed(&self, id: WindowId) -> Amount {
        self.tombstones.values().fold(Amount::ZERO, |sum, tombstone| {
            sum.plus(match id {
                WindowId::EVER => tombstone.posted.of_balance(),
                day if day == tombstone.day => tombstone.posted.of_day(),
                month if month == tombstone.month => tombstone.posted.of_month(),
                _ => Amount::ZERO,
            })
        })
    }

    /// I3: posted usage of each window kept is the sum of what each reservation contributed, each once, beside what the ledger
    /// said last. Where the ledger's sums lacked what a reservation had posted, a confirmation takes out what there is.
    pub fn assert_posted_once(&mut self, confirms: bool) {
        for counter in self.counters.values() {
            let contributed = self.contributed(counter.id);
            let healed = self.healed.entry(counter.id).or_insert(Amount::ZERO);
            let sum = contributed.plus(*healed);
            // A balance that was set to the ledger's sums lacks what expired holds had posted in advance, so it always does.
            let takes_what_is_there = confirms || counter.id == WindowId::EVER;
            let floor = |part: i64| if takes_what_is_there { part.max(0) } else { part };
            let expected = Amount {
                requests: floor(sum.requests),
                tokens: floor(sum.tokens),
                cost_nano: floor(sum.cost_nano),
            };
            assert_eq!(counter.posted, expected, "{}", counter.id);
            *healed = counter.posted.minus(contributed);
        }
    }

    /// I10: a window is what the ledger says, up to a nano an event; what the reservations contribute from here on adds to it.
    pub fn assert_reconciled(&mut self, command: &Reconcile, difference: Amount) {
        let posted = self.counters.get(&command.window).map_or(Amount::ZERO, |counter| counter.posted);
        assert_eq!(posted, command.seen.plus(difference));
        let left = Reconcile { seen: posted, ..*command }.difference();
        assert_eq!(left, Amount::ZERO);
        self.healed.insert(command.window, posted.minus(self.contributed(command.window)));
        // What expired holds had posted no longer counts as theirs, and the balance is compared by itself.
        self.heal_balance();
    }

    /// I10: the balance is what the ledger says, and what the reservations contribute from here on adds to it.
    pub fn assert_balance(&mut self, put: &PutBalance) {
        let balance = self.counters[&WindowId::EVER];
        assert_eq!((balance.extra.cost_nano, balance.posted.cost_nano), (put.paid_nano, put.posted_nano()));
        self.heal_balance();
    }

    fn heal_balance(&mut self) {
        if let Some(balance) = self.counters.get(&WindowId::EVER) {
            self.healed.insert(WindowId::EVER, balance.posted.minus(self.contributed(WindowId::EVER)));
        }
    }

    /// The state that would be read back is the state in memory.
    pub fn assert_reads_back(&self, state: &MerchantState, now: Timestamp) -> MerchantState {
        let kept = state.snapshot();
        let mut tombstones: Vec<_> =
            self.tombstones.values().filter(|row| kept.tombstones.contains(row)).copied().collect();
        tombstones.sort_by_key(|tombstone| (tombstone.ended_at, tombstone.key));
        let months: Vec<_> = self.counters.keys().copied().collect();
        let snapshot = Snapshot {
            merchant: self.merchant.clone().unwrap_or_else(|| state.record()),
            counters: self.counters.values().copied().collect(),
            holds: self.holds.values().cloned().collect(),
            tombstones,
            top_ups: self.top_ups.values().filter(|row| months.contains(&row.month)).cloned().collect(),
            marks: self.marks.values().copied().collect(),
            followed: self.followed,
        };
        let restored = MerchantState::restore(snapshot, 1, Limits::default(), now).unwrap();
        assert_eq!(restored.snapshot(), kept);
        restored
    }
}
