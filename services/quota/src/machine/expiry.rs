//! Holds that ran out.

use kaleem_domain::Timestamp;

use super::{Change, Ending, Fingerprint, Key, MerchantState, Refusal, Tombstone};

impl MerchantState {
    /// Expires due holds, the oldest first and at most `max` besides the few of every command; returns how many.
    pub fn expire(
        &mut self,
        max: usize,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<usize, Refusal> {
        let before = self.holds.len();
        let now = self.begin(now, changes)?;
        self.expire_due(max, now, changes);
        Ok(before - self.holds.len())
    }

    pub(super) fn expire_due(&mut self, max: usize, now: Timestamp, changes: &mut Vec<Change>) {
        for _ in 0..max {
            match self.expiries.first() {
                Some((at, key)) if *at <= now => self.lapse(*key, now, changes),
                _ => return,
            }
        }
    }

    /// Expires the hold of `key` if it is due, so that a verb never meets a hold that time has ended.
    pub(super) fn expire_if_due(&mut self, key: Key, now: Timestamp, changes: &mut Vec<Change>) {
        if self.holds.get(&key).is_some_and(|hold| hold.expires_at <= now) {
            self.lapse(key, now, changes);
        }
    }

    fn lapse(&mut self, key: Key, now: Timestamp, changes: &mut Vec<Change>) {
        let Some(hold) = self.close(key) else { return };
        changes.push(Change::HoldEnded(key));
        let posted = hold.conservative();
        self.post((hold.day, hold.month), posted, now, changes);
        let tombstone = Tombstone {
            key,
            ending: Ending::Expired,
            fingerprint: Fingerprint::default(),
            posted,
            held: hold.amount,
            day: hold.day,
            month: hold.month,
            ended_at: now,
            confirmed_at: None,
        };
        self.bury(tombstone, changes);
    }
}
