//! The shared back end: a schema of a Postgres database that several processes write.

mod open;

use std::{convert::Infallible, time::Duration};

use futures::future::BoxFuture;
use kaleem_runtime::config::{Secret, Span};
use sqlx::{
    PgPool,
    pool::PoolConnection,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::sync::Notify;

use super::{
    Error, Pending,
    sql::{Backend, Sql},
};
use crate::config::PostgresConfig;

pub use open::broken_rule;

/// Told by the trigger of `policy`.
const CHANNEL: &str = "kaleem_redaction";
/// Held by one writer of the database at a time until it has committed.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('kaleem.redaction', 0))";

/// An open schema `redaction`.
pub struct Postgres {
    pool: PgPool,
    /// After a connection was lost.
    retry_after: Duration,
    /// Longest that a call may take with all its waits, should the server's host be gone without a word.
    patience: Duration,
}

impl Postgres {
    /// Opens the schema `redaction` of the database at `url`, making it where it is missing.
    pub async fn open(url: &Secret, config: &PostgresConfig) -> Result<Sql<Self>, Error> {
        let options = open::options(url, config)?;
        open::migrate(&options, config.acquire_timeout.get()).await?;
        tracing::info!(server = open::server(&options), "privacy policies are kept in Postgres");
        let pool = PgPoolOptions::new()
            .max_connections(config.connections_max)
            .acquire_timeout(config.acquire_timeout.get())
            .connect_lazy_with(options);
        let [acquire, lock, statement] =
            [config.acquire_timeout, config.lock_timeout, config.statement_timeout].map(Span::get);
        let (retry_after, patience) = (config.poll_interval.get(), acquire + lock + statement);
        Ok(Sql(Self { pool, retry_after, patience }))
    }

    /// Tells `news` of every notification until the connection is lost.
    async fn hear(&self, news: &Notify) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // What was announced while nobody listened is read from the table.
            news.notify_one();
            listener.recv().await?;
        }
    }
}

impl Backend for Postgres {
    type Driver = sqlx::Postgres;

    const SHARED: bool = true;

    fn read(&self) -> Pending<'_, PoolConnection<sqlx::Postgres>> {
        Box::pin(async { Ok(self.pool.acquire().await?) })
    }

    fn write(&self) -> Pending<'_, sqlx::Transaction<'static, sqlx::Postgres>> {
        Box::pin(async {
            let mut transaction = self.pool.begin().await?;
            sqlx::query(LOCK).execute(&mut *transaction).await?;
            Ok(transaction)
        })
    }

    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                let Err(error) = self.hear(news).await;
                tracing::debug!(%error, "the store of privacy policies is not listened to; changes are polled for");
                tokio::time::sleep(self.retry_after).await;
            }
        })
    }

    fn bounded<'a, T: 'a>(&'a self, work: Pending<'a, T>) -> Pending<'a, T> {
        Box::pin(async move {
            tokio::time::timeout(self.patience, work).await.unwrap_or(Err(Error::Silent(self.patience)))
        })
    }
}
