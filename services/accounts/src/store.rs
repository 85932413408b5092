//! Where merchants, plans, keys and the revocation feed are kept; a back end is one implementation of [`Store`].

mod sql;

use std::sync::Arc;

use futures::future::BoxFuture;
use kaleem_domain::{KeyId, MerchantId, Timestamp};
use kaleem_store::{Postgres, Schema, Sqlite};
use tokio::sync::Notify;

use crate::{
    Config,
    key::ApiKey,
    merchant::{Merchant, State},
    plan::Plan,
};

/// Changes kept in the feed; a watcher that is further behind must start again.
pub const FEED_MAX: i64 = 100_000;

/// The store. Its tables tell the channel `kaleem_accounts` of changes.
static SCHEMA: Schema = Schema {
    name: "accounts",
    called: "the accounts store",
    sqlite: &[("accounts", include_str!("../migrations/sqlite/0001_accounts.sql"))],
    postgres: &[("accounts", include_str!("../migrations/postgres/0001_accounts.sql"))],
};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened, or does not answer.
    #[error(transparent)]
    Unusable(#[from] kaleem_store::Error),
    /// Changes of other processes are not heard of, so that a quiet feed would prove nothing.
    #[error("the accounts store was not heard for too long")]
    Behind,
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
    /// The terms of a plan; its merchants follow one by one. No credential is affected, so watchers are not told.
    Plans,
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

/// A durable store of accounts. Every write is on disk when its future is ready. Callers make one write at a time; a
/// shared store takes the writes of several processes one at a time.
pub trait Store: Send + Sync + 'static {
    /// Whether other processes may write too; what one knows may then be old.
    fn is_shared(&self) -> bool;
    /// Wakes `news` when another process may have changed something, and never ends. A hint: one may get lost.
    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()>;
    /// Adds `plans` to a store that has none.
    fn seed_plans(&self, plans: Vec<Plan>, now: Timestamp) -> Pending<'_, ()>;
    /// Reads what the index holds, at most `keys_max` keys and `merchants_max` merchants.
    fn snapshot(&self, keys_max: usize, merchants_max: usize) -> Pending<'_, Snapshot>;
    /// Adds a version of a plan, unless the newest has the same terms, and announces it and its merchants in the feed;
    /// `None` if it would be one more than `plans_max`.
    fn put_plan(&self, plan: Plan, plans_max: usize, now: Timestamp) -> Pending<'_, Option<Changed<Plan>>>;
    /// Reads the newest version of a plan.
    fn plan(&self, id: String) -> Pending<'_, Option<Plan>>;
    /// Reads the newest version of each plan, by id.
    fn plans(&self) -> Pending<'_, Vec<Plan>>;
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

/// Opens the store in the database that the configuration names, or else in its data folder.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, Error> {
    let Some(url) = &config.postgres_url else {
        return Ok(Arc::new(Sqlite::open(&SCHEMA, &config.data_folder).await?));
    };
    let postgres = Postgres::open(&SCHEMA, url.expose(), &config.postgres).await?;
    tracing::info!(server = postgres.server(), "accounts are kept in Postgres");
    Ok(Arc::new(postgres))
}
