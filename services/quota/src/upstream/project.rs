//! One model of an upstream project.

use kaleem_domain::{Timestamp, window::WindowError};

use super::{
    Grant, Limit, Limited, Limits, Load, Refusal, Snapshot, UNLIMITED, gateway::Gateways, ring::Ring, second,
    snapshot::Written, start_of, throttle::Throttle,
};
use crate::machine::{Calendar, WindowId};

/// A clock may go back this far unnoticed; a longer step is believed.
const CLOCK_STEP_BACK_MAX_MS: i64 = 5_000;
/// Below this percentage of a limit a lease is only what is wanted.
const EXACT_BELOW_PERCENT: i64 = 5;
/// A lease takes at most this part of what is left, shared by the gateways.
const LEASE_SHARE: i64 = 8;

/// State of one model of an upstream project.
#[derive(Debug, Clone)]
pub struct Project {
    pub(super) limits: Limits,
    lease_seconds: i64,
    pub(super) ring: Ring,
    pub(super) throttle: Throttle,
    gateways: Gateways,
    pub(super) calendar: Calendar,
    pub(super) day: WindowId,
    pub(super) day_requests: i64,
    pub(super) last_time: Timestamp,
    pub(super) written: Written,
}

/// What is left in one dimension.
#[derive(Debug, Clone, Copy)]
struct Room {
    limit: Limit,
    wanted: i64,
    used: i64,
    /// In force.
    cap: i64,
    /// As configured.
    full_cap: i64,
    /// A lease is what is wanted.
    exact: bool,
}

impl Project {
    /// A model that nothing was granted of.
    pub fn new(
        limits: Limits,
        lease_seconds: i64,
        gateways_max: usize,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        let calendar = Calendar::new(&limits.day_zone, now)?;
        Ok(Self {
            ring: Ring::new(lease_seconds, second(now)),
            throttle: Throttle::new(),
            gateways: Gateways::new(gateways_max),
            day: calendar.windows().day.id,
            day_requests: 0,
            last_time: now,
            written: Written::default(),
            limits,
            lease_seconds,
            calendar,
        })
    }

    /// Goes on from what all processes granted; what is known of gateways stays. Where that is older than what is known here, it was
    /// lost in between, and both count.
    pub fn adopt(&mut self, snapshot: &Snapshot) -> Result<(), Refusal> {
        let joined = (snapshot.version < self.version()).then(|| self.exact().join(snapshot));
        let snapshot = joined.as_ref().unwrap_or(snapshot);
        let (limits, gateways) = (self.limits.clone(), self.gateways.clone());
        let written = self.written.at(snapshot.version);
        *self = Self::restore(limits, self.lease_seconds, 1, snapshot)?;
        (self.gateways, self.written) = (gateways, written);
        Ok(())
    }

    /// Leases at least `wanted` to a gateway, or nothing.
    pub fn acquire(&mut self, gateway_id: &str, wanted: Load, now: Timestamp) -> Result<Grant, Refusal> {
        let now = self.begin(now)?;
        let rooms = self.rooms(wanted, now);
        for room in rooms.iter().flatten() {
            if room.wanted > room.full_cap {
                return Err(Refusal::TooLarge { limit: room.limit, wanted: room.wanted, cap: room.full_cap });
            }
        }
        if let Some(limited) = self.limited(&rooms, wanted, now) {
            return Err(Refusal::Limited(limited));
        }
        let (two_seconds, gateways) = self.gateways.note(gateway_id, wanted, now);
        let [minute_requests, minute_tokens, day_requests] = rooms;
        let mut requests =
            minute_requests.map_or(UNLIMITED, |room| room.lease(two_seconds.requests, gateways));
        if let Some(room) = day_requests {
            requests = requests.min(room.lease(two_seconds.requests, gateways));
        }
        let tokens = minute_tokens.map_or(UNLIMITED, |room| room.lease(two_seconds.input_tokens, gateways));
        let ttl_ms = self.ttl_ms(now);
        let granted = Load { requests, input_tokens: tokens };
        self.gateways.granted(gateway_id, granted.minus(wanted), now.plus_millis(ttl_ms));
        self.count(granted);
        Ok(Grant { granted, ttl_ms })
    }

    /// Learns from a 429 of the upstream, which may have asked for a wait.
    pub fn refused(&mut self, retry_after_ms: i64, now: Timestamp) -> Result<(), Refusal> {
        let now = self.begin(now)?;
        self.throttle.refused(now, retry_after_ms);
        self.written.forget();
        Ok(())
    }

    /// Whether forgetting it changes nothing.
    pub fn is_idle(&mut self, now: Timestamp) -> Result<bool, Refusal> {
        let now = self.begin(now)?;
        let blocked = self.throttle.blocked_until() > now;
        let throttled = self.throttle.recovered_in() > second(now);
        Ok(self.ring.used() == Load::default() && self.day_requests == 0 && !blocked && !throttled)
    }

    /// Granted and not aged out.
    pub const fn used(&self) -> Load {
        self.ring.used()
    }

    /// Requests granted in the day that is open.
    pub const fn day_requests(&self) -> i64 {
        self.day_requests
    }

    fn begin(&mut self, now: Timestamp) -> Result<Timestamp, Refusal> {
        let step_back = self.last_time.millis_since(now);
        let now = if (0..=CLOCK_STEP_BACK_MAX_MS).contains(&step_back) { self.last_time } else { now };
        if step_back > CLOCK_STEP_BACK_MAX_MS {
            // What was granted a moment ago was granted a moment ago, whatever the clock calls it.
            self.throttle.shift(second(now).saturating_sub(second(self.last_time)));
            self.ring.rename(second(now));
            self.gateways.clear();
        }
        self.last_time = now;
        self.ring.advance(second(now));
        self.calendar.roll(now)?;
        let day = self.calendar.windows().day.id;
        // A day that a clock gone back opens again goes on with the count of the later one.
        if day > self.day {
            (self.day, self.day_requests) = (day, 0);
        }
        Ok(now)
    }

    /// Room in each limited dimension: requests and input tokens of the minute, requests of the day.
    fn rooms(&self, wanted: Load, now: Timestamp) -> [Option<Room>; 3] {
        let (used, at) = (self.ring.used(), second(now));
        let minute = |limit, cap: Option<i64>, used, wanted| {
            cap.map(|full_cap| Room {
                limit,
                wanted,
                used,
                cap: self.throttle.of(full_cap, at),
                full_cap,
                exact: self.limits.exact,
            })
        };
        let limits = &self.limits;
        [
            minute(Limit::MinuteRequests, limits.minute_requests, used.requests, wanted.requests),
            minute(
                Limit::MinuteInputTokens,
                limits.minute_input_tokens,
                used.input_tokens,
                wanted.input_tokens,
            ),
            limits.day_requests.map(|cap| Room {
                limit: Limit::DayRequests,
                wanted: wanted.requests,
                used: self.day_requests,
                cap,
                full_cap: cap,
                exact: limits.exact,
            }),
        ]
    }

    /// The limit in the way, with the first instant at which none is. Without grants nothing but time changes, and time only makes
    /// room: buckets age out, a halved limit recovers, a day ends, a wait is over.
    fn limited(&self, rooms: &[Option<Room>; 3], wanted: Load, now: Timestamp) -> Option<Limited> {
        let blocked = rooms.iter().flatten().find(|room| room.wanted > room.left());
        let waits = self.throttle.blocked_until() > now;
        if blocked.is_none() && !waits {
            return None;
        }
        let mut from = self.throttle.blocked_until().max(now);
        if rooms[2].is_some_and(|room| room.wanted > room.left()) {
            from = from.max(self.calendar.windows().day.end);
        }
        let from = from.max(self.fits_from(wanted, now));
        let waiting = Room {
            limit: Limit::RetryAfter,
            wanted: wanted.requests,
            used: 0,
            cap: 0,
            full_cap: 0,
            exact: false,
        };
        let room = blocked.copied().unwrap_or(waiting);
        let retry_after_ms = from.millis_since(now).max(1);
        Some(Limited {
            limit: room.limit,
            used: room.used,
            cap: room.cap,
            wanted: room.wanted,
            retry_after_ms,
        })
    }

    /// First instant from which the minute has room for `wanted`.
    fn fits_from(&self, wanted: Load, now: Timestamp) -> Timestamp {
        let fits = |used: Load, second: i64| {
            let fits = |limit: Option<i64>, used: i64, wanted: i64| {
                limit.is_none_or(|limit| used.saturating_add(wanted) <= self.throttle.of(limit, second))
            };
            fits(self.limits.minute_requests, used.requests, wanted.requests)
                && fits(self.limits.minute_input_tokens, used.input_tokens, wanted.input_tokens)
        };
        if fits(self.ring.used(), second(now)) {
            return now;
        }
        let aged = self.ring.ageing().find(|(second, used)| fits(*used, *second));
        let found = aged.map(|(second, _)| second).or_else(|| {
            // All has aged out and the limit is still too small: it grows until it is whole.
            let empty = self.ring.ageing().last().map_or(second(now), |(second, _)| second);
            (empty..=self.throttle.recovered_in()).find(|second| fits(Load::default(), *second))
        });
        found.map_or(now, start_of)
    }

    /// A lease ends with the day at the latest, so that what was granted today is not sent tomorrow.
    fn ttl_ms(&self, now: Timestamp) -> i64 {
        let ttl_ms = self.lease_seconds.saturating_mul(1_000);
        if self.limits.day_requests.is_none() {
            return ttl_ms;
        }
        ttl_ms.min(self.calendar.windows().day.end.millis_since(now)).max(1)
    }

    fn count(&mut self, granted: Load) {
        let limited = |limit: Option<i64>, granted: i64| if limit.is_some() { granted } else { 0 };
        self.ring.add(Load {
            requests: limited(self.limits.minute_requests, granted.requests),
            input_tokens: limited(self.limits.minute_input_tokens, granted.input_tokens),
        });
        let of_day = limited(self.limits.day_requests, granted.requests);
        self.day_requests = self.day_requests.saturating_add(of_day);
    }
}

impl Room {
    const fn left(&self) -> i64 {
        self.cap.saturating_sub(self.used)
    }

    /// What to lease: what is wanted, or a share of what is left, at most what the gateway uses in two seconds.
    fn lease(&self, two_seconds: i64, gateways: i64) -> i64 {
        let left = self.left();
        let is_low = i128::from(left) * 100 < i128::from(self.cap) * i128::from(EXACT_BELOW_PERCENT);
        if self.exact || is_low || self.wanted == 0 {
            return self.wanted;
        }
        let share = left / LEASE_SHARE.saturating_mul(gateways.max(1)).max(1);
        share.clamp(1, two_seconds.max(1)).max(self.wanted).min(left)
    }
}
