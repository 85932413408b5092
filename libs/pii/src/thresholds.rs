//! From which score on a finding counts, for each kind.

use kaleem_placeholder::Kind;

use crate::{Points, REPORTED, THRESHOLD};

/// A threshold for each kind, from [`REPORTED`] to 100; [`THRESHOLD`] unless set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds([Points; Kind::ALL.len()]);

impl Thresholds {
    /// The same threshold for every kind.
    pub fn all(points: Points) -> Self {
        Self([points; Kind::ALL.len()])
    }

    /// The threshold of a kind.
    pub fn of(&self, kind: Kind) -> Points {
        self.0[kind as usize]
    }

    /// Sets the threshold of a kind, held between [`REPORTED`] and 100.
    pub fn set(&mut self, kind: Kind, points: Points) {
        self.0[kind as usize] = points.clamp(REPORTED, 100);
    }

    /// The same thresholds where they are at most `points`, and `points` elsewhere.
    #[must_use]
    pub fn at_most(mut self, points: Points) -> Self {
        self.0.iter_mut().for_each(|threshold| *threshold = points.min(*threshold));
        self
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::all(THRESHOLD)
    }
}
