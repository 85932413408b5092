//! The machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use kaleem_domain::{Clock, Timestamp};

/// The wall clock of the machine, for the composition root to hand in.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock and hands it in")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_this_programs_birth() {
        let birth = Timestamp::from_seconds_nanos(1_767_225_600, 0);
        assert!(SystemClock.now() > birth);
    }
}
