//! Settle and Release: how a reservation ends.

use kaleem_domain::Timestamp;

use super::{
    Amount, Change, Ending, Fingerprint, Key, MerchantState, Refusal, Remaining, SKEW_MAX_MS,
    TOMBSTONE_LIFE_MS, Tombstone, WindowId,
};

/// Real usage of a call.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Identity.
    pub key: Key,
    /// Tokens and money; one request.
    pub actual: Amount,
    /// Of all that the caller sent.
    pub fingerprint: Fingerprint,
    /// What the caller's reservation says, given only when the store knows nothing of it either.
    pub lost: Option<Lost>,
}

/// A hold to give back.
#[derive(Debug, Clone)]
pub struct Release {
    /// Identity.
    pub key: Key,
    /// As for [`Settle`].
    pub lost: Option<Lost>,
}

/// Facts of a reservation whose hold this process lost when it was killed before the hold was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Admission.
    pub admitted_at: Timestamp,
    /// Day of admission.
    pub day: WindowId,
    /// Month of admission.
    pub month: WindowId,
    /// Epoch of its counters.
    pub epoch: i64,
}

/// A settled call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// [`Ending::Settled`] or [`Ending::LateSettled`].
    pub ending: Ending,
    /// More was used than held.
    pub over_hold: bool,
    /// What is left.
    pub remaining: Remaining,
}

impl MerchantState {
    /// Posts real usage in place of a hold, or the difference to what expiry posted. The same figures again get the same answer,
    /// others a conflict.
    pub fn settle(
        &mut self,
        command: &Settle,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Settled, Refusal> {
        let now = self.begin(now, changes)?;
        self.expire_if_due(command.key, now, changes);
        let tombstone = match self.tombstones.get(&command.key).copied() {
            Some(ended) => return self.settle_ended(ended, command, now, changes),
            None => match self.close(command.key) {
                Some(hold) => {
                    changes.push(Change::HoldEnded(command.key));
                    Tombstone {
                        key: command.key,
                        ending: Ending::Settled,
                        fingerprint: command.fingerprint,
                        posted: command.actual,
                        held: hold.amount,
                        day: hold.day,
                        month: hold.month,
                        ended_at: now,
                        confirmed_at: None,
                    }
                }
                None => self.lost_tombstone(command.key, command.lost, now).map(|lost| Tombstone {
                    ending: Ending::LateSettled,
                    fingerprint: command.fingerprint,
                    posted: command.actual,
                    ..lost
                })?,
            },
        };
        self.post((tombstone.day, tombstone.month), command.actual, now, changes);
        self.bury(tombstone, changes);
        Ok(self.settled(&tombstone))
    }

    /// Gives back a hold that was never dispatched; one that ran out before gives back what expiry posted. Again: the same.
    pub fn release(
        &mut self,
        command: &Release,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let now = self.begin(now, changes)?;
        self.expire_if_due(command.key, now, changes);
        if let Some(ended) = self.tombstones.get(&command.key).copied() {
            return match ended.ending {
                Ending::Released => Ok(()),
                Ending::Expired => {
                    self.post((ended.day, ended.month), Amount::ZERO.minus(ended.posted), now, changes);
                    self.bury(Tombstone { ending: Ending::Released, posted: Amount::ZERO, ..ended }, changes);
                    Ok(())
                }
                Ending::Settled | Ending::LateSettled => Err(Refusal::Conflict(ended.ending)),
            };
        }
        let tombstone = match self.close(command.key) {
            Some(hold) => {
                changes.push(Change::HoldEnded(command.key));
                Tombstone {
                    key: command.key,
                    ending: Ending::Released,
                    fingerprint: Fingerprint::default(),
                    posted: Amount::ZERO,
                    held: hold.amount,
                    day: hold.day,
                    month: hold.month,
                    ended_at: now,
                    confirmed_at: None,
                }
            }
            None => self.lost_tombstone(command.key, command.lost, now)?,
        };
        self.bury(tombstone, changes);
        Ok(())
    }

    /// Takes back into memory how a reservation ended, unless memory knows better.
    pub fn recall(&mut self, tombstone: Tombstone) {
        if !self.tombstones.contains_key(&tombstone.key) && !self.holds.contains_key(&tombstone.key) {
            self.remember(tombstone);
        }
    }

    fn settle_ended(
        &mut self,
        ended: Tombstone,
        command: &Settle,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Settled, Refusal> {
        match ended.ending {
            Ending::Settled | Ending::LateSettled => {
                let agrees = ended.posted == command.actual;
                let told = ended.fingerprint == command.fingerprint;
                // What the ledger says replaces the figures, so what was told before is known by its fingerprint alone; a call that
                // the ledger ended has none, and its settle, which is on its way, by the figures.
                let same = match ended.confirmed_at {
                    None => told && agrees,
                    Some(_) => told || (ended.fingerprint == Fingerprint::default() && agrees),
                };
                if same { Ok(self.settled(&ended)) } else { Err(Refusal::Conflict(ended.ending)) }
            }
            Ending::Released => Err(Refusal::Conflict(ended.ending)),
            Ending::Expired => {
                let late = Tombstone {
                    ending: Ending::LateSettled,
                    fingerprint: command.fingerprint,
                    posted: command.actual,
                    ..ended
                };
                self.keep_windows(late.day, late.month);
                self.post((late.day, late.month), command.actual.minus(ended.posted), now, changes);
                self.bury(late, changes);
                Ok(self.settled(&late))
            }
        }
    }

    /// The facts of a reservation that was admitted at `admitted_at`, by the windows of this account.
    pub fn lost_at(&self, admitted_at: Timestamp) -> Result<Lost, Refusal> {
        let windows = self.calendar.at(admitted_at)?;
        Ok(Lost { admitted_at, day: windows.day.id, month: windows.month.id, epoch: self.epoch })
    }

    /// A store drops empty windows, so those of a hold that is not live may not be kept yet.
    pub(super) fn keep_windows(&mut self, day: WindowId, month: WindowId) {
        self.days.entry(day);
        self.months.entry(month);
    }

    fn settled(&self, tombstone: &Tombstone) -> Settled {
        Settled { ending: tombstone.ending, over_hold: tombstone.over_hold(), remaining: self.remaining() }
    }

    /// An ending without usage for a hold that was lost, if what its holder says of it can be true: right epoch, right windows, and
    /// young enough that it could not have ended and been forgotten.
    fn lost_tombstone(&mut self, key: Key, lost: Option<Lost>, now: Timestamp) -> Result<Tombstone, Refusal> {
        let lost = lost.filter(|lost| lost.epoch == self.epoch).ok_or(Refusal::Unknown)?;
        let age_ms = now.millis_since(lost.admitted_at);
        let windows = self.calendar.at(lost.admitted_at)?;
        let in_windows = windows.day.id == lost.day && windows.month.id == lost.month;
        if !in_windows || !(-SKEW_MAX_MS..TOMBSTONE_LIFE_MS).contains(&age_ms) {
            return Err(Refusal::Unknown);
        }
        self.keep_windows(lost.day, lost.month);
        Ok(Tombstone {
            key,
            ending: Ending::Released,
            fingerprint: Fingerprint::default(),
            posted: Amount::ZERO,
            held: Amount::ZERO,
            day: lost.day,
            month: lost.month,
            ended_at: now,
            confirmed_at: None,
        })
    }
}
