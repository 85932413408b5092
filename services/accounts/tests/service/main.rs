//! The accounts service through its generated client, on a store in a folder of its own.

mod feed;
mod harness;
mod keys;
mod merchants;
mod plans;
mod startup;
