//! The words of a text in which names are looked for.

use std::ops::Range;

use crate::detect::lexicon::is_arabic;

/// One word of a text.
pub(super) struct Token<'t> {
    pub(super) range: Range<usize>,
    pub(super) text: &'t str,
}

/// The next word at or behind `at`, over at most some separators.
pub(super) fn next_token(text: &str, at: usize, max: usize) -> Option<Token<'_>> {
    let rest = text.get(at..)?;
    let skipped: usize =
        rest.chars().take(max).take_while(|character| is_separator(*character)).map(char::len_utf8).sum();
    let rest = &rest[skipped..];
    let first = rest.chars().next()?;
    let len: usize = rest
        .chars()
        .take(32)
        .take_while(|character| same_script(first, *character))
        .map(char::len_utf8)
        .sum();
    let word = rest[..len].trim_end_matches(['-', '\'', '\u{2019}']);
    let start = at + skipped;
    (!word.is_empty() && (is_arabic(first) || first.is_alphabetic()))
        .then(|| Token { range: start..start + word.len(), text: word })
}

fn is_separator(character: char) -> bool {
    matches!(
        character,
        ' ' | ':'
            | '='
            | '"'
            | '\''
            | '«'
            | '»'
            | '*'
            | '-'
            | ','
            | '.'
            | '/'
            | '('
            | '|'
            | '#'
            | '\n'
            | '>'
            | '_'
            | '\\'
            | '['
    )
}

fn same_script(first: char, character: char) -> bool {
    if is_arabic(first) {
        is_arabic(character)
    } else {
        !is_arabic(character) && (character.is_alphabetic() || matches!(character, '-' | '\'' | '\u{2019}'))
    }
}
