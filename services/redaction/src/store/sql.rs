//! The store over SQL, written once for both databases.

use futures::future::BoxFuture;
use kaleem_domain::Timestamp;
use kaleem_store::{Backend, Row, Session};
use tokio::sync::Notify;

use super::{Change, Error, Pending, Store, Stored, VERSIONS_KEPT, Written};

impl<B: Backend> Store for B {
    fn is_shared(&self) -> bool {
        B::SHARED
    }

    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()> {
        Backend::listen(self, news)
    }

    fn newest(&self) -> Pending<'_, i64> {
        self.run(async move { newest(&mut *self.read().await?).await })
    }

    fn policy(&self, merchant_id: String) -> Pending<'_, Option<Stored>> {
        self.run(async move { policy_of(&mut *self.read().await?, &merchant_id).await })
    }

    fn put(
        &self,
        merchant_id: String,
        document: String,
        expected: Option<i64>,
        now: Timestamp,
    ) -> Pending<'_, Written> {
        self.run(async move {
            let mut transaction = self.write().await?;
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
            let session: &mut dyn Session = &mut *self.read().await?;
            session.all(sql, &[after.into(), limit.into()], change).await
        })
    }
}

/// The newest version of all; 0 in a new store.
async fn newest(session: &mut dyn Session) -> Result<i64, Error> {
    Ok(session.number("SELECT coalesce(max(version), 0) AS number FROM policy", &[]).await?)
}

/// The newest row of a merchant.
async fn policy_of(session: &mut dyn Session, merchant_id: &str) -> Result<Option<Stored>, Error> {
    let sql = "SELECT version, document FROM policy WHERE merchant_id = $1 ORDER BY version DESC LIMIT 1";
    let stored = |row: &Row| Ok(Stored { version: row.number("version")?, document: row.text("document")? });
    session.optional(sql, &[merchant_id.into()], stored).await
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
    Ok(session.execute(sql, &values).await?)
}

/// Forgets all but the newest versions of a merchant.
async fn trim(session: &mut dyn Session, merchant_id: &str) -> Result<(), Error> {
    let sql = "DELETE FROM policy WHERE merchant_id = $1 AND version <=
               (SELECT version FROM policy WHERE merchant_id = $1 ORDER BY version DESC LIMIT 1 OFFSET $2)";
    Ok(session.execute(sql, &[merchant_id.into(), VERSIONS_KEPT.into()]).await?)
}

fn change(row: &Row) -> Result<Change, Error> {
    Ok(Change { version: row.number("version")?, merchant_id: row.text("merchant_id")? })
}
