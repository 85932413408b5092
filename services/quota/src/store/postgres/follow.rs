//! How far the ledger was read, and what is settled here that it is not known to have.

use kaleem_domain::{MerchantId, RequestId, Timestamp};
use sqlx::{Row as _, postgres::PgRow};

use super::{Postgres, read::damaged};
use crate::{
    Error,
    machine::{Amount, Key, WindowId},
    store::{Claim, Position, Untold},
};

// Never back: who had the claim before may still write what it applied.
const PUT: &str = "INSERT INTO ledger_position (id, baseline, baseline_at, position) VALUES (1, $1, $2, $3) \
     ON CONFLICT (id) DO UPDATE SET position = greatest(ledger_position.position, excluded.position)";

const UNCONFIRMED: &str = "SELECT coalesce(sum(requests), 0)::bigint, coalesce(sum(tokens), 0)::bigint, \
     coalesce(sum(cost_nano), 0)::bigint FROM tombstone WHERE merchant_id = $1 AND ($2 = 0 OR day = $2 OR month = $2) \
     AND confirmed_at IS NULL AND ending IN ('SETTLED', 'LATE_SETTLED') AND ended_at >= $3";

// Rows of one millisecond have no order of their own, so a page may repeat some and skips none.
const UNTOLD: &str = "SELECT merchant_id, request_id, attempt, month, ended_at, usage_event FROM tombstone \
     WHERE confirmed_at IS NULL AND usage_event IS NOT NULL AND ended_at BETWEEN $1 AND $2 ORDER BY ended_at LIMIT $3";

const PRUNE_CONFIRMED: &str = "DELETE FROM tombstone WHERE (merchant_id, request_id, attempt) IN \
     (SELECT merchant_id, request_id, attempt FROM tombstone WHERE confirmed_at < $1 ORDER BY confirmed_at LIMIT $2)";

// A claim that lasts longer than any that is made now, and by more than clocks differ, was made by a clock that was wrong.
const CLAIM: &str = "INSERT INTO claim (task, holder, until) VALUES ($1, $2, $4) \
     ON CONFLICT (task) DO UPDATE SET holder = excluded.holder, until = excluded.until \
     WHERE claim.holder = excluded.holder OR claim.until <= $3 OR claim.until - $4 > $4 - $3";

impl Postgres {
    /// How far the ledger was read; `None` before it was read at all.
    pub(crate) async fn position(&self) -> Result<Option<Position>, Error> {
        let select = sqlx::query("SELECT baseline, baseline_at, position FROM ledger_position WHERE id = 1");
        let row = select.fetch_optional(&self.pool).await?;
        row.map(|row| {
            let baseline_at = Timestamp::from_millis(row.try_get("baseline_at")?);
            let (baseline, transaction) = (row.try_get("baseline")?, row.try_get("position")?);
            Ok(Position { baseline, baseline_at, transaction })
        })
        .transpose()
    }

    /// Writes down how far the ledger was read, unless it was read further. What was applied up to there must be committed.
    pub(crate) async fn put_position(&self, position: &Position) -> Result<(), Error> {
        let put = sqlx::query(PUT).bind(position.baseline).bind(position.baseline_at.as_millis());
        put.bind(position.transaction).execute(&self.pool).await?;
        Ok(())
    }

    /// Takes or keeps `claim` at `now`; `false` where another process has it.
    pub(crate) async fn claim(&self, claim: &Claim<'_>, now: Timestamp) -> Result<bool, Error> {
        let query = sqlx::query(CLAIM).bind(claim.task).bind(claim.holder).bind(now.as_millis());
        Ok(query.bind(claim.until.as_millis()).execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Gives a task up that `holder` has.
    pub(crate) async fn release_claim(&self, task: &str, holder: &str) -> Result<(), Error> {
        let delete = sqlx::query("DELETE FROM claim WHERE task = $1 AND holder = $2").bind(task).bind(holder);
        delete.execute(&self.pool).await?;
        Ok(())
    }

    /// What calls that settled since `since` and are not confirmed contribute to a window.
    pub(crate) async fn unconfirmed(
        &self,
        merchant: &MerchantId,
        window: WindowId,
        since: Timestamp,
    ) -> Result<Amount, Error> {
        let select = sqlx::query(UNCONFIRMED).bind(merchant.as_str()).bind(i64::from(window.number()));
        let row = select.bind(since.as_millis()).fetch_one(&self.pool).await?;
        Ok(Amount { requests: row.try_get(0)?, tokens: row.try_get(1)?, cost_nano: row.try_get(2)? })
    }

    /// Calls that settled within a span of time, are not confirmed and have a usage event: the first ones, at most `max`.
    pub(crate) async fn untold(
        &self,
        from: Timestamp,
        to: Timestamp,
        max: u32,
    ) -> Result<Vec<Untold>, Error> {
        let select = sqlx::query(UNTOLD).bind(from.as_millis()).bind(to.as_millis()).bind(i64::from(max));
        select.fetch_all(&self.pool).await?.iter().map(untold).collect()
    }

    /// Deletes tombstones that were confirmed before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_confirmed(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE_CONFIRMED).bind(before.as_millis()).bind(i64::from(max));
        Ok(query.execute(&self.pool).await?.rows_affected())
    }
}

fn untold(row: &PgRow) -> Result<Untold, Error> {
    let month = u32::try_from(row.try_get::<i64, _>("month")?).map_err(|_| damaged("a month"))?;
    Ok(Untold {
        merchant: MerchantId::parse_account(row.try_get("merchant_id")?)
            .map_err(|_| damaged("a merchant"))?,
        key: Key {
            request_id: RequestId::parse(row.try_get("request_id")?).map_err(|_| damaged("a request id"))?,
            attempt: row.try_get("attempt")?,
        },
        month: WindowId::from_number(month),
        ended_at: Timestamp::from_millis(row.try_get("ended_at")?),
        usage_event: row.try_get("usage_event")?,
    })
}
