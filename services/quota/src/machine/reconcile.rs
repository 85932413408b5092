//! Reconcile: posted usage of a window becomes what the ledger says, since the ledger is the truth and quota a cache of it.

use kaleem_domain::{Timestamp, window::WindowError};

use super::{
    Amount, Change, Dimension, Ending, MerchantState, Refusal, Tombstone, WindowId, counters::Counters,
};

/// What the ledger says of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconcile {
    /// Window; a day is compared by requests, a month by tokens and money.
    pub window: WindowId,
    /// Sums of the ledger's events in the window, with their number as requests.
    pub ledger: Amount,
    /// Usage that is settled here and that the ledger is not known to have; it is no difference.
    pub unconfirmed: Amount,
    /// The merchant's newest transaction that the sums count. One that was counted here since then refuses.
    pub transaction: i64,
    /// Posted usage that the ledger was compared with; what was posted since then refuses.
    pub seen: Amount,
}

impl Reconcile {
    /// What posted usage must change by, nothing in a dimension that agrees.
    pub fn difference(&self) -> Amount {
        let should_be = self.ledger.plus(self.unconfirmed);
        let (is, should_be) = (part(self.window, self.seen), part(self.window, should_be));
        let mut difference = should_be.minus(is);
        // Quota rounds every call up to a nano and the ledger only the sum: up to a nano an event is no difference.
        if (0..=self.ledger.requests).contains(&is.cost_nano.saturating_sub(should_be.cost_nano)) {
            difference.cost_nano = 0;
        }
        difference
    }
}

impl MerchantState {
    /// Sets posted usage of a window to what the ledger says and what it is still to be told, and returns what that changed. What
    /// expired holds had posted there is taken out with it, so that a late Settle of one of them posts its full amount. Refused while
    /// a hold of the window is live, after anything was posted since the ledger was compared, and for a window that is neither open
    /// nor kept.
    pub fn reconcile(
        &mut self,
        command: &Reconcile,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Amount, Refusal> {
        let now = self.begin(now, changes)?;
        let window = command.window;
        let open = self.calendar.windows();
        let is_open = window == open.day.id || window == open.month.id;
        let in_flight = self.holds.values().any(|hold| hold.day == window || hold.month == window);
        let counters = if window.is_day() { &mut self.days } else { &mut self.months };
        let is_kept = counters.kept(window).is_some();
        let moved = counters.get(window).posted != part(window, command.seen);
        let overtaken = self.followed > command.transaction;
        if in_flight || moved || overtaken || !(is_open || is_kept) {
            return Err(Refusal::NotQuiet);
        }
        let difference = command.difference();
        if difference == Amount::ZERO {
            return Ok(difference);
        }
        let counter = counters.entry(window);
        counter.posted = counter.posted.plus(difference);
        changes.push(Change::Counter(*counter));
        self.follow(command.transaction, changes);
        for dimension in Dimension::OF_ALL.into_iter().filter(|dimension| difference.of(*dimension) != 0) {
            self.drop_provisional(window, dimension, changes);
            self.tell_crossed_of(dimension, window, now, changes);
        }
        Ok(difference)
    }

    /// The windows that are worth a look at the ledger, with their posted usage: the open day and month, and the last ones before
    /// them if they are kept.
    pub fn reconcilable(&self, now: Timestamp) -> Result<Vec<(WindowId, Amount)>, WindowError> {
        let open = self.calendar.at(now)?;
        let mut windows = Vec::with_capacity(4);
        for (counters, id) in [(&self.days, open.day.id), (&self.months, open.month.id)] {
            windows.push((id, counters.get(id).posted));
            windows.extend(before(counters, id));
        }
        Ok(windows)
    }

    fn drop_provisional(&mut self, window: WindowId, dimension: Dimension, changes: &mut Vec<Change>) {
        for tombstone in self.tombstones.values_mut() {
            tombstone.drop_provisional(window, dimension);
        }
        // One change for all of them: the store may know expired holds that memory has forgotten.
        changes.push(Change::ProvisionalDropped(window, dimension));
    }
}

impl Tombstone {
    /// Takes out what an expired hold posted to a dimension of a window; what was really used stays.
    pub fn drop_provisional(&mut self, window: WindowId, dimension: Dimension) {
        if self.ending != Ending::Expired || (self.day != window && self.month != window) {
            return;
        }
        match dimension {
            Dimension::DayRequests => self.posted.requests = 0,
            Dimension::MonthTokens => self.posted.tokens = 0,
            Dimension::MonthCost => self.posted.cost_nano = 0,
            Dimension::Balance | Dimension::Concurrency => {}
        }
    }
}

/// What a window of this kind counts.
const fn part(window: WindowId, amount: Amount) -> Amount {
    if window.is_day() { amount.of_day() } else { amount.of_month() }
}

fn before(counters: &Counters, open: WindowId) -> Option<(WindowId, Amount)> {
    counters.rows().iter().rev().find(|row| row.id < open).map(|row| (row.id, row.posted))
}
