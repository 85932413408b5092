//! Opening the store file: folder, lock, settings, migrations, and errors that name the file.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, SqlSafeStr as _, SqlitePool,
    error::DatabaseError,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::super::Error;

const FILE: &str = "billing.sqlite";
const LOCK: &str = "billing.lock";
const READERS_MAX: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A process that was just told to stop gives its lock back within this time.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Makes `folder` and takes its lock; the lock ends with the file, also when the process is killed.
pub async fn lock(folder: &Path) -> Result<File, Error> {
    let refuse = |path: PathBuf| move |source| Error::Folder { path, source };
    std::fs::create_dir_all(folder).map_err(refuse(folder.to_owned()))?;
    let path = folder.join(LOCK);
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

/// Opens the writer and the readers of the store in `folder` and brings its tables up to date.
pub async fn pools(folder: &Path) -> Result<(SqlitePool, SqlitePool), Error> {
    let path = folder.join(FILE);
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL may lose the last commits when the power fails, and those are money that was acknowledged.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let pool = |size, options| {
        let pool = SqlitePoolOptions::new().max_connections(size).min_connections(1);
        pool.idle_timeout(None).max_lifetime(None).acquire_timeout(BUSY_TIMEOUT).connect_with(options)
    };
    let writer = pool(1, options.clone()).await.map_err(|error| classify(&path, error))?;
    migrator().run(&writer).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => classify(&path, error),
        error => Error::Version { path: path.clone(), source: error },
    })?;
    let readers = pool(READERS_MAX, options.pragma("query_only", "ON")).await;
    Ok((writer, readers.map_err(|error| classify(&path, error))?))
}

fn migrator() -> Migrator {
    let sql = include_str!("../../../migrations/sqlite/0001_billing.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(1, "billing".into(), MigrationType::Simple, sql, false)])
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
