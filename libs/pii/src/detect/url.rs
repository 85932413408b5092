//! URLs that open something: with a token, a signature, a session, a password, or a part that nobody can guess.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use kaleem_placeholder::Kind;

use super::reading::Reading;
use super::secret::entropy;
use super::{Finding, Points};

/// More than anything inside it can have: it goes as a whole.
const TOKEN: Points = 140;
/// Bytes of the longest URL.
const MAX_BYTES: usize = 4096;
/// Characters of the shortest part that nobody can guess.
const MIN_OPAQUE: usize = 20;
/// Bits a character of a part that nobody can guess.
const MIN_ENTROPY: f64 = 3.5;

/// Capitals together and small letters alone from which on letters are no words.
const MIN_ODD: usize = 4;

/// Parameters whose value opens something, one a line.
const KEYS: &str = include_str!("data/url_keys.txt");

/// Adds the URLs that open something.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let bytes = reading.original.as_bytes();
    if reading.marks.have([b':']) {
        find_with_scheme(reading, bytes, findings);
    }
    if reading.marks.have([b'=']) {
        find_without_scheme(reading, bytes, findings);
    }
}

fn find_with_scheme(reading: &Reading<'_>, bytes: &[u8], findings: &mut Vec<Finding>) {
    let mut done = 0;
    for at in schemes(bytes) {
        if at >= done {
            let range = token(reading.original, at);
            done = range.end;
            findings.extend(assess(reading, &range));
        }
    }
}

/// Without a scheme: `shop.sa/reset?token=…`.
fn find_without_scheme(reading: &Reading<'_>, bytes: &[u8], findings: &mut Vec<Finding>) {
    let mut done = 0;
    for at in memchr::memchr_iter(b'=', bytes) {
        if at >= done {
            let range = token(reading.original, at);
            done = range.end;
            let url = unescaped(&reading.original[range.clone()]);
            let path = url.split(['?', '#']).next().unwrap_or_default();
            if !url.contains("://") && path.contains('/') && path.contains('.') {
                findings.extend(assess(reading, &range));
            }
        }
    }
}

/// Where schemes end.
fn schemes(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let slashes = |at: &usize| SLASHES.iter().any(|slashes| bytes[*at..].starts_with(slashes.as_bytes()));
    memchr::memchr_iter(b':', bytes).filter(slashes)
}

/// What stands behind a scheme, also as JSON may escape it.
const SLASHES: [&str; 2] = ["://", ":\\/\\/"];

/// A URL without the backslashes with which JSON may escape its slashes.
fn unescaped(url: &str) -> Cow<'_, str> {
    if url.contains("\\/") { Cow::Owned(url.replace("\\/", "/")) } else { Cow::Borrowed(url) }
}

fn assess(reading: &Reading<'_>, range: &Range<usize>) -> Option<Finding> {
    let kind = classify(&unescaped(&reading.original[range.clone()]))?;
    Some(Finding::folded(kind, reading.folded.folded(range)?, TOKEN))
}

/// The unbroken text around `at`, without the punctuation of the sentence.
fn token(text: &str, at: usize) -> Range<usize> {
    let stop = |character: char| {
        character.is_whitespace()
            || matches!(
                character,
                '"' | '\'' | '<' | '>' | '«' | '»' | '`' | '،' | '؛' | '|' | '\\' | '{' | '}' | '(' | ')'
            )
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let ends = |place: usize, character: char| stop(character) && !text[place..].starts_with("\\/");
    let from = text.ceil_char_boundary(at.saturating_sub(MAX_BYTES / 8));
    let mut before = text[from..at].char_indices().rev();
    let start = before
        .find(|(place, character)| ends(from + place, *character))
        .map_or(from, |(place, character)| from + place + character.len_utf8());
    let limit = text.floor_char_boundary(text.len().min(at + MAX_BYTES));
    let mut behind = text[at..limit].char_indices();
    let end =
        behind.find(|(place, character)| ends(at + place, *character)).map_or(limit, |(len, _)| at + len);
    let url = text[start..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ']', '*', '؟', '_']);
    // Text in other scripts that touches the scheme is not part of it, nor is a bracket of markdown.
    let scheme = SLASHES.iter().find_map(|slashes| url.find(slashes)).map_or(0, |scheme| {
        let letters = url[..scheme]
            .bytes()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte))
            .count();
        scheme - letters
    });
    start + scheme..start + url.len()
}

fn classify(url: &str) -> Option<Kind> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if let Some((user, _)) = authority.rsplit_once('@')
        && user.contains(':')
    {
        let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        return Some(if web { Kind::UrlToken } else { Kind::Secret });
    }
    let tail = &rest[authority.len()..];
    let (path, query) = tail.split_at(tail.find(['?', '#']).unwrap_or(tail.len()));
    let opens = query.split(['?', '&', '#', ';']).any(opens) || path.split('/').any(is_opaque);
    opens.then_some(Kind::UrlToken)
}

/// Whether a parameter opens something.
fn opens(parameter: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| KEYS.lines().collect());
    let Some((key, value)) = parameter.split_once('=') else { return is_opaque(parameter) };
    let key = key.to_ascii_lowercase();
    let placeholder = value.starts_with("[[") || value.is_empty();
    let short_code = matches!(key.as_str(), "code" | "key" | "pass" | "auth" | "session");
    let varied = value.len() >= 6 && value.bytes().any(|byte| byte.is_ascii_digit());
    (NAMES.contains(key.as_str()) && !placeholder && (!short_code || varied)) || is_opaque(value)
}

/// Whether nobody can guess a part: a UUID, or many letters and digits that are no words.
fn is_opaque(part: &str) -> bool {
    let bytes = part.as_bytes();
    if is_uuid(bytes) {
        return true;
    }
    let allowed = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.=~%+".contains(byte));
    if bytes.len() < MIN_OPAQUE || !allowed || entropy(bytes) < MIN_ENTROPY {
        return false;
    }
    // Slugs are words between hyphens; what is opaque changes between letters and digits again and again.
    let changes = bytes
        .windows(2)
        .filter(|pair| {
            pair[0].is_ascii_digit() != pair[1].is_ascii_digit() && pair.iter().all(u8::is_ascii_alphanumeric)
        })
        .count();
    let longest = bytes.split(|byte| b"_-.=~%+".contains(byte)).map(<[u8]>::len).max().unwrap_or(0);
    (changes >= 4 || odd_letters(bytes) >= MIN_ODD) && longest >= 12
}

/// How many capitals stand together and small letters alone, of which words that are written together have none.
fn odd_letters(bytes: &[u8]) -> usize {
    let odd = |three: &&[u8]| match three {
        [a, b, c] if b.is_ascii_uppercase() => a.is_ascii_uppercase() && c.is_ascii_alphabetic(),
        [a, b, c] => a.is_ascii_uppercase() && b.is_ascii_lowercase() && c.is_ascii_uppercase(),
        _ => false,
    };
    bytes.windows(3).filter(odd).count()
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(part: &[u8]) -> bool {
    part.len() == 36
        && part.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_something_is_told_from_what_shows_something() {
        for (url, expected) in [
            ("https://shop.sa/reset?token=a8f3", Some(Kind::UrlToken)),
            ("https://user:pw@host.sa/x", Some(Kind::UrlToken)),
            ("postgres://kaleem:pw1@db/x", Some(Kind::Secret)),
            ("https://x.sa/v/550e8400-e29b-41d4-a716-446655440000", Some(Kind::UrlToken)),
            ("https://x.sa/i/aB3dE5gH7jK9mN1pQ3sT5", Some(Kind::UrlToken)),
            ("https://x.s3.amazonaws.com/a.pdf?X-Amz-Signature=ab12", Some(Kind::UrlToken)),
            ("https://x.sa/login#key=nQTlLKPCleteOWwIjTIJZsGs", Some(Kind::UrlToken)),
            ("https://shop.sa/collections/NewArrivalsWinterSaleForKids", None),
            ("https://shop.sa/p/adidas-ultraboost-running-shoes-2024-black", None),
            ("https://shop.sa/p/123?color=2&size=42&utm_source=instagram", None),
            ("https://shop.sa/?code=SAVE", None),
            ("https://shop.sa", None),
        ] {
            assert_eq!(classify(url), expected, "{url}");
        }
    }

    #[test]
    fn a_url_ends_with_its_sentence() {
        let text = "ادخل https://x.sa/r?token=1, ثم";
        assert_eq!(&text[token(text, text.find("://").unwrap())], "https://x.sa/r?token=1");
        let text = r#"{"url":"https:\/\/x.sa\/r?token=1\n"}"#;
        assert_eq!(&text[token(text, text.find("://").unwrap_or(13))], r"https:\/\/x.sa\/r?token=1");
        let text = "[الرابط](https://x.sa/r?token=1) هنا";
        assert_eq!(&text[token(text, text.find("://").unwrap())], "https://x.sa/r?token=1");
    }
}
