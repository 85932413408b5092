//! Support for tests: throw-away stores, scriptable upstreams that copy recorded wire bytes, a telemetry
//! collector and a clock that only tests move.
//!
//! Nothing here runs in production. A double that cannot do its work stops the test with a panic that names
//! the reason. Every wait has a bound of [`WAIT_LIMIT`] and panics when it passes, so that a wrong
//! expectation is a failure with a message and never a hang.
#![expect(clippy::expect_used, clippy::panic, reason = "test support: a broken fixture must stop the test")]

mod child;
mod clock;
mod gate;
mod http_server;
mod json_style;
mod listener;
mod playback;
mod recorder;

pub mod gemini_upstream;
pub mod openai_upstream;
pub mod otlp;
pub mod postgres;
pub mod power;
pub mod redis;
pub mod statements;
pub mod store;
pub mod transcript;

use std::future::Future;
use std::time::Duration;

pub use clock::ManualClock;
pub use gate::Gate;
pub use listener::{bound_listener, server_port};
pub use playback::{End, Exchange};
pub use recorder::{ReceivedRequest, Recorder};

/// How long a wait of this crate lasts at most before it panics.
pub const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// Waits for `condition`, and panics with `what` when [`WAIT_LIMIT`] passes first.
pub(crate) async fn bounded<F: Future>(what: &str, condition: F) -> F::Output {
    let outcome = tokio::time::timeout(WAIT_LIMIT, condition).await;
    outcome.unwrap_or_else(|_| panic!("waited {WAIT_LIMIT:?} in vain for {what}"))
}

/// Builds an HTTP client with the process-wide ring provider installed, for driving the doubles and the
/// product.
///
/// Installing is idempotent: another part of the test process may have done it before.
pub fn http_client() -> reqwest::Client {
    // A second installation answers Err with the provider that is there already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client without special settings builds")
}
