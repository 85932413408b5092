//! Where sentences end.

use crate::text::is_letter;

/// Bytes of the longest sentence; a longer one is cut at white space.
pub(crate) const SENTENCE_BYTES_MAX: usize = 2048;

/// The end of the first sentence of `text`, and whether it asks; none if more text may still belong to it.
///
/// `last` says that no more text comes. What is decided never changes when more text comes.
pub(crate) fn sentence_end(text: &str, last: bool) -> Option<(usize, bool)> {
    let mut characters = text.char_indices().peekable();
    let mut previous = (' ', ' ');
    let mut space = 0;
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        if at >= SENTENCE_BYTES_MAX {
            return Some((if space > 0 { space } else { at }, false));
        }
        if character.is_whitespace() {
            space = end;
        }
        let next = characters.peek().map(|(_, next)| *next);
        let ends = match character {
            '\n' | '\u{2028}' | '\u{2029}' => return Some((end, false)),
            '!' | '…' | '。' | '?' | '؟' => true,
            '.' | '۔' => {
                // ر.س. and S.R. go on; so does 1.5.
                let abbreviated = previous.0 == '.'
                    || (is_letter(previous.1) && !is_letter(previous.0) && previous.0 != ' ');
                match next {
                    None if !last => return None,
                    next => {
                        !abbreviated
                            && next.is_none_or(|next| {
                                next.is_whitespace() || matches!(next, '"' | '»' | ')' | '*')
                            })
                    }
                }
            }
            _ => false,
        };
        if ends {
            return Some((end, matches!(character, '?' | '؟')));
        }
        previous = (previous.1, character);
    }
    last.then_some((text.len(), false)).filter(|(end, _)| *end > 0)
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
            sentences("السعر 89.50 ر.س. شامل الضريبة. متوفر؟ نعم!\nThe end. v1.2 ok"),
            ["السعر 89.50 ر.س. شامل الضريبة.", "متوفر؟", "نعم!", "", "The end.", "v1.2 ok"]
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
