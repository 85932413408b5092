//! Waits that upstreams asked for: a candidate is not tried before its wait is over.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kaleem_domain::Timestamp;

/// Longest wait that is honoured, so that a wrong answer cannot hold a model for ever.
const WAIT_MAX: Duration = Duration::from_hours(24);
/// More candidates than this are not configured anywhere; beyond it old waits give way.
const HOLDS_MAX: usize = 1024;

/// Holds by target and model; cloning shares them.
#[derive(Clone, Default)]
pub(crate) struct Holds(Arc<RwLock<HashMap<(String, String), Timestamp>>>);

impl Holds {
    /// Holds `model` at `target` for `wait`; a longer hold stays.
    pub(crate) fn hold(&self, target: &str, model: &str, wait: Duration, now: Timestamp) {
        let millis = i64::try_from(wait.min(WAIT_MAX).as_millis()).unwrap_or(i64::MAX);
        let mut holds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if holds.len() >= HOLDS_MAX {
            holds.retain(|_, until| *until > now);
        }
        if holds.len() < HOLDS_MAX {
            let until = holds.entry((target.to_owned(), model.to_owned())).or_default();
            *until = (*until).max(now.plus_millis(millis));
        }
    }

    /// How long `model` at `target` is held still.
    pub(crate) fn left(&self, target: &str, model: &str, now: Timestamp) -> Option<Duration> {
        let holds = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if holds.is_empty() {
            return None;
        }
        let until = holds.get(&(target.to_owned(), model.to_owned()))?;
        u64::try_from(until.millis_since(now)).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_hold_stays_and_ends() {
        let (holds, at) = (Holds::default(), Timestamp::from_millis);
        holds.hold("t", "m", Duration::from_secs(5), at(0));
        holds.hold("t", "m", Duration::from_secs(1), at(0));
        assert_eq!(holds.left("t", "m", at(4_000)), Some(Duration::from_secs(1)));
        assert_eq!(holds.left("t", "m", at(5_000)), None);
        assert_eq!(holds.left("t", "other", at(0)), None);
    }
}
