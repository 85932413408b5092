//! Which merchants are in memory, and how fresh their policies are.

use std::sync::atomic::Ordering;

use kaleem_domain::{MerchantId, Timestamp};

use super::{Lookup, Registry, keeper::Keeper};
use crate::{
    Error,
    feed::Freshness,
    machine::{MerchantState, Origin, Profile, PutPolicy},
    shard::{Full, Slot},
    shared::{About, Line},
};

/// Accounts is left alone this long after it failed, in milliseconds.
const ACCOUNTS_REST_MS: i64 = 500;

impl Registry {
    /// Takes every merchant with live holds into memory, so that the sweeper sees all holds there are.
    pub(super) async fn load_holders(&self) -> Result<(), Error> {
        let holders = match &self.keeper {
            // All of them: whose holds are not in memory, nobody sweeps.
            Keeper::Journal(_) => self.store.holders(usize::MAX).await?,
            Keeper::Shared(shared) => shared.keep().holders(self.config.merchants_max).await?,
        };
        for merchant in holders {
            if let Some(slot) = self.load(&merchant).await? {
                // Beyond the bound if need be: its calls were admitted within that of an earlier process.
                self.shards.of(&merchant).lock()?.insert(merchant.clone(), slot);
            }
        }
        Ok(())
    }

    /// Marks a merchant that is in the news: its policy is asked for before its next call.
    pub(crate) fn invalidate(&self, merchant: &MerchantId) -> Result<(), Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        slots.news += 1;
        if let Some(slot) = slots.get(merchant) {
            slot.freshness.stale = true;
        }
        Ok(())
    }

    /// Makes sure that a merchant is in memory, from the journal or, at its first sight, from accounts.
    pub(super) async fn ensure(&self, merchant: &MerchantId) -> Result<(), Error> {
        if self.shards.of(merchant).lock()?.get(merchant).is_some() {
            return Ok(());
        }
        let _one_at_a_time = self.shards.of(merchant).loading.lock().await;
        if self.ensure_stored(merchant).await? {
            return Ok(());
        }
        self.renew(merchant).await
    }

    /// Whether a merchant is in memory or in the journal, from which it is taken into memory; accounts is not asked.
    pub(super) async fn is_known(&self, merchant: &MerchantId) -> Result<bool, Error> {
        if self.shards.of(merchant).lock()?.get(merchant).is_some() {
            return Ok(true);
        }
        let _one_at_a_time = self.shards.of(merchant).loading.lock().await;
        self.ensure_stored(merchant).await
    }

    /// As [`Registry::ensure`], but a merchant that nobody knows is made from the policy that is about to be put.
    pub(super) async fn ensure_put(&self, merchant: &MerchantId, command: &PutPolicy) -> Result<(), Error> {
        match self.ensure(merchant).await {
            Err(Error::MerchantNotFound(_) | Error::AccountsUnavailable(_) | Error::PolicyInvalid(_)) => {
                let _one_at_a_time = self.shards.of(merchant).loading.lock().await;
                if !self.ensure_stored(merchant).await? {
                    let slot = self.new_slot(merchant, command.profile.clone(), Freshness::default())?;
                    self.insert(merchant, slot).await?;
                }
                Ok(())
            }
            ensured => ensured,
        }
    }

    /// Makes sure that a merchant is in memory with a policy that counts now.
    pub(super) async fn refresh(&self, merchant: &MerchantId) -> Result<(), Error> {
        if self.is_fresh(merchant)? {
            return Ok(());
        }
        let _one_at_a_time = self.shards.of(merchant).loading.lock().await;
        self.ensure_stored(merchant).await?;
        if self.is_fresh(merchant)? { Ok(()) } else { self.renew(merchant).await }
    }

    /// Whether a merchant is in memory with a policy that counts now.
    fn is_fresh(&self, merchant: &MerchantId) -> Result<bool, Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        let slot = slots.get(merchant);
        Ok(slot.is_some_and(|slot| slot.freshness.is_fresh(&self.feed, self.clock.now())))
    }

    /// Takes a merchant from its store into memory if it is not there; `false` where no store has it. Under the
    /// shard's `loading` lock.
    async fn ensure_stored(&self, merchant: &MerchantId) -> Result<bool, Error> {
        if self.shards.of(merchant).lock()?.get(merchant).is_some() {
            return Ok(true);
        }
        let Some(slot) = self.load(merchant).await? else { return Ok(false) };
        self.insert(merchant, slot).await?;
        Ok(true)
    }

    /// Asks accounts for a merchant and puts what it says in force. Under the shard's `loading` lock.
    async fn renew(&self, merchant: &MerchantId) -> Result<(), Error> {
        let (generation, news) = (self.feed.generation(), self.shards.of(merchant).lock()?.news);
        let asked_at = self.clock.now();
        let profile = match self.ask_accounts(merchant, asked_at).await {
            Ok(profile) => profile,
            Err(error) => return self.endure(merchant, error),
        };
        let freshness = Freshness { checked_at: Some(asked_at), generation, stale: false };
        match profile {
            Some(profile) => self.accept(merchant, profile, freshness).await?,
            None => self.accept_unknown(merchant, freshness)?,
        }
        let mut slots = self.shards.of(merchant).lock()?;
        let news_came = slots.news != news;
        if let Some(slot) = slots.get(merchant).filter(|_| news_came) {
            slot.freshness.stale = true;
        }
        Ok(())
    }

    /// Asks accounts, but not again within a moment after it failed, so that calls do not queue up for its timeout.
    /// Of an upstream project the configuration says it.
    async fn ask_accounts(&self, merchant: &MerchantId, now: Timestamp) -> Result<Option<Profile>, Error> {
        if merchant.upstream().is_some() {
            return Ok(self.projects.profile(merchant));
        }
        if now.as_millis() < self.accounts_down_until.load(Ordering::Relaxed) {
            return Err(Error::AccountsUnavailable("it failed a moment ago".to_owned()));
        }
        let profile = self.accounts.profile(merchant).await;
        if let Err(error) = &profile {
            tracing::warn!(%merchant, %error, "the plan of a merchant cannot be read");
            if matches!(error, Error::AccountsUnavailable(_)) {
                self.accounts_down_until
                    .store(now.plus_millis(ACCOUNTS_REST_MS).as_millis(), Ordering::Relaxed);
            }
        }
        profile
    }

    /// Without accounts, a policy that was checked lately still counts.
    fn endure(&self, merchant: &MerchantId, error: Error) -> Result<(), Error> {
        let stale_max = self.config.policy_stale_max.get();
        let mut slots = self.shards.of(merchant).lock()?;
        let checked_at = slots.get(merchant).and_then(|slot| slot.freshness.checked_at);
        let lately = checked_at.is_some_and(|at| self.clock.now() < at.plus(stale_max));
        if lately { Ok(()) } else { Err(error) }
    }

    async fn accept(
        &self,
        merchant: &MerchantId,
        profile: Profile,
        freshness: Freshness,
    ) -> Result<(), Error> {
        if self.shards.of(merchant).lock()?.get(merchant).is_none() {
            let slot = self.new_slot(merchant, profile.clone(), freshness)?;
            self.insert(merchant, slot).await?;
        }
        let put = PutPolicy { profile, origin: Origin::Accounts };
        let put = move |state: &mut MerchantState, now, changes: &mut _| state.put_policy(&put, now, changes);
        // A merchant pushed out of memory in between is asked for again by the caller's next try.
        if let Lookup::Done(Err(refusal)) = self.run(merchant, &About::default(), put).await? {
            return Err(Error::PolicyInvalid(refusal.to_string()));
        }
        if let Some(slot) = self.shards.of(merchant).lock()?.get(merchant) {
            slot.freshness = freshness;
        }
        Ok(())
    }

    /// A merchant that accounts does not know counts only with an operator's policy.
    fn accept_unknown(&self, merchant: &MerchantId, freshness: Freshness) -> Result<(), Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        match slots.get(merchant).filter(|slot| slot.state.is_overridden()) {
            Some(slot) => {
                slot.freshness = freshness;
                Ok(())
            }
            None => Err(Error::MerchantNotFound(merchant.clone())),
        }
    }

    async fn load(&self, merchant: &MerchantId) -> Result<Option<Slot>, Error> {
        if let Keeper::Shared(shared) = &self.keeper {
            let loaded = shared.load(merchant).await?;
            return Ok(loaded.map(|(state, line)| Slot::in_line(state, line, Freshness::default())));
        }
        let limits = self.config.limits();
        let Some(snapshot) = self.store.load(merchant, limits.tombstones_max).await? else { return Ok(None) };
        let state = MerchantState::restore(snapshot, self.epoch, limits, self.clock.now())?;
        Ok(Some(Slot::new(state.in_shadow(self.shadow.has(merchant)), Freshness::default())))
    }

    /// A merchant that nothing is known of but its policy.
    fn new_slot(&self, merchant: &MerchantId, profile: Profile, freshness: Freshness) -> Result<Slot, Error> {
        let state = MerchantState::new(profile, self.epoch, self.config.limits(), self.clock.now())
            .map(|state| state.in_shadow(self.shadow.has(merchant)))
            .map_err(|error| Error::PolicyInvalid(error.to_string()))?;
        Ok(match &self.keeper {
            Keeper::Journal(_) => Slot::new(state, freshness),
            Keeper::Shared(_) => Slot::in_line(state, Line::default(), freshness),
        })
    }

    /// Puts a merchant into memory; where all others are busy, once more after what they did is committed.
    async fn insert(&self, merchant: &MerchantId, slot: Slot) -> Result<(), Error> {
        let Some(slot) = self.insert_if_room(merchant, slot)? else { return Ok(()) };
        self.keeper.flushed().await?;
        match self.insert_if_room(merchant, slot)? {
            None => Ok(()),
            Some(_) => Err(Error::StoreUnavailable("too many merchants have calls in flight")),
        }
    }

    /// Gives the slot back where there is no room.
    fn insert_if_room(&self, merchant: &MerchantId, slot: Slot) -> Result<Option<Slot>, Error> {
        let mut slots = self.shards.of(merchant).lock()?;
        match slots.make_room(self.keeper.committed()) {
            Ok(()) => {
                slots.insert(merchant.clone(), slot);
                Ok(None)
            }
            Err(Full) => Ok(Some(slot)),
        }
    }
}
