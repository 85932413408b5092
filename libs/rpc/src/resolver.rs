//! One place decides for everybody whether a peer is in this process or across the network.

use std::collections::HashMap;

use tonic::transport::ClientTlsConfig;

use crate::{Transport, remote};

/// A service that can be enabled in a process. Two targets may implement the same gRPC service, so peers are resolved by target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Merchants and keys.
    Accounts,
    /// Admission.
    Quota,
    /// Routes.
    Router,
    /// Personal data.
    Redaction,
    /// The ledger.
    Billing,
    /// Gemini.
    ProviderGemini,
    /// Our own workers.
    ProviderLocal,
    /// The front door.
    Gateway,
}

impl Target {
    /// Every target, leaves first: the order of start.
    pub const ALL: [Self; 8] = [
        Self::Accounts,
        Self::Billing,
        Self::Quota,
        Self::Redaction,
        Self::ProviderGemini,
        Self::ProviderLocal,
        Self::Router,
        Self::Gateway,
    ];

    /// The name in configuration, plans and admissions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Quota => "quota",
            Self::Router => "router",
            Self::Redaction => "redaction",
            Self::Billing => "billing",
            Self::ProviderGemini => "provider-gemini",
            Self::ProviderLocal => "provider-local",
            Self::Gateway => "gateway",
        }
    }

    /// The target called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a peer cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// Neither enabled here nor given an address.
    #[error(
        "{0} is neither enabled in this process nor given an address; add it to --target or set mesh.peers.{0}"
    )]
    Missing(Target),
    /// The address is malformed.
    #[error("mesh.peers.{target}: {address:?} is not an address such as https://host:port ({detail})")]
    Address {
        /// Whose address.
        target: String,
        /// The address.
        address: String,
        /// What is wrong.
        detail: String,
    },
}

/// Transports by target: mounted here first, else by address.
#[derive(Default)]
pub struct Resolver {
    mounted: HashMap<Target, Transport>,
    peers: HashMap<Target, String>,
    tls: Option<ClientTlsConfig>,
}

impl Resolver {
    /// A resolver that finds remote peers at `peers`, over TLS where given.
    pub fn new(peers: HashMap<Target, String>, tls: Option<ClientTlsConfig>) -> Self {
        Self { mounted: HashMap::new(), peers, tls }
    }

    /// Makes `target` known as a service of this process.
    pub fn mount(&mut self, target: Target, transport: Transport) {
        self.mounted.insert(target, transport);
    }

    /// The transport to `target`.
    pub fn resolve(&self, target: Target) -> Result<Transport, ResolverError> {
        if let Some(transport) = self.mounted.get(&target) {
            return Ok(transport.clone());
        }
        let address = self.peers.get(&target).ok_or(ResolverError::Missing(target))?;
        remote(target.name(), address, self.tls.clone())
    }

    /// Whether `target` is in this process or has an address.
    pub fn knows(&self, target: Target) -> bool {
        self.mounted.contains_key(&target) || self.peers.contains_key(&target)
    }
}
