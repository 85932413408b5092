//! The service as its callers see it, on both stores.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a call that fails where it must not fails the test")]

mod answers;
mod entries;
mod explained;
mod harness;
mod hostile;
mod policies;
mod postgres;
mod redact;
mod sql;
mod streams;
