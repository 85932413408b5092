//! Where merchants, plans, keys and the revocation feed are kept; a back end is one implementation of [`Store`].

pub mod sqlite;

use std::{io, path::PathBuf};

use futures::future::BoxFuture;
use kaleem_domain::{KeyId, MerchantId, Timestamp};

use crate::{
    key::ApiKey,
    merchant::{Merchant, State},
    plan::Plan,
};

/// Changes kept in the feed; a watcher that is further behind must start again.
pub const FEED_MAX: i64 = 100_000;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or its files cannot be made, read or written.
    #[error("{} cannot be used; check that the folder is writable and the disk is not full", path.display())]
    Folder {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Another process holds the store.
    #[error("{} is in use by another kaleem process; stop it, or choose another data folder", path.display())]
    InUse {
        /// Lock file.
        path: PathBuf,
    },
    /// The file is no store, or is broken.
    #[error("{} is damaged or not a kaleem store; restore it from a backup, or move it away to start empty", path.display())]
    Damaged {
        /// Store file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The file was written by another version of kaleem.
    #[error("{} was written by another version of kaleem; start that version, or restore a backup", path.display())]
    Version {
        /// Store file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the accounts store failed")]
    Statement(#[from] sqlx::Error),
    /// A stored value breaks a rule of its field.
    #[error("the accounts store holds a wrong value in {column} of {table}; restore a backup")]
    Value {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
    },
}

/// The future of a store call; dropping it leaves the store as it was or as it should become, never in between.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// What the memory index starts from.
#[derive(Debug)]
pub struct Snapshot {
    /// Newest version of each plan.
    pub plans: Vec<Plan>,
    /// Merchants, at most as many as asked for.
    pub merchants: Vec<Merchant>,
    /// Keys that are not revoked, at most as many as asked for.
    pub keys: Vec<ApiKey>,
    /// Newest sequence of the feed.
    pub sequence: i64,
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A key that is no longer valid.
    Key(String),
    /// A merchant that changed state or policy.
    Merchant(String),
}

/// One entry of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Position.
    pub sequence: i64,
    /// What it is about.
    pub subject: Subject,
}

/// A changed value with the newest sequence of the feed after the change.
#[derive(Debug)]
pub struct Changed<T> {
    /// The value as stored now.
    pub value: T,
    /// Newest sequence.
    pub sequence: i64,
}

/// A durable store of accounts. Every write is on disk when its future is ready. Callers make one write at a time.
pub trait Store: Send + Sync + 'static {
    /// Adds `plans` to a store that has none.
    fn seed_plans(&self, plans: Vec<Plan>, now: Timestamp) -> Pending<'_, ()>;
    /// Reads what the index holds, at most `keys_max` keys and `merchants_max` merchants.
    fn snapshot(&self, keys_max: usize, merchants_max: usize) -> Pending<'_, Snapshot>;
    /// Adds a version of a plan, unless the newest has the same terms, and announces its merchants in the feed.
    fn put_plan(&self, plan: Plan, now: Timestamp) -> Pending<'_, Changed<Plan>>;
    /// Adds a merchant; answers the one that is there if the id is taken.
    fn create_merchant(&self, merchant: Merchant) -> Pending<'_, Option<Merchant>>;
    /// Reads a merchant.
    fn merchant(&self, id: MerchantId) -> Pending<'_, Option<Merchant>>;
    /// Reads up to `limit` merchants after the id `after`, in order.
    fn merchants(&self, after: String, limit: usize) -> Pending<'_, Vec<Merchant>>;
    /// Sets the state of a merchant and announces a change in the feed; `None` if there is no such merchant.
    fn set_state(
        &self,
        id: MerchantId,
        state: State,
        now: Timestamp,
    ) -> Pending<'_, Option<Changed<Merchant>>>;
    /// Adds a key.
    fn add_key(&self, key: ApiKey) -> Pending<'_, ()>;
    /// Reads a key, also one that is revoked.
    fn key(&self, id: KeyId) -> Pending<'_, Option<ApiKey>>;
    /// Reads up to `limit` keys of a merchant, or of none, after the id `after`, in order.
    fn keys(&self, merchant: Option<MerchantId>, after: String, limit: usize) -> Pending<'_, Vec<ApiKey>>;
    /// Revokes a key and announces it, once; `None` if there is no such key.
    fn revoke_key(&self, id: KeyId, now: Timestamp) -> Pending<'_, Option<Changed<ApiKey>>>;
    /// Reads up to `limit` changes after `sequence`; `None` if the feed has a gap there.
    fn changes(&self, sequence: i64, limit: usize) -> Pending<'_, Option<Vec<Change>>>;
}
