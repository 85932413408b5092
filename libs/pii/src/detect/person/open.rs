//! Names that nothing announces: a given name that is hardly ever a word, or one with the rest of a name behind it, unless
//! what stands beside it says that it is a street, a perfume or a shop.

use std::ops::Range;

use kaleem_placeholder::Kind;

use super::token::{Token, next_token};
use super::{Search, is_arabic};
use crate::detect::Finding;
use crate::detect::Points;
use crate::detect::context::Mention;
use crate::detect::cue::Cues;
use crate::detect::names::{Names, Part};
use crate::detect::reading::Reading;

/// A given name and more of a name.
const WHOLE: Points = 65;
/// A given name alone.
const ALONE: Points = 55;
/// Bytes of punctuation and spaces between a name and the word that says what it is of.
const GAP: usize = 3;
/// The letter with which Persian ends the name `علی`.
const PERSIAN_YEH: char = '\u{6cc}';
/// Characters of a word that are looked at.
const MAX_WORD: usize = 32;

/// Adds the names that nothing announces; the findings from `first` on are the names that something announces, in order.
pub(super) fn find(reading: &Reading<'_>, names: &Names, first: usize, findings: &mut Vec<Finding>) {
    let (mut done, mut next, last) = (reading.folded.body(), first, findings.len());
    let mut person_end = done;
    for given in reading.given {
        while next < last && findings[next].range.end <= given.start {
            person_end = findings[next].range.end;
            next += 1;
        }
        let announced = next < last && findings[next].range.start <= given.start;
        if announced || given.start < done {
            continue;
        }
        let Some((range, mut points)) = (Open { reading, names, given }).read() else { continue };
        done = range.end;
        if points == 0 && is_listed(reading, names, person_end, &range) {
            points = ALONE;
        }
        person_end = if points > 0 { range.end } else { person_end };
        if points > 0 {
            findings.push(Finding::folded(Kind::Person, range, points));
        }
    }
}

/// Whether a name that is a word as well goes on a list of names, after the one that ends at `person_end`, up to a mark.
fn is_listed(reading: &Reading<'_>, names: &Names, person_end: usize, range: &Range<usize>) -> bool {
    let text = reading.text;
    let bytes = text.as_bytes();
    let between = text.get(person_end..range.start).unwrap_or("");
    let closed = matches!(bytes.get(range.end), None | Some(b',' | b'\n' | b'.'));
    let word = next_token(text, range.start, 0)
        .is_some_and(|first| first.range.end == range.end && names.is_word(first.text));
    person_end > 0 && between == ", " && closed && !word && !bytes[range.start].is_ascii()
}

struct Open<'r, 't> {
    reading: &'r Reading<'t>,
    names: &'r Names,
    given: &'r Range<usize>,
}

impl Open<'_, '_> {
    /// The name that starts with the given name, with its points: none where it is no person's.
    fn read(&self) -> Option<(Range<usize>, Points)> {
        let text = self.reading.text;
        let preposition = self.may_be_preposition();
        if self.is_in_handle(self.given) || preposition && !self.is_written_as_name() {
            return None;
        }
        let given = next_token(text, self.given.start, 0)?;
        if given.range.end < self.given.end || self.is_in_handle(&given.range) {
            return None;
        }
        let joined = self.joined()?;
        let start = if joined.is_empty() { self.start()? } else { given.range.start };
        let mention = Mention { cues: Cues::NONE, range: self.given.clone() };
        let search = Search { reading: self.reading, names: self.names, mention: &mention, strong: false };
        let first = next_token(text, start, 0)?;
        // What no list has is passed over; what follows says that it is a name.
        let unlisted = self.names.part(first.text) == Part::None;
        let (end, known) = search.extend(if unlisted { &given } else { &first });
        if end < given.range.end {
            return None;
        }
        let range = start..end;
        let points =
            if preposition { self.points_of_ali(&range, known) } else { self.points(&range, &given, known) };
        let owned = joined.contains('ل');
        let is_other = points > 0 && (self.is_of_place(&range, owned) || search.is_street(&range));
        Some((range, if is_other { 0 } else { points }))
    }

    /// Whether the word behind a name tells who its bearer is to the writer; words of address follow a greeting as often.
    fn is_related(&self, end: usize) -> bool {
        const RELATIONS: [&str; 14] = [
            "صديقتي",
            "صديقي",
            "جارتي",
            "زوجتي",
            "زوجي",
            "بنتي",
            "ولدي",
            "زميلتي",
            "زميلي",
            "خطيبتي",
            "خطيبي",
            "والدتي",
            "والدي",
            "حفيدتي",
        ];
        let next = next_token(self.reading.text, end, 2);
        next.is_some_and(|next| next.range.start == end + 1 && RELATIONS.contains(&next.text))
    }

    /// Whether the name is `علي`, as which many write the word for `on`.
    fn may_be_preposition(&self) -> bool {
        &self.reading.text[self.given.clone()] == "علي"
    }

    /// Whether its last letter is that of the name.
    fn is_written_as_name(&self) -> bool {
        self.reading.original[self.reading.folded.original(self.given)].ends_with(['ي', PERSIAN_YEH])
    }

    /// The points of a name that starts with `علي`: only the name of a family tells it from the word.
    fn points_of_ali(&self, range: &Range<usize>, known: usize) -> Points {
        let parts = Parts::read(self.reading.text, self.names, self.given.end..range.end);
        let persian =
            || self.reading.original[self.reading.folded.original(self.given)].ends_with(PERSIAN_YEH);
        let likely = known > 1 && (parts.house || parts.plain && persian());
        if likely { WHOLE } else { 0 }
    }

    fn points(&self, range: &Range<usize>, given: &Token<'_>, known: usize) -> Points {
        let latin = given.text.is_ascii();
        let plain = self.names.is_plain(given.text);
        let capital = !latin || self.reading.is_capital(given.range.start);
        let alone = *range == given.range;
        if alone {
            return if capital && (plain || self.is_related(range.end)) { ALONE } else { 0 };
        }
        if range.start < given.range.start {
            // `أم فهد`
            return WHOLE;
        }
        let behind = || words_in(self.reading.text, given.range.end..range.end);
        if behind().any(|word| self.names.is_shop(word.text)) {
            // `Ahmed Ali Perfumes`
            return 0;
        }
        let parts = Parts::read(self.reading.text, self.names, given.range.end..range.end);
        let likely = if behind().any(|word| is_lineage(word.text)) {
            // `جود بنت متعب`
            true
        } else if plain {
            capital || known > 1 && parts.plain
        } else {
            capital && known > 1 && (parts.house || parts.given)
        };
        if likely { WHOLE } else { 0 }
    }

    /// The particles that are joined to the name, if they may stand before one.
    fn joined(&self) -> Option<&str> {
        let head = &self.reading.text[..self.given.start];
        let len: usize =
            head.chars().rev().take(4).take_while(|letter| is_arabic(*letter)).map(char::len_utf8).sum();
        let joined = &head[head.len() - len..];
        matches!(joined, "" | "و" | "ل" | "ب" | "ف" | "ول" | "وب" | "يا").then_some(joined)
    }

    /// Where the name starts: at the given name, at `ابو` before it, or at the child's name before `بن`, if there is one.
    fn start(&self) -> Option<usize> {
        let text = self.reading.text;
        let before = word_before(text, self.given.start);
        let Some(lineage) = before.filter(|word| is_lineage(&text[word.clone()])) else {
            return Some(self.kunya().unwrap_or(self.given.start));
        };
        // `غزيل بنت فهد`, but not the shop in `من بن سليمان`.
        let child = word_before(text, lineage.start)?;
        let word = &text[child.clone()];
        let may_be_child =
            word.chars().count() > 2 && self.names.is_plain(word) && !self.names.is_goods(word);
        (may_be_child && self.reading.mentions_in(&child).is_empty()).then_some(child.start)
    }

    /// Where `ابو` or `ام` stands before the name.
    fn kunya(&self) -> Option<usize> {
        let head = self.reading.text[..self.given.start].strip_suffix(' ')?;
        let latin = head.as_bytes().last().is_some_and(u8::is_ascii_alphabetic);
        let fits = |letter: &char| if latin { letter.is_ascii_alphabetic() } else { is_arabic(*letter) };
        let len: usize = head.chars().rev().take(5).take_while(fits).map(char::len_utf8).sum();
        let start = head.len() - len;
        let word = &head[start..];
        if latin {
            return matches!(word, "abu" | "abo" | "abou" | "um" | "umm" | "om" | "oum").then_some(start);
        }
        // `أبي` is `I want` before what is a word as well.
        let plain = self.names.is_plain(&self.reading.text[self.given.clone()]);
        let kunyas: &[&str] =
            if plain { &["ابو", "ابا", "ابي", "ام", "بو"] } else { &["ابو", "ام", "بو"] };
        kunyas.iter().find_map(|kunya| {
            let joined = word.strip_suffix(kunya)?;
            matches!(joined, "" | "و" | "ل" | "ب" | "ي").then_some(start + joined.len())
        })
    }

    /// Whether a Latin name is a part of an address on the web, a handle or a code.
    fn is_in_handle(&self, range: &Range<usize>) -> bool {
        let bytes = self.reading.text.as_bytes();
        if !bytes[range.start].is_ascii() {
            return false;
        }
        let before = range.start.checked_sub(1).map(|at| bytes[at]);
        let sign = |byte: u8| matches!(byte, b'@' | b'_' | b'/' | b'=' | b'&' | b'#' | b'\\' | b'0'..=b'9');
        let glued = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let next = bytes.get(range.end).copied();
        before.is_some_and(|byte| {
            sign(byte) || matches!(byte, b'.' | b'-') && range.start > 1 && glued(range.start - 2)
        }) || next.is_some_and(|byte| sign(byte) || byte == b'.' && glued(range.end + 1))
    }

    /// Whether what stands beside a name says that it is none of a person.
    fn is_of_place(&self, range: &Range<usize>, owned: bool) -> bool {
        let text = self.reading.text;
        let behind = next_token(text, range.end, GAP)
            .is_some_and(|next| is_gap(&text[range.end..next.range.start]) && self.names.is_shop(next.text));
        behind || !owned && is_called(self.reading, self.names, range.start) || self.is_model(range)
    }

    /// Whether a Latin name stands between an article and a word, as only the name of a thing does: `the Sophia handbag`.
    fn is_model(&self, range: &Range<usize>) -> bool {
        let text = self.reading.text;
        let article = text[..range.start].ends_with("the ") && text.as_bytes()[range.start].is_ascii();
        let word = |next: Token<'_>| {
            let joined = &text[range.end..next.range.start] == " ";
            joined && next.text.is_ascii() && !self.reading.is_capital(next.range.start)
        };
        article && next_token(text, range.end, 1).is_some_and(word)
    }
}

/// The word before `at`, if nothing but a space and quotes lie between.
fn word_before(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[..at];
    // Behind the key of a field: `"port": "Hamad"`.
    let keyed = bytes.ends_with(b"\"");
    let fits = |byte: &&u8| matches!(byte, b' ' | b'"' | b'\'' | b'-' | b'_') || keyed && **byte == b':';
    let most = if keyed { GAP + 1 } else { GAP };
    let end = at - bytes.iter().rev().take(most + 1).take_while(fits).count();
    let is_letter = |letter: &char| letter.is_ascii_alphabetic() || is_arabic(*letter);
    let letters = text[..end].chars().rev().take(MAX_WORD).take_while(is_letter).map(char::len_utf8);
    let start = end - letters.sum::<usize>();
    ((1..=most).contains(&(at - end)) && start < end).then_some(start..end)
}

/// Whether the word before `at` bears the name behind it without being a person, or is a part of an address.
pub(super) fn is_called(reading: &Reading<'_>, names: &Names, at: usize) -> bool {
    let Some(mut word) = word_before(reading.text, at) else { return false };
    if Names::is_eponym(&reading.text[word.clone()]) {
        // `جامعة الأمير محمد بن فهد`
        match word_before(reading.text, word.start) {
            Some(before) => word = before,
            None => return false,
        }
    }
    let text = &reading.text[word.clone()];
    let split = reading.mentions.partition_point(|mention| mention.range.start < word.end);
    let place = |mention: &Mention| mention.cues.meets(Cues::PLACE) && mention.range.end == word.end;
    // A unit in Persian is the number one in Arabic.
    names.is_goods(text) || text != "واحد" && reading.mentions[..split].last().is_some_and(place)
}

/// Whether nothing but a space and quotes lie between two words.
fn is_gap(between: &str) -> bool {
    between.len() <= GAP && between.bytes().all(|byte| matches!(byte, b' ' | b'"' | b'\'' | b'-' | b'_'))
}

/// What the words behind a given name are.
#[derive(Default)]
struct Parts {
    /// One is hardly ever a word.
    plain: bool,
    /// One is a given name that is hardly ever a word.
    given: bool,
    /// One is the name of a family with its article, or one that is hardly ever a word in Latin script.
    house: bool,
}

impl Parts {
    fn read(text: &str, names: &Names, range: Range<usize>) -> Self {
        let mut parts = Self::default();
        for token in words_in(text, range) {
            let part = names.part(token.text);
            let plain = names.is_plain(token.text);
            parts.plain |= plain && part != Part::Particle;
            parts.given |= plain && part == Part::Given;
            let article = token.text.starts_with("ال");
            parts.house |= plain && part == Part::Family && (article || token.text.is_ascii());
        }
        parts
    }
}

/// The words of a name.
fn words_in(text: &str, range: Range<usize>) -> impl Iterator<Item = Token<'_>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let token = next_token(text, at, 2).filter(|token| token.range.start < range.end)?;
        at = token.range.end;
        Some(token)
    })
}

/// Whether a word says whose child somebody is.
fn is_lineage(word: &str) -> bool {
    matches!(word, "بن" | "بنت" | "ابن" | "bin" | "bint" | "ibn")
}
