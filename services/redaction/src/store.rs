//! Where privacy policies are kept; a back end is one implementation of [`Store`].

pub mod postgres;
mod sql;
pub mod sqlite;

use std::{io, path::PathBuf, time::Duration};

use futures::future::BoxFuture;
use kaleem_domain::Timestamp;
use tokio::sync::Notify;

/// Versions of a merchant's policy that are kept, the one in force included.
pub const VERSIONS_KEPT: i64 = 16;

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
    /// The text is no address of a Postgres database. It may hold a password, so it is not shown.
    #[error("postgres_url must be {0}")]
    Url(&'static str),
    /// The server of the shared store does not answer, or does not let us in.
    #[error(
        "the Postgres server at {server} cannot be used; check that it runs, and user, password and database"
    )]
    Server {
        /// Host and port, or the folder of its socket.
        server: String,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The tables of the shared store were made by another version of kaleem.
    #[error(
        "schema {schema} of the Postgres server at {server} was written by another version of kaleem; start that version, or restore a backup"
    )]
    Schema {
        /// Schema.
        schema: &'static str,
        /// Host and port, or the folder of its socket.
        server: String,
        /// Cause.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The server of the shared store said nothing for too long.
    #[error("the store of privacy policies did not answer within {0:?}")]
    Silent(Duration),
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
