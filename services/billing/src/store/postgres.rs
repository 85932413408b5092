//! The ledger in Postgres, for several billing processes on one database.
//!
//! Transactions are numbered from 1 without gaps and those of a merchant are chained, so there is one writer at a time: each write
//! transaction takes one advisory lock before it reads anything, and its end gives the lock back. Gapless numbers are what makes a deleted
//! row show, and a sequence of Postgres has gaps. What this costs is made up by writing many events a transaction, one statement a table,
//! and by writing the next ones beside a commit: see [`pipeline`]. Readers take no lock and are never waited for.
//!
//! A write that fails, or whose caller leaves, closes its connection instead of mending it: the server takes the transaction back, and no
//! later write can mistake an answer that was meant for this one.

mod open;
mod pipeline;
mod session;

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use kaleem_domain::Timestamp;
use sqlx::{PgConnection, PgPool, Transaction, pool::PoolConnection};

use super::{
    Error, Pending, Recorded,
    sql::{
        Backend, Sql,
        session::{Session, Writing},
    },
};
use crate::{config::Postgres as Options, rating::RatedEvent};

use self::{open::Pools, pipeline::Pipeline};
pub use open::parse;

/// Starts a transaction that is the only writer; the number is the ASCII of `kbilling`. What it reads is newer than the lock.
const LOCK: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(x'6b62696c6c696e67'::bigint)";
/// Starts a transaction that sees one instant, from its first query on.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Longest query of an audit: it may read a whole table.
const TABLE_LIMIT: Duration = Duration::from_mins(10);

/// An open ledger in Postgres.
pub struct Postgres {
    writers: PgPool,
    readers: PgPool,
    pipeline: Pipeline,
}

impl Postgres {
    /// Connects to `url`, and makes the schema `billing` and its tables where they are missing.
    pub async fn open(url: &str, limits: &Options) -> Result<Sql<Self>, Error> {
        let rule = "billing.postgres_url is no URL of Postgres";
        let url = parse(url).ok_or_else(|| sqlx::Error::Configuration(rule.into()))?;
        let Pools { writers, groups, readers } = open::pools(&url, limits).await?;
        let pipeline = Pipeline::new(writers.clone(), groups);
        Ok(Sql::new(Self { writers, readers, pipeline }))
    }
}

/// A write transaction. Its connection is closed unless it was committed or taken back.
pub struct Open {
    connection: PoolConnection<sqlx::Postgres>,
    ended: bool,
}

impl Open {
    async fn begin(connections: &PgPool, sql: &'static str) -> Result<Self, Error> {
        let mut open = Self { connection: connections.acquire().await?, ended: false };
        sqlx::raw_sql(sql).execute(&mut *open.connection).await?;
        Ok(open)
    }

    async fn take_back(self) -> Result<(), Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, sql: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(sql).execute(&mut *self.connection).await?;
        self.ended = true;
        Ok(())
    }
}

impl Writing for Open {
    type Connection = PgConnection;

    fn commit(self) -> Pending<'static, ()> {
        Box::pin(self.end("COMMIT"))
    }
}

impl Deref for Open {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Open {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

impl Backend for Postgres {
    type Driver = sqlx::Postgres;
    type Writing = Open;

    const CHECK: Option<&'static str> = None;

    fn read(&self) -> Pending<'_, PoolConnection<sqlx::Postgres>> {
        Box::pin(async { Ok(self.readers.acquire().await?) })
    }

    fn snapshot(&self) -> Pending<'_, Transaction<'static, sqlx::Postgres>> {
        Box::pin(async { Ok(self.readers.begin_with(SNAPSHOT).await?) })
    }

    fn write(&self) -> Pending<'_, Open> {
        Box::pin(Open::begin(&self.writers, LOCK))
    }

    const RECORDINGS_AT_ONCE: usize = pipeline::AT_ONCE as usize;

    fn record_unseen<'a>(
        &'a self,
        events: &'a [RatedEvent],
        now: Timestamp,
    ) -> Pending<'a, Option<Vec<Recorded>>> {
        Box::pin(self.pipeline.record(events, now))
    }

    fn make_room<'a>(&self, session: &'a mut dyn Session) -> Pending<'a, ()> {
        Box::pin(async move {
            let limit = TABLE_LIMIT.as_millis().to_string();
            session.execute("SELECT set_config('statement_timeout', $1, true)", &[(&limit).into()]).await
        })
    }
}
