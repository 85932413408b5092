//! The crash matrix, row by row: real processes that die at named points of the money path, come back or never do, and books that
//! are exact afterwards. `docs/crash-matrix.md` has the rows.
//!
//! The services that keep no money run in the test's own process; gateway, quota and billing are child processes of the real binary,
//! which has failpoints in every build with tests in it. They keep their books in files, or, where `KALEEM_TEST_STORES` is
//! `production`, in a Postgres and a Redis of the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

mod audit;
mod billing;
mod caller;
mod child;
mod clock;
mod gateway;
mod mesh;
mod power;
mod quota;
mod stores;
mod zombie;
