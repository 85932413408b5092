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
mod grpc;
mod json;
mod redact;

use kaleem_proto::redaction::v1::redaction_service_server::RedactionServiceServer;

pub use config::Config;
pub use error::Error;
pub use grpc::Grpc;
pub use redact::{Counts, MAX_TEXT_BYTES, Redaction, Redactor, Residual, Session};

/// Largest message taken: the gateway's body limit and its overhead.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Builds the service. Placeholders are made under `master_key`, so that they are stable over restarts and cannot be guessed.
pub fn build(config: Config, master_key: [u8; 32]) -> Result<RedactionServiceServer<Grpc>, Error> {
    let grpc = Grpc::new(Redactor::new()?, master_key, config);
    Ok(RedactionServiceServer::new(grpc)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}
