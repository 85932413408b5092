//! The price book as this gateway last read it; versions never change, so a known one stays right.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use kaleem_domain::{
    Timestamp,
    price::{self, PriceVersion},
};
use kaleem_proto::billing::v1::ListPricesRequest;
use kaleem_rpc::{CallContext, Fault, convert};
use tokio_util::sync::CancellationToken;

use crate::clients::Peers;

/// Shared price versions.
#[derive(Clone, Default)]
pub(crate) struct Prices(Arc<RwLock<Vec<Arc<PriceVersion>>>>);

impl Prices {
    /// The version called `name`.
    pub(crate) fn version(&self, name: &str) -> Option<Arc<PriceVersion>> {
        self.known().iter().find(|version| version.price_version == name).cloned()
    }

    /// The version in force for `model` at `target`.
    pub(crate) fn in_force(&self, target: &str, model: &str, at: Timestamp) -> Option<Arc<PriceVersion>> {
        price::in_force(&self.known(), target, model, at).cloned()
    }

    fn known(&self) -> RwLockReadGuard<'_, Vec<Arc<PriceVersion>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the book once.
    pub(crate) async fn refresh(&self, peers: &Peers) -> Result<(), Fault> {
        let ctx = CallContext {
            deadline: Some(std::time::Instant::now() + Duration::from_secs(2)),
            ..CallContext::default()
        };
        let listed = peers.list_prices(&ctx, ListPricesRequest { include_superseded: true }).await?;
        let versions = listed.versions.iter().filter_map(|version| convert::from_price_version(version).ok());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = versions.map(Arc::new).collect();
        Ok(())
    }

    /// Reads the book again and again until `stop`.
    pub(crate) async fn refresh_forever(
        self,
        peers: Arc<Peers>,
        interval: Duration,
        stop: CancellationToken,
    ) -> Result<(), Fault> {
        loop {
            if let Err(fault) = self.refresh(&peers).await {
                tracing::warn!(%fault, "prices could not be read; known versions stay in use");
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(interval) => {}
            }
        }
    }
}
