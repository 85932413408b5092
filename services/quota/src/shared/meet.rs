//! What to do about what a store has: go on from it, begin with it, or bring back what it lost.

use kaleem_domain::MerchantId;

use super::{
    Inner,
    commit::copy,
    keep::Found,
    merge::{changes_of, merge},
};
use crate::{
    Error,
    clients::Ledger,
    machine::{Amount, Change, Key, Reconcile, Refusal, WindowId},
};

/// How memory and store stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// The store has all that memory has, and maybe more.
    Ahead,
    /// Neither has anything.
    New,
    /// Memory knows what the store does not.
    Lost,
}

impl Inner {
    /// Makes the copy of `merchant` one that commands can run on, after the store was found to have `found`. The commands name the
    /// reservations `ended`.
    pub(super) async fn meet(
        &self,
        merchant: &MerchantId,
        found: Option<Found>,
        ended: &[Key],
    ) -> Result<(), Error> {
        match (self.relation(merchant, found.as_ref())?, found) {
            (Relation::Ahead, Some(found)) => self.go_on(merchant, found),
            (Relation::New, _) => self.begin(merchant).await,
            (Relation::Lost | Relation::Ahead, _) => self.bring_back(merchant, ended).await,
        }
    }

    fn relation(&self, merchant: &MerchantId, found: Option<&Found>) -> Result<Relation, Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        let (_, line) = copy(&mut slots, merchant)?;
        let follows = |found: &Found| line.stamp.as_ref().is_none_or(|stamp| found.stamp.follows(stamp));
        Ok(match found {
            _ if line.remembers => Relation::Lost,
            Some(found) if follows(found) => Relation::Ahead,
            None if line.stamp.is_none() => Relation::New,
            _ => Relation::Lost,
        })
    }

    fn go_on(&self, merchant: &MerchantId, found: Found) -> Result<(), Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        let (state, line) = copy(&mut slots, merchant)?;
        if line.is_fit && line.stamp.as_ref() == Some(&found.stamp) {
            // The copy knows more: how calls of its own ended.
            for tombstone in found.snapshot.tombstones {
                state.recall(tombstone);
            }
        } else {
            *state = self.restore(merchant, found.snapshot, state.last_time())?;
            line.settle_at(found.stamp);
        }
        Ok(())
    }

    /// A merchant that the store does not have begins with what the ledger says.
    async fn begin(&self, merchant: &MerchantId) -> Result<(), Error> {
        let posted = self.posted(merchant).await?;
        let now = self.clock.now();
        let mut slots = self.shards.of(merchant).lock()?;
        let (state, line) = copy(&mut slots, merchant)?;
        let mut alerts = std::mem::take(&mut line.untold);
        for command in posted {
            let mut changes = Vec::new();
            match state.reconcile(&command, now, &mut changes) {
                // A hold is there from a commit that failed; the window was set before it.
                Ok(_) | Err(Refusal::NotQuiet) => {}
                Err(refusal) => return Err(refusal.into()),
            }
            alerts.extend(changes.into_iter().filter(|change| matches!(change, Change::Alert(_))));
        }
        line.base = changes_of(&state.snapshot());
        line.base.append(&mut alerts);
        line.is_fit = true;
        Ok(())
    }

    /// Posted usage of a merchant's windows by the ledger. Where a store may have lost it and there is no ledger, nobody knows.
    async fn posted(&self, merchant: &MerchantId) -> Result<Vec<Reconcile>, Error> {
        let (windows, is_new) = {
            let mut slots = self.shards.of(merchant).lock()?;
            let (state, _) = copy(&mut slots, merchant)?;
            let windows: Vec<(WindowId, Amount)> =
                state.reconcilable(self.clock.now()).map_err(Refusal::from)?;
            (windows, state.record().policy_version == 0)
        };
        if self.keep.is_durable() || (!self.billing.is_known() && is_new) {
            return Ok(Vec::new());
        }
        let mut posted = Vec::with_capacity(windows.len());
        for (window, seen) in windows {
            let ledger = self.billing.ledger(merchant, window).await?;
            let Ledger { amount, transaction } = ledger;
            let unconfirmed = Amount::ZERO;
            posted.push(Reconcile { window, ledger: amount, unconfirmed, transaction, seen });
        }
        Ok(posted)
    }

    /// Joins what memory knows with what the store and the durable store have; the next commit writes it.
    async fn bring_back(&self, merchant: &MerchantId, ended: &[Key]) -> Result<(), Error> {
        let (own, at) = {
            let mut slots = self.shards.of(merchant).lock()?;
            let (state, _) = copy(&mut slots, merchant)?;
            (state.snapshot(), state.last_time())
        };
        let holds = own.holds.iter().map(|hold| hold.key);
        let tombstones = own.tombstones.iter().map(|tombstone| tombstone.key);
        let keys: Vec<_> = holds.chain(tombstones).chain(ended.iter().copied()).collect();
        let found = self.keep.load(merchant, &keys).await?;
        let durable = if self.keep.is_durable() { None } else { self.durable.load(merchant, 0).await? };
        let (stamp, there) = match found {
            Some(found) => (Some(found.stamp), Some(found.snapshot)),
            None => (None, None),
        };
        let (merged, gone) = merge(own, there, durable, self.clock.now());
        let mut rows = changes_of(&merged);
        if merged.counters.iter().all(|counter| counter.id != WindowId::EVER) {
            rows.push(Change::CounterDropped(WindowId::EVER));
        }
        rows.extend(gone.into_iter().map(Change::HoldEnded));
        let restored = self.restore(merchant, merged, at)?;
        let mut slots = self.shards.of(merchant).lock()?;
        let (state, line) = copy(&mut slots, merchant)?;
        tracing::warn!(%merchant, seen = line.highest, found = stamp.as_ref().map_or(0, |stamp| stamp.version),
            "the shared store lost state of a merchant; what this process knows of it is written back");
        metrics::counter!("kaleem_quota_state_losses_total").increment(1);
        *state = restored;
        line.highest = line.highest.max(stamp.as_ref().map_or(0, |stamp| stamp.version));
        line.stamp = stamp;
        (line.remembers, line.is_fit) = (true, true);
        line.base = rows;
        let untold = std::mem::take(&mut line.untold);
        line.base.extend(untold);
        Ok(())
    }
}
