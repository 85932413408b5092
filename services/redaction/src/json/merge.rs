//! What is found in a value alone, and what is found in it as part of a whole.

use std::ops::Range;

use kaleem_pii::{Points, Span, fold::fold};
use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use crate::policy::Action;

/// What a finding in the whole takes of one leaf.
pub(super) struct Claim {
    /// Index of the leaf.
    pub(super) leaf: usize,
    /// Bytes of the leaf.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    pub(super) points: Points,
    pub(super) action: Action,
    /// The normal form of the finding, if the leaf holds all of it.
    pub(super) normal: Option<Zeroizing<String>>,
}

impl Claim {
    /// All of the claim.
    fn taken(mut self, text: &str) -> Option<(Span, Action)> {
        let Some(normal) = self.normal.take() else { return self.on(text, self.range.clone()) };
        let Self { range, kind, points, action, .. } = self;
        Some((Span { kind, range, points, normal }, action))
    }

    /// The claim on a part of its range, without punctuation at its ends; `None` if nothing else is left.
    fn on(&self, text: &str, part: Range<usize>) -> Option<(Span, Action)> {
        let is_word = |character: char| character.is_alphanumeric();
        let written = &text[part.clone()];
        let start = part.start + written.find(is_word)?;
        let range = start..part.start + written.trim_end_matches(|character| !is_word(character)).len();
        let normal = Zeroizing::new(fold(&text[range.clone()]));
        Some((Span { kind: self.kind, range, points: self.points, normal }, self.action))
    }
}

/// What is to be replaced in a leaf, disjoint and ascending: what it holds `alone`, and what is claimed beside that.
pub(super) fn merged(
    text: &str,
    mut alone: Vec<(Span, Action)>,
    claimed: impl Iterator<Item = Claim>,
) -> Vec<(Span, Action)> {
    let mut added = Vec::new();
    for claim in claimed {
        let first = alone.partition_point(|(span, _)| span.range.end <= claim.range.start);
        let met = alone[first..].partition_point(|(span, _)| span.range.start < claim.range.end);
        match &mut alone[first..first + met] {
            [] => added.extend(claim.taken(text)),
            // Both see the same value.
            [(span, _)] if span.kind == claim.kind => {
                span.range.start = span.range.start.min(claim.range.start);
                span.range.end = span.range.end.max(claim.range.end);
            }
            met => {
                let mut from = claim.range.start;
                for (span, _) in met {
                    added.extend(claim.on(text, from..span.range.start.max(from)));
                    from = span.range.end.min(claim.range.end);
                }
                added.extend(claim.on(text, from..claim.range.end));
            }
        }
    }
    if added.is_empty() {
        return alone;
    }
    added.extend(alone);
    added.sort_by_key(|(span, _)| span.range.start);
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(ranges: &[(Kind, Range<usize>)]) -> Vec<(Span, Action)> {
        let span = |(kind, range): &(Kind, Range<usize>)| {
            let span = Span { kind: *kind, range: range.clone(), points: 80, normal: Zeroizing::default() };
            (span, Action::Redact)
        };
        ranges.iter().map(span).collect()
    }

    fn claim(kind: Kind, range: Range<usize>) -> Claim {
        Claim { leaf: 0, range, kind, points: 80, action: Action::Redact, normal: None }
    }

    #[test]
    fn what_is_claimed_goes_beside_what_is_held() {
        use Kind::{Address, Phone};
        let text = "ab, cdef, gh 123";
        for (alone, claimed, expected) in [
            (vec![], claim(Phone, 4..8), vec![(Phone, 4..8)]),
            (vec![(Phone, 4..6)], claim(Phone, 5..8), vec![(Phone, 4..8)]),
            (
                vec![(Address, 4..6)],
                claim(Phone, 0..12),
                vec![(Phone, 0..2), (Address, 4..6), (Phone, 6..12)],
            ),
            (vec![(Address, 0..16)], claim(Phone, 4..8), vec![(Address, 0..16)]),
            (
                vec![(Address, 4..8), (Phone, 13..16)],
                claim(Phone, 0..14),
                vec![(Phone, 0..2), (Address, 4..8), (Phone, 10..12), (Phone, 13..16)],
            ),
            (vec![(Phone, 0..2)], claim(Address, 2..4), vec![(Phone, 0..2)]),
        ] {
            let merged = merged(text, spans(&alone), std::iter::once(claimed));
            let found: Vec<_> = merged.iter().map(|(span, _)| (span.kind, span.range.clone())).collect();
            assert_eq!(found, expected, "{alone:?}");
        }
    }
}
