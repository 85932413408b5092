//! The embedded back end: one SQLite file with one writer, durable on every commit.

mod open;

use std::{fs::File, path::Path};

use futures::future::BoxFuture;
use sqlx::{SqlitePool, pool::PoolConnection};
use tokio::sync::Notify;

use super::{
    Error, Pending,
    sql::{Backend, Sql},
};

/// An open store file.
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held while the store is open: two processes would each trust what they remember.
    _lock: File,
}

impl Sqlite {
    /// Opens `redaction.sqlite` in `folder`, making both where they are missing.
    pub async fn open(folder: &Path) -> Result<Sql<Self>, Error> {
        let lock = open::lock(folder).await?;
        let (writer, readers) = open::pools(folder).await?;
        Ok(Sql(Self { writer, readers, _lock: lock }))
    }
}

impl Backend for Sqlite {
    type Driver = sqlx::Sqlite;

    const SHARED: bool = false;

    fn read(&self) -> Pending<'_, PoolConnection<sqlx::Sqlite>> {
        Box::pin(async { Ok(self.readers.acquire().await?) })
    }

    fn write(&self) -> Pending<'_, sqlx::Transaction<'static, sqlx::Sqlite>> {
        // Immediate: it holds the write lock from its start.
        Box::pin(async { Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?) })
    }

    fn listen<'a>(&'a self, _news: &'a Notify) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }

    fn bounded<'a, T: 'a>(&'a self, work: Pending<'a, T>) -> Pending<'a, T> {
        // A local file answers or fails, and waits for a lock are bounded by the pool and the busy timeout.
        work
    }
}
