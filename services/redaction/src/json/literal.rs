//! Strings and numbers as JSON writes them.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, Visitor},
};

/// Whether a text is a JSON object, array or string.
pub(crate) fn is_structured(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The text of a string, or a whole number without the point or exponent that some programs write it with.
///
/// What is borrowed begins as `text` does.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    if let Some((whole, fraction)) = text.split_once('.')
        && is_whole(whole)
        && fraction.bytes().all(|digit| digit == b'0')
    {
        return Cow::Borrowed(whole);
    }
    if let Some((digits, _)) = text.split_once(['e', 'E'])
        && is_whole(&digits.replacen('.', "", 1))
        && let Ok(number) = text.parse::<f64>()
        && number.fract() == 0.0
        && number.abs() < EXACT_BELOW
    {
        return Cow::Owned(format!("{number:.0}"));
    }
    Cow::Borrowed(text)
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of a string literal. A half of a surrogate pair, which no text can hold, becomes U+FFFD and hides nothing.
pub(super) fn decoded(literal: &str) -> Cow<'_, str> {
    struct Lossy(String);

    impl<'de> Deserialize<'de> for Lossy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Read;

            impl Visitor<'_> for Read {
                type Value = Lossy;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a string")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                    Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
                }
            }

            // As bytes, halves of pairs are let through.
            deserializer.deserialize_bytes(Read)
        }
    }

    if !literal.contains('\\') {
        return Cow::Borrowed(&literal[1..literal.len() - 1]);
    }
    serde_json::from_str(literal).map_or(Cow::Borrowed(literal), |Lossy(text)| Cow::Owned(text))
}

/// Where the string literal that starts at `start` ends, behind its closing quote.
pub(super) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where the number that starts at `start` ends.
pub(super) fn number_end(bytes: &[u8], start: usize) -> usize {
    let is_of_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    start + bytes[start..].iter().take_while(is_of_number).count().max(1)
}
