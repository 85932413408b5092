//! Cues around a number: which one is nearest, and what it says.

use std::ops::Range;

use super::between::{Between, ends_sentence, is_number_byte};
use super::cue::Cues;

/// Characters between a number and a cue before it.
const REACH_BEFORE: usize = 40;
/// Characters between a number and a cue behind it.
const REACH_AFTER: usize = 20;
/// Bytes of as many characters at most.
const BYTES_BEFORE: usize = 4 * REACH_BEFORE;
const BYTES_AFTER: usize = 4 * REACH_AFTER;
/// What separates a number from the next thought.
const CLAUSE_MARKS: [u8; 7] = *b",;-|/\"}";

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
        if start - mention.range.end > BYTES_BEFORE {
            break;
        }
        let between = Between::read(&text[mention.range.end..start]);
        let distance = between.chars;
        if distance > REACH_BEFORE || between.ends_sentence() {
            break;
        }
        if mention.cues.meets(wanted) {
            let context = if between.is_another_number() { Context::Distant } else { between.positive() };
            return Some((context, distance));
        }
        if mention.cues.meets(Cues::DECOY) {
            let negative = || Context::Negative { adjacent: between.only_fillers() };
            return if between.is_another_number() { other } else { Some((negative(), distance)) };
        }
        if other.is_none() && between.only_fillers() {
            other = Some((Context::Other, distance));
        }
    }
    other
}

/// The next cue behind a number.
struct Behind<'t> {
    mention: &'t Mention,
    between: Between<'t>,
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
        if mention.range.start - end > BYTES_AFTER {
            return None;
        }
        let between = Between::read(&text[end..mention.range.start]);
        let distance = between.chars;
        (distance <= REACH_AFTER).then_some(Self { mention, between, distance })
    }

    /// What it says, and from how far.
    fn verdict(&self, text: &str, wanted: Cues) -> Option<(Context, usize)> {
        let between = &self.between;
        let crosses = between.ends_sentence() || between.text.bytes().any(|byte| byte == b'\n');
        if between.has_number() || crosses || introduces_number(text, self.mention.range.end) {
            return None;
        }
        // Behind a comma or a dash a new thought begins, which says less than a word before the number.
        let apart =
            if between.text.bytes().any(|byte| CLAUSE_MARKS.contains(&byte)) { REACH_AFTER } else { 0 };
        let context = match self.mention.cues {
            cues if cues.meets(wanted) => between.positive(),
            // Behind a number, a word of the shop is as likely the start of the next thought.
            cues if cues.meets(Cues::DECOY) => Context::Negative { adjacent: false },
            _ => Context::Other,
        };
        Some((context, self.distance + apart))
    }
}

/// Whether a number follows a cue so closely that the cue belongs to it.
fn introduces_number(text: &str, end: usize) -> bool {
    let rest = &text[end..];
    let near: usize = rest.chars().take(20).map(char::len_utf8).sum();
    let number = rest[..near].bytes().position(|byte| is_number_byte(byte) || byte == b'+');
    number.is_some_and(|at| !ends_sentence(&rest[..at]))
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
        lexicon.find(folded.text(), &mut mentions, &mut Vec::new());
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
