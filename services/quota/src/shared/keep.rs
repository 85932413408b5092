//! The stores that several processes can share, behind one set of verbs.

use kaleem_domain::{MerchantId, Timestamp};

use super::{line::Stamp, redis::Redis};
use crate::{
    Config, Error,
    machine::{Key, Snapshot},
    store::{Batch, Postgres, Store, Stored, Swapped},
};

/// A store that several processes share; cloning is cheap.
#[derive(Clone)]
pub(crate) enum Keep {
    /// In memory: fast, and it may be lost.
    Redis(Redis),
    /// Durable.
    Postgres(Postgres),
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
    pub(crate) async fn open(config: &Config, store: &Store) -> Result<Option<Self>, Error> {
        match config.redis_url.as_ref().filter(|url| !url.is_empty()) {
            Some(url) => Ok(Some(Self::Redis(Redis::connect(url.expose(), &config.shared).await?))),
            None => Ok(store.postgres().map(Self::Postgres)),
        }
    }

    /// Whether what was committed survives a loss of memory, so that there is no other store behind it.
    pub(crate) const fn is_durable(&self) -> bool {
        match self {
            Self::Redis(_) => false,
            Self::Postgres(_) => true,
        }
    }

    /// What the store has of `merchant`, with how `ended` ended; `None` where it has nothing.
    pub(super) async fn load(&self, merchant: &MerchantId, ended: &[Key]) -> Result<Option<Found>, Error> {
        match self {
            Self::Redis(redis) => redis.load(merchant, ended).await,
            Self::Postgres(postgres) => load(postgres, merchant, ended).await,
        }
    }

    /// Compares as a commit does and writes nothing.
    pub(super) async fn compare(&self, commit: &Commit<'_>) -> Result<Committed, Error> {
        match self {
            Self::Redis(redis) => redis.compare(commit).await,
            Self::Postgres(postgres) => swap(postgres, commit, false).await,
        }
    }

    /// Writes all rows, or none where the store has something else.
    pub(super) async fn commit(&self, commit: &Commit<'_>) -> Result<Committed, Error> {
        match self {
            Self::Redis(redis) => redis.commit(commit).await,
            Self::Postgres(postgres) => swap(postgres, commit, true).await,
        }
    }

    /// Merchants with live holds, at most `max`.
    pub(crate) async fn holders(&self, max: usize) -> Result<Vec<MerchantId>, Error> {
        match self {
            Self::Redis(redis) => redis.holders(max).await,
            Self::Postgres(postgres) => postgres.holders(max).await,
        }
    }
}

async fn load(postgres: &Postgres, merchant: &MerchantId, ended: &[Key]) -> Result<Option<Found>, Error> {
    let stored = postgres.find(merchant, ended).await?;
    Ok(stored.map(|Stored { epoch, version, snapshot }| Found { stamp: Stamp { epoch, version }, snapshot }))
}

async fn swap(postgres: &Postgres, commit: &Commit<'_>, writes: bool) -> Result<Committed, Error> {
    let swapped = Swapped {
        merchant: commit.merchant,
        seen: commit.seen.map(|stamp| (stamp.epoch.as_str(), stamp.version)),
        next: (&commit.next.epoch, commit.next.version),
        opened: commit.opened,
        now: commit.now,
    };
    let is_done = if writes && !commit.batch.is_empty() {
        postgres.swap(&swapped, &commit.batch).await?
    } else {
        postgres.compare(&swapped).await?
    };
    if is_done {
        return Ok(Committed::Done);
    }
    let asked: Vec<Key> = commit.opened.iter().chain(commit.ended).copied().collect();
    Ok(Committed::Differs(load(postgres, commit.merchant, &asked).await?.map(Box::new)))
}
