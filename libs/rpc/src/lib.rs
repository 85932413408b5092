//! How services talk: one erased client type for peers in this process or over TCP, one wrapped server stack, faults with
//! reasons, call context in metadata, admissions, mutual TLS, health and reflection.

pub mod admission;
pub mod certs;
mod context;
pub mod convert;
mod fault;
mod first_bytes;
pub mod operations;
mod resolver;
pub mod server;
mod stack;
pub mod tls;
mod trace;
mod transport;

pub use context::CallContext;
pub use fault::{Code, Fault, FieldViolation, Localized, QuotaViolation};
pub use resolver::{Resolver, ResolverError, Target};
pub use stack::{Guarded, Mount, StackConfig};
pub use transport::{Transport, remote};
