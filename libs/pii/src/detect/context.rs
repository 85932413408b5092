//! Cues around a number: which one is nearest, and what it says.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};

use super::lexicon::{AT, CUES, Cue, PREFIXES, SUFFIXES, UNITS};
use crate::Error;
use crate::fold::{Folded, OPAQUE};

/// Characters between a number and a cue before it.
const REACH_BEFORE: usize = 40;
/// Characters between a number and a cue behind it.
const REACH_AFTER: usize = 20;
/// Bytes before a place in which cues are looked for: the reach, a cue, and room for wide characters.
const WINDOW_BEFORE: usize = 240;
/// Bytes behind a place in which cues are looked for.
const WINDOW_AFTER: usize = 160;
/// Digits between a cue and a number that make them another number.
const OTHER_NUMBER_DIGITS: usize = 5;
/// Characters between two numbers of one list.
const LIST_GAP: usize = 8;

/// Words that may stand between a cue and its number without loosening the tie, folded.
const FILLERS: [&str; 25] = [
    "رقم",
    "رقمه",
    "رقمها",
    "الرقم",
    "هو",
    "هي",
    "هذا",
    "الخاص",
    "بي",
    "كان",
    "علي",
    "شماره",
    "است",
    "number",
    "no",
    "num",
    "nr",
    "id",
    "code",
    "is",
    "are",
    "was",
    "my",
    "the",
    "at",
];

/// A cue in the folded text.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub(super) cue: Cue,
    pub(super) range: Range<usize>,
}

/// What the words around a number say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Nothing.
    Silent,
    /// It is of the wanted type; `adjacent` when only fillers lie between.
    Positive { adjacent: bool },
    /// A cue of the wanted type belongs to another number in between.
    Distant,
    /// It belongs to the shop; `adjacent` when only fillers lie between.
    Negative { adjacent: bool },
    /// It is personal data of another type.
    Other,
}

/// The automata over all cues and units.
pub(super) struct Lexicon {
    automaton: AhoCorasick,
    cues: Vec<Cue>,
    units: AhoCorasick,
    spelled_at: AhoCorasick,
}

impl Lexicon {
    /// Folds and compiles the lists.
    pub(super) fn new() -> Result<Self, Error> {
        let mut patterns: Vec<(String, Cue)> = Vec::new();
        for (cue, words) in CUES {
            for pattern in words.lines().map(fold) {
                patterns.extend(variants(&pattern).map(|variant| (variant, cue)));
            }
        }
        Ok(Self {
            automaton: compile(patterns.iter().map(|(pattern, _)| pattern.clone()), StartKind::Unanchored)?,
            cues: patterns.into_iter().map(|(_, cue)| cue).collect(),
            units: compile(UNITS.lines().map(fold), StartKind::Anchored)?,
            spelled_at: compile(AT.into_iter().map(fold), StartKind::Unanchored)?,
        })
    }

    /// Finds the spelled-out at signs of a text, in order.
    pub(super) fn spelled_at_signs(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        self.spelled_at.find_iter(text).map(|found| found.range())
    }

    /// Finds the cues that stand as words within reach of the places, in order.
    ///
    /// A number or address is rare in a chat, so only what is around one is searched.
    pub(super) fn find(&self, text: &str, places: &mut [Range<usize>], mentions: &mut Vec<Mention>) {
        mentions.clear();
        places.sort_unstable_by_key(|place| place.start);
        let mut window = 0..0;
        for place in places {
            let start = text.floor_char_boundary(place.start.saturating_sub(WINDOW_BEFORE));
            let end = text.ceil_char_boundary(text.len().min(place.end + WINDOW_AFTER));
            if start > window.end {
                self.find_in(text, window, mentions);
                window = start..end;
            } else {
                window.end = window.end.max(end);
            }
        }
        self.find_in(text, window, mentions);
    }

    fn find_in(&self, text: &str, window: Range<usize>, mentions: &mut Vec<Mention>) {
        for found in self.automaton.find_iter(Input::new(text).range(window)) {
            if stands_as_word(text, &found.range()) {
                mentions.push(Mention { cue: self.cues[found.pattern().as_usize()], range: found.range() });
            }
        }
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

fn fold(word: &str) -> String {
    let mut folded = Folded::default();
    folded.refill("", word, &[]);
    folded.text().to_owned()
}

/// A cue, also without its spaces, each also with its final taa marbuta open, as before a possessive.
fn variants(pattern: &str) -> impl Iterator<Item = String> {
    let open = pattern.strip_suffix('ه').map(|stem| format!("{stem}ت"));
    let mut forms: Vec<String> = [Some(pattern.to_owned()), open].into_iter().flatten().collect();
    forms.extend(forms.clone().into_iter().map(|form| form.replace(' ', "")));
    forms.sort_unstable();
    forms.dedup();
    forms.into_iter()
}

fn compile(patterns: impl Iterator<Item = String>, start: StartKind) -> Result<AhoCorasick, Error> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        // Words begin with letters that are everywhere, so that skipping to one costs more than it saves.
        .prefilter(false)
        .start_kind(start)
        .build(patterns)
        .map_err(Error::Lexicon)
}

/// Whether a match is a word, give or take the particles that Arabic and Persian join to one.
fn stands_as_word(text: &str, range: &Range<usize>) -> bool {
    let matched = text[range.clone()].as_bytes();
    let (Some(first), Some(last)) = (matched.first(), matched.last()) else { return false };
    let bytes = text.as_bytes();
    let before = range.start.checked_sub(1).map(|at| bytes[at]);
    let starts = if first.is_ascii_alphabetic() {
        !before.is_some_and(|byte| byte.is_ascii_alphabetic())
    } else {
        PREFIXES.contains(&letters_before(text, range.start))
    };
    let ends = if last.is_ascii_alphabetic() {
        let rest = &bytes[range.end..];
        let rest = rest.strip_prefix(b"s").unwrap_or(rest);
        !rest.first().is_some_and(u8::is_ascii_alphabetic)
    } else {
        SUFFIXES.contains(&letters_after(text, range.end))
    };
    starts && ends
}

const fn is_arabic(character: char) -> bool {
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

/// What the cues of one text say about the number at `range`, when numbers of type `wanted` are looked for.
pub(super) fn context(text: &str, mentions: &[Mention], range: &Range<usize>, wanted: Cue) -> Context {
    let split = mentions.partition_point(|mention| mention.range.end <= range.start);
    let before = verdict_before(text, &mentions[..split], range.start, wanted);
    let after = verdict_after(text, &mentions[split..], range.end, wanted);
    match (before, after) {
        (None, None) => Context::Silent,
        (Some((context, _)), None) | (None, Some((context, _))) => context,
        // A cue behind a number is the less usual order, so it counts as twice as far.
        (Some((a, before)), Some((b, after))) => {
            let (near, far) = if before <= 2 * after { (a, b) } else { (b, a) };
            if near == Context::Other { far } else { near }
        }
    }
}

fn verdict_before(text: &str, mentions: &[Mention], start: usize, wanted: Cue) -> Option<(Context, usize)> {
    let mut other = None;
    for mention in mentions.iter().rev() {
        let between = &text[mention.range.end..start];
        if between.len() > 4 * REACH_BEFORE {
            break;
        }
        let distance = between.chars().count();
        if distance > REACH_BEFORE || ends_sentence(between) {
            break;
        }
        let adjacent = only_fillers(between);
        if mention.cue == wanted {
            let context =
                if is_another_number(between) { Context::Distant } else { Context::Positive { adjacent } };
            return Some((context, distance));
        }
        match mention.cue {
            Cue::Decoy if is_another_number(between) => break,
            Cue::Decoy => return Some((Context::Negative { adjacent }, distance)),
            Cue::Email => {}
            _ if adjacent && other.is_none() => other = Some((Context::Other, distance)),
            _ => {}
        }
    }
    other
}

fn verdict_after(text: &str, mentions: &[Mention], end: usize, wanted: Cue) -> Option<(Context, usize)> {
    let mention = mentions.iter().find(|mention| mention.range.start >= end)?;
    let between = &text[end..mention.range.start];
    if between.len() > 4 * REACH_AFTER || between.chars().count() > REACH_AFTER {
        return None;
    }
    let crosses = ends_sentence(between) || between.bytes().any(|byte| is_number_byte(byte) || byte == b'\n');
    if crosses || introduces_number(text, mention.range.end) {
        return None;
    }
    let adjacent = only_fillers(between);
    let context = match mention.cue {
        cue if cue == wanted => Context::Positive { adjacent },
        // Behind a number, a word of the shop is as likely the start of the next thought.
        Cue::Decoy => Context::Negative { adjacent: false },
        Cue::Email => return None,
        _ => Context::Other,
    };
    Some((context, between.chars().count()))
}

const fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == OPAQUE
}

/// Whether a number follows a cue so closely that the cue belongs to it.
fn introduces_number(text: &str, end: usize) -> bool {
    let rest = &text[end..];
    let near: usize = rest.chars().take(20).map(char::len_utf8).sum();
    let number = rest[..near].bytes().position(|byte| is_number_byte(byte) || byte == b'+');
    number.is_some_and(|at| !ends_sentence(&rest[..at]))
}

/// Whether a sentence or paragraph ends in `between`.
///
/// A full stop right at the start belongs to the cue (`tel. 055`), and one behind a short word to an abbreviation.
fn ends_sentence(between: &str) -> bool {
    if between.contains("\n\n") {
        return true;
    }
    let bytes = between.as_bytes();
    (1..bytes.len()).any(|at| {
        let space_follows = matches!(bytes.get(at + 1), None | Some(b' ' | b'\n'));
        let abbreviation = bytes[..at].ends_with(b" no") || bytes[..at].ends_with(b"num");
        let end = matches!(bytes[at], b'!' | b'?') || (bytes[at] == b'.' && !abbreviation);
        end && space_follows && bytes.get(at + 1).is_some()
    })
}

/// Whether nothing but fillers and punctuation lies between a cue and a number.
fn only_fillers(between: &str) -> bool {
    between
        .split(|character: char| !character.is_alphabetic())
        .filter(|word| !word.is_empty())
        .enumerate()
        .all(|(index, word)| FILLERS.contains(&word) || (index == 0 && SUFFIXES.contains(&word)))
        && !between.bytes().any(is_number_byte)
}

/// Whether another number lies between that is not the neighbour in one list.
fn is_another_number(between: &str) -> bool {
    let digits = between.bytes().filter(u8::is_ascii_digit).count();
    let opaque = between.bytes().any(|byte| byte == OPAQUE);
    if digits < OTHER_NUMBER_DIGITS && !opaque {
        return false;
    }
    let last = between.bytes().rposition(is_number_byte).unwrap_or(0);
    between[last + 1..].chars().count() > LIST_GAP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str, wanted: Cue) -> Context {
        let lexicon = Lexicon::new().unwrap();
        let mut folded = Folded::default();
        folded.refill("", text, &[]);
        let mut mentions = Vec::new();
        let whole = std::iter::once(0..folded.text().len());
        lexicon.find(folded.text(), &mut whole.collect::<Vec<_>>(), &mut mentions);
        let start = folded.text().find("777").unwrap();
        context(folded.text(), &mentions, &(start..start + 3), wanted)
    }

    #[test]
    fn the_nearest_cue_wins() {
        for (text, expected) in [
            ("جوالي 777", Context::Positive { adjacent: true }),
            ("رقم جوالي هو: 777", Context::Positive { adjacent: true }),
            ("للتواصل معي دايم العصر 777", Context::Positive { adjacent: false }),
            ("tel. 777", Context::Positive { adjacent: true }),
            ("رقم الطلب 777", Context::Negative { adjacent: true }),
            ("وصلني طلبي اليوم متاخر جدا 777", Context::Negative { adjacent: false }),
            ("رقم الطلب 12345678 وجوالي 777", Context::Positive { adjacent: true }),
            ("جوالي 551234567 و 777", Context::Positive { adjacent: false }),
            ("رقم هويتي 777", Context::Other),
            ("777 جوالي", Context::Positive { adjacent: true }),
            ("777 ورقم الطلب 888888", Context::Silent),
            ("ما عندي جوال. المبلغ كبير! 777", Context::Silent),
            ("order id: 777", Context::Negative { adjacent: true }),
            ("مدينة 777", Context::Silent),
            ("", Context::Silent),
        ] {
            if !text.is_empty() {
                assert_eq!(verdict(text, Cue::Phone), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_cue_is_a_word_with_its_particles() {
        for text in ["بالجوال 777", "وجوالها 777", "شماره‌موبایل 777", "mobile_number\":777", "Tel777"]
        {
            assert_eq!(verdict(text, Cue::Phone), Context::Positive { adjacent: true }, "{text}");
        }
        for text in ["تجوالي 777", "hotel 777", "automobile 777"] {
            assert_eq!(verdict(text, Cue::Phone), Context::Silent, "{text}");
        }
    }
}
