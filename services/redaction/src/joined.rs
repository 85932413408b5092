//! Texts that are read as one.

use std::ops::Range;

/// A text made of others, and where each of them lies in it.
#[derive(Default)]
pub(crate) struct Joined {
    pub(crate) text: String,
    /// Ascending and disjoint.
    pub(crate) places: Vec<Range<usize>>,
}

impl Joined {
    pub(crate) fn with_capacity(bytes: usize, pieces: usize) -> Self {
        Self { text: String::with_capacity(bytes), places: Vec::with_capacity(pieces) }
    }

    /// Goes on with one of the texts.
    pub(crate) fn push(&mut self, piece: &str) {
        let start = self.text.len();
        self.text.push_str(piece);
        self.places.push(start..self.text.len());
    }

    /// The texts that a range lies in, and the part of it in each; what lies between texts is left out.
    ///
    /// The work does not grow with the texts beside the range.
    pub(crate) fn touched(&self, range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let from = self.places.partition_point(|place| place.end <= range.start);
        let (start, end) = (range.start, range.end);
        let touched = self.places[from..].iter().zip(from..).take_while(move |(place, _)| place.start < end);
        touched.filter(|(place, _)| !place.is_empty()).map(move |(place, piece)| {
            (piece, start.max(place.start) - place.start..end.min(place.end) - place.start)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_touches_the_texts_that_it_shares_bytes_with() {
        let mut joined = Joined::default();
        for piece in ["", "ab", "", "", "c", "defg", ""] {
            joined.push(piece);
            joined.text.push('|');
        }
        let pieces = || joined.places.iter().enumerate();
        for start in 0..joined.text.len() {
            for end in start + 1..=joined.text.len() {
                let shared = pieces().filter_map(|(piece, place)| {
                    let (from, to) = (start.max(place.start), end.min(place.end));
                    (from < to).then(|| (piece, from - place.start..to - place.start))
                });
                let touched: Vec<_> = joined.touched(start..end).collect();
                assert_eq!(touched, shared.collect::<Vec<_>>(), "{start}..{end}");
            }
        }
    }
}
