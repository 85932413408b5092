//! The directory: authentication from memory, and writes that keep store, memory and feed in step.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kaleem_domain::{Clock, KeyId, MerchantId};
use kaleem_runtime::Supervisor;
use tokio::sync::{Mutex, oneshot, watch};

use crate::{
    Config, Deps, Error, Violation,
    index::{Index, Lookup},
    key::{ApiKey, NewKey, Presented, Scope},
    merchant::{Merchant, NewMerchant, State},
    plan::Plan,
    store::{Change, Store},
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
    /// Seeds the plans of a new store and loads the index.
    pub async fn open(config: Config, store: Arc<dyn Store>, deps: Deps) -> Result<Self, Error> {
        store.seed_plans(Plan::defaults(), deps.clock.now()).await?;
        // One more than fits tells the index that it is not complete.
        let (keys_max, merchants_max) = (config.indexed_keys_max, config.indexed_merchants_max);
        let snapshot = store.snapshot(keys_max.saturating_add(1), merchants_max.saturating_add(1)).await?;
        let newest = watch::Sender::new(snapshot.sequence);
        let index = Index::new(snapshot, keys_max, merchants_max);
        if index.plan(&config.default_plan).is_none() {
            return Err(Error::PlanNotFound(config.default_plan));
        }
        let (index, writing) = (RwLock::new(index), Mutex::new(()));
        let shared = Shared { store, index, writing, newest, clock: deps.clock, config };
        Ok(Self { shared: Arc::new(shared), supervisor: deps.supervisor })
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
        let plan = self.plan(&merchant.plan_id)?;
        Ok((merchant, plan))
    }

    /// Reads a merchant.
    pub async fn merchant(&self, id: &MerchantId) -> Result<Arc<Merchant>, Error> {
        self.shared.merchant(id).await?.ok_or_else(|| Error::MerchantNotFound(id.to_string()))
    }

    /// Reads the newest version of a plan.
    pub fn plan(&self, id: &str) -> Result<Arc<Plan>, Error> {
        self.shared.read().plan(id).ok_or_else(|| Error::PlanNotFound(id.to_owned()))
    }

    /// All plans by id.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        self.shared.read().plans()
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
        self.plan(&merchant.plan_id)?;
        self.write(|shared| async move {
            let id = merchant.id.clone();
            let existing = shared.store.create_merchant(merchant.clone()).await.inspect_err(|_| {
                shared.edit().distrust_merchant(&id);
            })?;
            let Some(existing) = existing else {
                shared.edit().put_merchant(merchant.clone());
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
            shared.edit().put_merchant(changed.value.clone());
            shared.newest.send_replace(changed.sequence);
            Ok(changed.value)
        })
        .await
    }

    /// Puts a plan in force; the same terms again answer the version that is there.
    pub async fn put_plan(&self, plan: Plan) -> Result<Plan, Error> {
        plan.check()?;
        self.write(move |shared| async move {
            let max = shared.config.plans_max;
            let is_new = shared.read().plan(&plan.id).is_none();
            if is_new && shared.read().plans().len() >= max {
                let rule =
                    format!("the id of a plan that exists: there are {max}, the most that plans_max allows");
                return Err(Error::RequestInvalid(vec![Violation::new("plan.plan_id", rule)]));
            }
            let changed = shared.store.put_plan(plan, shared.clock.now()).await?;
            shared.edit().put_plan(changed.value.clone());
            shared.newest.send_replace(changed.sequence);
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
            shared.edit().put_key(key.clone());
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
            shared.edit().remove_key(&id);
            shared.newest.send_replace(changed.sequence);
            Ok(changed.value)
        })
        .await
    }

    /// Changes after `sequence`, at most `limit`.
    pub async fn changes(&self, sequence: i64, limit: usize) -> Result<Vec<Change>, Error> {
        self.shared.store.changes(sequence, limit).await?.ok_or(Error::SequenceUnknown(sequence))
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

    async fn key(&self, id: &KeyId) -> Result<Option<Arc<ApiKey>>, Error> {
        let known = self.read().key(id);
        match known {
            Lookup::Found(key) => Ok(Some(key)),
            Lookup::Absent => Ok(None),
            Lookup::Unindexed => Ok(self.store.key(id.clone()).await?.map(Arc::new)),
        }
    }

    async fn merchant(&self, id: &MerchantId) -> Result<Option<Arc<Merchant>>, Error> {
        let known = self.read().merchant(id);
        match known {
            Lookup::Found(merchant) => Ok(Some(merchant)),
            Lookup::Absent => Ok(None),
            Lookup::Unindexed => Ok(self.store.merchant(id.clone()).await?.map(Arc::new)),
        }
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
