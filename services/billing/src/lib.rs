//! The ledger of usage: every call that reached a provider, rated exactly, recorded once, for ever.
//!
//! Money is integer pico-US-dollars. An event, its rated lines and its double-entry transaction are written in one database
//! transaction, and the answer comes after its commit. Concurrent callers share commits, so that durability costs one disk
//! flush a batch and not one a call.

mod amendment;
mod audit;
mod auditor;
mod balance;
mod bill;
mod chain;
mod config;
mod error;
mod event;
mod grpc;
mod ledger;
mod payment;
mod period;
pub mod price_file;
mod prices;
mod rating;
mod reconciliation;
mod recorder;
mod statement;
mod store;
mod summary;
mod terms;

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::billing::v1::billing_service_server::BillingServiceServer;
use kaleem_runtime::{OnError, Supervisor};

use auditor::Auditor;

pub use config::{Config, Postgres};
pub use error::{Error, Violation};
pub use grpc::Grpc;
pub use store::Error as StoreError;

/// Largest request: a provider's bill and what is around it.
const REQUEST_BYTES_MAX: usize = bill::DOCUMENT_BYTES_MAX + 1_024;

/// What the service needs from its process.
pub struct Deps {
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Owner of the flushes, which finish although their callers left.
    pub supervisor: Supervisor,
}

async fn open(config: &Config) -> Result<Arc<dyn store::Store>, Error> {
    Ok(match &config.postgres_url {
        Some(url) => Arc::new(store::postgres::Postgres::open(url.expose(), &config.postgres).await?),
        None => Arc::new(store::sqlite::open(&config.data_folder).await?),
    })
}

/// Opens the store, making it and the price book on a first start, and returns the server to mount.
///
/// Fails with the file or the server and the way out when the data folder or Postgres cannot be used, is in use, or is damaged.
pub async fn build(config: Config, deps: Deps) -> Result<BillingServiceServer<Grpc>, Error> {
    config.check()?;
    let store = open(&config).await?;
    let seed = price_file::parse(price_file::DEFAULT).map_err(Error::PriceFile)?;
    store.seed_prices(seed, deps.clock.now()).await?;
    let prices = prices::Prices::open(Arc::clone(&store), config.price_versions_max).await?;
    let prices = Arc::new(prices);
    let recorder = recorder::Recorder::new(Arc::clone(&store) as Arc<dyn store::Ledger>, &config, &deps);
    let auditor = Arc::new(Auditor::new(Arc::clone(&store), Arc::clone(&prices), Arc::clone(&deps.clock)));
    if !config.audit_interval.get().is_zero() {
        let audit = Arc::clone(&auditor).run(config.audit_interval.get(), deps.supervisor.stopping());
        deps.supervisor.spawn("billing audit", OnError::Log, audit);
    }
    let books = grpc::Books { store, prices, recorder, auditor };
    let server = BillingServiceServer::new(Grpc::new(books, deps, config.statement_grace.get()));
    Ok(server.max_decoding_message_size(REQUEST_BYTES_MAX))
}
