//! Quota: admits calls against a merchant's caps, on in-process state with a SQLite journal behind it, or on a store that several
//! processes share.
//!
//! [`machine`] is the specification: a pure state machine of one merchant. [`Registry`] runs it for many, [`build`] serves it.

pub mod machine;
pub mod upstream;

mod alerts;
mod clients;
mod config;
mod error;
mod feed;
mod follower;
mod grpc;
mod journal;
mod reconciler;
mod registry;
mod shard;
mod shared;
mod store;
mod sweeper;
mod watch;

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::{
    accounts::v1::accounts_service_client::AccountsServiceClient,
    billing::v1::billing_service_client::BillingServiceClient,
    quota::v1::quota_service_server::QuotaServiceServer,
};
use kaleem_rpc::Transport;
use kaleem_runtime::{OnError, Readiness, Supervisor};

pub use config::{Alerts, Config, Follow, Shared, Upstream, UpstreamLimits, UpstreamProject, UpstreamSpend};
pub use error::Error;
pub use grpc::Grpc;
pub use registry::{Registry, Rounds, Spending};

/// What quota needs of the process.
#[derive(Clone)]
pub struct Deps {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Owner of its tasks.
    pub supervisor: Supervisor,
    /// Where it says whether its journal can be written, as component `quota-store`.
    pub readiness: Readiness,
    /// Accounts, for the plans and zones of merchants.
    pub accounts: AccountsServiceClient<Transport>,
    /// Billing, for the ledger that quota is a cache of; without it quota serves and nothing is compared.
    pub billing: Option<BillingServiceClient<Transport>>,
}

/// Opens the journal and makes the service, ready to be mounted.
pub async fn build(config: Config, deps: Deps) -> Result<QuotaServiceServer<Grpc>, Error> {
    Ok(QuotaServiceServer::new(Grpc::new(open(config, deps).await?)))
}

/// Opens the journal as of its last commit and starts the tasks behind it: the sweep, what keeps it and the ledger
/// one, the feed of policies and webhooks.
pub async fn open(config: Config, deps: Deps) -> Result<Arc<Registry>, Error> {
    let webhook = alerts::Webhook::from_config(&config.alerts)?;
    let accounts = clients::Accounts::new(deps.accounts, config.accounts_timeout.get());
    let billing =
        clients::Billing::new(deps.billing, config.billing_timeout.get(), config.upstream.spend_caps()?);
    let has_ledger = billing.is_known();
    let sweep_interval = config.sweep_interval.get();
    let reconcile_interval = config.reconcile_interval.get();
    let push_interval = config.follow.checked()?.push_interval.get();
    let surroundings = registry::Surroundings {
        clock: Arc::clone(&deps.clock),
        supervisor: deps.supervisor.clone(),
        readiness: deps.readiness,
        accounts: accounts.clone(),
        billing,
    };
    // Boxed, as it would be copied into every future around it.
    let registry = Arc::new(Box::pin(Registry::open(config, surroundings)).await?);
    let stopping = deps.supervisor.stopping();
    let sweep = sweeper::sweep(Arc::clone(&registry), sweep_interval, stopping.clone());
    deps.supervisor.spawn("quota sweep", OnError::Shutdown, sweep);
    if has_ledger {
        let follow = follower::follow(Arc::clone(&registry), stopping.clone());
        deps.supervisor.spawn("quota ledger", OnError::Shutdown, follow);
        let tell = follower::tell(Arc::clone(&registry), push_interval, stopping.clone());
        deps.supervisor.spawn("quota untold calls", OnError::Shutdown, tell);
        if !reconcile_interval.is_zero() {
            let reconcile =
                reconciler::reconcile(Arc::clone(&registry), reconcile_interval, stopping.clone());
            deps.supervisor.spawn("quota reconciliation", OnError::Log, reconcile);
        }
    } else {
        tracing::info!("quota has no billing to follow; set mesh.peers.billing to heal lost usage");
    }
    if let Some(delivery) = registry.delivery(webhook) {
        let deliver = delivery.run(stopping.clone());
        deps.supervisor.spawn("quota alert delivery", OnError::Log, deliver);
    }
    let follow = feed::follow(accounts, Arc::clone(&registry), deps.clock, stopping);
    deps.supervisor.spawn("quota accounts feed", OnError::Shutdown, follow);
    Ok(registry)
}
