//! A clock that only the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kaleem_domain::{Clock, Timestamp};

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// Creates a clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { millis: Arc::new(AtomicI64::new(now.as_millis())) }
    }

    /// Moves the clock forward by `span`, in whole milliseconds.
    pub fn advance(&self, span: Duration) {
        let millis = i64::try_from(span.as_millis()).expect("a test advances by less than 292 million years");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock, backward too, as a machine whose time is corrected does.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Shows 2026-03-01T09:00:00Z, noon in Riyadh on the first day of a billing month.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_772_355_600_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_time_and_only_the_test_moves_it() {
        let clock = ManualClock::default();
        let start = clock.now();
        let handed_in: Arc<dyn Clock> = Arc::new(clock.clone());
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(handed_in.now().millis_since(start), 1_500);
        clock.set(start.plus_millis(-1));
        assert!(handed_in.now() < start);
    }
}
