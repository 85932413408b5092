//! The merchants in memory, a bounded number, spread over a few locks.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard},
};

use kaleem_domain::MerchantId;

use crate::{Error, feed::Freshness, machine::MerchantState, shared::Line};

/// Locks that the merchants are spread over.
const SHARDS: usize = 16;

/// All merchants in memory.
pub(crate) struct Shards {
    shards: [Shard; SHARDS],
    hasher: RandomState,
}

impl Shards {
    /// Room for about `merchants_max` merchants.
    pub(crate) fn new(merchants_max: usize) -> Self {
        let per_shard = merchants_max.div_ceil(SHARDS);
        Self { shards: std::array::from_fn(|_| Shard::new(per_shard)), hasher: RandomState::new() }
    }

    /// The shard that `merchant` belongs to.
    pub(crate) fn of(&self, merchant: &MerchantId) -> &Shard {
        let hash = self.hasher.hash_one(merchant);
        #[expect(clippy::cast_possible_truncation, reason = "below SHARDS")]
        let index = (hash % SHARDS as u64) as usize;
        &self.shards[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter()
    }

    /// Who is in memory.
    pub(crate) fn merchants(&self) -> Result<Vec<MerchantId>, Error> {
        let mut merchants = Vec::new();
        for shard in &self.shards {
            merchants.extend(shard.lock()?.by_merchant.keys().cloned());
        }
        Ok(merchants)
    }
}

/// Merchants under one lock.
pub(crate) struct Shard {
    slots: Mutex<Slots>,
    /// Held while a merchant is read into the shard, so that it is read once and never over newer state.
    pub(crate) loading: tokio::sync::Mutex<()>,
}

/// A merchant in memory.
pub(crate) struct Slot {
    pub(crate) state: MerchantState,
    /// Number of the last command that the journal took in.
    pub(crate) journaled: u64,
    /// Where the state stands in a shared store; `None` where a journal is behind it.
    pub(crate) line: Option<Box<Line>>,
    pub(crate) freshness: Freshness,
    used: u64,
}

/// The merchants of a shard.
pub(crate) struct Slots {
    by_merchant: HashMap<MerchantId, Slot>,
    capacity: usize,
    /// Counts accesses, to find the merchant that was idle longest.
    tick: u64,
    /// Counts news, to see that some came while accounts was asked.
    pub(crate) news: u64,
}

/// Every merchant of the shard has calls in flight or changes that are not committed.
#[derive(Debug)]
pub(crate) struct Full;

impl Slot {
    pub(crate) const fn new(state: MerchantState, freshness: Freshness) -> Self {
        Self { state, journaled: 0, line: None, freshness, used: 0 }
    }

    /// A merchant of a shared store.
    pub(crate) fn in_line(state: MerchantState, line: Line, freshness: Freshness) -> Self {
        Self { line: Some(Box::new(line)), ..Self::new(state, freshness) }
    }

    /// Whether nothing is lost when it leaves memory: no live hold, nothing waiting, and all that happened is committed.
    fn may_leave(&self, committed: u64) -> bool {
        let at_rest = self.line.as_ref().is_none_or(|line| line.is_at_rest());
        self.state.hold_count() == 0 && self.journaled <= committed && at_rest
    }
}

impl Shard {
    fn new(capacity: usize) -> Self {
        let slots = Slots { by_merchant: HashMap::new(), capacity: capacity.max(1), tick: 0, news: 0 };
        Self { slots: Mutex::new(slots), loading: tokio::sync::Mutex::new(()) }
    }

    /// Locks the shard. A command that panicked may have left half a change, so its shard serves no more.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, Slots>, Error> {
        self.slots.lock().map_err(|_| {
            Error::Damaged("a command panicked; restart to serve the committed state".to_owned())
        })
    }
}

impl Slots {
    /// The merchant if it is in memory.
    pub(crate) fn get(&mut self, merchant: &MerchantId) -> Option<&mut Slot> {
        self.tick += 1;
        let slot = self.by_merchant.get_mut(merchant)?;
        slot.used = self.tick;
        Some(slot)
    }

    /// The merchant if it is in memory, without counting that as use.
    pub(crate) fn peek(&mut self, merchant: &MerchantId) -> Option<&mut Slot> {
        self.by_merchant.get_mut(merchant)
    }

    /// Makes room for one more. In a full shard the merchant that was idle longest goes, if nothing is lost with it.
    pub(crate) fn make_room(&mut self, committed: u64) -> Result<(), Full> {
        if self.by_merchant.len() < self.capacity {
            return Ok(());
        }
        let idle = self.by_merchant.iter().filter(|(_, slot)| slot.may_leave(committed));
        let longest =
            idle.min_by_key(|(_, slot)| slot.used).map(|(merchant, _)| merchant.clone()).ok_or(Full)?;
        self.by_merchant.remove(&longest);
        Ok(())
    }

    /// Puts a merchant into memory, beyond the bound if there was no room made.
    pub(crate) fn insert(&mut self, merchant: MerchantId, slot: Slot) {
        self.tick += 1;
        self.by_merchant.insert(merchant, Slot { used: self.tick, ..slot });
    }

    /// All merchants of the shard.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&MerchantId, &mut Slot)> {
        self.by_merchant.iter_mut()
    }
}
