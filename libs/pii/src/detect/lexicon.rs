//! The words that say what a value is, compiled into one trie; the lists are in `cues/`, one cue a line, as people
//! write them.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
use kaleem_placeholder::Kind;

use super::affixes::{is_suffix, joined_behind, letter_at};
use super::context::Mention;
use super::cue::Cues;
use super::names::Given;
use super::secret;
use super::trie::Trie;
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

/// Every list with what its words speak for. A word may be in several; with spaces it also matches without them. A line may
/// be a product, see [`products`].
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
    // Brands and what else is called like a person.
    (Cues::NONE, include_str!("cues/brand.txt")),
    // Known words that must not be taken for the beginning of another cue.
    (Cues::NONE, include_str!("cues/neutral.txt")),
];

/// Units and currencies that make the number before them an amount, one a line.
const UNITS: &str = include_str!("cues/units.txt");

/// Currencies that make the number behind them an amount, folded.
pub(super) const CURRENCIES_BEFORE: [&str; 16] =
    ["$", "€", "£", "﷼", "sar", "sr", "aed", "usd", "kwd", "qar", "bhd", "omr", "egp", "eur", "dhs", "rs"];

/// Spellings of the at sign, with the spaces that belong to them.
const AT: [&str; 24] = [
    "(a)",
    "[a]",
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

/// All cues and units.
pub(super) struct Lexicon {
    trie: Trie,
    /// What each entry of the trie speaks for.
    cues: Vec<Cues>,
    /// What may come before or at the start of an entry, by its first byte.
    classes: [Class; 256],
    units: AhoCorasick,
    given: Given,
}

/// What a byte says about whether a cue starts at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// No cue starts with it.
    Other,
    /// A Latin letter: a cue starts at the first of a word.
    Latin,
    /// The first byte of an Arabic letter: a cue starts at the first of a word, or behind joined particles.
    Arabic,
    /// Starts a cue wherever it stands.
    Mark,
}

impl Lexicon {
    /// Folds and compiles the lists.
    pub(super) fn new() -> Result<Self, Error> {
        let mut patterns: BTreeMap<String, Cues> = BTreeMap::new();
        let mut add = |pattern: String, cues: Cues| {
            let known = patterns.entry(pattern).or_insert(Cues::NONE);
            *known = known.with(cues);
        };
        for (cues, words) in LISTS {
            for pattern in words.lines().flat_map(products).map(|pattern| fold(&pattern)) {
                variants(&pattern).for_each(|variant| add(variant, *cues));
            }
        }
        for spelled in AT {
            // A space before it is taken in when it is found, so that no space has to be looked at.
            add(fold(spelled).trim_start().to_owned(), Cues::AT);
        }
        secret::prefixes().for_each(|prefix| add(fold(prefix), Cues::PREFIX));
        let (patterns, cues): (Vec<String>, Vec<Cues>) = patterns.into_iter().unzip();
        let (trie, classes) = (Trie::new(&patterns), classes(&patterns));
        Ok(Self { trie, classes, cues, units: compile_units()?, given: Given::new() })
    }

    /// Finds the cues that stand as words, and the given names among other words, in order; gives what the cues speak for taken
    /// together.
    pub(super) fn find(
        &self,
        text: &str,
        mentions: &mut Vec<Mention>,
        given: &mut Vec<Range<usize>>,
    ) -> Cues {
        mentions.clear();
        given.clear();
        let bytes = text.as_bytes();
        let mut present = Cues::NONE;
        let (mut at, mut from) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let class = self.classes[usize::from(*byte)];
            if class == Class::Other {
                at += 1;
                continue;
            }
            // Only behind a cue does a word go on: all others are passed as a whole.
            let found = match class {
                _ if at == from && goes_on_in(&bytes[..at], class) => None,
                Class::Arabic => self.in_word(text, from, at),
                _ => self.at(text, from, at),
            };
            if let Some(mention) = found {
                (at, from) = (mention.range.end, mention.range.end);
                present = present.with(mention.cues);
                mentions.push(mention);
                continue;
            }
            let rest = &bytes[at..];
            let len = match class {
                Class::Latin => rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count(),
                Class::Arabic => arabic_len(rest),
                Class::Mark | Class::Other => {
                    at += 1;
                    continue;
                }
            };
            if let Some(start) = self.given.start_in(bytes, at, len) {
                given.push(start..at + len);
            }
            at += len;
        }
        present
    }

    /// The cue in the Arabic word that starts at `at`, behind as few particles as can be.
    #[inline]
    fn in_word(&self, text: &str, from: usize, at: usize) -> Option<Mention> {
        self.at(text, from, at).or_else(|| {
            let bytes = text.as_bytes();
            let joined = joined_behind(letter_at(bytes, at))?;
            joined
                .iter()
                .filter(|rest| {
                    (0..).zip(**rest).all(|(index, letter)| letter_at(bytes, at + 2 + 2 * index) == *letter)
                })
                .find_map(|rest| self.at(text, from, at + 2 + 2 * rest.len()))
        })
    }

    /// The longest cue that starts at `at` and ends as a word does; what is before `from` belongs to the one before.
    #[inline]
    fn at(&self, text: &str, from: usize, at: usize) -> Option<Mention> {
        if self.trie.may_start(text.as_bytes(), at, goes_on) { self.read(text, from, at) } else { None }
    }

    fn read(&self, text: &str, from: usize, at: usize) -> Option<Mention> {
        let bytes = text.as_bytes();
        let marked = |at: usize| bytes[at].is_ascii_punctuation();
        let stands = |entry: usize, end: usize| match self.cues[entry] {
            cues if cues.meets(Cues::AT) => marked(at) || at > from && bytes[at - 1] == b' ',
            cues => cues.meets(Cues::PREFIX) || ends_word(text, &(at..end), cues),
        };
        let (entry, end) = self.trie.longest(bytes, at, goes_on, stands)?;
        let cues = self.cues[entry];
        let start = if cues.meets(Cues::AT) && !marked(at) { at - 1 } else { at };
        Some(Mention { cues, range: start..end })
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

/// The cues of a line: where it is written as `a|b + c|d`, every one of the first with every one of the second.
fn products(line: &str) -> Vec<String> {
    let join = |cues: Vec<String>, words: &str| {
        let next = |cue: String| words.split('|').map(move |word| format!("{cue} {word}"));
        cues.into_iter().flat_map(next).map(|cue| cue.trim_start().to_owned()).collect()
    };
    line.split(" + ").fold(vec![String::new()], join)
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

/// What the first bytes of the entries say about where they start.
fn classes(entries: &[String]) -> [Class; 256] {
    let mut classes = [Class::Other; 256];
    for first in entries.iter().filter_map(|entry| entry.bytes().next()) {
        classes[usize::from(first)] = Class::Mark;
    }
    // Words are passed as a whole, so that each letter counts as one.
    classes[usize::from(b'A')..=usize::from(b'Z')].fill(Class::Latin);
    classes[usize::from(b'a')..=usize::from(b'z')].fill(Class::Latin);
    // Particles may come before a cue.
    classes[0xd8..=0xdb].fill(Class::Arabic);
    classes
}

fn compile_units() -> Result<AhoCorasick, Error> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .start_kind(StartKind::Anchored)
        .build(UNITS.lines().map(fold))
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

/// Whether the first bytes of a word are so many letters that no shorter word ends in them.
fn goes_on(key: [u8; 4]) -> bool {
    // The start of a web token is the one entry of three letters that goes on in its word.
    let letters = |byte: &u8| !byte.is_ascii() || byte.is_ascii_alphabetic() && *byte != b's';
    key[1..].iter().all(letters) && !key.starts_with(b"eyj")
}

/// Whether a match ends as a word, give or take the particles that Arabic and Persian join to one.
fn ends_word(text: &str, range: &Range<usize>, cues: Cues) -> bool {
    let bytes = text.as_bytes();
    let last = bytes[range.end - 1];
    let rest = &bytes[range.end..];
    if last.is_ascii_alphabetic() {
        let rest = if range.len() > 2 { rest.strip_prefix(b"s").unwrap_or(rest) } else { rest };
        !rest.first().is_some_and(u8::is_ascii_alphabetic)
    } else if last < 0x80 || !starts_arabic(rest) {
        true
    } else if range.len() <= BARE_BYTES && cues.meets(WHOLE) {
        false
    } else {
        is_suffix(letters_after(text, range.end))
    }
}

/// Whether an Arabic letter follows, by its first byte.
fn starts_arabic(rest: &[u8]) -> bool {
    matches!(rest.first(), Some(0xd8..=0xdb))
}

/// Bytes of the Arabic letters at the start.
fn arabic_len(rest: &[u8]) -> usize {
    /// The bits that the first bytes of four letters share, and which of them are looked at.
    const LEADS: u64 = u64::from_le_bytes([0xd8, 0, 0xd8, 0, 0xd8, 0, 0xd8, 0]);
    const LOOKED_AT: u64 = u64::from_le_bytes([0xfc, 0, 0xfc, 0, 0xfc, 0, 0xfc, 0]);
    let (words, _) = rest.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let others = (u64::from_le_bytes(*word) & LOOKED_AT) ^ LEADS;
        if others != 0 {
            return 8 * index + others.trailing_zeros() as usize / 16 * 2;
        }
    }
    let tail = 8 * words.len();
    tail + 2 * rest[tail..].chunks(2).take_while(|letter| starts_arabic(letter)).count()
}

/// Whether the bytes end in a word that a letter of a class goes on.
fn goes_on_in(head: &[u8], class: Class) -> bool {
    match class {
        Class::Latin => head.last().is_some_and(u8::is_ascii_alphabetic),
        Class::Arabic => ends_arabic(head),
        Class::Mark | Class::Other => false,
    }
}

/// Whether an Arabic letter ends the bytes.
fn ends_arabic(head: &[u8]) -> bool {
    matches!(head, [.., 0xd8..=0xdb, 0x80..=0xbf])
}

/// Whether a folded character is an Arabic or Persian letter.
pub(super) const fn is_arabic(character: char) -> bool {
    matches!(character, '\u{620}'..='\u{65f}' | '\u{66e}'..='\u{6d3}' | '\u{6d5}' | '\u{6fa}'..='\u{6ff}')
}

/// The Arabic letters right behind `at`, at most six.
fn letters_after(text: &str, at: usize) -> &str {
    let len: usize =
        text[at..].chars().take(6).take_while(|letter| is_arabic(*letter)).map(char::len_utf8).sum();
    &text[at..at + len]
}
