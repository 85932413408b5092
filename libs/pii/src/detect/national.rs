//! Identity numbers of the Gulf states, Egypt and Iran. The check digits of most are not published, so that they raise a
//! score and never decide alone.

use kaleem_placeholder::Kind;

use super::check::{egyptian, iranian, is_short_date, kuwaiti, luhn, value};
use super::cluster::{Shape, Window};
use super::number::{Need, Proposal, digits_only};

/// More than four groups are a list of numbers rather than one.
const MANY_GROUPS: i32 = -20;

/// ISO 3166 numeric codes of the countries whose people live in Qatar in numbers.
const COUNTRIES: &str = include_str!("data/countries.txt");

/// The number in its normal form, unless a plus sign makes it a telephone number.
fn proposal(window: &Window<'_>, kind: Kind, base: i32, need: Need) -> Option<Proposal> {
    if window.plus.is_some() {
        return None;
    }
    let list = window.shape() != Shape::Spaced && window.groups.len() > 4;
    let base = base + if list { MANY_GROUPS } else { 0 };
    Some(Proposal { kind, base, need, normal: digits_only })
}

/// Ten digits that begin with 1 (citizen) or 2 (resident).
pub(super) fn saudi(window: &Window<'_>) -> Option<Proposal> {
    let kind = match window.digits {
        [b'1', rest @ ..] if rest.len() == 9 => Kind::SaNationalId,
        [b'2', rest @ ..] if rest.len() == 9 => Kind::SaIqama,
        _ => return None,
    };
    let base = if luhn(window.digits) { 60 } else { 20 };
    proposal(window, kind, base, Need::Nothing)
}

/// Ten digits that begin with 3 to 5: the border number of a visitor, which stands where a residence number would.
pub(super) fn saudi_border(window: &Window<'_>) -> Option<Proposal> {
    matches!(window.digits[0], b'3'..=b'5').then(|| proposal(window, Kind::SaIqama, 15, Need::AdjacentCue))?
}

/// 784, four digits that may be a year of birth, seven more and a check digit.
pub(super) fn emirati(window: &Window<'_>) -> Option<Proposal> {
    if !window.digits.starts_with(b"784") {
        return None;
    }
    let lens = window.groups.iter().map(super::cluster::Group::len);
    let as_printed = lens.eq([3, 4, 7, 1]);
    let base = match (luhn(window.digits), as_printed) {
        (true, true) => 95,
        (true, false) => 80,
        (false, true) => 70,
        (false, false) => 50,
    };
    proposal(window, Kind::AeEmiratesId, base, Need::Nothing)
}

/// A century, a date of birth, four digits and a check digit.
pub(super) fn kuwaiti_civil(window: &Window<'_>) -> Option<Proposal> {
    if !matches!(window.digits[0], b'2' | b'3') {
        return None;
    }
    let base = match (is_short_date(&window.digits[1..7]), kuwaiti(window.digits)) {
        (true, true) => 70,
        (true, false) => 20,
        (false, _) => 10,
    };
    proposal(window, Kind::KwCivilId, base, if base < 50 { Need::Cue } else { Need::Nothing })
}

/// A century, a year of birth, a country and five digits.
pub(super) fn qatari(window: &Window<'_>) -> Option<Proposal> {
    if !matches!(window.digits[0], b'2' | b'3') {
        return None;
    }
    let country = std::str::from_utf8(&window.digits[3..6]).unwrap_or_default();
    let known = COUNTRIES.split_ascii_whitespace().any(|code| code == country);
    proposal(window, Kind::QaQid, if known { 30 } else { 15 }, Need::Cue)
}

/// A month of birth, four digits and a check digit; some numbers begin in another way.
pub(super) fn bahraini(window: &Window<'_>) -> Option<Proposal> {
    let month = (1..=12).contains(&value(&window.digits[2..4]));
    proposal(window, Kind::BhCpr, if month { 25 } else { 15 }, Need::Cue)
}

/// Seven to nine digits.
pub(super) fn omani(window: &Window<'_>) -> Option<Proposal> {
    proposal(window, Kind::OmCivilId, 20, Need::Cue)
}

/// A century, a date of birth, a governorate and five digits.
pub(super) fn egyptian_national(window: &Window<'_>) -> Option<Proposal> {
    let governorate = value(&window.digits[7..9]);
    let placed = matches!(governorate, 1..=4 | 11..=19 | 21..=29 | 31..=35 | 88);
    let dated = matches!(window.digits[0], b'2' | b'3') && is_short_date(&window.digits[1..7]);
    let base = match (dated && placed, egyptian(window.digits)) {
        (true, true) => 75,
        (true, false) => 55,
        (false, _) => 10,
    };
    proposal(window, Kind::EgNationalId, base, if base < 50 { Need::Cue } else { Need::Nothing })
}

/// Ten digits with a check digit; leading zeros are often left out.
pub(super) fn iranian_code(window: &Window<'_>) -> Option<Proposal> {
    let mut padded = [b'0'; 10];
    let missing = 10_usize.checked_sub(window.digits.len())?;
    padded[missing..].copy_from_slice(window.digits);
    // Where the word says no country, a number that begins as a Saudi one is that.
    let gulf = missing == 0 && matches!(padded[0], b'1' | b'2');
    let base = match (iranian(&padded), missing) {
        (true, 0) if !gulf => 30,
        (true, _) => 20,
        (false, _) => 15,
    };
    proposal(window, Kind::IrNationalCode, base, if missing == 0 { Need::Cue } else { Need::AdjacentCue })
}
