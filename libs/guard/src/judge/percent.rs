//! Percentages of discounts and of tax.

use std::ops::Range;

use super::{Judge, tokens_of};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    product::Product,
    quantity::Value,
    report::{Field, Judgement, Truth},
    topic,
    unit::Unit,
};

/// Tokens between a coupon and the percentage that a verb gives it.
const OWN_REACH: usize = 5;

impl Judge<'_> {
    pub(super) fn judge_percents(&mut self) {
        for value in self.sentence.values.iter().filter(|value| value.low.unit == Unit::Percent) {
            let of = tokens_of(value);
            if self.sentence.not_said(&of) {
                continue;
            }
            let judgement = if self.is_tax(&of) {
                self.judge_tax(value)
            } else if self.is_reduction(&of) {
                self.judge_reduction(value)
            } else {
                continue;
            };
            self.push(judgement);
        }
        if self.sentence.has(&[Class::HalfPrice, Class::Promotion]) {
            self.judge_promotions();
        }
    }

    /// "Half price" is 50 percent off; what else is given away no fact speaks of.
    fn judge_promotions(&mut self) {
        for index in 0..self.sentence.notes.len() {
            let note = self.sentence.notes.at(index);
            let of = index..index + note.len;
            let half = note.sense.is(Class::HalfPrice);
            // "less than half the price of the coffee" compares.
            let compares = half && self.sentence.tokens.word(of.end) == "of";
            if compares || !(half || note.sense.is(Class::Promotion)) || self.sentence.not_said(&of) {
                continue;
            }
            let verdict = match &self.policy.coupons {
                Some(_) if half && self.backs(Amount::whole(50), None) => Verdict::Pass,
                Some(_) if half => Verdict::Violate,
                _ => Verdict::Unsure,
            };
            self.push(Judgement::new(Field::Percent, verdict, of));
        }
    }

    fn is_tax(&self, of: &Range<usize>) -> bool {
        self.sentence.before(of, 4, &[Class::Vat]) || self.sentence.behind(of, 4, &[Class::Vat])
    }

    /// «100٪ قطن» is none.
    fn is_reduction(&self, of: &Range<usize>) -> bool {
        let material = self.sentence.behind(of, 3, &[Class::Material])
            || self.sentence.before(of, 1, &[Class::Material]);
        let close = self.sentence.behind(of, 1, &[Class::Discount, Class::Coupon])
            || self.sentence.before(of, 2, &[Class::Discount, Class::Coupon, Class::Save]);
        if close || material {
            return close;
        }
        let clause = self.sentence.clause(of);
        let said = |classes: &[Class]| self.sentence.notes.any(clause.clone(), classes);
        // «والبطارية بعد سنة تنزل إلى ٩٠٪» lowers no price.
        !self.coupons.is_empty()
            || said(&[Class::Discount, Class::Coupon, Class::Save])
            || said(&[Class::Lower]) && !said(&[Class::Charge])
            || matches!(self.sentence.tokens.word(of.end), "علي" | "on" | "روي" | "off")
    }

    fn judge_tax(&self, value: &Value) -> Judgement {
        let of = tokens_of(value);
        match self.policy.vat_percent() {
            None => Judgement::new(Field::Percent, Verdict::Unsure, of),
            Some(rate) => {
                let verdict = if value.low.amount.is(rate) { Verdict::Pass } else { Verdict::Violate };
                Judgement::new(Field::Percent, verdict, of).truly(|| Some(Truth::Percent(rate)))
            }
        }
    }

    fn judge_reduction(&self, value: &Value) -> Judgement {
        let of = tokens_of(value);
        let nearest =
            self.coupons.iter().min_by_key(|(at, _)| topic::distance(&self.sentence, &(*at..at + 1), &of));
        let named = match nearest {
            Some((_, percent)) => *percent,
            None => self.context.coupon,
        };
        let own = nearest.is_some_and(|(at, _)| self.is_of_coupon(*at, &of));
        let priced = named.is_none() && self.tells_reduction();
        let backed =
            [value.low, value.high].iter().map(|quantity| quantity.amount).all(|percent| match named {
                Some(named) if own => named.is(percent),
                _ if priced => self.reduced_by(percent),
                _ => self.backs(percent, named),
            });
        let verdict = match (backed, self.policy.coupons.is_some()) {
            (true, _) => Verdict::Pass,
            (false, true) => Verdict::Violate,
            (false, false) => Verdict::Unsure,
        };
        Judgement::new(Field::Percent, verdict, of).truly(|| self.true_percent(named))
    }

    /// «كود DAR20 ينزل عشرين بالمية», "DAR20 takes 20%": what a coupon gives, whatever is reduced beside it.
    fn is_of_coupon(&self, code: usize, of: &Range<usize>) -> bool {
        let other = |index: usize| {
            let word = self.sentence.tokens.word(index);
            self.sentence.is_comma(index)
                || self.sentence.notes.at(index).clitics.the
                || self.sentence.notes.at(index).clitics.and
                || self.sentence.notes.any(index..index + 1, &[Class::And, Class::With, Class::Over])
                || matches!(word, "the" | "on" | "top" | "already" | "علي" | "غير" | "your" | "this")
                || self.sentence.mentions.iter().any(|mention| (mention.start..mention.end).contains(&index))
        };
        code < of.start && of.start - code <= OWN_REACH && !(code + 1..of.start).any(other)
    }

    /// "15% off: 2,350 instead of 2,500": whether what a product costs and did cost are both said, and no coupon is.
    fn tells_reduction(&self) -> bool {
        if self.sentence.has(&[Class::Coupon, Class::Code]) || !self.coupons.is_empty() {
            return false;
        }
        let stated = |amount: Amount| {
            let values = self.sentence.values.iter().map(|value| value.low.amount);
            let bare = self.sentence.bare.iter().map(|bare| bare.amount);
            values.chain(bare).chain(self.context.stated.iter().copied()).any(|said| said.is(amount))
        };
        let products = self.named_products();
        products.iter().filter_map(|id| self.policy.catalogue.product(*id)).any(|product| {
            product
                .price
                .zip(product.compare_at)
                .is_some_and(|(price, compare)| stated(price) && stated(compare))
        })
    }

    /// The percentage of the named coupon, or of the only reduction that there is.
    fn true_percent(&self, named: Option<Amount>) -> Option<Truth> {
        let only = match self.policy.discounts[..] {
            [only] if !self.policy.catalogue.has_compares() => Some(only),
            _ => None,
        };
        named.or(only.filter(|_| self.coupons.is_empty())).map(Truth::Percent)
    }

    /// Whether a coupon, the named one if any, or a reduced price gives this percentage.
    fn backs(&self, percent: Amount, named: Option<Amount>) -> bool {
        let coupon = match named {
            Some(named) => named.is(percent),
            None => self.policy.discounts.iter().any(|known| known.is(percent)),
        };
        // A coupon's own percentage is not that of a reduced price.
        let reduced = named.is_none() || !self.sentence.mentions.is_empty() || self.coupons.is_empty();
        coupon || (reduced && self.reduced_by(percent))
    }

    fn reduced_by(&self, percent: Amount) -> bool {
        let catalogue = &self.policy.catalogue;
        let named: Vec<u32> = self.named_products();
        if named.is_empty() {
            return catalogue.products.iter().any(|product| is_reduced_by(product, percent));
        }
        named.iter().filter_map(|id| catalogue.product(*id)).any(|product| is_reduced_by(product, percent))
    }

    /// «ناقص ٢٠٪»: the percentage of a coupon.
    fn is_percent_off(&self, value: &Value) -> bool {
        value.low.unit == Unit::Percent
            && self.policy.discounts.iter().any(|percent| percent.is(value.low.amount))
    }

    pub(super) fn speaks_of_reduction(&self) -> bool {
        self.context.reduced
            || self.context.coupon.is_some()
            || !self.coupons.is_empty()
            || self.sentence.values.iter().any(|value| self.is_percent_off(value))
            || self.sentence.has(&[Class::Discount, Class::Coupon, Class::Code, Class::Save, Class::Lower])
    }

    /// The products of the sentence, or else those named last.
    pub(super) fn named_products(&self) -> Vec<u32> {
        let here: Vec<u32> =
            self.sentence.mentions.iter().flat_map(|mention| mention.products.iter().copied()).collect();
        if here.is_empty() {
            self.context.items.last().map(|item| item.products.to_vec()).unwrap_or_default()
        } else {
            here
        }
    }
}

/// A percentage is said rounded to the next whole number, up or down.
fn is_reduced_by(product: &Product, percent: Amount) -> bool {
    let Some((price, compare)) = product.price.zip(product.compare_at) else { return false };
    let exact = compare.minus(price).times(Amount::whole(100)).over(compare).unwrap_or_default();
    let difference = if exact > percent { exact.minus(percent) } else { percent.minus(exact) };
    percent > Amount::ZERO && difference < Amount::ONE
}
