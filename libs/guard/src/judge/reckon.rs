//! Amounts that a reckoning in the answer itself comes to: "189 + 22 = 211", "so that makes 211".

use std::ops::Range;

use smallvec::SmallVec;

use super::{Judge, role::CUE_REACH, sums::ADDENDS_MAX, tokens_of};
use crate::{
    amount::Amount,
    lexicon::Class,
    quantity::Value,
    topic::{Anchor, Topic},
};

/// Tokens of the longest breakdown of a sum in brackets.
const BREAKDOWN_MAX: usize = 40;

/// Tokens from a fee with its amount back to the word that adds it: "with the KD 1.500".
const WITH_REACH: usize = 4;

impl Judge<'_> {
    /// «التوصيل ٢٢ ريال ويصير ٢١١»: what it all comes to, once an amount of the noun before it is said.
    pub(super) fn is_result_behind(&self, anchor: Option<&Anchor>, of: &Range<usize>) -> bool {
        let Some(anchor) = anchor.filter(|anchor| anchor.at.end <= of.start) else { return false };
        let near = of.start.saturating_sub(CUE_REACH)..of.start;
        let result = near.clone().rev().take_while(|index| !self.sentence.in_value(*index)).find(|index| {
            let word = self.sentence.tokens.word(*index);
            // "with the 1.500 shipping fee it's 7.200"
            let with = || {
                let near = anchor.at.start.saturating_sub(WITH_REACH)..anchor.at.start;
                self.sentence.notes.any(near, &[Class::With])
            };
            is_result(word.strip_prefix(['و', 'ف']).filter(|rest| rest.chars().count() > 2).unwrap_or(word))
                || matches!(word, "it's" | "you're" | "ميشود") && with()
        });
        // "with 15 QAR delivery that's 135"
        let charged =
            || self.sentence.values.iter().any(|value| anchor.is_for(&self.sentence, &tokens_of(value)));
        // «٣٠ توصيل يعني»
        let counted = |index: usize| self.sentence.tokens.all[index].value.is_some();
        result.is_some_and(|word| {
            word >= anchor.at.end
                && ((anchor.at.end..word).any(|index| self.sentence.in_value(index) || counted(index))
                    || anchor
                        .at
                        .start
                        .checked_sub(1)
                        .is_some_and(|before| counted(before) && !self.sentence.in_value(before))
                    || charged())
        })
    }

    /// «تدفع ٢٥٣ ريال للمندوب», "pay 253 to the courier": all that is paid, and not what the courier takes.
    fn is_handed_over(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let courier = match word(of.end) {
            "to" => matches!(word(of.end + 2), "courier" | "driver" | "rider"),
            word => word == "للمندوب",
        };
        courier && self.sentence.before(of, CUE_REACH, &[Class::Price, Class::Total])
    }

    /// «يعني يوصلك بـ ١٢٩»: whether a word for a result is right before it.
    pub(super) fn is_reckoned_up(&self, of: &Range<usize>) -> bool {
        (of.start.saturating_sub(CUE_REACH)..of.start)
            .any(|index| is_result(self.sentence.tokens.word(index)))
    }

    /// «الاتنين هيبقوا ٤٤٥», "the earbuds (249) with the charger (119) make 386": what goods come to together.
    pub(super) fn is_together(&self, of: &Range<usize>) -> bool {
        if self.is_handed_over(of) {
            return true;
        }
        let near = of.start.saturating_sub(CUE_REACH)..of.start;
        let mut near = near.rev().take_while(|index| !self.sentence.is_comma(*index));
        let together = near.any(|index| {
            matches!(
                self.sentence.tokens.word(index),
                "make"
                    | "both"
                    | "together"
                    | "that's"
                    | "الاتنين"
                    | "الاثنين"
                    | "الثنتين"
                    | "كلاهما"
                    | "هيبقوا"
                    | "يبقوا"
                    | "يصيرون"
                    | "بيصيرون"
                    | "يطلعون"
                    | "بيطلعون"
                    | "تساوي"
                    | "يساوي"
            )
        });
        let several = self.sentence.mentions.iter().any(|mention| mention.products.len() > 1);
        together && !self.is_each(of) && (several || self.worths().nth(1).is_some())
    }

    /// "If paying in cash, prepare AED 385": goods with the fee for it, named in a clause of its own.
    pub(super) fn includes_cash(&self, anchor: Option<&Anchor>, amount: Amount, of: &Range<usize>) -> bool {
        let (Some(cash), Some(anchor)) = (self.policy.cod_fee, anchor) else { return false };
        let apart = (anchor.at.end..of.start).any(|index| self.sentence.is_comma(index));
        let goods = amount.minus(cash);
        // "133 by card, or 138 in cash since the driver collects a 5 fee"
        let said = |value: &Value| value.end <= of.start && value.low.amount.is(goods);
        if anchor.at.start > of.end + 1 && self.sentence.values.iter().any(said) {
            return true;
        }
        apart
            && !self.sentence.notes.any(self.sentence.clause(of), &[Class::Fee])
            && [Amount::ZERO, self.policy.shipping_fee.unwrap_or_default()]
                .iter()
                .any(|fee| self.policy.catalogue.is_price(goods.minus(*fee)))
    }

    /// «٣٤٥ + ٣٠ + ١٠ = ٣٨٥», where each addend is a fact.
    pub(super) fn adds_facts_up(&self, amount: Amount, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let (mut sum, mut addends, mut at) = (Amount::ZERO, 0, of.start);
        while at >= 2 && addends < ADDENDS_MAX && word(at - 1) == if addends == 0 { "=" } else { "+" } {
            let number = self.sentence.bare.iter().find(|bare| bare.end == at - 1);
            let value = self.sentence.values.iter().find(|value| value.end == at - 1);
            let said = number.map(|bare| (bare.amount, bare.start));
            let said = said.or_else(|| value.map(|value| (value.low.amount, value.start)));
            let Some((addend, start)) = said.filter(|(addend, _)| self.is_known(*addend, of)) else {
                return false;
            };
            (sum, addends, at) = (sum.plus(addend), addends + 1, start);
        }
        addends > 1 && sum.is(amount)
    }

    /// Whether it is what the facts in the brackets behind it add up to: «٢٢٩ ريال (١٨٩ العطر + ٢٢ توصيل + ١٨ رسوم)»;
    /// none if those are no facts.
    pub(super) fn breaks_down(&self, amount: Amount, of: &Range<usize>) -> Option<bool> {
        let word = |index: usize| self.sentence.tokens.word(index);
        let open = (of.end..of.end + 2).find(|index| word(*index) == "(")?;
        let end = (open..self.sentence.notes.len()).take(BREAKDOWN_MAX).find(|index| word(*index) == ")")?;
        let plus = (open..end).filter(|index| word(*index) == "+").count();
        let within = |start: usize| (open..end).contains(&start);
        let bare = self.sentence.bare.iter().filter(|bare| within(bare.start)).map(|bare| bare.amount);
        let values = self.sentence.values.iter().filter(|value| within(value.start));
        let addends: SmallVec<[Amount; 8]> = bare.chain(values.map(|value| value.low.amount)).collect();
        let known =
            plus > 0 && addends.len() == plus + 1 && addends.iter().all(|addend| self.is_known(*addend, of));
        known.then(|| addends.into_iter().fold(Amount::ZERO, Amount::plus).is(amount))
    }

    /// «٩٠ ريال قبل التوصيل و١١٢ بعد التوصيل»: an amount said before with the fees that are spoken of.
    pub(super) fn adds_fees_to_said(&self, amount: Amount, of: &Range<usize>) -> bool {
        let fee = |topic, fact: Option<Amount>| {
            fact.filter(|_| self.anchors.iter().any(|anchor| anchor.topic == topic)).unwrap_or_default()
        };
        let shipping = fee(Topic::Shipping, self.policy.shipping_fee);
        let cash = fee(Topic::CashOnDelivery, self.policy.cod_fee);
        let waived = |said: Amount| self.policy.free_over.is_some_and(|over| said >= over);
        let said =
            self.sentence.values.iter().filter(|value| value.end <= of.start && value.low.unit.is_money());
        said.map(|value| value.low.amount).take(ADDENDS_MAX).any(|said| {
            let shipped = !waived(said) && shipping > Amount::ZERO;
            (cash > Amount::ZERO && said.plus(cash).is(amount))
                || (shipped && (said.plus(shipping).is(amount) || said.plus(shipping).plus(cash).is(amount)))
        })
    }
}

/// A word for what a reckoning comes to.
fn is_result(word: &str) -> bool {
    matches!(
        word,
        "يصير"
            | "تصير"
            | "بيصير"
            | "بتصير"
            | "يصيرون"
            | "بيصيرون"
            | "يصبح"
            | "يعني"
            | "يبقي"
            | "يبقوا"
            | "هيبقي"
            | "تبقي"
            | "يكون"
            | "بيكون"
            | "so"
            | "making"
            | "makes"
            | "bringing"
            | "becomes"
            | "that's"
            | "pay"
            | "تدفع"
            | "تدفعين"
            | "تدفعي"
            | "تدفعون"
    )
}
