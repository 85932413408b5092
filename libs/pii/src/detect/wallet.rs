//! Addresses of crypto-currency wallets: long runs of letters and digits in a shape of their own.

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::reading::Reading;
use super::{Finding, Points};

/// Letters and digits of the shortest address.
const MIN_LEN: usize = 26;
/// Letters and digits of the longest address.
const MAX_LEN: usize = 95;
const CUE: Points = 40;

/// Adds the wallet addresses of a text.
///
/// Every twentieth byte is looked at: a run that is long enough holds one of them.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let bytes = reading.text.as_bytes();
    let mut at = reading.folded.body();
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += MIN_LEN - 6;
            continue;
        }
        let range = run(bytes, at);
        at = range.end.max(at + 1);
        if (MIN_LEN..=MAX_LEN).contains(&range.len()) && range.start >= reading.folded.body() {
            findings.extend(assess(reading, range));
        }
        at += MIN_LEN - 7;
    }
}

fn run(bytes: &[u8], at: usize) -> Range<usize> {
    let before =
        bytes[..at].iter().rev().take(MAX_LEN + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let behind = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    at - before..at + behind
}

fn assess(reading: &Reading<'_>, range: Range<usize>) -> Option<Finding> {
    let written = reading.cased(range.clone());
    let base = shape(&written)?;
    let points = if reading.speaks_for(&range, Kind::CryptoWallet) { base + CUE } else { base };
    Some(reading.finding(Kind::CryptoWallet, range, points.min(95)))
}

/// How much the shape alone says, if it is one.
fn shape(token: &[u8]) -> Option<Points> {
    let len = token.len();
    let base58 =
        token.iter().all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'));
    let mixed = [u8::is_ascii_digit as fn(&u8) -> bool, u8::is_ascii_lowercase, u8::is_ascii_uppercase]
        .iter()
        .all(|class| token.iter().any(class));
    let bech32 = |rest: &[u8]| {
        let lower = rest.to_ascii_lowercase();
        lower.iter().all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'1' | b'b' | b'i' | b'o'))
    };
    match token {
        [b'0', b'x' | b'X', rest @ ..] if rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit) => {
            Some(90)
        }
        [b'b' | b'B', b'c' | b'C', b'1', rest @ ..] if rest.len() >= 35 && bech32(rest) => Some(90),
        [b'l' | b'L', b't' | b'T', b'c' | b'C', b'1', rest @ ..] if rest.len() >= 35 && bech32(rest) => {
            Some(90)
        }
        [b'T', ..] if len == 34 && base58 && mixed => Some(75),
        [b'1' | b'3', ..] if (26..=35).contains(&len) && base58 && mixed => Some(70),
        [b'r' | b'L' | b'M' | b'D', ..] if (26..=35).contains(&len) && base58 && mixed => Some(45),
        [b'4' | b'8', ..] if len == 95 && base58 && mixed => Some(75),
        _ if (32..=44).contains(&len) && base58 && mixed => Some(30),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_the_usual_chains() {
        for token in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
        ] {
            assert!(shape(token.as_bytes()).is_some_and(|points| points >= 70), "{token}");
        }
        for token in [
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "abcdefghijklmnopqrstuvwxyzabcdef",
            "12345678901234567890123456789012",
        ] {
            assert!(shape(token.as_bytes()).is_none(), "{token}");
        }
    }
}
