//! Amounts: what each one is said of, and whether it is so.

use std::ops::Range;

use super::{
    Judge,
    before::falling,
    role::{CUE_REACH, Role},
    tokens_of,
};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::{Quantity, in_currency},
    report::{Field, Judgement, Truth},
    topic::{Anchor, Links, Part, Topic},
};

impl<'s> Judge<'s> {
    pub(super) fn judge_money(&mut self) {
        let values = self.amounts();
        let mut links = Links::new(self.anchors);
        for value in &values {
            let of = tokens_of(value);
            let named =
                self.sentence.mentions.iter().any(|mention| mention.start < of.end && of.start < mention.end);
            if named || self.sentence.quoted(&of) || self.sentence.asked(&of) {
                continue;
            }
            // «نازلة من ١١١ إلى ٨٩» says what it was and what it is, and not what is saved.
            let role = match self.role(&of) {
                Role::Saving if value.low.amount > value.high.amount => Role::Plain,
                role => role,
            };
            // «لا يوجد شحن مجاني تحت ٢٠٠» says from when on there is.
            let limited = role == Role::Threshold && self.sentence.before(&of, CUE_REACH, &[Class::Under]);
            if !limited && self.sentence.denied(&of) {
                continue;
            }
            let plain = role == Role::Plain;
            let anchor = plain.then(|| self.link(&mut links, value.low.amount, &of)).flatten();
            let anchor = anchor.or_else(|| self.antecedent(&of).filter(|_| plain));
            for quantity in [value.low, value.high].iter().take(if value.low == value.high { 1 } else { 2 }) {
                let (role, of) = falling(value, *quantity, role);
                let judgement = self.judge_amount(role, anchor, *quantity, &of);
                self.out.extend(judgement);
            }
        }
        // Both ends of a range say one thing.
        self.out.sort_by_key(|judgement| (judgement.tokens.start, std::cmp::Reverse(judgement.verdict)));
        self.out.dedup_by(|second, first| first.tokens == second.tokens && first.field == second.field);
    }

    fn link(&self, links: &mut Links<'s>, amount: Amount, of: &Range<usize>) -> Option<&'s Anchor> {
        let sentence = &self.sentence;
        let repriced = self.is_repriced(of);
        // «مع توصيل ٢٥ ريال» is the fee, «ومع الشحن ١١٤ ريال» the sum.
        let before =
            sentence.values.iter().rev().find(|value| value.low.unit.is_money() && value.end <= of.start);
        let less = before.is_some_and(|before| amount < before.low.amount);
        let extra = self.is_extra(of);
        links.nearest(sentence, of, |anchor| match (anchor.topic, anchor.part) {
            (_, Part::Reference) | (Topic::Vat, _) => false,
            _ if self.is_key_of_other(anchor, of) => false,
            _ if self.is_behind_plus(anchor, of) || anchor.is_of_next(sentence, of) => false,
            _ if self.is_beyond(anchor, of) => false,
            (Topic::Total, Part::Plain) => !self.is_addend(of),
            // "at 520 it's 120 less than the sheet"
            (Topic::Product(mention), Part::Plain) if anchor.at.start >= of.end => {
                !extra && !self.is_compared_with(mention) && self.is_meant(mention, of)
            }
            (Topic::Product(mention), Part::Plain) => !extra && self.is_meant(mention, of),
            // "129.500 KD with free delivery": what is free has no amount before it.
            (Topic::Shipping, _) if self.is_free(anchor) && self.is_apart(anchor, of) => false,
            (Topic::Shipping | Topic::CashOnDelivery, Part::Plain) => {
                extra || !repriced || anchor.is_for(sentence, of)
            }
            (Topic::Shipping | Topic::CashOnDelivery, Part::Added) => {
                less && anchor.at.end <= of.start && of.start - anchor.at.end <= 3
            }
            // «غير شاملة رسوم الدفع عند الاستلام (١٥ ريال)»
            (Topic::Shipping | Topic::CashOnDelivery, Part::LeftOut) => {
                anchor.at.end < of.start
                    && of.start - anchor.at.end <= 2
                    && matches!(sentence.tokens.word(anchor.at.end), "(" | ":" | "اللي" | "وهي" | "which")
            }
            (Topic::Return | Topic::Exchange | Topic::Warranty, _) => {
                let near = anchor.at.start.saturating_sub(2)..anchor.at.end + 2;
                // "costs 239 and is covered by a warranty"
                let apart = sentence.notes.is(of.end, Class::And);
                // "comes with a warranty and costs 99"
                let ahead = anchor.at.end <= of.start
                    && !(anchor.at.end..of.start).any(|index| sentence.notes.is(index, Class::And));
                let behind = of.end..=of.end + 1;
                let joined = ahead || behind.contains(&anchor.at.start) && !apart;
                !repriced
                    && joined
                    && (sentence.notes.any(near, &[Class::Fee])
                        || sentence.before(of, CUE_REACH, &[Class::Fee]))
            }
            _ => false,
        })
    }

    /// "seven riyals extra if you pay cash on delivery": the amount of a service.
    fn is_extra(&self, of: &Range<usize>) -> bool {
        let word = self.sentence.tokens.word(of.end);
        matches!(word, "extra" | "additional" | "surcharge" | "زياده" | "اضافيه" | "اضافي" | "اضافه")
            && self.anchors.iter().any(|anchor| {
                matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery) && anchor.part == Part::Plain
            })
    }

    /// Whether a word for a price turns back to the goods: «التوصيل مجاني وسعرها 89».
    fn is_repriced(&self, of: &Range<usize>) -> bool {
        let Some(price) = self.sentence.find_before(of, CUE_REACH, &[Class::Price]) else { return false };
        let note = self.sentence.notes.at(price);
        let service = self.anchors.iter().any(|anchor| {
            let between = anchor.at.start > price && anchor.at.end <= of.start;
            let right_before = !note.clitics.and && anchor.at.end <= price && price - anchor.at.end <= 2;
            !matches!(anchor.topic, Topic::Product(_)) && (between || right_before)
        });
        // «شحنها ساعتين وسعرها ١٤٩»
        let turned = !self.sentence.mentions.is_empty()
            && matches!(self.sentence.tokens.word(price), "وسعرها" | "وسعره" | "والسعر");
        turned || !service && !note.sense.any(&[Class::Fee, Class::Total])
    }

    fn judge_amount(
        &self,
        role: Role,
        anchor: Option<&Anchor>,
        quantity: Quantity,
        of: &Range<usize>,
    ) -> Option<Judgement> {
        let currency = self.policy.currency.as_deref();
        let readings: smallvec::SmallVec<[Amount; 2]> = std::iter::once(quantity.amount)
            .chain(quantity.other)
            .filter_map(|amount| in_currency(quantity, amount, currency))
            .collect();
        // Another currency equals nothing: no rate of exchange is a fact.
        let Some(first) = readings.first() else {
            // No fact is less than nothing: what is judged is the field, and what would be true.
            let judged = self.judge_reading(role, anchor, Amount::ZERO.minus(Amount::ONE), of)?;
            return Some(Judgement { verdict: Verdict::Violate, ..judged });
        };
        let judge = |amount: Amount| {
            let judged = self.judge_reading(role, anchor, amount, of)?;
            Some(match judged.verdict {
                Verdict::Violate => self.reconsider(judged, amount, of),
                _ => judged,
            })
        };
        let judged = judge(*first)?;
        let other = readings.get(1).and_then(|other| judge(*other));
        Some(match other {
            Some(other) if other.verdict < judged.verdict => other,
            _ => judged,
        })
    }

    fn judge_reading(
        &self,
        role: Role,
        anchor: Option<&Anchor>,
        amount: Amount,
        of: &Range<usize>,
    ) -> Option<Judgement> {
        match role {
            Role::Comparison => None,
            Role::Difference => self.judge_difference(amount, of),
            Role::Minimum => Some(Judgement::new(Field::Total, Verdict::Unsure, of.clone())),
            Role::Threshold => Some(self.judge_threshold(amount, of)),
            Role::Basket => Some(self.judge_basket(amount, of)),
            Role::Remaining => Some(self.judge_remaining(amount, of)),
            Role::Before if self.is_of_customer(of) => {
                Some(Judgement::new(Field::Total, Verdict::Unsure, of.clone()))
            }
            Role::Before => Some(self.judge_before(amount, of)),
            Role::Saving => Some(self.judge_saving(amount, of)),
            // "Total due on delivery: 195 + 25 = 220"
            Role::Plain if self.is_addend(of) && !self.is_beside(anchor, of) && self.is_known(amount, of) => {
                Some(Judgement::new(Field::Price, Verdict::Pass, of.clone()))
            }
            Role::Plain if let Some(judged) = self.judge_measured(anchor, amount, of) => Some(judged),
            Role::Plain => Some(match anchor.map(|anchor| anchor.topic) {
                _ if let Some(right) = self.breaks_down(amount, of) => equal(Field::Total, right, of),
                _ if self.is_total(of) || self.is_together(of) => self.judge_total(amount, of),
                Some(Topic::Total) => self.judge_total(amount, of),
                Some(Topic::Shipping | Topic::CashOnDelivery) if self.is_result_behind(anchor, of) => {
                    self.judge_total(amount, of)
                }
                Some(Topic::Shipping)
                    if anchor.is_some_and(|anchor| self.names_free_delivery(anchor, of)) =>
                {
                    self.judge_threshold(amount, of)
                }
                // "SAR 114.95 shipped"
                Some(Topic::Shipping)
                    if anchor.is_some_and(|anchor| anchor.at.start == of.end)
                        && matches!(self.sentence.tokens.word(of.end), "shipped" | "delivered") =>
                {
                    self.judge_total(amount, of)
                }
                Some(Topic::CashOnDelivery) if self.includes_cash(anchor, amount, of) => {
                    Judgement::new(Field::Total, Verdict::Pass, of.clone())
                }
                Some(Topic::Shipping) => self.judge_fee(Field::ShippingFee, amount, of),
                Some(Topic::CashOnDelivery) => self.judge_fee(Field::CodFee, amount, of),
                Some(Topic::Product(mention)) => self.judge_product(mention, amount, of),
                Some(_) => Judgement::new(Field::Price, Verdict::Unsure, of.clone()),
                None => self.judge_unlinked(amount, of),
            }),
        }
    }

    /// Whether the noun touches the amount: «٢٥ شحن».
    fn is_beside(&self, anchor: Option<&Anchor>, of: &Range<usize>) -> bool {
        anchor.is_some_and(|anchor| anchor.at.end == of.start || anchor.is_for(&self.sentence, of))
    }

    /// «الشحن المجاني يبدأ من ١٥٠»: an amount of free delivery can only be its threshold.
    fn names_free_delivery(&self, anchor: &Anchor, of: &Range<usize>) -> bool {
        let free = anchor.at.start.saturating_sub(1)..anchor.at.end + 1;
        let one_clause = (anchor.at.end..of.start)
            .all(|index| !self.sentence.is_comma(index) && !self.sentence.in_value(index));
        amount_follows(anchor, of) && one_clause && self.sentence.notes.any(free, &[Class::Free])
    }

    /// Whether an amount is before the noun, or behind it in another clause without an amount between.
    fn is_apart(&self, anchor: &Anchor, of: &Range<usize>) -> bool {
        let between = anchor.at.end..of.start;
        anchor.at.start >= of.end
            || between.clone().any(|index| self.sentence.is_comma(index))
                && !between.into_iter().any(|index| self.sentence.tokens.all[index].value.is_some())
    }

    /// Whether delivery is said to be free right beside its noun.
    fn is_free(&self, anchor: &Anchor) -> bool {
        // "You asked whether shipping is free: it isn't"
        if anchor.at.start > 0 && matches!(self.sentence.tokens.word(anchor.at.start - 1), "whether" | "هل")
        {
            return false;
        }
        let behind = (anchor.at.end..anchor.at.end + 2)
            .take_while(|index| !self.sentence.is_comma(*index) && !self.sentence.in_value(*index))
            .any(|index| self.sentence.notes.is(index, Class::Free));
        behind || self.sentence.notes.any(anchor.at.start.saturating_sub(1)..anchor.at.start, &[Class::Free])
    }

    /// «89 + 25 شحن»: the first is not about what is behind the plus.
    fn is_behind_plus(&self, anchor: &Anchor, of: &Range<usize>) -> bool {
        (of.end..anchor.at.start).any(|index| self.sentence.tokens.word(index) == "+")
    }

    /// «ريال فوق رسوم التوصيل», "1 riyal on top of the delivery fee": what is paid beside what is named behind it.
    fn is_beyond(&self, anchor: &Anchor, of: &Range<usize>) -> bool {
        matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery)
            && (of.end..anchor.at.start).take(CUE_REACH).any(|index| {
                matches!(
                    self.sentence.tokens.word(index),
                    "فوق" | "غير" | "علاوه" | "زياده" | "top" | "addition" | "besides" | "beyond"
                )
            })
    }

    /// «٢ × ٦٥ + ٢٥»: what is reckoned with, not what it comes to.
    pub(super) fn is_addend(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        [before, self.sentence.tokens.word(of.end)].iter().any(|word| matches!(*word, "+" | "×"))
    }

    /// A word for a sum before it with no other amount between, or right behind it.
    fn is_total(&self, of: &Range<usize>) -> bool {
        // 189 + 129 = 318
        if self.is_addend(of) || self.is_labelled_fee(of) {
            return false;
        }
        if of.start > 1 && self.sentence.tokens.word(of.start - 1) == "=" {
            // "Shipping = 25" names a fee, "89 + 25 = 114" a sum.
            let reckoned = self.sentence.bare.iter().any(|bare| bare.end + 1 == of.start);
            let added = (0..of.start).any(|index| self.sentence.tokens.word(index) == "+");
            return reckoned || added || self.sentence.in_value(of.start - 2);
        }
        let totals = self
            .anchors
            .iter()
            .filter(|anchor| anchor.topic == Topic::Total && !self.is_key_of_other(anchor, of));
        let mut before = totals.clone().filter(|anchor| anchor.at.end <= of.start);
        let free = |from: usize| (from..of.start).all(|index| !self.sentence.in_value(index));
        // «رسوم الشحن» after it is another statement: «المجموع 89 والشحن 25».
        let other = |from: usize| {
            self.anchors.iter().any(|anchor| {
                anchor.at.start >= from
                    && anchor.at.end <= of.start
                    && anchor.part == Part::Plain
                    && matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery)
                    && self.sentence.notes.at(anchor.at.start).clitics.and
                    && (from..anchor.at.start)
                        .any(|index| self.sentence.in_value(index) || self.sentence.is_comma(index))
            })
        };
        let behind = totals.clone().any(|anchor| {
            anchor.at.start >= of.end
                && anchor.at.start - of.end <= 1
                && !self.sentence.in_value(anchor.at.end)
                && !self.sentence.notes.at(anchor.at.start).clitics.and
        });
        behind || before.any(|anchor| free(anchor.at.end) && !other(anchor.at.end))
    }

    /// What is in a basket is known only if it was named; that it is worth free delivery is not doubted.
    fn judge_basket(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let judged = self.judge_total(amount, of);
        // It is worth it, or the rest to it is named.
        let worth = self.policy.free_over.is_some_and(|over| {
            let missing = |said: Amount| said.plus(amount).is(over);
            amount >= over
                || self.sentence.values.iter().any(|value| missing(value.low.amount))
                || self.sentence.bare.iter().any(|bare| missing(bare.amount))
        });
        match judged.verdict {
            Verdict::Violate if worth => Judgement::new(Field::Total, Verdict::Pass, of.clone()),
            Verdict::Violate if self.sentence.mentions.is_empty() => {
                Judgement::new(Field::Total, Verdict::Unsure, of.clone())
            }
            _ => judged,
        }
    }

    fn judge_threshold(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let Some(over) = self.policy.free_over else {
            // With a fee of nothing there is no threshold to speak of.
            return Judgement::new(Field::FreeOver, Verdict::Unsure, of.clone());
        };
        let yours = (of.start.saturating_sub(5)..(of.end + 3).min(self.sentence.notes.len())).any(|index| {
            matches!(
                self.sentence.tokens.word(index),
                "طلبك" | "طلبكم" | "سلتك" | "مشترياتك" | "your" | "سفارشتان" | "خريدتان"
            )
        });
        let over_cue = self.sentence.before(of, CUE_REACH, &[Class::Over])
            || self.sentence.behind(of, CUE_REACH, &[Class::OrMore]);
        let basket = yours && !over_cue && (amount > over || self.sentence.has(&[Class::Remain]));
        let right = amount.is(over) || basket;
        equal(Field::FreeOver, right, of).truly(|| Some(Truth::Money(over)))
    }

    pub(super) fn judge_fee(&self, field: Field, amount: Amount, of: &Range<usize>) -> Judgement {
        let (fact, more) = match field {
            Field::ShippingFee => (self.policy.shipping_fee, self.policy.cod_fee),
            _ => (self.policy.cod_fee, self.policy.shipping_fee),
        };
        let Some(fee) = fact else { return Judgement::new(field, Verdict::Unsure, of.clone()) };
        let both =
            self.anchors.iter().any(|anchor| anchor.at.end <= of.start && anchor.topic == Topic::Shipping)
                && self
                    .anchors
                    .iter()
                    .any(|anchor| anchor.at.end <= of.start && anchor.topic == Topic::CashOnDelivery);
        let sum = both && more.is_some_and(|more| fee.plus(more).is(amount));
        let waived = amount == Amount::ZERO
            && self
                .policy
                .free_over
                .is_some_and(|over| self.items_worth().is_some_and(|worth| worth >= over));
        let with_goods = field == Field::ShippingFee
            && (self.is_goods_with_delivery(amount, of)
                || self.is_reckoned_up(of) && self.adds_fees_to_said(amount, of));
        let right = fee.is(amount) || sum || waived || with_goods;
        let named = self.anchors.iter().any(|anchor| anchor.at.end == of.start && anchor.part == Part::Plain);
        if !right && !named && self.is_of_customer(of) {
            return Judgement::new(Field::Total, Verdict::Unsure, of.clone());
        }
        equal(field, right, of).truly(|| (!both).then_some(Truth::Money(fee)))
    }

    /// «العباية والتوصيل بـ 114»: products before it without an amount of their own.
    fn is_goods_with_delivery(&self, amount: Amount, of: &Range<usize>) -> bool {
        let goods = self.sentence.mentions.iter().any(|mention| {
            mention.end <= of.start && (mention.end..of.start).all(|index| !self.sentence.in_value(index))
        });
        goods && self.is_sum(amount)
    }
}

fn amount_follows(anchor: &Anchor, of: &Range<usize>) -> bool {
    anchor.at.end <= of.start
}

pub(super) fn equal(field: Field, right: bool, of: &Range<usize>) -> Judgement {
    let verdict = if right { Verdict::Pass } else { Verdict::Violate };
    Judgement::new(field, verdict, of.clone())
}
