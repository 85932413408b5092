//! Numbers in digits: decimals with any separators, and what is no amount.

use smallvec::SmallVec;

use super::{Kind, Tokens};
use crate::amount::Amount;

/// Longest number that is read as one; longer ones are telephone and order numbers.
const DIGITS_MAX: usize = 9;

impl Tokens {
    /// Reads groups of digits and the separators between them.
    pub(super) fn number(&self, at: usize) -> (Kind, usize, Option<(Amount, Option<Amount>)>) {
        let mut groups: SmallVec<[(usize, usize); 4]> = smallvec::smallvec![(at, at + self.digits(at))];
        let mut separators: SmallVec<[char; 4]> = smallvec::SmallVec::new();
        let mut end = at + self.digits(at);
        while matches!(self.at(end), '.' | ',' | '\'') && self.digits(end + 1) > 0 {
            separators.push(self.at(end));
            let next = end + 1;
            end = next + self.digits(next);
            groups.push((next, end));
        }
        if matches!(self.at(end), '/' | ':') && self.digits(end + 1) > 0 {
            return (Kind::Opaque, self.opaque(end), None);
        }
        let dashed = end + 1 + self.digits(end + 1);
        if self.at(end) == '-'
            && self.digits(end + 1) > 0
            && self.at(dashed) == '-'
            && self.digits(dashed + 1) > 0
        {
            return (Kind::Opaque, self.opaque(end), None);
        }
        // 1 200 with any kind of space.
        if separators.is_empty() && end - at <= 3 && self.at(end) == ' ' && self.digits(end + 1) == 3 {
            let tail = (end + 1, end + 4);
            if !matches!(self.at(tail.1), '.' | ',') || self.digits(tail.1 + 1) == 0 {
                let joined = self.amount(&[groups[0], tail], &[]);
                let alone = self.amount(&groups, &[]);
                return (
                    Kind::Number,
                    if joined.is_some() { tail.1 } else { end },
                    joined.map(|value| (value, alone)),
                );
            }
        }
        match self.read(&groups, &separators) {
            Some(value) => (Kind::Number, end, Some(value)),
            None => (Kind::Opaque, end, None),
        }
    }

    /// Whatever belongs to a date, a time or a telephone number.
    pub(super) fn opaque(&self, at: usize) -> usize {
        let mut end = at;
        loop {
            let joint = matches!(self.at(end), '/' | ':' | '-' | '.') && self.at(end + 1).is_ascii_digit();
            if !self.at(end).is_ascii_digit() && !joint {
                return end;
            }
            end += 1;
        }
    }

    fn read(&self, groups: &[(usize, usize)], separators: &[char]) -> Option<(Amount, Option<Amount>)> {
        let len = |index: usize| groups[index].1 - groups[index].0;
        let last = groups.len() - 1;
        let thousands = len(0) <= 3 && (1..groups.len()).all(|index| len(index) == 3);
        match separators {
            [] => Some((self.amount(groups, &[])?, None)),
            [separator] => {
                let decimal = self.amount(&groups[..1], &groups[1..]);
                if !thousands || self.at(groups[0].0) == '0' {
                    return Some((decimal?, None));
                }
                let grouped = self.amount(groups, &[])?;
                Some(if *separator == '.' { (decimal?, Some(grouped)) } else { (grouped, decimal) })
            }
            [first, .., point] if first != point => {
                let whole = &separators[..separators.len() - 1];
                let grouped = whole.iter().all(|separator| separator == first)
                    && len(0) <= 3
                    && (1..last).all(|index| len(index) == 3);
                if grouped { Some((self.amount(&groups[..last], &groups[last..])?, None)) } else { None }
            }
            [first, ..] if thousands && separators.iter().all(|separator| separator == first) => {
                Some((self.amount(groups, &[])?, None))
            }
            _ => None,
        }
    }

    fn amount(&self, whole: &[(usize, usize)], fraction: &[(usize, usize)]) -> Option<Amount> {
        let digits = |ranges: &'_ [(usize, usize)]| {
            let glyphs = ranges.iter().flat_map(|range| &self.glyphs[range.0..range.1]);
            glyphs.filter_map(|glyph| glyph.character.to_digit(10)).collect::<SmallVec<[u32; 16]>>()
        };
        let whole = digits(whole);
        if whole.is_empty() || whole.len() > DIGITS_MAX {
            return None;
        }
        Amount::of_digits(&whole, &digits(fraction))
    }
}
