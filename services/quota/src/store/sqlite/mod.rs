//! SQLite: the journal of one process, or the durable store of one behind Redis.

mod alerts;
mod follow;
mod policies;
mod read;
mod upstream;
mod write;

use std::{path::Path, time::Duration};

use kaleem_store::migrator;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::SCHEMA;
use crate::Error;

/// Connections that read at once.
const READERS: u32 = 4;
/// How long a connection waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open journal; cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    /// One connection, so that commits never meet each other.
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Sqlite {
    /// Opens the file, makes it where it is missing, and brings its schema up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        // A commit survives the death of the process in either mode. NORMAL may lose the last commits to a loss of power, which the
        // ledger, being the truth, makes good; it saves an fsync a commit.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        let opened = |source| Error::Open { path: path.to_owned(), source };
        let pool =
            |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(BUSY_TIMEOUT);
        let writer = pool(1).connect_with(options.clone()).await.map_err(opened)?;
        migrator(SCHEMA.sqlite)
            .run(&writer)
            .await
            .map_err(|source| Error::Migrate { path: path.to_owned(), source })?;
        let reader = pool(READERS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(opened)?;
        Ok(Self { writer, reader })
    }

    /// Epoch of the counters.
    pub(crate) async fn epoch(&self) -> Result<i64, Error> {
        Ok(sqlx::query("SELECT epoch FROM meta WHERE id = 1").fetch_one(&self.reader).await?.try_get(0)?)
    }
}
