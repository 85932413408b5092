//! The accounts service through its generated client, on a store in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a step that fails must stop the test")]

mod feed;
mod harness;
mod keys;
mod merchants;
mod plans;
mod startup;
