//! What this service counts. A caller who leaves is counted here and nowhere else: workers do not.

use std::time::Duration;

use metrics::{counter, histogram};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With `Finished`.
    Finished,
    /// With an error after it had begun.
    Failed,
    /// Its reader left.
    Cancelled,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Counts the end of a stream.
pub fn ended(worker: &str, outcome: Outcome) {
    counter!("kaleem_provider_local_streams_total", "worker" => worker.to_owned(), "outcome" => outcome.label()).increment(1);
}

/// Counts a call that moved on from a worker.
pub fn moved(worker: &str) {
    counter!("kaleem_provider_local_moved_calls_total", "worker" => worker.to_owned()).increment(1);
}

/// Measures the time from dispatch to the first event.
pub fn began(worker: &str, after: Duration) {
    histogram!("kaleem_provider_local_first_event_seconds", "worker" => worker.to_owned()).record(after);
}
