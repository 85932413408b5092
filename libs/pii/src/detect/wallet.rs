//! Addresses of crypto-currency wallets: long runs of letters and digits in a shape of their own.

mod checksum;

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::reading::Reading;
use super::{Finding, Points};
use checksum::{BITCOIN, RIPPLE, base58, bech32, eip55};

/// Letters and digits of the shortest address.
const MIN_LEN: usize = 26;
/// Letters and digits of the longest address.
const MAX_LEN: usize = 95;
/// Letters and digits that are looked for at once.
const WINDOW: usize = 8;
/// The checksum passes, or the form has none.
const CHECKED: Points = 90;
/// The form of a chain with a failed checksum.
const UNCHECKED: Points = 55;
/// A form that other codes share, with a failed checksum.
const DOUBTFUL: Points = 45;
/// A form that may be a chain's that is not known here.
const UNKNOWN: Points = 30;
const CUE: Points = 40;
/// Words behind a word for an address that are tried as the beginning of one in groups.
const MAX_STARTS: usize = 6;
/// Characters behind a word for an address in which one that is cut in two is looked for.
const BREAK_REACH: usize = 140;

/// Adds the wallet addresses of a text.
///
/// Every nineteenth byte is looked at, and what is behind it: a run that is long enough holds one of them and the next seven.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let bytes = reading.text.as_bytes();
    let mut at = reading.folded.body();
    while let Some(window) = bytes.get(at..at + WINDOW) {
        // Most words are shorter than the window.
        if !window.iter().all(u8::is_ascii_alphanumeric) {
            at += MIN_LEN - WINDOW + 1;
            continue;
        }
        let range = run(bytes, at);
        at = range.end;
        if (MIN_LEN..=MAX_LEN).contains(&range.len()) && range.start >= reading.folded.body() {
            findings.extend(assess(reading, range));
        }
        at += 1;
    }
}

/// Adds the addresses behind a word for one that a line break cuts in two.
pub(super) fn find_broken(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let bytes = reading.text.as_bytes();
    let mut done = 0;
    for mention in reading.cues(Kind::CryptoWallet.into()) {
        // However many words there are, each line break is looked at once.
        let from = mention.range.end.max(done);
        done = mention.range.end + reading.ahead(mention.range.end, BREAK_REACH).len();
        let breaks = memchr::memchr_iter(b'\n', bytes.get(from..done).unwrap_or_default());
        findings.extend(breaks.filter_map(|at| broken(reading, run(bytes, from + at).start..from + at)));
        findings.extend(spaced(reading, from..done));
    }
}

fn broken(reading: &Reading<'_>, first: Range<usize>) -> Option<Finding> {
    let second = first.end + 1..run(reading.text.as_bytes(), first.end + 1).end;
    if first.is_empty() || first.start < reading.folded.body() || first.len() + second.len() > MAX_LEN {
        return None;
    }
    let written = reading.cased(first.clone());
    // What is one already ends with its line.
    if second.is_empty() || rate(&written).is_some() {
        return None;
    }
    let joined = [written, reading.cased(second.clone())].concat();
    let likely = rate(&joined)? >= UNCHECKED && reading.speaks_for(&first, Kind::CryptoWallet);
    likely.then(|| Finding::folded(Kind::CryptoWallet, first.start..second.end, UNCHECKED + CUE))
}

/// The first address that is written in groups, with single spaces between.
fn spaced(reading: &Reading<'_>, window: Range<usize>) -> Option<Finding> {
    let bytes = reading.text.as_bytes();
    let begins =
        |at: &usize| bytes[*at].is_ascii_alphanumeric() && matches!(bytes[*at - 1], b' ' | b'\n' | b':');
    let start = window.start.max(reading.folded.body() + 1)..window.end;
    start.filter(begins).take(MAX_STARTS).find_map(|start| in_groups(reading, start))
}

/// The address in groups that starts at `start`: as far as its checksum passes, or in groups of one length but the last.
fn in_groups(reading: &Reading<'_>, start: usize) -> Option<Finding> {
    let bytes = reading.text.as_bytes();
    let mut written: Vec<u8> = Vec::with_capacity(MAX_LEN);
    let mut group = start..run(bytes, start).end;
    let first = group.len();
    let (mut even, mut end) = (true, None);
    while (2..MIN_LEN).contains(&group.len()) && written.len() + group.len() <= MAX_LEN {
        written.extend(reading.cased(group.clone()));
        let rated = if written.len() > first { rate(&written).unwrap_or(0) } else { 0 };
        if rated == CHECKED || even && rated >= UNCHECKED {
            end = Some(group.end);
        }
        even &= group.len() == first;
        if rated == CHECKED || bytes.get(group.end) != Some(&b' ') || group.end + 1 >= bytes.len() {
            break;
        }
        group = group.end + 1..run(bytes, group.end + 1).end;
    }
    end.map(|end| Finding::folded(Kind::CryptoWallet, start..end, UNCHECKED + CUE))
}

fn run(bytes: &[u8], at: usize) -> Range<usize> {
    let before =
        bytes[..at].iter().rev().take(MAX_LEN + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let behind = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    at - before..at + behind
}

fn assess(reading: &Reading<'_>, range: Range<usize>) -> Option<Finding> {
    let written = reading.cased(range.clone());
    let base = rate(&written)?;
    let points = if reading.speaks_for(&range, Kind::CryptoWallet) { base + CUE } else { base };
    Some(Finding::folded(Kind::CryptoWallet, range, points.min(95)))
}

/// How much an address says by itself, if it is one: its shape, and whether its checksum passes.
///
/// A failed checksum never clears it, because a mistyped address is as personal as a right one.
fn rate(token: &[u8]) -> Option<Points> {
    let lower = token.to_ascii_lowercase();
    let base_58 = |digits: &[u8; 58], valid: Points, invalid: Points| {
        let fits = (26..=35).contains(&token.len()) && is_varied(token) && is_base58(token);
        fits.then(|| if base58(token, digits) { valid } else { invalid })
    };
    match token {
        [b'0', b'x' | b'X', rest @ ..] if rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit) => {
            let mixed = rest.iter().any(u8::is_ascii_lowercase) && rest.iter().any(u8::is_ascii_uppercase);
            Some(if !mixed || eip55(rest) { CHECKED } else { UNCHECKED })
        }
        _ if is_bech32(&lower) => Some(if bech32(&lower) { CHECKED } else { UNCHECKED }),
        [b'T', ..] if token.len() == 34 => base_58(BITCOIN, CHECKED, UNCHECKED),
        [b'1' | b'3', ..] => base_58(BITCOIN, CHECKED, UNCHECKED),
        [b'L' | b'M' | b'D', ..] => base_58(BITCOIN, CHECKED, DOUBTFUL),
        [b'r', ..] => base_58(RIPPLE, CHECKED, DOUBTFUL),
        [b'4' | b'8', ..] if token.len() == 95 && is_varied(token) && is_base58(token) => Some(UNCHECKED),
        _ if (32..=44).contains(&token.len()) && is_varied(token) && is_base58(token) => Some(UNKNOWN),
        _ => None,
    }
}

fn is_base58(token: &[u8]) -> bool {
    token.iter().all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'))
}

/// Whether digits, small letters and capitals occur.
fn is_varied(token: &[u8]) -> bool {
    [u8::is_ascii_digit as fn(&u8) -> bool, u8::is_ascii_lowercase, u8::is_ascii_uppercase]
        .iter()
        .all(|class| token.iter().any(class))
}

/// Whether a token in lower case is an address of Bitcoin or Litecoin in bech32 by its form.
fn is_bech32(token: &[u8]) -> bool {
    let data = token.strip_prefix(b"bc1").or_else(|| token.strip_prefix(b"ltc1"));
    data.is_some_and(|data| {
        data.len() >= 35 && !data.iter().any(|byte| matches!(byte, b'1' | b'b' | b'i' | b'o'))
    })
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
            assert!(rate(token.as_bytes()) == Some(CHECKED), "{token}");
        }
        for token in [
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "abcdefghijklmnopqrstuvwxyzabcdef",
            "12345678901234567890123456789012",
        ] {
            assert!(rate(token.as_bytes()).is_none(), "{token}");
        }
    }
}
