//! What the SQL stores of the services share: opening a SQLite file or a schema of Postgres, and statements that are written once for both.
//!
//! A service says in a [`Schema`] what its store is called and how its tables are made, and writes its statements for a [`Session`]. It
//! implements its store for every [`Backend`], or takes the parts that it needs where its stores are made otherwise.

mod error;
pub mod postgres;
mod schema;
mod session;
mod sqlite;

use futures::future::BoxFuture;
use sqlx::{Database, Transaction, pool::PoolConnection};
use tokio::sync::Notify;

pub use error::Error;
pub use postgres::Postgres;
pub use schema::{Schema, Step, Unready, migrator};
pub use session::{Columns, Row, Session, Value, bind};
pub use sqlite::Sqlite;

/// The future of a connection.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, sqlx::Error>>;

/// A database with the tables of a [`Schema`].
pub trait Backend: Send + Sync + 'static {
    /// Its driver.
    type Driver: Database<Connection: Session>;

    /// Whether other processes may write too; what one knows may then be old.
    const SHARED: bool;

    /// A connection for one read.
    fn read(&self) -> Pending<'_, PoolConnection<Self::Driver>>;

    /// A transaction that no other writer runs beside, of this process or another, from its start to its commit; so what
    /// it reads stays true, and what it commits is durable.
    fn write(&self) -> Pending<'_, Transaction<'static, Self::Driver>>;

    /// Wakes `news` when another process may have changed something, and never ends. A hint: one may get lost.
    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()>;

    /// Runs `work`, bounded where a database may stop answering: then it ends in [`Error::Silent`].
    fn run<'a, T: 'a, E: From<Error> + 'a>(
        &'a self,
        work: impl Future<Output = Result<T, E>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, E>>;
}
