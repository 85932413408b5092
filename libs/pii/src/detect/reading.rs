//! A folded text with what is known of it, as the detectors see it.

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::context::{Context, Mention, context};
use super::cue::Cues;
use super::marks::Marks;
use crate::fold::Folded;

/// One text, its cues, and the way back to how it was written.
#[derive(Clone, Copy)]
pub(super) struct Reading<'t> {
    pub(super) folded: &'t Folded,
    /// The folded text.
    pub(super) text: &'t str,
    /// The body as it was written.
    pub(super) original: &'t str,
    pub(super) mentions: &'t [Mention],
    /// The words that are given names.
    pub(super) given: &'t [Range<usize>],
    /// What the mentions speak for, taken together.
    pub(super) present: Cues,
    /// The marks in the folded text, which are those of the original and more.
    pub(super) marks: Marks,
}

impl<'t> Reading<'t> {
    /// The mentions that speak for one of `cues`.
    pub(super) fn cues(&self, cues: Cues) -> impl Iterator<Item = &'t Mention> + use<'t> {
        let present = self.present.meets(cues);
        let mentions = if present { self.mentions } else { &[] };
        mentions.iter().filter(move |mention| mention.cues.meets(cues))
    }

    /// The mentions that start in a range.
    pub(super) fn mentions_in(&self, range: &Range<usize>) -> &'t [Mention] {
        let from = self.mentions.partition_point(|mention| mention.range.start < range.start);
        let count = self.mentions[from..].partition_point(|mention| mention.range.start < range.end);
        &self.mentions[from..from + count]
    }

    /// What the words around say about a value of a kind.
    pub(super) fn context(&self, range: &Range<usize>, kind: Kind) -> Context {
        context(self.text, self.mentions, range, kind.into())
    }

    /// Whether a cue of the kind speaks for the value.
    pub(super) fn speaks_for(&self, range: &Range<usize>, kind: Kind) -> bool {
        matches!(self.context(range, kind), Context::Positive { .. })
    }

    /// The bytes of a folded range of the body with the case in which they were written.
    pub(super) fn cased(&self, range: Range<usize>) -> Vec<u8> {
        if range.start >= self.folded.body() && !range.is_empty() {
            let written = &self.original.as_bytes()[self.folded.original(&range)];
            if written.eq_ignore_ascii_case(&self.text.as_bytes()[range.clone()]) {
                return written.to_vec();
            }
        }
        range.map(|at| self.cased_at(at)).collect()
    }

    fn cased_at(&self, at: usize) -> u8 {
        let folded = self.text.as_bytes()[at];
        if !folded.is_ascii_lowercase() || at < self.folded.body() {
            return folded;
        }
        let written = self.original.as_bytes()[self.folded.original(&(at..at + 1)).start];
        if written.is_ascii_alphabetic() { written } else { folded }
    }

    /// Whether the letter at `at` was written as a capital.
    pub(super) fn is_capital(&self, at: usize) -> bool {
        self.cased_at(at).is_ascii_uppercase()
    }

    /// At most `chars` characters from `at` on, up to the end of the text.
    pub(super) fn ahead(&self, at: usize, chars: usize) -> &'t str {
        let rest = &self.text[at..];
        let len = rest.char_indices().nth(chars).map_or(rest.len(), |(end, _)| end);
        &rest[..len]
    }

    /// At most `chars` characters before `at`.
    pub(super) fn behind(&self, at: usize, chars: usize) -> &'t str {
        let rest = &self.text[..at];
        let from = rest.char_indices().rev().take(chars).last().map_or(at, |(start, _)| start);
        &rest[from..]
    }
}

/// How many words a text holds.
pub(super) fn words(text: &str) -> usize {
    text.split_ascii_whitespace().filter(|word| is_word(word)).count()
}

/// Whether something between spaces is more than punctuation.
pub(super) fn is_word(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}
