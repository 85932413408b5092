//! Where a token ends that a word announces: a key, or a password, which may hold almost anything.

use std::ops::Range;

use super::context::Mention;

/// What may separate fields, or be of a password.
pub(super) const DELIMITERS: [char; 7] = [',', ';', '|', '{', '}', '<', '>'];
/// Bytes of the longest name of a field or tag.
const NAME_BYTES_MAX: usize = 40;

/// What ends a token.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// Whatever is of no key.
    Key,
    /// What the text around a password has as its form.
    Password {
        /// What separates the columns of the table that it stands in.
        column: Option<char>,
    },
}

impl Ends {
    pub(super) const KEY: Self = Self::Key;

    /// Those of the password that a mention speaks of. A mention without a width is that of a column.
    pub(super) fn password(text: &str, mention: &Mention) -> Self {
        let before = text[..mention.range.start].chars().next_back().unwrap_or('\n');
        let column = mention.range.is_empty().then_some(before);
        Self::Password { column }
    }

    /// The token at `at`, as far as `bytes` tell. Empty if there is none. Nothing behind its end is looked at but a name.
    pub(super) fn read(self, text: &str, at: usize, bytes: usize) -> Range<usize> {
        let window = &text[at..text.floor_char_boundary(at.saturating_add(bytes).min(text.len()))];
        if window.starts_with(DELIMITERS) {
            return at..at;
        }
        let is_break = |character| self.is_break(character);
        let end = match self {
            Self::Key => window.find(is_break),
            Self::Password { column } => {
                let is_end = |&(at, character): &(usize, char)| {
                    is_break(character) || is_of_form(character, &window[at + character.len_utf8()..], column)
                };
                window.char_indices().find(is_end).map(|(end, _)| end)
            }
        };
        let len = end.unwrap_or(window.len());
        at..at + trimmed(&window[..len]).len()
    }

    /// Whether no token goes on over a character.
    fn is_break(self, character: char) -> bool {
        let is_quote = matches!(character, '"' | '\'' | '`' | '«' | '»');
        character.is_whitespace()
            || is_quote
            || match self {
                Self::Key => !character.is_ascii() || DELIMITERS.contains(&character),
                Self::Password { .. } => !character.is_ascii() && !character.is_alphanumeric(),
            }
    }
}

/// Where the link at `at` ends.
pub(super) fn link_end(text: &str, at: usize) -> usize {
    text[at..].find(char::is_whitespace).map_or(text.len(), |len| at + len)
}

/// Whether a character with `rest` behind it is of the text around a password: the end of a cell, a tag, or the next field.
fn is_of_form(character: char, rest: &str, column: Option<char>) -> bool {
    match character {
        ',' | ';' | '|' => match column {
            Some(column) => column == character || !DELIMITERS.contains(&column),
            None => is_field(rest),
        },
        '}' => rest.starts_with([',', ';', '}', ']', ')']),
        '<' => is_tag(rest),
        _ => false,
    }
}

/// Whether a text begins with a name and what sets it off from its value.
fn is_field(text: &str) -> bool {
    let name = name_len(text);
    name > 1 && text[name..].starts_with([':', '='])
}

/// Whether a text goes on as a tag of HTML does behind its bracket.
fn is_tag(text: &str) -> bool {
    let name = text.strip_prefix('/').unwrap_or(text);
    let len = name_len(name);
    len > 0 && (name.len() == len || name[len..].starts_with(['>', '/', ' ', '\n']))
}

fn name_len(text: &str) -> usize {
    let is_of_name = |character: char| character.is_alphabetic() || matches!(character, '_' | '-');
    let len =
        text.char_indices().find(|(_, character)| !is_of_name(*character)).map_or(text.len(), |(at, _)| at);
    if len > NAME_BYTES_MAX { 0 } else { len }
}

/// A token without the punctuation of its sentence; a bracket that it opens itself is its own.
fn trimmed(token: &str) -> &str {
    const MARKS: [char; 11] = ['.', '?', ':', '*', ',', ';', '|', '<', '{', '(', '['];
    const PAIRS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')];
    if !token.ends_with(PAIRS.map(|(_, close)| close)) && !token.ends_with(MARKS) {
        return token;
    }
    let mut unopened =
        PAIRS.map(|(open, close)| token.matches(close).count().saturating_sub(token.matches(open).count()));
    let is_of_sentence = |last: char| match PAIRS.iter().position(|(_, close)| *close == last) {
        Some(pair) => unopened[pair].checked_sub(1).map(|less| unopened[pair] = less).is_some(),
        None => MARKS.contains(&last),
    };
    token.trim_end_matches(is_of_sentence)
}
