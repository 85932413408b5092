//! Cues around a number: which one is nearest, and what it says.

use std::ops::Range;

use super::cue::Cues;
use super::lexicon::is_suffix;
use super::reading::is_word;
use crate::fold::OPAQUE;

/// Characters between a number and a cue before it.
const REACH_BEFORE: usize = 40;
/// Characters between a number and a cue behind it.
const REACH_AFTER: usize = 20;
/// Bytes of as many characters at most.
const BYTES_BEFORE: usize = 4 * REACH_BEFORE;
const BYTES_AFTER: usize = 4 * REACH_AFTER;
/// Digits between a cue and a number that make them another number.
const OTHER_NUMBER_DIGITS: usize = 5;
/// Characters between two numbers of one list.
const LIST_GAP: usize = 8;

/// What separates a number from the next thought.
const CLAUSE_MARKS: [u8; 7] = *b",;-|/\"}";

/// Words that may stand between a cue and its number without loosening the tie, folded.
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "رقم"
            | "رقمه"
            | "رقمها"
            | "الرقم"
            | "هو"
            | "هي"
            | "هذا"
            | "الخاص"
            | "بي"
            | "كان"
            | "علي"
            | "شماره"
            | "است"
            | "number"
            | "no"
            | "num"
            | "nr"
            | "id"
            | "code"
            | "is"
            | "are"
            | "was"
            | "my"
            | "the"
            | "it"
            | "of"
            | "on"
            | "at"
            | "new"
            | "following"
            | "here"
            | "حقي"
            | "حقتي"
            | "حقنا"
            | "معي"
            | "عندي"
            | "الجديد"
            | "الجديده"
            | "الثاني"
            | "والثاني"
            | "الثالث"
            | "والثالث"
            | "التالي"
            | "كالتالي"
            | "تبعي"
            | "بتاعي"
            | "مالي"
            | "السعوديه"
            | "القطريه"
            | "الكويتيه"
            | "البحرينيه"
            | "العمانيه"
            | "المصريه"
            | "الاماراتيه"
            | "من"
            | "همسرم"
            | "ايشان"
    )
}

/// A cue in the folded text.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub(super) cues: Cues,
    pub(super) range: Range<usize>,
}

/// What the words around a number say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Nothing.
    Silent,
    /// It is of the wanted type, with so many words between that are no fillers.
    Positive { words: usize },
    /// A cue of the wanted type belongs to another number in between.
    Distant,
    /// It belongs to the shop; `adjacent` when only fillers lie between.
    Negative { adjacent: bool },
    /// It is personal data of another type.
    Other,
}

/// The mentions that are near enough to a range to say something about a number in it.
///
/// `seen` are those of which it is known that they are too far before; it grows while the ranges that are asked about ascend.
pub(super) fn in_reach<'m>(mentions: &'m [Mention], seen: &mut usize, range: &Range<usize>) -> &'m [Mention] {
    let from = range.start.saturating_sub(BYTES_BEFORE);
    *seen += mentions[*seen..].iter().take_while(|mention| mention.range.end < from).count();
    let mentions = &mentions[*seen..];
    let until = range.end + BYTES_AFTER;
    &mentions[..mentions.iter().take_while(|mention| mention.range.start <= until).count()]
}

/// What the cues of one text say about the number at `range`, when numbers of type `wanted` are looked for.
pub(super) fn context(text: &str, mentions: &[Mention], range: &Range<usize>, wanted: Cues) -> Context {
    let split = mentions.partition_point(|mention| mention.range.end <= range.start);
    let before = verdict_before(text, &mentions[..split], range.start, wanted);
    let Some(behind) = Behind::next(text, &mentions[split..], range.end, wanted) else {
        return before.map_or(Context::Silent, |(context, _)| context);
    };
    // A cue behind a number is the less usual order, so it counts as twice as far.
    let is_nearest =
        |(context, before): &(Context, usize)| *before <= 2 * behind.distance && *context != Context::Other;
    if let Some((context, _)) = before.filter(is_nearest) {
        return context;
    }
    match (before, behind.verdict(text, wanted)) {
        (None, None) => Context::Silent,
        (Some((context, _)), None) | (None, Some((context, _))) => context,
        (Some((a, before)), Some((b, after))) => {
            let (near, far) = if before <= 2 * after { (a, b) } else { (b, a) };
            if near == Context::Other { far } else { near }
        }
    }
}

fn verdict_before(text: &str, mentions: &[Mention], start: usize, wanted: Cues) -> Option<(Context, usize)> {
    let mut other = None;
    let tells = |mention: &&Mention| mention.cues.is_of_numbers() || mention.cues.meets(wanted);
    for mention in mentions.iter().rev().filter(tells) {
        let between = &text[mention.range.end..start];
        if between.len() > BYTES_BEFORE {
            break;
        }
        let distance = between.chars().count();
        if distance > REACH_BEFORE || ends_sentence(between) {
            break;
        }
        if mention.cues.meets(wanted) {
            let context = if is_another_number(between) {
                Context::Distant
            } else {
                positive(between, only_fillers(between))
            };
            return Some((context, distance));
        }
        if mention.cues.meets(Cues::DECOY) {
            let another = is_another_number(between);
            let negative = || Context::Negative { adjacent: only_fillers(between) };
            return if another { other } else { Some((negative(), distance)) };
        }
        if other.is_none() && only_fillers(between) {
            other = Some((Context::Other, distance));
        }
    }
    other
}

/// The next cue behind a number.
struct Behind<'t> {
    mention: &'t Mention,
    between: &'t str,
    /// Characters between.
    distance: usize,
}

impl<'t> Behind<'t> {
    /// The first of the mentions from a number on that says something about it, if it is in reach.
    fn next(text: &'t str, mentions: &'t [Mention], end: usize, wanted: Cues) -> Option<Self> {
        let mention = mentions.iter().find(|mention| {
            let tells = mention.cues.is_of_numbers() || mention.cues.meets(wanted);
            mention.range.start >= end && tells
        })?;
        let between = &text[end..mention.range.start];
        if between.len() > BYTES_AFTER {
            return None;
        }
        let distance = between.chars().count();
        (distance <= REACH_AFTER).then_some(Self { mention, between, distance })
    }

    /// What it says, and from how far.
    fn verdict(&self, text: &str, wanted: Cues) -> Option<(Context, usize)> {
        let between = self.between;
        let crosses =
            ends_sentence(between) || between.bytes().any(|byte| is_number_byte(byte) || byte == b'\n');
        if crosses || introduces_number(text, self.mention.range.end) {
            return None;
        }
        // Behind a comma or a dash a new thought begins, which says less than a word before the number.
        let apart = if between.bytes().any(|byte| CLAUSE_MARKS.contains(&byte)) { REACH_AFTER } else { 0 };
        let context = match self.mention.cues {
            cues if cues.meets(wanted) => positive(between, only_fillers(between)),
            // Behind a number, a word of the shop is as likely the start of the next thought.
            cues if cues.meets(Cues::DECOY) => Context::Negative { adjacent: false },
            _ => Context::Other,
        };
        Some((context, self.distance + apart))
    }
}

fn positive(between: &str, adjacent: bool) -> Context {
    if adjacent {
        return Context::Positive { words: 0 };
    }
    let telling = between.split_ascii_whitespace().filter(|word| is_word(word) && !is_filler(word)).count();
    Context::Positive { words: telling.max(1) }
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
    let bytes = between.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'\n' | b'.' | b'!' | b'?')) {
        return false;
    }
    if bytes.windows(2).any(|pair| pair == b"\n\n") {
        return true;
    }
    (1..bytes.len()).any(|at| {
        let space_follows = matches!(bytes.get(at + 1), None | Some(b' ' | b'\n'));
        let abbreviation = bytes[..at].ends_with(b" no") || bytes[..at].ends_with(b"num");
        let end = matches!(bytes[at], b'!' | b'?') || (bytes[at] == b'.' && !abbreviation);
        end && space_follows && bytes.get(at + 1).is_some()
    })
}

/// Whether nothing but fillers and punctuation lies between a cue and a number.
fn only_fillers(between: &str) -> bool {
    if between.bytes().all(|byte| byte.is_ascii_punctuation() || byte == b' ') {
        return true;
    }
    between
        .split(|character: char| character.is_ascii() && !character.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .enumerate()
        .all(|(index, word)| is_filler(word) || (index == 0 && is_suffix(word)))
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
    let gap = &between[last + 1..];
    gap.chars().count() > LIST_GAP && !only_fillers(gap)
}

#[cfg(test)]
mod tests {
    use kaleem_placeholder::Kind;

    use super::*;
    use crate::detect::lexicon::Lexicon;
    use crate::fold::Folded;

    fn verdict(text: &str, wanted: Cues) -> Context {
        let lexicon = Lexicon::new().unwrap();
        let mut folded = Folded::default();
        folded.refill("", text, &[]);
        let mut mentions = Vec::new();
        lexicon.find(folded.text(), &mut mentions);
        let start = folded.text().find("777").unwrap();
        context(folded.text(), &mentions, &(start..start + 3), wanted)
    }

    #[test]
    fn the_nearest_cue_wins() {
        for (text, expected) in [
            ("جوالي 777", Context::Positive { words: 0 }),
            ("رقم جوالي هو: 777", Context::Positive { words: 0 }),
            ("للتواصل معي دايم العصر 777", Context::Positive { words: 2 }),
            ("tel. 777", Context::Positive { words: 0 }),
            ("رقم الطلب 777", Context::Negative { adjacent: true }),
            ("وصلني طلبي اليوم متاخر جدا 777", Context::Negative { adjacent: false }),
            ("رقم الطلب 12345678 وجوالي 777", Context::Positive { words: 0 }),
            ("جوالي 551234567 و 777", Context::Positive { words: 3 }),
            ("رقم هويتي 777", Context::Other),
            ("777 جوالي", Context::Positive { words: 0 }),
            ("777 ورقم الطلب 888888", Context::Silent),
            ("ما عندي جوال. المبلغ كبير! 777", Context::Silent),
            ("order id: 777", Context::Negative { adjacent: true }),
            ("مدينة 777", Context::Silent),
            ("", Context::Silent),
        ] {
            if !text.is_empty() {
                assert_eq!(verdict(text, Kind::Phone.into()), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_cue_is_a_word_with_its_particles() {
        for text in ["بالجوال 777", "وجوالها 777", "شماره‌موبایل 777", "mobile_number\":777", "Tel777"]
        {
            assert_eq!(verdict(text, Kind::Phone.into()), Context::Positive { words: 0 }, "{text}");
        }
        for text in ["تجوالي 777", "hotel 777", "automobile 777"] {
            assert_eq!(verdict(text, Kind::Phone.into()), Context::Silent, "{text}");
        }
    }
}
