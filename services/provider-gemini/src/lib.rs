//! ProviderGemini: `ProviderService` over Google's Gemini REST API.
//!
//! A call is verified against its admission, translated, sent to `streamGenerateContent?alt=sse` and translated back while it
//! streams. Nothing is retried here; only a model that the Google project is refused is passed over for its configured fallbacks.

mod admission;
mod catalogue;
pub mod config;
mod embedding;
mod error;
mod grpc;
mod pacific;
mod provider;
pub mod sse;
mod stream;
pub mod translate;
mod upstream;
mod upstream_error;
pub mod wire;

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::provider::v1::provider_service_server::ProviderServiceServer;
use kaleem_rpc::admission::Key;

pub use admission::TARGET;
pub use config::Config;
pub use error::{DOMAIN, Error, Violations};
pub use grpc::Grpc;
pub use upstream_error::{Cause, UpstreamError};

/// Bytes of one request: 8 MiB of pictures and a long conversation.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the service is given.
pub struct Deps {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Verifies the gateway's admissions.
    pub admission: Key,
}

/// Builds the service, ready to be mounted. Nothing is connected; without an API key the service is up and its calls answer
/// `FAILED_PRECONDITION` / `UPSTREAM_CREDENTIAL_MISSING`.
#[expect(clippy::unused_async, reason = "services are all built alike")]
pub async fn build(config: Config, deps: Deps) -> Result<ProviderServiceServer<Grpc>, Error> {
    let provider = provider::Provider::new(&config, Arc::clone(&deps.clock))?;
    let service = Grpc::new(Arc::new(provider), deps.admission, deps.clock);
    Ok(ProviderServiceServer::new(service).max_decoding_message_size(REQUEST_BYTES_MAX))
}
