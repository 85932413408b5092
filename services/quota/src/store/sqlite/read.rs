//! Reading a merchant back.

use kaleem_domain::{MerchantId, RequestId, Timestamp};
use sqlx::{Row as _, Transaction, sqlite::SqliteRow};

use super::Sqlite;
use crate::{
    Error,
    machine::{
        Amount, Counter, Dimension, Ending, Fingerprint, Hold, Key, Marks, Percents, Snapshot, Tombstone,
        TopUpRecord, WindowId,
    },
};

const COUNTERS: &str = "SELECT window_id, requests, tokens, cost_nano, extra_tokens, extra_cost_nano FROM counter \
     WHERE merchant_id = ?1";

// Request ids sort by time, so the last ids are the last calls, and the primary key gives them without a sort.
const TOMBSTONES: &str =
    "SELECT * FROM tombstone WHERE merchant_id = ?1 ORDER BY request_id DESC, attempt DESC LIMIT ?2";

const TOMBSTONE: &str = "SELECT * FROM tombstone WHERE merchant_id = ?1 AND request_id = ?2 AND attempt = ?3";

const TOP_UPS: &str = "SELECT * FROM top_up WHERE merchant_id = ?1 AND month IN (SELECT window_id FROM counter WHERE merchant_id = ?1)";

type Tx = Transaction<'static, sqlx::Sqlite>;

impl Sqlite {
    /// The last committed state of `merchant` with its last `tombstones_max` tombstones; `None` where there is none.
    pub(crate) async fn load(
        &self,
        merchant: &MerchantId,
        tombstones_max: usize,
    ) -> Result<Option<Snapshot>, Error> {
        let mut tx = self.reader.begin().await?;
        let select = sqlx::query("SELECT body FROM merchant WHERE merchant_id = ?1").bind(merchant.as_str());
        let Some(row) = select.fetch_optional(&mut *tx).await? else { return Ok(None) };
        let record = serde_json::from_str(&row.try_get::<String, _>(0)?)?;
        let counters = rows(&mut tx, COUNTERS, merchant).await?;
        let holds = rows(&mut tx, "SELECT body FROM hold WHERE merchant_id = ?1", merchant).await?;
        let top_ups = rows(&mut tx, TOP_UPS, merchant).await?;
        let marks = rows(&mut tx, "SELECT * FROM alert_mark WHERE merchant_id = ?1", merchant).await?;
        let followed =
            rows(&mut tx, "SELECT position FROM followed WHERE merchant_id = ?1", merchant).await?;
        let limit = i64::try_from(tombstones_max).unwrap_or(i64::MAX);
        let select = sqlx::query(TOMBSTONES).bind(merchant.as_str()).bind(limit);
        let tombstones = select.fetch_all(&mut *tx).await?;
        let mut tombstones = tombstones.iter().map(tombstone).collect::<Result<Vec<_>, _>>()?;
        tombstones.sort_by_key(|tombstone| (tombstone.ended_at, tombstone.key));
        Ok(Some(Snapshot {
            merchant: record,
            counters: counters.iter().map(counter).collect::<Result<_, _>>()?,
            holds: holds.iter().map(hold).collect::<Result<_, _>>()?,
            tombstones,
            top_ups: top_ups.iter().map(top_up).collect::<Result<_, _>>()?,
            marks: marks.iter().map(self::marks).collect::<Result<_, _>>()?,
            followed: followed.first().map_or(Ok(0), |row| row.try_get(0))?,
        }))
    }

    /// Merchants in the order of their ids, after `after`, at most `max`.
    pub(crate) async fn merchants(
        &self,
        after: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<MerchantId>, Error> {
        let sql = "SELECT merchant_id FROM merchant WHERE merchant_id > ?1 ORDER BY merchant_id LIMIT ?2";
        let select = sqlx::query(sql).bind(after.map_or("", MerchantId::as_str)).bind(max);
        merchants(&select.fetch_all(&self.reader).await?)
    }

    /// Merchants with live holds, at most `max`.
    pub(crate) async fn holders(&self, max: usize) -> Result<Vec<MerchantId>, Error> {
        let select = sqlx::query("SELECT DISTINCT merchant_id FROM hold LIMIT ?1");
        let rows = select.bind(i64::try_from(max).unwrap_or(i64::MAX)).fetch_all(&self.reader).await?;
        merchants(&rows)
    }

    /// How the reservation `key` ended, if it did and is still remembered.
    pub(crate) async fn tombstone(
        &self,
        merchant: &MerchantId,
        key: Key,
    ) -> Result<Option<Tombstone>, Error> {
        let select =
            sqlx::query(TOMBSTONE).bind(merchant.as_str()).bind(key.request_id.to_string()).bind(key.attempt);
        select.fetch_optional(&self.reader).await?.as_ref().map(tombstone).transpose()
    }

    /// The top-up `op_id`, of whatever month.
    pub(crate) async fn top_up(
        &self,
        merchant: &MerchantId,
        op_id: &str,
    ) -> Result<Option<TopUpRecord>, Error> {
        let select = sqlx::query("SELECT * FROM top_up WHERE merchant_id = ?1 AND op_id = ?2");
        let row = select.bind(merchant.as_str()).bind(op_id).fetch_optional(&self.reader).await?;
        row.as_ref().map(top_up).transpose()
    }
}

async fn rows(tx: &mut Tx, sql: &'static str, merchant: &MerchantId) -> Result<Vec<SqliteRow>, Error> {
    Ok(sqlx::query(sql).bind(merchant.as_str()).fetch_all(&mut **tx).await?)
}

fn merchants(rows: &[SqliteRow]) -> Result<Vec<MerchantId>, Error> {
    let parse = |row: &SqliteRow| {
        MerchantId::parse_account(row.try_get(0)?).map_err(|error| Error::Damaged(error.to_string()))
    };
    rows.iter().map(parse).collect()
}

fn window(row: &SqliteRow, column: &str) -> Result<WindowId, Error> {
    Ok(WindowId::from_number(row.try_get::<u32, _>(column)?))
}

fn counter(row: &SqliteRow) -> Result<Counter, Error> {
    let posted = Amount {
        requests: row.try_get("requests")?,
        tokens: row.try_get("tokens")?,
        cost_nano: row.try_get("cost_nano")?,
    };
    let extra = Amount {
        requests: 0,
        tokens: row.try_get("extra_tokens")?,
        cost_nano: row.try_get("extra_cost_nano")?,
    };
    Ok(Counter { posted, extra, ..Counter::new(window(row, "window_id")?) })
}

fn hold(row: &SqliteRow) -> Result<Hold, Error> {
    Ok(serde_json::from_str(&row.try_get::<String, _>("body")?)?)
}

fn tombstone(row: &SqliteRow) -> Result<Tombstone, Error> {
    let damaged = |what: &str| Error::Damaged(format!("a tombstone has a wrong {what}"));
    let request_id = RequestId::parse(row.try_get("request_id")?).map_err(|_| damaged("request id"))?;
    Ok(Tombstone {
        key: Key { request_id, attempt: row.try_get("attempt")? },
        ending: Ending::parse(row.try_get("ending")?).ok_or_else(|| damaged("ending"))?,
        fingerprint: Fingerprint::parse(row.try_get("fingerprint")?).ok_or_else(|| damaged("fingerprint"))?,
        posted: Amount {
            requests: row.try_get("requests")?,
            tokens: row.try_get("tokens")?,
            cost_nano: row.try_get("cost_nano")?,
        },
        held: Amount {
            requests: row.try_get("held_requests")?,
            tokens: row.try_get("held_tokens")?,
            cost_nano: row.try_get("held_cost_nano")?,
        },
        day: window(row, "day")?,
        month: window(row, "month")?,
        ended_at: Timestamp::from_millis(row.try_get("ended_at")?),
        confirmed_at: row.try_get::<Option<_>, _>("confirmed_at")?.map(Timestamp::from_millis),
    })
}

fn top_up(row: &SqliteRow) -> Result<TopUpRecord, Error> {
    Ok(TopUpRecord {
        op_id: row.try_get("op_id")?,
        month: window(row, "month")?,
        tokens: row.try_get("tokens")?,
        cost_nano: row.try_get("cost_nano")?,
        policy_version: row.try_get("policy_version")?,
    })
}

fn marks(row: &SqliteRow) -> Result<Marks, Error> {
    let damaged = |what: &str| Error::Damaged(format!("a mark of an alert has a wrong {what}"));
    Ok(Marks {
        window: window(row, "window_id")?,
        dimension: Dimension::parse(row.try_get("dimension")?).ok_or_else(|| damaged("dimension"))?,
        cap: row.try_get("cap")?,
        cap_version: row.try_get("cap_version")?,
        crossed: Percents::parse(row.try_get("crossed")?).ok_or_else(|| damaged("set of percentages"))?,
    })
}
