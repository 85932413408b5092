//! What a store keeps of a model, so that no restart grants the same minute or day twice.

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
    pub(super) const fn forget(&mut self) {
        self.unlearned = true;
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
