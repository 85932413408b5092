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
    product::{Form, Mention},
    report::{Field, Judgement},
    topic::{Anchor, Part, Topic},
};

/// Pieces of one product that a sum without any named product may be of.
const UNNAMED_PIECES_MAX: i64 = 10;

/// Orders that delivery is reckoned for at once.
const ORDERS_MAX: i64 = 3;

/// Tokens between a fee that is added and its amount: "with delivery (1.500)".
const FEE_REACH: usize = 2;

/// Tokens between goods that an amount is for together.
const JOINT_MAX: usize = 4;

impl Judge<'_> {
    /// "S24 vs iPhone: 199.5 vs 239.9": goods first, and then as many amounts in their order.
    pub(super) fn is_respective(&self, amount: Amount, of: &Range<usize>) -> bool {
        let amounts = || self.sentence.values.iter().filter(|value| value.low.unit.is_money());
        let Some(first) = amounts().next() else { return false };
        let mentions = self.sentence.mentions;
        let named = mentions.iter().take_while(|mention| mention.end <= first.start).count();
        let place = amounts().take_while(|value| value.start < of.start).count();
        let meant = mentions.get(place).filter(|_| named > 1 && named == mentions.len() && place < named);
        meant.is_some_and(|mention| self.worth(&mention.products, None).is_some_and(|price| price.is(amount)))
            && amounts().count() >= named
    }

    /// Whether goods are named right before it, and the amount behind both is of both.
    pub(super) fn is_last_of_several(&self, mention: &Mention, of: &Range<usize>) -> bool {
        let before = self.sentence.mentions.iter().rev().find(|other| other.end <= mention.start);
        let Some(other) = before.filter(|_| mention.end <= of.start && mention.form != Form::Place) else {
            return false;
        };
        let between = other.end..mention.start;
        let joins = |index: usize| {
            self.sentence.notes.any(index..index + 1, &[Class::And, Class::Piece, Class::Pair, Class::With])
                || matches!(self.sentence.tokens.word(index), "+" | "," | "&" | "a" | "an" | "the" | "one")
                || self.sentence.notes.at(index).sense.number.is_some()
                || self.sentence.tokens.all.get(index).is_some_and(|token| token.value.is_some())
        };
        let priced = between.clone().any(|index| self.sentence.in_value(index));
        !priced
            && (mention.and || !between.is_empty())
            && between.len() <= JOINT_MAX
            && between.into_iter().all(joins)
    }

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
        let must = self.must_include_delivery(of);
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
        // "Total before tax: 127. Tax: 6.35. To pay: 133.35"
        let rest: SmallVec<[Amount; 8]> = self
            .context
            .stated
            .iter()
            .copied()
            .filter(|stated| !parts.contains(stated) && !stated.is(whole))
            .collect();
        let right = if added_up {
            reaches(whole) || subsets(&rest, 1).any(|rest| whole.plus(rest).is(amount))
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

    /// Whether delivery is said to be in it; not where it is added later, to come to another amount:
    /// "two come to 70; with delivery (25) that is 95".
    fn must_include_delivery(&self, of: &Range<usize>) -> bool {
        let later = |anchor: &Anchor| {
            anchor.at.start >= of.end
                && (of.end..anchor.at.start).any(|index| self.sentence.is_comma(index))
                && (anchor.at.end..anchor.at.end + FEE_REACH).any(|index| self.sentence.in_value(index))
        };
        self.anchors
            .iter()
            .any(|anchor| anchor.topic == Topic::Shipping && anchor.part == Part::Added && !later(anchor))
    }

    /// «اجمعهم بطلب واحد تدفع ٢٥ بدال ٥٠»: what delivery of two orders costs.
    pub(super) fn is_fee_of_several(&self, amount: Amount) -> bool {
        let fee = self.policy.shipping_fee.filter(|_| self.sentence.has(&[Class::Ship]));
        fee.is_some_and(|fee| (1..=ORDERS_MAX).any(|orders| fee.times(Amount::whole(orders)).is(amount)))
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
            .map(|value| value.low.amount)
            .chain(self.sentence.bare.iter().map(|bare| bare.amount));
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

    /// «خصم ١٥٪ على المكسرات = ١١٫١٠ ريال»: what a coupon takes off one of the prices.
    pub(super) fn is_taken_off(&self, prices: &[Amount], amount: Amount) -> bool {
        self.sentence.has(&[Class::Discount, Class::Save])
            && self
                .discounts()
                .iter()
                .any(|percent| prices.iter().any(|price| price.percent(*percent).is(amount)))
    }

    /// Whether a reduced price, a coupon or free delivery saves this.
    pub(super) fn is_saving(&self, amount: Amount, of: &Range<usize>) -> bool {
        let catalogue = &self.policy.catalogue;
        let named = self.named_products();
        let products: SmallVec<[u32; 16]> = if named.is_empty() {
            (0..u32::try_from(catalogue.products.len().min(UNNAMED_PRICES_MAX)).unwrap_or(0)).collect()
        } else {
            named.into_iter().take(16).collect()
        };
        let discounts = self.policy.discounts.iter().copied().take(DISCOUNTS_MAX);
        let counts = self.counts(None, of);
        let saves = |id: &u32| {
            let product = catalogue.product(*id)?;
            let price = product.price?;
            let saved = |count: &Amount| {
                let price = price.times(*count);
                let reduced =
                    product.compare_at.is_some_and(|compare| compare.times(*count).minus(price).is(amount));
                reduced || discounts.clone().any(|percent| price.percent(percent).is(amount))
            };
            Some(counts.iter().any(saved))
        };
        let sum = || {
            self.items_worth()
                .is_some_and(|worth| discounts.clone().any(|percent| worth.percent(percent).is(amount)))
        };
        let waived =
            self.speaks_of_free_delivery() && self.policy.shipping_fee.is_some_and(|fee| fee.is(amount));
        waived || products.iter().filter_map(saves).any(|saved| saved) || sum()
    }

    pub(super) fn judge_saving(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let verdict = if self.is_saving(amount, of) || self.is_sum(amount) {
            Verdict::Pass
        } else if self.policy.catalogue.has_prices() || self.policy.coupons.is_some() {
            Verdict::Violate
        } else {
            Verdict::Unsure
        };
        Judgement::new(Field::Price, verdict, of.clone()).truly(|| self.true_saving())
    }
}
