//! Confirm: what the ledger counts of a call is what quota counts of it.
//!
//! ```text
//!   HELD ──────────► SETTLED, the hold freed          SETTLED, LATE_SETTLED ► the same, with the ledger's figures
//!   EXPIRED ───────► LATE_SETTLED                     RELEASED ─────────────► LATE_SETTLED
//! ```
//!
//! Each is confirmed from then on: its tombstone need be kept for minutes only, as the ledger knows the call for ever. Transactions
//! of the ledger come in order, and one that is not newer than the last one changes nothing.

use kaleem_domain::Timestamp;

use super::{
    Amount, Change, Ending, Fingerprint, Key, Lost, MerchantState, Refusal, SKEW_MAX_MS, Settled,
    TOMBSTONE_LIFE_MS, Tombstone, WindowId,
};

/// What the ledger counts of a call from one of its transactions on.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// Identity.
    pub key: Key,
    /// Number of the ledger's transaction; they rise.
    pub transaction: i64,
    /// What counts from here on; nothing for a charge that was taken back.
    pub counted: Amount,
    /// What the ledger counted before.
    pub before: Amount,
    /// Facts of the reservation, given only when the store knows nothing of it either.
    pub lost: Option<Lost>,
}

/// A call that billing has had for long: the transaction that charged it will not be told again.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledge {
    /// Identity.
    pub key: Key,
    /// That transaction was counted when the call was unknown here, so what its late settle posted is posted twice.
    pub twice: bool,
}

/// What a confirmation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// The transaction is not newer than the last one.
    Repeated,
    /// Settled with these figures.
    Agreed,
    /// Settled with other figures; the ledger's count.
    Corrected,
    /// Held still: its settle was lost or is on its way.
    Freed,
    /// Expired; the difference is posted.
    Late,
    /// Given back, and billed all the same.
    Released,
    /// Neither held nor remembered.
    Unseen,
}

impl Confirmed {
    /// Name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Agreed => "agreed",
            Self::Corrected => "corrected",
            Self::Freed => "freed",
            Self::Late => "late",
            Self::Released => "released",
            Self::Unseen => "unseen",
        }
    }
}

impl MerchantState {
    /// Number of the last transaction of the ledger that is counted here; 0 before the first.
    pub const fn followed(&self) -> i64 {
        self.followed
    }

    /// Makes what a call contributes to posted usage what the ledger counts of it, however it ended here.
    pub fn confirm(
        &mut self,
        command: &Confirm,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Confirmed, Refusal> {
        let now = self.begin(now, changes)?;
        if command.transaction <= self.followed {
            return Ok(Confirmed::Repeated);
        }
        self.expire_if_due(command.key, now, changes);
        let confirmed = match self.tombstones.get(&command.key).copied() {
            Some(ended) => self.confirm_ended(ended, command, now, changes),
            None => match self.close(command.key) {
                Some(hold) => {
                    changes.push(Change::HoldEnded(command.key));
                    let settled = Tombstone {
                        key: command.key,
                        ending: Ending::Settled,
                        fingerprint: Fingerprint::default(),
                        posted: Amount::ZERO,
                        held: hold.amount,
                        day: hold.day,
                        month: hold.month,
                        ended_at: now,
                        confirmed_at: None,
                    };
                    self.confirm_ended(settled, command, now, changes);
                    Confirmed::Freed
                }
                None => self.confirm_unseen(command, now, changes)?,
            },
        };
        self.follow(command.transaction, changes);
        Ok(confirmed)
    }

    /// Takes note that billing has a call which ended here and was not confirmed; any other is left as it is.
    pub fn acknowledge(
        &mut self,
        command: Acknowledge,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let now = self.begin(now, changes)?;
        let ended = self.tombstones.get(&command.key).copied().filter(Tombstone::awaits_ledger);
        let Some(mut ended) = ended else { return Ok(()) };
        if command.twice {
            self.correct((ended.day, ended.month), Amount::ZERO.minus(ended.posted), now, changes);
            ended.posted = Amount::ZERO;
        }
        self.bury(Tombstone { confirmed_at: Some(now), ..ended }, changes);
        Ok(())
    }

    /// The answer to the settle of a call that only the ledger remembers: it was counted with its transaction.
    pub fn settled_in_ledger(
        &mut self,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Settled, Refusal> {
        self.begin(now, changes)?;
        Ok(Settled { ending: Ending::LateSettled, over_hold: false, remaining: self.remaining() })
    }

    /// Notes that the ledger is counted up to `transaction`.
    pub(super) fn follow(&mut self, transaction: i64, changes: &mut Vec<Change>) {
        if transaction > self.followed {
            self.followed = transaction;
            changes.push(Change::Followed(transaction));
        }
    }

    fn confirm_ended(
        &mut self,
        ended: Tombstone,
        command: &Confirm,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Confirmed {
        let difference = command.counted.minus(ended.posted);
        let (ending, confirmed) = match ended.ending {
            Ending::Expired => (Ending::LateSettled, Confirmed::Late),
            Ending::Released => (Ending::LateSettled, Confirmed::Released),
            ending if difference == Amount::ZERO => (ending, Confirmed::Agreed),
            ending => (ending, Confirmed::Corrected),
        };
        self.keep_windows(ended.day, ended.month);
        self.correct((ended.day, ended.month), difference, now, changes);
        self.bury(Tombstone { ending, posted: command.counted, confirmed_at: Some(now), ..ended }, changes);
        confirmed
    }

    /// A call that nothing is known of: its hold was lost in a kill, or it ended so long ago that it is forgotten. What the ledger
    /// counted of it up to the last transaction is in posted usage, so the difference is added. A young one is remembered, as its
    /// settle may still come.
    fn confirm_unseen(
        &mut self,
        command: &Confirm,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Confirmed, Refusal> {
        let lost = command.lost.ok_or(Refusal::Unknown)?;
        let age_ms = now.millis_since(lost.admitted_at);
        let is_young = (-SKEW_MAX_MS..TOMBSTONE_LIFE_MS).contains(&age_ms);
        if is_young {
            self.keep_windows(lost.day, lost.month);
        }
        let windows = (lost.day, lost.month);
        self.correct(windows, command.counted.minus(command.before), now, changes);
        if is_young {
            let ended = Tombstone {
                key: command.key,
                ending: Ending::LateSettled,
                fingerprint: Fingerprint::default(),
                posted: command.counted,
                held: Amount::ZERO,
                day: lost.day,
                month: lost.month,
                ended_at: now,
                confirmed_at: Some(now),
            };
            self.bury(ended, changes);
        }
        Ok(Confirmed::Unseen)
    }

    /// Posts a difference, but takes no more out than there is: a window that was set to the ledger's sums may lack what a
    /// reservation had posted. The balance takes all of it, also of a month that is no longer kept.
    fn correct(
        &mut self,
        windows: (WindowId, WindowId),
        difference: Amount,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        if difference == Amount::ZERO {
            return;
        }
        self.draw(difference.cost_nano, changes);
        let (day, month) = (self.days.get(windows.0).posted, self.months.get(windows.1).posted);
        let difference = Amount {
            requests: difference.requests.max(-day.requests),
            tokens: difference.tokens.max(-month.tokens),
            cost_nano: difference.cost_nano.max(-month.cost_nano),
        };
        self.post_windows(windows, difference, changes);
        self.tell_crossed(windows, now, changes);
    }
}
