//! Scores the numbers of digit clusters: structure, check digits, words around, and how they are written.

use zeroize::Zeroizing;

use kaleem_placeholder::Kind;

use super::cluster::{Gap, Shape, Window};
use super::context::{Context, Lexicon, Mention, context};
use super::lexicon::{CURRENCIES_BEFORE, Cue};
use super::{Finding, Points, card, phone, saudi_id};

/// What a recogniser makes of a window by itself.
pub(super) struct Proposal {
    pub(super) kind: Kind,
    /// Hundredths: structure and check digits.
    pub(super) base: Points,
    /// The cue that speaks for it.
    pub(super) cue: Cue,
    /// What it takes besides its structure.
    pub(super) need: Need,
    /// Writes the normal form of the digits.
    pub(super) normal: fn(&[u8]) -> String,
}

/// What a number must have near it to be considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Its structure is enough.
    Nothing,
    /// A cue in reach.
    Cue,
    /// A cue with only fillers between.
    AdjacentCue,
}

/// Recognises one type of number by its digits and how they are written.
type Recogniser = fn(&Window<'_>) -> Option<Proposal>;

/// The recognisers of plain numbers. A further type is one more entry.
const RECOGNISERS: [Recogniser; 4] =
    [phone::propose, saudi_id::propose, card::propose, card::propose_account];

const CUE: Points = 40;
const DISTANT_CUE: Points = 20;
const DECOY_ADJACENT: Points = -45;
const DECOY_NEAR: Points = -25;
const OTHER_CUE: Points = -15;
const AMOUNT: Points = -60;
const CODE_PREFIX: Points = -30;
const IN_URL: Points = -45;
const GLUED_BEFORE: Points = -15;
const GLUED_AFTER: Points = -10;
const PART_OF_MORE: Points = -15;
const MESSY: Points = -20;
const LINKED: Points = -15;
const CONTINUED: Points = -5;
const LINE_BREAK: Points = -10;

/// Bytes before a number in which a URL is looked for.
const URL_REACH: usize = 160;

/// Adds what a window may be to `findings`.
pub(super) fn assess(
    window: &Window<'_>,
    text: &str,
    lexicon: &Lexicon,
    mentions: &[Mention],
    findings: &mut Vec<Finding>,
) {
    if window.groups.len() > 1 && window.groups.iter().any(|group| group.decoy) {
        return;
    }
    for proposal in RECOGNISERS.iter().filter_map(|recognise| recognise(window)) {
        let context = context(text, mentions, &window.range(), proposal.cue);
        let positive = matches!(context, Context::Positive { .. } | Context::Distant);
        let met = match proposal.need {
            Need::Nothing => true,
            Need::Cue => matches!(context, Context::Positive { .. }),
            Need::AdjacentCue => context == Context::Positive { adjacent: true },
        };
        if !met {
            continue;
        }
        let mut points = proposal.base + context_points(context);
        // Everything that follows only takes away.
        if points < super::REPORTED {
            continue;
        }
        points += writing(window);
        if !positive {
            points += surroundings(window, text);
        }
        if points >= super::REPORTED && is_amount(window, text, lexicon) {
            points += AMOUNT;
        }
        if points >= super::REPORTED {
            let mut range = window.range();
            if let Some(plus) = window.plus {
                range = range.start.min(plus)..range.end.max(plus + 1);
            }
            let normal = Zeroizing::new((proposal.normal)(window.digits));
            findings.push(Finding { kind: proposal.kind, range, points, positive, normal });
        }
    }
}

const fn context_points(context: Context) -> Points {
    match context {
        Context::Silent => 0,
        Context::Positive { .. } => CUE,
        Context::Distant => DISTANT_CUE,
        Context::Negative { adjacent: true } => DECOY_ADJACENT,
        Context::Negative { adjacent: false } => DECOY_NEAR,
        Context::Other => OTHER_CUE,
    }
}

/// What the way of writing says: nobody writes one number like this.
fn writing(window: &Window<'_>) -> Points {
    let mut points = 0;
    if window.shape() == Shape::Messy {
        points += MESSY;
    }
    if window.any_gap(|gap| gap == Gap::And) {
        points += LINKED;
    }
    if window.any_gap(|gap| gap == Gap::Then) {
        points += CONTINUED;
    }
    if window.any_gap(|gap| gap == Gap::Line) {
        points += LINE_BREAK;
    }
    points + neighbours(window)
}

/// What the groups around say: a window may be a part of a longer number.
fn neighbours(window: &Window<'_>) -> Points {
    let solid = window.groups.len() == 1;
    let inner = |gap: Gap| window.any_gap(|other| other == gap);
    let joins = |gap: Gap| match gap {
        Gap::Single(b' ') => !solid && inner(gap),
        Gap::Single(b'|' | b',' | b'/' | b'\\') if solid => false,
        Gap::Single(_) => solid || inner(gap),
        _ => false,
    };
    let before = window.before.is_some() && joins(window.groups[0].gap);
    let after = window.after.is_some_and(|group| joins(group.gap));
    if (before || after) && window.plus.is_none() { PART_OF_MORE } else { 0 }
}

/// What the text that touches the number says.
fn surroundings(window: &Window<'_>, text: &str) -> Points {
    let range = window.range();
    let bytes = text.as_bytes();
    let before = &bytes[..window.plus.map_or(range.start, |plus| plus.min(range.start))];
    let mut points = 0;
    match before {
        [.., b'#'] => points += CODE_PREFIX,
        [.., letter, b'-' | b'_'] if letter.is_ascii_alphabetic() => points += CODE_PREFIX,
        [.., letter] if letter.is_ascii_alphabetic() => points += GLUED_BEFORE,
        _ => {}
    }
    if bytes.get(range.end).is_some_and(u8::is_ascii_alphabetic) {
        points += GLUED_AFTER;
    }
    if is_in_url(before) { points + IN_URL } else { points }
}

/// Whether the unbroken text that ends here is a URL.
fn is_in_url(before: &[u8]) -> bool {
    let window = &before[before.len().saturating_sub(URL_REACH)..];
    let start =
        window.iter().rposition(|byte| matches!(byte, b' ' | b'\n' | b'"' | b'<')).map_or(0, |at| at + 1);
    let token = &window[start..];
    memchr::memmem::find(token, b"://").is_some() || token.starts_with(b"www.")
}

/// Whether the number is an amount: a price, a share, a quantity.
fn is_amount(window: &Window<'_>, text: &str, lexicon: &Lexicon) -> bool {
    if window.is_amount() || window.is_progression() {
        return true;
    }
    let range = window.range();
    let solid = window.groups.len() == 1;
    let fraction = window.after.is_some_and(|group| group.len() <= 2 && is_point(group.gap));
    let is_fraction = window.before.is_some() && is_point(window.groups[0].gap);
    (solid && (fraction || is_fraction))
        || lexicon.unit_at(text, range.end)
        || currency_before(&text[..range.start])
}

fn is_point(gap: Gap) -> bool {
    matches!(gap, Gap::Single(b'.' | b','))
}

/// Whether a currency stands right before the number and not behind another one.
fn currency_before(before: &str) -> bool {
    let before = before.strip_suffix(' ').unwrap_or(before);
    CURRENCIES_BEFORE.iter().any(|currency| {
        before.strip_suffix(currency).is_some_and(|rest| {
            let last = rest.trim_end_matches(' ').bytes().next_back();
            let touches = rest.bytes().next_back();
            !last.is_some_and(|byte| byte.is_ascii_digit())
                && !touches.is_some_and(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

/// Whether the digits satisfy the check of ISO/IEC 7812 (Luhn).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit - b'0') << (index % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The digits as they are: the normal form of most numbers.
pub(super) fn digits_only(digits: &[u8]) -> String {
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_accepts_what_its_standard_does() {
        assert!(luhn(b"79927398713") && luhn(b"4111111111111111") && luhn(b"0"));
        assert!(!luhn(b"79927398710") && !luhn(b"4111111111111112"));
    }

    #[test]
    fn a_currency_before_belongs_to_the_number_behind_it() {
        for text in ["SAR ", "sar", "price: $", "﷼ "] {
            assert!(currency_before(&text.to_lowercase()), "{text}");
        }
        for text in ["500 sar ", "500$ ", "czar ", "", "ريال"] {
            assert!(!currency_before(text), "{text}");
        }
    }
}
