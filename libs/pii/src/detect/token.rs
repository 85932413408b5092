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

    /// The token at `at`, as far as `bytes` tell. Empty if there is none.
    pub(super) fn read(self, text: &str, at: usize, bytes: usize) -> Range<usize> {
        let window = &text[at..text.floor_char_boundary(at.saturating_add(bytes).min(text.len()))];
        let run = &window[..window.find(|character| self.is_break(character)).unwrap_or(window.len())];
        let len = match self {
            Self::Password { column } if !run.starts_with(DELIMITERS) => {
                let marks = run.char_indices().filter(|(_, character)| DELIMITERS.contains(character));
                let mut ends = marks.filter(|(at, mark)| is_of_form(*mark, &run[at + 1..], column));
                ends.next().map_or(run.len(), |(end, _)| end)
            }
            Self::Password { .. } => 0,
            Self::Key => run.len(),
        };
        at..at + trimmed(&run[..len]).len()
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

/// Whether a delimiter with `rest` behind it is of the text around a password: the end of a cell, a tag, or the next field.
fn is_of_form(mark: char, rest: &str, column: Option<char>) -> bool {
    match mark {
        ',' | ';' | '|' => match column {
            Some(column) => column == mark || !DELIMITERS.contains(&column),
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
    len > 0 && (name[len..].starts_with(['>', '/']) || name.len() == len)
}

fn name_len(text: &str) -> usize {
    let is_of_name = |character: char| character.is_alphabetic() || matches!(character, '_' | '-');
    let len =
        text.char_indices().find(|(_, character)| !is_of_name(*character)).map_or(text.len(), |(at, _)| at);
    if len > NAME_BYTES_MAX { 0 } else { len }
}

/// A token without the punctuation of its sentence; a bracket that it opens itself is its own.
fn trimmed(token: &str) -> &str {
    const PAIRS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')];
    let mut unopened =
        PAIRS.map(|(open, close)| token.matches(close).count().saturating_sub(token.matches(open).count()));
    let is_of_sentence = |last: char| match PAIRS.iter().position(|(_, close)| *close == last) {
        Some(pair) => unopened[pair].checked_sub(1).map(|less| unopened[pair] = less).is_some(),
        None => matches!(last, '.' | '?' | ':' | '*' | ',' | ';' | '|' | '<' | '{'),
    };
    token.trim_end_matches(is_of_sentence)
}
