//! The load generator behind `kaleem bench`: an open loop at a fixed rate or a closed loop at a fixed concurrency, with latencies
//! that count from the moment a request was due, so that a stalled server cannot hide its stall.

mod exchange;
mod grpc;
mod http;
mod load;
mod plot;
mod prepare;
mod process;
mod report;
mod schedule;
mod table;
mod tally;
pub mod upstream;

pub use exchange::{Caller, Endpoint, Exchange, Protocol, Question};
pub use load::{Plan, run};
pub use plot::svg;
pub use prepare::{MERCHANT, prepare};
pub use report::{Percentiles, Report, ServerUse};
pub use table::table;
