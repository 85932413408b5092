//! What keeps the changes of commands: a journal behind the answer, or a shared store before it.

use std::{sync::Arc, time::Duration};

use kaleem_domain::{MerchantId, Timestamp};
use tokio::sync::watch;

use super::{Lookup, Registry, Surroundings};
use crate::{
    Config, Error,
    journal::{Journal, Place, Taken},
    machine::{Amount, Change, Key, MerchantState, Mode, Refusal, Reserve, Reserved, WindowId},
    shard::{Shards, Slot},
    shared::{About, Keep, Parts, Shared},
    store::{Entry, Store, Untold, UsageEvent},
};

/// Due holds of one merchant that one sweep expires at most.
const SWEPT_PER_MERCHANT_MAX: usize = 64;

/// What keeps the changes of commands.
pub(super) enum Keeper {
    /// Memory is the truth of this one process; a journal follows it.
    Journal(Journal),
    /// A store of several processes is the truth; memory has copies.
    Shared(Shared),
}

impl Keeper {
    pub(super) async fn open(
        config: &Config,
        store: &Store,
        shards: &Arc<Shards>,
        epoch: i64,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let Surroundings { clock, supervisor, readiness, billing, .. } = surroundings;
        let Some(keep) = Keep::open(config, store).await? else {
            let journal = Journal::new(store.clone(), supervisor.clone(), readiness.clone(), config);
            return Ok(Self::Journal(journal));
        };
        let parts = Parts {
            shards: Arc::clone(shards),
            keep,
            durable: store.clone(),
            billing: billing.clone(),
            clock: Arc::clone(clock),
            supervisor: supervisor.clone(),
            readiness: readiness.clone(),
            epoch,
        };
        Ok(Self::Shared(Shared::new(parts, config)?))
    }

    /// Whether several processes may be one quota.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Waits until everything answered so far is committed.
    pub(super) async fn flushed(&self) -> Result<(), Error> {
        match self {
            Self::Journal(journal) => journal.flushed().await,
            Self::Shared(_) => Ok(()),
        }
    }

    /// Number of the last command that is committed.
    pub(super) fn committed(&self) -> u64 {
        match self {
            Self::Journal(journal) => journal.committed(),
            Self::Shared(_) => u64::MAX,
        }
    }

    /// Changes with each commit of this process that has alerts.
    pub(super) fn alerted(&self) -> watch::Receiver<u64> {
        match self {
            Self::Journal(journal) => journal.alerted(),
            Self::Shared(shared) => shared.alerted(),
        }
    }

    /// What calls that settled since `since` and are not confirmed contribute to a window, or to a balance, of what is committed.
    pub(super) async fn unconfirmed(
        &self,
        store: &Store,
        merchant: &MerchantId,
        window: WindowId,
        since: Timestamp,
    ) -> Result<Amount, Error> {
        match self {
            Self::Journal(_) => store.unconfirmed(merchant, window, since).await,
            Self::Shared(shared) => shared.unconfirmed(merchant, window, since).await,
        }
    }

    /// Calls that settled within a span of time and are not confirmed, with their usage events: the first ones, at most `max`.
    pub(super) async fn untold(
        &self,
        store: &Store,
        from: Timestamp,
        to: Timestamp,
        max: u32,
    ) -> Result<Vec<Untold>, Error> {
        match self {
            Self::Journal(_) => store.untold(from, to, max).await,
            Self::Shared(shared) => shared.untold(from, to, max).await,
        }
    }

    /// How often the outbox of alerts is looked at for those of other processes; `None` where there is no other.
    pub(super) fn polls(&self, interval: Duration) -> Option<Duration> {
        match self {
            Self::Journal(_) => None,
            Self::Shared(_) => Some(interval.max(Duration::from_millis(1))),
        }
    }
}

impl Registry {
    /// Runs `command` on a merchant in memory.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        merchant: &MerchantId,
        about: &About,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Lookup<Result<T, Refusal>>, Error> {
        match &self.keeper {
            Keeper::Journal(journal) => {
                let place = journal.place().await?;
                self.change_in_memory(journal, merchant, place, about.event.as_ref(), command)
            }
            Keeper::Shared(shared) => {
                let outcome = shared.run(merchant, about.clone(), command).await?;
                Ok(outcome.map_or(Lookup::Missing, Lookup::Done))
            }
        }
    }

    /// Runs a command that changes nothing, without a place in the journal; on a shared store it sees what is committed.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        merchant: &MerchantId,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Lookup<Result<T, Refusal>>, Error> {
        if let Keeper::Shared(_) = &self.keeper {
            return self.run(merchant, &About::default(), command).await;
        }
        let mut slots = self.shards.of(merchant).lock()?;
        let Some(slot) = slots.peek(merchant) else { return Ok(Lookup::Missing) };
        Ok(Lookup::Done(command(&mut slot.state, self.clock.now(), &mut Vec::new())))
    }

    /// Reserves for a merchant whose policy counts now.
    pub(super) async fn reserve_fresh(
        &self,
        merchant: &MerchantId,
        command: &Reserve,
    ) -> Result<Lookup<Reserved>, Error> {
        if let Keeper::Journal(journal) = &self.keeper {
            return self.reserve_in_memory(journal, merchant, command, false);
        }
        let checks = command.mode == Mode::CheckOnly;
        let about = if checks { About::default() } else { About::opens(command.key) };
        let command = command.clone();
        let reserve =
            move |state: &mut MerchantState, now, changes: &mut _| state.reserve(&command, now, changes);
        let lookup = self.run(merchant, &about, reserve).await?;
        fail::fail_point!("quota::reserve::applied");
        match lookup {
            Lookup::Done(outcome) => Ok(Lookup::Done(outcome?)),
            Lookup::Missing => Ok(Lookup::Missing),
        }
    }

    pub(super) fn reserve_in_memory(
        &self,
        journal: &Journal,
        merchant: &MerchantId,
        command: &Reserve,
        only_fresh: bool,
    ) -> Result<Lookup<Reserved>, Error> {
        let place = journal.try_place()?;
        let now = self.clock.now();
        let mut slots = self.shards.of(merchant).lock()?;
        let Some(slot) = slots.get(merchant) else { return Ok(Lookup::Missing) };
        let is_known =
            slot.freshness.is_fresh(&self.feed, now) && !slot.state.may_have_forgotten(command.key);
        if only_fresh && !is_known {
            return Ok(Lookup::Missing);
        }
        let mut changes = Vec::new();
        let outcome = slot.state.reserve(command, now, &mut changes);
        let taken = take(journal, place, slot, merchant, changes, None);
        drop(slots);
        if let Some(taken) = taken {
            journal.start(taken);
        }
        fail::fail_point!("quota::reserve::applied");
        Ok(Lookup::Done(outcome?))
    }

    fn change_in_memory<T>(
        &self,
        journal: &Journal,
        merchant: &MerchantId,
        place: Place<'_>,
        event: Option<&UsageEvent>,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal>,
    ) -> Result<Lookup<Result<T, Refusal>>, Error> {
        let now = self.clock.now();
        let mut slots = self.shards.of(merchant).lock()?;
        let Some(slot) = slots.get(merchant) else { return Ok(Lookup::Missing) };
        let mut changes = Vec::new();
        let outcome = command(&mut slot.state, now, &mut changes);
        let event = event.filter(|_| outcome.is_ok()).cloned();
        let taken = take(journal, place, slot, merchant, changes, event);
        drop(slots);
        if let Some(taken) = taken {
            journal.start(taken);
        }
        Ok(Lookup::Done(outcome))
    }

    /// Expires due holds of all merchants in memory, a bounded number of each; returns how many.
    pub async fn sweep(&self) -> Result<usize, Error> {
        // A sweep that never gets to its work.
        fail::fail_point!("quota::sweep::before", |_| Ok(0));
        let expired = match &self.keeper {
            Keeper::Journal(journal) => self.sweep_memory(journal)?,
            Keeper::Shared(_) => self.sweep_shared().await?,
        };
        if expired > 0 {
            fail::fail_point!("quota::sweep::applied");
        }
        metrics::counter!("kaleem_quota_expired_total").increment(expired as u64);
        Ok(expired)
    }

    fn sweep_memory(&self, journal: &Journal) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut expired = 0;
        for shard in self.shards.iter() {
            let mut slots = shard.lock()?;
            let mut taken = Vec::new();
            for (merchant, slot) in slots.iter_mut() {
                if slot.state.next_expiry().is_none_or(|at| at > now) {
                    continue;
                }
                let Ok(place) = journal.try_place() else { break };
                let mut changes = Vec::new();
                expired += slot.state.expire(SWEPT_PER_MERCHANT_MAX, now, &mut changes)?;
                taken.extend(take(journal, place, slot, merchant, changes, None));
            }
            drop(slots);
            for taken in taken {
                journal.start(taken);
            }
        }
        Ok(expired)
    }

    /// As copies see it; a hold that another process ended is seen to have when the command meets the store.
    async fn sweep_shared(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let (mut due, mut expired) = (Vec::new(), 0);
        for shard in self.shards.iter() {
            let mut slots = shard.lock()?;
            let of_shard =
                slots.iter_mut().filter(|(_, slot)| slot.state.next_expiry().is_some_and(|at| at <= now));
            due.extend(of_shard.map(|(merchant, _)| merchant.clone()));
        }
        for merchant in due {
            let expire = |state: &mut MerchantState, now, changes: &mut _| {
                state.expire(SWEPT_PER_MERCHANT_MAX, now, changes)
            };
            match self.run(&merchant, &About::default(), expire).await {
                Ok(Lookup::Done(swept)) => expired += swept?,
                Ok(Lookup::Missing) => {}
                Err(error) => {
                    tracing::warn!(%error, "holds that ran out stay for now; the next sweep tries again");
                    break;
                }
            }
        }
        Ok(expired)
    }

    /// Looks a reservation up in the journal where memory had no room for all that ended.
    pub(super) async fn recall_forgotten(&self, merchant: &MerchantId, key: Key) -> Result<(), Error> {
        let may_be = self
            .shards
            .of(merchant)
            .lock()?
            .get(merchant)
            .is_some_and(|slot| slot.state.may_have_forgotten(key));
        if may_be {
            self.recall(merchant, key).await?;
        }
        Ok(())
    }

    /// Looks a reservation that memory forgot up in the journal. On a shared store that was done before the command ran.
    pub(super) async fn recall(&self, merchant: &MerchantId, key: Key) -> Result<(), Error> {
        let Keeper::Journal(journal) = &self.keeper else { return Ok(()) };
        journal.flushed().await?;
        if let Some(tombstone) = self.store.tombstone(merchant, key).await? {
            let mut slots = self.shards.of(merchant).lock()?;
            if let Some(slot) = slots.get(merchant) {
                slot.state.recall(tombstone);
            }
        }
        Ok(())
    }
}

/// Hands changes to the journal under the lock that made them.
fn take(
    journal: &Journal,
    place: Place<'_>,
    slot: &mut Slot,
    merchant: &MerchantId,
    changes: Vec<Change>,
    usage_event: Option<UsageEvent>,
) -> Option<Taken> {
    if changes.is_empty() {
        return None;
    }
    let taken = journal.take(place, Entry { merchant: merchant.clone(), changes, usage_event });
    slot.journaled = taken.number;
    Some(taken)
}
