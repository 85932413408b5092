//! The directory: authentication from memory, and writes that keep store, memory and feed in step.

mod follow;

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kaleem_domain::{Clock, KeyId, MerchantId};
use kaleem_runtime::{OnError, Supervisor};
use tokio::sync::{Mutex, oneshot, watch};

use crate::{
    Config, Deps, Error, Violation,
    index::{Bounds, Index, Lookup, Mark},
    key::{ApiKey, NewKey, Presented, Scope},
    merchant::{Merchant, NewMerchant, State},
    plan::Plan,
    store::{self, Change, Store},
};

/// A checked caller.
#[derive(Debug)]
pub struct Authenticated {
    /// The key.
    pub key: Arc<ApiKey>,
    /// Merchant that pays, and its plan; `None` for an admin key that names none.
    pub account: Option<(Arc<Merchant>, Arc<Plan>)>,
}

/// Accounts; clones share one store and one memory index.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
    supervisor: Supervisor,
}

struct Shared {
    store: Arc<dyn Store>,
    index: RwLock<Index>,
    /// Held over a store write and its index update, so that both happen in one order.
    writing: Mutex<()>,
    newest: watch::Sender<i64>,
    clock: Arc<dyn Clock>,
    config: Config,
}

impl Directory {
    /// Seeds the plans of a new store, loads the index, and follows what other processes write to a shared store.
    pub async fn open(config: Config, store: Arc<dyn Store>, deps: Deps) -> Result<Self, Error> {
        store.seed_plans(Plan::defaults(), deps.clock.now()).await?;
        let bounds = Bounds {
            keys: config.indexed_keys_max,
            merchants: config.indexed_merchants_max,
            plans: config.plans_max,
        };
        // One more than fits tells the index that it is not complete.
        let snapshot =
            store.snapshot(bounds.keys.saturating_add(1), bounds.merchants.saturating_add(1)).await?;
        let sequence = snapshot.sequence;
        let staleness_max = store.is_shared().then(|| config.staleness_max.get());
        let index = RwLock::new(Index::new(snapshot, bounds, staleness_max));
        let (writing, newest) = (Mutex::new(()), watch::Sender::new(sequence));
        let shared = Shared { store, index, writing, newest, clock: deps.clock, config };
        let directory = Self { shared: Arc::new(shared), supervisor: deps.supervisor };
        directory.plan(&directory.shared.config.default_plan).await?;
        if directory.shared.store.is_shared() {
            directory.follow(sequence);
        }
        Ok(directory)
    }

    fn follow(&self, sequence: i64) {
        let (shared, stopping) = (Arc::clone(&self.shared), self.supervisor.stopping());
        let following = async move {
            stopping.run_until_cancelled(follow::run(&shared, sequence)).await;
            Ok::<(), Infallible>(())
        };
        self.supervisor.spawn("accounts-follow", OnError::Shutdown, following);
    }

    /// Resolves a credential; `act_as` names the merchant that an act-as key speaks for.
    pub async fn authenticate(&self, credential: &str, act_as: &str) -> Result<Authenticated, Error> {
        let presented = Presented::parse(credential).ok_or(Error::CredentialInvalid)?;
        let key = self.shared.key(&presented.id).await?.ok_or(Error::CredentialInvalid)?;
        if !key.accepts(&presented, self.shared.clock.now()) {
            return Err(Error::CredentialInvalid);
        }
        let account = match payer(&key, act_as)? {
            Some(id) => Some(self.account(&id).await?),
            None => None,
        };
        Ok(Authenticated { key, account })
    }

    async fn account(&self, id: &MerchantId) -> Result<(Arc<Merchant>, Arc<Plan>), Error> {
        let merchant = self.merchant(id).await?;
        if merchant.state == State::Suspended {
            return Err(Error::MerchantSuspended(id.to_string()));
        }
        let plan = self.plan(&merchant.plan_id).await?;
        Ok((merchant, plan))
    }

    /// Reads a merchant.
    pub async fn merchant(&self, id: &MerchantId) -> Result<Arc<Merchant>, Error> {
        self.shared.merchant(id).await?.ok_or_else(|| Error::MerchantNotFound(id.to_string()))
    }

    /// Reads the newest version of a plan.
    pub async fn plan(&self, id: &str) -> Result<Arc<Plan>, Error> {
        self.shared.plan(id).await?.ok_or_else(|| Error::PlanNotFound(id.to_owned()))
    }

    /// All plans by id.
    pub async fn plans(&self) -> Result<Vec<Plan>, Error> {
        Ok(self.shared.store.plans().await?)
    }

    /// Up to `limit` merchants after the id `after`.
    pub async fn merchants(&self, after: String, limit: usize) -> Result<Vec<Merchant>, Error> {
        Ok(self.shared.store.merchants(after, limit).await?)
    }

    /// Up to `limit` keys of a merchant, or of none, after the id `after`.
    pub async fn keys(
        &self,
        merchant: Option<MerchantId>,
        after: String,
        limit: usize,
    ) -> Result<Vec<ApiKey>, Error> {
        if let Some(id) = &merchant {
            self.merchant(id).await?;
        }
        Ok(self.shared.store.keys(merchant, after, limit).await?)
    }

    /// Makes a merchant; the same fields again answer the merchant that is there.
    pub async fn create_merchant(&self, asked: NewMerchant) -> Result<Merchant, Error> {
        let merchant = asked.resolve(&self.shared.config.default_plan, self.shared.clock.now())?;
        self.plan(&merchant.plan_id).await?;
        self.write(|shared| async move {
            let id = merchant.id.clone();
            let existing = shared.store.create_merchant(merchant.clone()).await.inspect_err(|_| {
                shared.edit().distrust_merchant(&id);
            })?;
            let Some(existing) = existing else {
                shared.edit().merchant_written(merchant.clone());
                return Ok(merchant);
            };
            match existing.first_difference(&merchant) {
                None => Ok(existing),
                Some(field) => Err(Error::MerchantExists { id: id.to_string(), field }),
            }
        })
        .await
    }

    /// Suspends or resumes a merchant.
    pub async fn set_state(&self, id: MerchantId, state: State) -> Result<Merchant, Error> {
        self.write(move |shared| async move {
            let now = shared.clock.now();
            let changed = shared.store.set_state(id.clone(), state, now).await.inspect_err(|_| {
                shared.edit().distrust_merchant(&id);
            })?;
            let changed = changed.ok_or_else(|| Error::MerchantNotFound(id.to_string()))?;
            shared.edit().merchant_written(changed.value.clone());
            shared.announce(changed.sequence);
            Ok(changed.value)
        })
        .await
    }

    /// Puts a plan in force; the same terms again answer the version that is there.
    pub async fn put_plan(&self, plan: Plan) -> Result<Plan, Error> {
        plan.check()?;
        self.write(move |shared| async move {
            let (max, id) = (shared.config.plans_max, plan.id.clone());
            let changed = shared.store.put_plan(plan, max, shared.clock.now()).await.inspect_err(|_| {
                shared.edit().distrust_plan(&id);
            })?;
            let Some(changed) = changed else {
                let rule =
                    format!("the id of a plan that exists: there are {max}, the most that plans_max allows");
                return Err(Error::RequestInvalid(vec![Violation::new("plan.plan_id", rule)]));
            };
            shared.edit().plan_written(changed.value.clone());
            shared.announce(changed.sequence);
            Ok(changed.value)
        })
        .await
    }

    /// Makes a key and its text, which is returned this once.
    pub async fn issue_key(&self, asked: NewKey) -> Result<(ApiKey, String), Error> {
        let (key, text) = asked.mint(&self.shared.config.environment, self.shared.clock.now())?;
        if let Some(id) = &key.merchant_id {
            self.merchant(id).await?;
        }
        self.write(move |shared| async move {
            shared.store.add_key(key.clone()).await.inspect_err(|_| shared.edit().distrust_key(&key.id))?;
            shared.edit().key_written(key.clone());
            Ok((key, text))
        })
        .await
    }

    /// Revokes a key for good.
    pub async fn revoke_key(&self, id: KeyId) -> Result<ApiKey, Error> {
        self.write(move |shared| async move {
            let changed =
                shared.store.revoke_key(id.clone(), shared.clock.now()).await.inspect_err(|_| {
                    shared.edit().distrust_key(&id);
                })?;
            let changed = changed.ok_or_else(|| Error::KeyNotFound(id.to_string()))?;
            shared.edit().key_revoked(&id);
            shared.announce(changed.sequence);
            Ok(changed.value)
        })
        .await
    }

    /// Changes after `sequence`, at most `limit`.
    pub async fn changes(&self, sequence: i64, limit: usize) -> Result<Vec<Change>, Error> {
        self.shared.store.changes(sequence, limit).await?.ok_or(Error::SequenceUnknown(sequence))
    }

    /// Whether changes of other processes are heard in time; without, a quiet feed proves nothing.
    pub fn is_current(&self) -> bool {
        self.shared.read().is_current()
    }

    /// The newest sequence of the feed, as it grows.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.shared.newest.subscribe()
    }

    /// Runs a write alone and to its end, even if the caller leaves: a write that is stored but not indexed would let a
    /// revoked key in.
    async fn write<T, F, W>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Shared>) -> W + Send + 'static,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let (answer, answered) = oneshot::channel();
        self.supervisor.spawn_detached("accounts-write", async move {
            let writing = Arc::clone(&shared);
            let _alone = writing.writing.lock().await;
            // The caller may have left; the write counts all the same.
            let _ = answer.send(work(shared).await);
        });
        answered.await.map_err(|_| Error::CutOff)?
    }
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the watchers of the feed that it has grown to `sequence`.
    fn announce(&self, sequence: i64) {
        self.newest.send_if_modified(|newest| {
            let grown = sequence > *newest;
            *newest = sequence.max(*newest);
            grown
        });
    }

    async fn key(&self, id: &KeyId) -> Result<Option<Arc<ApiKey>>, Error> {
        let known = self.read().key(id);
        self.resolve(known, |store| store.key(id.clone()), Index::keep_key).await
    }

    async fn merchant(&self, id: &MerchantId) -> Result<Option<Arc<Merchant>>, Error> {
        let known = self.read().merchant(id);
        self.resolve(known, |store| store.merchant(id.clone()), Index::keep_merchant).await
    }

    async fn plan(&self, id: &str) -> Result<Option<Arc<Plan>>, Error> {
        let known = self.read().plan(id);
        self.resolve(known, |store| store.plan(id.to_owned()), Index::keep_plan).await
    }

    /// Answers what is known, or what the store says, which the index then keeps.
    async fn resolve<'a, T>(
        &'a self,
        known: Lookup<T>,
        read: impl FnOnce(&'a dyn Store) -> store::Pending<'a, Option<T>>,
        keep: impl FnOnce(&mut Index, &Arc<T>, Mark),
    ) -> Result<Option<Arc<T>>, Error> {
        let mark = match known {
            Lookup::Found(value) => return Ok(Some(value)),
            Lookup::Absent => return Ok(None),
            Lookup::Unindexed(mark) => mark,
        };
        let Some(value) = read(self.store.as_ref()).await? else { return Ok(None) };
        let value = Arc::new(value);
        keep(&mut self.edit(), &value, mark);
        Ok(Some(value))
    }
}

/// Who pays for a call with `key` that names `act_as`.
fn payer(key: &ApiKey, act_as: &str) -> Result<Option<MerchantId>, Error> {
    let invalid = |rule| Error::RequestInvalid(vec![Violation::new("act_as_merchant_id", rule)]);
    let named = match act_as {
        "" => None,
        text => {
            Some(MerchantId::parse(text).map_err(|_| invalid("the id of a merchant, in x-kaleem-merchant"))?)
        }
    };
    match (&key.merchant_id, named) {
        (Some(own), None) => Ok(Some(own.clone())),
        (Some(own), Some(named)) if *own == named => Ok(Some(named)),
        (None, Some(named)) if key.may(Scope::ActAs) => Ok(Some(named)),
        (_, Some(named)) => Err(Error::MerchantMismatch(named.to_string())),
        // An admin key speaks for the operator and needs no merchant.
        (None, None) if key.may(Scope::Admin) => Ok(None),
        (None, None) => Err(invalid("the merchant that an act-as key speaks for, in x-kaleem-merchant")),
    }
}
