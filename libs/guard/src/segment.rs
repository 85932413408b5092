//! Where sentences end.

use crate::text::is_letter;

/// Bytes of the longest sentence; a longer one is cut at white space.
pub(crate) const SENTENCE_BYTES_MAX: usize = 2048;

/// The bytes that tell of a character that may end a sentence: the first, of «؟» and «۔» the last.
const MAY_END: [bool; 256] = {
    let mut found = [false; 256];
    let bytes = [b'\n', b'!', b'?', b'.', 0x9f, 0x94, 0xe2, 0xe3];
    let mut index = 0;
    while index < bytes.len() {
        found[bytes[index] as usize] = true;
        index += 1;
    }
    found
};

/// So many dots before another one lead to a number, and end no sentence.
const LEADER_DOTS: usize = 3;

/// The end of the first sentence of `text`, and whether it asks; none if more text may still belong to it.
///
/// `last` says that no more text comes. What is decided never changes when more text comes.
pub(crate) fn sentence_end(text: &str, last: bool) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    let searched = &bytes[..bytes.len().min(SENTENCE_BYTES_MAX)];
    while let Some(next) = searched[from..].iter().position(|byte| MAY_END[usize::from(*byte)]) {
        let at = from + next;
        from = at + 1;
        // The Arabic marks are known by their last bytes, which few letters share; their first are those of most letters.
        let at = at.saturating_sub(usize::from(matches!(bytes[at], 0x9f | 0x94)));
        let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { continue };
        let end = at + character.len_utf8();
        match character {
            '\n' | '\u{2028}' | '\u{2029}' | '!' | '。' => return Some((end, false)),
            '…' if !text[..at].ends_with([' ', '…']) => match text[end..].chars().next() {
                None if !last => return None,
                Some('…') => {}
                _ => return Some((end, false)),
            },
            '?' | '؟' => return Some((end, true)),
            '.' | '۔' => match text[end..].chars().next() {
                None if !last => return None,
                // Whether a dot behind a space is the first of several is seen at the next one.
                Some(' ') if !last && end + 1 == text.len() && text[..at].ends_with(' ') => return None,
                next if next.is_none_or(is_behind_sentence)
                    && !is_abbreviated(&text[..at])
                    && !is_leader(&text[..at], &text[end..]) =>
                {
                    return Some((end, false));
                }
                _ => {}
            },
            _ => {}
        }
    }
    if text.len() > SENTENCE_BYTES_MAX {
        let cut = text.ceil_char_boundary(SENTENCE_BYTES_MAX);
        let mut before = text[..cut].char_indices().rev();
        let space = before.find(|(_, character)| character.is_whitespace());
        let end = space.map_or(cut, |(at, character)| at + character.len_utf8());
        return (cut < text.len() || last).then_some((if cut < text.len() { end } else { cut }, false));
    }
    last.then_some((text.len(), false)).filter(|(end, _)| *end > 0)
}

/// ر.س. and S.R. go on behind their full stop.
fn is_abbreviated(before: &str) -> bool {
    let mut characters = before.chars().rev();
    let last = characters.next().unwrap_or(' ');
    let second = characters.next().unwrap_or(' ');
    (second == '.' && last != '.') || (is_letter(last) && !is_letter(second) && second != ' ')
}

/// Dots that lead to a number in a column: "Total ..... 220", "Total . . . 220".
fn is_leader(before: &str, behind: &str) -> bool {
    let dots = before.bytes().rev().take(LEADER_DOTS).take_while(|byte| *byte == b'.').count();
    let spaced = before[..before.len() - dots].ends_with(' ');
    match dots {
        0 => spaced && (behind.starts_with(" .") || before.ends_with(". ")),
        2 => spaced,
        _ => dots == LEADER_DOTS,
    }
}

fn is_behind_sentence(next: char) -> bool {
    next.is_whitespace() || matches!(next, '"' | '»' | ')' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<&str> {
        let mut rest = text;
        let mut found = Vec::new();
        while let Some((end, _)) = sentence_end(rest, true) {
            found.push(rest[..end].trim());
            rest = &rest[end..];
        }
        found
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(
            sentences("السعر 89.50 ر.س. شامل الضريبة. متوفر؟ نعم!\nThe end... v1.2 ok"),
            ["السعر 89.50 ر.س. شامل الضريبة.", "متوفر؟", "نعم!", "", "The end...", "v1.2 ok"]
        );
    }

    #[test]
    fn dots_that_lead_to_a_number_end_nothing() {
        assert_eq!(
            sentences("Total ........ 220.00\nTotal . . . 9 . Thanks. Fee.... 3 Tip ... 4 … 5 Wait… Bag…… 7"),
            [
                "Total ........ 220.00",
                "Total . . . 9 .",
                "Thanks.",
                "Fee.... 3 Tip ... 4 … 5 Wait…",
                "Bag…… 7"
            ]
        );
    }

    #[test]
    fn endless_sentences_are_cut_at_a_space() {
        let text = "كلمة ".repeat(1000);
        let (end, _) = sentence_end(&text, false).unwrap();
        assert!(end <= SENTENCE_BYTES_MAX && text[..end].ends_with(' '));
        assert_eq!(sentence_end("abc", false), None);
        assert_eq!(sentence_end("abc.", false), None);
        assert_eq!(sentence_end("", true), None);
    }
}
