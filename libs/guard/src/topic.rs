//! What a value is about: the nearest product or policy noun, by a distance that knows commas and conjunctions.

mod apart;

use std::ops::Range;

use smallvec::SmallVec;

use crate::{
    lexicon::{Class, Classes},
    sentence::Sentence,
};
use apart::{is_charging, is_fee_for_cash, is_meant_for, is_paid_out, is_sent, is_sum_with};

/// What a value may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A mention of products, by its index.
    Product(usize),
    Shipping,
    CashOnDelivery,
    Total,
    Return,
    Exchange,
    Warranty,
    Vat,
    /// Time that passed, ages, how long things last: nothing that a shop promises.
    Past,
    /// How long an offer holds or an order is prepared: no fact says.
    Other,
    /// When somebody replies.
    Contact,
    /// When money comes back to a card.
    Payout,
}

/// How a topic takes part in its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Values may be about it.
    Plain,
    /// It is added to something else: «مع الشحن».
    Added,
    /// It is left out of something: «بدون الشحن».
    LeftOut,
    /// Only a point in time: «من تاريخ الاستلام», or an object: «شحن العباية».
    Reference,
}

/// A topic at its place.
#[derive(Debug, Clone)]
pub(crate) struct Anchor {
    pub(crate) topic: Topic,
    pub(crate) part: Part,
    pub(crate) at: Range<usize>,
    /// «و» is written before it.
    and: bool,
    /// «ل» is written before it.
    to: bool,
}

impl Anchor {
    /// Whether it begins another statement than the value before it: «٨٩ ريال ورسوم التوصيل صفر»,
    /// "order two (SAR 378), you skip the delivery fee of SAR 22".
    pub(crate) fn is_of_next(&self, sentence: &Sentence<'_>, of: &Range<usize>) -> bool {
        let between = of.end..self.at.start;
        if between.is_empty() || between.len() > COST_MAX {
            return false;
        }
        let stopped = || between.clone().any(|index| sentence.is_comma(index));
        let valued = || {
            let mut behind = self.at.end..self.at.end + 3;
            behind
                .find(|index| sentence.is_comma(*index) || sentence.is_counted(*index))
                .is_some_and(|index| sentence.is_counted(index))
        };
        let and = |index: usize| sentence.notes.at(index).clitics.and;
        let parted = || stopped() || between.clone().any(|index| sentence.notes.is(index, Class::And));
        between.clone().any(and) || valued() && parted()
    }

    /// Whether it is what the value right before it is for: «١٢ ريال للتوصيل», "12 riyals for delivery".
    pub(crate) fn is_for(&self, sentence: &Sentence<'_>, of: &Range<usize>) -> bool {
        self.at.start == of.end && !self.and
            || self.at.start == of.end + 1 && sentence.notes.is(of.end, Class::For)
    }
}

/// Farther than this is about something else.
const COST_MAX: usize = 24;
/// Tokens of the longest aside in brackets that weighs nothing.
const ASIDE_MAX: usize = 20;
/// How near a word for past time must be, and what it weighs against a policy noun.
const PAST_REACH: usize = 6;
const PAST_WEIGHT: usize = 4;

const NOUNS: [(Class, Topic); 13] = [
    (Class::Cod, Topic::CashOnDelivery),
    (Class::Ship, Topic::Shipping),
    (Class::Total, Topic::Total),
    (Class::Exchange, Topic::Exchange),
    (Class::Return, Topic::Return),
    (Class::Refund, Topic::Payout),
    (Class::Warranty, Topic::Warranty),
    (Class::Vat, Topic::Vat),
    (Class::Since, Topic::Past),
    (Class::Other, Topic::Other),
    (Class::Contact, Topic::Contact),
    (Class::Holds, Topic::Other),
    (Class::Service, Topic::Past),
];

/// All topics of a sentence in order.
pub(crate) fn anchors(sentence: &Sentence<'_>, found: &mut Vec<Anchor>) {
    found.clear();
    let mut mentions = sentence.mentions.iter().enumerate().peekable();
    for index in 0..sentence.notes.len() {
        if let Some((id, mention)) = mentions.next_if(|(_, mention)| mention.start == index) {
            let at = mention.start..mention.end;
            let after_ship = found.last().is_some_and(|last| {
                (last.topic == Topic::Shipping || is_charging(sentence, &last.at))
                    && governs(sentence, &last.at, &at)
            });
            // «كفر للآيفون», and «فلاتر لقمع V60» where both words name the other
            let fitted = found.last().is_some_and(|last| {
                let again = last.part == Part::Reference && last.at.end == at.start;
                matches!(last.topic, Topic::Product(_))
                    && (again || is_meant_for(sentence, &last.at, &at, mention.to))
            });
            let part = if after_ship || fitted { Part::Reference } else { Part::Plain };
            found.push(Anchor { topic: Topic::Product(id), part, at, and: mention.and, to: mention.to });
            continue;
        }
        if found.last().is_some_and(|last| index < last.at.end) {
            continue;
        }
        let note = sentence.notes.at(index);
        if note.sense.classes == Classes::default() {
            continue;
        }
        let Some((_, topic)) = NOUNS.iter().find(|(class, _)| note.sense.is(*class)) else { continue };
        let at = index..index + note.len;
        let mut topic = match *topic {
            Topic::Shipping if is_charging(sentence, &at) => Topic::Past,
            // "refunds arrive 3 to 5 days after that"
            Topic::Shipping
                if found
                    .last()
                    .is_some_and(|last| last.topic == Topic::Payout && last.at.end == at.start) =>
            {
                continue;
            }
            topic => topic,
        };
        // «الضمان ساري لمدة سنة» is about the warranty.
        let holds =
            note.sense.is(Class::Holds) && found.last().is_some_and(|last| is_held(sentence, last, &at));
        if holds {
            continue;
        }
        if note.sense.is(Class::Cod) && at.len() == 1 && !is_fee_for_cash(sentence, index) {
            continue;
        }
        if topic == Topic::Return && is_paid_out(sentence, &at) {
            topic = Topic::Payout;
        } else if matches!(topic, Topic::Return | Topic::Payout) {
            let clause = sentence.clause(&at);
            if sentence.notes.any(clause.clone(), &[Class::Bank])
                && sentence.notes.any(clause, &[Class::Refund])
            {
                topic = Topic::Payout;
            } else if topic == Topic::Payout && !is_sent(sentence, index) {
                continue;
            }
        }
        let part = part_of(sentence, &at, topic, found.last());
        found.push(Anchor { topic, part, at, and: note.clitics.and, to: note.clitics.to });
    }
}

/// Whether a verb that says how long something holds is about the window before it.
fn is_held(sentence: &Sentence<'_>, window: &Anchor, verb: &Range<usize>) -> bool {
    matches!(window.topic, Topic::Return | Topic::Exchange | Topic::Warranty)
        && (window.at.end..verb.start).all(|index| !sentence.is_comma(index) && !sentence.in_value(index))
}

/// «شحن العباية», "delivery of the abaya".
fn governs(sentence: &Sentence<'_>, noun: &Range<usize>, object: &Range<usize>) -> bool {
    let between = noun.end..object.start;
    let joined = between.len() <= 2
        && between
            .clone()
            .all(|index| matches!(sentence.tokens.word(index), "of" | "the" | "your" | "for" | "a"));
    let note = sentence.notes.at(object.start);
    let apart = note.clitics.and || note.clitics.by;
    let english = between.is_empty() && sentence.tokens.word(noun.start).is_ascii();
    joined && !apart && !english
}

fn part_of(sentence: &Sentence<'_>, at: &Range<usize>, topic: Topic, last: Option<&Anchor>) -> Part {
    let note = sentence.notes.at(at.start);
    if note.sense.is(Class::Ref) {
        let after_time = at.start > 0
            && (sentence.in_value(at.start - 1) || at.start > 1 && sentence.in_value(at.start - 2));
        return if sentence.tokens.word(at.start) == "of" && !after_time {
            Part::Plain
        } else {
            Part::Reference
        };
    }
    // «من تاريخ» and then the noun.
    let close = at.start.saturating_sub(3)..at.start;
    let referred = close.clone().any(|index| {
        let note = sentence.notes.at(index);
        note.sense.is(Class::RefTo) && index + note.len + 1 >= at.start
    });
    if referred {
        return Part::Reference;
    }
    if !matches!(topic, Topic::Shipping | Topic::CashOnDelivery | Topic::Vat) {
        return Part::Plain;
    }
    if topic == Topic::Shipping && is_sum_with(sentence, at) {
        return Part::Added;
    }
    for index in close.rev() {
        let note = sentence.notes.at(index);
        let end = index + note.len;
        let plus = sentence.tokens.word(index) == "+";
        if sentence.in_value(index) || (sentence.is_comma(index) && !plus) {
            break;
        }
        let gap = (end..at.start).all(|index| {
            sentence.notes.any(index..index + 1, &[Class::Fee])
                || matches!(sentence.tokens.word(index), "the" | "any" | "اي")
        });
        if !gap {
            continue;
        }
        // «+ الشحن ٢٥» is an addend of its own.
        let added = sentence.tokens.word(index) == "+"
            && !sentence.in_value(at.end)
            && !sentence.in_value(at.end + 1);
        if note.sense.is(Class::Without) || added {
            return Part::LeftOut;
        }
        if note.sense.is(Class::With) {
            return Part::Added;
        }
    }
    // "shipping and COD included"
    let included = (at.end..at.end + 4)
        .take_while(|index| !sentence.in_value(*index) && !sentence.is_comma(*index))
        .find(|index| matches!(sentence.tokens.word(*index), "included" | "inclusive" | "مشمول" | "مشموله"));
    if let Some(included) = included {
        let denied = sentence.notes.any(at.end..included, &[Class::Neg, Class::AfterNeg]);
        return if denied { Part::LeftOut } else { Part::Added };
    }
    // «شامل الضريبة والشحن»
    match last {
        Some(last) if matches!(last.part, Part::Added | Part::LeftOut) => {
            let attached = note.clitics.and && last.at.end + 1 >= at.start;
            let apart = last.at.end + 1 == at.start && sentence.notes.is(last.at.end, Class::And);
            if attached || apart { last.part } else { Part::Plain }
        }
        _ => Part::Plain,
    }
}

/// How far `anchor` is from a value at `of`, in tokens and what they weigh.
fn cost(sentence: &Sentence<'_>, anchor: &Anchor, of: &Range<usize>) -> Option<usize> {
    let base = if anchor.at.end <= of.start {
        0
    } else if anchor.at.start >= of.end {
        let connected = anchor.to
            || (of.end.max(anchor.at.start.saturating_sub(2))..anchor.at.start).any(|index| {
                sentence.notes.is(index, Class::For) || matches!(sentence.tokens.word(index), "to" | "ل")
            });
        let conjunction = if anchor.and { 14 } else { 0 };
        // "your 289 SAR abaya"
        let goods = matches!(anchor.topic, Topic::Product(_)) && anchor.at.start == of.end;
        let attribute = goods && sentence.tokens.word(anchor.at.start).is_ascii();
        conjunction + if connected || attribute { 0 } else { 3 }
    } else {
        return None;
    };
    let between = between(&anchor.at, of);
    let near = between.len() <= COST_MAX;
    near.then(|| base + distance(sentence, &anchor.at, of))
}

/// The tokens between two places of a sentence.
fn between(at: &Range<usize>, of: &Range<usize>) -> Range<usize> {
    if at.end <= of.start { at.end..of.start } else { of.end..at.start }
}

/// What the tokens between a noun and a value weigh.
pub(crate) fn distance(sentence: &Sentence<'_>, at: &Range<usize>, of: &Range<usize>) -> usize {
    let before = at.end <= of.start;
    let mut total = 0;
    let mut crossed = None;
    let between = between(at, of);
    let mut aside = 0;
    for index in between.clone() {
        if index < aside {
            continue;
        }
        // "the lamp (copper, 40 cm, dimmable) costs"
        if before && sentence.tokens.word(index) == "(" {
            let close = (index..between.end).find(|index| sentence.tokens.word(*index) == ")");
            aside = close.map_or(0, |close| close + 1).min(index + ASIDE_MAX);
        }
        total += 1;
        let note = sentence.notes.at(index);
        if sentence.is_comma(index) {
            total += if matches!(sentence.tokens.word(index), "(" | ")" | "\"" | "«" | "»") {
                0
            } else if before {
                3
            } else {
                9
            };
        } else if note.sense.is(Class::And) || note.clitics.and {
            total += if before { 3 } else { 14 };
        }
        let value = sentence.value_at(index);
        if value.is_some() && value != crossed {
            total += 6;
            crossed = value;
        }
    }
    // «و30 يوما للاستبدال»: a new conjunct begins at the value.
    if before && sentence.notes.at(of.start).clitics.and {
        total += 3;
    }
    total
}

/// The anchors that values of one kind are about, kept apart so that each is used once where possible.
pub(crate) struct Links<'a> {
    anchors: &'a [Anchor],
    used: SmallVec<[bool; 32]>,
}

impl<'a> Links<'a> {
    pub(crate) fn new(anchors: &'a [Anchor]) -> Self {
        Self { anchors, used: smallvec::smallvec![false; anchors.len()] }
    }

    /// The nearest anchor that `eligible` accepts.
    pub(crate) fn nearest(
        &mut self,
        sentence: &Sentence<'_>,
        of: &Range<usize>,
        eligible: impl Fn(&Anchor) -> bool,
    ) -> Option<&'a Anchor> {
        let anchors = self.anchors;
        // Most of a long sentence is too far away to be asked anything else.
        let near = |anchor: &Anchor| between(&anchor.at, of).len() <= COST_MAX;
        let candidates = anchors.iter().enumerate().filter(|(_, anchor)| near(anchor) && eligible(anchor));
        let costs = candidates.filter_map(|(index, anchor)| {
            let reused = if self.used[index] { 5 } else { 0 };
            // «الضمان يستمر سنتين» is about the warranty.
            let weak = if anchor.topic == Topic::Past { PAST_WEIGHT } else { 0 };
            let cost = cost(sentence, anchor, of)? + reused + weak;
            let near = anchor.topic != Topic::Past || cost <= PAST_REACH + PAST_WEIGHT;
            (cost <= COST_MAX && near).then_some((cost, index))
        });
        let (_, index) = costs.min()?;
        self.used[index] = true;
        Some(&anchors[index])
    }

    /// The anchors joined to `anchor` by «و» or "or": «الإرجاع والاستبدال».
    pub(crate) fn joined(&self, sentence: &Sentence<'_>, anchor: &Anchor) -> SmallVec<[Topic; 2]> {
        let mut topics: SmallVec<[Topic; 2]> = smallvec::smallvec![anchor.topic];
        for other in self.anchors.iter().filter(|other| other.at != anchor.at && other.part == Part::Plain) {
            let (first, second) =
                if other.at.start < anchor.at.start { (other, anchor) } else { (anchor, other) };
            let between = first.at.end..second.at.start;
            let joint = between.is_empty() && second.and
                || (1..=2).contains(&between.len())
                    && between.clone().all(|index| {
                        matches!(
                            sentence.tokens.word(index),
                            "/" | "or" | "and" | "او" | "و" | "يا" | "the" | "&"
                        )
                    })
                || between.len() == 1 && matches!(sentence.tokens.word(between.start), "," | "/");
            let windows = |topic| matches!(topic, Topic::Return | Topic::Exchange | Topic::Warranty);
            if joint && windows(other.topic) && windows(anchor.topic) && !topics.contains(&other.topic) {
                topics.push(other.topic);
            }
        }
        topics
    }
}
