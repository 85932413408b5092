//! What links two runs of digits to one number: separators, line breaks, words.

/// Separator bytes that may lie between two groups, such as ` - `.
const MAX_GAP: usize = 3;
/// Bytes that may lie between two groups when words link them.
const MAX_LINK: usize = 32;

/// Words with which people spread one number over a sentence, folded.
const LINK_WORDS: [(&str, Gap); 16] = [
    ("dot", Gap::Then),
    ("dash", Gap::Then),
    ("slash", Gap::Then),
    ("دوت", Gap::Then),
    ("نقطه", Gap::Then),
    ("داش", Gap::Then),
    ("شرطه", Gap::Then),
    ("سلاش", Gap::Then),
    ("وبعدها", Gap::Then),
    ("وبعدين", Gap::Then),
    ("بعدها", Gap::Then),
    ("بعدين", Gap::Then),
    ("ثم", Gap::Then),
    ("then", Gap::Then),
    ("و", Gap::And),
    ("and", Gap::And),
];

/// Whether a text may begin with a linking word, by its first letters: و, ب, ث, د, ن, ش and س among them.
fn may_link(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xd9, 0x88 | 0x86, ..]
            | [0xd8, 0xa8 | 0xab | 0xaf | 0xb4 | 0xb3, ..]
            | [b't', b'h', ..]
            | [b'a', b'n', ..]
            | [b'd', b'o' | b'a', ..]
            | [b's', b'l', ..]
    )
}

/// What lies between a group and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Gap {
    /// Nothing: the first group of its cluster.
    First,
    /// One separator byte.
    Single(u8),
    /// Two or three separator bytes.
    Wide,
    /// A line break.
    Line,
    /// A word that says that the number goes on.
    Then,
    /// A word that joins numbers as often as parts of one.
    And,
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'_' | b',' | b'*' | b'\n' | b'\\' | b'|' | b'~')
}

/// Reads what links the digits that end at `end` to the next ones, which start at the second value.
pub(super) fn gap_after(text: &str, end: usize) -> Option<(Gap, usize)> {
    let bytes = text.as_bytes();
    let window = &bytes[end..bytes.len().min(end + MAX_GAP + 1)];
    let plain = window.iter().take_while(|byte| is_separator(**byte)).count();
    let len = if window.starts_with(b"[.]") { 3 } else { plain };
    if len > 0 && len <= MAX_GAP && window.get(len).is_some_and(u8::is_ascii_digit) {
        let gap = match &window[..len] {
            [b'\n'] => Gap::Line,
            [separator] => Gap::Single(*separator),
            several if several.contains(&b'\n') => Gap::Line,
            _ => Gap::Wide,
        };
        return Some((gap, end + len));
    }
    linked(text, end)
}

/// Reads one or two linking words, the last of which says how they link, and gives where the next digits start.
fn linked(text: &str, end: usize) -> Option<(Gap, usize)> {
    let bytes = &text.as_bytes()[end..];
    let skipped = bytes.iter().take_while(|byte| matches!(byte, b' ' | b',')).count();
    let mut rest = &text[end + skipped..];
    // Most numbers stand before another word.
    if !may_link(rest.as_bytes()) {
        return None;
    }
    for _ in 0..2 {
        let first = rest.as_bytes().first()?;
        let begins = |word: &str| {
            word.as_bytes()[1] == *rest.as_bytes().get(1).unwrap_or(first) && rest.starts_with(word)
        };
        let (word, gap) = LINK_WORDS.iter().find(|(word, _)| begins(word))?;
        rest = rest[word.len()..].trim_start_matches([' ', ',', ':']);
        let start = text.len() - rest.len();
        if start - end > MAX_LINK {
            return None;
        }
        if rest.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            return Some((*gap, start));
        }
    }
    None
}
