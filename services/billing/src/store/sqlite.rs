//! The embedded ledger: one SQLite file with one writer, durable on every commit.

mod session;

use std::path::Path;

use kaleem_store::Sqlite;
use sqlx::{SqliteConnection, Transaction, pool::PoolConnection};

use super::{
    Error, Pending, SCHEMA,
    sql::{
        Backend, Sql,
        session::{Session, Writing},
    },
};

/// Opens `billing.sqlite` in `folder`, making both where they are missing.
pub async fn open(folder: &Path) -> Result<Sql<Sqlite>, Error> {
    Ok(Sql::new(Sqlite::open(&SCHEMA, folder).await?))
}

impl Writing for Transaction<'static, sqlx::Sqlite> {
    type Connection = SqliteConnection;

    fn commit(self) -> Pending<'static, ()> {
        Box::pin(async move { Ok(Transaction::commit(self).await?) })
    }
}

impl Backend for Sqlite {
    type Driver = sqlx::Sqlite;
    type Writing = Transaction<'static, sqlx::Sqlite>;

    const CHECK: Option<&'static str> = Some(
        "SELECT 'file: ' || quick_check AS fault FROM pragma_quick_check WHERE quick_check <> 'ok' LIMIT 10",
    );

    fn read(&self) -> Pending<'_, PoolConnection<sqlx::Sqlite>> {
        Box::pin(async { Ok(self.readers.acquire().await?) })
    }

    fn snapshot(&self) -> Pending<'_, Transaction<'static, sqlx::Sqlite>> {
        Box::pin(async {
            let mut transaction = self.readers.begin().await?;
            // In write-ahead mode a deferred transaction takes its snapshot at its first read.
            sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *transaction).await?;
            Ok(transaction)
        })
    }

    fn write(&self) -> Pending<'_, Transaction<'static, sqlx::Sqlite>> {
        // Immediate: it holds the write lock from its start, so that what it reads stays true until it commits.
        Box::pin(async { Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?) })
    }

    fn make_room<'a>(&self, _session: &'a mut dyn Session) -> Pending<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
