//! The merchants in memory: every verb runs the state machine on one of them and hands its changes to what keeps them.
//!
//! With a journal, a verb runs under a shard's lock and is answered before its changes are committed: Reserve, Settle, Release,
//! Heartbeat and Adjust. A kill of the process may lose the last few milliseconds of them. A lost hold costs nothing, since its Settle
//! is then taken as late; a lost Settle is sent again from the gateway's journal, and the ledger is the truth. Policies and top-ups are
//! committed before they are answered. On a shared store every verb is, see [`crate::shared`].

mod balance;
mod follow;
mod keeper;
mod policies;
mod push;
mod reconcile;
mod residency;
mod spend;
mod upstream;

use std::sync::{Arc, Mutex, atomic::AtomicI64};

use kaleem_domain::{Clock, MerchantId, Timestamp};
use kaleem_runtime::{Readiness, Supervisor};

use crate::{
    Config, Error,
    alerts::{Delivery, Watchers, Webhook},
    clients::{Accounts, Billing},
    config::Shadow,
    feed::Feed,
    machine::{
        Adjust, Beat, CONFIRMED_LIFE_MS, Change, MerchantState, PutPolicy, Refusal, Release, Reserve,
        Reserved, Settle, Settled, TOMBSTONE_LIFE_MS, TopUp, Usage,
    },
    shard::Shards,
    shared::About,
    store::{Store, UsageEvent},
    upstream::Upstreams,
    watch::Places,
};

use keeper::Keeper;
pub(crate) use policies::PolicyInForce;
pub(crate) use push::Round;
pub use reconcile::Rounds;
pub use spend::Spending;

/// Times a command looks for its merchant in memory before it gives up to others that push it out.
const TRIES_MAX: usize = 3;
/// Tombstones that one sweep deletes at most.
const PRUNED_PER_SWEEP_MAX: u32 = 8_192;

/// The merchants in memory, with what keeps their changes.
pub struct Registry {
    config: Config,
    clock: Arc<dyn Clock>,
    accounts: Accounts,
    billing: Billing,
    following: follow::Following,
    feed: Feed,
    store: Store,
    keeper: Keeper,
    watchers: Watchers,
    policy_places: Places,
    epoch: i64,
    /// Accounts failed and is not asked before this instant, in milliseconds.
    accounts_down_until: AtomicI64,
    shadow: Shadow,
    upstreams: Mutex<Upstreams>,
    projects: spend::Projects,
    shards: Arc<Shards>,
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
    /// Opens what keeps the changes and takes every merchant with live holds into memory, as of the last commit.
    pub(crate) async fn open(config: Config, surroundings: Surroundings) -> Result<Self, Error> {
        let store = Store::open(&config).await?;
        let stopping = surroundings.supervisor.stopping();
        let shards = Arc::new(Shards::new(config.merchants_max));
        let epoch = store.epoch().await?;
        let keeper = Keeper::open(&config, &store, &shards, epoch, &surroundings).await?;
        let Surroundings { clock, accounts, billing, .. } = surroundings;
        let polls = keeper.polls(config.alerts.poll_interval.get());
        let watchers = Watchers::new(
            store.clone(),
            keeper.alerted(),
            polls,
            config.alerts.watchers_max,
            stopping.clone(),
        );
        let policy_places = Places::new(config.policy_watchers_max, "quota.policy_watchers_max", stopping);
        let registry = Self {
            keeper,
            watchers,
            policy_places,
            epoch,
            shards,
            shadow: config.shadow()?,
            upstreams: Mutex::new(Upstreams::new(config.upstream.settings()?)),
            projects: spend::Projects::new(config.upstream.spend_caps()?)?,
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

    /// Holds quota for a call, see [`MerchantState::reserve`]. With a journal it waits for nothing but the first sight of a merchant and
    /// a renewal of its policy, and refuses while the journal is full or failing.
    ///
    /// The balance of a merchant that pays ahead is asked of the ledger once.
    pub async fn reserve(&self, merchant: &MerchantId, command: &Reserve) -> Result<Reserved, Error> {
        self.with_balance(merchant, || self.reserve_known(merchant, command)).await
    }

    async fn reserve_known(&self, merchant: &MerchantId, command: &Reserve) -> Result<Reserved, Error> {
        if let Some(reserved) = self.try_reserve(merchant, command)? {
            return Ok(reserved);
        }
        for _ in 0..TRIES_MAX {
            self.refresh(merchant).await?;
            self.recall_forgotten(merchant, command.key).await?;
            // The policy was asked for within this call, which is fresh whatever the feed says meanwhile.
            if let Lookup::Done(reserved) = self.reserve_fresh(merchant, command).await? {
                return Ok(reserved);
            }
        }
        Err(Error::StoreUnavailable("too many merchants call at once"))
    }

    /// As [`Registry::reserve`] without ever waiting; `None` where that is not possible, as on any shared store.
    pub fn try_reserve(&self, merchant: &MerchantId, command: &Reserve) -> Result<Option<Reserved>, Error> {
        let Keeper::Journal(journal) = &self.keeper else { return Ok(None) };
        match self.reserve_in_memory(journal, merchant, command, true)? {
            Lookup::Done(reserved) => Ok(Some(reserved)),
            Lookup::Missing => Ok(None),
        }
    }

    /// Settles a call, see [`MerchantState::settle`]; `usage_event` is kept with it until the ledger has the call. A call that memory
    /// does not know is looked up where its end is kept, then in the ledger, and taken as late where neither knows it.
    pub async fn settle(
        &self,
        merchant: &MerchantId,
        command: &Settle,
        usage_event: Vec<u8>,
    ) -> Result<Settled, Error> {
        let key = command.key;
        let about = About { event: Some(UsageEvent { key, bytes: usage_event }), ..About::ended(key) };
        fail::fail_point!("quota::settle::before");
        let settled = match self.settle_as(merchant, &about, Settle { lost: None, ..command.clone() }).await {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.recall(merchant, key).await?;
                self.settle_forgotten(merchant, command, &about).await?
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
        let about = About::ended(command.key);
        let release = |command: Release| {
            self.change(merchant, about.clone(), move |state, now, changes| {
                state.release(&command, now, changes)
            })
        };
        match release(Release { lost: None, ..command.clone() }).await {
            Err(Error::Refused(Refusal::Unknown)) => {
                self.recall(merchant, command.key).await?;
                release(command.clone()).await
            }
            released => released,
        }
    }

    /// Notes a sign of life; says whether there is a live hold.
    pub async fn beat(&self, merchant: &MerchantId, command: &Beat) -> Result<bool, Error> {
        let command = *command;
        let beat = move |state: &mut MerchantState, now, changes: &mut _| state.beat(&command, now, changes);
        self.change(merchant, About::default(), beat).await
    }

    /// Swaps a hold for another candidate, see [`MerchantState::adjust`].
    pub async fn adjust(&self, merchant: &MerchantId, command: &Adjust) -> Result<Reserved, Error> {
        let (about, command) = (About::ended(command.key), command.clone());
        let adjust =
            move |state: &mut MerchantState, now, changes: &mut _| state.adjust(&command, now, changes);
        self.with_balance(merchant, || self.change(merchant, about.clone(), adjust.clone())).await
    }

    /// Usage now, under the newest policy that accounts can be asked for; without a balance that the ledger cannot be asked for.
    pub async fn usage(&self, merchant: &MerchantId) -> Result<Usage, Error> {
        let usage = self.usage_known(merchant).await?;
        if usage.balance.is_some() || !usage.is_prepaid {
            return Ok(usage);
        }
        match self.open_balance(merchant).await {
            Ok(()) => self.usage_known(merchant).await,
            Err(error) => {
                tracing::debug!(%merchant, %error, "usage is shown without its balance");
                Ok(usage)
            }
        }
    }

    async fn usage_known(&self, merchant: &MerchantId) -> Result<Usage, Error> {
        match self.refresh(merchant).await {
            Ok(()) | Err(Error::AccountsUnavailable(_)) => {}
            Err(error) => return Err(error),
        }
        self.change(merchant, About::default(), MerchantState::usage).await
    }

    /// Puts a policy in force, see [`MerchantState::put_policy`]; committed when it returns. A merchant that accounts does not know
    /// is made.
    pub async fn put_policy(&self, merchant: &MerchantId, command: &PutPolicy) -> Result<i64, Error> {
        self.ensure_put(merchant, command).await?;
        let command = command.clone();
        let put =
            move |state: &mut MerchantState, now, changes: &mut _| state.put_policy(&command, now, changes);
        let version = self.change(merchant, About::default(), put).await?;
        self.keeper.flushed().await?;
        Ok(version)
    }

    /// Adds to the caps of the month, once for each id however old; committed when it returns.
    pub async fn top_up(&self, merchant: &MerchantId, command: &TopUp) -> Result<i64, Error> {
        self.keeper.flushed().await?;
        let (known, command) = (self.store.top_up(merchant, &command.op_id).await?, command.clone());
        let top_up = move |state: &mut MerchantState, now, changes: &mut Vec<Change>| {
            let month = state.open_month(now, changes)?;
            match &known {
                Some(record) if !record.grants(&command) => Err(Refusal::TopUpReused),
                // One of the open month runs again: a shared store in memory may have lost what the durable one has.
                Some(record) if record.month != month => Ok(record.policy_version),
                _ => state.top_up(&command, now, changes),
            }
        };
        let version = self.change(merchant, About::default(), top_up).await?;
        fail::fail_point!("quota::top_up::applied");
        self.keeper.flushed().await?;
        fail::fail_point!("quota::top_up::committed");
        Ok(version)
    }

    /// Deletes what the store need not remember any more, a bounded number.
    pub(crate) async fn prune(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let tombstones = now.plus_millis(-TOMBSTONE_LIFE_MS);
        let confirmed = now.plus_millis(-CONFIRMED_LIFE_MS);
        let pruned = self.store.prune_tombstones(tombstones, PRUNED_PER_SWEEP_MAX).await?
            + self.store.prune_confirmed(confirmed, PRUNED_PER_SWEEP_MAX).await?;
        let kept = now.minus(self.config.alerts.kept.get());
        let alerts = self.store.prune_alerts(kept, PRUNED_PER_SWEEP_MAX).await?;
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
            committed: self.keeper.alerted(),
            clock: Arc::clone(&self.clock),
            config: self.config.alerts.clone(),
        })
    }

    /// Waits until everything answered so far is committed.
    pub async fn flushed(&self) -> Result<(), Error> {
        self.keeper.flushed().await
    }

    /// The state of a merchant in memory, for tests and tools; `None` where it is not in memory.
    pub fn inspect<T>(
        &self,
        merchant: &MerchantId,
        look: impl FnOnce(&MerchantState) -> T,
    ) -> Result<Option<T>, Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        Ok(slots.get(merchant).map(|slot| look(&slot.state)))
    }

    pub(crate) const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Runs `command` on a merchant, whatever the age of its policy.
    async fn change<T: Send + 'static>(
        &self,
        merchant: &MerchantId,
        about: About,
        command: impl Fn(&mut MerchantState, Timestamp, &mut Vec<Change>) -> Result<T, Refusal>
        + Clone
        + Send
        + 'static,
    ) -> Result<T, Error> {
        for _ in 0..TRIES_MAX {
            self.ensure(merchant).await?;
            if let Lookup::Done(outcome) = self.run(merchant, &about, command.clone()).await? {
                return outcome.map_err(Error::from);
            }
        }
        Err(Error::StoreUnavailable("too many merchants call at once"))
    }
}
