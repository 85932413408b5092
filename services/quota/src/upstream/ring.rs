//! What was granted in the last seconds.

use super::Load;

/// Seconds that any interval of 60 seconds may touch.
const SECONDS: i64 = 61;

/// One bucket a second, for 61 seconds and the life of a lease in seconds.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    buckets: Box<[Load]>,
    /// The second that is open.
    second: i64,
    /// Sum of all buckets.
    used: Load,
}

impl Ring {
    /// An empty ring for leases that live at most `lease_seconds`.
    pub(super) fn new(lease_seconds: i64, second: i64) -> Self {
        let len = usize::try_from(SECONDS.saturating_add(lease_seconds.max(0))).unwrap_or(usize::MAX);
        Self { buckets: vec![Load::default(); len].into(), second, used: Load::default() }
    }

    /// Opens `second` and forgets what aged out. A second before the open one changes nothing.
    pub(super) fn advance(&mut self, second: i64) {
        let steps = second.saturating_sub(self.second);
        for step in 1..=steps.min(self.len()) {
            let index = self.index(self.second + step);
            self.used = self.used.minus(self.buckets[index]);
            self.buckets[index] = Load::default();
        }
        self.second = self.second.max(second);
    }

    /// Calls the open second `second`, whatever it was: the clock was set.
    pub(super) fn rename(&mut self, second: i64) {
        let len = self.buckets.len();
        let (old, new) = (self.index(self.second), self.index(second));
        self.buckets.rotate_right((new + len - old) % len);
        self.second = second;
    }

    pub(super) fn add(&mut self, load: Load) {
        let index = self.index(self.second);
        self.buckets[index] = self.buckets[index].plus(load);
        self.used = self.used.plus(load);
    }

    /// The open second and what was granted in it.
    pub(super) fn open(&self) -> (i64, Load) {
        (self.second, self.buckets[self.index(self.second)])
    }

    /// Seconds in which something was granted, the oldest first.
    pub(super) fn filled(&self) -> impl Iterator<Item = (i64, Load)> {
        let seconds = self.second - self.len() + 1..=self.second;
        seconds
            .map(|second| (second, self.buckets[self.index(second)]))
            .filter(|(_, load)| *load != Load::default())
    }

    pub(super) const fn used(&self) -> Load {
        self.used
    }

    /// The next seconds with what is used in each if nothing more is granted, until all has aged out.
    pub(super) fn ageing(&self) -> impl Iterator<Item = (i64, Load)> {
        let mut used = self.used;
        (1..=self.len()).map(move |step| {
            let second = self.second + step;
            used = used.minus(self.buckets[self.index(second)]);
            (second, used)
        })
    }

    fn len(&self) -> i64 {
        i64::try_from(self.buckets.len()).unwrap_or(i64::MAX)
    }

    fn index(&self, second: i64) -> usize {
        usize::try_from(second.rem_euclid(self.len())).unwrap_or(0)
    }
}

impl Load {
    /// The sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
        }
    }

    /// The difference, saturating; components may be negative.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
        }
    }
}
