//! Instants and the clock that is handed in.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// An instant as milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant moved by `millis`, saturating.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This instant moved ahead by `span`, cut to milliseconds, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        self.plus_millis(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    }

    /// This instant moved back by `span`, cut to milliseconds, saturating.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        self.plus_millis(i64::try_from(span.as_millis()).map_or(i64::MIN, i64::wrapping_neg))
    }

    /// Milliseconds from `earlier` to this instant; negative if it is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds and the nanoseconds within the second, as protobuf wants them.
    pub const fn to_seconds_nanos(self) -> (i64, i32) {
        #[expect(clippy::cast_possible_truncation, reason = "below 1e9")]
        let nanos = (self.0.rem_euclid(1000) * 1_000_000) as i32;
        (self.0.div_euclid(1000), nanos)
    }

    /// The instant of a protobuf timestamp, cut to milliseconds.
    pub const fn from_seconds_nanos(seconds: i64, nanos: i32) -> Self {
        Self(seconds.saturating_mul(1000).saturating_add(nanos as i64 / 1_000_000))
    }
}

/// RFC 3339 in UTC; milliseconds where the calendar does not reach.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A source of the current time; services never read the machine's clock themselves.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}
