//! Numbers of businesses: commercial registration and tax. A small merchant's are those of a person.

use kaleem_placeholder::Kind;

use super::cluster::Window;
use super::number::{Need, Proposal, digits_only};

/// Chambers of commerce that register in Saudi Arabia, as the first digits of their numbers.
const CHAMBERS: [&[u8]; 20] = [
    b"1010", b"1011", b"1128", b"1131", b"1132", b"2050", b"2051", b"2052", b"2053", b"2055", b"2250",
    b"2251", b"3350", b"3400", b"3550", b"4030", b"4031", b"4650", b"5850", b"5900",
];

/// The last digits of the tax number of a business that has one branch, in Saudi Arabia and the Emirates.
const FIRST_BRANCH: &[u8] = b"00003";
const ISSUED: i32 = 60;

/// A number behind its word; a plus sign makes it a telephone number.
fn with_cue(window: &Window<'_>, kind: Kind, base: i32) -> Option<Proposal> {
    window.plus.is_none().then_some(Proposal { kind, base, need: Need::Cue, normal: digits_only })
}

/// Ten digits of a chamber, or the unified number, which begins with 7.
pub(super) fn registration(window: &Window<'_>) -> Option<Proposal> {
    let known = window.digits[0] == b'7' || CHAMBERS.iter().any(|chamber| window.digits.starts_with(chamber));
    with_cue(window, Kind::SaCr, if known { 35 } else { 15 })
}

/// Fifteen digits between two threes.
pub(super) fn saudi_tax(window: &Window<'_>) -> Option<Proposal> {
    let fits = window.digits.first() == Some(&b'3') && window.digits.last() == Some(&b'3');
    let tax = with_cue(window, Kind::SaVat, if fits { 40 } else { 10 });
    if fits { alone_as_issued(window, tax) } else { tax }
}

/// Fifteen digits that begin with 100.
pub(super) fn emirati_tax(window: &Window<'_>) -> Option<Proposal> {
    let tax = with_cue(window, Kind::AeTrn, 40).filter(|_| window.digits.starts_with(b"100"));
    alone_as_issued(window, tax)
}

/// A number of a first branch in one piece, which ends as nearly all of them do, speaks for itself.
fn alone_as_issued(window: &Window<'_>, tax: Option<Proposal>) -> Option<Proposal> {
    let issued = window.groups.len() == 1 && window.digits.ends_with(FIRST_BRANCH);
    tax.map(|tax| if issued { Proposal { base: ISSUED, need: Need::Nothing, ..tax } } else { tax })
}
