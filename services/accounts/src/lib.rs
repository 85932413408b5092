//! Merchants, plans and API keys: who calls, who pays, and which credentials are no longer good.
//!
//! Keys are stored as SHA-256 hashes and looked up in a bounded memory index that is kept in step with every write, in a
//! shared store also with those of other processes.
//! Revocations and suspensions go out on a resumable feed, so that gateways never honour a cached credential for long.

mod config;
mod directory;
mod error;
mod grpc;
mod index;
mod key;
mod merchant;
mod plan;
mod store;

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::accounts::v1::accounts_service_server::AccountsServiceServer;
use kaleem_runtime::Supervisor;

pub use config::Config;
pub use error::{Error, Violation};
pub use grpc::Grpc;
pub use store::Error as StoreError;

/// What the service needs from its process.
pub struct Deps {
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Owner of the tasks that finish a write although its caller left.
    pub supervisor: Supervisor,
}

/// Opens the store, making it and the default plans on a first start, and returns the server to mount.
///
/// Fails with the file and the way out when the data folder cannot be used, is in use, or is damaged; with the server's
/// address when the shared store cannot be used.
pub async fn build(config: Config, deps: Deps) -> Result<AccountsServiceServer<Grpc>, Error> {
    config.check()?;
    let store = store::open(&config).await?;
    let feed_heartbeat = config.heartbeat.get();
    let watchers_max = config.watchers_max;
    let stopping = deps.supervisor.stopping();
    let directory = directory::Directory::open(config, store, deps).await?;
    let feed = grpc::FeedLimits { heartbeat: feed_heartbeat, watchers_max };
    Ok(AccountsServiceServer::new(Grpc::new(directory, feed, stopping)))
}
