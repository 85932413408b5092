//! Settled calls that the ledger is not known to have: of each merchant a sorted set, written with the tombstones.

use kaleem_domain::{MerchantId, Timestamp};
use redis::Cmd;

use super::{
    Redis,
    rows::{Dropped, Keys, key_of, tombstone},
};
use crate::{
    Error,
    machine::{Amount, Key, Tombstone, WindowId},
    store::Untold,
};

/// Calls that are read at once.
const PAGE: isize = 512;

impl Redis {
    /// What calls that settled since `since` and are not confirmed contribute to a window, or to a balance. Calls that come or go while they are read
    /// change what is posted or what is followed, which the caller compares.
    pub(in crate::shared) async fn unconfirmed(
        &self,
        merchant: &MerchantId,
        window: WindowId,
        since: Timestamp,
    ) -> Result<Amount, Error> {
        let keys = Keys::of(merchant);
        let (mut sum, mut offset) = (Amount::ZERO, 0);
        loop {
            let range = Cmd::zrangebyscore_limit(keys.awaiting(), since.as_millis(), "+inf", offset, PAGE);
            let names: Vec<String> = self.ask_command(range).await?;
            let calls = names.iter().map(|name| key_of(name)).collect::<Result<Vec<_>, _>>()?;
            for ended in self.tombstones(&keys, &calls).await?.into_iter().flatten() {
                let counts = [ended.day, ended.month, WindowId::EVER].contains(&window);
                if counts && ended.awaits_ledger() {
                    sum = sum.plus(ended.posted);
                }
            }
            if names.len() < PAGE.unsigned_abs() {
                return Ok(sum);
            }
            offset += PAGE;
        }
    }

    /// Calls of `merchants` that settled within a span of time and are not confirmed: of each merchant the first ones, at most `max`.
    /// Where Redis lost what billing must get, the event is empty.
    pub(in crate::shared) async fn untold(
        &self,
        merchants: &[MerchantId],
        (from, to): (Timestamp, Timestamp),
        max: u32,
    ) -> Result<Vec<Untold>, Error> {
        if merchants.is_empty() {
            return Ok(Vec::new());
        }
        let mut ranges = redis::pipe();
        for merchant in merchants {
            let range = Cmd::zrangebyscore_limit(
                Keys::of(merchant).awaiting(),
                from.as_millis(),
                to.as_millis(),
                0,
                isize::try_from(max).unwrap_or(isize::MAX),
            );
            ranges.add_command(range);
        }
        let found: Vec<Vec<String>> = self.ask_all(ranges).await?;
        let mut untold = Vec::new();
        for (merchant, names) in merchants.iter().zip(found) {
            let calls = names.iter().map(|name| key_of(name)).collect::<Result<Vec<_>, _>>()?;
            for calls in calls.chunks(PAGE.unsigned_abs()) {
                untold.extend(self.untold_of(merchant, calls).await?);
            }
        }
        Ok(untold)
    }

    async fn untold_of(&self, merchant: &MerchantId, calls: &[Key]) -> Result<Vec<Untold>, Error> {
        let keys = Keys::of(merchant);
        let mut get = redis::cmd("MGET");
        get.arg(calls.iter().map(|key| keys.event(*key)).collect::<Vec<_>>());
        let events: Vec<Option<Vec<u8>>> = self.ask_command(get).await?;
        let ended = self.tombstones(&keys, calls).await?;
        let told = ended.into_iter().zip(events).filter_map(|(ended, event)| {
            let Tombstone { key, month, ended_at, .. } = ended.filter(Tombstone::awaits_ledger)?;
            let usage_event = event.unwrap_or_default();
            Some(Untold { merchant: merchant.clone(), key, month, ended_at, usage_event })
        });
        Ok(told.collect())
    }

    /// How `calls` ended, each as it is still known. What was taken out of expired holds does not matter: those await nothing.
    async fn tombstones(&self, keys: &Keys, calls: &[Key]) -> Result<Vec<Option<Tombstone>>, Error> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let mut get = redis::cmd("MGET");
        get.arg(calls.iter().map(|key| keys.tombstone(*key)).collect::<Vec<_>>());
        let bodies: Vec<Option<String>> = self.ask_command(get).await?;
        let ended = calls.iter().zip(bodies);
        ended
            .map(|(key, body)| body.map(|body| tombstone(*key, &body, &Dropped::new())).transpose())
            .collect()
    }
}
