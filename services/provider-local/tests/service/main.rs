//! ProviderLocal over its generated clients: HTTP workers against a double with recorded bytes, and the model in this process.

mod engine;
mod support;
#[expect(dead_code, reason = "the engine's unit tests use the rest")]
#[path = "../support/tiny.rs"]
mod tiny;
mod workers;
