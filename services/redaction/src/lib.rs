//! Redaction: takes personal data out of a request before it leaves, and says what may be left.
//!
//! The core is pure and synchronous. `kaleem_pii` finds the personal data of a text, and each finding is replaced by a
//! placeholder whose value the [`Session`] keeps. Restoring the streamed answer is `kaleem_placeholder::Restorer`, which
//! the gateway runs on the same values.
//!
//! What is found and what is not: `docs/privacy.md`.
//!
//! Redaction fails closed: after an [`Error`] a text must not be sent.

mod answer;
mod config;
mod conversation;
mod error;
mod explain;
mod grpc;
mod inspect;
mod joined;
mod json;
mod names;
mod places;
mod policies;
mod policy;
mod redact;
mod seams;
mod session;
mod store;

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::redaction::v1::redaction_service_server::RedactionServiceServer;
use kaleem_runtime::Supervisor;

pub use config::Config;
pub use error::{Error, Violation};
pub use grpc::Grpc;
pub use names::NameModelConfig;
pub use policy::{Action, POLICY_BYTES_MAX, Policy};
pub use redact::{MAX_TEXT_BYTES, Place, Redaction, Redactor};
pub use session::{Counts, Residual, Session};
pub use store::Error as StoreError;

use names::NameStage;
use policies::Policies;

/// Largest message taken: the gateway's body limit and its overhead.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the service needs from its process.
pub struct Deps {
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Owner of the tasks that finish a write or a question to a model although its caller left, and that hear of what other
    /// processes write.
    pub supervisor: Supervisor,
    /// Secret under which placeholders are made, so that they are stable over restarts and cannot be guessed.
    pub master_key: [u8; 32],
}

/// Opens the store of policies, making it on a first start, and returns the server to mount.
///
/// Fails with the file and the way out when the data folder cannot be used, is in use, or is damaged; with the server's
/// address when the shared store cannot be used.
pub async fn build(config: Config, deps: Deps) -> Result<RedactionServiceServer<Grpc>, Error> {
    config.check()?;
    let store = store::open(&config).await?;
    let redactor = Arc::new(Redactor::new()?);
    let names = NameStage::new(&config.name_model, &deps.supervisor)?;
    let policies =
        Policies::open(config.clone(), store, Arc::clone(&redactor), deps.clock, deps.supervisor).await?;
    let grpc = Grpc::new(redactor, policies, names, (deps.master_key, config));
    Ok(RedactionServiceServer::new(grpc)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}
