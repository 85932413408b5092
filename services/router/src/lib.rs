//! Chooses where a request goes and can say why: `select` is a pure function of features, policy and a snapshot of the
//! catalogue; nothing is asked over the network on the hot path.

mod catalogue;
mod clients;
mod config;
mod error;
mod gate;
mod grpc;
mod holds;
mod policy;
mod select;

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::router::v1::router_service_server::RouterServiceServer;
use kaleem_rpc::Transport;
use kaleem_runtime::{OnError, Supervisor};

pub use config::Config;
pub use error::Error;
pub use grpc::Grpc;
pub use policy::{Candidate, Condition, Policy, Rule};

/// What the router needs.
pub struct Deps {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Background tasks.
    pub supervisor: Supervisor,
    /// Prices come from here.
    pub billing: Transport,
    /// Models come from these, by target name.
    pub providers: Vec<(String, Transport)>,
}

/// Builds the service and starts the refresh of its catalogue.
pub fn build(config: Config, deps: Deps) -> Result<RouterServiceServer<Grpc>, Error> {
    config.check()?;
    let catalogue = catalogue::Catalogue::new(&config);
    let sources = clients::Sources::new(deps.billing, deps.providers);
    let refresh =
        catalogue.clone().refresh_forever(sources, config.refresh_interval.get(), deps.supervisor.stopping());
    deps.supervisor.spawn("router catalogue", OnError::Shutdown, refresh);
    let grpc = Grpc::new(Arc::new(config.policy), catalogue, holds::Holds::default(), deps.clock);
    Ok(RouterServiceServer::new(grpc))
}
