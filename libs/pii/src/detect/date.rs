//! Dates as people write them: Gregorian, Hijri and Jalali, in digits or with the month's name.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

use super::check::value;
use super::lexicon::is_arabic;
use crate::fold::fold;

/// Names of months with their numbers, `number name`, one a line.
const MONTHS: &str = include_str!("data/months.txt");
/// Bytes of the longest date.
const MAX_BYTES: usize = 64;

/// Finds the first date that starts in `window` of a folded text.
pub(super) fn first_in(text: &str, window: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let starts = window.filter(|at| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let begins =
            !before.is_some_and(|byte| byte.is_ascii_digit() == bytes[*at].is_ascii_digit() && is_word(byte));
        text.is_char_boundary(*at) && begins && is_word(bytes[*at])
    });
    starts.into_iter().find_map(|start| read(text, start).map(|end| start..end))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Reads the date that starts at `start` and gives its end.
fn read(text: &str, start: usize) -> Option<usize> {
    let limit = text.floor_char_boundary(text.len().min(start + MAX_BYTES));
    let mut cursor = Cursor { text: &text[..limit], at: start };
    if text.as_bytes()[start].is_ascii_digit() {
        return numeric(cursor).or_else(|| named(cursor)).or_else(|| spaced(cursor));
    }
    // `May 12, 1990`
    cursor.month()?;
    cursor.separators();
    cursor.number(1..=2).filter(|(day, _)| (1..=31).contains(day))?;
    cursor.ordinal();
    cursor.separators();
    year(cursor.number(2..=4)?)?;
    Some(cursor.at)
}

/// `12/05/1990`, `1990-05-12`, `12 5 90`, `19900512`.
fn numeric(mut cursor: Cursor<'_>) -> Option<usize> {
    let first = cursor.number(1..=8)?;
    if first.1 == 8 {
        let digits = &cursor.text.as_bytes()[cursor.at - 8..cursor.at];
        return solid(digits).then_some(cursor.at);
    }
    let start = cursor.at;
    let wide = cursor.separators();
    let second = cursor.number(1..=2)?;
    let before_third = cursor.at;
    cursor.separators();
    let third = cursor.number(1..=4)?;
    let plain = start + wide <= before_third && !cursor.digit_follows();
    let forward = first.1 == 4 && year(first).is_some() && is_month_day(second.0, third.0) && third.1 <= 2;
    let backward = first.1 <= 2
        && third.1 != 1
        && third.1 != 3
        && year(third).is_some()
        && is_month_day(first.0, second.0);
    (plain && (forward || backward)).then_some(cursor.at)
}

/// `12 May 1990`, `12th of May, 1990`, `1990 May 12`.
fn named(mut cursor: Cursor<'_>) -> Option<usize> {
    let first = cursor.number(1..=4)?;
    cursor.ordinal();
    cursor.separators();
    for filler in ["of ", "من ", "شهر ", "ماه "] {
        cursor.skip(filler);
    }
    cursor.month()?;
    cursor.separators();
    for filler in ["of ", "سنه ", "عام ", "سال "] {
        cursor.skip(filler);
    }
    let last = cursor.number(1..=4)?;
    let backward = first.1 <= 2 && (1..=31).contains(&first.0) && last.1 != 1 && year(last).is_some();
    let forward = first.1 == 4 && year(first).is_some() && last.1 <= 2 && (1..=31).contains(&last.0);
    (backward || forward).then_some(cursor.at)
}

/// Eight digits with a separator behind each.
fn spaced(cursor: Cursor<'_>) -> Option<usize> {
    let mut digits = Vec::with_capacity(8);
    let mut at = cursor.at;
    let bytes = cursor.text.as_bytes();
    let mut end = at;
    while digits.len() < 9 {
        match bytes.get(at) {
            Some(digit) if digit.is_ascii_digit() => {
                digits.push(*digit);
                at += 1;
                end = at;
            }
            Some(b' ' | b'/' | b'-' | b'.' | b'_' | b'\n') if at - end < 3 => at += 1,
            _ => break,
        }
    }
    solid(&digits).then_some(end)
}

/// Whether eight digits are a date with its year first or last.
fn solid(digits: &[u8]) -> bool {
    if digits.len() != 8 {
        return false;
    }
    let forward =
        year((value(&digits[..4]), 4)).is_some() && is_month_day(value(&digits[4..6]), value(&digits[6..]));
    let backward =
        year((value(&digits[4..]), 4)).is_some() && is_month_day(value(&digits[..2]), value(&digits[2..4]));
    forward || backward
}

fn is_month_day(a: u32, b: u32) -> bool {
    let fits = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    fits(a, b) || fits(b, a)
}

/// A year of a person's birth: Gregorian, Hijri, Jalali, or its last two digits.
fn year((value, len): (u32, usize)) -> Option<u32> {
    match len {
        4 => matches!(value, 1300..=1499 | 1900..=2099).then_some(value),
        2 => Some(value),
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Reads a number of some digits: its value and its length.
    fn number(&mut self, lens: RangeInclusive<usize>) -> Option<(u32, usize)> {
        let len = self.rest().bytes().take(9).take_while(u8::is_ascii_digit).count();
        let read = lens.contains(&len).then(|| (value(&self.rest().as_bytes()[..len]), len))?;
        self.at += len;
        Some(read)
    }

    fn digit_follows(&self) -> bool {
        self.rest().as_bytes().first().is_some_and(u8::is_ascii_digit)
    }

    /// Passes over at most three separators and gives how many.
    fn separators(&mut self) -> usize {
        let is_separator =
            |byte: &u8| matches!(byte, b' ' | b'/' | b'-' | b'.' | b',' | b'\\' | b'_' | b'|' | b'\n');
        let len = self.rest().bytes().take(3).take_while(is_separator).count();
        self.at += len;
        len
    }

    fn skip(&mut self, word: &str) {
        if self.rest().starts_with(word) {
            self.at += word.len();
        }
    }

    fn ordinal(&mut self) {
        for ending in ["st", "nd", "rd", "th"] {
            self.skip(ending);
        }
    }

    /// Reads the name of a month.
    fn month(&mut self) -> Option<u32> {
        static NAMES: LazyLock<HashMap<String, u32>> = LazyLock::new(|| {
            let name = |line: &str| {
                let (number, name) = line.split_once(' ')?;
                Some((fold(name), number.parse().ok()?))
            };
            MONTHS.lines().filter_map(name).collect()
        });
        let is_letter = |character: &char| is_arabic(*character) || character.is_alphabetic();
        let word =
            |text: &str| text.chars().take(16).take_while(is_letter).map(char::len_utf8).sum::<usize>();
        let one = word(self.rest());
        let two = match self.rest()[one..].strip_prefix(' ') {
            Some(rest) => one + 1 + word(rest),
            None => one,
        };
        let (len, month) = [two, one]
            .into_iter()
            .find_map(|len| NAMES.get(&self.rest()[..len]).map(|month| (len, *month)))?;
        self.at += len;
        Some(month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let folded = fold(text);
        first_in(&folded, 0..folded.len()).map(|range| folded[range].to_owned())
    }

    #[test]
    fn reads_what_people_write() {
        for text in [
            "12/05/1990",
            "1990-05-12",
            "12-5-90",
            "12 5 1990",
            "19900512",
            "12.05.1990",
            "1410/03/15",
            "15/3/1410",
            "1369/07/22",
            "12 may 1990",
            "may 12, 1990",
            "12th of may 1990",
            "12 مايو 1990",
            "5 رمضان 1415",
            "22 مهر 1369",
            "12 ربيع الاول 1410",
            "1 2 / 0 5 / 1 9 9 0",
            "12 / 05 / 1990",
            "3 كانون الثاني 1988",
        ] {
            let folded = fold(text);
            assert_eq!(found(&format!("ولدت {text} في جده")), Some(folded), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_no_dates() {
        for text in
            ["0551234567", "45/99/1990", "12345678", "قبل 3 ايام", "10:30", "may 5", "1990", "99887766"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
