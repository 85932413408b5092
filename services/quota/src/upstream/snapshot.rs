//! What a store keeps of a model, so that no restart grants the same minute or day twice.

use std::collections::BTreeMap;

use kaleem_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Limits, Load, Project, Refusal, second, start_of, throttle::Throttle};
use crate::machine::WindowId;

/// A store is told of grants ahead by this part of a limit, so that not each of them waits for a write.
const AHEAD: i64 = 64;

/// What is kept of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Rises with each snapshot.
    pub version: i64,
    /// When it was taken.
    pub at: Timestamp,
    /// Seconds with what was granted in each; in the last one with what may still be granted.
    pub(super) grants: Vec<(i64, Load)>,
    pub(super) day: WindowId,
    pub(super) day_requests: i64,
    pub(super) throttle: Throttle,
}

/// What the store knows and need not be told again.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    version: i64,
    /// The open second, and what may be granted in it.
    open: Option<(i64, Load)>,
    day_requests: i64,
    /// What a 429 taught is not written.
    unlearned: bool,
}

impl Written {
    /// The same under another version.
    pub(super) fn at(&self, version: i64) -> Self {
        Self { version, ..self.clone() }
    }

    pub(super) const fn forget(&mut self) {
        self.unlearned = true;
    }
}

impl Snapshot {
    /// What either of two that went apart knows: of each second and day the larger count. What both granted after they parted is
    /// counted once only, which a shared store that is lost may cost.
    #[must_use]
    pub(super) fn join(mut self, other: &Self) -> Self {
        let mut grants: BTreeMap<i64, Load> = self.grants.iter().copied().collect();
        for (second, load) in &other.grants {
            let known = grants.entry(*second).or_default();
            known.requests = known.requests.max(load.requests);
            known.input_tokens = known.input_tokens.max(load.input_tokens);
        }
        self.grants = grants.into_iter().collect();
        if other.day == self.day {
            self.day_requests = self.day_requests.max(other.day_requests);
        } else if other.day > self.day {
            (self.day, self.day_requests) = (other.day, other.day_requests);
        }
        self.at = self.at.max(other.at);
        self.throttle = self.throttle.stricter(other.throttle);
        self
    }
}

impl Project {
    /// What a store must keep before the last grant is told to anybody; `None` where it does already.
    pub fn unwritten(&mut self) -> Option<Snapshot> {
        let (open, granted) = self.ring.open();
        let nothing = self.ring.used() == Load::default() && self.day_requests == 0;
        let covers = self.written.open.is_some_and(|(second, load)| {
            second == open && granted.requests <= load.requests && granted.input_tokens <= load.input_tokens
        });
        let known = nothing || (covers && self.day_requests <= self.written.day_requests);
        if known && !self.written.unlearned {
            return None;
        }
        let ahead = |limit: Option<i64>| limit.map_or(0, |limit| limit / AHEAD);
        let allowance = Load {
            requests: ahead(self.limits.minute_requests),
            input_tokens: ahead(self.limits.minute_input_tokens),
        };
        let mut grants: Vec<_> = self.ring.filled().filter(|(second, _)| *second != open).collect();
        grants.push((open, granted.plus(allowance)));
        self.written.version = self.written.version.saturating_add(1);
        Some(Snapshot {
            version: self.written.version,
            at: self.last_time,
            grants,
            day: self.day,
            day_requests: self.day_requests.saturating_add(ahead(self.limits.day_requests)),
            throttle: self.throttle,
        })
    }

    /// Notes that the store keeps `snapshot`; one that was overtaken by another says nothing new.
    pub fn note_written(&mut self, snapshot: &Snapshot) {
        if snapshot.version == self.written.version {
            self.written.open = snapshot.grants.last().copied();
            self.written.day_requests = if snapshot.day == self.day { snapshot.day_requests } else { 0 };
            self.written.unlearned = false;
        }
    }

    /// What was granted, as it is, under the next version: for a store that several processes share, which is told of each grant.
    pub fn exact(&self) -> Snapshot {
        Snapshot {
            version: self.written.version.saturating_add(1),
            at: self.last_time,
            grants: self.ring.filled().collect(),
            day: self.day,
            day_requests: self.day_requests,
            throttle: self.throttle,
        }
    }

    /// Rises with each snapshot that a store keeps.
    pub const fn version(&self) -> i64 {
        self.written.version
    }

    /// Notes that the shared store keeps `snapshot`.
    pub fn note_shared(&mut self, snapshot: &Snapshot) {
        self.written.version = snapshot.version;
    }

    /// A model as a store kept it.
    pub fn restore(
        limits: Limits,
        lease_seconds: i64,
        gateways_max: usize,
        snapshot: &Snapshot,
    ) -> Result<Self, Refusal> {
        let oldest = snapshot.grants.first().map_or_else(|| second(snapshot.at), |(second, _)| *second);
        let mut project = Self::new(limits, lease_seconds, gateways_max, start_of(oldest))?;
        for (second, load) in &snapshot.grants {
            project.ring.advance(*second);
            project.ring.add(*load);
        }
        project.throttle = snapshot.throttle;
        project.last_time = snapshot.at;
        project.calendar.roll(snapshot.at)?;
        (project.day, project.day_requests) = (snapshot.day, snapshot.day_requests);
        project.written.version = snapshot.version;
        Ok(project)
    }
}
