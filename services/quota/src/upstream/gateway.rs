//! How fast each gateway uses what it is granted, from which the size of its leases follows.

use std::collections::HashMap;

use kaleem_domain::Timestamp;

use super::{Load, second};

/// A gateway that was not heard of for this long has no share, in milliseconds.
const FORGOTTEN_AFTER_MS: i64 = 60_000;
/// Idle seconds after which a rate counts as nothing.
const IDLE_SECONDS_MAX: i64 = 32;
/// Weight of the past in the moving average: 3 of 4.
const PAST: i64 = 3;

/// Gateways that used a model lately.
#[derive(Debug, Clone)]
pub(super) struct Gateways {
    by_id: HashMap<Box<str>, Gateway>,
    max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Gateway {
    seen_at: Timestamp,
    /// The second that `used` counts.
    second: i64,
    used: Load,
    /// Moving average of what was used a second, in thousandths.
    milli_rate: Load,
    /// Part of the last lease that was more than wanted, and its end: it was used if more is asked for before.
    surplus: Load,
    surplus_ends: Timestamp,
}

impl Gateways {
    pub(super) fn new(max: usize) -> Self {
        Self { by_id: HashMap::new(), max: max.max(1) }
    }

    /// Notes that a gateway asks for `wanted`; returns what it uses in two seconds, and how many gateways share.
    pub(super) fn note(&mut self, id: &str, wanted: Load, now: Timestamp) -> (Load, i64) {
        if !self.by_id.contains_key(id) {
            self.make_room(now);
            self.by_id.insert(id.into(), Gateway::new(now));
        }
        let two_seconds = self.by_id.get_mut(id).map_or(Load::default(), |gateway| gateway.note(wanted, now));
        (two_seconds, i64::try_from(self.by_id.len()).unwrap_or(i64::MAX))
    }

    /// Notes what was granted beyond what was wanted.
    pub(super) fn granted(&mut self, id: &str, surplus: Load, ends: Timestamp) {
        if let Some(gateway) = self.by_id.get_mut(id) {
            (gateway.surplus, gateway.surplus_ends) = (surplus, ends);
        }
    }

    /// The clock was set: what is known of rates is of no use.
    pub(super) fn clear(&mut self) {
        self.by_id.clear();
    }

    /// Forgets those that are gone, and if all are there the one that was not heard of for longest.
    fn make_room(&mut self, now: Timestamp) {
        self.by_id.retain(|_, gateway| now.millis_since(gateway.seen_at) < FORGOTTEN_AFTER_MS);
        if self.by_id.len() >= self.max {
            let oldest = self.by_id.iter().min_by_key(|(_, gateway)| gateway.seen_at);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.by_id.remove(&id);
            }
        }
    }
}

impl Gateway {
    fn new(now: Timestamp) -> Self {
        let nothing = Load::default();
        Self {
            seen_at: now,
            second: second(now),
            used: nothing,
            milli_rate: nothing,
            surplus: nothing,
            surplus_ends: now,
        }
    }

    fn note(&mut self, wanted: Load, now: Timestamp) -> Load {
        let passed = second(now).saturating_sub(self.second).clamp(0, IDLE_SECONDS_MAX);
        for _ in 0..passed {
            let averaged = |past: i64, used: i64| {
                past.saturating_mul(PAST).saturating_add(used.saturating_mul(1_000)) / (PAST + 1)
            };
            self.milli_rate = Load {
                requests: averaged(self.milli_rate.requests, self.used.requests),
                input_tokens: averaged(self.milli_rate.input_tokens, self.used.input_tokens),
            };
            self.used = Load::default();
        }
        self.second = second(now);
        let surplus = if now < self.surplus_ends { self.surplus } else { Load::default() };
        self.surplus = Load::default();
        self.used = self.used.plus(wanted).plus(surplus);
        self.seen_at = now;
        Load { requests: self.milli_rate.requests / 500, input_tokens: self.milli_rate.input_tokens / 500 }
    }
}
