//! The bounded memory index that makes authentication cheap.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use kaleem_domain::{KeyId, MerchantId};
use tokio::time::Instant;

use crate::{
    key::ApiKey,
    merchant::Merchant,
    plan::Plan,
    store::{Snapshot, Subject},
};

/// What the index knows about an id.
#[derive(Debug)]
pub enum Lookup<T> {
    /// It is this.
    Found(Arc<T>),
    /// There is none; the store need not be asked.
    Absent,
    /// Only the store knows. What it answers may be kept with this mark.
    Unindexed(Mark),
}

/// A state of the index. An answer of the store that was asked for in another state may be old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

/// How many entries of each kind are held.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Keys.
    pub keys: usize,
    /// Merchants.
    pub merchants: usize,
    /// Plans.
    pub plans: usize,
}

/// A map that holds at most a bound, and knows whether it holds everything.
#[derive(Debug)]
struct Shelf<K, T> {
    entries: HashMap<K, Arc<T>>,
    max: usize,
    complete: bool,
    mark: u64,
}

impl<K: Hash + Eq, T> Shelf<K, T> {
    fn new(max: usize, complete: bool) -> Self {
        Self { entries: HashMap::new(), max, complete, mark: 0 }
    }

    fn get<Q: Hash + Eq + ?Sized>(&self, id: &Q) -> Lookup<T>
    where
        K: Borrow<Q>,
    {
        match self.entries.get(id) {
            Some(value) => Lookup::Found(Arc::clone(value)),
            None if self.complete => Lookup::Absent,
            None => Lookup::Unindexed(Mark(self.mark)),
        }
    }

    fn put(&mut self, id: K, value: Arc<T>) {
        if self.entries.len() < self.max || self.entries.contains_key(&id) {
            self.entries.insert(id, value);
        } else {
            self.complete = false;
        }
    }

    /// Takes up what the store answered to a lookup that came with `mark`, unless something changed since.
    fn keep(&mut self, id: K, value: &Arc<T>, mark: Mark) {
        if mark.0 == self.mark {
            self.put(id, Arc::clone(value));
        }
    }

    /// Takes up what this process wrote. Others may have written it again since, so in a shared store it is only forgotten.
    fn written(&mut self, id: K, value: T, shared: bool) {
        if shared {
            self.forget(&id);
        } else {
            self.mark += 1;
            self.put(id, Arc::new(value));
        }
    }

    /// Leaves `id` to the store.
    fn forget<Q: Hash + Eq + ?Sized>(&mut self, id: &Q)
    where
        K: Borrow<Q>,
    {
        self.mark += 1;
        self.entries.remove(id);
        self.complete = false;
    }

    /// Leaves everything to the store.
    fn forget_all(&mut self) {
        self.mark += 1;
        self.entries.clear();
        self.complete = false;
    }
}

/// What is known of other processes' writes.
#[derive(Debug, Clone, Copy)]
struct Hearing {
    /// All changes until then are in the index.
    until: Instant,
    /// How long the index is trusted without hearing.
    staleness_max: Duration,
}

/// Keys, merchants and plans in memory.
#[derive(Debug)]
pub struct Index {
    keys: Shelf<KeyId, ApiKey>,
    merchants: Shelf<MerchantId, Merchant>,
    plans: Shelf<String, Plan>,
    /// `None` where only this process writes.
    hearing: Option<Hearing>,
}

impl Index {
    /// Builds the index from `snapshot`, which may hold one more entry than fits, as a sign that there are more.
    ///
    /// With `staleness_max` the store is shared: ids that are not held are left to the store, as others may add them, and so
    /// is everything once [`Index::heard`] was not called for that long.
    pub fn new(snapshot: Snapshot, bounds: Bounds, staleness_max: Option<Duration>) -> Self {
        let complete = staleness_max.is_none();
        let mut index = Self {
            keys: Shelf::new(bounds.keys, complete),
            merchants: Shelf::new(bounds.merchants, complete),
            plans: Shelf::new(bounds.plans, complete),
            hearing: staleness_max.map(|staleness_max| Hearing { until: Instant::now(), staleness_max }),
        };
        for plan in snapshot.plans {
            index.plans.put(plan.id.clone(), Arc::new(plan));
        }
        for merchant in snapshot.merchants {
            index.merchants.put(merchant.id.clone(), Arc::new(merchant));
        }
        for key in snapshot.keys {
            index.keys.put(key.id.clone(), Arc::new(key));
        }
        index
    }

    /// Whether what is held can be trusted now.
    pub fn is_current(&self) -> bool {
        self.hearing.is_none_or(|hearing| hearing.until.elapsed() <= hearing.staleness_max)
    }

    /// Looks a key up.
    pub fn key(&self, id: &KeyId) -> Lookup<ApiKey> {
        self.current(&self.keys, id)
    }

    /// Looks a merchant up.
    pub fn merchant(&self, id: &MerchantId) -> Lookup<Merchant> {
        self.current(&self.merchants, id)
    }

    /// Looks a plan up.
    pub fn plan(&self, id: &str) -> Lookup<Plan> {
        self.current(&self.plans, id)
    }

    fn current<K: Hash + Eq + Borrow<Q>, Q: Hash + Eq + ?Sized, T>(
        &self,
        entries: &Shelf<K, T>,
        id: &Q,
    ) -> Lookup<T> {
        if self.is_current() { entries.get(id) } else { Lookup::Unindexed(Mark(entries.mark)) }
    }

    /// Takes up a key that the store answered with. One that is revoked is left to it.
    pub fn keep_key(&mut self, key: &Arc<ApiKey>, mark: Mark) {
        if key.revoke_time.is_none() {
            self.keys.keep(key.id.clone(), key, mark);
        }
    }

    /// Takes up a merchant that the store answered with.
    pub fn keep_merchant(&mut self, merchant: &Arc<Merchant>, mark: Mark) {
        self.merchants.keep(merchant.id.clone(), merchant, mark);
    }

    /// Takes up a plan that the store answered with.
    pub fn keep_plan(&mut self, plan: &Arc<Plan>, mark: Mark) {
        self.plans.keep(plan.id.clone(), plan, mark);
    }

    /// Takes up a key that this process added.
    pub fn key_written(&mut self, key: ApiKey) {
        self.keys.written(key.id.clone(), key, self.hearing.is_some());
    }

    /// Forgets a key that this process revoked: an unknown key is refused just the same.
    pub fn key_revoked(&mut self, id: &KeyId) {
        self.keys.mark += 1;
        self.keys.entries.remove(id);
    }

    /// Takes up a merchant that this process added or changed.
    pub fn merchant_written(&mut self, merchant: Merchant) {
        self.merchants.written(merchant.id.clone(), merchant, self.hearing.is_some());
    }

    /// Takes up a plan that this process added or changed.
    pub fn plan_written(&mut self, plan: Plan) {
        self.plans.written(plan.id.clone(), plan, self.hearing.is_some());
    }

    /// Leaves a key to the store, after a write of unknown outcome.
    pub fn distrust_key(&mut self, id: &KeyId) {
        self.keys.forget(id);
    }

    /// Leaves a merchant to the store, after a write of unknown outcome.
    pub fn distrust_merchant(&mut self, id: &MerchantId) {
        self.merchants.forget(id);
    }

    /// Leaves a plan to the store, after a write of unknown outcome.
    pub fn distrust_plan(&mut self, id: &str) {
        self.plans.forget(id);
    }

    /// Leaves to the store what another process changed.
    pub fn changed(&mut self, subject: &Subject) {
        match subject {
            Subject::Key(id) => self.keys.forget(&KeyId(id.as_str().into())),
            // An id that breaks the rule of ids is held nowhere.
            Subject::Merchant(id) => {
                if let Ok(id) = MerchantId::parse(id) {
                    self.merchants.forget(&id);
                }
            }
            Subject::Plans => self.plans.forget_all(),
        }
    }

    /// Leaves everything to the store, when changes may have been missed.
    pub fn changed_all(&mut self) {
        self.keys.forget_all();
        self.merchants.forget_all();
        self.plans.forget_all();
    }

    /// Notes that every change until `until` was taken up.
    pub fn heard(&mut self, until: Instant) {
        if let Some(hearing) = &mut self.hearing {
            hearing.until = until;
        }
    }
}

#[cfg(test)]
mod tests;
