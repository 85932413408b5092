//! Where privacy policies are kept; a back end is one implementation of [`Store`].

mod sql;

use std::sync::Arc;

use futures::future::BoxFuture;
use kaleem_domain::Timestamp;
use kaleem_store::{Postgres, Schema, Sqlite};
use tokio::sync::Notify;

use crate::Config;

/// Versions of a merchant's policy that are kept, the one in force included.
pub const VERSIONS_KEPT: i64 = 16;

/// The store. Its tables tell the channel `kaleem_redaction` of changes.
static SCHEMA: Schema = Schema {
    name: "redaction",
    called: "the store of privacy policies",
    sqlite: &[("redaction", include_str!("../migrations/sqlite/0001_redaction.sql"))],
    postgres: &[("redaction", include_str!("../migrations/postgres/0001_redaction.sql"))],
};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened, or does not answer.
    #[error(transparent)]
    Unusable(#[from] kaleem_store::Error),
    /// A statement failed.
    #[error("the store of privacy policies failed")]
    Statement(#[from] sqlx::Error),
}

/// The future of a store call; dropping it leaves the store as it was or as it should become, never in between.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// The newest document of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Unique in the store, and larger than that of every earlier change.
    pub version: i64,
    /// As it was put; empty if the merchant's policy was taken away.
    pub document: String,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The document is in force under this version, perhaps since before.
    InForce(i64),
    /// Nothing was written: this version is in force and not the expected one.
    Changed(i64),
}

/// A change of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its version.
    pub version: i64,
    /// Whose; empty is the default of all.
    pub merchant_id: String,
}

/// A durable store of policies. Every write is on disk when its future is ready.
pub trait Store: Send + Sync + 'static {
    /// Whether other processes may write too; what one knows may then be old.
    fn is_shared(&self) -> bool;
    /// Wakes `news` when another process may have changed something, and never ends. A hint: one may get lost.
    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()>;
    /// The newest version of all policies; 0 in a new store.
    fn newest(&self) -> Pending<'_, i64>;
    /// Reads the newest document of a merchant.
    fn policy(&self, merchant_id: String) -> Pending<'_, Option<Stored>>;
    /// Puts a document in force, unless the version in force is not the `expected` one. The same document again changes
    /// nothing.
    fn put(
        &self,
        merchant_id: String,
        document: String,
        expected: Option<i64>,
        now: Timestamp,
    ) -> Pending<'_, Written>;
    /// Reads up to `limit` changes after a version, in order.
    fn changes(&self, after: i64, limit: usize) -> Pending<'_, Vec<Change>>;
}

/// Opens the store in the database that the configuration names, or else in its data folder.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, Error> {
    let Some(url) = &config.postgres_url else {
        return Ok(Arc::new(Sqlite::open(&SCHEMA, &config.data_folder).await?));
    };
    let postgres = Postgres::open(&SCHEMA, url.expose(), &config.postgres).await?;
    tracing::info!(server = postgres.server(), "privacy policies are kept in Postgres");
    Ok(Arc::new(postgres))
}
