//! Postal addresses: behind a word for one, or where several parts of one stand together; and places on the globe.

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::context::Mention;
use super::cue::Cues;
use super::lexicon::is_arabic;
use super::reading::{Reading, words};
use super::{Finding, Points};

const CUED: Points = 65;
const UNCUED: Points = 60;
const PART: Points = 5;
/// More than a card has whose digits happen to be the same.
const COORDINATES: Points = 85;
/// Characters of the longest address.
const MAX_CHARS: usize = 200;
/// Characters from the start of a city to the first part of an address in it.
const QUARTER_CHARS: usize = 32;
/// Words before an English street that belong to its name.
const NAME_WORDS: usize = 4;

/// Parts that with a number behind them are an address by themselves.
const BOXES: [&str; 8] =
    ["ص.ب", "ص. ب", "ص ب", "صندوق بريد", "صندوق البريد", "po box", "p.o. box", "p.o.box"];

/// Adds the addresses of a text.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    let mut done = reading.folded.body();
    for mention in reading.cues(Cues::from(Kind::Address).with(Cues::PLACE)) {
        if mention.range.start < done {
            continue;
        }
        let found = if mention.cues.meets(Kind::Address.into()) {
            cued(reading, mention)
        } else {
            uncued(reading, mention)
        };
        if let Some(finding) = found {
            done = finding.range.end;
            findings.push(finding);
        }
    }
}

/// Reads the address behind a word for one.
fn cued(reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
    let from = first_component(reading, mention.range.end);
    let range = from..clause_end(reading, from);
    let parts = Parts::of(reading, &range);
    let enough = parts.places > 1
        || parts.number && parts.places + parts.cities > 0
        || parts.cities > 1 && !is_list(reading, &range);
    // `your address in Jeddah` asks; what is told has a place and something about it.
    let told = enough && words(&reading.text[range.clone()]) >= 2 && range.start >= reading.folded.body();
    let points = CUED + PART * parts.places.min(4);
    told.then(|| Finding::folded(Kind::Address, range, points))
}

/// Whether a city is joined to the one before it, as where a shop delivers to is told: `Riyadh and Jeddah`.
fn is_list(reading: &Reading<'_>, range: &Range<usize>) -> bool {
    const JOINTS: [&str; 6] = [" و", " و ", " and ", " or ", " يا ", " او "];
    let is_joined = |mention: &Mention| {
        let before = &reading.text[..mention.range.start];
        mention.cues.meets(Cues::CITY) && JOINTS.iter().any(|joint| before.ends_with(joint))
    };
    reading.mentions_in(range).iter().any(is_joined)
}

/// Reads the address whose first part is named without a word for an address.
fn uncued(reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
    let near = mention.range.start..mention.range.start + MAX_CHARS;
    let parts = reading.mentions_in(&near).iter().filter(|mention| is_place(mention)).count();
    if parts < 2 && !BOXES.contains(&&reading.text[mention.range.clone()]) {
        return None;
    }
    let from = street_start(reading, mention);
    let range = from..clause_end(reading, from);
    let parts = Parts::of(reading, &range);
    let word = &reading.text[mention.range.clone()];
    let boxed = BOXES.contains(&word) && parts.number;
    let enough = boxed || parts.places >= 2 && parts.number || parts.places >= 3;
    (enough && range.start >= reading.folded.body())
        .then(|| Finding::folded(Kind::Address, range, UNCUED + PART * parts.places.min(3)))
}

/// What an address is made of.
struct Parts {
    places: Points,
    cities: Points,
    /// Whether there is a number.
    number: bool,
}

impl Parts {
    /// Whether a segment with these parts is of an address.
    fn is_of_address(&self) -> bool {
        self.places + self.cities > 0 || self.number
    }

    fn of(reading: &Reading<'_>, range: &Range<usize>) -> Self {
        let mut parts = Self { places: 0, cities: 0, number: false };
        for mention in reading.mentions_in(range) {
            parts.places += Points::from(is_place(mention));
            parts.cities += Points::from(mention.cues.meets(Cues::CITY) && !mention.cues.meets(Cues::PLACE));
        }
        parts.number = reading.text[range.clone()].bytes().any(|byte| byte.is_ascii_digit());
        parts
    }
}

/// Whether a word is of a place and no digit: the Persian word for a flat is `one` in Arabic.
fn is_place(mention: &Mention) -> bool {
    mention.cues.meets(Cues::PLACE) && !mention.cues.meets(Cues::DIGIT)
}

/// Passes over what stands between a word for an address and the address.
fn first_component(reading: &Reading<'_>, from: usize) -> usize {
    const FILLERS: [&str; 21] = [
        "هو",
        "الي",
        "هي",
        "في",
        "ب",
        "ي",
        "نا",
        "على",
        "علي",
        "الجديد",
        "الحالي",
        "is",
        "in",
        "at",
        "to",
        "the",
        "من",
        "در",
        "است",
        "حقي",
        "كالتالي",
    ];
    let mut at = from;
    for _ in 0..4 {
        let rest = &reading.text[at..];
        at += rest.len()
            - rest.trim_start_matches([' ', ':', '=', '"', '\'', '-', '\n', '*', '«', ',', '.']).len();
        let rest = &reading.text[at..];
        let is_letter = |character: char| is_arabic(character) || character.is_alphabetic();
        let word = rest.find(|character: char| !is_letter(character)).unwrap_or(rest.len());
        if !FILLERS.contains(&&rest[..word]) {
            break;
        }
        at += word;
    }
    at
}

/// Goes back from `street` over its name and number: `12 king fahd street`; from any part over a number or a city.
fn street_start(reading: &Reading<'_>, mention: &Mention) -> usize {
    const STOPS: [&str; 16] = [
        "in", "at", "on", "to", "is", "the", "my", "live", "from", "near", "and", "for", "of", "a", "your",
        "address",
    ];
    let body = reading.folded.body();
    let latin = reading.text.as_bytes()[mention.range.start].is_ascii_alphabetic();
    let mut from = mention.range.start.max(body);
    for _ in 0..NAME_WORDS {
        let head = reading.text[body..from].trim_end_matches(' ');
        // A city before a comma is the beginning: `تهران، خیابان …`.
        let listed = head.ends_with(',');
        let head = head.trim_end_matches(',');
        let fits = |character: &char| !is_mark(*character) || matches!(character, '\'' | '-');
        let len: usize = head.chars().rev().take_while(fits).map(char::len_utf8).sum();
        let word = body + head.len() - len..body + head.len();
        let text = &reading.text[word.clone()];
        let number = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let city = reading.mentions_in(&word).iter().any(|mention| mention.cues.meets(Cues::CITY));
        if text.is_empty()
            || STOPS.contains(&text)
            || !(city || !listed && (number || latin && text.is_ascii()))
        {
            break;
        }
        from = word.start;
    }
    city_before(reading, from).unwrap_or(from)
}

/// Where a city starts that stands before `from` with a quarter between that no list has: `بيروت، الحمرا، شارع …`.
fn city_before(reading: &Reading<'_>, from: usize) -> Option<usize> {
    let window = from - reading.behind(from, QUARTER_CHARS).len()..from;
    let city = reading.mentions_in(&window).last().filter(|mention| mention.cues.meets(Cues::CITY))?;
    let between = &reading.text[city.range.end..from];
    let fits = |character: char| is_arabic(character) || matches!(character, ' ' | ',' | '-');
    let quarter = between.chars().all(fits) && words(between) <= 2 && between.contains([' ', ',']);
    (quarter && city.range.start >= reading.folded.body()).then_some(city.range.start)
}

/// Where the clause ends that starts at `from`.
fn clause_end(reading: &Reading<'_>, from: usize) -> usize {
    let limit = reading.text.floor_char_boundary(reading.text.len().min(from + 4 * MAX_CHARS));
    let sentence = &reading.text[from..limit];
    let sentence = &sentence[..sentence_len(sentence)];
    let longer = sentence.len() > MAX_CHARS;
    let most = if longer { sentence.char_indices().nth(MAX_CHARS) } else { None };
    let mut end = from + most.map_or(sentence.len(), |(end, _)| end);
    // The next thing that is told: a number to call, a name.
    let others = Cues::PLACE
        .with(Cues::CITY)
        .with(Kind::Address.into())
        .with(Cues::DIGIT)
        .with(Cues::TITLE)
        .with(Kind::SaShortAddress.into());
    let next = reading.mentions_in(&(from..end)).iter().find(|mention| {
        let told = !mention.cues.meets(others) && mention.cues != Cues::NONE;
        (told || mention.cues.meets(Cues::CLOSER)) && !is_of_name(reading, mention)
    });
    if let Some(next) = next {
        end = next.range.start;
    }
    end = segments_end(reading, from..end);
    let text = reading.text[from..end].trim_end_matches(is_mark);
    // A joining letter that is left over belongs to what was cut off.
    let text = text.strip_suffix(" و").or_else(|| text.strip_suffix(" and")).unwrap_or(text);
    from + text.trim_end_matches(is_mark).len()
}

/// Whether a folded character is neither a letter nor a digit.
fn is_mark(character: char) -> bool {
    !is_arabic(character) && !character.is_alphanumeric()
}

/// Whether a word that has another meaning stands in the name of a street, as in `شارع سعد بن أبي وقاص`.
fn is_of_name(reading: &Reading<'_>, mention: &Mention) -> bool {
    const PARTS: [&str; 6] = ["بن", "ابن", "شارع", "طريق", "حي", "مسجد"];
    let before = reading.behind(mention.range.start, 8).trim_end_matches(' ');
    let word = before.rsplit(is_mark).next().unwrap_or(before);
    PARTS.contains(&word)
}

/// The length up to the end of the sentence: a full stop behind a longer word, a question, an empty line.
fn sentence_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let ends = |at: &usize| match bytes[*at] {
        b'?' | b'!' | b';' | b'"' | b'}' | b'<' | crate::fold::OPAQUE => true,
        b'\n' => bytes.get(at + 1) == Some(&b'\n'),
        b'.' => {
            let followed = matches!(bytes.get(at + 1), None | Some(b' ' | b'\n'));
            let word = text[..*at].chars().rev().take_while(|character| !is_mark(*character)).count();
            followed && (word > 4 || at + 1 == bytes.len() || bytes[at - 1].is_ascii_digit())
        }
        _ => false,
    };
    (1..bytes.len()).find(ends).unwrap_or(bytes.len())
}

/// Where the segments between commas and line breaks end that are of an address: each names a part, a city or a number.
fn segments_end(reading: &Reading<'_>, range: Range<usize>) -> usize {
    let bytes = &reading.text.as_bytes()[..range.end];
    let segment_at = |from: usize| {
        let rest = &bytes[from.min(range.end)..];
        from..memchr::memchr3(b',', b'\n', b'|', rest).map_or(range.end, |len| from + len)
    };
    let mut segment = segment_at(range.start);
    let mut parts = Parts::of(reading, &segment);
    while segment.end + 1 < range.end {
        let next = segment_at(segment.end + 1);
        let following = Parts::of(reading, &next);
        // A quarter that no list has stands between two that are of the address.
        let leads_on =
            || following.cities + following.places > 0 && words(&reading.text[segment.clone()]) <= 3;
        if segment.start > range.start && !parts.is_of_address() && !leads_on() {
            return segment.start - 1;
        }
        (segment, parts) = (next, following);
    }
    if segment.start > range.start && !parts.is_of_address() { segment.start - 1 } else { range.end }
}

/// Adds pairs of a latitude and a longitude with at least four decimals, which say where somebody lives.
pub(super) fn find_coordinates(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    if !reading.marks.have([b'.']) {
        return;
    }
    let bytes = reading.text.as_bytes();
    let mut first: Option<(Range<usize>, f64)> = None;
    let mut from = reading.folded.body();
    while let Some(dot) = memchr::memchr(b'.', &bytes[from..]).map(|at| from + at) {
        from = dot + 1;
        let Some((range, value)) = decimal(bytes, dot) else { continue };
        from = range.end;
        let pair = first.take().filter(|(before, latitude)| {
            latitude.abs() <= 90.0
                && value.abs() <= 180.0
                && is_between(&reading.text[before.end..range.start])
        });
        if let Some((before, _)) = pair {
            findings.push(Finding::folded(Kind::Address, before.start..range.end, COORDINATES));
        } else {
            first = Some((range, value));
        }
    }
}

/// The decimal number with at least four decimals around the point at `dot`.
fn decimal(bytes: &[u8], dot: usize) -> Option<(Range<usize>, f64)> {
    let whole = bytes[..dot].iter().rev().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let fraction = bytes[dot + 1..].iter().take(16).take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&whole) || !(4..=15).contains(&fraction) {
        return None;
    }
    let start = dot - whole;
    let start = if start > 0 && bytes[start - 1] == b'-' { start - 1 } else { start };
    let range = start..dot + 1 + fraction;
    let value = std::str::from_utf8(&bytes[range.clone()]).ok()?.parse().ok()?;
    Some((range, value))
}

/// Whether nothing but separators and the word longitude lies between two numbers.
fn is_between(between: &str) -> bool {
    let letters: String = between.chars().filter(|character| character.is_alphabetic()).collect();
    let named = matches!(
        letters.as_str(),
        "" | "n" | "e" | "lng" | "lon" | "long" | "longitude" | "خططول" | "طول" | "nlng" | "و"
    );
    between.len() <= 24 && named && !between.contains('\n') || between.len() <= 2
}
