//! Settled calls that the ledger is not known to have, wherever the shared store keeps them.

use kaleem_domain::{MerchantId, Timestamp};

use super::{Keep, Shared};
use crate::{
    Error,
    machine::{Amount, WindowId},
    store::Untold,
};

/// Merchants that are looked at in one round trip.
const MERCHANTS: u32 = 256;

impl Shared {
    /// As [`crate::store::Store::unconfirmed`].
    pub(crate) async fn unconfirmed(
        &self,
        merchant: &MerchantId,
        window: WindowId,
        since: Timestamp,
    ) -> Result<Amount, Error> {
        match &self.inner.keep {
            Keep::Redis(redis) => redis.unconfirmed(merchant, window, since).await,
            Keep::Postgres(postgres) => postgres.unconfirmed(merchant, window, since).await,
        }
    }

    /// As [`crate::store::Store::untold`].
    pub(crate) async fn untold(
        &self,
        from: Timestamp,
        to: Timestamp,
        max: u32,
    ) -> Result<Vec<Untold>, Error> {
        let redis = match &self.inner.keep {
            Keep::Redis(redis) => redis,
            Keep::Postgres(postgres) => return postgres.untold(from, to, max).await,
        };
        // Whoever has calls has a policy in the durable store, so Redis need not be searched for merchants.
        let (mut untold, mut after) = (Vec::new(), None);
        loop {
            let merchants = self.inner.durable.merchants(after.as_ref(), MERCHANTS).await?;
            untold.extend(redis.untold(&merchants, (from, to), max).await?);
            untold.sort_by_key(|call: &Untold| call.ended_at);
            untold.truncate(usize::try_from(max).unwrap_or(usize::MAX));
            after = merchants.last().cloned();
            if after.is_none() {
                return Ok(untold);
            }
        }
    }
}
