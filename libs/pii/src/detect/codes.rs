//! Short codes that only the words before them give away: one-time codes, card expiry and security codes, passports.

use kaleem_placeholder::Kind;

use super::check::value;
use super::cluster::{Gap, Shape, Window};
use super::number::{Need, Proposal, digits_only};

/// A code near its word; nobody writes one in uneven pieces or with a plus sign.
fn near_cue(window: &Window<'_>, kind: Kind, base: i32) -> Option<Proposal> {
    let plausible = window.shape() != Shape::Messy && window.plus.is_none();
    plausible.then_some(Proposal { kind, base, need: Need::NearCue, normal: digits_only })
}

/// Four to eight digits.
pub(super) fn one_time(window: &Window<'_>) -> Option<Proposal> {
    near_cue(window, Kind::Otp, 25)
}

/// Three or four digits.
pub(super) fn security(window: &Window<'_>) -> Option<Proposal> {
    near_cue(window, Kind::CardCvv, 25)
}

/// A month and a year of two or four digits.
pub(super) fn expiry(window: &Window<'_>) -> Option<Proposal> {
    near_cue(window, Kind::CardExpiry, 30).filter(|_| is_expiry(window))
}

/// Whether the digits are a month and a year in which a card may expire.
pub(super) fn is_expiry(window: &Window<'_>) -> bool {
    let digits = window.digits;
    let (month, year) = match digits.len() {
        3 => (value(&digits[..1]), value(&digits[1..])),
        4 => (value(&digits[..2]), value(&digits[2..])),
        6 if digits[2..].starts_with(b"20") => (value(&digits[..2]), value(&digits[4..])),
        6 if digits.starts_with(b"20") => (value(&digits[4..]), value(&digits[2..4])),
        _ => return false,
    };
    let commas = window.any_gap(|gap| matches!(gap, Gap::Single(b',') | Gap::And));
    // Without anything between, four digits are the last ones of the card as often.
    let years = if window.groups.len() == 1 { 25..=35 } else { 20..=45 };
    let apart = digits.len() > 3 || window.groups.len() == 2;
    (1..=12).contains(&month) && years.contains(&year) && !commas && apart
}

/// Eight or nine digits: passports of some states have no letter.
pub(super) fn passport(window: &Window<'_>) -> Option<Proposal> {
    near_cue(window, Kind::Passport, 20)
}
