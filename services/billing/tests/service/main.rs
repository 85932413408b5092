//! The billing service through its generated client, on a ledger in a folder of its own.

mod audit;
mod crash;
mod harness;
mod prices;
mod reading;
mod recording;
mod startup;
