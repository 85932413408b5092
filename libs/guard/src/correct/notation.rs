//! How numbers are written: the digits, the point, what is between thousands.

use crate::{amount::Amount, language::Language};

/// The way a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notation {
    zero: char,
    point: char,
    group: Option<char>,
    /// Least places behind the point.
    places: usize,
}

/// The digits that are written here, by their zeros.
const ZEROS: [char; 4] = ['0', '٠', '۰', '０'];

impl Notation {
    /// That of the digits of `text`, or the usual one of the language if it has none.
    pub(super) fn of(text: &str, language: Language) -> Self {
        let usual = if language == Language::Persian { '۰' } else { '0' };
        let zero = text.chars().find_map(zero_of).unwrap_or(usual);
        let point = if matches!(zero, '٠' | '۰') { '٫' } else { '.' };
        Self { zero, point, group: None, places: 0 }
    }

    /// That of the number `text`; places behind its point and signs between thousands too.
    pub(super) fn of_number(text: &str, language: Language) -> Self {
        let mut notation = Self::of(text, language);
        let separators =
            || text.char_indices().filter(|(_, sign)| matches!(sign, '.' | ',' | '٫' | '٬' | '،'));
        let behind = |at: usize, sign: char| {
            text[at + sign.len_utf8()..].chars().take_while(|next| zero_of(*next).is_some()).count()
        };
        let grouping =
            |(at, sign): (usize, char)| (behind(at, sign) == 3 && sign != '٫').then_some((at, sign));
        let last = separators().next_back();
        if let Some((at, sign)) = last.filter(|(at, sign)| sign != &',' && grouping((*at, *sign)).is_none()) {
            (notation.point, notation.places) = (sign, behind(at, sign));
        }
        notation.group = separators()
            .find_map(grouping)
            .map(|(_, sign)| sign)
            .filter(|sign| *sign != notation.point || notation.places == 0);
        notation
    }

    /// Writes an amount.
    pub(super) fn number(&self, amount: Amount) -> String {
        let ascii = amount.to_string();
        let (whole, fraction) = ascii.split_once('.').unwrap_or((&ascii, ""));
        let mut written = String::with_capacity(2 * ascii.len());
        for (index, digit) in whole.bytes().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                written.extend(self.group);
            }
            written.push(self.digit(digit));
        }
        let places = fraction.len().max(self.places);
        if places > 0 {
            written.push(self.point);
            written.extend(
                fraction.bytes().chain(std::iter::repeat(b'0')).take(places).map(|digit| self.digit(digit)),
            );
        }
        written
    }

    fn digit(&self, ascii: u8) -> char {
        char::from_u32(u32::from(self.zero) + u32::from(ascii.saturating_sub(b'0'))).unwrap_or('0')
    }
}

fn zero_of(character: char) -> Option<char> {
    ZEROS.into_iter().find(|zero| (*zero..).take(10).any(|digit| digit == character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_like_the_one_that_stood_there() {
        for (stood, amount, written) in [
            ("79", "89", "89"),
            ("79.00", "89", "89.00"),
            ("٧٩٫٥٠", "89", "٨٩٫٠٠"),
            ("٧٩", "89.5", "٨٩٫٥٠"),
            ("۱٬۲۰۰", "1350", "۱٬۳۵۰"),
            ("1,250.50", "12500", "12,500.00"),
            ("1.250", "1300", "1.300"),
            ("990", "1200", "1200"),
            ("تسعة", "12.505", "12.505"),
        ] {
            let notation = Notation::of_number(stood, Language::Arabic);
            assert_eq!(notation.number(Amount::parse(amount).unwrap()), written, "{stood}");
        }
        assert_eq!(Notation::of("نه", Language::Persian).number(Amount::whole(89)), "۸۹");
    }
}
