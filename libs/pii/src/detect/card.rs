//! Payment cards, and account numbers that are written without a country.

use kaleem_placeholder::Kind;

use super::check::luhn;
use super::cluster::{MAX_DIGITS, Window};
use super::number::{Need, Proposal, digits_only};

/// A known range, the length that it issues, and the check digit.
const VALID: i32 = 80;
/// The same with a length that the range issues rarely: long tracking numbers pass the check one time in ten.
const VALID_RARE: i32 = 45;
/// Either only the range or only the check digit fits.
const HALF: i32 = 20;
/// A number of the length of an IBAN's domestic part, next to a word for an account.
const ACCOUNT: i32 = 15;

/// How usual a length is in a range of issuers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Usual,
    Rare,
}

/// First and last six-digit prefix of a range of issuers, its usual length, and other lengths that it issues.
///
/// ISO/IEC 7812 ranges of the international schemes; mada issues inside them and in its own ones.
const RANGES: [(u32, u32, usize, &[usize]); 17] = [
    (400_000, 499_999, 16, &[13, 19]),
    (510_000, 559_999, 16, &[]),
    (222_100, 272_099, 16, &[]),
    (340_000, 349_999, 15, &[]),
    (370_000, 379_999, 15, &[]),
    (300_000, 305_999, 14, &[16, 19]),
    (360_000, 369_999, 14, &[16, 19]),
    (380_000, 399_999, 14, &[16, 19]),
    (352_800, 358_999, 16, &[17, 18, 19]),
    (601_100, 601_199, 16, &[19]),
    (603_799, 603_799, 16, &[]),
    (610_433, 610_433, 16, &[]),
    (620_000, 629_999, 16, &[17, 18, 19]),
    (640_000, 659_999, 16, &[19]),
    (968_200, 968_299, 16, &[]),
    (500_000, 509_999, 16, &[12, 13, 14, 15, 17, 18, 19]),
    (560_000, 699_999, 16, &[12, 13, 14, 15, 17, 18, 19]),
];

/// Proposes 12 to 19 digits by issuer range, length and check digit.
pub(super) fn propose(window: &Window<'_>) -> Option<Proposal> {
    if !(12..=19).contains(&window.digits.len()) || window.plus.is_some() {
        return None;
    }
    let base = match (length_in_range(window.digits), luhn(window.digits)) {
        (Some(Length::Usual), true) => VALID,
        (Some(Length::Rare), true) => VALID_RARE,
        (Some(_), false) | (None, true) => HALF,
        (None, false) => return None,
    };
    let need = if base == HALF { Need::Cue } else { Need::Nothing };
    Some(Proposal { kind: Kind::CreditCard, base, need, normal: digits_only })
}

/// Proposes 12 to 26 digits right behind a word for a bank account.
pub(super) fn propose_account(window: &Window<'_>) -> Option<Proposal> {
    let fits = (12..=MAX_DIGITS).contains(&window.digits.len()) && window.plus.is_none();
    fits.then_some(Proposal { kind: Kind::Iban, base: ACCOUNT, need: Need::Cue, normal: digits_only })
}

fn length_in_range(digits: &[u8]) -> Option<Length> {
    let prefix = digits[..6].iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    RANGES.iter().filter(|(first, last, ..)| (*first..=*last).contains(&prefix)).find_map(
        |(.., usual, rare)| match digits.len() {
            len if len == *usual => Some(Length::Usual),
            len if rare.contains(&len) => Some(Length::Rare),
            _ => None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_issue_their_lengths() {
        for (digits, usual) in [
            ("4111111111111111", true),
            ("5555555555554444", true),
            ("2223003122003222", true),
            ("378282246310005", true),
            ("36227206271667", true),
            ("3566002020360505", true),
            ("6362070000000000", true),
            ("5888450000000000", true),
            ("6037990000000000", true),
            ("9682010000000000", true),
            ("4222222222222", false),
            ("676700000000", false),
        ] {
            let expected = if usual { Length::Usual } else { Length::Rare };
            assert!(length_in_range(digits.as_bytes()) == Some(expected), "{digits}");
        }
        for digits in ["1234567812345678", "0000000000000000", "411111111111111", "7000000000000000"] {
            assert!(length_in_range(digits.as_bytes()).is_none(), "{digits}");
        }
    }
}
