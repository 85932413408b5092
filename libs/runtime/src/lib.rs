//! What every process of kaleem needs around its services: configuration, telemetry, supervised tasks, readiness, and a
//! way down that ends in time. It knows nothing of gRPC or of any service.
//!
//! A composition root goes through it in this order:
//!
//! 1. [`config::load`]: defaults, file, environment, command line. An error goes to stderr and ends the process.
//! 2. [`telemetry::init`], then [`telemetry::install_panic_hook`].
//! 3. One [`Supervisor`], one [`Readiness`] and one [`SystemClock`], which the services get as dependencies. A service
//!    spawns its loops with [`Supervisor::spawn`] and what must finish before the process ends with
//!    [`Supervisor::spawn_detached`]; it never calls `tokio::spawn`.
//! 4. Each target reports to [`Readiness::set`] once it can serve.
//! 5. [`drain::run`] waits for a signal or a fatal error and brings the process down.
//! 6. [`telemetry::Guard::shutdown`] sends what is buffered, on the failed ways out too; then the process ends with
//!    [`drain::Outcome::exit_code`].
//!
//! How services record metrics is told in [`telemetry`].

mod clock;
pub mod config;
pub mod drain;
mod readiness;
pub mod signal;
mod supervisor;
pub mod telemetry;

pub use clock::SystemClock;
pub use readiness::{Components, Readiness};
pub use supervisor::{Cut, DrainReport, Failure, OnError, Supervisor};
