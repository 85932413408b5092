//! International bank account numbers: length by country, check by ISO 7064 mod 97-10.

use std::ops::Range;

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::cluster::MAX_DIGITS;
use super::context::{Context, Mention, context};
use super::{Finding, Normal, Points, REPORTED};

/// The check passes.
const VALID: Points = 95;
/// The check passes for a part of a longer word, which may be the tail of another number.
const VALID_GLUED: Points = 85;
/// The check fails: a typing error, or something else.
const INVALID: Points = 20;
const CUE: Points = 40;
const DECOY: Points = -15;

/// Bytes that may lie between two characters.
const MAX_GAP: usize = 3;

/// Countries with the length of their numbers: the SWIFT registry, and Iran, which is not in it.
const LENGTHS: &[(&[u8; 2], u8)] = &[
    (b"sa", 24),
    (b"ae", 23),
    (b"kw", 30),
    (b"qa", 29),
    (b"bh", 22),
    (b"om", 23),
    (b"eg", 29),
    (b"jo", 30),
    (b"iq", 23),
    (b"lb", 28),
    (b"tr", 26),
    (b"ps", 29),
    (b"ir", 26),
    (b"ye", 30),
    (b"ly", 25),
    (b"sd", 18),
    (b"tn", 24),
    (b"mr", 27),
    (b"dj", 27),
    (b"so", 23),
    (b"dz", 26),
    (b"ma", 28),
    (b"pk", 24),
    (b"az", 28),
    (b"il", 23),
    (b"ad", 24),
    (b"al", 28),
    (b"at", 20),
    (b"ba", 20),
    (b"be", 16),
    (b"bg", 22),
    (b"br", 29),
    (b"by", 28),
    (b"ch", 21),
    (b"cr", 22),
    (b"cy", 28),
    (b"cz", 24),
    (b"de", 22),
    (b"dk", 18),
    (b"do", 28),
    (b"ee", 20),
    (b"es", 24),
    (b"fi", 18),
    (b"fo", 18),
    (b"fr", 27),
    (b"gb", 22),
    (b"ge", 22),
    (b"gi", 23),
    (b"gl", 18),
    (b"gr", 27),
    (b"gt", 28),
    (b"hr", 21),
    (b"hu", 28),
    (b"ie", 22),
    (b"is", 26),
    (b"it", 27),
    (b"kz", 20),
    (b"lc", 32),
    (b"li", 21),
    (b"lt", 20),
    (b"lu", 20),
    (b"lv", 21),
    (b"mc", 27),
    (b"md", 24),
    (b"me", 22),
    (b"mk", 19),
    (b"mn", 20),
    (b"mt", 31),
    (b"mu", 30),
    (b"nl", 18),
    (b"no", 15),
    (b"pl", 28),
    (b"pt", 25),
    (b"ro", 24),
    (b"rs", 22),
    (b"ru", 33),
    (b"sc", 31),
    (b"se", 24),
    (b"si", 19),
    (b"sk", 24),
    (b"sm", 27),
    (b"st", 25),
    (b"sv", 28),
    (b"tl", 23),
    (b"ua", 29),
    (b"va", 22),
    (b"vg", 24),
    (b"xk", 20),
];

/// Letters and digits of one candidate with where they stand.
struct Read {
    characters: Zeroizing<String>,
    end: usize,
    /// Digits among the characters.
    digits: usize,
}

/// Looks for an IBAN whose first check digit starts a digit group at `at`, and gives it.
pub(super) fn find(text: &str, at: usize, mentions: &[Mention]) -> Option<Finding> {
    let bytes = text.as_bytes();
    let (country, start, length) = country_before(bytes, at)?;
    let glued = start > 0 && bytes[start - 1].is_ascii_alphanumeric();
    // `tax reg 1008…` ends in a country; what is glued must at least stand together.
    let together = !glued || at - start == country.len();
    // In those of every country most are digits; words behind a number pass the check by chance.
    let valid = |read: &Read| together && read.digits * 2 > length && mod97(read.characters.as_bytes());
    if let Some(read) = read(bytes, country, at, length).filter(valid) {
        let points = if glued { VALID_GLUED } else { VALID };
        return Some(finding(start..read.end, points, false, read.characters));
    }
    if glued {
        return None;
    }
    // A mistyped number may be too short or too long: take what is written as one.
    let read = read_loose(bytes, country, at)?;
    let near = (length - 4..=length + 2).contains(&read.characters.len()) && read.digits * 2 > length;
    let cues = Kind::Iban.into();
    let context = context(text, mentions, &(start..read.end), cues);
    // In a form so long, a word anywhere in the message is about it.
    let spoken_of =
        || read.characters.len() == length && mentions.iter().any(|mention| mention.cues.meets(cues));
    let (points, positive) = match context {
        Context::Positive { .. } | Context::Distant => (INVALID + CUE, true),
        Context::Negative { .. } => (INVALID + DECOY, false),
        Context::Silent | Context::Other if near && spoken_of() => (INVALID + CUE, true),
        Context::Silent | Context::Other => (INVALID, false),
    };
    (near && points >= REPORTED).then(|| finding(start..read.end, points, positive, read.characters))
}

fn finding(range: Range<usize>, points: Points, positive: bool, normal: Zeroizing<String>) -> Finding {
    Finding { kind: Kind::Iban, range, points, positive, normal: Normal::Written(normal) }
}

/// Where a country begins that is spelled in Arabic letter by letter before the digits at `at`: «اس ايه ٤٤».
pub(super) fn spelled_country(text: &str, at: usize) -> usize {
    const LETTERS: [&str; 17] = [
        "اس",
        "ايه",
        "اي",
        "ايي",
        "كي",
        "دبليو",
        "دبليوه",
        "كيو",
        "بي",
        "اتش",
        "او",
        "ام",
        "جي",
        "جيه",
        "ال",
        "ان",
        "ار",
    ];
    let words = text[..at].trim_end_matches([' ', '-', '.']);
    let (before, second) = words.rsplit_once([' ', '-', '.']).unwrap_or(("", words));
    let first = before.rsplit([' ', '-', '.', ':', '\n']).next().unwrap_or(before);
    let spelled = LETTERS.contains(&first) && LETTERS.contains(&second);
    if spelled { before.len() - first.len() } else { at }
}

/// Whether the digits at `at` stand behind a country that issues IBANs.
pub(super) fn may_start(bytes: &[u8], at: usize) -> bool {
    country_before(bytes, at).is_some()
}

/// Reads the country before `at`, where it starts, and the length of its numbers. Each letter may be followed by one
/// separator.
fn country_before(bytes: &[u8], at: usize) -> Option<([u8; 2], usize, usize)> {
    let (second, place) = letter_before(bytes, at)?;
    let (first, start) = letter_before(bytes, place)?;
    let length = LENGTH_BY_COUNTRY[usize::from(first & 0x1f)][usize::from(second & 0x1f)];
    (length > 0).then_some(([first, second], start, usize::from(length)))
}

/// The lengths by the last five bits of both letters; zero where no country has them.
const LENGTH_BY_COUNTRY: [[u8; 32]; 32] = {
    let mut table = [[0; 32]; 32];
    let mut index = 0;
    while index < LENGTHS.len() {
        let (code, length) = LENGTHS[index];
        let [first, second] = *code;
        table[(first & 0x1f) as usize][(second & 0x1f) as usize] = length;
        index += 1;
    }
    table
};

fn letter_before(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let mut place = at.checked_sub(1)?;
    if is_separator(bytes[place]) {
        place = place.checked_sub(1)?;
    }
    bytes[place].is_ascii_alphabetic().then_some((bytes[place], place))
}

/// Reads exactly `length` characters from the country on, over separators.
fn read(bytes: &[u8], country: [u8; 2], at: usize, length: usize) -> Option<Read> {
    let mut read = Read::new(country, at);
    while read.characters.len() < length {
        read.step(bytes, |_, _| true)?;
    }
    // Two check digits follow the country.
    read.characters.as_bytes()[2..4].iter().all(u8::is_ascii_digit).then_some(read)
}

/// Reads what is written as one number: stops before a group that begins with a letter.
fn read_loose(bytes: &[u8], country: [u8; 2], at: usize) -> Option<Read> {
    let mut read = Read::new(country, at);
    while read.characters.len() <= MAX_DIGITS + 8 {
        let at_bank = read.characters.len() == 4;
        if read.step(bytes, |byte, gap| gap == 0 || byte.is_ascii_digit() || at_bank).is_none() {
            break;
        }
    }
    (read.digits > 0).then_some(read)
}

impl Read {
    fn new([first, second]: [u8; 2], at: usize) -> Self {
        let characters = [first, second].map(|letter| char::from(letter.to_ascii_uppercase()));
        let mut normal = String::with_capacity(40);
        normal.extend(characters);
        Self { characters: Zeroizing::new(normal), end: at, digits: 0 }
    }

    /// Takes the next letter or digit if `accept` takes it with the length of the gap before it.
    fn step(&mut self, bytes: &[u8], accept: impl Fn(u8, usize) -> bool) -> Option<()> {
        let rest = &bytes[self.end..];
        let gap = rest.iter().take(MAX_GAP).take_while(|byte| is_separator(**byte)).count();
        let byte = *rest.get(gap).filter(|byte| byte.is_ascii_alphanumeric() && accept(**byte, gap))?;
        self.characters.push(char::from(byte.to_ascii_uppercase()));
        self.digits += usize::from(byte.is_ascii_digit());
        self.end += gap + 1;
        Some(())
    }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'_' | b'\n' | b',' | b'*' | b'|')
}

/// The check of ISO 7064: the number with its first four characters last, letters as 10 to 35, is 1 modulo 97.
fn mod97(characters: &[u8]) -> bool {
    let (head, tail) = characters.split_at(characters.len().min(4));
    let remainder = tail.iter().chain(head).fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Folded;

    fn found(text: &str) -> Option<(String, Points)> {
        let mut folded = Folded::default();
        folded.refill("", text, &[]);
        let at = folded.text().find(|character: char| character.is_ascii_digit())?;
        let lexicon = crate::detect::lexicon::Lexicon::new().unwrap();
        let mut mentions = Vec::new();
        lexicon.find(folded.text(), &mut mentions, &mut Vec::new());
        let finding = find(folded.text(), at, &mentions)?;
        Some((text[folded.original(&finding.range)].to_owned(), finding.points))
    }

    #[test]
    fn published_examples_are_valid() {
        for text in [
            "SA0380000000608010167519",
            "sa03 8000 0000 6080 1016 7519",
            "S A 0 3 8 0 0 0 0 0 0 0 6 0 8 0 1 0 1 6 7 5 1 9",
            "AE070331234567890123456",
            "KW81CBKU0000000000001234560101",
            "QA58DOHB00001234567890ABCDEFG",
            "BH67BMAG00001299123456",
            "OM810180000001299123456",
            "EG380019000500000000263180002",
            "JO94CBJO0010000000000131000302",
            "IQ98NBIQ850123456789012",
            "GB29-NWBK-6016-1331-9268-19",
            "SA٠٣٨٠٠٠٠٠٠٠٦٠٨٠١٠١٦٧٥١٩",
        ] {
            assert_eq!(found(text), Some((text.to_owned(), VALID)), "{text}");
        }
    }

    #[test]
    fn a_failed_check_needs_a_cue() {
        assert_eq!(found("SA0380000000608010167518"), None);
        assert_eq!(
            found("ايبان: SA03 8000 0000 6080 1016 7518 شكرا").map(|found| found.0),
            Some("SA03 8000 0000 6080 1016 7518".to_owned())
        );
        assert_eq!(
            found("my iban SA038000000060801016751 thanks").map(|found| found.0),
            Some("SA038000000060801016751".to_owned())
        );
    }

    #[test]
    fn words_around_are_left() {
        let text = "حول على SA0380000000608010167519 وشكرا";
        assert_eq!(found(text).map(|found| found.0), Some("SA0380000000608010167519".to_owned()));
    }
}
