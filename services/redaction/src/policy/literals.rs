//! Words and phrases that a merchant never lets out, found in one pass over the folded text.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, Input, MatchKind, packed};
use kaleem_pii::fold::{Folded, fold};

/// Folded characters from which an Arabic literal may have letters glued to it, as in «وبمشروع».
const GLUED_CHARS_MIN: usize = 4;

/// Literals that are looked for all at once at many places of the text; so many are compared where one of them may start.
const FEW: usize = 16;

/// The deny-list.
#[derive(Default)]
pub(crate) struct Literals {
    searcher: Option<Searcher>,
    count: usize,
}

/// How the literals are looked for. An automaton's own way of passing over text goes by a single byte, which in Arabic every
/// second letter begins with.
enum Searcher {
    Few(packed::Searcher),
    Many(AhoCorasick),
}

impl Searcher {
    fn new(forms: &[String]) -> Result<Self, BuildError> {
        let few = || {
            let mut packed = packed::Config::new().match_kind(packed::MatchKind::LeftmostLongest).builder();
            packed.extend(forms).build()
        };
        if forms.len() <= FEW
            && let Some(few) = few()
        {
            return Ok(Self::Few(few));
        }
        AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms)
            .map(Self::Many)
    }

    /// The first match from a place on, of those that start at one place the longest.
    fn next(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let found = match self {
            Self::Few(few) => few.find_in(text, (from..text.len()).into()),
            Self::Many(many) => many.find(Input::new(text).range(from..)),
        };
        found.map(|found| found.range())
    }
}

impl std::fmt::Debug for Literals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Literals({})", self.count)
    }
}

/// The form in which a literal is looked for; `None` if fewer than two letters or digits are left of it.
pub(super) fn form(literal: &str) -> Option<String> {
    let folded = fold(literal.trim());
    (folded.chars().filter(|character| character.is_alphanumeric()).count() >= 2).then_some(folded)
}

impl Literals {
    /// Compiles literals in the form of [`form`].
    pub(super) fn new(forms: &[String]) -> Result<Self, BuildError> {
        if forms.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { searcher: Some(Searcher::new(forms)?), count: forms.len() })
    }

    /// Adds the places of the body of a folded text that hold a literal.
    ///
    /// A match inside a longer word is none; of a match that is none, the characters behind its first are looked at again, so
    /// the work is bounded by the length of the text times that of the longest literal.
    pub(super) fn find(&self, folded: &Folded, found: &mut Vec<Range<usize>>) {
        let Some(searcher) = &self.searcher else { return };
        let text = folded.text();
        let mut from = folded.body();
        while let Some(range) = searcher.next(text, from) {
            if stands_alone(text, &range) {
                from = range.end;
                found.push(range);
            } else {
                from = range.start + text[range.start..].chars().next().map_or(1, char::len_utf8);
            }
        }
    }
}

/// Whether the text around does not go on the word that matched.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let (word, before, after) = (&text[range.clone()], &text[..range.start], &text[range.end..]);
    let short = word.chars().take(GLUED_CHARS_MIN).count() < GLUED_CHARS_MIN;
    let goes_on = |inner: Option<char>, outer: Option<char>| {
        let (Some(inner), Some(outer)) = (inner, outer) else { return false };
        let ascii = inner.is_ascii_alphanumeric() && outer.is_ascii_alphanumeric();
        ascii || (short && inner.is_alphanumeric() && outer.is_alphanumeric())
    };
    !goes_on(word.chars().next(), before.chars().next_back())
        && !goes_on(word.chars().next_back(), after.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(literals: &[&str], text: &'t str) -> Vec<&'t str> {
        let forms: Vec<String> = literals.iter().map(|literal| form(literal).unwrap()).collect();
        let (mut folded, mut ranges) = (Folded::default(), Vec::new());
        folded.refill("", text, &[]);
        Literals::new(&forms).unwrap().find(&folded, &mut ranges);
        ranges.iter().map(|range| &text[folded.original(range)]).collect()
    }

    #[test]
    fn literals_are_found_as_the_engine_folds() {
        let literals = ["Project Falcon", "مشروع الصقر", "DK-9", "ود"];
        for (text, expected) in [
            ("about PROJECT falcon.", vec!["PROJECT falcon"]),
            ("وبمشروع الصَّقر الجديد", vec!["مشروع الصَّقر"]),
            ("ref dk-٩, not DK-99", vec!["dk-٩"]),
            ("حدود ودود ود", vec!["ود"]),
            ("Project Falcons", vec![]),
        ] {
            assert_eq!(found(&literals, text), expected, "{text}");
        }
        // The longest match is part of a longer word, a shorter one is not.
        assert_eq!(found(&["ab cd", "cd"], "ab cde cd"), ["cd"]);
    }

    #[test]
    fn few_literals_and_many_are_found_alike() {
        let few = ["Project Falcon", "مشروع الصقر", "مشروع الصقر الجديد", "DK-9", "ود"];
        let others: Vec<String> = (0..FEW).map(|index| format!("code{index}x")).collect();
        let many: Vec<&str> = few.into_iter().chain(others.iter().map(String::as_str)).collect();
        let filler = "متى يوصل الطلب لجدة وكم سعر التوصيل؟ do you ship? ";
        for value in ["PROJECT falcon", "بمشروع الصَّقر الجديد", "مشروع الصقر", "dk-٩", "DK-99", "ودود ود", ""]
        {
            for copies in [0, 1, 5] {
                let text = format!("{0}{value} {0}{value}", filler.repeat(copies));
                assert_eq!(found(&few, &text), found(&many, &text), "{text}");
            }
        }
    }

    #[test]
    fn what_folds_to_nothing_is_no_literal() {
        for literal in ["", " ", "\u{200f}", "--", "a"] {
            assert_eq!(form(literal), None, "{literal:?}");
        }
    }
}
