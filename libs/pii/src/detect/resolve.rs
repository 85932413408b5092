//! Which of the findings that overlap are kept.

use std::cmp::Reverse;
use std::ops::Range;

use super::{Finding, Findings, Span, THRESHOLD, secret};
use crate::Thresholds;
use crate::fold::{Folded, marks_len};

/// Keeps the best of overlapping findings: higher score, then longer, then the order of the kinds.
pub(super) fn resolve(
    original: &str,
    folded: &Folded,
    thresholds: &Thresholds,
    findings: &mut Vec<Finding>,
    covered: &mut Covered,
) -> Findings {
    let mut resolution = Resolution { original, folded, thresholds, found: Findings::default() };
    // Each detector found its own in order of place, so that there is little to sort.
    findings.sort_by_key(|finding| finding.range.start);
    let mut rest = findings.as_mut_slice();
    while let Some(first) = rest.first() {
        let mut end = first.range.end;
        let goes_on = |finding: &&Finding| {
            let overlaps = finding.range.start < end;
            end = end.max(finding.range.end);
            overlaps
        };
        let count = rest.iter().take_while(goes_on).count();
        let (group, behind) = rest.split_at_mut(count);
        match group {
            [alone] => resolution.keep(alone, None),
            _ => resolution.keep_best(group, covered),
        }
        rest = behind;
    }
    findings.clear();
    resolution.found
}

/// The findings of a text that are kept so far.
struct Resolution<'t> {
    original: &'t str,
    folded: &'t Folded,
    thresholds: &'t Thresholds,
    found: Findings,
}

impl Resolution<'_> {
    /// Keeps the best of a group of which each overlaps another.
    fn keep_best(&mut self, group: &mut [Finding], covered: &mut Covered) {
        let first = self.found.spans.len();
        secret::absorb(group);
        // Of equals the one that was found first goes before, however many there are.
        group.sort_by_key(|finding| {
            (Reverse(finding.points), Reverse(finding.range.len()), finding.kind, finding.range.start)
        });
        for finding in group.iter_mut() {
            if !covered.meets(&finding.range) {
                self.keep(finding, Some(covered));
            }
        }
        self.found.spans[first..].sort_unstable_by_key(|span| span.range.start);
        for finding in group.iter() {
            covered.remove(&finding.range);
        }
    }

    /// Keeps a finding that scores enough.
    fn keep(&mut self, finding: &mut Finding, covered: Option<&mut Covered>) {
        let points = finding.points.min(100);
        if points < self.thresholds.of(finding.kind) {
            self.found.unsure |= finding.positive || finding.points >= THRESHOLD;
            return;
        }
        if let Some(covered) = covered {
            covered.add(&finding.range);
        }
        let mut range = self.folded.original(&finding.range);
        // What only changes its last character goes with it.
        range.end += marks_len(&self.original[range.end..]);
        let normal = finding.take_normal(self.folded.text());
        self.found.spans.push(Span { kind: finding.kind, range, points, normal });
    }
}

/// A set of places of a text, one bit each.
#[derive(Default)]
pub(super) struct Covered(Vec<u64>);

impl Covered {
    /// Whether a place of the range is in the set.
    fn meets(&self, range: &Range<usize>) -> bool {
        words(range).any(|(word, bits)| self.0.get(word).is_some_and(|set| set & bits != 0))
    }

    fn add(&mut self, range: &Range<usize>) {
        let len = range.end / 64 + 1;
        if self.0.len() < len {
            self.0.resize(len, 0);
        }
        words(range).for_each(|(word, bits)| self.0[word] |= bits);
    }

    fn remove(&mut self, range: &Range<usize>) {
        for (word, bits) in words(range) {
            if let Some(set) = self.0.get_mut(word) {
                *set &= !bits;
            }
        }
    }
}

/// The words that hold the bits of a range, and which bits of them.
fn words(range: &Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let (start, end) = (range.start, range.end);
    (start / 64..end.div_ceil(64)).map(move |word| {
        let from = start.saturating_sub(64 * word);
        let until = (end - 64 * word).min(64);
        (word, u64::MAX << from & u64::MAX >> (64 - until))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_places_is_told_at_the_borders_of_its_words() {
        let mut covered = Covered::default();
        for range in [0..1, 60..70, 128..256, 63..64, 5..700] {
            covered.add(&range);
            let (before, behind) = (range.start.saturating_sub(1)..range.start, range.end..range.end + 100);
            assert!(!covered.meets(&before) && !covered.meets(&behind), "{range:?}");
            for at in range.clone() {
                assert!(covered.meets(&(at..at + 1)), "{at} of {range:?}");
            }
            assert!(covered.meets(&(0..range.start + 1)) && covered.meets(&(range.end - 1..2000)));
            covered.remove(&range);
            assert!(!covered.meets(&(0..2000)));
        }
    }
}
