//! THE binary and composition root: which services run here, how they find each other, in which order they start and stop, and
//! the command line. The only crate that names several services.

pub mod bench;
mod bootstrap;
pub mod cli;
pub mod config;
mod data;
mod failpoints;
mod http;
pub mod node;
pub mod store;
mod targets;

pub use config::Config;
pub use node::{Node, NodeError, NodeOptions};

/// A request makes several hundred small allocations on whatever thread it runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
