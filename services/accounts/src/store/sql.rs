//! The store over SQL, written once for both databases.

mod feed;
mod keys;
mod merchants;
mod plans;

use futures::future::BoxFuture;
use kaleem_domain::{KeyId, MerchantId, Timestamp};
use kaleem_store::{Backend, Session};
use tokio::sync::Notify;

use super::{Change, Changed, Pending, Snapshot, Store};
use crate::{
    key::ApiKey,
    merchant::{Merchant, State},
    plan::Plan,
};

impl<B: Backend> Store for B {
    fn is_shared(&self) -> bool {
        B::SHARED
    }

    fn listen<'a>(&'a self, news: &'a Notify) -> BoxFuture<'a, ()> {
        Backend::listen(self, news)
    }

    fn seed_plans(&self, plans: Vec<Plan>, now: Timestamp) -> Pending<'_, ()> {
        self.run(async move {
            let mut transaction = self.write().await?;
            if plans::count(&mut *transaction).await? == 0 {
                for plan in &plans {
                    plans::insert(&mut *transaction, plan, now).await?;
                }
            }
            Ok(transaction.commit().await?)
        })
    }

    fn snapshot(&self, keys_max: usize, merchants_max: usize) -> Pending<'_, Snapshot> {
        self.run(async move {
            let mut transaction = self.write().await?;
            let session: &mut dyn Session = &mut *transaction;
            let snapshot = Snapshot {
                plans: plans::newest(session).await?,
                merchants: merchants::page(session, "", merchants_max).await?,
                keys: keys::valid(session, keys_max).await?,
                sequence: feed::newest(session).await?,
            };
            transaction.commit().await?;
            Ok(snapshot)
        })
    }

    fn put_plan(&self, plan: Plan, plans_max: usize, now: Timestamp) -> Pending<'_, Option<Changed<Plan>>> {
        self.run(async move {
            let mut transaction = self.write().await?;
            let session: &mut dyn Session = &mut *transaction;
            let current = plans::newest_of(session, &plan.id).await?;
            if current.is_none() && plans::count(session).await? >= plans_max {
                return Ok(None);
            }
            let value = match current {
                Some(current) if current.same_terms(&plan) => current,
                current => {
                    let next = Plan { version: current.map_or(1, |current| current.version + 1), ..plan };
                    plans::insert(session, &next, now).await?;
                    feed::announce_plan(session, &next.id, now).await?;
                    next
                }
            };
            let sequence = feed::newest(session).await?;
            transaction.commit().await?;
            Ok(Some(Changed { value, sequence }))
        })
    }

    fn plan(&self, id: String) -> Pending<'_, Option<Plan>> {
        self.run(async move { plans::newest_of(&mut *self.read().await?, &id).await })
    }

    fn plans(&self) -> Pending<'_, Vec<Plan>> {
        self.run(async move { plans::newest(&mut *self.read().await?).await })
    }

    fn create_merchant(&self, merchant: Merchant) -> Pending<'_, Option<Merchant>> {
        self.run(async move {
            let mut transaction = self.write().await?;
            let existing = merchants::get(&mut *transaction, &merchant.id).await?;
            if existing.is_none() {
                merchants::insert(&mut *transaction, &merchant).await?;
            }
            transaction.commit().await?;
            Ok(existing)
        })
    }

    fn merchant(&self, id: MerchantId) -> Pending<'_, Option<Merchant>> {
        self.run(async move { merchants::get(&mut *self.read().await?, &id).await })
    }

    fn merchants(&self, after: String, limit: usize) -> Pending<'_, Vec<Merchant>> {
        self.run(async move { merchants::page(&mut *self.read().await?, &after, limit).await })
    }

    fn set_state(
        &self,
        id: MerchantId,
        state: State,
        now: Timestamp,
    ) -> Pending<'_, Option<Changed<Merchant>>> {
        self.run(async move {
            let mut transaction = self.write().await?;
            let session: &mut dyn Session = &mut *transaction;
            let Some(mut value) = merchants::get(session, &id).await? else { return Ok(None) };
            if value.state != state {
                merchants::set_state(session, &id, state).await?;
                feed::announce_merchant(session, &id, now).await?;
                value.state = state;
            }
            let sequence = feed::newest(session).await?;
            transaction.commit().await?;
            Ok(Some(Changed { value, sequence }))
        })
    }

    fn add_key(&self, key: ApiKey) -> Pending<'_, ()> {
        self.run(async move {
            let mut transaction = self.write().await?;
            keys::insert(&mut *transaction, &key).await?;
            Ok(transaction.commit().await?)
        })
    }

    fn key(&self, id: KeyId) -> Pending<'_, Option<ApiKey>> {
        self.run(async move { keys::get(&mut *self.read().await?, &id).await })
    }

    fn keys(&self, merchant: Option<MerchantId>, after: String, limit: usize) -> Pending<'_, Vec<ApiKey>> {
        self.run(async move { keys::page(&mut *self.read().await?, merchant.as_ref(), &after, limit).await })
    }

    fn revoke_key(&self, id: KeyId, now: Timestamp) -> Pending<'_, Option<Changed<ApiKey>>> {
        self.run(async move {
            let mut transaction = self.write().await?;
            let session: &mut dyn Session = &mut *transaction;
            let Some(mut value) = keys::get(session, &id).await? else { return Ok(None) };
            if value.revoke_time.is_none() {
                keys::revoke(session, &id, now).await?;
                feed::announce_key(session, &id, now).await?;
                value.revoke_time = Some(now);
            }
            let sequence = feed::newest(session).await?;
            transaction.commit().await?;
            Ok(Some(Changed { value, sequence }))
        })
    }

    fn changes(&self, sequence: i64, limit: usize) -> Pending<'_, Option<Vec<Change>>> {
        self.run(async move { feed::after(&mut *self.read().await?, sequence, limit).await })
    }
}
