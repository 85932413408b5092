//! State as a store keeps it, and the invariants it must have.

use kaleem_domain::{Timestamp, window::WindowError};
use serde::{Deserialize, Serialize};

use super::{
    Amount, Calendar, Counter, Era, Hold, Limits, Marks, MerchantState, Profile, Tombstone, TopUpRecord,
    WindowId,
};

/// Policy and calendar of a merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantRecord {
    /// Policy and zone in force or, for the zone, to come.
    pub profile: Profile,
    /// Version, from 1.
    pub policy_version: i64,
    /// Whether an operator's policy is in force.
    pub overridden: bool,
    /// What accounts said last.
    pub accounts_profile: Option<Profile>,
    /// Zone in force.
    pub era: Era,
    /// Zone to come.
    pub next_era: Option<Era>,
}

/// All that is kept of a merchant.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Policy and calendar.
    pub merchant: MerchantRecord,
    /// Counters with usage or top-ups, and a balance that is known; held is not kept.
    pub counters: Vec<Counter>,
    /// Live holds.
    pub holds: Vec<Hold>,
    /// Tombstones, oldest first.
    pub tombstones: Vec<Tombstone>,
    /// Top-ups of the months kept.
    pub top_ups: Vec<TopUpRecord>,
    /// What was told of the caps of the windows kept, by window and dimension.
    pub marks: Vec<Marks>,
    /// Last transaction of the ledger that is counted; 0 before the first.
    pub followed: i64,
}

/// An invariant that a state breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A counter is negative.
    #[error("window {0} has negative usage")]
    NegativeUsage(String),
    /// Held is not the sum of the live holds.
    #[error("window {0} holds what no live hold explains")]
    HeldMismatch(String),
    /// The order of expiry names other holds than are live.
    #[error("the order of expiry does not match the live holds")]
    ExpiryMismatch,
    /// A reservation is live and has ended.
    #[error("a reservation is live and has ended")]
    LiveAndEnded,
    /// The zone is unknown.
    #[error(transparent)]
    Calendar(#[from] WindowError),
}

impl MerchantState {
    /// What a store keeps of the policy.
    pub fn record(&self) -> MerchantRecord {
        let (era, next_era) = self.calendar.eras();
        MerchantRecord {
            profile: self.profile.clone(),
            policy_version: self.policy_version,
            overridden: self.overridden,
            accounts_profile: self.accounts_profile.clone(),
            era,
            next_era,
        }
    }

    /// All that a store keeps, in one order.
    pub fn snapshot(&self) -> Snapshot {
        let rows = self.days.rows().iter().chain(self.months.rows());
        let used = rows.filter(|row| row.posted != Amount::ZERO || row.extra != Amount::ZERO);
        // A balance is kept at nothing too, which is not the same as unknown.
        let kept = self.balance.iter().chain(used);
        let mut counters: Vec<_> = kept.map(|row| Counter { held: Amount::ZERO, ..*row }).collect();
        counters.sort_by_key(|row| row.id);
        let mut holds: Vec<_> = self.holds.values().cloned().collect();
        holds.sort_by_key(|hold| hold.key);
        let mut tombstones: Vec<_> = self.tombstones.values().copied().collect();
        tombstones.sort_by_key(|tombstone| (tombstone.ended_at, tombstone.key));
        let mut top_ups: Vec<_> = self.top_ups.values().cloned().collect();
        top_ups.sort_by(|a, b| a.op_id.cmp(&b.op_id));
        let marks = self.marks.rows().copied().collect();
        let followed = self.followed;
        Snapshot { merchant: self.record(), counters, holds, tombstones, top_ups, marks, followed }
    }

    /// A state from what a store kept, with held as the sum of the live holds; damage is refused.
    pub fn restore(snapshot: Snapshot, epoch: i64, limits: Limits, now: Timestamp) -> Result<Self, Damage> {
        let merchant = snapshot.merchant;
        let mut state = Self::new(merchant.profile, epoch, limits, now)?;
        state.calendar = Calendar::restore(merchant.era, merchant.next_era, now)?;
        state.policy_version = merchant.policy_version;
        state.overridden = merchant.overridden;
        state.accounts_profile = merchant.accounts_profile;
        state.followed = snapshot.followed;
        for counter in snapshot.counters {
            let counter = Counter { held: Amount::ZERO, ..counter };
            match counter.id {
                WindowId::EVER => state.balance = Some(counter),
                day if day.is_day() => *state.days.entry(day) = counter,
                month => *state.months.entry(month) = counter,
            }
        }
        for hold in snapshot.holds {
            state.open(hold);
        }
        for tombstone in snapshot.tombstones {
            state.remember(tombstone);
        }
        if state.endings.len() >= limits.tombstones_max {
            // The store gave no more than there is room for, and may have others.
            state.forgotten = state.endings.iter().map(|key| key.request_id).max();
        }
        for marks in snapshot.marks {
            state.marks.put(marks);
        }
        state.top_ups = snapshot.top_ups.into_iter().map(|top_up| (top_up.op_id.clone(), top_up)).collect();
        state.audit()?;
        Ok(state)
    }

    /// Checks the invariants that hold between any two commands.
    pub fn audit(&self) -> Result<(), Damage> {
        for row in self.days.rows().iter().chain(self.months.rows()).chain(&self.balance) {
            if !row.posted.is_counted() {
                return Err(Damage::NegativeUsage(row.id.to_string()));
            }
            let held = self.holds.values().fold(Amount::ZERO, |sum, hold| sum.plus(part_of(hold, row.id)));
            if held != row.held {
                return Err(Damage::HeldMismatch(row.id.to_string()));
            }
        }
        let ordered = self
            .expiries
            .iter()
            .all(|(at, key)| self.holds.get(key).is_some_and(|hold| hold.expires_at == *at));
        if !ordered || self.expiries.len() != self.holds.len() {
            return Err(Damage::ExpiryMismatch);
        }
        if self.holds.keys().any(|key| self.tombstones.contains_key(key)) {
            return Err(Damage::LiveAndEnded);
        }
        Ok(())
    }
}

/// What a live hold holds of a window.
fn part_of(hold: &Hold, window: WindowId) -> Amount {
    match window {
        WindowId::EVER => hold.amount.of_balance(),
        day if day == hold.day => hold.amount.of_day(),
        month if month == hold.month => hold.amount.of_month(),
        _ => Amount::ZERO,
    }
}
