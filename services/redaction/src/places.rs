//! Where places of a text that was redacted in part lie in the text as it came.

use std::ops::Range;

use kaleem_pii::Span;
use kaleem_placeholder::Placeholder;

use crate::policy::Action;
use crate::redact::Place;

/// A placeholder and what it stands for, as ends of stretches in both texts.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// Where the placeholder ends in the text as it is.
    now: usize,
    /// Where what it stands for ends in the text as it came.
    came: usize,
}

/// The way back from a text with placeholders to the text as it came. Nothing found later begins or ends in a placeholder.
#[derive(Debug, Default)]
pub(crate) struct Offsets(Vec<Stretch>);

impl Offsets {
    /// Where a byte outside of placeholders was.
    fn came(&self, at: usize) -> usize {
        let before = self.0.partition_point(|stretch| stretch.now <= at);
        match before.checked_sub(1).and_then(|last| self.0.get(last)) {
            Some(stretch) => at - stretch.now + stretch.came,
            None => at,
        }
    }

    fn range(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.came(range.start);
        // No placeholder lies within.
        start..start + range.len()
    }

    /// Turns places of the text as it is into places of the text as it came.
    pub(crate) fn restate(&self, places: &mut [Place]) {
        for place in places {
            place.range = self.range(&place.range);
        }
    }

    /// Takes up that `placeholders` were put in the place of `spans` of the text as it is, and gives the places as they came.
    pub(crate) fn advance(&mut self, spans: &[(Span, Action)], placeholders: &[Placeholder]) -> Vec<Place> {
        let mut places = Vec::with_capacity(spans.len());
        let mut stretches = Vec::with_capacity(self.0.len() + spans.len());
        let mut earlier = self.0.iter().copied().peekable();
        // By how much the text has grown and shrunk so far.
        let (mut grown, mut shrunk) = (0, 0);
        for ((span, action), placeholder) in spans.iter().zip(placeholders) {
            while let Some(stretch) = earlier.next_if(|stretch| stretch.now <= span.range.start) {
                stretches.push(Stretch { now: stretch.now + grown - shrunk, ..stretch });
            }
            let range = self.range(&span.range);
            grown += placeholder.to_string().len();
            shrunk += span.range.len();
            stretches.push(Stretch { now: span.range.end + grown - shrunk, came: range.end });
            places.push(Place {
                kind: span.kind,
                range,
                points: span.points,
                action: *action,
                placeholder: Some(*placeholder),
            });
        }
        stretches.extend(earlier.map(|stretch| Stretch { now: stretch.now + grown - shrunk, ..stretch }));
        self.0 = stretches;
        places
    }
}
