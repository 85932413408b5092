//! What was granted of upstream projects.

use kaleem_domain::Timestamp;
use sqlx::Row as _;

use super::Sqlite;
use crate::{Error, upstream::Snapshot};

const PUT: &str = "INSERT INTO upstream (quota_domain, model, version, written_at, body) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (quota_domain, model) DO UPDATE SET version = excluded.version, written_at = excluded.written_at, \
     body = excluded.body WHERE excluded.version > upstream.version";

impl Sqlite {
    /// Keeps `snapshot` of a model unless a newer one is kept.
    pub(crate) async fn put_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        let put = sqlx::query(PUT).bind(quota_domain).bind(model).bind(snapshot.version);
        let put = put.bind(snapshot.at.as_millis()).bind(serde_json::to_string(snapshot)?);
        put.execute(&self.writer).await?;
        Ok(())
    }

    /// Models written since `since`, the last ones and at most `max`; the others are deleted.
    pub(crate) async fn upstreams(
        &self,
        since: Timestamp,
        max: usize,
    ) -> Result<Vec<(String, String, Snapshot)>, Error> {
        let delete = sqlx::query("DELETE FROM upstream WHERE written_at < ?1").bind(since.as_millis());
        delete.execute(&self.writer).await?;
        let select = "SELECT quota_domain, model, body FROM upstream ORDER BY written_at DESC LIMIT ?1";
        let select = sqlx::query(select).bind(i64::try_from(max).unwrap_or(i64::MAX));
        let rows = select.fetch_all(&self.writer).await?;
        rows.iter()
            .map(|row| {
                let snapshot = serde_json::from_str(&row.try_get::<String, _>(2)?)?;
                Ok((row.try_get(0)?, row.try_get(1)?, snapshot))
            })
            .collect()
    }
}
