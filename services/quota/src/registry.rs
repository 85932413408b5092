//! The merchants in memory: every verb runs the state machine under a shard's lock and hands its changes to the journal.
//!
//! What is awaited: Reserve, Settle, Release, Heartbeat and Adjust answer before their changes are committed. A kill of the process
//! may lose the last few milliseconds of them. A lost hold costs nothing, since its Settle is then taken as late; a lost Settle is
//! sent again from the gateway's journal, and the ledger is the truth. Policies and top-ups are committed before they are answered.

mod follow;
mod push;
mod reconcile;
mod residency;
mod upstream;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, atomic::AtomicI64},
};

use kaleem_domain::{Clock, MerchantId, Timestamp};
use kaleem_runtime::{Readiness, Supervisor};

use crate::{
    Config, Error,
    alerts::{Delivery, Watchers, Webhook},
    clients::{Accounts, Billing},
    config::Shadow,
    feed::Feed,
    journal::{Journal, Place},
    machine::{
        Adjust, Beat, CONFIRMED_LIFE_MS, Change, Key, MerchantState, PutPolicy, Refusal, Release, Reserve,
        Reserved, Settle, Settled, TOMBSTONE_LIFE_MS, TopUp, Usage,
    },
    shard::{Shard, Slot},
    store::{Entry, Store, UsageEvent},
    upstream::Upstreams,
};

pub(crate) use push::Round;
pub use reconcile::Rounds;

/// Locks that the merchants are spread over.
const SHARDS: usize = 16;
/// Times a command looks for its merchant in memory before it gives up to others that push it out.
const TRIES_MAX: usize = 3;
/// Due holds of one merchant that one sweep expires at most.
const SWEPT_PER_MERCHANT_MAX: usize = 64;
/// Tombstones that one sweep deletes at most.
const PRUNED_PER_SWEEP_MAX: u32 = 8_192;

/// The merchants in memory, with the journal behind them.
pub struct Registry {
    config: Config,
    clock: Arc<dyn Clock>,
    accounts: Accounts,
    billing: Billing,
    following: follow::Following,
    feed: Feed,
    store: Store,
    journal: Journal,
    watchers: Watchers,
    epoch: i64,
    /// Accounts failed and is not asked before this instant, in milliseconds.
    accounts_down_until: AtomicI64,
    shadow: Shadow,
    upstreams: Mutex<Upstreams>,
    shards: Box<[Shard]>,
    hasher: RandomState,
}

/// What the registry needs of the process.
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) supervisor: Supervisor,
    pub(crate) readiness: Readiness,
    pub(crate) accounts: Accounts,
    pub(crate) billing: Billing,
}

/// What a lookup in memory came to.
enum Lookup<T> {
    Done(T),
    /// The merchant is not in memory, or its policy may be outdated.
    Missing,
}

impl Registry {
    /// Opens the journal and takes every merchant with live holds into memory, as of the last commit.
    pub(crate) async fn open(config: Config, surroundings: Surroundings) -> Result<Self, Error> {
        let store = Store::open(&config.path).await?;
        let Surroundings { clock, supervisor, readiness, accounts, billing } = surroundings;
        let per_shard = config.merchants_max.div_ceil(SHARDS);
        let stopping = supervisor.stopping();
        let journal = Journal::new(store.clone(), supervisor, readiness, &config);
        let watchers = Watchers::new(store.clone(), journal.alerted(), config.alerts.watchers_max, stopping);
        let registry = Self {
            journal,
            watchers,
            epoch: store.epoch().await?,
            shards: (0..SHARDS).map(|_| Shard::new(per_shard)).collect(),
            hasher: RandomState::new(),
            shadow: config.shadow()?,
            upstreams: Mutex::new(Upstreams::new(config.upstream.settings()?)),
            following: follow::Following::new(store.position().await?),
            feed: Feed::default(),
            accounts_down_until: AtomicI64::new(i64::MIN),
            config,
            clock,
            accounts,
            billing,
            store,
        };
        registry.load_holders().await?;
        registry.load_upstreams().await?;
        Ok(registry)
    }

    /// Holds quota for a call, see [`MerchantState::reserve`]. Waits for nothing but the first sight of a merchant and a renewal of
    /// its policy; refuses while the journal is full or failing.
    pub async fn reserve(&self, merchant: &MerchantId, command: &Reserve) -> Result<Reserved, Error> {
        if let Some(reserved) = self.try_reserve(merchant, command)? {
            return Ok(reserved);
        }
        for _ in 0..TRIES_MAX {
            self.refresh(merchant).await?;
            // The policy was asked for within this call, which is fresh whatever the feed says meanwhile.
            if let Lookup::Done(reserved) = self.reserve_in_memory(merchant, command, false)? {
                return Ok(reserved);
            }
        }
        Err(Error::StoreUnavailable("too many merchants call at once"))
    }

    /// As [`Registry::reserve`] without ever waiting; `None` where that is not possible.
    pub fn try_reserve(&self, merchant: &MerchantId, command: &Reserve) -> Result<Option<Reserved>, Error> {
        match self.reserve_in_memory(merchant, command, true)? {
            Lookup::Done(reserved) => Ok(Some(reserved)),
            Lookup::Missing => Ok(None),
        }
    }

    /// Settles a call, see [`MerchantState::settle`]; `usage_event` is kept with it until the ledger has the call. A call that memory
    /// does not know is looked up in the journal, then in the ledger, and taken as late where neither knows it.
    pub async fn settle(
        &self,
        merchant: &MerchantId,
        command: &Settle,
        usage_event: Vec<u8>,
    ) -> Result<Settled, Error> {
        let event = UsageEvent { key: command.key, bytes: usage_event };
        fail::fail_point!("quota::settle::before");
        let known = Settle { lost: None, ..command.clone() };
        let settled = self
            .change(merchant, Some(&event), |state, now, changes| state.settle(&known, now, changes))
            .await;
        let settled = match settled {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.recall(merchant, command.key).await?;
                self.settle_forgotten(merchant, command, &event).await?
            }
            settled => settled?,
        };
        fail::fail_point!("quota::settle::applied");
        if settled.over_hold {
            metrics::counter!("kaleem_quota_settle_over_hold_total").increment(1);
        }
        Ok(settled)
    }

    /// Gives a hold back, see [`MerchantState::release`].
    pub async fn release(&self, merchant: &MerchantId, command: &Release) -> Result<(), Error> {
        let known = Release { lost: None, ..command.clone() };
        let released =
            self.change(merchant, None, |state, now, changes| state.release(&known, now, changes)).await;
        match released {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.recall(merchant, command.key).await?;
                self.change(merchant, None, |state, now, changes| state.release(command, now, changes)).await
            }
            released => released,
        }
    }

    /// Notes a sign of life; says whether there is a live hold.
    pub async fn beat(&self, merchant: &MerchantId, command: &Beat) -> Result<bool, Error> {
        self.change(merchant, None, |state, now, changes| state.beat(command, now, changes)).await
    }

    /// Swaps a hold for another candidate, see [`MerchantState::adjust`].
    pub async fn adjust(&self, merchant: &MerchantId, command: &Adjust) -> Result<Reserved, Error> {
        self.change(merchant, None, |state, now, changes| state.adjust(command, now, changes)).await
    }

    /// Usage now, under the newest policy that accounts can be asked for.
    pub async fn usage(&self, merchant: &MerchantId) -> Result<Usage, Error> {
        match self.refresh(merchant).await {
            Ok(()) | Err(Error::AccountsUnavailable(_)) => {}
            Err(error) => return Err(error),
        }
        self.change(merchant, None, MerchantState::usage).await
    }

    /// Puts a policy in force, see [`MerchantState::put_policy`]; committed when it returns. A merchant that accounts does not know
    /// is made.
    pub async fn put_policy(&self, merchant: &MerchantId, command: &PutPolicy) -> Result<i64, Error> {
        self.ensure_put(merchant, command).await?;
        let version = self
            .change(merchant, None, |state, now, changes| state.put_policy(command, now, changes))
            .await?;
        self.journal.flushed().await?;
        Ok(version)
    }

    /// Adds to the caps of the month, once for each id however old; committed when it returns.
    pub async fn top_up(&self, merchant: &MerchantId, command: &TopUp) -> Result<i64, Error> {
        self.journal.flushed().await?;
        if let Some(record) = self.store.top_up(merchant, &command.op_id).await? {
            let same = record.grants(command);
            return if same { Ok(record.policy_version) } else { Err(Refusal::TopUpReused.into()) };
        }
        let version =
            self.change(merchant, None, |state, now, changes| state.top_up(command, now, changes)).await?;
        fail::fail_point!("quota::top_up::applied");
        self.journal.flushed().await?;
        fail::fail_point!("quota::top_up::committed");
        Ok(version)
    }

    /// Expires due holds of all merchants in memory, a bounded number of each; returns how many.
    pub fn sweep(&self) -> Result<usize, Error> {
        // A sweep that never gets to its work.
        fail::fail_point!("quota::sweep::before", |_| Ok(0));
        let now = self.clock.now();
        let mut expired = 0;
        for shard in &self.shards {
            let mut slots = shard.lock()?;
            let mut taken = Vec::new();
            for (merchant, slot) in slots.iter_mut() {
                if slot.state.next_expiry().is_none_or(|at| at > now) {
                    continue;
                }
                let Ok(place) = self.journal.try_place() else { break };
                let mut changes = Vec::new();
                expired += slot.state.expire(SWEPT_PER_MERCHANT_MAX, now, &mut changes)?;
                taken.extend(self.take(place, slot, merchant, changes, None));
            }
            drop(slots);
            for taken in taken {
                self.journal.start(taken);
            }
        }
        if expired > 0 {
            fail::fail_point!("quota::sweep::applied");
        }
        metrics::counter!("kaleem_quota_expired_total").increment(expired as u64);
        Ok(expired)
    }

    /// Deletes what the journal need not remember any more, a bounded number.
    pub(crate) async fn prune(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let tombstones = now.plus_millis(-TOMBSTONE_LIFE_MS);
        let confirmed = now.plus_millis(-CONFIRMED_LIFE_MS);
        let pruned = self.store.prune_tombstones(tombstones, PRUNED_PER_SWEEP_MAX).await?
            + self.store.prune_confirmed(confirmed, PRUNED_PER_SWEEP_MAX).await?;
        let kept_ms = i64::try_from(self.config.alerts.kept.get().as_millis()).unwrap_or(i64::MAX);
        let alerts = self.store.prune_alerts(now.plus_millis(-kept_ms), PRUNED_PER_SWEEP_MAX).await?;
        Ok(pruned + alerts)
    }

    /// Where alerts are watched.
    pub(crate) const fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// The task that sends webhooks, where one is configured.
    pub(crate) fn delivery(&self, webhook: Option<Webhook>) -> Option<Delivery> {
        webhook.map(|webhook| Delivery {
            webhook,
            store: self.store.clone(),
            committed: self.journal.alerted(),
            clock: Arc::clone(&self.clock),
            config: self.config.alerts.clone(),
        })
    }

    /// Waits until everything answered so far is committed.
    pub async fn flushed(&self) -> Result<(), Error> {
        self.journal.flushed().await
    }

    /// The state of a merchant in memory, for tests and tools; `None` where it is not in memory.
    pub fn inspect<T>(
        &self,
        merchant: &MerchantId,
        look: impl FnOnce(&MerchantState) -> T,
    ) -> Result<Option<T>, Error> {
        let mut slots = self.shard(merchant).lock()?;
        Ok(slots.get(merchant).map(|slot| look(&slot.state)))
    }

    pub(crate) const fn feed(&self) -> &Feed {
        &self.feed
    }

    fn shard(&self, merchant: &MerchantId) -> &Shard {
        let hash = self.hasher.hash_one(merchant);
        #[expect(clippy::cast_possible_truncation, reason = "below SHARDS")]
        let index = (hash % SHARDS as u64) as usize;
        &self.shards[index]
    }

    fn reserve_in_memory(
        &self,
        merchant: &MerchantId,
        command: &Reserve,
        only_fresh: bool,
    ) -> Result<Lookup<Reserved>, Error> {
        let place = self.journal.try_place()?;
        let now = self.clock.now();
        let mut slots = self.shard(merchant).lock()?;
        let Some(slot) = slots.get(merchant) else { return Ok(Lookup::Missing) };
        if only_fresh && !slot.freshness.is_fresh(&self.feed, now) {
            return Ok(Lookup::Missing);
        }
        let mut changes = Vec::new();
        let outcome = slot.state.reserve(command, now, &mut changes);
        let taken = self.take(place, slot, merchant, changes, None);
        drop(slots);
        if let Some(taken) = taken {
            self.journal.start(taken);
        }
        fail::fail_point!("quota::reserve::applied");
        Ok(Lookup::Done(outcome?))
    }

    /// Runs `command` on a merchant, whatever the age of its policy.
    async fn change<T>(
        &self,
        merchant: &MerchantId,
        event: Option<&UsageEvent>,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        for _ in 0..TRIES_MAX {
            self.ensure(merchant).await?;
            let place = self.journal.place().await?;
            if let Lookup::Done(outcome) = self.change_in_memory(merchant, place, event, &command)? {
                return outcome.map_err(Error::from);
            }
        }
        Err(Error::StoreUnavailable("too many merchants call at once"))
    }

    fn change_in_memory<T>(
        &self,
        merchant: &MerchantId,
        place: Place<'_>,
        event: Option<&UsageEvent>,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal>,
    ) -> Result<Lookup<Result<T, Refusal>>, Error> {
        let now = self.clock.now();
        let mut slots = self.shard(merchant).lock()?;
        let Some(slot) = slots.get(merchant) else { return Ok(Lookup::Missing) };
        let mut changes = Vec::new();
        let outcome = command(&mut slot.state, now, &mut changes);
        let event = event.filter(|_| outcome.is_ok()).cloned();
        let taken = self.take(place, slot, merchant, changes, event);
        drop(slots);
        if let Some(taken) = taken {
            self.journal.start(taken);
        }
        Ok(Lookup::Done(outcome))
    }

    /// Hands changes to the journal under the lock that made them.
    fn take(
        &self,
        place: Place<'_>,
        slot: &mut Slot,
        merchant: &MerchantId,
        changes: Vec<Change>,
        usage_event: Option<UsageEvent>,
    ) -> Option<crate::journal::Taken> {
        if changes.is_empty() {
            return None;
        }
        let taken = self.journal.take(place, Entry { merchant: merchant.clone(), changes, usage_event });
        slot.journaled = taken.number;
        Some(taken)
    }

    /// Looks a reservation that memory forgot up in the journal.
    async fn recall(&self, merchant: &MerchantId, key: Key) -> Result<(), Error> {
        self.journal.flushed().await?;
        if let Some(tombstone) = self.store.tombstone(merchant, key).await? {
            let mut slots = self.shard(merchant).lock()?;
            if let Some(slot) = slots.get(merchant) {
                slot.state.recall(tombstone);
            }
        }
        Ok(())
    }
}
