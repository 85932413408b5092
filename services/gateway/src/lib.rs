//! The front door: gRPC and OpenAI HTTP on one port, authentication, and the pipeline that every request goes through.

mod admin;
mod auth;
mod books;
mod clients;
mod config;
mod fault;
mod grpc;
mod openai;
mod pipeline;
mod prices;

use std::{io, path::PathBuf, sync::Arc};

use axum::Router;
use kaleem_domain::Clock;
use kaleem_proto::gateway::v1::gateway_service_server::GatewayServiceServer;
use kaleem_rpc::{Mount, StackConfig, Transport, admission};
use kaleem_runtime::{OnError, Supervisor};

pub use clients::PeerTransports;
pub use config::Config;
pub use grpc::Grpc;

/// What attempts intend and how they ended, on disk before anybody is told.
pub mod journal {
    pub use crate::books::journal::{Journal, Ticket};
}

/// What the gateway needs.
pub struct Deps {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Background tasks.
    pub supervisor: Supervisor,
    /// The mesh's signing key for admissions.
    pub admission_key: admission::Key,
    /// Every peer.
    pub peers: PeerTransports,
    /// Services that operators reach through this port: gRPC name and transport.
    pub admin: Vec<(&'static str, Transport)>,
    /// Bounds of the administrative services.
    pub stack: StackConfig,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of the configuration is wrong.
    #[error("{key} {why}")]
    Config {
        /// Which.
        key: &'static str,
        /// What it may be.
        why: &'static str,
    },
    /// The journal cannot be used.
    #[error("the usage journal in {folder} cannot be opened: {source}; make the folder writable or set gateway.journal_dir", folder = folder.display())]
    Journal {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A built gateway.
pub struct Gateway {
    /// The gRPC service.
    pub grpc: GatewayServiceServer<Grpc>,
    /// The HTTP surfaces.
    pub http: Router,
    /// Administrative services behind the admin scope.
    pub admin: Vec<Mount>,
}

/// Builds the gateway and starts its background work.
pub fn build(config: Config, deps: Deps) -> Result<Gateway, Error> {
    let body_bytes_max = config.body_bytes_max.as_usize();
    let peers = Arc::new(clients::Peers::new(deps.peers));
    let prices = prices::Prices::default();
    let stop = deps.supervisor.stopping();
    let refresh =
        prices.clone().refresh_forever(Arc::clone(&peers), config.price_refresh_interval.get(), stop);
    deps.supervisor.spawn("gateway prices", OnError::Shutdown, refresh);
    let books = books::Books::open(&config, Arc::clone(&peers), prices, &deps.supervisor)
        .map_err(|source| Error::Journal { folder: config.journal_dir.clone(), source })?;
    let pipeline = Arc::new(pipeline::Pipeline::new(config, deps.clock, peers, books, deps.admission_key));
    Ok(Gateway {
        grpc: GatewayServiceServer::new(Grpc::new(Arc::clone(&pipeline)))
            .max_decoding_message_size(body_bytes_max),
        http: openai::router(Arc::clone(&pipeline)),
        admin: admin::mounts(&pipeline, deps.admin, &deps.stack),
    })
}
