//! The services that the catalogue is read from.

use std::{future::Future, sync::Arc, time::Duration};

use kaleem_domain::price::PriceVersion;
use kaleem_proto::{
    billing::v1::{ListPricesRequest, billing_service_client::BillingServiceClient},
    provider::v1::{ListModelsRequest, Model, provider_service_client::ProviderServiceClient},
};
use kaleem_rpc::{Fault, Transport, convert};

const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Sources {
    billing: BillingServiceClient<Transport>,
    providers: Vec<(Arc<str>, ProviderServiceClient<Transport>)>,
}

type Models = (Arc<str>, Result<Vec<Model>, Fault>);

impl Sources {
    pub(crate) fn new(billing: Transport, providers: Vec<(String, Transport)>) -> Self {
        let providers =
            providers.into_iter().map(|(target, t)| (target.into(), ProviderServiceClient::new(t)));
        Self { billing: BillingServiceClient::new(billing), providers: providers.collect() }
    }

    /// Prices in force now or later; malformed ones are left out, so that their models have no price.
    pub(crate) async fn prices(&self) -> Result<Vec<PriceVersion>, Fault> {
        let mut request = tonic::Request::new(ListPricesRequest { include_superseded: true });
        request.set_timeout(TIMEOUT);
        let answered = self.billing.clone().list_prices(request).await.map_err(|s| Fault::from_status(&s))?;
        let versions = answered.into_inner().versions;
        Ok(versions.iter().filter_map(|version| convert::from_price_version(version).ok()).collect())
    }

    /// One read a provider, to be run at once.
    pub(crate) fn models(&self) -> impl Iterator<Item = impl Future<Output = Models> + Send + 'static> + '_ {
        self.providers.iter().map(|(target, client)| {
            let (target, mut client) = (Arc::clone(target), client.clone());
            async move {
                let mut request = tonic::Request::new(ListModelsRequest {});
                request.set_timeout(TIMEOUT);
                let answered = client.list_models(request).await;
                let models = answered.map(|reply| reply.into_inner().models);
                (target, models.map_err(|status| Fault::from_status(&status)))
            }
        })
    }
}
