//! The durable stores: the last committed state of every merchant, or of it what must survive the loss of a store in memory.

mod batch;
mod policy;
mod postgres;
mod rows;
mod sqlite;

use kaleem_domain::{MerchantId, Timestamp};
use kaleem_store::Schema;

pub(crate) use batch::{Batch, Entry, HoldRow, UsageEvent};
pub(crate) use policy::StoredPolicy;
pub(crate) use postgres::{Postgres, Stored, Swapped, parse};

use crate::{
    Config, Error,
    machine::{Amount, Key, Snapshot, Tombstone, TopUpRecord, WindowId},
    upstream,
};
use sqlite::Sqlite;

static SCHEMA: Schema = Schema {
    name: "quota",
    called: "the quota journal",
    sqlite: &[
        ("quota", include_str!("../../migrations/sqlite/0001_quota.sql")),
        ("alerts", include_str!("../../migrations/sqlite/0002_alerts.sql")),
        ("upstream", include_str!("../../migrations/sqlite/0003_upstream.sql")),
        ("follow", include_str!("../../migrations/sqlite/0004_follow.sql")),
        ("policy_change", include_str!("../../migrations/sqlite/0005_policy_change.sql")),
    ],
    postgres: &[
        ("quota", include_str!("../../migrations/postgres/0001_quota.sql")),
        ("policy_change", include_str!("../../migrations/postgres/0002_policy_change.sql")),
    ],
};

/// An alert in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredAlert {
    /// Place in the order of commits.
    pub(crate) sequence: i64,
    pub(crate) alert_id: String,
    pub(crate) merchant_id: String,
    pub(crate) dimension: String,
    pub(crate) window: WindowId,
    pub(crate) percent: i32,
    pub(crate) cap_version: i64,
    pub(crate) posted: i64,
    pub(crate) cap: i64,
    pub(crate) created_at: Timestamp,
    /// Webhooks sent in vain.
    pub(crate) tries: u32,
}

/// How far the ledger was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Where the ledger ended when it was first followed.
    pub(crate) baseline: i64,
    /// When that was.
    pub(crate) baseline_at: Timestamp,
    /// Last transaction that was applied.
    pub(crate) transaction: i64,
}

/// What one of several processes does for all of them, until another may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) task: &'a str,
    /// Names the process.
    pub(crate) holder: &'a str,
    pub(crate) until: Timestamp,
}

/// A settled call whose usage event billing is not known to have.
#[derive(Debug, Clone)]
pub(crate) struct Untold {
    pub(crate) merchant: MerchantId,
    pub(crate) key: Key,
    pub(crate) month: WindowId,
    pub(crate) ended_at: Timestamp,
    /// The usage event, serialised.
    pub(crate) usage_event: Vec<u8>,
}

/// An open store; cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// A file of one process.
    Sqlite(Sqlite),
    /// A database of any number of processes.
    Postgres(Postgres),
}

/// Hands a call to the store that there is.
macro_rules! on {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match $store {
            Self::Sqlite(sqlite) => sqlite.$method($($argument),*).await,
            Self::Postgres(postgres) => postgres.$method($($argument),*).await,
        }
    };
}

impl Store {
    /// Opens the database that the configuration names, or else the file, and brings its schema up to date.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        Ok(match config.address() {
            Some(url) => Self::Postgres(Postgres::open(url, &config.shared).await?),
            None => Self::Sqlite(Sqlite::open(&config.path).await?),
        })
    }

    /// The database, where it is one that several processes share.
    pub(crate) fn postgres(&self) -> Option<Postgres> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres) => Some(postgres.clone()),
        }
    }

    /// Epoch of the counters.
    pub(crate) async fn epoch(&self) -> Result<i64, Error> {
        on!(self, epoch())
    }

    /// The last committed state of `merchant` with its last `tombstones_max` tombstones, none of them from a shared database;
    /// `None` where there is none.
    pub(crate) async fn load(
        &self,
        merchant: &MerchantId,
        tombstones_max: usize,
    ) -> Result<Option<Snapshot>, Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.load(merchant, tombstones_max).await,
            Self::Postgres(postgres) => Ok(postgres.find(merchant, &[]).await?.map(|stored| stored.snapshot)),
        }
    }

    /// Merchants in the order of their ids, after `after`, at most `max`.
    pub(crate) async fn merchants(
        &self,
        after: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<MerchantId>, Error> {
        on!(self, merchants(after, max))
    }

    /// Merchants with live holds, at most `max`.
    pub(crate) async fn holders(&self, max: usize) -> Result<Vec<MerchantId>, Error> {
        on!(self, holders(max))
    }

    /// How the reservation `key` ended, if it did and is still remembered.
    pub(crate) async fn tombstone(
        &self,
        merchant: &MerchantId,
        key: Key,
    ) -> Result<Option<Tombstone>, Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.tombstone(merchant, key).await,
            Self::Postgres(postgres) => {
                let found = postgres.find(merchant, &[key]).await?;
                Ok(found.and_then(|stored| stored.snapshot.tombstones.first().copied()))
            }
        }
    }

    /// The top-up `op_id`, of whatever month.
    pub(crate) async fn top_up(
        &self,
        merchant: &MerchantId,
        op_id: &str,
    ) -> Result<Option<TopUpRecord>, Error> {
        on!(self, top_up(merchant, op_id))
    }

    /// Commits `batch`, whole or not at all. Committing it twice is committing it once.
    pub(crate) async fn commit(&self, batch: &Batch) -> Result<(), Error> {
        on!(self, commit(batch))
    }

    /// Deletes tombstones from before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_tombstones(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        on!(self, prune_tombstones(before, max))
    }

    /// Deletes tombstones that were confirmed before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_confirmed(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        on!(self, prune_confirmed(before, max))
    }

    /// How far the ledger was read; `None` before it was read at all.
    pub(crate) async fn position(&self) -> Result<Option<Position>, Error> {
        on!(self, position())
    }

    /// Writes down how far the ledger was read. What was applied up to there must be committed.
    pub(crate) async fn put_position(&self, position: &Position) -> Result<(), Error> {
        on!(self, put_position(position))
    }

    /// Takes or keeps `claim` at `now`; `false` where another process has it. A file serves one process, which always has it.
    pub(crate) async fn claim(&self, claim: &Claim<'_>, now: Timestamp) -> Result<bool, Error> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(postgres) => postgres.claim(claim, now).await,
        }
    }

    /// Gives a task up that `holder` has.
    pub(crate) async fn release_claim(&self, task: &str, holder: &str) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(postgres) => postgres.release_claim(task, holder).await,
        }
    }

    /// What calls that settled since `since` and are not confirmed contribute to a window, or to a balance, of what is committed.
    pub(crate) async fn unconfirmed(
        &self,
        merchant: &MerchantId,
        window: WindowId,
        since: Timestamp,
    ) -> Result<Amount, Error> {
        on!(self, unconfirmed(merchant, window, since))
    }

    /// Calls that settled within a span of time, are not confirmed and have a usage event: the first ones, at most `max`.
    pub(crate) async fn untold(
        &self,
        from: Timestamp,
        to: Timestamp,
        max: u32,
    ) -> Result<Vec<Untold>, Error> {
        on!(self, untold(from, to, max))
    }

    /// Place of an alert in the order of commits; `None` where it is unknown or no longer kept.
    pub(crate) async fn alert_sequence(&self, alert_id: &str) -> Result<Option<i64>, Error> {
        on!(self, alert_sequence(alert_id))
    }

    /// Place of the last alert; 0 before the first.
    pub(crate) async fn last_alert(&self) -> Result<i64, Error> {
        on!(self, last_alert())
    }

    /// Alerts after `sequence` that were not superseded, at most `max`; of one merchant, or of all where it is `None`.
    pub(crate) async fn alerts_after(
        &self,
        sequence: i64,
        merchant: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<StoredAlert>, Error> {
        on!(self, alerts_after(sequence, merchant, max))
    }

    /// Policies that changed after `sequence`, at most `max`; of one account, or of all merchants where it is `None`.
    pub(crate) async fn policies_after(
        &self,
        sequence: i64,
        merchant: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<StoredPolicy>, Error> {
        on!(self, policies_after(sequence, merchant, max))
    }

    /// The number of the last change of a policy; 0 before the first.
    pub(crate) async fn last_policy(&self) -> Result<i64, Error> {
        on!(self, last_policy())
    }

    /// Alerts whose webhook is due, the longest due first and at most `max`. No other process gets them before `again`.
    pub(crate) async fn take_due_alerts(
        &self,
        now: Timestamp,
        again: Timestamp,
        max: u32,
    ) -> Result<Vec<StoredAlert>, Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.take_due_alerts(now, max).await,
            Self::Postgres(postgres) => postgres.take_due_alerts(now, again, max).await,
        }
    }

    /// Alerts whose webhook was neither delivered nor given up.
    pub(crate) async fn pending_alerts(&self) -> Result<i64, Error> {
        on!(self, pending_alerts())
    }

    /// Notes that the webhook was taken, or that no more is tried.
    pub(crate) async fn end_alert(&self, sequence: i64, delivered: bool) -> Result<(), Error> {
        on!(self, end_alert(sequence, delivered))
    }

    /// Notes that the webhook failed and when it is tried again.
    pub(crate) async fn postpone_alert(&self, sequence: i64, next_try: Timestamp) -> Result<(), Error> {
        on!(self, postpone_alert(sequence, next_try))
    }

    /// Deletes alerts from before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_alerts(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        on!(self, prune_alerts(before, max))
    }

    /// Keeps `snapshot` of a model unless a newer one is kept.
    pub(crate) async fn put_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        snapshot: &upstream::Snapshot,
    ) -> Result<(), Error> {
        on!(self, put_upstream(quota_domain, model, snapshot))
    }

    /// Models written since `since`, the last ones and at most `max`; the others are deleted.
    pub(crate) async fn upstreams(
        &self,
        since: Timestamp,
        max: usize,
    ) -> Result<Vec<(String, String, upstream::Snapshot)>, Error> {
        on!(self, upstreams(since, max))
    }
}
