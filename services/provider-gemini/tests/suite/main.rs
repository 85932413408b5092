//! Tests of the Gemini provider: translations against golden files, and the service against a double of the API.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at its first surprise")]

mod answers;
mod builders;
mod flow;
mod mesh;
mod refusals;
mod requests;
mod responses;
