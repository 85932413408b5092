//! Alerts: which percentages of a cap posted usage crossed, each told once for each cap of a window.

use std::{collections::BTreeMap, fmt};

use kaleem_domain::Timestamp;

use super::{COUNT_MAX, Change, Dimension, MerchantState, WindowId};

/// Percentages where the policy names none: the union of the two lists in the business rules.
pub const ALERT_PERCENTS: [i32; 4] = [60, 80, 90, 95];
/// Percentage of an alert that says that a cap was reached.
pub const CAP_REACHED_PERCENT: i32 = 100;

/// News that posted usage crossed a percentage of a cap, or that a cap stood in the way of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// Dimension.
    pub dimension: Dimension,
    /// Window.
    pub window: WindowId,
    /// Percentage; [`CAP_REACHED_PERCENT`] is the cap itself.
    pub percent: i32,
    /// Which cap of the window, from 1.
    pub cap_version: i64,
    /// Posted usage when it was crossed.
    pub posted: i64,
    /// The cap that it is a percentage of.
    pub cap: i64,
    /// When it was crossed.
    pub at: Timestamp,
    /// A higher percentage was crossed before or at once, so that nobody is told of this one.
    pub superseded_by: Option<i32>,
}

/// A set of percentages from 1 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Percents(u128);

impl Percents {
    fn bit(percent: i32) -> u128 {
        u32::try_from(percent).ok().and_then(|percent| 1_u128.checked_shl(percent)).unwrap_or(0)
    }

    /// Whether `percent` is in the set.
    pub fn contains(self, percent: i32) -> bool {
        self.0 & Self::bit(percent) != 0
    }

    fn insert(&mut self, percent: i32) {
        self.0 |= Self::bit(percent);
    }

    fn retain(&mut self, keeps: impl Fn(i32) -> bool) {
        let dropped = (1..=CAP_REACHED_PERCENT).filter(|percent| !keeps(*percent));
        self.0 &= !dropped.fold(0, |bits, percent| bits | Self::bit(percent));
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Percents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What was told of one cap in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Window.
    pub window: WindowId,
    /// Dimension.
    pub dimension: Dimension,
    /// The cap as it was last seen while the window was open.
    pub cap: i64,
    /// Counts the caps that the window had, from 1.
    pub cap_version: i64,
    /// Percentages that were crossed under this cap, told or superseded.
    pub crossed: Percents,
}

impl Marks {
    /// Marks of a cap that was not seen yet.
    fn new(window: WindowId, dimension: Dimension) -> Self {
        Self { window, dimension, cap: 0, cap_version: 0, crossed: Percents::default() }
    }

    /// Takes a changed cap in: a raise re-arms what is no longer crossed, a cut re-arms nothing.
    fn follow(&mut self, cap: i64, posted: i64) {
        if self.cap_version > 0 && self.cap == cap {
            return;
        }
        if cap > self.cap {
            self.crossed.retain(|percent| reaches(posted, cap, percent));
        }
        (self.cap, self.cap_version) = (cap, self.cap_version.saturating_add(1));
    }
}

fn reaches(posted: i64, cap: i64, percent: i32) -> bool {
    posted > 0 && i128::from(posted) * 100 >= i128::from(cap) * i128::from(percent)
}

/// Marks of the windows kept.
#[derive(Debug, Clone, Default)]
pub(super) struct AllMarks {
    rows: BTreeMap<(WindowId, Dimension), Marks>,
}

impl AllMarks {
    pub(super) fn put(&mut self, marks: Marks) {
        self.rows.insert((marks.window, marks.dimension), marks);
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Marks> {
        self.rows.values()
    }

    fn get(&self, window: WindowId, dimension: Dimension) -> Option<Marks> {
        self.rows.get(&(window, dimension)).copied()
    }

    /// Drops the marks of the oldest windows of a kind beyond `kept_max` windows, but never of `current`.
    pub(super) fn prune(&mut self, current: WindowId, kept_max: usize, changes: &mut Vec<Change>) {
        let ending = self.rows.keys().map(|(window, _)| *window).filter(|window| *window != WindowId::EVER);
        let mut windows: Vec<_> = ending.filter(|window| window.is_day() == current.is_day()).collect();
        windows.dedup();
        let surplus = windows.len().saturating_sub(kept_max);
        for window in windows.into_iter().filter(|window| *window != current).take(surplus) {
            self.rows.retain(|(of, _), _| *of != window);
            changes.push(Change::MarksDropped(window));
        }
    }
}

impl MerchantState {
    /// Looks at what was posted to two windows and tells of the percentages that it crossed.
    pub(super) fn tell_crossed(
        &mut self,
        (day, month): (WindowId, WindowId),
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        self.tell_crossed_of(Dimension::DayRequests, day, now, changes);
        self.tell_crossed_of(Dimension::MonthTokens, month, now, changes);
        self.tell_crossed_of(Dimension::MonthCost, month, now, changes);
        self.tell_crossed_of(Dimension::Balance, WindowId::EVER, now, changes);
    }

    /// Tells, once for each cap of a window, that the cap stood in the way of a call.
    pub(super) fn tell_cap_reached(
        &mut self,
        dimension: Dimension,
        window: Option<WindowId>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some(window) = window else { return };
        // A cap that is seen changed here first may be crossed as well.
        self.tell_crossed_of(dimension, window, now, changes);
        let (posted, mut marks, stored) = self.marks_of(dimension, window);
        if !marks.crossed.contains(CAP_REACHED_PERCENT) {
            marks.crossed.insert(CAP_REACHED_PERCENT);
            changes.push(Change::Alert(marks.alert(CAP_REACHED_PERCENT, None, posted, now)));
        }
        self.keep_marks(marks, stored, changes);
    }

    pub(super) fn tell_crossed_of(
        &mut self,
        dimension: Dimension,
        window: WindowId,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let (posted, mut marks, stored) = self.marks_of(dimension, window);
        if posted <= 0 {
            return;
        }
        let named = self.profile.policy.alert_percents.as_slice();
        let percents = if named.is_empty() { &ALERT_PERCENTS } else { named };
        let cap = marks.cap;
        let crossed =
            |percent: &&i32| (1..=CAP_REACHED_PERCENT).contains(*percent) && reaches(posted, cap, **percent);
        let highest = percents.iter().filter(crossed).max().copied();
        for percent in percents.iter().filter(crossed) {
            if !marks.crossed.contains(*percent) {
                marks.crossed.insert(*percent);
                let superseded_by = highest.filter(|highest| percent < highest);
                changes.push(Change::Alert(marks.alert(*percent, superseded_by, posted, now)));
            }
        }
        self.keep_marks(marks, stored, changes);
    }

    /// Posted usage, the marks under the cap in force, and the marks as they are stored.
    fn marks_of(&self, dimension: Dimension, window: WindowId) -> (i64, Marks, Option<Marks>) {
        if dimension == Dimension::Balance {
            return self.balance_marks();
        }
        let counter = if window.is_day() { self.days.get(window) } else { self.months.get(window) };
        let caps = self.profile.policy.caps;
        let (posted, cap, extra) = match dimension {
            Dimension::DayRequests => (counter.posted.requests, caps.day_requests, counter.extra.requests),
            Dimension::MonthTokens => (counter.posted.tokens, caps.month_tokens, counter.extra.tokens),
            Dimension::MonthCost => (counter.posted.cost_nano, caps.month_cost_nano, counter.extra.cost_nano),
            Dimension::Balance | Dimension::Concurrency => (0, caps.concurrency, 0),
        };
        let stored = self.marks.get(window, dimension);
        let mut marks = stored.unwrap_or(Marks::new(window, dimension));
        let windows = self.calendar.windows();
        let is_open = window == windows.day.id || window == windows.month.id;
        // A window that is over keeps the cap that it had: today's plan says nothing about yesterday.
        if is_open || stored.is_none() {
            marks.follow(cap.saturating_add(extra).min(COUNT_MAX), posted);
        }
        (posted, marks, stored)
    }

    /// What was used of the balance since the last payment, of what was there then; nothing where there is no balance.
    pub(super) fn balance_marks(&self) -> (i64, Marks, Option<Marks>) {
        let stored = self.marks.get(WindowId::EVER, Dimension::Balance);
        let marks = stored.unwrap_or(Marks::new(WindowId::EVER, Dimension::Balance));
        let used = self.balance_usage().map_or(0, |balance| marks.cap.saturating_sub(balance.available()));
        (used, marks, stored)
    }

    /// Takes what is there of the balance now for the cap that its percentages are of: it was paid in, or is seen for the first time.
    pub(super) fn arm_balance(&mut self, changes: &mut Vec<Change>) {
        let Some(available) = self.balance_usage().map(|balance| balance.available().max(0)) else { return };
        let (_, marks, stored) = self.balance_marks();
        let armed = Marks {
            cap: available,
            cap_version: marks.cap_version.saturating_add(1),
            crossed: Percents::default(),
            ..marks
        };
        self.keep_marks(armed, stored, changes);
    }

    fn keep_marks(&mut self, marks: Marks, stored: Option<Marks>, changes: &mut Vec<Change>) {
        if stored != Some(marks) {
            self.marks.put(marks);
            changes.push(Change::Marks(marks));
        }
    }
}

impl Marks {
    fn alert(&self, percent: i32, superseded_by: Option<i32>, posted: i64, at: Timestamp) -> Alert {
        let Self { window, dimension, cap, cap_version, .. } = *self;
        Alert { dimension, window, percent, cap_version, posted, cap, at, superseded_by }
    }
}
