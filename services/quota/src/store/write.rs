//! Writing a batch in one transaction, one statement a table.

use kaleem_domain::{MerchantId, Timestamp};
use serde::Serialize;
use sqlx::{Sqlite, Transaction};

use super::{Batch, Store, alerts::alert_id, batch::HoldRow};
use crate::{
    Error,
    machine::{Amount, Counter, Key, Tombstone},
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

const DROP_PROVISIONAL: &str = "UPDATE tombstone SET requests = iif(?3 = 'day_requests', 0, requests), \
     tokens = iif(?3 = 'month_tokens', 0, tokens), cost_nano = iif(?3 = 'month_cost_nano_usd', 0, cost_nano) \
     WHERE merchant_id = ?1 AND ending = 'EXPIRED' AND (day = ?2 OR month = ?2)";

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

type Tx = Transaction<'static, Sqlite>;

impl Store {
    /// Commits `batch`, whole or not at all. Committing it twice is committing it once.
    pub(crate) async fn commit(&self, batch: &Batch) -> Result<(), Error> {
        let mut tx = self.writer.begin().await?;
        put_merchants(&mut tx, batch).await?;
        put_counters(&mut tx, batch).await?;
        put_holds(&mut tx, batch).await?;
        put_tombstones(&mut tx, batch).await?;
        put_top_ups(&mut tx, batch).await?;
        put_alerts(&mut tx, batch).await?;
        let followed: Vec<_> = batch.followed.iter().collect();
        over(&mut tx, PUT_FOLLOWED, &followed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes tombstones from before `before`, the oldest first and at most `max`.
    pub(crate) async fn prune_tombstones(&self, before: Timestamp, max: u32) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE_TOMBSTONES).bind(before.as_millis()).bind(i64::from(max));
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}

/// Runs `sql` over `rows`, handed in as one JSON array, which costs one bind and one statement however many there are.
async fn over<R: Serialize>(tx: &mut Tx, sql: &'static str, rows: &[R]) -> Result<(), Error> {
    if !rows.is_empty() {
        sqlx::query(sql).bind(serde_json::to_string(rows)?).execute(&mut **tx).await?;
    }
    Ok(())
}

async fn put_merchants(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    let bodies =
        batch.merchants.iter().map(|(merchant, record)| Ok((merchant, serde_json::to_string(record)?)));
    let rows: Vec<_> = bodies.collect::<Result<_, Error>>()?;
    over(tx, PUT_MERCHANTS, &rows).await
}

async fn put_counters(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    let (mut put, mut dropped) = (Vec::new(), Vec::new());
    for ((merchant, id), row) in &batch.counters {
        match row {
            Some(Counter { posted, extra, .. }) => {
                let Amount { requests, tokens, cost_nano } = *posted;
                put.push((merchant, id, requests, tokens, cost_nano, extra.tokens, extra.cost_nano));
            }
            None => dropped.push((merchant, id)),
        }
    }
    over(tx, PUT_COUNTERS, &put).await?;
    over(tx, DROP_COUNTERS, &dropped).await
}

async fn put_holds(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    let (mut put, mut dropped) = (Vec::new(), Vec::new());
    for ((merchant, key), row) in &batch.holds {
        match row {
            HoldRow::Opened(hold) | HoldRow::Moved(hold) => {
                let body = serde_json::to_string(hold)?;
                put.push((merchant, key.request_id, key.attempt, hold.expires_at, body));
            }
            HoldRow::Ended => dropped.push((merchant, key.request_id, key.attempt)),
        }
    }
    over(tx, PUT_HOLDS, &put).await?;
    over(tx, DROP_HOLDS, &dropped).await
}

async fn put_tombstones(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    // Dropped first: the batch's own tombstones say already what is left of them.
    for (merchant, window, dimension) in &batch.provisional_dropped {
        let query = sqlx::query(DROP_PROVISIONAL).bind(merchant.as_str());
        query.bind(window.number()).bind(dimension.name()).execute(&mut **tx).await?;
    }
    let rows: Vec<_> = batch
        .tombstones
        .iter()
        .map(|((merchant, key), tombstone)| {
            let event = batch.usage_events.get(&(merchant.clone(), *key));
            // Billing has what is confirmed.
            let event = event.filter(|_| tombstone.confirmed_at.is_none()).map(hex::encode);
            tombstone_row(merchant, *key, tombstone, event)
        })
        .collect();
    over(tx, PUT_TOMBSTONES, &rows).await
}

fn tombstone_row(
    merchant: &MerchantId,
    key: Key,
    tombstone: &Tombstone,
    event: Option<String>,
) -> impl Serialize {
    let (posted, held) = (tombstone.posted, tombstone.held);
    (
        merchant.clone(),
        key.request_id,
        key.attempt,
        tombstone.ending.name(),
        tombstone.fingerprint.to_string(),
        posted.requests,
        posted.tokens,
        posted.cost_nano,
        held.requests,
        held.tokens,
        held.cost_nano,
        tombstone.day,
        tombstone.month,
        tombstone.ended_at,
        event,
        tombstone.confirmed_at,
    )
}

async fn put_top_ups(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    let rows: Vec<_> = batch
        .top_ups
        .iter()
        .map(|(merchant, top_up)| {
            (merchant, &top_up.op_id, top_up.month, top_up.tokens, top_up.cost_nano, top_up.policy_version)
        })
        .collect();
    over(tx, PUT_TOP_UPS, &rows).await
}

async fn put_alerts(tx: &mut Tx, batch: &Batch) -> Result<(), Error> {
    // Dropped first: a window that is dropped and marked again within the batch is marked.
    over(tx, DROP_MARKS, &batch.marks_dropped).await?;
    let marks: Vec<_> = batch
        .marks
        .iter()
        .map(|((merchant, (window, dimension)), marks)| {
            (merchant, window, dimension.name(), marks.cap, marks.cap_version, marks.crossed.to_string())
        })
        .collect();
    over(tx, PUT_MARKS, &marks).await?;
    let alerts: Vec<_> = batch
        .alerts
        .iter()
        .map(|(merchant, alert)| {
            (
                alert_id(merchant, alert),
                merchant,
                alert.dimension.name(),
                alert.window,
                alert.percent,
                alert.cap_version,
                alert.posted,
                alert.cap,
                alert.at,
                alert.superseded_by,
            )
        })
        .collect();
    over(tx, PUT_ALERTS, &alerts).await
}
