//! The pure state machine of upstream projects: how much of a project's rate each gateway may use now.
//!
//! A provider limits a project and not a key, in requests and input tokens a minute and in requests a day. What is granted counts
//! from the second of the grant on for 60 seconds and the life of a lease, so that no interval of 60 seconds, however a provider
//! cuts its minutes, sees more than the limit. No IO, no clock: the instant is an argument.

mod gateway;
mod project;
mod ring;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod throttle;

pub use project::Project;
pub use snapshot::Snapshot;
pub use table::{Settings, Upstreams};

use kaleem_domain::{Timestamp, window::WindowError};
use serde::{Deserialize, Serialize};

/// An amount of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// Requests.
    pub requests: i64,
    /// Input tokens.
    pub input_tokens: i64,
}

/// Limits of one model of a project; `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub minute_requests: Option<i64>,
    /// Input tokens in any 60 seconds.
    pub minute_input_tokens: Option<i64>,
    /// Requests in a calendar day.
    pub day_requests: Option<i64>,
    /// IANA zone at whose midnight the day ends.
    pub day_zone: String,
    /// A lease is what is wanted and no more: each call asks anyway, as it is held for its cost.
    pub exact: bool,
}

/// What a gateway needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Quota domain, for example a Google project.
    pub quota_domain: &'a str,
    /// Model.
    pub model: &'a str,
    /// Gateway instance.
    pub gateway_id: &'a str,
    /// At least this, or nothing.
    pub wanted: Load,
}

/// A lease: what a gateway may send until it ends. What it does not send is not given back, it ages out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// At least what was wanted; [`UNLIMITED`] in a dimension without a limit.
    pub granted: Load,
    /// Life, in milliseconds.
    pub ttl_ms: i64,
}

/// Granted where nothing limits.
pub const UNLIMITED: i64 = crate::machine::COUNT_MAX;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Requests in 60 seconds.
    MinuteRequests,
    /// Input tokens in 60 seconds.
    MinuteInputTokens,
    /// Requests in a day.
    DayRequests,
    /// The upstream asked to wait.
    RetryAfter,
}

impl Limit {
    /// Name on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MinuteRequests => "minute_requests",
            Self::MinuteInputTokens => "minute_input_tokens",
            Self::DayRequests => "day_requests",
            Self::RetryAfter => "retry_after",
        }
    }
}

/// Why nothing is granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A limit leaves no room now.
    #[error("{} of the upstream project leaves no room", .0.limit.name())]
    Limited(Limited),
    /// More is wanted at once than the limit ever leaves.
    #[error("{wanted} is more than the limit of {cap} in {}", limit.name())]
    TooLarge {
        /// Limit.
        limit: Limit,
        /// Wanted at once.
        wanted: i64,
        /// The limit.
        cap: i64,
    },
    /// As many models are in use as may be.
    #[error("as many upstream models are in use as quota.upstream.models_max allows")]
    Full,
    /// The zone is unknown or the instant has no calendar.
    #[error(transparent)]
    Calendar(#[from] WindowError),
}

/// The limit that is in the way, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Limit.
    pub limit: Limit,
    /// Granted and not aged out.
    pub used: i64,
    /// The limit in force, lower than configured for a while after an upstream refused.
    pub cap: i64,
    /// Wanted.
    pub wanted: i64,
    /// From then on the same is granted if nobody else comes first; a millisecond earlier it is not.
    pub retry_after_ms: i64,
}

/// The second that an instant lies in.
const fn second(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1_000)
}

/// First instant of a second.
const fn start_of(second: i64) -> Timestamp {
    Timestamp::from_millis(second.saturating_mul(1_000))
}
