//! Writing a batch in one transaction, one statement a table.

use kaleem_domain::Timestamp;
use sqlx::{Postgres as Database, Transaction};

use super::Postgres;
use crate::{
    Error,
    store::{
        Batch,
        rows::{Table, statements},
    },
};

const PUT_MERCHANTS: &str = "INSERT INTO merchant (merchant_id, body) SELECT v ->> 0, v ->> 1 FROM jsonb_array_elements($1::jsonb) AS v \
     ON CONFLICT (merchant_id) DO UPDATE SET body = excluded.body";

const PUT_COUNTERS: &str = "INSERT INTO counter (merchant_id, window_id, requests, tokens, cost_nano, extra_tokens, extra_cost_nano) \
     SELECT v ->> 0, (v ->> 1)::bigint, (v ->> 2)::bigint, (v ->> 3)::bigint, (v ->> 4)::bigint, (v ->> 5)::bigint, (v ->> 6)::bigint \
     FROM jsonb_array_elements($1::jsonb) AS v \
     ON CONFLICT (merchant_id, window_id) DO UPDATE SET requests = excluded.requests, tokens = excluded.tokens, \
     cost_nano = excluded.cost_nano, extra_tokens = excluded.extra_tokens, extra_cost_nano = excluded.extra_cost_nano";

const DROP_COUNTERS: &str = "DELETE FROM counter WHERE (merchant_id, window_id) IN \
     (SELECT v ->> 0, (v ->> 1)::bigint FROM jsonb_array_elements($1::jsonb) AS v)";

const PUT_HOLDS: &str = "INSERT INTO hold (merchant_id, request_id, attempt, expires_at, body) \
     SELECT v ->> 0, v ->> 1, (v ->> 2)::integer, (v ->> 3)::bigint, v ->> 4 FROM jsonb_array_elements($1::jsonb) AS v \
     ON CONFLICT (merchant_id, request_id, attempt) DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body";

const DROP_HOLDS: &str = "DELETE FROM hold WHERE (merchant_id, request_id, attempt) IN \
     (SELECT v ->> 0, v ->> 1, (v ->> 2)::integer FROM jsonb_array_elements($1::jsonb) AS v)";

const PUT_TOMBSTONES: &str = "INSERT INTO tombstone (merchant_id, request_id, attempt, ending, fingerprint, requests, tokens, \
     cost_nano, held_requests, held_tokens, held_cost_nano, day, month, ended_at, usage_event, confirmed_at) \
     SELECT v ->> 0, v ->> 1, (v ->> 2)::integer, v ->> 3, v ->> 4, (v ->> 5)::bigint, (v ->> 6)::bigint, (v ->> 7)::bigint, \
     (v ->> 8)::bigint, (v ->> 9)::bigint, (v ->> 10)::bigint, (v ->> 11)::bigint, (v ->> 12)::bigint, (v ->> 13)::bigint, \
     decode(v ->> 14, 'hex'), (v ->> 15)::bigint FROM jsonb_array_elements($1::jsonb) AS v \
     ON CONFLICT (merchant_id, request_id, attempt) DO UPDATE SET ending = excluded.ending, fingerprint = excluded.fingerprint, \
     requests = excluded.requests, tokens = excluded.tokens, cost_nano = excluded.cost_nano, \
     confirmed_at = excluded.confirmed_at, usage_event = CASE WHEN excluded.confirmed_at IS NULL \
     THEN coalesce(excluded.usage_event, tombstone.usage_event) END";

const PUT_FOLLOWED: &str = "INSERT INTO followed (merchant_id, position) SELECT v ->> 0, (v ->> 1)::bigint \
     FROM jsonb_array_elements($1::jsonb) AS v ON CONFLICT (merchant_id) DO UPDATE SET position = excluded.position";

const DROP_PROVISIONAL: &str = "UPDATE tombstone SET \
     requests = CASE $1::jsonb ->> 2 WHEN 'day_requests' THEN 0 ELSE requests END, \
     tokens = CASE $1::jsonb ->> 2 WHEN 'month_tokens' THEN 0 ELSE tokens END, \
     cost_nano = CASE $1::jsonb ->> 2 WHEN 'month_cost_nano_usd' THEN 0 ELSE cost_nano END \
     WHERE merchant_id = $1::jsonb ->> 0 AND ending = 'EXPIRED' \
     AND (day = ($1::jsonb ->> 1)::bigint OR month = ($1::jsonb ->> 1)::bigint)";

const PUT_TOP_UPS: &str = "INSERT INTO top_up (merchant_id, op_id, month, tokens, cost_nano, policy_version) \
     SELECT v ->> 0, v ->> 1, (v ->> 2)::bigint, (v ->> 3)::bigint, (v ->> 4)::bigint, (v ->> 5)::bigint \
     FROM jsonb_array_elements($1::jsonb) AS v ON CONFLICT (merchant_id, op_id) DO NOTHING";

const DROP_MARKS: &str = "DELETE FROM alert_mark WHERE (merchant_id, window_id) IN \
     (SELECT v ->> 0, (v ->> 1)::bigint FROM jsonb_array_elements($1::jsonb) AS v)";

const PUT_MARKS: &str = "INSERT INTO alert_mark (merchant_id, window_id, dimension, cap, cap_version, crossed) \
     SELECT v ->> 0, (v ->> 1)::bigint, v ->> 2, (v ->> 3)::bigint, (v ->> 4)::bigint, v ->> 5 \
     FROM jsonb_array_elements($1::jsonb) AS v \
     ON CONFLICT (merchant_id, window_id, dimension) DO UPDATE SET cap = excluded.cap, cap_version = excluded.cap_version, \
     crossed = excluded.crossed";

// An alert that was made before, by state that was lost, is the same one by its id.
const PUT_ALERTS: &str = "INSERT INTO alert (alert_id, merchant_id, dimension, window_id, percent, cap_version, posted, cap, \
     create_time, superseded_by, delivery, next_try) \
     SELECT v ->> 0, v ->> 1, v ->> 2, (v ->> 3)::bigint, (v ->> 4)::bigint, (v ->> 5)::bigint, (v ->> 6)::bigint, (v ->> 7)::bigint, \
     (v ->> 8)::bigint, (v ->> 9)::bigint, CASE WHEN v ->> 9 IS NULL THEN 'PENDING' ELSE 'SUPERSEDED' END, (v ->> 8)::bigint \
     FROM jsonb_array_elements($1::jsonb) AS v ON CONFLICT (alert_id) DO NOTHING";

// Watchers read on from the highest number that they saw, so that no alert may become visible after one with a higher number.
const ONE_AFTER_THE_OTHER: &str = "SELECT pg_advisory_xact_lock(hashtext('kaleem.quota.alert'))";

const PRUNE_TOMBSTONES: &str = "DELETE FROM tombstone WHERE (merchant_id, request_id, attempt) IN \
     (SELECT merchant_id, request_id, attempt FROM tombstone WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";

pub(super) type Tx = Transaction<'static, Database>;

impl Postgres {
    /// Commits `batch`, whole or not at all. Committing it twice is committing it once.
    pub(crate) async fn commit(&self, batch: &Batch) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        write(&mut tx, batch).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes tombstones from before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_tombstones(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE_TOMBSTONES).bind(before.as_millis()).bind(i64::from(max));
        Ok(query.execute(&self.pool).await?.rows_affected())
    }
}

/// Writes the rows of `batch`.
pub(super) async fn write(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    for (table, rows) in statements(batch)? {
        if table == Table::PutAlerts {
            sqlx::query(ONE_AFTER_THE_OTHER).execute(&mut **tx).await?;
        }
        sqlx::query(sql(table)).bind(rows).execute(&mut **tx).await?;
    }
    Ok(())
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
