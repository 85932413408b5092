//! The embedded back end: one SQLite file with one writer, durable on every commit.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions as _, SqlitePool, Transaction,
    error::DatabaseError,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

use crate::{Backend, Error, Pending, Schema, Unready, migrator};

const READERS_MAX: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A process that was just told to stop gives its lock back within this time.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// An open store file.
#[derive(Debug)]
pub struct Sqlite {
    /// One connection, so that writes queue here and not in the database.
    pub writer: SqlitePool,
    /// A few connections that cannot write.
    pub readers: SqlitePool,
    /// Held while the store is open: two processes would each trust what they remember.
    _lock: File,
}

impl Sqlite {
    /// Opens `<name>.sqlite` in `folder`, making both where they are missing, and brings its tables up to date.
    pub async fn open(schema: &Schema, folder: &Path) -> Result<Self, Error> {
        let lock = lock(schema, folder).await?;
        let path = folder.join(format!("{}.sqlite", schema.name));
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits when the power fails, and what was acknowledged must not be lost.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let pool = |size, options| {
            let pool = SqlitePoolOptions::new().max_connections(size).min_connections(1);
            pool.idle_timeout(None).max_lifetime(None).acquire_timeout(BUSY_TIMEOUT).connect_with(options)
        };
        let writer = pool(1, options.clone()).await.map_err(|error| classify(&path, error))?;
        migrator(schema.sqlite).run(&writer).await.map_err(|error| match Unready::from(error) {
            Unready::Database(error) => classify(&path, error),
            Unready::Version(source) => Error::Version { path: path.clone(), source },
        })?;
        let readers = pool(READERS_MAX, options.pragma("query_only", "ON")).await;
        Ok(Self { writer, readers: readers.map_err(|error| classify(&path, error))?, _lock: lock })
    }
}

impl Backend for Sqlite {
    type Driver = sqlx::Sqlite;

    const SHARED: bool = false;

    fn read(&self) -> Pending<'_, PoolConnection<sqlx::Sqlite>> {
        Box::pin(self.readers.acquire())
    }

    fn write(&self) -> Pending<'_, Transaction<'static, sqlx::Sqlite>> {
        // Immediate: it holds the write lock from its start.
        Box::pin(self.writer.begin_with("BEGIN IMMEDIATE"))
    }

    fn listen<'a>(&'a self, _news: &'a Notify) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }

    fn run<'a, T: 'a, E: From<Error> + 'a>(
        &'a self,
        work: impl Future<Output = Result<T, E>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, E>> {
        // A local file answers or fails, and waits for a lock are bounded by the pool and the busy timeout.
        Box::pin(work)
    }
}

/// Makes `folder` and takes the lock of its store; the lock ends with the file, also when the process is killed.
async fn lock(schema: &Schema, folder: &Path) -> Result<File, Error> {
    let refuse = |path: PathBuf| move |source| Error::Folder { path, source };
    std::fs::create_dir_all(folder).map_err(refuse(folder.to_owned()))?;
    let path = folder.join(format!("{}.lock", schema.name));
    let file = File::create(&path).map_err(refuse(path.clone()))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(source)) => return Err(Error::Folder { path, source }),
        }
    }
    Err(Error::InUse { path })
}

/// Says what an error while opening means for the operator.
fn classify(path: &Path, error: sqlx::Error) -> Error {
    // Primary result codes of SQLite that speak about the file system: PERM, READONLY, IOERR, FULL, CANTOPEN.
    const FILE_SYSTEM: [i32; 5] = [3, 8, 10, 13, 14];
    let code = error.as_database_error().and_then(DatabaseError::code);
    let code = code.and_then(|code| code.parse::<i32>().ok());
    match code {
        Some(code) if FILE_SYSTEM.contains(&(code & 0xff)) => {
            Error::Folder { path: path.to_owned(), source: io::Error::other(error) }
        }
        _ => Error::Damaged { path: path.to_owned(), source: error },
    }
}
