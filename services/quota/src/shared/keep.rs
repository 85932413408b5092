//! The stores that several processes can share, behind one set of verbs.

use kaleem_domain::{MerchantId, Timestamp};

use super::{line::Stamp, redis::Redis};
use crate::{
    Config, Error,
    machine::{Key, Snapshot},
    store::Batch,
};

/// A store that several processes share; cloning is cheap.
#[derive(Clone)]
pub(crate) enum Keep {
    /// In memory: fast, and it may be lost.
    Redis(Redis),
}

/// A merchant as a store has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) stamp: Stamp,
    /// Of the tombstones only those that were asked for.
    pub(super) snapshot: Snapshot,
}

/// Rows that are written if the store still has what they were made from.
pub(super) struct Commit<'a> {
    pub(super) merchant: &'a MerchantId,
    /// What they were made from; `None` where the store had nothing.
    pub(super) seen: Option<&'a Stamp>,
    /// What they make, unless there are none.
    pub(super) next: &'a Stamp,
    pub(super) batch: Batch,
    /// Reservations that must not have ended before.
    pub(super) opened: &'a [Key],
    /// Other reservations whose end is told where the store has something else.
    pub(super) ended: &'a [Key],
    pub(super) now: Timestamp,
}

/// What became of a commit.
pub(super) enum Committed {
    /// The store had what was seen, and has the rows now.
    Done,
    /// The store has this instead, or an opened reservation ended before; nothing was written.
    Differs(Option<Box<Found>>),
}

impl Keep {
    /// Connects to the shared store that the configuration names; `None` where it names none.
    pub(crate) async fn open(config: &Config) -> Result<Option<Self>, Error> {
        match config.redis_url.as_ref().filter(|url| !url.is_empty()) {
            Some(url) => Ok(Some(Self::Redis(Redis::connect(url.expose(), &config.shared).await?))),
            None => Ok(None),
        }
    }

    /// Whether what was committed survives a loss of memory, so that there is no other store behind it.
    pub(super) const fn is_durable(&self) -> bool {
        match self {
            Self::Redis(_) => false,
        }
    }

    /// What the store has of `merchant`, with how `ended` ended; `None` where it has nothing.
    pub(super) async fn load(&self, merchant: &MerchantId, ended: &[Key]) -> Result<Option<Found>, Error> {
        match self {
            Self::Redis(redis) => redis.load(merchant, ended).await,
        }
    }

    /// Compares as a commit does and writes nothing.
    pub(super) async fn compare(&self, commit: &Commit<'_>) -> Result<Committed, Error> {
        match self {
            Self::Redis(redis) => redis.compare(commit).await,
        }
    }

    /// Writes all rows, or none where the store has something else.
    pub(super) async fn commit(&self, commit: &Commit<'_>) -> Result<Committed, Error> {
        match self {
            Self::Redis(redis) => redis.commit(commit).await,
        }
    }

    /// Merchants with live holds, at most `max`.
    pub(crate) async fn holders(&self, max: usize) -> Result<Vec<MerchantId>, Error> {
        match self {
            Self::Redis(redis) => redis.holders(max).await,
        }
    }
}
