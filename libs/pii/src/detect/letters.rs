//! Codes of some letters and then digits, which only a word before them tells from a product's: passports and Saudi short
//! addresses.

use std::ops::{Range, RangeInclusive};

use kaleem_placeholder::Kind;

use super::context::{Context, Mention};
use super::reading::{Reading, words};
use super::{Finding, Points};

/// Characters between a cue and its code.
const REACH: usize = 40;
/// Words between a cue and its code.
const MAX_WORDS: usize = 6;
/// Separators between two characters of a code.
const MAX_GAP: usize = 3;

struct Code {
    kind: Kind,
    letters: RangeInclusive<usize>,
    digits: RangeInclusive<usize>,
    points: Points,
}

const CODES: [Code; 2] = [
    Code { kind: Kind::Passport, letters: 1..=3, digits: 6..=9, points: 70 },
    Code { kind: Kind::SaShortAddress, letters: 4..=4, digits: 4..=4, points: 75 },
];

/// Adds the codes next to their cues.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    for code in &CODES {
        for mention in reading.cues(code.kind.into()) {
            let Some(first) = code.ahead(reading, mention).or_else(|| code.behind(reading, mention)) else {
                continue;
            };
            findings.extend(code.other(reading, &first));
            findings.push(first);
        }
    }
}

impl Code {
    fn ahead(&self, reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
        let from = mention.range.end;
        let window = from..from + reading.ahead(from, REACH).len();
        let range = self.first_in(reading, window)?;
        let near = words(&reading.text[from..range.start]) <= MAX_WORDS;
        let meant = !matches!(reading.context(&range, self.kind), Context::Negative { .. });
        (near && meant).then(|| Finding::folded(self.kind, range, self.points))
    }

    /// The code that a few words join to another: the new one behind the old one.
    fn other(&self, reading: &Reading<'_>, first: &Finding) -> Option<Finding> {
        let from = first.range.end;
        let range = self.first_in(reading, from..from + reading.ahead(from, REACH / 2).len())?;
        let near = words(&reading.text[from..range.start]) <= 3;
        near.then(|| Finding::folded(self.kind, range, self.points))
    }

    fn behind(&self, reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
        let until = mention.range.start;
        let window = until - reading.behind(until, REACH / 2).len()..until;
        let range = self.first_in(reading, window).filter(|range| range.end <= until)?;
        let near = words(&reading.text[range.end..until]) <= 2;
        (near && reading.speaks_for(&range, self.kind))
            .then(|| Finding::folded(self.kind, range, self.points - 10))
    }

    fn first_in(&self, reading: &Reading<'_>, window: Range<usize>) -> Option<Range<usize>> {
        let bytes = reading.text.as_bytes();
        window.clone().find_map(|start| {
            let begins = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
            let end = (begins && bytes[start].is_ascii_alphabetic()).then(|| self.read(bytes, start))??;
            (start >= reading.folded.body()).then_some(start..end)
        })
    }

    /// Reads the code that starts at `start` and gives its end. Letters stand together, or each alone, or, where their number
    /// is fixed, in groups.
    fn read(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let run =
            |from: usize| bytes[from..].iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let mut letters = run(start);
        let mut end = start + letters;
        while letters < *self.letters.end() && end - start < 16 {
            let next = end + gap(bytes, end);
            let more = run(next);
            let apart = more == 1 && run(start) == 1;
            let grouped = self.letters.start() == self.letters.end() && letters + more == *self.letters.end();
            if next == end || more == 0 || !(apart || grouped) {
                break;
            }
            letters += more;
            end = next + more;
        }
        if !self.letters.contains(&letters) {
            return None;
        }
        let mut digits = 0;
        let mut next = end + gap(bytes, end);
        while digits < *self.digits.end() && bytes.get(next).is_some_and(u8::is_ascii_digit) {
            digits += 1;
            end = next + 1;
            next = end + gap(bytes, end);
        }
        // Philippine passports end in a letter.
        let ends_in_letter = self.kind == Kind::Passport
            && (letters, digits) == (1, 7)
            && bytes.get(end).is_some_and(u8::is_ascii_alphabetic);
        end += usize::from(ends_in_letter);
        let goes_on = bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
        (self.digits.contains(&digits) && !goes_on).then_some(end)
    }
}

/// Separators at `at`.
fn gap(bytes: &[u8], at: usize) -> usize {
    let is_separator = |byte: &&u8| matches!(**byte, b' ' | b'-' | b'.' | b'/' | b'_' | b'\n');
    bytes[at..].iter().take(MAX_GAP).take_while(is_separator).count()
}
