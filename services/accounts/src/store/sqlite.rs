//! The embedded store: one SQLite file with one writer, durable on every commit.

mod feed;
mod keys;
mod merchants;
mod open;
mod plans;

use std::{fs::File, path::Path};

use kaleem_domain::{KeyId, MerchantId, Timestamp};
use sqlx::SqlitePool;

use super::{Change, Changed, Error, Pending, Snapshot, Store};
use crate::{
    key::ApiKey,
    merchant::{Merchant, State},
    plan::Plan,
};

/// An open store file.
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held while the store is open: two processes would each trust their own memory index.
    _lock: File,
}

impl Sqlite {
    /// Opens `accounts.sqlite` in `folder`, making both where they are missing.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let lock = open::lock(folder).await?;
        let (writer, readers) = open::pools(folder).await?;
        Ok(Self { writer, readers, _lock: lock })
    }

    async fn read_snapshot(&self, keys_max: usize, merchants_max: usize) -> Result<Snapshot, Error> {
        let mut transaction = self.readers.begin().await?;
        Ok(Snapshot {
            plans: plans::newest(&mut transaction).await?,
            merchants: merchants::page(&mut transaction, "", merchants_max).await?,
            keys: keys::valid(&mut transaction, keys_max).await?,
            sequence: feed::newest(&mut transaction).await?,
        })
    }
}

/// Starts a transaction that holds the write lock from its start, so that what it reads stays true until it commits.
const BEGIN: &str = "BEGIN IMMEDIATE";

impl Store for Sqlite {
    fn seed_plans(&self, plans: Vec<Plan>, now: Timestamp) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            if plans::newest(&mut transaction).await?.is_empty() {
                for plan in &plans {
                    plans::insert(&mut transaction, plan, now).await?;
                }
            }
            Ok(transaction.commit().await?)
        })
    }

    fn snapshot(&self, keys_max: usize, merchants_max: usize) -> Pending<'_, Snapshot> {
        Box::pin(self.read_snapshot(keys_max, merchants_max))
    }

    fn put_plan(&self, plan: Plan, now: Timestamp) -> Pending<'_, Changed<Plan>> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let current = plans::newest_of(&mut transaction, &plan.id).await?;
            let value = match current {
                Some(current) if current.same_terms(&plan) => current,
                current => {
                    let next = Plan { version: current.map_or(1, |current| current.version + 1), ..plan };
                    plans::insert(&mut transaction, &next, now).await?;
                    feed::announce_plan(&mut transaction, &next.id, now).await?;
                    next
                }
            };
            let sequence = feed::newest(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Changed { value, sequence })
        })
    }

    fn create_merchant(&self, merchant: Merchant) -> Pending<'_, Option<Merchant>> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let existing = merchants::get(&mut transaction, &merchant.id).await?;
            if existing.is_none() {
                merchants::insert(&mut transaction, &merchant).await?;
            }
            transaction.commit().await?;
            Ok(existing)
        })
    }

    fn merchant(&self, id: MerchantId) -> Pending<'_, Option<Merchant>> {
        Box::pin(async move { merchants::get(&mut *self.readers.acquire().await?, &id).await })
    }

    fn merchants(&self, after: String, limit: usize) -> Pending<'_, Vec<Merchant>> {
        Box::pin(async move { merchants::page(&mut *self.readers.acquire().await?, &after, limit).await })
    }

    fn set_state(
        &self,
        id: MerchantId,
        state: State,
        now: Timestamp,
    ) -> Pending<'_, Option<Changed<Merchant>>> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let Some(mut value) = merchants::get(&mut transaction, &id).await? else { return Ok(None) };
            if value.state != state {
                merchants::set_state(&mut transaction, &id, state).await?;
                feed::announce_merchant(&mut transaction, &id, now).await?;
                value.state = state;
            }
            let sequence = feed::newest(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Some(Changed { value, sequence }))
        })
    }

    fn add_key(&self, key: ApiKey) -> Pending<'_, ()> {
        Box::pin(async move { keys::insert(&mut *self.writer.acquire().await?, &key).await })
    }

    fn key(&self, id: KeyId) -> Pending<'_, Option<ApiKey>> {
        Box::pin(async move { keys::get(&mut *self.readers.acquire().await?, &id).await })
    }

    fn keys(&self, merchant: Option<MerchantId>, after: String, limit: usize) -> Pending<'_, Vec<ApiKey>> {
        Box::pin(async move {
            keys::page(&mut *self.readers.acquire().await?, merchant.as_ref(), &after, limit).await
        })
    }

    fn revoke_key(&self, id: KeyId, now: Timestamp) -> Pending<'_, Option<Changed<ApiKey>>> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let Some(mut value) = keys::get(&mut transaction, &id).await? else { return Ok(None) };
            if value.revoke_time.is_none() {
                keys::revoke(&mut transaction, &id, now).await?;
                feed::announce_key(&mut transaction, &id, now).await?;
                value.revoke_time = Some(now);
            }
            let sequence = feed::newest(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Some(Changed { value, sequence }))
        })
    }

    fn changes(&self, sequence: i64, limit: usize) -> Pending<'_, Option<Vec<Change>>> {
        Box::pin(async move { feed::after(&mut *self.readers.acquire().await?, sequence, limit).await })
    }
}
