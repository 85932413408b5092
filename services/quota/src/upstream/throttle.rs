//! What an upstream's 429 teaches: stated limits are not guaranteed, so they shrink at once and come back slowly.

use kaleem_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::second;

const FULL_PPM: i64 = 1_000_000;
/// Gained each second once the halved limit was held: full again 10 s after one halving. It bounds what a row of refusals leaves: a
/// twentieth, where halving and growth are in balance.
const RECOVERY_PPM_PER_SECOND: i64 = FULL_PPM / 20;
/// Seconds for which a halved limit is held.
const HOLD_SECONDS: i64 = 10;
/// No upstream is believed that it wants to be left alone for longer, in milliseconds.
const RETRY_AFTER_MAX_MS: i64 = 24 * 3_600_000;

/// How much of its limits an upstream is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Throttle {
    /// Part of the limits while it is held.
    held_ppm: i64,
    /// Last second in which it is held; it grows with each second after that.
    held_until: i64,
    /// Nothing is granted before.
    blocked_until: Timestamp,
}

impl Throttle {
    pub(super) const fn new() -> Self {
        let past = Timestamp::from_millis(i64::MIN);
        Self { held_ppm: FULL_PPM, held_until: i64::MIN, blocked_until: past }
    }

    /// Takes a 429 in: halves what is left, once for all calls that were on their way together, and heeds the wait it asked for.
    pub(super) fn refused(&mut self, now: Timestamp, retry_after_ms: i64) {
        let at = second(now);
        if at > self.held_until {
            self.held_ppm = self.ppm(at) / 2;
            self.held_until = at.saturating_add(HOLD_SECONDS);
        }
        let until = now.plus_millis(retry_after_ms.clamp(0, RETRY_AFTER_MAX_MS));
        self.blocked_until = self.blocked_until.max(until);
    }

    /// Of two that learned apart, the one that is held back for longer, with the longer wait.
    pub(super) fn stricter(self, other: Self) -> Self {
        let held = if other.recovered_in() > self.recovered_in() { other } else { self };
        Self { blocked_until: self.blocked_until.max(other.blocked_until), ..held }
    }

    /// What is left of `limit` in `second`; at least 1 of what is not 0.
    pub(super) fn of(&self, limit: i64, second: i64) -> i64 {
        let left = i128::from(limit) * i128::from(self.ppm(second)) / i128::from(FULL_PPM);
        i64::try_from(left).unwrap_or(limit).clamp(limit.min(1), limit)
    }

    pub(super) const fn blocked_until(&self) -> Timestamp {
        self.blocked_until
    }

    /// First second in which the limits are whole again.
    pub(super) const fn recovered_in(&self) -> i64 {
        let missing = FULL_PPM - self.held_ppm;
        self.held_until.saturating_add((missing + RECOVERY_PPM_PER_SECOND - 1) / RECOVERY_PPM_PER_SECOND)
    }

    /// Moves with a clock that was set.
    pub(super) const fn shift(&mut self, by_seconds: i64) {
        self.held_until = self.held_until.saturating_add(by_seconds);
        self.blocked_until = self.blocked_until.plus_millis(by_seconds.saturating_mul(1_000));
    }

    fn ppm(&self, second: i64) -> i64 {
        let recovering = second.saturating_sub(self.held_until).max(0);
        self.held_ppm.saturating_add(recovering.saturating_mul(RECOVERY_PPM_PER_SECOND)).min(FULL_PPM)
    }
}
