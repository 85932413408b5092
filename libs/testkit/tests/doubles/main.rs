//! Drives every double of the kit from outside, as its users do.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: a broken expectation must stop the test"
)]

mod gemini;
mod openai;
mod openai_bytes;
mod otlp;
mod postgres;
mod redis;
