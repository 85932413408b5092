//! Options of a shared store.

use std::time::Duration;

use kaleem_runtime::config::Span;
use serde::{Deserialize, Serialize};

/// Bounds of a shared store; without its address they bound nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most connections of this process, one of which listens for changes.
    pub connections_max: u32,
    /// Longest wait for a connection.
    pub acquire_timeout: Span,
    /// Longest wait for the writes of other processes.
    pub lock_timeout: Span,
    /// Longest run of a statement.
    pub statement_timeout: Span,
    /// Longest pause between two looks for changes of other processes, mostly a notification comes first; and the pause before
    /// notifications are listened for again after a connection was lost.
    pub poll_interval: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: 8,
            acquire_timeout: Span::seconds(2),
            lock_timeout: Span::seconds(5),
            statement_timeout: Span::seconds(5),
            poll_interval: Span::millis(250),
        }
    }
}

impl Config {
    /// The option that cannot work, and what would be right, if there is one; `staleness_max` is how long what is remembered is
    /// trusted without a look.
    pub fn broken_rule(&self, staleness_max: Span) -> Option<(&'static str, &'static str)> {
        if self.connections_max < 2 {
            return Some(("postgres.connections_max", "at least 2: one of them listens for changes"));
        }
        if [self.acquire_timeout, self.lock_timeout, self.statement_timeout].contains(&Span::ZERO) {
            let fields = "postgres.acquire_timeout, lock_timeout and statement_timeout";
            return Some((fields, "more than zero, which would be no bound"));
        }
        let is_late = self.poll_interval == Span::ZERO || self.poll_interval >= staleness_max;
        is_late.then_some(("postgres.poll_interval", "more than zero and less than staleness_max"))
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        let [acquire, lock, statement] =
            [self.acquire_timeout, self.lock_timeout, self.statement_timeout].map(Span::get);
        Timeouts { acquire, lock, statement }
    }
}

/// How long the parts of a call may take, at least a millisecond each.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Longest wait for a connection.
    pub acquire: Duration,
    /// Longest wait for the writes of other processes.
    pub lock: Duration,
    /// Longest run of a statement.
    pub statement: Duration,
}

impl Timeouts {
    /// Longest that a call may take with all its waits.
    pub(crate) fn patience(&self) -> Duration {
        self.acquire + self.lock + self.statement
    }
}
