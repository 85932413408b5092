//! Amounts that follow from the facts: several pieces, sums, fees added, discounts taken off.

use std::ops::Range;

use smallvec::SmallVec;

use super::Judge;
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::Bare,
    report::{Field, Judgement},
    topic::{Part, Topic},
};

/// Most numbers of pieces that are tried for one amount.
const PIECES_MAX: usize = 6;
/// Most coupons that are tried where none is named.
pub(super) const DISCOUNTS_MAX: usize = 8;
/// Tokens between a number of pieces and what they cost.
const COUNT_REACH: usize = 3;
/// Tokens before an amount that answers what the sentence before asked.
const OPEN_REACH: usize = 6;
/// Tokens between a word for an order and its number.
const ORDER_REACH: usize = 5;
/// Digits of the shortest number of an order.
const ORDER_DIGITS_MIN: usize = 4;
/// Most addends of a sum.
pub(super) const ADDENDS_MAX: usize = 6;
/// Most prices that such sums are tried with.
pub(super) const UNNAMED_PRICES_MAX: usize = 200;

impl Judge<'_> {
    pub(super) fn judge_product(&self, mention: usize, amount: Amount, of: &Range<usize>) -> Judgement {
        let mention = &self.sentence.mentions[mention];
        let pieces = self.pieces(mention);
        let judged = self.judge_goods(&mention.products, pieces, amount, of);
        let known = || self.is_addend(of) && self.is_known(amount, of) || self.is_respective(amount, of);
        if judged.verdict == Verdict::Violate && known() {
            return Judgement::new(judged.field, Verdict::Pass, of.clone());
        }
        // «ثوبين وشماغ: ٤٣٥» is the sum of both.
        if self.is_last_of_several(mention, of) {
            return Judgement { field: Field::Total, truth: None, ..judged }.truly(|| self.true_total(of));
        }
        if judged.verdict == Verdict::Violate && self.is_of_foreign_kind(mention) {
            return Judgement::new(judged.field, Verdict::Unsure, of.clone());
        }
        judged
    }

    fn judge_goods(
        &self,
        products: &[u32],
        pieces: Option<Amount>,
        amount: Amount,
        of: &Range<usize>,
    ) -> Judgement {
        let product = |id: &u32| self.policy.catalogue.product(*id);
        let prices: SmallVec<[Amount; 8]> =
            products.iter().filter_map(product).filter_map(|product| product.price).collect();
        if prices.is_empty() {
            return Judgement::new(Field::Price, Verdict::Unsure, of.clone());
        }
        let compares = products.iter().filter_map(product).filter_map(|product| product.compare_at);
        let was = self.sentence.has(&[Class::Was, Class::Discount])
            && compares.into_iter().any(|compare| compare.is(amount));
        let counts = self.counts(pieces, of);
        let bases = prices.iter().flat_map(|price| counts.iter().map(|count| price.times(*count)));
        let right = was
            || bases.into_iter().any(|base| self.varies_to(base, amount, of))
            || self.is_sum(amount)
            || self.is_saved(amount)
            || self.is_taken_off(&prices, amount)
            || self.adds_fees_to_said(amount, of);
        let counted = self.sentence.bare.iter().any(|bare| {
            bare.end <= of.start && bare.amount != Amount::ONE && counts[1..].contains(&bare.amount)
        });
        let several = self.is_added(Topic::Shipping, of)
            || self.is_added(Topic::CashOnDelivery, of)
            || pieces.is_some_and(|pieces| pieces != Amount::ONE)
            || counted;
        let field = if several && !self.is_each(of) { Field::Total } else { Field::Price };
        let verdict = if right { Verdict::Pass } else { Verdict::Violate };
        Judgement::new(field, verdict, of.clone()).truly(|| self.true_cost(products, pieces, of))
    }

    /// Numbers of pieces that the amount may be for; one is always among them.
    pub(super) fn counts(&self, pieces: Option<Amount>, of: &Range<usize>) -> SmallVec<[Amount; 6]> {
        let clause = self.sentence.clause(of);
        let mut counts: SmallVec<[Amount; 6]> = smallvec::smallvec![Amount::ONE];
        counts.extend(pieces.filter(|pieces| *pieces != Amount::ONE));
        let beside = |bare: &&Bare| {
            clause.contains(&bare.start) || self.is_count_for(bare, of) || self.is_count_cell(bare)
        };
        // The number of "AirPods Pro 2" counts nothing.
        let named = |bare: &&Bare| {
            self.sentence.mentions.iter().any(|mention| (mention.start..mention.end).contains(&bare.start))
        };
        for bare in
            self.sentence.bare.iter().filter(beside).filter(|bare| !named(bare) && !self.is_side(bare))
        {
            // "a six-pack"
            let hyphen = usize::from(self.sentence.tokens.word(bare.end) == "-");
            let counted = self.sentence.notes.is(bare.end + hyphen, Class::Piece)
                || (bare.start.saturating_sub(1)..=bare.end)
                    .any(|index| matches!(self.sentence.tokens.word(index), "x" | "×" | "*"))
                || self.is_count_for(bare, of)
                || self.is_count_cell(bare)
                || self.is_number_of_named(bare);
            // "The puzzle has 1000 pieces"
            let contents = self.sentence.tokens.word(bare.start.wrapping_sub(1));
            let held =
                matches!(contents, "has" | "have" | "contains" | "in" | "فيه" | "فيها" | "وفيها" | "وفيه");
            if counted
                && !held
                && counts.len() < PIECES_MAX
                && bare.amount.integer().is_some_and(|count| (2..=1000).contains(&count))
            {
                counts.push(bare.amount);
            }
        }
        if counts.len() == 1 && self.sentence.notes.any(clause.clone(), &[Class::Pair]) {
            counts.push(Amount::whole(2));
        }
        // «والدستة بـ ١١٤٠»
        if clause.into_iter().any(|index| is_dozen(self.sentence.tokens.word(index))) {
            counts.push(Amount::whole(12));
        }
        counts
    }

    /// A cell of a table with a number alone, beside amounts with their currency.
    fn is_count_cell(&self, bare: &Bare) -> bool {
        let before = bare.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        self.context.table && before == "|" && self.sentence.tokens.word(bare.end) == "|"
    }

    /// «وثلاث بـ ١٨٠», "three for 180"
    fn is_count_for(&self, bare: &Bare, of: &Range<usize>) -> bool {
        let joins = |index: usize| {
            matches!(
                self.sentence.tokens.word(index),
                "ب" | "for"
                    | "at"
                    | "are"
                    | "("
                    | "of"
                    | "them"
                    | "cost"
                    | "costs"
                    | "صار"
                    | "صارت"
                    | "يصير"
                    | "تصير"
                    | "يصيرون"
                    | "منها"
                    | "منهم"
            )
        };
        bare.end == of.start && self.sentence.notes.at(of.start).clitics.by
            || bare.end < of.start && of.start - bare.end <= COUNT_REACH && (bare.end..of.start).all(joins)
    }

    /// Whether a fee is added to the amount at `of`.
    pub(super) fn is_added(&self, topic: Topic, of: &Range<usize>) -> bool {
        self.anchors.iter().any(|anchor| {
            let before = anchor.at.end <= of.start;
            let right_behind = anchor.at.start >= of.end
                && anchor.at.start - of.end <= 4
                && (of.end..anchor.at.start).all(|index| {
                    !self.sentence.is_comma(index)
                        && !self.sentence.notes.at(index).clitics.and
                        && !self.sentence.notes.is(index, Class::And)
                });
            // «١١٢ ريال بعد التوصيل»
            let after = anchor.part == Part::Reference
                && matches!(self.sentence.tokens.word(anchor.at.start), "بعد" | "after");
            anchor.topic == topic
                && (anchor.part == Part::Added && (before || right_behind) || after && right_behind)
        })
    }

    /// Whether discounts, fees, tax or instalments that are spoken of make `amount` of `base`.
    fn varies_to(&self, base: Amount, amount: Amount, of: &Range<usize>) -> bool {
        let fee = |topic, fact: Option<Amount>| self.is_added(topic, of).then_some(fact).flatten();
        let shipping = fee(Topic::Shipping, self.policy.shipping_fee);
        let cash = fee(Topic::CashOnDelivery, self.policy.cod_fee);
        let waived = shipping.is_some() && self.policy.free_over.is_some_and(|over| base >= over);
        let discounted = self.discounts().into_iter().map(|percent| base.less(percent));
        std::iter::once(base).chain(discounted).any(|price| {
            let fees = shipping.unwrap_or_default().plus(cash.unwrap_or_default());
            price.plus(fees).is(amount)
                || (waived && price.plus(cash.unwrap_or_default()).is(amount))
                || self.taxed(price, amount)
                || self.split(price, amount)
        })
    }

    /// Percentages that may be taken off here: of the named coupon, of any if none is named and a discount is spoken of.
    pub(super) fn discounts(&self) -> SmallVec<[Amount; 8]> {
        let named: SmallVec<[Amount; 8]> =
            self.coupons.iter().filter_map(|(_, percent)| *percent).chain(self.context.coupon).collect();
        if !named.is_empty() {
            return named;
        }
        if self.speaks_of_reduction() {
            return self.policy.discounts.iter().copied().take(DISCOUNTS_MAX).collect();
        }
        SmallVec::new()
    }

    /// An amount that no noun claims.
    pub(super) fn judge_unlinked(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let priced = self.sentence.before(of, 3, &[Class::Price]);
        // «التغليف بـ ١٢ ريال»: no fact speaks of services.
        let served = self.sentence.mentions.is_empty()
            && self.sentence.notes.any(self.sentence.clause(of), &[Class::Service]);
        if served && !self.is_known(amount, of) {
            return Judgement::new(Field::Price, Verdict::Unsure, of.clone());
        }
        // "Shipping? It's only 19."
        let about = self.context.fee.filter(|_| !priced && of.start <= OPEN_REACH);
        match about.filter(|_| self.sentence.mentions.is_empty() && !self.is_known(amount, of)) {
            Some(Topic::Shipping) => return self.judge_fee(Field::ShippingFee, amount, of),
            Some(_) => return self.judge_fee(Field::CodFee, amount, of),
            None => {}
        }
        if let Some(item) = self.context.items.last().filter(|_| self.sentence.mentions.is_empty()) {
            let judged = self.judge_goods(&item.products, item.pieces, amount, of);
            let known = !priced && self.is_known(amount, of);
            return if known { Judgement { verdict: Verdict::Pass, ..judged } } else { judged };
        }
        if self.is_known(amount, of) {
            return Judgement::new(Field::Price, Verdict::Pass, of.clone());
        }
        let checked =
            self.policy.catalogue.has_prices() && !self.is_of_customer(of) && !self.is_of_foreign_goods(of);
        let verdict = if checked { Verdict::Violate } else { Verdict::Unsure };
        let field = if self.is_added(Topic::Shipping, of) || self.is_added(Topic::CashOnDelivery, of) {
            Field::Total
        } else {
            Field::Price
        };
        Judgement::new(field, verdict, of.clone())
    }

    /// What an order that has a number comes to, or what is given as a present.
    pub(super) fn is_of_customer(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let numbered = self.sentence.has(&[Class::NotCode])
            || (0..of.start).any(|index| matches!(word(index), "#" | "رقم" | "برقم" | "number"))
            || self.context.order && self.worths().next().is_none();
        let ordered = self.sentence.has(&[Class::Order, Class::Total]) && numbered;
        ordered || matches!(word(of.end), "هديه" | "قسيمه" | "gift" | "voucher" | "credit")
    }

    /// «طلبك رقم 55310», "your order OD-55310": one order, and not orders as such.
    pub(super) fn names_an_order(&self) -> bool {
        let digits = |index: usize| {
            let word = self.sentence.tokens.word(index);
            word.len() >= ORDER_DIGITS_MIN && word.bytes().all(|byte| byte.is_ascii_digit())
        };
        let numbered = |index: usize| {
            self.sentence.notes.is(index, Class::Order)
                && (index + 1..=index + ORDER_REACH)
                    .any(|index| digits(index) && !self.sentence.in_value(index))
        };
        self.sentence.has(&[Class::Order]) && (0..self.sentence.notes.len()).any(numbered)
    }

    /// Whether it is any fact, or follows from any price.
    pub(super) fn is_known(&self, amount: Amount, of: &Range<usize>) -> bool {
        let policy = self.policy;
        let catalogue = &policy.catalogue;
        let facts = [policy.shipping_fee, policy.cod_fee, policy.free_over];
        if catalogue.is_price(amount)
            || catalogue.is_compare(amount)
            || facts.into_iter().flatten().any(|fact| fact.is(amount))
        {
            return true;
        }
        let hundred = Amount::whole(100);
        let fees = [
            policy.shipping_fee,
            policy.cod_fee,
            policy.shipping_fee.zip(policy.cod_fee).map(|(one, two)| one.plus(two)),
        ];
        let added = [Class::Ship, Class::Cod, Class::Total, Class::With, Class::Fee, Class::Order];
        let fees = fees.into_iter().flatten().filter(|_| self.sentence.has(&added));
        let mut bases: SmallVec<[Amount; 32]> = fees.map(|fee| amount.minus(fee)).collect();
        bases.push(amount);
        for percent in self.discounts() {
            bases.extend(amount.times(hundred).over(hundred.minus(percent)));
        }
        let counts = self.counts(None, of);
        let found = bases.iter().any(|base| {
            counts.iter().any(|count| base.over(*count).is_some_and(|price| catalogue.is_price(price)))
        });
        found
            || self.worths().any(|worth| worth.is(amount))
            || self.is_saved(amount)
            || self.is_sum(amount)
            || (self.sentence.has(&[Class::Vat, Class::Install])
                && self
                    .any_price()
                    .chain(self.context.stated.iter().copied())
                    .any(|price| self.varies_to(price, amount, of)))
    }

    pub(super) fn any_price(&self) -> impl Iterator<Item = Amount> {
        self.policy.catalogue.prices().iter().copied().take(UNNAMED_PRICES_MAX)
    }

    /// What each of the named products costs with its pieces, the latest of earlier sentences before the others.
    pub(super) fn worths(&self) -> impl Iterator<Item = Amount> {
        let here = self.sentence.mentions.iter();
        let here = here.filter_map(|mention| self.worth(&mention.products, self.pieces(mention)));
        let before = self.context.items.iter().rev();
        here.chain(before.filter_map(|item| self.worth(&item.products, item.pieces)))
    }

    /// What the named products cost together, at least.
    pub(super) fn items_worth(&self) -> Option<Amount> {
        self.worths().reduce(Amount::plus)
    }

    pub(super) fn worth(&self, products: &[u32], pieces: Option<Amount>) -> Option<Amount> {
        let price = products.iter().find_map(|id| self.policy.catalogue.product(*id)?.price)?;
        Some(price.times(pieces.unwrap_or(Amount::ONE)))
    }

    /// Whether it is a sum of named products or of amounts said before, with or without fees and discounts.
    pub(super) fn is_sum(&self, amount: Amount) -> bool {
        let items: SmallVec<[Amount; 8]> = self.worths().take(ADDENDS_MAX).collect();
        let mut stated: SmallVec<[Amount; 8]> = self
            .sentence
            .values
            .iter()
            .filter(|value| value.low.unit.is_money())
            .map(|value| value.low.amount)
            .filter(|said| !said.is(amount))
            .collect();
        // «كيكة بـ ١٢٠ وبن بـ ٥٨»
        let bare = self.sentence.bare.iter().filter(|bare| {
            let by = self.sentence.notes.at(bare.start).clitics.by
                || bare.start.checked_sub(1).is_some_and(|before| self.sentence.tokens.word(before) == "ب");
            by && self.policy.catalogue.is_price(bare.amount) && !bare.amount.is(amount)
        });
        stated.extend(bare.map(|bare| bare.amount));
        stated.extend(self.context.stated.iter().rev().copied());
        stated.truncate(ADDENDS_MAX);
        let differs = |one: &Amount| items.iter().any(|other| one.minus(*other).is(amount));
        let difference =
            self.sentence.has(&[Class::Save]) && amount > Amount::ZERO && items.iter().any(differs);
        difference
            || (items.len() > 1 && self.adds_up(&items, 2, amount))
            || (stated.len() > 1 && subsets(&stated, 2).any(|sum| sum.is(amount)))
    }

    /// Whether at least `least` of the parts make it, with fees and discounts.
    fn adds_up(&self, parts: &[Amount], least: u32, amount: Amount) -> bool {
        let discounts = self.discounts();
        subsets(parts, least).any(|sum| {
            std::iter::once(sum)
                .chain(discounts.iter().map(|percent| sum.less(*percent)))
                .any(|sum| self.with_fees(sum, amount, false))
        })
    }

    /// Whether fees added to `sum` make `amount`; `must` if delivery is said to be among them.
    pub(super) fn with_fees(&self, sum: Amount, amount: Amount, must: bool) -> bool {
        let shipping = self.policy.shipping_fee.unwrap_or_default();
        let cash = self.policy.cod_fee.filter(|_| self.speaks_of_cash()).unwrap_or_default();
        let waived = self.policy.free_over.is_some_and(|over| sum >= over);
        // "= 74 with free delivery" holds no fee.
        let shipping = if waived && self.speaks_of_free_delivery() { Amount::ZERO } else { shipping };
        let plain = !must || waived || self.policy.shipping_fee.is_none();
        (plain && (sum.is(amount) || sum.plus(cash).is(amount)))
            || sum.plus(shipping).is(amount)
            || sum.plus(shipping).plus(cash).is(amount)
    }
}

/// A noun for twelve pieces.
fn is_dozen(word: &str) -> bool {
    let word = word.strip_prefix('و').unwrap_or(word);
    matches!(word.strip_prefix("ال").unwrap_or(word), "دسته" | "درزن" | "دزينه" | "dozen")
}

/// Sums of at least `least` of the parts, all of them first.
pub(super) fn subsets(parts: &[Amount], least: u32) -> impl Iterator<Item = Amount> {
    let parts = &parts[..parts.len().min(ADDENDS_MAX + 2)];
    let all = (1_u32 << parts.len()) - 1;
    (1..=all).rev().filter(move |chosen| chosen.count_ones() >= least).map(|chosen| {
        let picked = parts.iter().enumerate().filter(|(index, _)| chosen & (1 << index) != 0);
        picked.fold(Amount::ZERO, |sum, (_, part)| sum.plus(*part))
    })
}
