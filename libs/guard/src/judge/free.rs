//! Delivery, or paying on delivery, that is said to cost nothing.

use std::ops::Range;

use super::{Judge, sums::ADDENDS_MAX, tokens_of};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::Value,
    report::{Field, Judgement, Truth},
    topic::{Anchor, Part, Topic},
};

/// Tokens between «الشحن» and «مجاني».
const REACH: usize = 6;
/// Tokens between «بدون رسوم» and «شحن».
const FEE_REACH: usize = 3;
/// Tokens from a waived fee to what is taken all the same.
const LIMIT_REACH: usize = 2;

impl Judge<'_> {
    pub(super) fn judge_free(&mut self) {
        let said = self.sentence.has(&[Class::Free, Class::NoFee, Class::Nothing]);
        for index in 0..if said { self.sentence.notes.len() } else { 0 } {
            let note = self.sentence.notes.at(index);
            // "no" is only about a fee if it says so.
            let waives = note.sense.is(Class::Nothing)
                && self.sentence.notes.any(index + note.len..index + note.len + 4, &[Class::Fee]);
            let reach = match (note.sense.is(Class::Free), note.sense.is(Class::NoFee) || waives) {
                (true, _) => REACH,
                (_, true) => FEE_REACH,
                _ => continue,
            };
            let free = index..index + note.len;
            let Some(anchor) = self.free_thing(&free, reach) else { continue };
            if self.is_left_out(&free, anchor) || self.denied_free(&free, &anchor.at) {
                continue;
            }
            let gap = if anchor.at.end <= free.start {
                free.start - anchor.at.end
            } else {
                anchor.at.start.saturating_sub(free.end)
            };
            let of = if gap <= 2 {
                anchor.at.start.min(free.start)..anchor.at.end.max(free.end)
            } else {
                free.clone()
            };
            // "no delivery fee"
            let charged = waives && self.sentence.notes.is(of.end, Class::Fee);
            let of = of.start..of.end + usize::from(charged);
            let judgement = match anchor.topic {
                Topic::Shipping => self.judge_free_delivery(of, &free),
                Topic::CashOnDelivery => judge_nothing(Field::CodFee, self.policy.cod_fee, of),
                // Free returns and exchanges are promises that no fact backs.
                _ => Judgement::new(Field::ReturnDays, Verdict::Unsure, of),
            };
            let again = self.out.iter().any(|other| {
                other.field == judgement.field
                    && other.tokens.start < judgement.tokens.end
                    && judgement.tokens.start < other.tokens.end
            });
            if !again {
                self.push(judgement);
            }
        }
    }

    fn free_thing(&self, free: &Range<usize>, reach: usize) -> Option<&Anchor> {
        let distance = |anchor: &Anchor| {
            let between = if anchor.at.end <= free.start {
                anchor.at.end..free.start
            } else {
                free.end..anchor.at.start
            };
            let crossed = between.clone().any(|index| {
                self.sentence.is_comma(index) && !matches!(self.sentence.tokens.word(index), "(" | ")")
                    || self.sentence.in_value(index) && anchor.at.start > free.start
            });
            (between.len() <= reach && !crossed).then_some(
                between.len() * 2
                    + usize::from(
                        anchor.at.start > free.start && self.sentence.notes.at(anchor.at.start).clitics.and,
                    ) * 8,
            )
        };
        let things = self.anchors.iter().filter(|anchor| {
            anchor.part != Part::Reference
                && matches!(
                    anchor.topic,
                    Topic::Shipping
                        | Topic::CashOnDelivery
                        | Topic::Return
                        | Topic::Exchange
                        | Topic::Warranty
                )
        });
        things
            .filter_map(|anchor| Some((distance(anchor)?, anchor)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, anchor)| anchor)
    }

    /// «٢٣٣ جنيه من غير مصاريف الشحن»: the amount is without the fees, which are not waived.
    fn is_left_out(&self, free: &Range<usize>, anchor: &Anchor) -> bool {
        let without = matches!(self.sentence.tokens.word(free.start), "بدون" | "دون" | "بلا" | "من");
        let the = self.sentence.notes.at(anchor.at.start).clitics.the && anchor.at.start >= free.end;
        let values = &mut self.sentence.values.iter();
        without && the && values.any(|value| value.low.unit.is_money() && value.end <= free.start)
    }

    fn denied_free(&self, free: &Range<usize>, thing: &Range<usize>) -> bool {
        let waives = self.sentence.notes.any(free.start..free.start + 1, &[Class::NoFee, Class::Nothing]);
        let all = free.start.min(thing.start)..free.end.max(thing.end);
        let ahead = all.start.saturating_sub(4)..free.start;
        let negated = !waives
            && ahead.rev().take_while(|index| !self.sentence.is_comma(*index)).any(|index| {
                let note = self.sentence.notes.at(index);
                matches!(self.sentence.tokens.word(index), "غير")
                    || (note.sense.is(Class::Neg) && !note.sense.is(Class::NoNeg))
            });
        // «ما ناخذ على التوصيل إلا ٢٥ ريال»
        let limited = waives
            && (all.end..all.end + LIMIT_REACH)
                .any(|index| matches!(self.sentence.tokens.word(index), "الا" | "غير" | "سوي" | "اكثر"));
        negated
            || limited
            || self.sentence.quoted(&all)
            || self.sentence.asked(&all)
            || (!waives && self.sentence.denied(&all))
            || self.denied_verb(&all)
    }

    /// Persian denies at the end: «ارسال رایگان نیست».
    fn denied_verb(&self, of: &Range<usize>) -> bool {
        matches!(self.sentence.tokens.word(of.end), "نيست" | "نداريم" | "نميباشد")
    }

    fn judge_free_delivery(&self, of: Range<usize>, free: &Range<usize>) -> Judgement {
        let judgement = judge_nothing(Field::ShippingFee, self.policy.shipping_fee, of);
        if judgement.verdict == Verdict::Pass {
            return judgement;
        }
        if self.is_conditional(free) {
            let verdict = if self.policy.free_over.is_some() { Verdict::Pass } else { Verdict::Unsure };
            return Judgement { verdict, truth: None, ..judgement };
        }
        // Only known to be free from some order value on.
        let verdict = if self.policy.free_over.is_some() { Verdict::Violate } else { judgement.verdict };
        Judgement { verdict, ..judgement }
    }

    /// Whether the sentence says from when on, or the order is worth it.
    fn is_conditional(&self, free: &Range<usize>) -> bool {
        let clause = self.sentence.clause(free);
        let said = self.out.iter().any(|other| other.field == Field::FreeOver)
            || self.context.short
            || self.speaks_of_what_is_missing()
            || self.sentence.notes.any(clause, &[Class::Cond]);
        let Some(over) = self.policy.free_over else { return said };
        // «سلتك ٢٤٠ ريال وبس ١٠ ريال»
        let rest = |value: &Value| {
            let missing = |said: Amount| said.plus(value.low.amount).is(over);
            self.said_before(&tokens_of(value)).take(ADDENDS_MAX).any(missing)
        };
        if self.sentence.values.iter().take(ADDENDS_MAX).any(rest) {
            return true;
        }
        let worth = |amount: Amount| amount >= over;
        let stated = self.context.stated.iter().copied().any(worth)
            || self.sentence.values.iter().any(|value| {
                value.low.unit.is_money()
                    && worth(value.low.amount)
                    && !self.sentence.not_said(&tokens_of(value))
            });
        said || stated || self.items_worth().is_some_and(worth)
    }
}

/// A fee that is said to be nothing.
fn judge_nothing(field: Field, fact: Option<Amount>, of: Range<usize>) -> Judgement {
    let verdict = match fact {
        None => Verdict::Unsure,
        Some(fee) if fee == Amount::ZERO => Verdict::Pass,
        Some(_) => Verdict::Violate,
    };
    Judgement::new(field, verdict, of).truly(|| fact.map(Truth::Money))
}
