//! Escapes of URLs, HTML and JSON that hide characters of personal data.

/// Named HTML entities that occur inside numbers and addresses.
const ENTITIES: [(&[u8], char); 9] = [
    (b"&nbsp;", ' '),
    (b"&commat;", '@'),
    (b"&period;", '.'),
    (b"&plus;", '+'),
    (b"&zwnj;", '\u{200c}'),
    (b"&zwj;", '\u{200d}'),
    (b"&lrm;", '\u{200e}'),
    (b"&rlm;", '\u{200f}'),
    (b"&shy;", '\u{ad}'),
];

/// Backslashes before an escape of JSON that are read as one: as often as strings in strings double it, four deep.
const BACKSLASHES_MAX: usize = 16;

/// Reads an escape at the start of `bytes`: its character and its length.
///
/// `chained` says that the previous character was an escape too: only then, or with another escape behind it, is a
/// percent-encoded digit or letter one, because `%30` is also a discount.
pub(super) fn decode(bytes: &[u8], chained: bool) -> Option<(char, u8)> {
    match bytes.first()? {
        b'%' => percent(bytes, chained),
        b'&' if bytes.get(1) == Some(&b'#') => numeric_entity(bytes),
        b'&' => ENTITIES
            .iter()
            .find(|(name, _)| bytes.starts_with(name))
            .and_then(|(name, character)| Some((*character, u8::try_from(name.len()).ok()?))),
        b'\\' => backslash(bytes),
        _ => None,
    }
}

/// `\u0665` and the white space `\n`, `\r` and `\t` of JSON, as logs and answers of other systems hold it between other text.
fn backslash(bytes: &[u8]) -> Option<(char, u8)> {
    let (first, len) = unit(bytes).or_else(|| white_space(bytes))?;
    let (code, len) = match first {
        0xd800..=0xdbff => {
            let (second, more) =
                unit(&bytes[len..]).filter(|(second, _)| matches!(second, 0xdc00..=0xdfff))?;
            (0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff), len + more)
        }
        unit => (unit, len),
    };
    Some((char::from_u32(code)?, u8::try_from(len).ok()?))
}

/// The value and the length of one `\u0665`, half of a pair where it is one.
fn unit(bytes: &[u8]) -> Option<(u32, usize)> {
    let slashes = backslashes(bytes);
    let digits = bytes[slashes..].strip_prefix(b"u")?.first_chunk::<4>()?;
    let value =
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
    (slashes > 0).then_some((value, slashes + 5))
}

/// A letter behind it may be the rest of a name in a path (`C:\new`), and hides nothing.
fn white_space(bytes: &[u8]) -> Option<(u32, usize)> {
    let slashes = backslashes(bytes);
    let code = match bytes.get(slashes)? {
        b'n' | b'r' => b'\n',
        b't' => b' ',
        _ => return None,
    };
    let goes_on = bytes.get(slashes + 1).is_some_and(u8::is_ascii_lowercase);
    (!goes_on).then_some((code.into(), slashes + 1))
}

fn backslashes(bytes: &[u8]) -> usize {
    bytes.iter().take(BACKSLASHES_MAX).take_while(|byte| **byte == b'\\').count()
}

fn percent(bytes: &[u8], chained: bool) -> Option<(char, u8)> {
    let first = hex_byte(bytes)?;
    match first {
        b' ' | b'(' | b')' | b'+' | b'-' | b'.' | b'@' => Some((char::from(first), 3)),
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'/' | b'_' if chained || bytes.get(3) == Some(&b'%') => {
            Some((char::from(first), 3))
        }
        0xd9 | 0xdb => {
            let second = hex_byte(bytes.get(3..)?)?;
            let code = (u32::from(first & 0x1f) << 6) | u32::from(second & 0x3f);
            let is_digit = matches!(code, 0x660..=0x669 | 0x6f0..=0x6f9);
            char::from_u32(code).filter(|_| is_digit && second & 0xc0 == 0x80).map(|digit| (digit, 6))
        }
        _ => None,
    }
}

/// The byte that `%XX` stands for.
fn hex_byte(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let value = char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?;
    u8::try_from(value).ok()
}

/// `&#1632;` and `&#x660;`, at most ten bytes.
fn numeric_entity(bytes: &[u8]) -> Option<(char, u8)> {
    let window = bytes.get(..bytes.len().min(10))?;
    let end = window.iter().position(|byte| *byte == b';')?;
    let (digits, radix) = match window.get(2)? {
        b'x' | b'X' => (window.get(3..end)?, 16),
        _ => (window.get(2..end)?, 10),
    };
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    Some((char::from_u32(code)?, u8::try_from(end + 1).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_hides_numbers_and_addresses() {
        for (text, character, len) in [
            ("%40x", '@', 3),
            ("%2B966", '+', 3),
            ("%D9%A5", '٥', 6),
            ("%30%35", '0', 3),
            ("%73%61", 's', 3),
            ("&#64;", '@', 5),
            ("&#x660;", '٠', 7),
            ("&rlm;", '\u{200f}', 5),
            (r"\u0665", '٥', 6),
            (r"\\\\u062Ex", 'خ', 9),
            (r"\ud835\udfce", '𝟎', 12),
            (r"\nPhone", '\n', 2),
            (r"\\t٥", ' ', 3),
        ] {
            assert_eq!(decode(text.as_bytes(), false), Some((character, len)), "{text}");
        }
    }

    #[test]
    fn leaves_discounts_and_broken_escapes() {
        for text in
            ["%30 خصم", "%", "%4", "%D9%41", "%zz", "& ", "&#;", "&#xd800;", "&#99999999999;", "&amp;"]
        {
            assert_eq!(decode(text.as_bytes(), false), None, "{text}");
        }
        for text in
            [r"\", r"\u", r"\u066", r"\u06g5", r"\ud835", r"\ud835\u0665", r"\udfce", r"\new", r"\\", r"\d"]
        {
            assert_eq!(decode(text.as_bytes(), false), None, "{text}");
        }
        assert_eq!(decode(b"%35", true), Some(('5', 3)));
    }
}
