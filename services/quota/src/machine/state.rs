//! State of one merchant: policy, windows, holds and tombstones, with the steps that every command shares.

use std::collections::{BTreeSet, HashMap, VecDeque};

use kaleem_domain::{RequestId, Timestamp, window::WindowError};

use super::{
    Amount, COUNT_MAX, Calendar, Change, Counter, Dimension, Hold, Key, LIFE_MAX_MS, Posture, Profile,
    Refusal, Span, Tombstone, TopUpRecord, Used, WindowId, Windows, alert::AllMarks, balance::balance_of,
    counters::Counters,
};

/// Days of which counters are kept; by count and not by age, so that a clock that jumps ahead and back loses nothing.
const DAYS_KEPT: usize = 8;
/// Months of which counters are kept.
const MONTHS_KEPT: usize = 3;
/// A clock may go back this far unnoticed; a longer step is believed.
const CLOCK_STEP_BACK_MAX_MS: i64 = 5_000;
/// Tombstones that one command forgets at most.
const FORGOTTEN_PER_COMMAND_MAX: usize = 8;

/// Bounds of what one merchant keeps in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Live holds; a larger concurrency cap counts as this.
    pub holds_max: usize,
    /// Tombstones; older ones are only in the store.
    pub tombstones_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { holds_max: 10_000, tombstones_max: 1_024 }
    }
}

/// State of one merchant.
#[derive(Debug, Clone)]
pub struct MerchantState {
    pub(super) limits: Limits,
    /// Caps warn and do not refuse.
    pub(super) shadow: bool,
    pub(super) epoch: i64,
    pub(super) profile: Profile,
    pub(super) policy_version: i64,
    /// Whether an operator's policy is in force.
    pub(super) overridden: bool,
    /// What accounts said last, to see when it says something new.
    pub(super) accounts_profile: Option<Profile>,
    pub(super) calendar: Calendar,
    pub(super) days: Counters,
    pub(super) months: Counters,
    /// All that a merchant that pays ahead was charged, and paid as its extra; `None` until the ledger said it, and for any other.
    pub(super) balance: Option<Counter>,
    pub(super) marks: AllMarks,
    pub(super) holds: HashMap<Key, Hold>,
    pub(super) expiries: BTreeSet<(Timestamp, Key)>,
    pub(super) tombstones: HashMap<Key, Tombstone>,
    /// Keys of the tombstones, oldest first.
    pub(super) endings: VecDeque<Key>,
    /// The newest request of those whose tombstones only the store has, for want of room.
    pub(super) forgotten: Option<RequestId>,
    pub(super) top_ups: HashMap<String, TopUpRecord>,
    /// Last transaction of the ledger that is counted.
    pub(super) followed: i64,
    pub(super) last_time: Timestamp,
}

/// What is left, holds counted as spent, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// In each dimension with windows.
    pub left: Amount,
    /// Of the balance, in nano-US-dollars; `None` where the merchant pays afterwards.
    pub balance: Option<i64>,
    /// Windows that it is left in.
    pub windows: Windows,
}

/// Usage in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DimensionUsage {
    /// Dimension.
    pub dimension: Dimension,
    /// Real usage.
    pub posted: i64,
    /// Held for calls in flight.
    pub held: i64,
    /// Cap in force.
    pub cap: i64,
    /// Window; `None` for concurrency and for a balance, whose window never ends.
    pub window: Option<Span>,
}

/// Usage of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// One a dimension, in the order of [`Dimension::OF_ALL`].
    pub dimensions: [DimensionUsage; 4],
    /// Of a merchant that pays ahead, once its balance is known.
    pub balance: Option<DimensionUsage>,
    /// Whether it pays ahead.
    pub is_prepaid: bool,
    /// Posture.
    pub posture: Posture,
    /// Version of the policy.
    pub policy_version: i64,
}

impl MerchantState {
    /// A merchant that accounts or an operator made known, without usage.
    pub fn new(profile: Profile, epoch: i64, limits: Limits, now: Timestamp) -> Result<Self, WindowError> {
        Ok(Self {
            limits,
            shadow: false,
            epoch,
            calendar: Calendar::new(&profile.time_zone, now)?,
            profile,
            policy_version: 0,
            overridden: false,
            accounts_profile: None,
            days: Counters::default(),
            months: Counters::default(),
            balance: None,
            marks: AllMarks::default(),
            holds: HashMap::new(),
            expiries: BTreeSet::new(),
            tombstones: HashMap::new(),
            endings: VecDeque::new(),
            forgotten: None,
            top_ups: HashMap::new(),
            followed: 0,
            last_time: now,
        })
    }

    /// Posted, held and cap in every dimension at `now`.
    pub fn usage(&mut self, now: Timestamp, changes: &mut Vec<Change>) -> Result<Usage, Refusal> {
        self.begin(now, changes)?;
        let windows = self.calendar.windows();
        let dimensions = Dimension::OF_ALL.map(|dimension| self.dimension(dimension, windows));
        Ok(Usage {
            dimensions,
            balance: self.balance_usage(),
            is_prepaid: self.is_prepaid(),
            posture: self.posture(),
            policy_version: self.policy_version,
        })
    }

    /// The month that is open at `now`.
    pub fn open_month(&mut self, now: Timestamp, changes: &mut Vec<Change>) -> Result<WindowId, Refusal> {
        self.begin(now, changes)?;
        Ok(self.calendar.windows().month.id)
    }

    /// In shadow, a call that a cap would refuse or degrade is admitted as it was asked for, and its reply names the cap. What is
    /// used counts and alerts as ever, so that turning shadow off enforces at once.
    #[must_use]
    pub fn in_shadow(mut self, shadow: bool) -> Self {
        self.shadow = shadow;
        self
    }

    /// Number of live holds.
    pub fn hold_count(&self) -> usize {
        self.holds.len()
    }

    /// The last instant that counted; another state of the merchant goes on from it, so that a step of the clock is seen.
    pub const fn last_time(&self) -> Timestamp {
        self.last_time
    }

    /// Whether a reservation is live, or has ended and is remembered.
    pub fn knows(&self, key: Key) -> bool {
        self.holds.contains_key(&key) || self.tombstones.contains_key(&key)
    }

    /// When the first live hold ends; `None` without holds.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Whether an operator's policy is in force.
    pub const fn is_overridden(&self) -> bool {
        self.overridden
    }

    /// Steps that precede every command: time, windows, old tombstones, a few due holds. Returns the instant that counts.
    pub(super) fn begin(&mut self, now: Timestamp, changes: &mut Vec<Change>) -> Result<Timestamp, Refusal> {
        let step_back = self.last_time.millis_since(now);
        let now = if (0..=CLOCK_STEP_BACK_MAX_MS).contains(&step_back) { self.last_time } else { now };
        if step_back > CLOCK_STEP_BACK_MAX_MS {
            self.shorten_holds(now, changes);
        }
        self.last_time = now;
        if self.calendar.roll(now)? {
            self.drop_old_counters(changes);
        }
        self.forget_old_tombstones(now);
        self.expire_due(super::EXPIRIES_PER_COMMAND_MAX, now, changes);
        Ok(now)
    }

    /// After the clock went back, a hold may end too far ahead: none may outlive [`LIFE_MAX_MS`] from now.
    fn shorten_holds(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let latest = now.plus_millis(LIFE_MAX_MS);
        let late = self.expiries.iter().rev().take_while(|(at, _)| *at > latest);
        let late: Vec<_> = late.map(|(_, key)| *key).collect();
        for key in late {
            let Some(hold) = self.holds.get_mut(&key) else { continue };
            let expires_at = now.plus_millis(hold.ttl_ms);
            self.expiries.remove(&(hold.expires_at, key));
            self.expiries.insert((expires_at, key));
            hold.expires_at = expires_at;
            changes.push(Change::HoldMoved(hold.clone()));
        }
    }

    fn drop_old_counters(&mut self, changes: &mut Vec<Change>) {
        let windows = self.calendar.windows();
        let dropped_months = self.months.prune(windows.month.id, MONTHS_KEPT);
        self.top_ups.retain(|_, top_up| !dropped_months.contains(&top_up.month));
        let dropped_days = self.days.prune(windows.day.id, DAYS_KEPT);
        changes.extend(dropped_days.into_iter().chain(dropped_months).map(Change::CounterDropped));
        self.marks.prune(windows.day.id, DAYS_KEPT, changes);
        self.marks.prune(windows.month.id, MONTHS_KEPT, changes);
    }

    fn forget_old_tombstones(&mut self, now: Timestamp) {
        for _ in 0..FORGOTTEN_PER_COMMAND_MAX {
            let Some(tombstone) = self.endings.front().and_then(|key| self.tombstones.get(key)) else {
                return;
            };
            if !tombstone.is_over(now) {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> Option<Key> {
        let key = self.endings.pop_front()?;
        self.tombstones.remove(&key);
        Some(key)
    }

    /// Whether the store may know of a call under `key` that memory does not know. Ids sort by time, so that a new one is known to be
    /// new.
    pub fn may_have_forgotten(&self, key: Key) -> bool {
        let is_old = self.forgotten.is_some_and(|newest| key.request_id <= newest);
        is_old && !self.tombstones.contains_key(&key) && !self.holds.contains_key(&key)
    }

    /// Remembers how a reservation ended.
    pub(super) fn bury(&mut self, tombstone: Tombstone, changes: &mut Vec<Change>) {
        self.remember(tombstone);
        changes.push(Change::Tombstone(tombstone));
    }

    /// Takes a tombstone back into memory.
    pub(super) fn remember(&mut self, tombstone: Tombstone) {
        if self.tombstones.insert(tombstone.key, tombstone).is_none() {
            self.endings.push_back(tombstone.key);
        }
        while self.endings.len() > self.limits.tombstones_max {
            let forgotten = self.forget_oldest().map(|key| key.request_id);
            self.forgotten = self.forgotten.max(forgotten);
        }
    }

    /// Makes a hold live.
    pub(super) fn open(&mut self, hold: Hold) {
        let day = self.days.entry(hold.day);
        day.held = day.held.plus(hold.amount.of_day());
        let month = self.months.entry(hold.month);
        month.held = month.held.plus(hold.amount.of_month());
        if let Some(balance) = &mut self.balance {
            balance.held = balance.held.plus(hold.amount.of_balance());
        }
        self.expiries.insert((hold.expires_at, hold.key));
        self.holds.insert(hold.key, hold);
    }

    /// Takes a live hold out.
    pub(super) fn close(&mut self, key: Key) -> Option<Hold> {
        let hold = self.holds.remove(&key)?;
        self.expiries.remove(&(hold.expires_at, key));
        let day = self.days.entry(hold.day);
        day.held = day.held.minus(hold.amount.of_day());
        let month = self.months.entry(hold.month);
        month.held = month.held.minus(hold.amount.of_month());
        if let Some(balance) = &mut self.balance {
            balance.held = balance.held.minus(hold.amount.of_balance());
        }
        Some(hold)
    }

    /// Adds `amount`, which may be negative, to the posted usage of two windows and of the balance, and tells what it crossed. A window
    /// that is no longer kept counts nothing.
    pub(super) fn post(
        &mut self,
        windows: (WindowId, WindowId),
        amount: Amount,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        self.draw(amount.cost_nano, changes);
        self.post_windows(windows, amount, changes);
        self.tell_crossed(windows, now, changes);
    }

    /// As [`MerchantState::post`], but for the balance, and telling nothing.
    pub(super) fn post_windows(
        &mut self,
        windows: (WindowId, WindowId),
        amount: Amount,
        changes: &mut Vec<Change>,
    ) {
        let (day, month) = windows;
        for (counter, part) in
            [(self.days.kept(day), amount.of_day()), (self.months.kept(month), amount.of_month())]
        {
            let Some(counter) = counter.filter(|_| part != Amount::ZERO) else { continue };
            counter.posted = counter.posted.plus(part);
            changes.push(Change::Counter(*counter));
        }
    }

    pub(super) fn dimension(&self, dimension: Dimension, windows: Windows) -> DimensionUsage {
        let caps = self.profile.policy.caps;
        let (day, month) = (self.days.get(windows.day.id), self.months.get(windows.month.id));
        let usage = |counter: &Counter, part: fn(&Amount) -> i64, cap: i64, window| DimensionUsage {
            dimension,
            posted: part(&counter.posted),
            held: part(&counter.held),
            cap: cap.saturating_add(part(&counter.extra)).min(COUNT_MAX),
            window: Some(window),
        };
        match dimension {
            Dimension::DayRequests => usage(&day, |amount| amount.requests, caps.day_requests, windows.day),
            Dimension::MonthTokens => usage(&month, |amount| amount.tokens, caps.month_tokens, windows.month),
            Dimension::MonthCost => {
                usage(&month, |amount| amount.cost_nano, caps.month_cost_nano, windows.month)
            }
            Dimension::Balance => balance_of(&self.balance.unwrap_or(Counter::new(WindowId::EVER))),
            Dimension::Concurrency => DimensionUsage {
                dimension,
                posted: 0,
                held: i64::try_from(self.holds.len()).unwrap_or(i64::MAX),
                cap: caps.concurrency.min(i64::try_from(self.limits.holds_max).unwrap_or(i64::MAX)),
                window: None,
            },
        }
    }

    pub(super) fn posture(&self) -> Posture {
        // A router that degrades by posture would enforce what shadow does not.
        if self.shadow {
            return Posture::Normal;
        }
        let used = |dimension| {
            let usage = self.dimension(dimension, self.calendar.windows());
            Used { posted: usage.posted, cap: usage.cap }
        };
        let on_cap = self.profile.policy.on_cap;
        let (requests, tokens) = (used(Dimension::DayRequests), used(Dimension::MonthTokens));
        Posture::of(requests, tokens, used(Dimension::MonthCost), self.balance_used(), on_cap)
    }

    pub(super) fn remaining(&self) -> Remaining {
        let windows = self.calendar.windows();
        let left = |dimension| self.dimension(dimension, windows).left().max(0);
        let left = Amount {
            requests: left(Dimension::DayRequests),
            tokens: left(Dimension::MonthTokens),
            cost_nano: left(Dimension::MonthCost),
        };
        let balance = self.balance_usage().map(|balance| balance.left().max(0));
        Remaining { left, balance, windows }
    }
}

impl DimensionUsage {
    /// What is left, holds counted as spent; negative where usage overshot.
    pub const fn left(&self) -> i64 {
        self.cap.saturating_sub(self.posted).saturating_sub(self.held)
    }
}
