//! Writing a batch in one transaction, one statement a table.

use kaleem_domain::Timestamp;

use super::Sqlite;
use crate::{
    Error,
    store::{
        Batch,
        rows::{Table, statements},
    },
};

const PUT_MERCHANTS: &str = "INSERT INTO merchant (merchant_id, body) SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id) DO UPDATE SET body = excluded.body";

const PUT_COUNTERS: &str = "INSERT INTO counter (merchant_id, window_id, requests, tokens, cost_nano, extra_tokens, extra_cost_nano) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
     FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id, window_id) DO UPDATE SET requests = excluded.requests, tokens = excluded.tokens, \
     cost_nano = excluded.cost_nano, extra_tokens = excluded.extra_tokens, extra_cost_nano = excluded.extra_cost_nano";

const DROP_COUNTERS: &str = "DELETE FROM counter WHERE (merchant_id, window_id) IN \
     (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

const PUT_HOLDS: &str = "INSERT INTO hold (merchant_id, request_id, attempt, expires_at, body) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id, request_id, attempt) DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body";

const DROP_HOLDS: &str = "DELETE FROM hold WHERE (merchant_id, request_id, attempt) IN \
     (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))";

const PUT_TOMBSTONES: &str = "INSERT INTO tombstone (merchant_id, request_id, attempt, ending, fingerprint, requests, tokens, \
     cost_nano, held_requests, held_tokens, held_cost_nano, day, month, ended_at, usage_event, confirmed_at) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, \
     value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, unhex(value ->> 14), value ->> 15 \
     FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id, request_id, attempt) DO UPDATE SET ending = excluded.ending, fingerprint = excluded.fingerprint, \
     requests = excluded.requests, tokens = excluded.tokens, cost_nano = excluded.cost_nano, \
     confirmed_at = excluded.confirmed_at, \
     usage_event = iif(excluded.confirmed_at IS NULL, coalesce(excluded.usage_event, usage_event), NULL)";

const PUT_FOLLOWED: &str = "INSERT INTO followed (merchant_id, position) SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id) DO UPDATE SET position = excluded.position";

const DROP_PROVISIONAL: &str = "UPDATE tombstone SET requests = iif(?1 ->> 2 = 'day_requests', 0, requests), \
     tokens = iif(?1 ->> 2 = 'month_tokens', 0, tokens), cost_nano = iif(?1 ->> 2 = 'month_cost_nano_usd', 0, cost_nano) \
     WHERE merchant_id = ?1 ->> 0 AND ending = 'EXPIRED' AND (day = ?1 ->> 1 OR month = ?1 ->> 1)";

const PUT_TOP_UPS: &str = "INSERT INTO top_up (merchant_id, op_id, month, tokens, cost_nano, policy_version) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id, op_id) DO NOTHING";

const PUT_MARKS: &str = "INSERT INTO alert_mark (merchant_id, window_id, dimension, cap, cap_version, crossed) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1) WHERE true \
     ON CONFLICT (merchant_id, window_id, dimension) DO UPDATE SET cap = excluded.cap, cap_version = excluded.cap_version, \
     crossed = excluded.crossed";

const DROP_MARKS: &str = "DELETE FROM alert_mark WHERE (merchant_id, window_id) IN \
     (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

// An alert that was made before, by state that a kill took back, is the same one by its id.
const PUT_ALERTS: &str = "INSERT INTO alert (alert_id, merchant_id, dimension, window_id, percent, cap_version, posted, cap, \
     create_time, superseded_by, delivery, next_try) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, \
     value ->> 9, iif(value ->> 9 IS NULL, 'PENDING', 'SUPERSEDED'), value ->> 8 FROM json_each(?1) WHERE true \
     ON CONFLICT (alert_id) DO NOTHING";

const PRUNE_TOMBSTONES: &str = "DELETE FROM tombstone WHERE (merchant_id, request_id, attempt) IN \
     (SELECT merchant_id, request_id, attempt FROM tombstone WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)";

impl Sqlite {
    /// Commits `batch`, whole or not at all. Committing it twice is committing it once.
    pub(crate) async fn commit(&self, batch: &Batch) -> Result<(), Error> {
        let statements = statements(batch)?;
        let mut tx = self.writer.begin().await?;
        for (table, rows) in statements {
            sqlx::query(sql(table)).bind(rows).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Deletes tombstones from before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_tombstones(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE_TOMBSTONES).bind(before.as_millis()).bind(i64::from(max));
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}

const fn sql(table: Table) -> &'static str {
    match table {
        Table::PutMerchants => PUT_MERCHANTS,
        Table::PutCounters => PUT_COUNTERS,
        Table::DropCounters => DROP_COUNTERS,
        Table::PutHolds => PUT_HOLDS,
        Table::DropHolds => DROP_HOLDS,
        Table::DropProvisional => DROP_PROVISIONAL,
        Table::PutTombstones => PUT_TOMBSTONES,
        Table::PutTopUps => PUT_TOP_UPS,
        Table::DropMarks => DROP_MARKS,
        Table::PutMarks => PUT_MARKS,
        Table::PutAlerts => PUT_ALERTS,
        Table::PutFollowed => PUT_FOLLOWED,
    }
}
