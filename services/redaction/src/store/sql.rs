//! The store over SQL, written once: a back end only says where connections and exclusive transactions come from.

mod session;

use futures::future::BoxFuture;
use kaleem_domain::Timestamp;
use sqlx::{Database, pool::PoolConnection};
use tokio::sync::Notify;

use super::{Change, Error, Pending, Store, Stored, VERSIONS_KEPT, Written};
use session::{Row, Session};

/// A database with the table of `migrations/`.
pub trait Backend: Send + Sync + 'static {
    /// Its driver.
    type Driver: Database<Connection: Session>;

    /// Whether other processes may write too.
    const SHARED: bool;

    /// A connection for one read.
    fn read(&self) -> Pending<'_, PoolConnection<Self::Driver>>;

    /// A transaction that no other writer runs beside, of this process or another, from its start to its commit; so what
    /// it reads stays true, and what it commits is durable.
    fn write(&self) -> Pending<'_, sqlx::Transaction<'static, Self::Driver>>;

    /// See [`Store::listen`].
    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()>;

    /// Bounds `work`, where a database may stop answering.
    fn bounded<'a, T: 'a>(&'a self, work: Pending<'a, T>) -> Pending<'a, T>;
}

/// A store in `B`.
pub struct Sql<B>(pub B);

impl<B: Backend> Sql<B> {
    /// Runs `work`, bounded.
    fn run<'a, T: 'a>(&'a self, work: impl Future<Output = Result<T, Error>> + Send + 'a) -> Pending<'a, T> {
        self.0.bounded(Box::pin(work))
    }
}

impl<B: Backend> Store for Sql<B> {
    fn is_shared(&self) -> bool {
        B::SHARED
    }

    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()> {
        self.0.listen(news)
    }

    fn newest(&self) -> Pending<'_, i64> {
        self.run(async move { newest(&mut *self.0.read().await?).await })
    }

    fn policy(&self, merchant_id: String) -> Pending<'_, Option<Stored>> {
        self.run(async move { policy_of(&mut *self.0.read().await?, &merchant_id).await })
    }

    fn put(
        &self,
        merchant_id: String,
        document: String,
        expected: Option<i64>,
        now: Timestamp,
    ) -> Pending<'_, Written> {
        self.run(async move {
            let mut transaction = self.0.write().await?;
            let session: &mut dyn Session = &mut *transaction;
            let current = policy_of(session, &merchant_id).await?;
            let version = current.as_ref().map_or(0, |current| current.version);
            let stored = current.map(|current| current.document).unwrap_or_default();
            // The same once more, after an answer that was lost, is no conflict.
            if stored == document {
                return Ok(Written::InForce(version));
            }
            if expected.is_some_and(|expected| expected != version) {
                return Ok(Written::Changed(version));
            }
            let version = newest(session).await? + 1;
            insert(session, version, &merchant_id, &document, now).await?;
            trim(session, &merchant_id).await?;
            transaction.commit().await?;
            Ok(Written::InForce(version))
        })
    }

    fn changes(&self, after: i64, limit: usize) -> Pending<'_, Vec<Change>> {
        self.run(async move {
            let sql = "SELECT version, merchant_id FROM policy WHERE version > $1 ORDER BY version LIMIT $2";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = self.0.read().await?.rows(sql, &[after.into(), limit.into()]).await?;
            rows.iter().map(change).collect()
        })
    }
}

/// The newest version of all; 0 in a new store.
async fn newest(session: &mut dyn Session) -> Result<i64, Error> {
    let rows = session.rows("SELECT coalesce(max(version), 0) AS number FROM policy", &[]).await?;
    Ok(rows.first().ok_or(sqlx::Error::RowNotFound)?.number("number")?)
}

/// The newest row of a merchant.
async fn policy_of(session: &mut dyn Session, merchant_id: &str) -> Result<Option<Stored>, Error> {
    let sql = "SELECT version, document FROM policy WHERE merchant_id = $1 ORDER BY version DESC LIMIT 1";
    let rows = session.rows(sql, &[merchant_id.into()]).await?;
    let stored = |row: &Row| Ok(Stored { version: row.number("version")?, document: row.text("document")? });
    rows.first().map(stored).transpose()
}

async fn insert(
    session: &mut dyn Session,
    version: i64,
    merchant_id: &str,
    document: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO policy (version, merchant_id, document, create_time_ms) VALUES ($1, $2, $3, $4)";
    let values = [version.into(), merchant_id.into(), document.into(), now.as_millis().into()];
    session.rows(sql, &values).await?;
    Ok(())
}

/// Forgets all but the newest versions of a merchant.
async fn trim(session: &mut dyn Session, merchant_id: &str) -> Result<(), Error> {
    let sql = "DELETE FROM policy WHERE merchant_id = $1 AND version <=
               (SELECT version FROM policy WHERE merchant_id = $1 ORDER BY version DESC LIMIT 1 OFFSET $2)";
    session.rows(sql, &[merchant_id.into(), VERSIONS_KEPT.into()]).await?;
    Ok(())
}

fn change(row: &Row) -> Result<Change, Error> {
    Ok(Change { version: row.number("version")?, merchant_id: row.text("merchant_id")? })
}
