//! What can serve now and at what price: a snapshot that a background task replaces whole.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use kaleem_domain::price::PriceVersion;
use kaleem_proto::provider::v1::{Model, ModelHealth};
use kaleem_runtime::config::Span;
use tokio::task::JoinSet;

use crate::{Config, Error, clients::Sources};

/// A model at a target.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) target: Arc<str>,
    /// Upstream project that the target calls.
    pub(crate) quota_domain: Arc<str>,
    pub(crate) model: Model,
    /// Whether its prompts are processed where personal data may be: on our own machines or in a home region.
    pub(crate) at_home: bool,
}

impl Offer {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.target, self.model.id)
    }

    pub(crate) fn is_down(&self) -> bool {
        matches!(self.model.health(), ModelHealth::Down | ModelHealth::Unspecified)
    }
}

/// One consistent view.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) offers: Vec<Offer>,
    pub(crate) prices: Vec<PriceVersion>,
}

/// How our own machines name their region.
pub(crate) const LOCAL: &str = "local";
/// How much more often sources are read while nothing serves.
const IMPATIENCE: u32 = 10;

/// The current snapshot; cloning shares it.
#[derive(Clone)]
pub(crate) struct Catalogue {
    current: Arc<RwLock<Arc<Snapshot>>>,
    stale_after: Span,
    quota_domains: Arc<BTreeMap<String, String>>,
    home_regions: Arc<BTreeSet<String>>,
}

impl Catalogue {
    pub(crate) fn new(config: &Config) -> Self {
        let quota_domains = Arc::new(config.quota_domains.clone());
        let home_regions = Arc::new(config.home_regions.clone());
        Self { current: Arc::default(), stale_after: config.stale_after, quota_domains, home_regions }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, snapshot: Snapshot) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// Reads all sources again and again until `stop`. A source that fails keeps its last answer until it is stale.
    pub(crate) async fn refresh_forever(
        self,
        sources: Sources,
        interval: Duration,
        stop: tokio_util::sync::CancellationToken,
    ) -> Result<(), Error> {
        let mut models: HashMap<Arc<str>, (Instant, Vec<Model>)> = HashMap::new();
        let mut prices = Vec::new();
        loop {
            match sources.prices().await {
                Ok(read) => prices = read,
                Err(fault) => tracing::warn!(%fault, "prices could not be read; the last ones stay in force"),
            }
            self.read_models(&sources, &mut models).await;
            let catalogue = &self;
            let offers = models.iter().flat_map(|(target, (_, models))| {
                let quota_domain = catalogue.quota_domain(target);
                models.iter().map(move |model| Offer {
                    target: Arc::clone(target),
                    quota_domain: Arc::clone(&quota_domain),
                    at_home: catalogue.is_home(&model.region),
                    model: model.clone(),
                })
            });
            let mut offers: Vec<Offer> = offers.collect();
            offers.sort_by(|a, b| a.target.cmp(&b.target));
            // At a start, and where everything is down, callers wait for the first model.
            let serving = offers.iter().any(|offer| !offer.is_down());
            let wait = if serving { interval } else { interval / IMPATIENCE };
            self.replace(Snapshot { offers, prices: prices.clone() });
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Whether personal data may be in `region`.
    fn is_home(&self, region: &str) -> bool {
        region == LOCAL || self.home_regions.contains(region)
    }

    /// Upstream project of `target`.
    fn quota_domain(&self, target: &Arc<str>) -> Arc<str> {
        let named = self.quota_domains.get(target.as_ref());
        named.map_or_else(|| Arc::clone(target), |project| project.as_str().into())
    }

    async fn read_models(&self, sources: &Sources, models: &mut HashMap<Arc<str>, (Instant, Vec<Model>)>) {
        let mut reads = JoinSet::new();
        for read in sources.models() {
            reads.spawn(read);
        }
        while let Some(read) = reads.join_next().await {
            match read {
                Ok((target, Ok(read))) => {
                    models.insert(target, (Instant::now(), read));
                }
                Ok((target, Err(fault))) => {
                    tracing::warn!(%target, %fault, "models could not be read");
                    let stale = |(at, _): &(Instant, _)| at.elapsed() > self.stale_after.get();
                    if models.get(&target).is_some_and(stale) {
                        models.remove(&target);
                    }
                }
                Err(error) => tracing::error!(%error, "reading models failed"),
            }
        }
    }
}
