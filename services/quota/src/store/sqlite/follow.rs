//! How far the ledger was read, and what is settled here that it is not known to have.

use kaleem_domain::{MerchantId, RequestId, Timestamp};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::Sqlite;
use crate::{
    Error,
    machine::{Amount, Key, WindowId},
    store::{Position, Untold},
};

const PUT: &str = "INSERT INTO ledger_position (id, baseline, baseline_at, position) VALUES (1, ?1, ?2, ?3) \
     ON CONFLICT (id) DO UPDATE SET baseline = excluded.baseline, baseline_at = excluded.baseline_at, position = excluded.position";

const UNCONFIRMED: &str = "SELECT coalesce(sum(requests), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_nano), 0) FROM tombstone \
     WHERE merchant_id = ?1 AND (?2 = 0 OR day = ?2 OR month = ?2) AND confirmed_at IS NULL AND ending IN ('SETTLED', 'LATE_SETTLED') \
     AND ended_at >= ?3";

// Rows of one millisecond have no order of their own, so a page may repeat some and skips none.
const UNTOLD: &str = "SELECT merchant_id, request_id, attempt, month, ended_at, usage_event FROM tombstone \
     WHERE confirmed_at IS NULL AND usage_event IS NOT NULL AND ended_at BETWEEN ?1 AND ?2 ORDER BY ended_at LIMIT ?3";

const PRUNE_CONFIRMED: &str = "DELETE FROM tombstone WHERE (merchant_id, request_id, attempt) IN \
     (SELECT merchant_id, request_id, attempt FROM tombstone WHERE confirmed_at < ?1 ORDER BY confirmed_at LIMIT ?2)";

impl Sqlite {
    /// How far the ledger was read; `None` before it was read at all.
    pub(crate) async fn position(&self) -> Result<Option<Position>, Error> {
        let select = sqlx::query("SELECT baseline, baseline_at, position FROM ledger_position WHERE id = 1");
        let row = select.fetch_optional(&self.reader).await?;
        row.map(|row| {
            let baseline_at = Timestamp::from_millis(row.try_get("baseline_at")?);
            let (baseline, transaction) = (row.try_get("baseline")?, row.try_get("position")?);
            Ok(Position { baseline, baseline_at, transaction })
        })
        .transpose()
    }

    /// Writes down how far the ledger was read. What was applied up to there must be committed.
    pub(crate) async fn put_position(&self, position: &Position) -> Result<(), Error> {
        let put = sqlx::query(PUT).bind(position.baseline).bind(position.baseline_at.as_millis());
        put.bind(position.transaction).execute(&self.writer).await?;
        Ok(())
    }

    /// What calls that settled since `since` and are not confirmed contribute to a window, of what is committed.
    pub(crate) async fn unconfirmed(
        &self,
        merchant: &MerchantId,
        window: WindowId,
        since: Timestamp,
    ) -> Result<Amount, Error> {
        let select = sqlx::query(UNCONFIRMED).bind(merchant.as_str()).bind(window.number());
        let row = select.bind(since.as_millis()).fetch_one(&self.reader).await?;
        Ok(Amount { requests: row.try_get(0)?, tokens: row.try_get(1)?, cost_nano: row.try_get(2)? })
    }

    /// Calls that settled within a span of time, are not confirmed and have a usage event: the first ones, at most `max`.
    pub(crate) async fn untold(
        &self,
        from: Timestamp,
        to: Timestamp,
        max: u32,
    ) -> Result<Vec<Untold>, Error> {
        let select = sqlx::query(UNTOLD).bind(from.as_millis()).bind(to.as_millis()).bind(max);
        select.fetch_all(&self.reader).await?.iter().map(untold).collect()
    }

    /// Deletes tombstones that were confirmed before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_confirmed(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE_CONFIRMED).bind(before.as_millis()).bind(max);
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}

fn untold(row: &SqliteRow) -> Result<Untold, Error> {
    let damaged = |what: &str| Error::Damaged(format!("a tombstone has a wrong {what}"));
    Ok(Untold {
        merchant: MerchantId::parse_account(row.try_get("merchant_id")?).map_err(|_| damaged("merchant"))?,
        key: Key {
            request_id: RequestId::parse(row.try_get("request_id")?).map_err(|_| damaged("request id"))?,
            attempt: row.try_get("attempt")?,
        },
        month: WindowId::from_number(row.try_get("month")?),
        ended_at: Timestamp::from_millis(row.try_get("ended_at")?),
        usage_event: row.try_get("usage_event")?,
    })
}
