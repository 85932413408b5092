//! Dates of birth: a date next to a word for birth. A bare date is none.

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::context::Mention;
use super::reading::{Reading, words};
use super::{Finding, date};

/// Characters between a cue and its date.
const REACH: usize = 40;
/// Words between a cue and its date.
const MAX_WORDS: usize = 4;
const BEHIND_CUE: i32 = 80;
const BEFORE_CUE: i32 = 65;

/// Adds the dates next to words for birth.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    for mention in reading.cues(Kind::DateOfBirth.into()) {
        findings.extend(ahead(reading, mention).or_else(|| behind(reading, mention)));
    }
}

fn ahead(reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
    let from = mention.range.end;
    let window = from..from + reading.ahead(from, REACH).len();
    let range = date::first_in(reading.text, window)?;
    let near = words(&reading.text[from..range.start]) <= MAX_WORDS;
    (near && in_body(reading, &range)).then(|| Finding::folded(Kind::DateOfBirth, range, BEHIND_CUE))
}

fn behind(reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
    let until = mention.range.start;
    let window = until - reading.behind(until, REACH).len()..until;
    let range = date::first_in(reading.text, window).filter(|range| range.end <= until)?;
    let between = &reading.text[range.end..until];
    let near = words(between) <= 2 && !between.contains(['.', '\n', '?', '!']);
    (near && in_body(reading, &range)).then(|| Finding::folded(Kind::DateOfBirth, range, BEFORE_CUE))
}

fn in_body(reading: &Reading<'_>, range: &Range<usize>) -> bool {
    range.start >= reading.folded.body()
}
