//! Saudi national identity and residence numbers.

use kaleem_placeholder::Kind;

use super::cluster::{Shape, Window};
use super::lexicon::Cue;
use super::number::{Need, Proposal, digits_only, luhn};

/// Ten digits of which the first says citizen or resident.
const BASE: i32 = 35;
/// The check digit is not published, so it raises a score and never decides alone.
const CHECKED: i32 = 25;
const UNCHECKED: i32 = -15;
/// More than four groups are a list of numbers rather than one.
const MANY_GROUPS: i32 = -20;

/// Proposes ten digits that begin with 1 (citizen) or 2 (resident).
pub(super) fn propose(window: &Window<'_>) -> Option<Proposal> {
    let kind = match window.digits {
        [b'1', rest @ ..] if rest.len() == 9 => Kind::SaNationalId,
        [b'2', rest @ ..] if rest.len() == 9 => Kind::SaIqama,
        _ => return None,
    };
    if window.plus.is_some() {
        return None;
    }
    let check = if luhn(window.digits) { CHECKED } else { UNCHECKED };
    let list = window.shape() != Shape::Spaced && window.groups.len() > 4;
    let base = BASE + check + if list { MANY_GROUPS } else { 0 };
    Some(Proposal { kind, base, cue: Cue::Identity, need: Need::Nothing, normal: digits_only })
}
