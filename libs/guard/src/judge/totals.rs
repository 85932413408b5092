//! Sums that are called so, what is missing to free delivery, and what is saved.

use std::ops::Range;

use smallvec::SmallVec;

use super::{
    Judge,
    sums::{ADDENDS_MAX, DISCOUNTS_MAX, UNNAMED_PRICES_MAX, subsets},
};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    report::{Field, Judgement},
    topic::Topic,
};

/// Pieces of one product that a sum without any named product may be of.
const UNNAMED_PIECES_MAX: i64 = 10;

impl Judge<'_> {
    pub(super) fn judge_total(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let here =
            self.sentence.mentions.iter().map(|mention| (mention.products.as_slice(), self.pieces(mention)));
        let before = self.context.items.iter().rev().map(|item| (item.products.as_slice(), item.pieces));
        let named: SmallVec<[(&[u32], Option<Amount>); 8]> = here.chain(before).take(ADDENDS_MAX).collect();
        let counts = self.counts(None, of);
        let mut parts: SmallVec<[Amount; 8]> = SmallVec::new();
        for (products, pieces) in &named {
            parts.extend(self.worth(products, *pieces));
        }
        // "both perfumes" are all that the word stands for.
        let every = named.iter().filter(|(products, _)| products.len() > 1).map(|(products, _)| {
            products.iter().filter_map(|id| self.worth(&[*id], None)).fold(Amount::ZERO, Amount::plus)
        });
        let every: SmallVec<[Amount; 8]> = every.collect();
        let must = self.added(Topic::Shipping);
        let discounts = self.discounts();
        let reaches = |sum: Amount| {
            let taken_off = discounts.iter().map(|percent| sum.less(*percent));
            std::iter::once(sum).chain(taken_off).any(|sum| self.with_fees(sum, amount, must))
        };
        let of_named = subsets(&parts, 1).any(|sum| counts.iter().any(|count| reaches(sum.times(*count))));
        // Once all of it was added up before, a part of it is no total.
        let whole = parts.iter().copied().fold(Amount::ZERO, Amount::plus);
        let added_up = parts.len() > 1 && self.context.stated.iter().any(|stated| stated.is(whole));
        let taxed = self.sentence.has(&[Class::Vat, Class::Install]);
        let right = if added_up {
            reaches(whole)
        } else {
            of_named
                || self.is_sum(amount)
                || self.adds_facts_up(amount, of)
                || self.adds_fees_to_said(amount, of)
                || every.iter().any(|sum| reaches(*sum))
                || (parts.is_empty() && self.is_any_total(amount, &reaches))
                || (parts.is_empty() && taxed && self.is_known(amount, of))
        };
        let verdict = match right {
            true => Verdict::Pass,
            false if !self.policy.catalogue.has_prices() || self.is_of_customer(of) => Verdict::Unsure,
            false => Verdict::Violate,
        };
        Judgement::new(Field::Total, verdict, of.clone()).truly(|| self.true_total(of))
    }

    /// A sum with no product named: some pieces of one, or one each of two.
    fn is_any_total(&self, amount: Amount, reaches: &impl Fn(Amount) -> bool) -> bool {
        let single = self
            .any_price()
            .any(|price| (1..=UNNAMED_PIECES_MAX).any(|count| reaches(price.times(Amount::whole(count)))));
        let fees = [
            Amount::ZERO,
            self.policy.shipping_fee.unwrap_or_default(),
            self.policy.cod_fee.unwrap_or_default(),
        ];
        single
            || fees.iter().any(|fee| {
                self.any_price().any(|price| self.policy.catalogue.is_price(amount.minus(*fee).minus(price)))
            })
    }

    /// What is missing to free delivery.
    pub(super) fn judge_remaining(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let Some(over) = self.policy.free_over else {
            return Judgement::new(Field::FreeOver, Verdict::Unsure, of.clone());
        };
        let missing = |worth: Amount| worth < over && over.minus(worth).is(amount);
        let said = self
            .sentence
            .values
            .iter()
            .filter(|value| value.low.unit.is_money())
            .map(|value| value.low.amount);
        let mut bases: SmallVec<[Amount; 16]> =
            said.filter(|said| !said.is(amount)).chain(self.context.stated.iter().copied()).collect();
        bases.extend(self.items_worth());
        let verdict = if amount.is(over)
            || bases.iter().any(|base| missing(*base))
            || subsets(&bases[..bases.len().min(ADDENDS_MAX)], 2).any(missing)
        {
            Verdict::Pass
        } else if bases.iter().all(|base| base.is(over)) {
            // The customer's basket is not known here.
            Verdict::Unsure
        } else {
            Verdict::Violate
        };
        Judgement::new(Field::FreeOver, verdict, of.clone())
    }

    /// Whether a product that is spoken of is reduced by this: "instead of 22. You keep 3.250 in your pocket".
    pub(super) fn is_saved(&self, amount: Amount) -> bool {
        let reduced = |id: &u32| {
            let product = self.policy.catalogue.product(*id)?;
            Some(product.compare_at?.minus(product.price?).is(amount))
        };
        (self.speaks_of_reduction() || self.sentence.has(&[Class::Was]))
            && self.named_products().iter().filter_map(reduced).any(|reduced| reduced)
    }

    pub(super) fn judge_saving(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let catalogue = &self.policy.catalogue;
        let named = self.named_products();
        let products: SmallVec<[u32; 16]> = if named.is_empty() {
            (0..u32::try_from(catalogue.products.len().min(UNNAMED_PRICES_MAX)).unwrap_or(0)).collect()
        } else {
            named.into_iter().take(16).collect()
        };
        let discounts = self.policy.discounts.iter().copied().take(DISCOUNTS_MAX);
        let saves = |id: &u32| {
            let product = catalogue.product(*id)?;
            let price = product.price?;
            let reduced = product.compare_at.is_some_and(|compare| compare.minus(price).is(amount));
            let counts = self.counts(None, of);
            let coupon = discounts
                .clone()
                .any(|percent| counts.iter().any(|count| price.times(*count).percent(percent).is(amount)));
            Some(
                reduced
                    || coupon
                    || (self.speaks_of_free_delivery()
                        && self.policy.shipping_fee.is_some_and(|fee| fee.is(amount))),
            )
        };
        let sum = self
            .items_worth()
            .is_some_and(|worth| discounts.clone().any(|percent| worth.percent(percent).is(amount)));
        let verdict = if sum || self.is_sum(amount) || products.iter().filter_map(saves).any(|saved| saved) {
            Verdict::Pass
        } else if catalogue.has_prices() || self.policy.coupons.is_some() {
            Verdict::Violate
        } else {
            Verdict::Unsure
        };
        Judgement::new(Field::Price, verdict, of.clone()).truly(|| self.true_saving())
    }
}
