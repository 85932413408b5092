//! Compare-and-set of one merchant: the row of the merchant is the lock, and its version what is compared.

use kaleem_domain::{MerchantId, Timestamp};
use sqlx::{PgExecutor, Row as _};

use super::{
    Postgres,
    read::keys,
    write::{Tx, write},
};
use crate::{
    Error,
    machine::{CONFIRMED_LIFE_MS, Key, Snapshot, TOMBSTONE_LIFE_MS},
    store::Batch,
};

const UPDATE: &str =
    "UPDATE merchant SET epoch = $4, version = $5 WHERE merchant_id = $1 AND epoch = $2 AND version = $3";

// The body comes with the rows of the batch.
const INSERT: &str =
    "INSERT INTO merchant (merchant_id, epoch, version, body) VALUES ($1, $2, $3, '') ON CONFLICT DO NOTHING";

const COMPARE: &str = "SELECT count(*) FROM merchant WHERE merchant_id = $1 AND epoch = $2 AND version = $3";

// What is forgotten and still there counts as gone, as it does in a copy.
const ENDED: &str = "SELECT count(*) FROM tombstone WHERE merchant_id = $1 AND ended_at > $3 \
     AND (confirmed_at IS NULL OR confirmed_at > $4) AND (request_id, attempt) IN \
     (SELECT v ->> 0, (v ->> 1)::integer FROM jsonb_array_elements($2::jsonb) AS v)";

/// A merchant as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) epoch: String,
    pub(crate) version: i64,
    pub(crate) snapshot: Snapshot,
}

/// What a commit compares and makes.
pub(crate) struct Swapped<'a> {
    pub(crate) merchant: &'a MerchantId,
    /// Epoch and version that must be stored; `None` where nothing may be.
    pub(crate) seen: Option<(&'a str, i64)>,
    /// Epoch and version that it makes.
    pub(crate) next: (&'a str, i64),
    /// Reservations that must not have ended.
    pub(crate) opened: &'a [Key],
    pub(crate) now: Timestamp,
}

impl Postgres {
    /// Commits `batch` if the store has what was seen; says whether it did.
    pub(crate) async fn swap(&self, swapped: &Swapped<'_>, batch: &Batch) -> Result<bool, Error> {
        let mut tx = self.pool.begin().await?;
        // After the row is locked: who ended a reservation in between has made another version.
        if !swapped.take(&mut tx).await? || swapped.has_ended(&mut *tx).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        write(&mut tx, batch).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whether the store has what was seen. Who ends a reservation after the look at the version is found, which refuses too often and
    /// never too seldom.
    pub(crate) async fn compare(&self, swapped: &Swapped<'_>) -> Result<bool, Error> {
        let Some((epoch, version)) = swapped.seen else { return Ok(false) };
        let select = sqlx::query(COMPARE).bind(swapped.merchant.as_str()).bind(epoch).bind(version);
        let is_same = select.fetch_one(&self.pool).await?.try_get::<i64, _>(0)? == 1;
        Ok(is_same && !swapped.has_ended(&self.pool).await?)
    }
}

impl Swapped<'_> {
    /// Locks the merchant by writing its next version; `false` where it is not as it was seen.
    async fn take(&self, tx: &mut Tx) -> Result<bool, Error> {
        let (epoch, version) = self.next;
        let query = match self.seen {
            Some((seen, at)) => sqlx::query(UPDATE).bind(self.merchant.as_str()).bind(seen).bind(at),
            None => sqlx::query(INSERT).bind(self.merchant.as_str()),
        };
        Ok(query.bind(epoch).bind(version).execute(&mut **tx).await?.rows_affected() == 1)
    }

    async fn has_ended(&self, executor: impl PgExecutor<'_>) -> Result<bool, Error> {
        if self.opened.is_empty() {
            return Ok(false);
        }
        let before = |life_ms: i64| self.now.plus_millis(-life_ms).as_millis();
        let select = sqlx::query(ENDED).bind(self.merchant.as_str()).bind(keys(self.opened)?);
        let select = select.bind(before(TOMBSTONE_LIFE_MS)).bind(before(CONFIRMED_LIFE_MS));
        Ok(select.fetch_one(executor).await?.try_get::<i64, _>(0)? > 0)
    }
}
