//! Scores the numbers of digit clusters: structure, check digits, words around, and how they are written.

mod currency;

use std::ops::{Range, RangeInclusive};

use kaleem_placeholder::Kind;

use super::cluster::{Gap, Group, MAX_DIGITS, Shape, Window};
use super::context::{Context, Mention, context, in_reach};
use super::cue::Cues;
use super::lexicon::Lexicon;
use super::reading::Reading;
use super::{Finding, Normal, Points, business, card, codes, iban, national, phone};
use currency::currency_before;

/// What a recogniser makes of a window by itself.
pub(super) struct Proposal {
    pub(super) kind: Kind,
    /// Hundredths: structure and check digits.
    pub(super) base: Points,
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
    /// A cue with at most three words between.
    NearCue,
    /// A cue with only fillers between.
    AdjacentCue,
}

/// Recognises one type of number by its digits and how they are written.
struct Recogniser {
    /// Numbers of digits that it is asked about.
    digits: RangeInclusive<usize>,
    /// The cues one of which must be in the text, unless a number can stand for itself.
    needs: Cues,
    propose: fn(&Window<'_>) -> Option<Proposal>,
}

const fn bare(digits: RangeInclusive<usize>, propose: fn(&Window<'_>) -> Option<Proposal>) -> Recogniser {
    Recogniser { digits, needs: Cues::NONE, propose }
}

const fn cued(
    digits: RangeInclusive<usize>,
    kind: Kind,
    propose: fn(&Window<'_>) -> Option<Proposal>,
) -> Recogniser {
    Recogniser { digits, needs: Cues::of(&[kind]), propose }
}

/// The recognisers of plain numbers. A further type is one more entry.
static RECOGNISERS: [Recogniser; 19] = [
    bare(7..=17, phone::propose),
    bare(10..=10, national::saudi),
    cued(10..=10, Kind::SaIqama, national::saudi_border),
    bare(15..=15, national::emirati),
    bare(12..=12, national::kuwaiti_civil),
    cued(11..=11, Kind::QaQid, national::qatari),
    cued(9..=9, Kind::BhCpr, national::bahraini),
    cued(7..=9, Kind::OmCivilId, national::omani),
    bare(14..=14, national::egyptian_national),
    cued(8..=10, Kind::IrNationalCode, national::iranian_code),
    cued(10..=10, Kind::SaCr, business::registration),
    bare(15..=15, business::saudi_tax),
    bare(15..=15, business::emirati_tax),
    bare(12..=19, card::propose),
    cued(12..=26, Kind::Iban, card::propose_account),
    cued(8..=9, Kind::Passport, codes::passport),
    cued(4..=8, Kind::Otp, codes::one_time),
    cued(3..=4, Kind::CardCvv, codes::security),
    cued(3..=6, Kind::CardExpiry, codes::expiry),
];

/// What a number that is not written in digits alone may be, with the cues of its text.
pub(super) fn proposals(window: &Window<'_>, present: Cues) -> impl Iterator<Item = Proposal> {
    let asked =
        move |recogniser: &&Recogniser| recogniser.needs == Cues::NONE || recogniser.needs.meets(present);
    RECOGNISERS
        .iter()
        .filter(|recogniser| recogniser.digits.contains(&window.digits.len()))
        .filter(asked)
        .filter_map(|recogniser| (recogniser.propose)(window))
}

/// Digits of the shortest number that one of the cues makes interesting.
fn min_digits(present: Cues) -> usize {
    if !present.meets(NEEDED) {
        return MIN_DIGITS;
    }
    let needed = |recogniser: &&Recogniser| recogniser.needs == Cues::NONE || recogniser.needs.meets(present);
    RECOGNISERS.iter().filter(needed).map(|recogniser| *recogniser.digits.start()).min().unwrap_or(MIN_DIGITS)
}

/// The cues that some recogniser needs.
const NEEDED: Cues = {
    let mut all = Cues::NONE;
    let mut index = 0;
    while index < RECOGNISERS.len() {
        all = all.with(RECOGNISERS[index].needs);
        index += 1;
    }
    all
};

/// The recognisers of a number of digits, one bit each.
const BY_DIGITS: [u32; MAX_DIGITS + 1] = {
    let mut sets = [0; MAX_DIGITS + 1];
    let mut index = 0;
    while index < RECOGNISERS.len() {
        let mut digits = *RECOGNISERS[index].digits.start();
        while digits <= *RECOGNISERS[index].digits.end() {
            sets[digits] |= 1 << index;
            digits += 1;
        }
        index += 1;
    }
    sets
};

/// Digits of the shortest number that can stand for itself.
const MIN_DIGITS: usize = 7;

/// What the numbers of one cluster are judged by: a cue out of reach says nothing, however much text there is.
pub(super) struct Judge<'t> {
    text: &'t str,
    lexicon: &'t Lexicon,
    /// The cues in reach.
    mentions: &'t [Mention],
    /// What they speak for, taken together.
    near: Cues,
    /// Whether the text has a word for a card anywhere.
    card: bool,
    /// Digits of the shortest number that is looked for.
    pub(super) min: usize,
}

impl<'t> Judge<'t> {
    /// The judge of the numbers in a range; `seen` as [`in_reach`] takes it.
    pub(super) fn near(
        reading: &Reading<'t>,
        lexicon: &'t Lexicon,
        seen: &mut usize,
        range: &Range<usize>,
    ) -> Self {
        let mentions = in_reach(reading.mentions, seen, range);
        let near = mentions.iter().fold(Cues::NONE, |all, mention| all.with(mention.cues));
        let card = reading.present.meets(Kind::CreditCard.into());
        Self { text: reading.text, lexicon, mentions, near, card, min: min_digits(near) }
    }
}

const CUE: Points = 40;
const DISTANT_CUE: Points = 20;
/// A country or a city right before a local number.
const PLACED: Points = 35;
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

impl Judge<'_> {
    /// Adds what a window may be to `findings`.
    pub(super) fn assess(&self, window: &Window<'_>, findings: &mut Vec<Finding>) {
        if window.groups.len() > 1 && window.groups.iter().any(|group| group.decoy) {
            return;
        }
        let mut asked = BY_DIGITS.get(window.digits.len()).copied().unwrap_or(0);
        while asked != 0 {
            let recogniser = &RECOGNISERS[asked.trailing_zeros() as usize];
            asked &= asked - 1;
            if recogniser.needs == Cues::NONE || recogniser.needs.meets(self.near) {
                let proposal = (recogniser.propose)(window);
                findings.extend(proposal.and_then(|proposal| self.score(window, &proposal)));
            }
        }
    }

    /// Whether a country or a city stands right before a number that is as long as a local one of the Gulf.
    fn is_placed(&self, window: &Window<'_>) -> bool {
        let start = window.range().start;
        let ends_here = |mention: &Mention| {
            let between = self.text.get(mention.range.end..start);
            mention.cues.meets(Cues::CITY)
                && between.is_some_and(|between| matches!(between, " " | ": " | ":"))
        };
        window.digits.len() == 8 && self.near.meets(Cues::CITY) && self.mentions.iter().any(ends_here)
    }

    fn score(&self, window: &Window<'_>, proposal: &Proposal) -> Option<Finding> {
        let cued = self.near.meets(proposal.kind.into());
        let placed = !cued && proposal.kind == Kind::Phone && self.is_placed(window);
        let best = proposal.base
            + if cued {
                CUE
            } else if placed {
                PLACED
            } else {
                0
            };
        if best < super::REPORTED || proposal.need != Need::Nothing && !cued {
            return None;
        }
        let context = context(self.text, self.mentions, &window.range(), proposal.kind.into());
        let positive = matches!(context, Context::Positive { .. } | Context::Distant);
        let met = match proposal.need {
            Need::Nothing => true,
            Need::Cue => matches!(context, Context::Positive { .. }),
            // Without a word for a card, what expires may be milk, and is where a word of the shop is near.
            Need::NearCue if proposal.kind == Kind::CardExpiry && !self.card => {
                matches!(context, Context::Positive { words: 0 }) && !self.near.meets(Cues::DECOY)
            }
            Need::NearCue => matches!(context, Context::Positive { words: 0..=3 }),
            Need::AdjacentCue => matches!(context, Context::Positive { words: 0 }),
        };
        let silent = matches!(context, Context::Silent);
        let mut points = proposal.base + context_points(context) + if placed && silent { PLACED } else { 0 };
        // Everything that follows only takes away.
        if !met || points < super::REPORTED {
            return None;
        }
        points += writing(window);
        if !positive {
            points += surroundings(window, self.text);
        }
        if points >= super::REPORTED && is_amount(window, self.text, self.lexicon) {
            points += AMOUNT;
        }
        if points < super::REPORTED {
            return None;
        }
        let mut range = window.range();
        if let Some(plus) = window.plus {
            range = range.start.min(plus)..range.end.max(plus + 1);
        }
        range.start = match proposal.kind {
            Kind::Iban => iban::spelled_country(self.text, range.start),
            _ => opening_bracket(self.text, &range),
        };
        let normal = Normal::Digits(proposal.normal);
        Some(Finding { kind: proposal.kind, range, points, positive, normal })
    }
}

pub(super) const fn context_points(context: Context) -> Points {
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

/// Takes in the bracket of `(055) 123 4567` where only its other half lies inside.
fn opening_bracket(text: &str, range: &Range<usize>) -> usize {
    let inside = &text[range.clone()];
    let half = inside.contains(')') && !inside.contains('(');
    if half && text[..range.start].ends_with('(') { range.start - 1 } else { range.start }
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
    // A comma before an amount separates two fields.
    let separates = |group: &Group| group.gap == Gap::Single(b',') && text[group.end..].starts_with('.');
    let fraction =
        window.after.is_some_and(|group| group.len() <= 2 && is_point(group.gap) && !separates(group));
    // Behind a comma, only a few digits are the rest of an amount; more are the next number of a list.
    let is_fraction = window.before.is_some()
        && match window.groups[0].gap {
            Gap::Single(b'.') => true,
            Gap::Single(b',') => window.digits.len() <= 3,
            _ => false,
        };
    (solid && (fraction || is_fraction))
        || lexicon.unit_at(text, range.end)
        || currency_before(&text[..range.start])
}

fn is_point(gap: Gap) -> bool {
    matches!(gap, Gap::Single(b'.' | b','))
}

/// The digits as they are: the normal form of most numbers.
pub(super) fn digits_only(digits: &[u8]) -> String {
    let mut normal = String::with_capacity(digits.len());
    normal.extend(digits.iter().copied().map(char::from));
    normal
}
