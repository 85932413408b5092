//! Telephone numbers of the Gulf and its neighbours, and international ones that carry a plus sign.
//!
//! Gated on structure, not on lists of assigned prefixes: operators open ranges before the lists know.

use kaleem_placeholder::Kind;

use super::cluster::{Gap, Shape, Window};
use super::number::{Need, Proposal};

/// A plus sign and a number that its country issues.
const INTERNATIONAL: i32 = 90;
/// A plus sign and a country without rules here: more than a code of some of its digits beside a word for one.
const INTERNATIONAL_OTHER: i32 = 82;
/// A national mobile number with its leading zero.
const MOBILE: i32 = 75;
/// A national number of a shape that other numbers share.
const NATIONAL: i32 = 65;
/// A landline, or a country code without a plus sign before a short number.
const WEAK: i32 = 55;
/// A mobile number without its leading zero.
const BARE_MOBILE: i32 = 30;
/// A number that only a cue makes a telephone number.
const LOCAL: i32 = 20;
/// Any other number right next to a cue.
const ANY: i32 = 15;

/// The rules of a country: code, and for each class the length and first digits of a national number without zero.
struct Country {
    code: &'static [u8],
    mobile: (usize, &'static [&'static [u8]]),
    /// Lengths and first digits of landlines.
    fixed: (&'static [usize], &'static [u8]),
    /// Score of code and mobile number without a plus sign.
    bare: i32,
}

const COUNTRIES: [Country; 10] = [
    Country { code: b"966", mobile: (9, &[b"5"]), fixed: (&[9], b"1"), bare: MOBILE },
    Country { code: b"971", mobile: (9, &[b"5"]), fixed: (&[8], b"234679"), bare: MOBILE },
    Country { code: b"965", mobile: (8, &[b"5", b"6", b"9", b"4"]), fixed: (&[8], b"2"), bare: WEAK },
    Country { code: b"974", mobile: (8, &[b"3", b"5", b"6", b"7"]), fixed: (&[8], b"4"), bare: WEAK },
    Country { code: b"973", mobile: (8, &[b"3", b"6"]), fixed: (&[8], b"17"), bare: WEAK },
    Country { code: b"968", mobile: (8, &[b"7", b"9"]), fixed: (&[8], b"2"), bare: WEAK },
    Country {
        code: b"20",
        mobile: (10, &[b"10", b"11", b"12", b"15"]),
        fixed: (&[8, 9], b"23456789"),
        bare: WEAK,
    },
    Country { code: b"962", mobile: (9, &[b"77", b"78", b"79"]), fixed: (&[8], b"23456"), bare: NATIONAL },
    Country { code: b"964", mobile: (10, &[b"7"]), fixed: (&[8, 9], b"123456"), bare: NATIONAL },
    Country { code: b"98", mobile: (10, &[b"9"]), fixed: (&[10], b"12345678"), bare: NATIONAL },
];

/// Proposes a number as the telephone number of a person; business numbers (9200, 800) are none.
pub(super) fn propose(window: &Window<'_>) -> Option<Proposal> {
    let (digits, plus) = match window.digits {
        [b'0', b'0', rest @ ..] if rest.first() != Some(&b'0') => (rest, true),
        digits => (digits, window.plus.is_some()),
    };
    if digits.len() > 15 || is_business(digits) {
        return None;
    }
    let (base, need) = match (plus, international(digits), national(digits, window)) {
        (true, Some((_, _, true)), _) => (INTERNATIONAL, Need::Nothing),
        (true, _, _) if is_international(digits) => (INTERNATIONAL_OTHER, Need::Nothing),
        (_, Some((country, true, _)), _) => (country.bare, Need::Nothing),
        (_, _, Some(base)) => (base, Need::Nothing),
        _ if is_date(digits) || is_listed(window) => return None,
        _ => (ANY, Need::AdjacentCue),
    };
    Some(Proposal { kind: Kind::Phone, base, need, normal: e164 })
}

/// Splits off the country: its rules, whether a mobile number follows, whether any number of it does.
fn international(digits: &[u8]) -> Option<(&'static Country, bool, bool)> {
    // All their codes begin so, and few national numbers do.
    if !matches!(digits, [b'2' | b'9', ..]) {
        return None;
    }
    COUNTRIES.iter().find_map(|country| {
        let rest = without_zero(digits.strip_prefix(country.code)?);
        let (len, prefixes) = country.mobile;
        let mobile = rest.len() == len && prefixes.iter().any(|prefix| rest.starts_with(prefix));
        let (lens, firsts) = country.fixed;
        let fixed = lens.contains(&rest.len()) && rest.first().is_some_and(|first| firsts.contains(first));
        Some((country, mobile, mobile || fixed))
    })
}

/// Scores a number in national form.
fn national(digits: &[u8], window: &Window<'_>) -> Option<i32> {
    let points = match (digits, digits.len()) {
        ([b'0', b'5', ..], 10) | ([b'0', b'1', b'0' | b'1' | b'2' | b'5', ..] | [b'0', b'9', ..], 11) => {
            MOBILE
        }
        ([b'0', b'7', b'7'..=b'9', ..], 10) | ([b'0', b'7', ..], 11) => NATIONAL,
        ([b'0', b'1', b'1'..=b'7', ..], 10) => WEAK,
        ([b'0', b'2' | b'3' | b'4' | b'6' | b'7' | b'9', ..], 9) => {
            let area_code_apart = window.groups[0].len() == 2 && window.shape() == Shape::Grouped;
            if area_code_apart { WEAK } else { LOCAL }
        }
        ([b'5', ..], 9) => BARE_MOBILE,
        ([b'1', b'1'..=b'7', ..] | [b'7', b'7'..=b'9', ..], 9)
        | ([b'1', b'0' | b'1' | b'2' | b'5', ..] | [b'9' | b'7', ..] | [b'0', b'2' | b'3', ..], 10) => LOCAL,
        ([b'2'..=b'9', ..] | [b'1', b'7', ..], 8) if !is_date(digits) => LOCAL,
        _ => return None,
    };
    // Pairs of digits are a list of sizes as often as a number, unless they begin like one.
    let pairs = window.groups.len() > 1 && window.groups.iter().all(|group| group.len() <= 2);
    Some(if pairs && is_listed(window) { points.min(LOCAL) } else { points })
}

/// Whether commas stand between numbers rather than between the digits of one.
fn is_listed(window: &Window<'_>) -> bool {
    window.shape() != Shape::Spaced && window.any_gap(|gap| gap == Gap::Single(b','))
}

/// Unified and toll-free numbers, which belong to businesses.
fn is_business(digits: &[u8]) -> bool {
    let rest = digits.strip_prefix(b"966").filter(|rest| rest.len() > 6).unwrap_or(digits);
    let rest = without_zero(rest);
    let unified = rest.starts_with(b"9200") && rest.len() == 9;
    let toll_free = rest.starts_with(b"800") && (7..=10).contains(&rest.len());
    let emirates = digits.strip_prefix(b"971").unwrap_or(rest);
    let shared =
        (emirates.starts_with(b"600") || emirates.starts_with(b"800")) && (7..=9).contains(&emirates.len());
    unified || toll_free || shared
}

/// A date of eight digits.
fn is_date(digits: &[u8]) -> bool {
    let value = |range: std::ops::Range<usize>| {
        digits[range].iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'))
    };
    digits.len() == 8
        && matches!(value(0..4), 1300..=1499 | 1900..=2099)
        && (1..=12).contains(&value(4..6))
        && (1..=31).contains(&value(6..8))
}

fn without_zero(digits: &[u8]) -> &[u8] {
    digits.strip_prefix(b"0").unwrap_or(digits)
}

/// Whether digits behind a plus sign are a number of ITU-T E.164.
fn is_international(digits: &[u8]) -> bool {
    match digits {
        [b'1', b'2'..=b'9', ..] | [b'7', b'3' | b'4' | b'8' | b'9', ..] => digits.len() == 11,
        [b'0' | b'1' | b'7', ..]
        | [b'2', b'8', ..]
        | [b'8', b'3' | b'9', ..]
        | [b'9', b'9', b'0' | b'1' | b'7' | b'9', ..] => false,
        _ => (9..=15).contains(&digits.len()),
    }
}

/// The normal form: country code and number, digits only.
///
/// A Saudi mobile number and an Emirati one look alike in national form; the Saudi code stands for both.
fn e164(digits: &[u8]) -> String {
    let digits = digits.strip_prefix(b"00").unwrap_or(digits);
    let (code, rest): (&[u8], &[u8]) = match (digits, digits.len()) {
        ([b'0', b'5', ..] | [b'0', b'1', b'1'..=b'7', ..], 10) => (b"966", &digits[1..]),
        ([b'5', ..] | [b'1', b'1'..=b'7', ..], 9) => (b"966", digits),
        ([b'0', b'1', ..], 11) => (b"20", &digits[1..]),
        ([b'0', b'9', ..], 11) => (b"98", &digits[1..]),
        ([b'0', b'7', ..], 10) => (b"962", &digits[1..]),
        ([b'0', b'7', ..], 11) => (b"964", &digits[1..]),
        _ => match international(digits) {
            Some((country, _, true)) => (country.code, without_zero(&digits[country.code.len()..])),
            _ => (b"", digits),
        },
    };
    let mut normal = String::with_capacity(code.len() + rest.len());
    normal.extend(code.iter().chain(rest).copied().map(char::from));
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::cluster::Cluster;

    fn base(text: &str) -> Option<i32> {
        let mut cluster = Cluster::default();
        cluster.read(text, 0)?;
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let window = cluster.windows(text.as_bytes(), 7).find(|window| window.digits.len() == digits)?;
        propose(&window).filter(|proposal| proposal.need == Need::Nothing).map(|proposal| proposal.base)
    }

    #[test]
    fn structure_decides() {
        for (text, expected) in [
            ("+966 55 123 4567", INTERNATIONAL),
            ("+9660551234567", INTERNATIONAL),
            ("00966521234567", INTERNATIONAL),
            ("+966112345678", INTERNATIONAL),
            ("+971501234567", INTERNATIONAL),
            ("+96599887766", INTERNATIONAL),
            ("+201012345678", INTERNATIONAL),
            ("+989121234567", INTERNATIONAL),
            ("+14155552671", INTERNATIONAL_OTHER),
            ("+447911123456", INTERNATIONAL_OTHER),
            ("966551234567", MOBILE),
            ("0521234567", MOBILE),
            ("05-51-23-45-67", MOBILE),
            ("01012345678", MOBILE),
            ("09121234567", MOBILE),
            ("0791234567", NATIONAL),
            ("07701234567", NATIONAL),
            ("0112345678", WEAK),
            ("04 123 4567", WEAK),
            ("96599887766", WEAK),
            ("551234567", BARE_MOBILE),
            ("99887766", LOCAL),
        ] {
            assert_eq!(base(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn business_numbers_and_dates_are_none() {
        for text in
            ["920012345", "+966920012345", "8001234567", "00966 800 123 4567", "20240512", "+5", "600123456"]
        {
            assert_eq!(base(text), None, "{text}");
        }
    }

    #[test]
    fn spellings_have_one_normal_form() {
        for digits in ["0551234567", "966551234567", "00966551234567", "9660551234567", "551234567"] {
            assert_eq!(e164(digits.as_bytes()), "966551234567", "{digits}");
        }
        assert_eq!(e164(b"01012345678"), "201012345678");
        assert_eq!(e164(b"14155552671"), "14155552671");
    }
}
