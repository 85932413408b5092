//! What was granted of upstream projects.

use kaleem_domain::Timestamp;
use sqlx::Row as _;

use super::Postgres;
use crate::{Error, upstream::Snapshot};

const PUT: &str = "INSERT INTO upstream (quota_domain, model, version, written_at, body) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (quota_domain, model) DO UPDATE SET version = excluded.version, written_at = excluded.written_at, \
     body = excluded.body WHERE excluded.version > upstream.version";

const SWAP: &str = "UPDATE upstream SET version = $3, written_at = $4, body = $5 WHERE quota_domain = $1 AND model = $2 AND version = $6";

const INSERT: &str = "INSERT INTO upstream (quota_domain, model, version, written_at, body) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT DO NOTHING";

impl Postgres {
    /// Keeps `snapshot` of a model unless a newer one is kept.
    pub(crate) async fn put_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        let put = sqlx::query(PUT).bind(quota_domain).bind(model).bind(snapshot.version);
        let put = put.bind(snapshot.at.as_millis()).bind(serde_json::to_string(snapshot)?);
        put.execute(&self.pool).await?;
        Ok(())
    }

    /// Models written since `since`, the last ones and at most `max`; the others are deleted.
    pub(crate) async fn upstreams(
        &self,
        since: Timestamp,
        max: usize,
    ) -> Result<Vec<(String, String, Snapshot)>, Error> {
        let delete = sqlx::query("DELETE FROM upstream WHERE written_at < $1").bind(since.as_millis());
        delete.execute(&self.pool).await?;
        let select = "SELECT quota_domain, model, body FROM upstream ORDER BY written_at DESC LIMIT $1";
        let select = sqlx::query(select).bind(i64::try_from(max).unwrap_or(i64::MAX));
        let rows = select.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, serde_json::from_str(row.try_get(2)?)?)))
            .collect()
    }

    /// What was granted of a model, as all processes know it.
    pub(crate) async fn upstream(&self, quota_domain: &str, model: &str) -> Result<Option<Snapshot>, Error> {
        let select = sqlx::query("SELECT body FROM upstream WHERE quota_domain = $1 AND model = $2");
        let row = select.bind(quota_domain).bind(model).fetch_optional(&self.pool).await?;
        row.map(|row| Ok(serde_json::from_str(row.try_get(0)?)?)).transpose()
    }

    /// Keeps `snapshot` if the version before it is kept, or none where there was none; says whether it is kept.
    pub(crate) async fn swap_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        seen: Option<i64>,
        snapshot: &Snapshot,
    ) -> Result<bool, Error> {
        let sql = if seen.is_some() { SWAP } else { INSERT };
        let swap = sqlx::query(sql).bind(quota_domain).bind(model).bind(snapshot.version);
        let swap = swap.bind(snapshot.at.as_millis()).bind(serde_json::to_string(snapshot)?);
        let swap = match seen {
            Some(version) => swap.bind(version),
            None => swap,
        };
        Ok(swap.execute(&self.pool).await?.rows_affected() == 1)
    }
}
