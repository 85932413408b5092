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
    alone: Vec<(Span, Action)>,
    claimed: impl Iterator<Item = Claim>,
) -> Vec<(Span, Action)> {
    let mut added = Vec::new();
    for mut claim in claimed {
        let first = alone.partition_point(|(span, _)| span.range.end <= claim.range.start);
        let met = alone[first..].iter().take_while(|(span, _)| span.range.start < claim.range.end);
        let (mut from, mut is_met) = (claim.range.start, false);
        for (span, _) in met {
            is_met = true;
            added.extend(claim.on(text, from..span.range.start.max(from)));
            from = span.range.end;
        }
        match claim.normal.take().filter(|_| !is_met) {
            Some(normal) => {
                let Claim { range, kind, points, action, .. } = claim;
                added.push((Span { kind, range, points, normal }, action));
            }
            None => added.extend(claim.on(text, from.min(claim.range.end)..claim.range.end)),
        }
    }
    if added.is_empty() {
        return alone;
    }
    added.extend(alone);
    added.sort_by_key(|(span, _)| span.range.start);
    added
}
