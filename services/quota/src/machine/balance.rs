//! The balance of a merchant that pays ahead: a window that never ends, whose cap is all that was paid and whose usage all that was charged.
//!
//! The ledger is its truth. It is asked for both sums when a call of such a merchant finds none here ([`Refusal::BalanceUnknown`]); from
//! then on every call that ends moves it with the windows of the call, and every payment comes with the transaction that posted it, as
//! the sum of all payments up to there. What is left when a month ends is there in the next one, as nothing here knows of months.
//!
//! A merchant that pays afterwards has none. When it turns to paying ahead it begins with what the ledger says of its whole life: what it
//! still owes is taken off what it pays.

use kaleem_domain::Timestamp;

use super::{
    Amount, BillingMode, COUNT_MAX, Change, Counter, Dimension, DimensionUsage, MerchantState, Refusal, Used,
    WindowId,
};

/// A payment, or money that went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// All payments up to this one, less what went back, in nano-US-dollars, rounded down.
    pub paid_nano: i64,
    /// Number of the ledger's transaction; they rise.
    pub transaction: i64,
}

/// What the ledger says of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutBalance {
    /// All payments less what went back, in nano-US-dollars, rounded down.
    pub paid_nano: i64,
    /// All that the merchant was charged, in nano-US-dollars, rounded up.
    pub charged_nano: i64,
    /// What is settled here and the ledger is not known to have, in nano-US-dollars.
    pub unconfirmed_nano: i64,
    /// The merchant's newest transaction that the sums count. One that was counted here since then refuses.
    pub transaction: i64,
    /// What the ledger was compared with; what was posted since then refuses.
    pub seen: BalanceSeen,
}

/// A balance as it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceSeen {
    /// All payments; `None` where the balance is not known.
    pub paid_nano: Option<i64>,
    /// Posted to the balance, or to the months kept where it is not known.
    pub posted_nano: i64,
}

impl PutBalance {
    /// What the balance should have posted.
    pub const fn posted_nano(&self) -> i64 {
        self.charged_nano.saturating_add(self.unconfirmed_nano)
    }

    /// Whether the balance that was seen is what the ledger says.
    pub fn agrees(&self) -> bool {
        self.seen.paid_nano == Some(self.paid_nano) && self.seen.posted_nano == self.posted_nano()
    }
}

impl MerchantState {
    /// Whether the merchant pays ahead.
    pub fn is_prepaid(&self) -> bool {
        self.profile.policy.billing_mode == BillingMode::Prepaid
    }

    /// The balance as it is now, to compare the ledger with; `None` where the merchant pays afterwards.
    pub fn balance_seen(
        &mut self,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Option<BalanceSeen>, Refusal> {
        self.begin(now, changes)?;
        Ok(self.is_prepaid().then(|| self.seen()))
    }

    /// Counts a payment, or money that went back, once by its transaction; says whether it was news. More that went back than was left
    /// makes the balance negative, which refuses every call that costs something.
    pub fn credit(
        &mut self,
        command: &Credit,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<bool, Refusal> {
        let now = self.begin(now, changes)?;
        if command.transaction <= self.followed {
            return Ok(false);
        }
        if let Some(balance) = self.balance {
            in_range(command.paid_nano)?;
            let extra = Amount { cost_nano: command.paid_nano, ..Amount::ZERO };
            self.set_balance(Counter { extra, ..balance }, now, changes);
        }
        // Also where the balance is not known: sums from before this payment are not to be taken for it.
        self.follow(command.transaction, changes);
        Ok(true)
    }

    /// Sets the balance to what the ledger says and what it is still to be told; returns what that changed of what is left. Refused after
    /// anything was posted or counted since the ledger was read.
    pub fn put_balance(
        &mut self,
        command: &PutBalance,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<i64, Refusal> {
        let now = self.begin(now, changes)?;
        if !self.is_prepaid() {
            return Ok(0);
        }
        if self.followed > command.transaction || self.seen() != command.seen {
            return Err(Refusal::NotQuiet);
        }
        in_range(command.paid_nano)?;
        in_range(command.posted_nano())?;
        let held = self.holds.values().fold(Amount::ZERO, |sum, hold| sum.plus(hold.amount.of_balance()));
        let amount = |cost_nano| Amount { cost_nano, ..Amount::ZERO };
        let (posted, extra) = (amount(command.posted_nano()), amount(command.paid_nano));
        let before = self.balance_usage().map_or(0, |balance| balance.available());
        self.set_balance(Counter { id: WindowId::EVER, posted, held, extra }, now, changes);
        self.follow(command.transaction, changes);
        Ok(self.balance_usage().map_or(0, |balance| balance.available()).saturating_sub(before))
    }

    /// What was used and paid, of a balance that is known.
    pub(super) fn balance_usage(&self) -> Option<DimensionUsage> {
        self.balance.as_ref().map(balance_of)
    }

    /// What was used since the last payment, of what was there then.
    pub(super) fn balance_used(&self) -> Option<Used> {
        let (posted, marks, _) = self.balance_marks();
        self.balance.map(|_| Used { posted, cap: marks.cap })
    }

    /// Refuses where a balance bounds the call and is not known. In shadow nothing is bounded.
    pub(super) fn know_balance(&self) -> Result<(), Refusal> {
        let is_unknown = self.is_prepaid() && self.balance.is_none() && !self.shadow;
        if is_unknown { Err(Refusal::BalanceUnknown) } else { Ok(()) }
    }

    /// Takes `cost_nano` out of the balance, or gives it back where it is negative; never more than was taken.
    pub(super) fn draw(&mut self, cost_nano: i64, changes: &mut Vec<Change>) {
        let Some(balance) = self.balance.as_mut().filter(|_| cost_nano != 0) else { return };
        balance.posted.cost_nano = balance.posted.cost_nano.saturating_add(cost_nano).max(0);
        changes.push(Change::Counter(*balance));
    }

    /// Forgets the balance of a merchant that pays afterwards; the ledger knows it.
    pub(super) fn drop_unused_balance(&mut self, changes: &mut Vec<Change>) {
        if !self.is_prepaid() && self.balance.take().is_some() {
            changes.push(Change::CounterDropped(WindowId::EVER));
        }
    }

    fn set_balance(&mut self, counter: Counter, now: Timestamp, changes: &mut Vec<Change>) {
        let before = self.balance.replace(counter);
        if before != Some(counter) {
            changes.push(Change::Counter(counter));
        }
        let (used, _, stored) = self.balance_marks();
        let is_paid_in = before.is_some_and(|before| before.extra.cost_nano < counter.extra.cost_nano);
        // More is there than the percentages are of, or they are of nothing yet.
        if is_paid_in || used < 0 || stored.is_none() {
            self.arm_balance(changes);
        }
        self.tell_crossed_of(Dimension::Balance, WindowId::EVER, now, changes);
    }

    fn seen(&self) -> BalanceSeen {
        if let Some(Counter { posted, extra, .. }) = self.balance {
            return BalanceSeen { paid_nano: Some(extra.cost_nano), posted_nano: posted.cost_nano };
        }
        let posted = self.months.rows().iter().map(|row| row.posted.cost_nano);
        BalanceSeen { paid_nano: None, posted_nano: posted.fold(0, i64::saturating_add) }
    }
}

impl DimensionUsage {
    /// What is there, holds not counted; negative where more was used than paid.
    pub(super) const fn available(&self) -> i64 {
        self.cap.saturating_sub(self.posted)
    }
}

pub(super) fn balance_of(counter: &Counter) -> DimensionUsage {
    DimensionUsage {
        dimension: Dimension::Balance,
        posted: counter.posted.cost_nano,
        held: counter.held.cost_nano,
        cap: counter.extra.cost_nano,
        window: None,
    }
}

fn in_range(nano: i64) -> Result<(), Refusal> {
    if (0..=COUNT_MAX).contains(&nano) { Ok(()) } else { Err(Refusal::CapTooLarge) }
}
