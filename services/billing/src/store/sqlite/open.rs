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

/// Steps from an empty file to today's tables, numbered from 1; a step never changes once a ledger was made with it.
const MIGRATIONS: [(&str, &str); 5] = [
    ("billing", include_str!("../../../migrations/sqlite/0001_billing.sql")),
    ("amendment", include_str!("../../../migrations/sqlite/0002_amendment.sql")),
    ("statement", include_str!("../../../migrations/sqlite/0003_statement.sql")),
    ("chain", include_str!("../../../migrations/sqlite/0004_chain.sql")),
    ("provider_bill", include_str!("../../../migrations/sqlite/0005_provider_bill.sql")),
];

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
    migrator(&MIGRATIONS).run(&writer).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => classify(&path, error),
        error => Error::Version { path: path.clone(), source: error },
    })?;
    let readers = pool(READERS_MAX, options.pragma("query_only", "ON")).await;
    Ok((writer, readers.map_err(|error| classify(&path, error))?))
}

fn migrator(steps: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(steps.iter().copied()).map(migration).collect())
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

#[cfg(test)]
mod tests {
    use kaleem_domain::Timestamp;

    use super::*;
    use crate::{
        amendment::Amendment,
        audit::{Verdict, audit_chains},
        event::tests::event,
        rating::{rate, tests::version},
        store::sqlite::{amend, books::View, prices, record},
    };

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    /// What a ledger held before there were chains: one charged event.
    const OLD: &str = "
        INSERT INTO usage_event SELECT 1, 'dukkan', '202611/old/0', zeroblob(32), 'old', 0, 1, 0, 'd20261120', 'M202611', 'm@1',
            't', 'u', 'auto', 'm', 'p', 'gw', 'k', 'd', 'ok', 'provider', 1, 0, 0, 0, 0, 0, 5, 5, 0;
        INSERT INTO ledger_txn (txn_id, kind, event_seq, create_time_ms) VALUES (1, 'usage', 1, 0);
        INSERT INTO ledger_entry VALUES (1, 1, 'm:dukkan:receivable', 5), (2, 1, 'rev:usage', -5);";

    #[tokio::test]
    async fn a_ledger_from_before_the_chains_goes_on_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let old = SqlitePool::connect_with(options).await.unwrap();
        migrator(&MIGRATIONS[..1]).run(&old).await.unwrap();
        prices::insert(&mut old.acquire().await.unwrap(), &version(1, 1), NOW).await.unwrap();
        sqlx::raw_sql(OLD).execute(&old).await.unwrap();
        old.close().await;

        let (writer, readers) = pools(folder.path()).await.unwrap();
        let mut connection = writer.acquire().await.unwrap();
        record::record(&mut connection, &[rate(event(), &version(1, 1)).unwrap()], NOW).await.unwrap();
        let amendment = Amendment {
            op_id: "op".into(),
            merchant_id: event().merchant_id,
            event_id: "202611/old/0".into(),
            month_window: "M202611".into(),
            replacement: None,
            reason: "test".into(),
        };
        amend::amend(&mut connection, &amendment, NOW).await.unwrap();
        let sql = "SELECT txn_id, merchant_id, chain_sha256 IS NULL FROM ledger_txn ORDER BY txn_id";
        let rows: Vec<(i64, Option<String>, bool)> = sqlx::query_as(sql).fetch_all(&readers).await.unwrap();
        let merchant = || Some("dukkan".to_owned());
        assert_eq!(rows, [(1, None, true), (2, merchant(), false), (3, merchant(), false)]);
        let mut verdict = Verdict::default();
        let mut view = View::open(readers.begin().await.unwrap()).await.unwrap();
        audit_chains(&mut view, &mut verdict).await.unwrap();
        assert_eq!(verdict.faults, Vec::<String>::new());
    }
}
