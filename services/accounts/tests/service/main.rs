//! The accounts service through its generated client, on a store of its own: SQLite in a folder, or Postgres.

#![expect(clippy::unwrap_used, reason = "a step that fails must stop the test")]

mod feed;
mod harness;
mod keys;
mod merchants;
mod plans;
mod postgres;
mod sql;
mod startup;
