//! What lies between a word for a secret and the secret.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::detect::reading::Reading;

/// Words that tell whose a secret is and where, or that it follows, folded.
static FILLERS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../data/lead.txt").lines().collect());
/// Words that follow a word for a password in sentences about passwords, folded.
static PROSE: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("../data/prose.txt").lines().collect());

/// Bytes between a word for a password and the mark behind which it stands.
const MAX_LEAD: usize = 48;

/// Whether a sentence about passwords goes on with a word.
pub(super) fn is_prose(word: &str) -> bool {
    PROSE.contains(word)
}

/// What lies between a word for a secret and the secret.
pub(super) struct Lead {
    /// Where the secret starts.
    pub(super) at: usize,
    /// Whether something says that it is the secret: a colon, `is`, a quote.
    pub(super) said: bool,
    /// Whether words tell whose secret it is, or where.
    pub(super) filled: bool,
}

impl Lead {
    pub(super) fn read(reading: &Reading<'_>, from: usize) -> Self {
        const SAYING: [&str; 9] = ["is", "was", "هي", "هو", "هذا", "هذي", "هذه", "كان", "كانت"];
        let mut lead = Self { at: from, said: false, filled: false };
        for _ in 0..5 {
            let rest = &reading.text[lead.at..];
            let marks = rest.find(|character: char| {
                !matches!(character, ' ' | ':' | '=' | '"' | '\'' | '`' | '*' | '>' | '«' | '\n' | '\\')
            });
            let marks = marks.unwrap_or(rest.len());
            lead.said |= rest[..marks].contains([':', '=', '"', '\'', '`', '«']);
            lead.at += marks;
            let rest = &reading.text[lead.at..];
            let word = rest.find(|character: char| !character.is_alphabetic()).unwrap_or(rest.len());
            let known = FILLERS.contains(&rest[..word]) || is_definite(&rest[..word]);
            let filler = known && rest[word..].starts_with([' ', ':', '=']);
            if !filler {
                break;
            }
            lead.said |= SAYING.contains(&&rest[..word]);
            lead.filled = true;
            lead.at += word;
        }
        lead.pass_words(reading.text);
        lead
    }

    /// Passes some more words up to a quote or a colon, unless they speak about passwords.
    fn pass_words(&mut self, text: &str) {
        let rest = &text[self.at..text.floor_char_boundary(text.len().min(self.at + MAX_LEAD))];
        let Some(mark) = rest.find(['"', ':', '=', '«']) else { return };
        let words = &rest[..mark];
        let is_letter = |character: char| character.is_alphabetic() || character == ' ';
        let plain = !self.said && !words.is_empty() && words.chars().all(is_letter);
        if plain && words.split(' ').all(|word| !is_prose(word)) {
            let behind = rest[mark..].trim_start_matches(['"', ':', '=', '«', ' ']);
            self.at += rest.len() - behind.len();
            self.filled = true;
        }
    }
}

/// Whether an Arabic word has its article, as what a password is for has, and how it is: «للشبكة», «الجديدة».
fn is_definite(word: &str) -> bool {
    let stem = ["ال", "لل", "بال"].iter().find_map(|article| word.strip_prefix(article));
    stem.is_some_and(|stem| stem.len() >= 4)
}
