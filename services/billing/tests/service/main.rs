//! The billing service through its generated client, on ledgers in both stores.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that fails must stop the test")]

mod amending;
mod audit;
mod backend;
mod bills;
mod chain;
mod crash;
mod currencies;
mod cutting_off;
mod following;
mod harness;
mod modalities;
mod payments;
mod pipelining;
mod prices;
mod reading;
mod recording;
mod sql;
mod startup;
mod statements;
mod tailing;
