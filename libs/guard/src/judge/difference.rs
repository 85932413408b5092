//! Differences: what one thing costs more than another, «الفرق بين السجادة والمصباح ١٨٠».

use std::ops::Range;

use smallvec::SmallVec;

use super::{Judge, role::CUE_REACH, sums::ADDENDS_MAX};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::in_currency,
    report::{Field, Judgement, Truth},
    topic::{Anchor, Topic},
};

/// Tokens between a noun for a difference and its amount.
const NOUN_REACH: usize = 14;
/// Most amounts that are compared with each other.
const BASES_MAX: usize = 16;

impl Judge<'_> {
    /// Whether the words around it say that it is what two amounts differ by.
    pub(super) fn is_comparison(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let behind = match word(of.end) {
            "apart" | "cheaper" | "dearer" | "pricier" => true,
            "more" | "less" | "اكثر" | "اغلي" | "ارخص" | "اقل" => {
                matches!(word(of.end + 1), "than" | "من") && !self.is_dearer_to_pay(of)
            }
            word => self.sentence.has(&[Class::Save]) && is_noun(word),
        };
        behind || self.is_cheaper_by(of) || self.is_beyond_goods(of) || self.is_called_difference(of)
    }

    /// Judges what amounts are said to differ by; nothing is known of what is compared with something that is no fact.
    pub(super) fn judge_difference(&self, amount: Amount, of: &Range<usize>) -> Option<Judgement> {
        let bases = self.compared(of);
        let verdict = if is_difference_of(&bases, amount) || self.is_saving(amount, of) {
            Verdict::Pass
        } else if bases.len() > 1 {
            Verdict::Violate
        } else if !self.is_called_difference(of) || self.catalogue_differs_by(amount) {
            return None;
        } else {
            Verdict::Violate
        };
        let truth = || match bases[..] {
            [one, other] => Some(Truth::Money(if one > other { one.minus(other) } else { other.minus(one) })),
            _ => None,
        };
        Some(Judgement::new(Field::Price, verdict, of.clone()).truly(truth))
    }

    /// Whether two amounts that are spoken of differ by this.
    pub(super) fn differs(&self, amount: Amount, of: &Range<usize>) -> bool {
        is_difference_of(&self.compared(of), amount)
    }

    /// What may be compared here: prices of what is named, now and before a reduction, and amounts that are said.
    fn compared(&self, of: &Range<usize>) -> SmallVec<[Amount; BASES_MAX]> {
        let reduced = self.speaks_of_reduction() || self.sentence.has(&[Class::Was]);
        let here = self.sentence.mentions.iter().map(|mention| &mention.products[..]);
        let before = self.context.items.iter().rev().map(|item| &item.products[..]);
        let few = if self.sentence.mentions.len() > 1 { 0 } else { ADDENDS_MAX };
        let products = here.chain(before.take(few)).flatten();
        let products = products.filter_map(|id| self.policy.catalogue.product(*id));
        let prices = products
            .flat_map(|product| product.price.into_iter().chain(product.compare_at.filter(|_| reduced)));
        let mut bases = SmallVec::new();
        for base in prices.chain(self.said_before(of)).take(2 * BASES_MAX) {
            if bases.len() < BASES_MAX && !bases.contains(&base) {
                bases.push(base);
            }
        }
        bases
    }

    /// Amounts of the sentence but the one at `of`: those with a currency, and prices without.
    pub(super) fn said_before(&self, of: &Range<usize>) -> impl Iterator<Item = Amount> {
        let currency = self.policy.currency.as_deref();
        let values = self.sentence.values.iter().filter(|value| value.start != of.start);
        let values = values.flat_map(|value| [value.low, value.high]);
        let values = values.filter_map(move |quantity| in_currency(quantity, quantity.amount, currency));
        let bare = self.sentence.bare.iter().filter(|bare| bare.start != of.start);
        let catalogue = &self.policy.catalogue;
        let priced = bare.filter(|bare| {
            catalogue.is_price(bare.amount)
                || catalogue.is_compare(bare.amount)
                || self.is_written_as_money(&(bare.start..bare.end))
        });
        values.chain(priced.map(|bare| bare.amount))
    }

    /// Whether any two prices differ by this, where it is not known which are meant.
    fn catalogue_differs_by(&self, amount: Amount) -> bool {
        self.any_price().any(|price| self.policy.catalogue.is_price(price.plus(amount)))
    }

    /// "Paying on delivery costs 12 more than paying online": what paying so costs, and no comparison of goods.
    fn is_dearer_to_pay(&self, of: &Range<usize>) -> bool {
        let more = matches!(self.sentence.tokens.word(of.end), "more" | "اكثر" | "اغلي");
        let paid = |anchor: &Anchor| {
            anchor.topic == Topic::CashOnDelivery
                && anchor.at.end <= of.start
                && of.start - anchor.at.end <= CUE_REACH
        };
        more && self.sentence.mentions.is_empty() && self.anchors.iter().any(paid)
    }

    /// «الفرق بين السجادة والمصباح ١٨٠», "a gap of 60": a noun for it with no other amount between.
    fn is_called_difference(&self, of: &Range<usize>) -> bool {
        if !self.sentence.has(&[Class::Save]) {
            return false;
        }
        let near = of.start.saturating_sub(NOUN_REACH)..of.start;
        let mut near =
            near.rev().take_while(|index| !self.sentence.is_comma(*index) && !self.sentence.in_value(*index));
        near.any(|index| is_noun(self.sentence.tokens.word(index)))
    }

    /// «أرخص بـ ٣٠٠ من قبل», "cheaper by 300".
    fn is_cheaper_by(&self, of: &Range<usize>) -> bool {
        let word =
            |before: usize| of.start.checked_sub(before).map_or("", |index| self.sentence.tokens.word(index));
        let by = matches!(word(1), "ب" | "by");
        let attached = self.sentence.notes.at(of.start).clitics.by;
        (by || attached)
            && matches!(word(1 + usize::from(by)), "ارخص" | "اغلي" | "اقل" | "cheaper" | "dearer" | "pricier")
    }

    /// «أغلى من ليالي بـ ١٣١», "dearer than the rug by 131".
    fn is_beyond_goods(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let other = self.sentence.mentions.iter().rev().find(|mention| mention.end <= of.start);
        other.is_some_and(|other| {
            let than = (other.start.saturating_sub(2)..other.start)
                .find(|index| matches!(word(*index), "من" | "than" | "عن"));
            let more = than.and_then(|than| than.checked_sub(1)).map_or("", word);
            of.start - other.end <= 2
                && matches!(
                    more,
                    "اغلي"
                        | "ارخص"
                        | "اقل"
                        | "اكثر"
                        | "يزيد"
                        | "cheaper"
                        | "dearer"
                        | "pricier"
                        | "expensive"
                )
        })
    }
}

fn is_difference_of(bases: &[Amount], amount: Amount) -> bool {
    let differ = |one: &Amount| bases.iter().any(|other| one.minus(*other).is(amount));
    amount > Amount::ZERO && bases.iter().any(differ)
}

/// A noun for what two amounts differ by.
fn is_noun(word: &str) -> bool {
    let word = word.strip_prefix('و').unwrap_or(word);
    let word = word.strip_prefix("ال").unwrap_or(word);
    matches!(word, "difference" | "gap" | "فرق" | "بفرق" | "فارق" | "بفارق" | "فرقهم" | "تفاوت" | "اختلاف")
}
