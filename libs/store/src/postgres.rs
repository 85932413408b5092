//! The shared back end: a schema of a Postgres database that several processes write.

mod address;
mod config;
mod tables;

use std::{convert::Infallible, time::Duration};

use futures::future::BoxFuture;
use sqlx::{
    PgPool, Transaction,
    pool::PoolConnection,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::sync::Notify;

use crate::{Backend, Error, Pending, Schema, Unready};

pub use address::{broken_rule, parse, server};
pub use config::{Config, Timeouts};
pub use tables::prepare;

/// Held by one writer of the database at a time until it has committed.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

/// An open schema, whose name the channel of its notifications ends in: `kaleem_<name>`.
#[derive(Debug)]
pub struct Postgres {
    schema: &'static Schema,
    /// Where the server is.
    server: String,
    pool: PgPool,
    retry_after: Duration,
    /// Longest that a call may take with all its waits, should the server's host be gone without a word.
    patience: Duration,
}

impl Postgres {
    /// Opens the schema in the database at `url`, making it where it is missing, and brings its tables up to date.
    pub async fn open(schema: &'static Schema, url: &str, config: &Config) -> Result<Self, Error> {
        let address = parse(url).map_err(Error::Url)?;
        let server = server(&address);
        let timeouts = config.timeouts();
        let options = prepare(schema, address, &timeouts).await.map_err(|unready| match unready {
            Unready::Database(source) => Error::Server { server: server.clone(), source },
            Unready::Version(source) => Error::Schema { schema: schema.name, server: server.clone(), source },
        })?;
        let pool = PgPoolOptions::new().max_connections(config.connections_max);
        let pool = pool.acquire_timeout(timeouts.acquire).connect_lazy_with(options);
        let retry_after = config.poll_interval.get();
        Ok(Self { schema, server, pool, retry_after, patience: timeouts.patience() })
    }

    /// Where the server is, without user and password.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Tells `news` of every notification until the connection is lost.
    async fn hear(&self, news: &Notify) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(&format!("kaleem_{}", self.schema.name)).await?;
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
        Box::pin(self.pool.acquire())
    }

    fn write(&self) -> Pending<'_, Transaction<'static, sqlx::Postgres>> {
        Box::pin(async {
            let mut transaction = self.pool.begin().await?;
            let lock = sqlx::query(LOCK).bind(format!("kaleem.{}", self.schema.name));
            lock.execute(&mut *transaction).await?;
            Ok(transaction)
        })
    }

    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                let Err(error) = self.hear(news).await;
                let store = self.schema.called;
                tracing::debug!(%error, "{store} is not listened to; changes are polled for");
                tokio::time::sleep(self.retry_after).await;
            }
        })
    }

    fn run<'a, T: 'a, E: From<Error> + 'a>(
        &'a self,
        work: impl Future<Output = Result<T, E>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, E>> {
        Box::pin(async move {
            let silent = Error::Silent { store: self.schema.called, patience: self.patience };
            tokio::time::timeout(self.patience, work).await.unwrap_or_else(|_| Err(silent.into()))
        })
    }
}
