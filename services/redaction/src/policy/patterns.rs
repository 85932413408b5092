//! Regular expressions of a merchant, with bounds on everything: an expression that could cost more is refused.

use std::ops::Range;

use kaleem_pii::fold::{Folded, Form, OPAQUE, form};
use regex_automata::{Input, meta, util::syntax};

/// Most bytes that one match may have; so repeats must be bounded.
pub(super) const MATCH_BYTES_MAX: usize = 256;
/// Bytes of the automaton of one expression.
const AUTOMATON_BYTES_MAX: usize = 128 * 1024;
/// Bytes of the tables that are filled while searching, for each thread that searches.
const CACHE_BYTES_MAX: usize = 256 * 1024;
/// Brackets within brackets.
const NESTING_MAX: u32 = 16;

/// The patterns of a policy.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Vec<meta::Regex>);

impl Patterns {
    pub(super) fn push(&mut self, pattern: meta::Regex) {
        self.0.push(pattern);
    }

    /// Adds the places of the body of a folded text that match. Every expression looks for itself, as a shorter match of one
    /// must not hide a longer one of another.
    pub(super) fn find(&self, folded: &Folded, found: &mut Vec<Range<usize>>) {
        let text = folded.text();
        for pattern in &self.0 {
            let matches = pattern.find_iter(Input::new(text).range(folded.body()..)).map(|at| at.range());
            // A placeholder inside another one would not be restored.
            found.extend(matches.filter(|range| !text.as_bytes()[range.clone()].contains(&OPAQUE)));
        }
    }
}

/// Compiles an expression; the error says what must be otherwise, in words that follow the name of the field.
pub(super) fn compile(expression: &str) -> Result<meta::Regex, String> {
    let syntax = syntax::Config::new().case_insensitive(true).nest_limit(NESTING_MAX);
    let folded = fold_expression(expression);
    let parsed = syntax::parse_with(&folded, &syntax).map_err(|error| {
        format!("must be a regular expression of the Rust regex syntax ({})", place(&error))
    })?;
    match (parsed.properties().minimum_len(), parsed.properties().maximum_len()) {
        (Some(0) | None, _) => return Err("must not match the empty text".to_owned()),
        (_, Some(max)) if max <= MATCH_BYTES_MAX => {}
        _ => {
            return Err(format!(
                "must match at most {MATCH_BYTES_MAX} bytes: write {{1,20}} in place of + and *"
            ));
        }
    }
    let bounds = meta::Config::new()
        .nfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .onepass_size_limit(Some(AUTOMATON_BYTES_MAX))
        .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .hybrid_cache_capacity(CACHE_BYTES_MAX);
    meta::Builder::new().configure(bounds).build_from_hir(&parsed).map_err(|_| {
        format!("must be simpler: its automaton would have more than {AUTOMATON_BYTES_MAX} bytes")
    })
}

/// Where an expression is wrong, without its text over several lines.
fn place(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Writes the letters of an expression as the engine folds a text. What is ASCII may be syntax and stays; folded texts are in
/// lower case, and expressions do not tell cases apart.
fn fold_expression(expression: &str) -> String {
    let mut folded = String::with_capacity(expression.len());
    for character in expression.chars() {
        match form(character) {
            _ if character.is_ascii() => folded.push(character),
            Form::Dropped => {}
            Form::Char(letter) => folded.push(letter),
            Form::Ascii(byte) => {
                if !byte.is_ascii_alphanumeric() {
                    folded.push('\\');
                }
                folded.push(char::from(byte));
            }
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(expression: &str, text: &'t str) -> Vec<&'t str> {
        let mut patterns = Patterns::default();
        patterns.push(compile(expression).unwrap());
        let (mut folded, mut ranges) = (Folded::default(), Vec::new());
        folded.refill("card DK-00000000 ", text, &[]);
        patterns.find(&folded, &mut ranges);
        ranges.iter().map(|range| &text[folded.original(range)]).collect()
    }

    #[test]
    fn expressions_match_the_folded_text() {
        assert_eq!(found("DK-[0-9]{8}", "بطاقة dk-٠١٢٣٤٥٦٧ و DK-12"), ["dk-٠١٢٣٤٥٦٧"]);
        assert_eq!(found("إقامة [0-9]{2}", "اقامه 12"), ["اقامه 12"]);
        assert_eq!(found("٪[0-9]", "%5"), ["%5"]);
        assert_eq!(found(r"\D[0-9]{3}\D", "a123b"), ["a123b"]);
    }

    #[test]
    fn what_could_explode_is_refused_with_the_way_out() {
        for (expression, words) in [
            ("(", "regular expression"),
            ("a*", "empty"),
            ("", "empty"),
            ("[0-9]+", "{1,20}"),
            ("(a{1,100}){1,100}", "256 bytes"),
            (r"\w{1,60}", "simpler"),
            ("((((((((((((((((((a))))))))))))))))))", "nest"),
        ] {
            let error = compile(expression).unwrap_err();
            assert!(error.contains(words), "{expression}: {error}");
        }
    }
}
