//! The words that say what a value is, compiled into one automaton; the lists are in `cues/`, one cue a line, as people
//! write them.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
use kaleem_placeholder::Kind;

use super::context::Mention;
use super::cue::Cues;
use super::secret;
use crate::Error;
use crate::fold::fold;

/// Identity numbers of every country, for words that name none.
const IDENTITY: Cues = Cues::of(&[
    Kind::SaNationalId,
    Kind::SaIqama,
    Kind::AeEmiratesId,
    Kind::KwCivilId,
    Kind::QaQid,
    Kind::BhCpr,
    Kind::OmCivilId,
    Kind::EgNationalId,
    Kind::IrNationalCode,
]);

/// Every list with what its words speak for. A word may be in several; with spaces it also matches without them.
const LISTS: &[(Cues, &str)] = &[
    (Cues::of(&[Kind::Phone]), include_str!("cues/phone.txt")),
    (IDENTITY, include_str!("cues/identity.txt")),
    (Cues::of(&[Kind::SaNationalId, Kind::SaIqama]), include_str!("cues/saudi.txt")),
    (Cues::of(&[Kind::AeEmiratesId]), include_str!("cues/emirates.txt")),
    (Cues::of(&[Kind::KwCivilId, Kind::OmCivilId]), include_str!("cues/civil.txt")),
    (Cues::of(&[Kind::QaQid]), include_str!("cues/qatar.txt")),
    (Cues::of(&[Kind::BhCpr]), include_str!("cues/bahrain.txt")),
    (Cues::of(&[Kind::BhCpr, Kind::QaQid]), include_str!("cues/personal.txt")),
    (Cues::of(&[Kind::OmCivilId]), include_str!("cues/oman.txt")),
    (Cues::of(&[Kind::EgNationalId]), include_str!("cues/egypt.txt")),
    (Cues::of(&[Kind::IrNationalCode]), include_str!("cues/iran.txt")),
    (Cues::of(&[Kind::Passport]), include_str!("cues/passport.txt")),
    (Cues::of(&[Kind::SaCr]), include_str!("cues/registration.txt")),
    (Cues::of(&[Kind::SaVat, Kind::AeTrn]), include_str!("cues/tax.txt")),
    (Cues::of(&[Kind::Iban]), include_str!("cues/account.txt")),
    (Cues::of(&[Kind::CreditCard]), include_str!("cues/card.txt")),
    (Cues::of(&[Kind::CardCvv]), include_str!("cues/cvv.txt")),
    (Cues::of(&[Kind::CardExpiry]), include_str!("cues/expiry.txt")),
    (Cues::of(&[Kind::Otp]), include_str!("cues/otp.txt")),
    (Cues::of(&[Kind::Email]), include_str!("cues/email.txt")),
    (Cues::of(&[Kind::DateOfBirth]), include_str!("cues/birth.txt")),
    (Cues::of(&[Kind::SaShortAddress]), include_str!("cues/short_address.txt")),
    (Cues::of(&[Kind::Address]), include_str!("cues/address.txt")),
    (Cues::PLACE, include_str!("cues/place.txt")),
    (Cues::CITY, include_str!("cues/city.txt")),
    (Cues::of(&[Kind::Person]), include_str!("cues/person.txt")),
    (Cues::TITLE, include_str!("cues/title.txt")),
    (Cues::TITLE.with(Cues::LOOSE), include_str!("cues/loose.txt")),
    (Cues::SIGNED, include_str!("cues/signed.txt")),
    (Cues::PASSWORD, include_str!("cues/password.txt")),
    (Cues::of(&[Kind::Secret]), include_str!("cues/secret.txt")),
    (Cues::of(&[Kind::CryptoWallet]), include_str!("cues/wallet.txt")),
    (Cues::of(&[Kind::IpAddress, Kind::MacAddress]), include_str!("cues/network.txt")),
    (Cues::VERSION, include_str!("cues/version.txt")),
    (Cues::DIGIT, include_str!("cues/digit.txt")),
    (Cues::CLOSER, include_str!("cues/closer.txt")),
    (Cues::DECOY, include_str!("cues/decoy.txt")),
    // Known words that must not be taken for the beginning of another cue.
    (Cues::NONE, include_str!("cues/neutral.txt")),
];

/// Units and currencies that make the number before them an amount, one a line.
const UNITS: &str = include_str!("cues/units.txt");

/// Currencies that make the number behind them an amount, folded.
pub(super) const CURRENCIES_BEFORE: [&str; 16] =
    ["$", "€", "£", "﷼", "sar", "sr", "aed", "usd", "kwd", "qar", "bhd", "omr", "egp", "eur", "dhs", "rs"];

/// Spellings of the at sign, with the spaces that belong to them.
const AT: [&str; 22] = [
    "(at)",
    "[at]",
    "{at}",
    "<at>",
    "( at )",
    "[ at ]",
    "(@)",
    "[@]",
    "{@}",
    "_at_",
    "-at-",
    " at ",
    " ات ",
    " آت ",
    "(ات)",
    "(آت)",
    "[ات]",
    "[آت]",
    " ايت ",
    " علامة ات ",
    "(ايت)",
    " اد ساين ",
];

/// Arabic letters that may stand before a cue in one word, folded.
const PREFIXES: [&str; 18] = [
    "", "ال", "و", "ف", "ب", "ل", "ك", "وال", "بال", "لل", "فال", "كال", "ول", "وب", "ولل", "وبال", "ه",
    "هال",
];

/// Arabic and Persian letters that may follow a cue in one word, folded.
pub(super) const SUFFIXES: [&str; 31] = [
    "", "ي", "ك", "ه", "ها", "نا", "كم", "كن", "هم", "تي", "تك", "ته", "تها", "تنا", "تكم", "ات", "اتي",
    "ين", "ني", "وا", "وني", "ام", "م", "ت", "ش", "مان", "تان", "هاي", "هايم", "يم", "يه",
];

/// The automata over all cues and units.
pub(super) struct Lexicon {
    automaton: AhoCorasick,
    cues: Vec<Cues>,
    units: AhoCorasick,
}

impl Lexicon {
    /// Folds and compiles the lists.
    pub(super) fn new() -> Result<Self, Error> {
        let mut patterns: HashMap<String, Cues> = HashMap::new();
        let mut add = |pattern: String, cues: Cues| {
            let known = patterns.entry(pattern).or_insert(Cues::NONE);
            *known = known.with(cues);
        };
        for (cues, words) in LISTS {
            for pattern in words.lines().map(fold) {
                variants(&pattern).for_each(|variant| add(variant, *cues));
            }
        }
        for spelled in AT {
            add(fold(spelled), Cues::AT);
        }
        secret::prefixes().for_each(|prefix| add(fold(prefix), Cues::PREFIX));
        let (patterns, cues): (Vec<String>, Vec<Cues>) = patterns.into_iter().unzip();
        Ok(Self {
            automaton: compile(patterns, StartKind::Unanchored)?,
            cues,
            units: compile(UNITS.lines().map(fold), StartKind::Anchored)?,
        })
    }

    /// Finds the cues that stand as words, in order; gives what they speak for taken together.
    pub(super) fn find(&self, text: &str, mentions: &mut Vec<Mention>) -> Cues {
        mentions.clear();
        let mut present = Cues::NONE;
        for found in self.automaton.find_iter(text) {
            let cues = self.cues[found.pattern().as_usize()];
            let bare = cues.meets(Cues::AT.with(Cues::PREFIX));
            if bare || stands_as_word(text, &found.range(), cues) {
                present = present.with(cues);
                mentions.push(Mention { cues, range: found.range() });
            }
        }
        present
    }

    /// Whether a unit or currency stands at `at`, after at most two spaces.
    pub(super) fn unit_at(&self, text: &str, at: usize) -> bool {
        let spaces = text.as_bytes()[at..].iter().take(2).take_while(|byte| **byte == b' ').count();
        let input = Input::new(text).range(at + spaces..).anchored(Anchored::Yes);
        self.units.find(input).is_some_and(|found| {
            let rest = &text[found.end()..];
            !rest.chars().next().is_some_and(|next| next.is_ascii_alphanumeric() || is_arabic(next))
        })
    }
}

/// A cue, also without its spaces or with the joints of keys for them, each also with its final taa marbuta open, as before a
/// possessive.
fn variants(pattern: &str) -> impl Iterator<Item = String> {
    let open = pattern.strip_suffix('ه').map(|stem| format!("{stem}ت"));
    let joints: &[&str] = if pattern.is_ascii() { &["", "_"] } else { &[""] };
    let mut forms: Vec<String> = [Some(pattern.to_owned()), open].into_iter().flatten().collect();
    let spaced: Vec<String> = forms.iter().filter(|form| form.contains(' ')).cloned().collect();
    forms.extend(joints.iter().flat_map(|joint| spaced.iter().map(move |form| form.replace(' ', joint))));
    forms.into_iter()
}

fn compile(patterns: impl IntoIterator<Item = String>, start: StartKind) -> Result<AhoCorasick, Error> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        // Words begin with letters that are everywhere, so that skipping to one costs more than it saves.
        .prefilter(false)
        .start_kind(start)
        .build(patterns)
        .map_err(Error::Lexicon)
}

/// Bytes of the longest word that begins so many others that it must stand alone, if it is one of [`WHOLE`].
const BARE_BYTES: usize = 6;
/// Cues that nobody writes with a possessive.
const WHOLE: Cues = Cues::DIGIT
    .with(Cues::PLACE)
    .with(Cues::CITY)
    .with(Cues::TITLE)
    .with(Cues::SIGNED)
    .with(Cues::CLOSER)
    .with(Cues::VERSION);

/// Whether a match is a word, give or take the particles that Arabic and Persian join to one.
fn stands_as_word(text: &str, range: &Range<usize>, cues: Cues) -> bool {
    let bytes = text.as_bytes();
    let (first, last) = (bytes[range.start], bytes[range.end - 1]);
    let rest = &bytes[range.end..];
    let ends = if last.is_ascii_alphabetic() {
        let rest = if range.len() > 2 { rest.strip_prefix(b"s").unwrap_or(rest) } else { rest };
        !rest.first().is_some_and(u8::is_ascii_alphabetic)
    } else if last < 0x80 || !starts_arabic(rest) {
        true
    } else if range.len() <= BARE_BYTES && cues.meets(WHOLE) {
        false
    } else {
        SUFFIXES.contains(&letters_after(text, range.end))
    };
    if !ends {
        return false;
    }
    let head = &bytes[..range.start];
    if first < 0x80 {
        !first.is_ascii_alphabetic() || !head.last().is_some_and(u8::is_ascii_alphabetic)
    } else if !ends_arabic(head) {
        true
    } else {
        PREFIXES.contains(&letters_before(text, range.start))
    }
}

/// Whether an Arabic letter follows, by its first byte.
fn starts_arabic(rest: &[u8]) -> bool {
    matches!(rest.first(), Some(0xd8..=0xdb))
}

/// Whether an Arabic letter ends the bytes.
fn ends_arabic(head: &[u8]) -> bool {
    matches!(head, [.., 0xd8..=0xdb, 0x80..=0xbf])
}

/// Whether a folded character is an Arabic or Persian letter.
pub(super) const fn is_arabic(character: char) -> bool {
    matches!(character, '\u{620}'..='\u{65f}' | '\u{66e}'..='\u{6d3}' | '\u{6d5}' | '\u{6fa}'..='\u{6ff}')
}

/// The Arabic letters right before `at`, at most five.
fn letters_before(text: &str, at: usize) -> &str {
    let len: usize =
        text[..at].chars().rev().take(5).take_while(|letter| is_arabic(*letter)).map(char::len_utf8).sum();
    &text[at - len..at]
}

/// The Arabic letters right behind `at`, at most six.
fn letters_after(text: &str, at: usize) -> &str {
    let len: usize =
        text[at..].chars().take(6).take_while(|letter| is_arabic(*letter)).map(char::len_utf8).sum();
    &text[at..at + len]
}
