//! One function a target: builds it from its configuration and its peers, leaves first.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use axum::Router;
use kaleem_domain::Clock;
use kaleem_proto::{
    accounts::v1::accounts_service_client::AccountsServiceClient,
    accounts::v1::accounts_service_server::SERVICE_NAME as ACCOUNTS,
    billing::v1::billing_service_client::BillingServiceClient,
    billing::v1::billing_service_server::SERVICE_NAME as BILLING,
    pool::v1::pool_service_server::SERVICE_NAME as POOL,
    quota::v1::quota_service_server::SERVICE_NAME as QUOTA,
    redaction::v1::redaction_service_server::SERVICE_NAME as REDACTION,
    router::v1::router_service_server::SERVICE_NAME as ROUTER,
};
use kaleem_rpc::{Mount, Resolver, StackConfig, Target, admission};
use kaleem_runtime::{Readiness, Supervisor};

use crate::{bootstrap, config::Config, data::DataFolder};

/// Providers that a gateway and a router look for.
const PROVIDERS: [Target; 2] = [Target::ProviderGemini, Target::ProviderLocal];

/// What every target is built with.
pub(crate) struct Assembly<'a> {
    pub(crate) config: &'a Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) supervisor: Supervisor,
    pub(crate) readiness: Readiness,
    pub(crate) resolver: Resolver,
    pub(crate) secret: [u8; 32],
    pub(crate) stack: StackConfig,
}

/// A built target: its gRPC services and, for the gateway, its HTTP surfaces.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) mounts: Vec<Mount>,
    pub(crate) http: Router,
}

impl Built {
    fn grpc(mounts: Vec<Mount>) -> Self {
        Self { mounts, http: Router::new() }
    }
}

impl Assembly<'_> {
    /// Builds `target` and makes it known to those that come after it.
    pub(crate) async fn build(&mut self, target: Target) -> anyhow::Result<Built> {
        // Boxed, as the future of a start holds those of all targets.
        let built = match target {
            Target::Accounts => Box::pin(self.accounts()).await,
            Target::Billing => Box::pin(self.billing()).await,
            Target::Quota => Box::pin(self.quota()).await,
            Target::Redaction => Box::pin(self.redaction()).await,
            Target::ProviderGemini => Box::pin(self.provider_gemini()).await,
            Target::ProviderLocal => Box::pin(self.provider_local()).await,
            Target::Router => self.router(),
            Target::Gateway => self.gateway(),
        };
        let built = built.with_context(|| format!("{target} cannot start"))?;
        self.resolver.mount(target, Mount::combine(&built.mounts));
        // ProviderLocal says itself when its model is loaded.
        if target != Target::ProviderLocal {
            self.readiness.set(target.name(), Ok(()));
        }
        Ok(built)
    }

    fn admission_key(&self) -> admission::Key {
        admission::Key::new(&self.secret)
    }

    async fn accounts(&self) -> anyhow::Result<Built> {
        let deps =
            kaleem_accounts::Deps { clock: Arc::clone(&self.clock), supervisor: self.supervisor.clone() };
        let server = kaleem_accounts::build(self.config.accounts.clone(), deps).await?;
        let mount = Mount::new(server, &self.stack);
        bootstrap::run(mount.transport.clone(), &self.config.data_dir, self.config.demo).await?;
        Ok(Built::grpc(vec![mount]))
    }

    async fn billing(&self) -> anyhow::Result<Built> {
        let deps =
            kaleem_billing::Deps { clock: Arc::clone(&self.clock), supervisor: self.supervisor.clone() };
        let server = kaleem_billing::build(self.config.billing.clone(), deps).await?;
        Ok(Built::grpc(vec![Mount::new(server, &self.stack)]))
    }

    async fn quota(&self) -> anyhow::Result<Built> {
        let config = self.config.quota.clone();
        let folder = config.path.parent().filter(|_| config.postgres_url.is_none());
        if let Some(folder) = folder {
            DataFolder::folder(folder)?;
        }
        // Quota serves without billing too: only lost usage is not healed then.
        let knows_billing = self.resolver.knows(Target::Billing);
        let billing = knows_billing.then(|| self.resolver.resolve(Target::Billing)).transpose()?;
        let deps = kaleem_quota::Deps {
            clock: Arc::clone(&self.clock),
            supervisor: self.supervisor.clone(),
            readiness: self.readiness.clone(),
            accounts: AccountsServiceClient::new(self.resolver.resolve(Target::Accounts)?),
            billing: billing.map(BillingServiceClient::new),
        };
        let server = kaleem_quota::build(config, deps).await?;
        Ok(Built::grpc(vec![Mount::new(server, &self.stack)]))
    }

    async fn redaction(&self) -> anyhow::Result<Built> {
        let deps = kaleem_redaction::Deps {
            clock: Arc::clone(&self.clock),
            supervisor: self.supervisor.clone(),
            master_key: self.secret,
        };
        let server = kaleem_redaction::build(self.config.redaction.clone(), deps).await?;
        Ok(Built::grpc(vec![Mount::new(server, &self.stack)]))
    }

    async fn provider_gemini(&self) -> anyhow::Result<Built> {
        let deps =
            kaleem_provider_gemini::Deps { clock: Arc::clone(&self.clock), admission: self.admission_key() };
        let server = kaleem_provider_gemini::build(self.config.provider_gemini.clone(), deps).await?;
        Ok(Built::grpc(vec![Mount::new(server, &self.stack)]))
    }

    async fn provider_local(&self) -> anyhow::Result<Built> {
        let deps = kaleem_provider_local::Deps {
            clock: Arc::clone(&self.clock),
            supervisor: self.supervisor.clone(),
            readiness: self.readiness.clone(),
            admission: self.admission_key(),
        };
        let servers = kaleem_provider_local::build(self.config.provider_local.clone(), deps).await?;
        Ok(Built::grpc(vec![
            Mount::new(servers.provider, &self.stack),
            Mount::new(servers.pool, &self.stack),
        ]))
    }

    fn router(&self) -> anyhow::Result<Built> {
        let mut providers = Vec::new();
        for target in PROVIDERS {
            providers.push((target.name().to_owned(), self.resolver.resolve(target)?));
        }
        let deps = kaleem_router::Deps {
            clock: Arc::clone(&self.clock),
            supervisor: self.supervisor.clone(),
            billing: self.resolver.resolve(Target::Billing)?,
            providers,
        };
        let server = kaleem_router::build(self.config.router.clone(), deps)?;
        Ok(Built::grpc(vec![Mount::new(server, &self.stack)]))
    }

    fn gateway(&self) -> anyhow::Result<Built> {
        let peer = |target| self.resolver.resolve(target);
        let mut providers = HashMap::new();
        for target in PROVIDERS {
            providers.insert(target.name().to_owned(), peer(target)?);
        }
        let peers = kaleem_gateway::PeerTransports {
            accounts: peer(Target::Accounts)?,
            quota: peer(Target::Quota)?,
            router: peer(Target::Router)?,
            redaction: peer(Target::Redaction)?,
            billing: peer(Target::Billing)?,
            providers,
        };
        let deps = kaleem_gateway::Deps {
            clock: Arc::clone(&self.clock),
            supervisor: self.supervisor.clone(),
            admission_key: self.admission_key(),
            admin: vec![
                (ACCOUNTS, peers.accounts.clone()),
                (QUOTA, peers.quota.clone()),
                (BILLING, peers.billing.clone()),
                (ROUTER, peers.router.clone()),
                (REDACTION, peers.redaction.clone()),
                (POOL, peer(Target::ProviderLocal)?),
            ],
            peers,
            stack: self.stack.clone(),
        };
        let gateway = kaleem_gateway::build(self.config.gateway.clone(), deps)?;
        let mut mounts = vec![Mount::new(gateway.grpc, &self.stack)];
        mounts.extend(gateway.admin);
        Ok(Built { mounts, http: gateway.http })
    }
}
