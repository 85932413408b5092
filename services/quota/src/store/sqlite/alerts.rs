//! The outbox of alerts: what watchers read and what webhooks are sent from.

use kaleem_domain::{MerchantId, Timestamp};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::Sqlite;
use crate::{Error, machine::WindowId, store::StoredAlert};

const COLUMNS: &str = "SELECT sequence, alert_id, merchant_id, dimension, window_id, percent, cap_version, posted, cap, create_time, \
     tries FROM alert ";

impl Sqlite {
    /// Place of an alert in the order of commits; `None` where it is unknown or no longer kept.
    pub(crate) async fn alert_sequence(&self, alert_id: &str) -> Result<Option<i64>, Error> {
        let select = sqlx::query("SELECT sequence FROM alert WHERE alert_id = ?1").bind(alert_id);
        Ok(select.fetch_optional(&self.reader).await?.map(|row| row.try_get(0)).transpose()?)
    }

    /// Place of the last alert; 0 before the first.
    pub(crate) async fn last_alert(&self) -> Result<i64, Error> {
        let select = sqlx::query("SELECT coalesce(max(sequence), 0) FROM alert");
        Ok(select.fetch_one(&self.reader).await?.try_get(0)?)
    }

    /// Alerts after `sequence` that were not superseded, at most `max`; of one merchant, or of all where it is `None`.
    pub(crate) async fn alerts_after(
        &self,
        sequence: i64,
        merchant: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<StoredAlert>, Error> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE sequence > ?1 AND (?2 IS NULL OR merchant_id = ?2) AND superseded_by IS NULL \
             ORDER BY sequence LIMIT ?3"
        ));
        let select = sqlx::query(sql).bind(sequence).bind(merchant.map(MerchantId::as_str)).bind(max);
        select.fetch_all(&self.reader).await?.iter().map(stored).collect()
    }

    /// Alerts whose webhook is due, the longest due first and at most `max`. There is one process, so none is taken from another.
    pub(crate) async fn take_due_alerts(&self, now: Timestamp, max: u32) -> Result<Vec<StoredAlert>, Error> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE delivery = 'PENDING' AND next_try <= ?1 ORDER BY next_try, sequence LIMIT ?2"
        ));
        let select = sqlx::query(sql).bind(now.as_millis()).bind(max);
        select.fetch_all(&self.reader).await?.iter().map(stored).collect()
    }

    /// Alerts whose webhook was neither delivered nor given up.
    pub(crate) async fn pending_alerts(&self) -> Result<i64, Error> {
        let select = sqlx::query("SELECT count(*) FROM alert WHERE delivery = 'PENDING'");
        Ok(select.fetch_one(&self.reader).await?.try_get(0)?)
    }

    /// Notes that the webhook was taken, or that no more is tried.
    pub(crate) async fn end_alert(&self, sequence: i64, delivered: bool) -> Result<(), Error> {
        let delivery = if delivered { "DELIVERED" } else { "GIVEN_UP" };
        let update = sqlx::query("UPDATE alert SET delivery = ?2, tries = tries + 1 WHERE sequence = ?1");
        update.bind(sequence).bind(delivery).execute(&self.writer).await?;
        Ok(())
    }

    /// Notes that the webhook failed and when it is tried again.
    pub(crate) async fn postpone_alert(&self, sequence: i64, next_try: Timestamp) -> Result<(), Error> {
        let update = sqlx::query("UPDATE alert SET next_try = ?2, tries = tries + 1 WHERE sequence = ?1");
        update.bind(sequence).bind(next_try.as_millis()).execute(&self.writer).await?;
        Ok(())
    }

    /// Deletes alerts from before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_alerts(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM alert WHERE sequence IN \
             (SELECT sequence FROM alert WHERE create_time < ?1 ORDER BY create_time LIMIT ?2)";
        let query = sqlx::query(sql).bind(before.as_millis()).bind(max);
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}

fn stored(row: &SqliteRow) -> Result<StoredAlert, Error> {
    Ok(StoredAlert {
        sequence: row.try_get("sequence")?,
        alert_id: row.try_get("alert_id")?,
        merchant_id: row.try_get("merchant_id")?,
        dimension: row.try_get("dimension")?,
        window: WindowId::from_number(row.try_get("window_id")?),
        percent: row.try_get("percent")?,
        cap_version: row.try_get("cap_version")?,
        posted: row.try_get("posted")?,
        cap: row.try_get("cap")?,
        created_at: Timestamp::from_millis(row.try_get("create_time")?),
        tries: row.try_get("tries")?,
    })
}
