//! Midnight where Google's daily quotas are reset.

use std::time::Duration;

use kaleem_domain::Timestamp;
use kaleem_domain::window::Zone;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;
/// Pacific standard time, for machines without a zone database: in summer the wait is an hour too long, never too short.
const STANDARD_OFFSET_MILLIS: i64 = -8 * 3600 * 1000;

/// Returns the time from `now` to the next midnight in California.
pub fn until_midnight(now: Timestamp) -> Duration {
    let by_zone = Zone::parse("America/Los_Angeles").and_then(|zone| zone.day(now));
    let left = match by_zone {
        Ok(day) => day.end.millis_since(now),
        Err(_) => by_offset(now),
    };
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

fn by_offset(now: Timestamp) -> i64 {
    DAY_MILLIS - (now.as_millis() + STANDARD_OFFSET_MILLIS).rem_euclid(DAY_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T12:00:00Z, 04:00 in California.
    const NOON_UTC: Timestamp = Timestamp::from_millis(1_795_176_000_000);
    /// 2026-07-01T12:00:00Z, 05:00 in California.
    const SUMMER: Timestamp = Timestamp::from_millis(1_782_907_200_000);

    #[test]
    fn midnight_is_californias_in_winter_and_summer() {
        assert_eq!(until_midnight(NOON_UTC), Duration::from_hours(20));
        assert_eq!(until_midnight(SUMMER), Duration::from_hours(19));
    }

    #[test]
    fn without_a_zone_database_the_wait_is_never_too_short() {
        assert_eq!(by_offset(NOON_UTC), 20 * 3_600_000);
        assert_eq!(by_offset(SUMMER), 20 * 3_600_000);
    }
}
