//! Reading a merchant back: one statement, so that all of it is of one moment.

use kaleem_domain::{MerchantId, RequestId, Timestamp};
use serde::Deserialize;
use sqlx::{Row as _, postgres::PgRow};

use super::{Postgres, swap::Stored};
use crate::{
    Error,
    machine::{
        Amount, Counter, Dimension, Ending, Fingerprint, Key, Marks, Percents, Snapshot, Tombstone,
        TopUpRecord, WindowId,
    },
};

const MERCHANT: &str = "SELECT epoch, version, body, \
     (SELECT coalesce(jsonb_agg(jsonb_build_array(window_id, requests, tokens, cost_nano, extra_tokens, extra_cost_nano)), '[]') \
      FROM counter AS c WHERE c.merchant_id = m.merchant_id)::text, \
     (SELECT coalesce(jsonb_agg(h.body::jsonb), '[]') FROM hold AS h WHERE h.merchant_id = m.merchant_id)::text, \
     (SELECT coalesce(jsonb_agg(jsonb_build_array(op_id, month, t.tokens, t.cost_nano, policy_version)), '[]') FROM top_up AS t \
      WHERE t.merchant_id = m.merchant_id AND month IN \
      (SELECT window_id FROM counter AS c WHERE c.merchant_id = m.merchant_id))::text, \
     (SELECT coalesce(jsonb_agg(jsonb_build_array(window_id, dimension, cap, cap_version, crossed)), '[]') \
      FROM alert_mark AS k WHERE k.merchant_id = m.merchant_id)::text, \
     (SELECT coalesce(jsonb_agg(jsonb_build_array(request_id, attempt, ending, fingerprint, t.requests, t.tokens, t.cost_nano, \
      held_requests, held_tokens, held_cost_nano, day, month, ended_at, confirmed_at)), '[]') FROM tombstone AS t \
      WHERE t.merchant_id = m.merchant_id AND (request_id, attempt) IN \
      (SELECT v ->> 0, (v ->> 1)::integer FROM jsonb_array_elements($2::jsonb) AS v))::text, \
     coalesce((SELECT position FROM followed AS f WHERE f.merchant_id = m.merchant_id), 0) \
     FROM merchant AS m WHERE merchant_id = $1";

#[derive(Clone, Copy, Deserialize)]
struct CounterRow(u32, i64, i64, i64, i64, i64);
#[derive(Deserialize)]
struct TopUpRow(String, u32, i64, i64, i64);
#[derive(Deserialize)]
struct MarksRow(u32, String, i64, i64, String);
#[derive(Deserialize)]
struct TombstoneRow(RequestId, i32, String, String, i64, i64, i64, i64, i64, i64, u32, u32, i64, Option<i64>);

/// Keys as the statements take them.
pub(super) fn keys(keys: &[Key]) -> Result<String, Error> {
    let rows: Vec<_> = keys.iter().map(|key| (key.request_id, key.attempt)).collect();
    Ok(serde_json::to_string(&rows)?)
}

impl Postgres {
    /// The last committed state of `merchant` with how `ended` ended; `None` where there is none.
    pub(crate) async fn find(&self, merchant: &MerchantId, ended: &[Key]) -> Result<Option<Stored>, Error> {
        let select = sqlx::query(MERCHANT).bind(merchant.as_str()).bind(keys(ended)?);
        select.fetch_optional(&self.pool).await?.as_ref().map(stored).transpose()
    }

    /// Merchants in the order of their ids, after `after`, at most `max`.
    pub(crate) async fn merchants(
        &self,
        after: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<MerchantId>, Error> {
        let sql = "SELECT merchant_id FROM merchant WHERE merchant_id > $1 ORDER BY merchant_id LIMIT $2";
        let select = sqlx::query(sql).bind(after.map_or("", MerchantId::as_str)).bind(i64::from(max));
        merchants(&select.fetch_all(&self.pool).await?)
    }

    /// Merchants with live holds, at most `max`.
    pub(crate) async fn holders(&self, max: usize) -> Result<Vec<MerchantId>, Error> {
        let select = sqlx::query("SELECT DISTINCT merchant_id FROM hold LIMIT $1");
        let rows = select.bind(i64::try_from(max).unwrap_or(i64::MAX)).fetch_all(&self.pool).await?;
        merchants(&rows)
    }

    /// The top-up `op_id`, of whatever month.
    pub(crate) async fn top_up(
        &self,
        merchant: &MerchantId,
        op_id: &str,
    ) -> Result<Option<TopUpRecord>, Error> {
        let select = sqlx::query("SELECT * FROM top_up WHERE merchant_id = $1 AND op_id = $2");
        let row = select.bind(merchant.as_str()).bind(op_id).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(TopUpRecord {
            op_id: op_id.to_owned(),
            month: WindowId::from_number(
                u32::try_from(row.try_get::<i64, _>("month")?).map_err(|_| damaged("a month"))?,
            ),
            tokens: row.try_get("tokens")?,
            cost_nano: row.try_get("cost_nano")?,
            policy_version: row.try_get("policy_version")?,
        }))
    }
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged(format!("{what} in Postgres is not what was written"))
}

fn merchants(rows: &[PgRow]) -> Result<Vec<MerchantId>, Error> {
    let parse = |row: &PgRow| {
        MerchantId::parse_account(row.try_get(0)?).map_err(|error| Error::Damaged(error.to_string()))
    };
    rows.iter().map(parse).collect()
}

fn stored(row: &PgRow) -> Result<Stored, Error> {
    let text = |index: usize| row.try_get::<&str, _>(index);
    let counters: Vec<CounterRow> = serde_json::from_str(text(3)?)?;
    let top_ups: Vec<TopUpRow> = serde_json::from_str(text(5)?)?;
    let marks: Vec<MarksRow> = serde_json::from_str(text(6)?)?;
    let tombstones: Vec<TombstoneRow> = serde_json::from_str(text(7)?)?;
    let mut tombstones = tombstones.into_iter().map(tombstone).collect::<Result<Vec<_>, _>>()?;
    tombstones.sort_by_key(|tombstone| (tombstone.ended_at, tombstone.key));
    let snapshot = Snapshot {
        merchant: serde_json::from_str(text(2)?)?,
        counters: counters.into_iter().map(counter).collect(),
        holds: serde_json::from_str(text(4)?)?,
        tombstones,
        top_ups: top_ups.into_iter().map(top_up).collect(),
        marks: marks.into_iter().map(mark).collect::<Result<_, _>>()?,
        followed: row.try_get(8)?,
    };
    Ok(Stored { epoch: row.try_get(0)?, version: row.try_get(1)?, snapshot })
}

fn counter(row: CounterRow) -> Counter {
    let CounterRow(window, requests, tokens, cost_nano, extra_tokens, extra_cost_nano) = row;
    Counter {
        posted: Amount { requests, tokens, cost_nano },
        extra: Amount { requests: 0, tokens: extra_tokens, cost_nano: extra_cost_nano },
        ..Counter::new(WindowId::from_number(window))
    }
}

fn top_up(row: TopUpRow) -> TopUpRecord {
    let TopUpRow(op_id, month, tokens, cost_nano, policy_version) = row;
    TopUpRecord { op_id, month: WindowId::from_number(month), tokens, cost_nano, policy_version }
}

fn mark(row: MarksRow) -> Result<Marks, Error> {
    let MarksRow(window, dimension, cap, cap_version, crossed) = row;
    Ok(Marks {
        window: WindowId::from_number(window),
        dimension: Dimension::parse(&dimension).ok_or_else(|| damaged("a dimension"))?,
        cap,
        cap_version,
        crossed: Percents::parse(&crossed).ok_or_else(|| damaged("a set of percentages"))?,
    })
}

fn tombstone(row: TombstoneRow) -> Result<Tombstone, Error> {
    let TombstoneRow(request_id, attempt, ending, print, requests, tokens, cost_nano, ..) = row;
    let TombstoneRow(.., held_requests, held_tokens, held_cost_nano, day, month, ended_at, confirmed_at) =
        row;
    Ok(Tombstone {
        key: Key { request_id, attempt },
        ending: Ending::parse(&ending).ok_or_else(|| damaged("an ending"))?,
        fingerprint: Fingerprint::parse(&print).ok_or_else(|| damaged("a fingerprint"))?,
        posted: Amount { requests, tokens, cost_nano },
        held: Amount { requests: held_requests, tokens: held_tokens, cost_nano: held_cost_nano },
        day: WindowId::from_number(day),
        month: WindowId::from_number(month),
        ended_at: Timestamp::from_millis(ended_at),
        confirmed_at: confirmed_at.map(Timestamp::from_millis),
    })
}
