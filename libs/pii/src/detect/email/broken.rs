//! Addresses that a line break cuts in two.

use std::ops::Range;

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::domain::{Domain, Dots, Ending};
use super::local::Local;
use crate::detect::context::{Context, Mention, context};
use crate::detect::{Finding, Normal, Points};

/// More than the whole address that its second line may be.
const BROKEN: Points = 97;
/// Bytes before and behind the at sign in which the break is looked for.
const REACH: usize = 80;

/// The address around an at sign one side of which goes on over a line break, where a word says that it is one.
pub(super) fn find(text: &str, sign: &Range<usize>, mentions: &[Mention]) -> Option<Finding> {
    let from = text.ceil_char_boundary(sign.start.saturating_sub(REACH));
    let until = text.floor_char_boundary(text.len().min(sign.end + REACH));
    let before = memchr::memrchr(b'\n', &text.as_bytes()[from..sign.start]).map(|at| from + at);
    let behind = memchr::memchr(b'\n', &text.as_bytes()[sign.end..until]).map(|at| sign.end + at);
    let goes_on = |at: &usize| !text[sign.end..*at].contains(' ');
    let cut = before.filter(|at| is_cut(text, *at, sign)).or(behind.filter(goes_on))?;
    let joined = Zeroizing::new([&text[from..cut], &text[cut + 1..until]].concat());
    let at = sign.start - from - usize::from(cut < sign.start);
    let (local, domain) = (Local::before(&joined, at)?, Domain::behind(&joined, at + 1)?);
    let plain = !local.apart && !domain.apart && domain.dots == Dots::Plain;
    let across = local.start < cut - from && cut - from < domain.end;
    // A domain that is whole before the break ends there.
    let whole = || Domain::behind(text, sign.end).is_some_and(|domain| domain.ending != Ending::Open);
    if !plain || !across || domain.ending != Ending::Known || cut > sign.start && whole() {
        return None;
    }
    let range = from + local.start..from + domain.end + 1;
    let told = matches!(context(text, mentions, &range, Kind::Email.into()), Context::Positive { .. });
    let normal = Zeroizing::new(format!("{}@{}", &joined[local.start..local.end], domain.name));
    let normal = Normal::Written(normal);
    told.then_some(Finding { kind: Kind::Email, range, points: BROKEN, positive: true, normal })
}

/// Whether the name before an at sign goes on over the break before it: nothing is left of it, or a mark leads on.
fn is_cut(text: &str, at: usize, sign: &Range<usize>) -> bool {
    at + 1 == sign.start || text[..at].ends_with(['.', '_', '-']) && !text[at + 1..sign.start].contains(' ')
}
