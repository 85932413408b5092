//! The part of an address before the at sign.

/// Characters of the longest local part of RFC 5321.
const MAX_CHARS: usize = 64;

/// A local part in the folded text.
pub(super) struct Local {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether spaces lie between it and the at sign.
    pub(super) apart: bool,
}

impl Local {
    /// Reads the local part that ends before `at`.
    pub(super) fn before(text: &str, at: usize) -> Option<Self> {
        let head = text[..at].trim_end_matches(' ');
        if at - head.len() > 2 {
            return None;
        }
        let apart = head.len() < at;
        let last = head.chars().next_back()?;
        let start = if last.is_ascii() { ascii_start(head) } else { letters_start(head) };
        let name = head[start..].trim_start_matches(|character: char| !character.is_alphanumeric());
        let start = head.len() - name.len();
        let start = if apart { spaced_start(head, start) } else { start };
        let start = spelled_start(head, start);
        // A trailing dot or hyphen is punctuation of the sentence.
        let usable = last.is_alphanumeric() || matches!(last, '_' | '+' | '-');
        (usable && !name.is_empty()).then_some(Self { start, end: head.len(), apart })
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

fn ascii_start(head: &str) -> usize {
    let len = head.bytes().rev().take(MAX_CHARS).take_while(|byte| is_name_byte(*byte)).count();
    head.len() - len
}

/// A name in another script: letters and digits of it, dots between.
fn letters_start(head: &str) -> usize {
    let len: usize = head
        .chars()
        .rev()
        .take(MAX_CHARS)
        .take_while(|character| {
            let other_script = !character.is_ascii() && character.is_alphabetic();
            other_script || character.is_ascii_digit() || matches!(character, '.' | '_' | '-')
        })
        .map(char::len_utf8)
        .sum();
    head.len() - len
}

/// Goes on to the left over `s a r a` and `sara . ali`, which only a spaced-out address has.
fn spaced_start(head: &str, mut start: usize) -> usize {
    let bytes = head.as_bytes();
    for _ in 0..MAX_CHARS {
        let single = bytes.get(start + 1).is_none_or(|byte| *byte == b' ');
        start = match bytes[..start] {
            [.., before, b' '] if single && before.is_ascii_alphanumeric() && is_single(bytes, start - 2) => {
                start - 2
            }
            [.., before, b' ', b'.' | b'_' | b'-', b' '] if before.is_ascii_alphanumeric() => {
                ascii_start(&head[..start - 3])
            }
            _ => return start,
        };
    }
    start
}

/// Goes on to the left over `sara dot ali`.
fn spelled_start(head: &str, mut start: usize) -> usize {
    const DOTS: [&str; 6] = [" dot ", " دوت ", " نقطه ", "(dot)", "[dot]", " underscore "];
    for _ in 0..3 {
        let Some(before) = DOTS.iter().find_map(|dot| head[..start].strip_suffix(dot)) else { break };
        let more = ascii_start(before);
        if more == before.len() {
            break;
        }
        start = more;
    }
    start
}

/// Whether the byte at `at` stands alone.
fn is_single(bytes: &[u8], at: usize) -> bool {
    at == 0 || bytes[at - 1] == b' '
}
