//! ProviderLocal over its generated clients: HTTP workers against a double with recorded bytes, and the model in this process.

#[cfg(test)]
mod engine;
#[cfg(test)]
mod support;
#[cfg(test)]
#[expect(dead_code, reason = "the engine's unit tests use the rest")]
#[path = "../support/tiny.rs"]
mod tiny;
#[cfg(test)]
mod workers;
