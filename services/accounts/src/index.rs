//! The bounded memory index that makes authentication cheap.

use std::{collections::HashMap, sync::Arc};

use kaleem_domain::{KeyId, MerchantId};

use crate::{key::ApiKey, merchant::Merchant, plan::Plan, store::Snapshot};

/// What the index knows about an id.
#[derive(Debug)]
pub enum Lookup<T> {
    /// It is this.
    Found(Arc<T>),
    /// There is none; the store need not be asked.
    Absent,
    /// Only the store knows.
    Unindexed,
}

/// A map that holds at most a bound, and knows whether it holds everything.
#[derive(Debug)]
struct Shelf<K, T> {
    entries: HashMap<K, Arc<T>>,
    max: usize,
    complete: bool,
}

impl<K: std::hash::Hash + Eq, T> Shelf<K, T> {
    fn new(max: usize) -> Self {
        Self { entries: HashMap::new(), max, complete: true }
    }

    fn get(&self, id: &K) -> Lookup<T> {
        match self.entries.get(id) {
            Some(value) => Lookup::Found(Arc::clone(value)),
            None if self.complete => Lookup::Absent,
            None => Lookup::Unindexed,
        }
    }

    fn put(&mut self, id: K, value: T) {
        if self.entries.len() < self.max || self.entries.contains_key(&id) {
            self.entries.insert(id, Arc::new(value));
        } else {
            self.complete = false;
        }
    }

    /// Leaves `id` to the store, after a write of unknown outcome.
    fn distrust(&mut self, id: &K) {
        self.entries.remove(id);
        self.complete = false;
    }
}

/// Keys, merchants and plans in memory. Plans are always complete: they are few and bounded.
#[derive(Debug)]
pub struct Index {
    keys: Shelf<KeyId, ApiKey>,
    merchants: Shelf<MerchantId, Merchant>,
    plans: HashMap<String, Arc<Plan>>,
}

impl Index {
    /// Builds the index from `snapshot`, which may hold one more entry than fits, as a sign that there are more.
    pub fn new(snapshot: Snapshot, keys_max: usize, merchants_max: usize) -> Self {
        let mut index =
            Self { keys: Shelf::new(keys_max), merchants: Shelf::new(merchants_max), plans: HashMap::new() };
        for plan in snapshot.plans {
            index.put_plan(plan);
        }
        for merchant in snapshot.merchants {
            index.put_merchant(merchant);
        }
        for key in snapshot.keys {
            index.put_key(key);
        }
        index
    }

    /// Looks a key up.
    pub fn key(&self, id: &KeyId) -> Lookup<ApiKey> {
        self.keys.get(id)
    }

    /// Looks a merchant up.
    pub fn merchant(&self, id: &MerchantId) -> Lookup<Merchant> {
        self.merchants.get(id)
    }

    /// Looks a plan up.
    pub fn plan(&self, id: &str) -> Option<Arc<Plan>> {
        self.plans.get(id).cloned()
    }

    /// All plans by id.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        let mut plans: Vec<_> = self.plans.values().cloned().collect();
        plans.sort_by(|a, b| a.id.cmp(&b.id));
        plans
    }

    /// Adds or replaces a key.
    pub fn put_key(&mut self, key: ApiKey) {
        self.keys.put(key.id.clone(), key);
    }

    /// Forgets a revoked key: an unknown key is refused just the same.
    pub fn remove_key(&mut self, id: &KeyId) {
        self.keys.entries.remove(id);
    }

    /// Adds or replaces a merchant.
    pub fn put_merchant(&mut self, merchant: Merchant) {
        self.merchants.put(merchant.id.clone(), merchant);
    }

    /// Adds or replaces a plan.
    pub fn put_plan(&mut self, plan: Plan) {
        self.plans.insert(plan.id.clone(), Arc::new(plan));
    }

    /// Leaves a key to the store, after a write of unknown outcome.
    pub fn distrust_key(&mut self, id: &KeyId) {
        self.keys.distrust(id);
    }

    /// Leaves a merchant to the store, after a write of unknown outcome.
    pub fn distrust_merchant(&mut self, id: &MerchantId) {
        self.merchants.distrust(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(entries: &[(u8, &'static str)]) -> Shelf<u8, &'static str> {
        let mut shelf = Shelf::new(2);
        for (id, value) in entries {
            shelf.put(*id, *value);
        }
        shelf
    }

    #[test]
    fn a_complete_shelf_knows_what_is_absent() {
        let shelf = shelf(&[(1, "a"), (2, "b")]);
        assert!(matches!(shelf.get(&1), Lookup::Found(value) if *value == "a"));
        assert!(matches!(shelf.get(&3), Lookup::Absent));
    }

    #[test]
    fn beyond_the_bound_only_the_store_knows() {
        let mut shelf = shelf(&[(1, "a"), (2, "b"), (3, "c")]);
        assert!(matches!(shelf.get(&3), Lookup::Unindexed));
        shelf.put(2, "B");
        assert!(matches!(shelf.get(&2), Lookup::Found(value) if *value == "B"), "what is held stays in step");
        assert_eq!(shelf.entries.len(), 2);
    }

    #[test]
    fn after_an_unknown_outcome_only_the_store_knows() {
        let mut shelf = shelf(&[(1, "a")]);
        shelf.distrust(&1);
        assert!(matches!(shelf.get(&1), Lookup::Unindexed));
    }
}
