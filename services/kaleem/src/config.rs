//! The whole configuration: defaults < file < `KALEEM__…` environment < flags.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use kaleem_rpc::{Target, tls::TlsFiles};
use kaleem_runtime::{drain::DrainConfig, telemetry::TelemetryConfig};
use serde::{Deserialize, Serialize};

use crate::{
    NodeError,
    store::{Stores, kind, share},
};

/// Configuration of a process; sections of targets that do not run here are ignored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of stores, journals and keys; relative paths of services lie in it. Also with shared stores: the gateway's
    /// journal, the mesh's secret and the first keys lie here.
    pub data_dir: PathBuf,
    /// Databases in place of files.
    pub store: Stores,
    /// Address of the front door.
    pub listen: SocketAddr,
    /// Makes a demonstration merchant with a key at the first start.
    pub demo: bool,
    /// How services find and trust each other.
    pub mesh: Mesh,
    /// Logs, traces and metrics.
    pub telemetry: TelemetryConfig,
    /// Times of the stop.
    pub drain: DrainConfig,
    /// Gateway.
    pub gateway: kaleem_gateway::Config,
    /// Accounts.
    pub accounts: kaleem_accounts::Config,
    /// Quota.
    pub quota: kaleem_quota::Config,
    /// Router.
    pub router: kaleem_router::Config,
    /// Redaction.
    pub redaction: kaleem_redaction::Config,
    /// Billing.
    pub billing: kaleem_billing::Config,
    /// ProviderGemini.
    pub provider_gemini: kaleem_provider_gemini::Config,
    /// ProviderLocal.
    pub provider_local: kaleem_provider_local::Config,
}

/// How services find and trust each other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mesh {
    /// Addresses that targets of this process listen on in split mode; by default a fixed port each on loopback.
    pub listen: BTreeMap<Target, SocketAddr>,
    /// Addresses of targets in other processes, for example `https://quota:8102`; by default the fixed port on this host.
    pub peers: BTreeMap<Target, String>,
    /// Mutual TLS between processes; without it they speak plain text.
    pub tls: Option<TlsFiles>,
    /// File of the mesh's secret (32 bytes, as 64 hex digits), the same for all processes; by default one is made in the data folder.
    pub secret_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("kaleem-data"),
            store: Stores::default(),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            demo: false,
            mesh: Mesh::default(),
            telemetry: TelemetryConfig::default(),
            drain: DrainConfig::default(),
            gateway: kaleem_gateway::Config::default(),
            accounts: kaleem_accounts::Config { data_folder: PathBuf::new(), ..Default::default() },
            quota: kaleem_quota::Config { path: PathBuf::new(), ..Default::default() },
            router: kaleem_router::Config::default(),
            redaction: kaleem_redaction::Config { data_folder: PathBuf::new(), ..Default::default() },
            billing: kaleem_billing::Config { data_folder: PathBuf::new(), ..Default::default() },
            provider_gemini: kaleem_provider_gemini::Config::default(),
            provider_local: kaleem_provider_local::Config::default(),
        }
    }
}

/// The fixed port of `target` in split mode.
const fn port(target: Target) -> u16 {
    match target {
        Target::Gateway => 8080,
        Target::Accounts => 8101,
        Target::Quota => 8102,
        Target::Router => 8103,
        Target::Redaction => 8104,
        Target::Billing => 8105,
        Target::ProviderGemini => 8106,
        Target::ProviderLocal => 8107,
    }
}

impl Config {
    /// Where `target` listens.
    pub fn listen_of(&self, target: Target) -> SocketAddr {
        match target {
            Target::Gateway => self.listen,
            target => {
                let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port(target));
                self.mesh.listen.get(&target).copied().unwrap_or(default)
            }
        }
    }

    /// Where `target` is found when it runs elsewhere.
    pub fn peer_of(&self, target: Target) -> String {
        let scheme = if self.mesh.tls.is_some() { "https" } else { "http" };
        let default = || format!("{scheme}://localhost:{}", port(target));
        self.mesh.peers.get(&target).cloned().unwrap_or_else(default)
    }

    /// Checks what serde cannot, for all targets; the error names the key.
    pub fn check(&self) -> Result<(), NodeError> {
        self.check_peers()?;
        let within = |section, checked: anyhow::Result<()>| {
            checked.map_err(|source| NodeError::Config { section, source })
        };
        within("gateway", self.gateway.check().map_err(Into::into))?;
        within("store", self.store.check())?;
        let placed = self.placed();
        within("accounts", placed.accounts.check().map_err(Into::into))?;
        within("quota", placed.quota.check().map_err(Into::into))?;
        within("router", self.router.check().map_err(Into::into))?;
        within("redaction", placed.redaction.check().map_err(Into::into))?;
        within("billing", placed.billing.check().map_err(Into::into))?;
        within("provider_gemini", self.provider_gemini.validate().map_err(Into::into))?;
        within("provider_local", self.provider_local.validate().map_err(Into::into))
    }

    fn check_peers(&self) -> Result<(), NodeError> {
        let (scheme, why) = match self.mesh.tls {
            Some(_) => ("https", "is set, and the services trust certificates only"),
            None => ("http", "is not set, so the services have no certificates"),
        };
        for (target, address) in &self.mesh.peers {
            let target = target.name();
            let uri: tonic::transport::Uri = address.parse().unwrap_or_default();
            if uri.host().is_none() || uri.scheme_str() != Some(scheme) {
                let rule = anyhow::anyhow!(
                    "{target} must be an address such as {scheme}://{target}:8102; mesh.tls {why}"
                );
                return Err(NodeError::Config { section: "mesh.peers", source: rule });
            }
        }
        Ok(())
    }

    /// The configuration with every store in its place: see [`Config::place_stores`].
    fn placed(&self) -> Self {
        let mut placed = self.clone();
        placed.place_stores();
        placed
    }

    /// Puts every store that has no place of its own into the shared databases, and else under the data folder.
    pub fn place_stores(&mut self) {
        let postgres = self.store.postgres_url.as_ref();
        share(&mut self.accounts.postgres_url, postgres);
        share(&mut self.billing.postgres_url, postgres);
        share(&mut self.redaction.postgres_url, postgres);
        share(&mut self.quota.postgres_url, postgres);
        share(&mut self.quota.redis_url, self.store.redis_url.as_ref());
        let under = |path: &mut PathBuf, name: &str, data_dir: &Path| {
            if path.as_os_str().is_empty() {
                *path = data_dir.join(name);
            }
        };
        under(&mut self.accounts.data_folder, "accounts", &self.data_dir);
        under(&mut self.billing.data_folder, "billing", &self.data_dir);
        under(&mut self.redaction.data_folder, "redaction", &self.data_dir);
        under(&mut self.quota.path, "quota/quota.sqlite", &self.data_dir);
        under(&mut self.gateway.journal_dir, "gateway/journal", &self.data_dir);
    }

    /// What `target` keeps its state in, for operators; `None` if it keeps none. After [`Config::place_stores`].
    pub(crate) fn store_of(&self, target: Target) -> Option<&'static str> {
        match target {
            Target::Accounts => Some(kind(self.accounts.postgres_url.as_ref())),
            Target::Billing => Some(kind(self.billing.postgres_url.as_ref())),
            Target::Redaction => Some(kind(self.redaction.postgres_url.as_ref())),
            Target::Quota => Some(match (&self.quota.redis_url, kind(self.quota.postgres_url.as_ref())) {
                (None, durable) => durable,
                (Some(_), "SQLite") => "Redis, SQLite",
                (Some(_), _) => "Redis, Postgres",
            }),
            _ => None,
        }
    }
}
