//! Amounts that follow from the facts in another way than by the noun beside them: change, what the courier collects, parts.
//!
//! Looked at only where an amount contradicts the facts about its noun; each way has its own words, and must come out even.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Judge, sums::ADDENDS_MAX, tokens_of};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::in_currency,
    report::{Field, Judgement},
    topic::{Part, Topic},
};

/// Most numbers of a sentence that one amount is reckoned with.
const NUMBERS_MAX: usize = 16;
/// Tokens between such a word and its amount.
const REACH: usize = 3;

impl Judge<'_> {
    /// The judgement of an amount that contradicts the facts about its noun, once what else it may be was looked at.
    pub(super) fn reconsider(&self, judged: Judgement, amount: Amount, of: &Range<usize>) -> Judgement {
        if self.is_otherwise_right(judged.field, amount, of) {
            return Judgement { verdict: Verdict::Pass, truth: None, ..judged };
        }
        if self.is_collected_for_unknown(judged.field, amount, of) || self.is_unknown_change(judged.field, of)
        {
            return Judgement::new(Field::Total, Verdict::Unsure, of.clone());
        }
        judged
    }

    fn is_otherwise_right(&self, field: Field, amount: Amount, of: &Range<usize>) -> bool {
        let priced = matches!(field, Field::Price | Field::Total);
        priced && self.differs(amount, of)
            || (self.speaks_of_reduction() || self.is_called_change_of_price(of))
                && self.is_saving(amount, of)
            || self.is_called_change_of_price(of) && self.differs(amount, of)
            || self.is_part_paid(amount)
            || self.is_missing_or_there(amount, of)
            || self.is_supposed(amount, of)
            || field == Field::FreeOver && self.is_worth_it(amount)
            || self.is_change(amount, of)
            || self.is_handed_for(amount, of)
            || self.is_fee_beside(amount, of)
            || self.is_collected(amount, of)
            || self.is_itemised(amount, of)
            || self.is_price_of_stated_measure(amount, of)
            || priced && self.is_said_with_goods(amount, of)
    }

    /// "400 baisa more", "down 30 riyals to 120", «نزلت ٧٠٠ بيسة», «ينخصم ٨٠ درهم من», "and pocket 2.600".
    fn is_called_change_of_price(&self, of: &Range<usize>) -> bool {
        let behind = matches!(
            self.sentence.tokens.word(of.end),
            "more"
                | "less"
                | "extra"
                | "between"
                | "saving"
                | "زياده"
                | "اكثر"
                | "اقل"
                | "كم"
                | "كمتر"
                | "بيشتر"
        );
        let falls = |index: usize| {
            let word = self.sentence.tokens.word(index);
            matches!(word, "pocket" | "down" | "off" | "pay")
                || self.sentence.notes.any(index..index + 1, &[Class::Save, Class::Discount, Class::Lower])
                || ["نزل", "خصم", "وفر"].iter().any(|root| word.contains(root))
        };
        behind || self.near(of).any(falls)
    }

    /// What is in the basket and what is missing to free delivery, where both are said.
    fn is_missing_or_there(&self, amount: Amount, of: &Range<usize>) -> bool {
        let Some(over) = self.policy.free_over else { return false };
        let missing = |said: Amount| said.plus(amount).is(over);
        let limited =
            || self.sentence.before(of, 1, &[Class::Over]) && !self.is_more(of) && !self.followed_by_more(of);
        (self.speaks_of_free_delivery() || self.context.free)
            && (self.numbers().take(NUMBERS_MAX).any(|(place, said)| place != *of && missing(said))
                || !limited() && (self.worths().any(missing) || self.items_worth().is_some_and(missing)))
    }

    fn followed_by_more(&self, of: &Range<usize>) -> bool {
        matches!(self.sentence.tokens.word(of.end), "more" | "extra" | "كمان" | "زياده")
    }

    /// «شحن مجاني لأنها ٣٣٠ ريال»: what the named goods come to, and enough.
    fn is_worth_it(&self, amount: Amount) -> bool {
        self.policy.free_over.is_some_and(|over| amount >= over)
            && self.items_worth().is_some_and(|worth| worth.is(amount))
    }

    /// "If it were 300 delivery would be free": true of any amount from which on it is.
    fn is_supposed(&self, amount: Amount, of: &Range<usize>) -> bool {
        let supposed =
            |index: usize| matches!(self.sentence.tokens.word(index), "if" | "لو" | "suppose" | "اگر");
        self.policy.free_over.is_some_and(|over| amount >= over)
            && self.speaks_of_free_delivery()
            && !self.sentence.before(of, REACH, &[Class::Over, Class::Order])
            && (of.start.saturating_sub(2 * REACH)..of.start).any(supposed)
    }

    /// "the 20 riyals delivery fee", «شحن ٦٥»: a fee whose noun touches it.
    fn is_fee_beside(&self, amount: Amount, of: &Range<usize>) -> bool {
        self.anchors.iter().any(|anchor| {
            let fee = match anchor.topic {
                Topic::Shipping => self.policy.shipping_fee,
                Topic::CashOnDelivery => self.policy.cod_fee,
                _ => None,
            };
            fee.is_some_and(|fee| fee.is(amount))
                && (anchor.at.end == of.start || anchor.is_for(&self.sentence, of))
        })
    }

    /// "2.500 under the free delivery minimum"
    pub(super) fn is_short_of(&self, of: &Range<usize>) -> bool {
        matches!(self.sentence.tokens.word(of.end), "under" | "below" | "shy" | "short" | "away" | "off")
    }

    /// «لو تدفع ١٠ دنانير نرجع لك ٣٫٦٠٠», "you get 15 back".
    fn is_change(&self, amount: Amount, of: &Range<usize>) -> bool {
        let dues = self.dues(|place| place != of);
        let even = |given: Amount| dues.iter().any(|due| given.minus(*due).is(amount));
        self.gives_back(of)
            && self.numbers().take(NUMBERS_MAX).filter(|(place, _)| place != of).any(|(_, given)| even(given))
    }

    /// What is handed over for what it costs, where the change is said: a note of 100 for 85, and 15 back.
    fn is_handed_for(&self, amount: Amount, of: &Range<usize>) -> bool {
        if matches!(self.sentence.tokens.word(of.end), "note" | "bill") {
            return true;
        }
        let change =
            self.numbers().take(NUMBERS_MAX).find(|(place, _)| place != of && self.gives_back(place));
        change.is_some_and(|(_, change)| {
            let paid = amount.minus(change);
            self.dues(|other| other != of).iter().any(|due| due.is(paid))
        })
    }

    /// «حبتين بـ ١٥٠، ومع الفحم يصير ١٦٢»: an amount that was said with what is named behind it.
    fn is_said_with_goods(&self, amount: Amount, of: &Range<usize>) -> bool {
        let named = self.sentence.mentions.iter().filter(|mention| mention.end <= of.start).take(ADDENDS_MAX);
        named
            .filter_map(|mention| Some((mention.start, self.worth(&mention.products, self.pieces(mention))?)))
            .any(|(start, worth)| {
                let mut said = self.numbers().take(NUMBERS_MAX).filter(|(place, _)| place.end <= start);
                said.any(|(place, said)| {
                    let priced = self.sentence.in_value(place.start) || self.is_written_as_money(&place);
                    priced && said.plus(worth).is(amount)
                })
            })
    }

    /// What comes back to whoever hands over what is not said here.
    fn is_unknown_change(&self, field: Field, of: &Range<usize>) -> bool {
        matches!(field, Field::ShippingFee | Field::CodFee) && self.gives_back(of)
    }

    /// Numbers of the sentence and their places: amounts in the shop's currency, and those without any.
    fn numbers(&self) -> impl Iterator<Item = (Range<usize>, Amount)> {
        let currency = self.policy.currency.as_deref();
        let values = self.sentence.values.iter().filter_map(move |value| {
            Some((tokens_of(value), in_currency(value.low, value.low.amount, currency)?))
        });
        values.chain(self.sentence.bare.iter().map(|bare| (bare.start..bare.end, bare.amount)))
    }

    /// Whether a word for change is beside the amount.
    fn gives_back(&self, of: &Range<usize>) -> bool {
        let behind = matches!(self.sentence.tokens.word(of.end), "back" | "change" | "باقي" | "الباقي");
        let before = |index: usize| {
            let word = self.sentence.tokens.word(index);
            matches!(word, "back" | "returns" | "return" | "change" | "باقي" | "الباقي" | "والباقي")
                || ["يرجع", "نرجع", "ترجع"].iter().any(|verb| word.contains(verb))
        };
        behind || self.near(of).any(before)
    }

    /// What may have to be paid: each of the named goods and all of them, with and without fees, and prices that are said
    /// where `counts` takes them.
    fn dues(&self, counts: impl Fn(&Range<usize>) -> bool) -> SmallVec<[Amount; 24]> {
        let mut dues = self.dues_of_goods();
        let priced = |place: &Range<usize>, said: Amount| {
            self.sentence.in_value(place.start) || self.policy.catalogue.is_price(said)
        };
        let said =
            self.numbers().take(NUMBERS_MAX).filter(|(place, said)| counts(place) && priced(place, *said));
        dues.extend(said.map(|(_, amount)| amount).take(ADDENDS_MAX));
        dues
    }

    /// What the named goods come to, each and together, with and without fees.
    fn dues_of_goods(&self) -> SmallVec<[Amount; 24]> {
        let mut dues: SmallVec<[Amount; 24]> = self.worths().take(ADDENDS_MAX).collect();
        let Some(all) = dues.iter().copied().reduce(Amount::plus) else { return dues };
        let waived = self.policy.free_over.is_some_and(|over| all >= over);
        let shipping = self.policy.shipping_fee.filter(|_| !waived).unwrap_or_default();
        let cash = self.policy.cod_fee.unwrap_or_default();
        dues.extend([Amount::ZERO, shipping, cash, shipping.plus(cash)].map(|fees| all.plus(fees)));
        dues
    }

    /// «المندوب بياخذ منك ٨٫٩٠٠», "prepare 8.900 in cash": goods with what is paid to the courier for them.
    fn is_collected(&self, amount: Amount, of: &Range<usize>) -> bool {
        (self.is_paid_at_door(of) || self.has_fee_joined(of))
            && self.dues_of_goods().iter().any(|due| due.is(amount))
            && {
                let goods = self.worths().max().unwrap_or_default();
                amount > goods && goods > Amount::ZERO
            }
    }

    /// "20.250 for the keyboard and delivery"
    fn has_fee_joined(&self, of: &Range<usize>) -> bool {
        self.anchors.iter().any(|anchor| {
            let before = anchor.at.start.checked_sub(1);
            let joined = self.sentence.notes.at(anchor.at.start).clitics.and
                || before.is_some_and(|before| {
                    self.sentence.notes.any(before..before + 1, &[Class::And, Class::With])
                });
            let priced = (anchor.at.end..anchor.at.end + REACH).any(|index| {
                self.sentence.in_value(index)
                    || self.sentence.tokens.all.get(index).is_some_and(|token| token.value.is_some())
            });
            matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery)
                && anchor.at.start >= of.end
                && joined
                && !priced
        })
    }

    /// The same of an order that the answer does not name: more than any fee.
    fn is_collected_for_unknown(&self, field: Field, amount: Amount, of: &Range<usize>) -> bool {
        let fees = self.policy.shipping_fee.unwrap_or_default().plus(self.policy.cod_fee.unwrap_or_default());
        let unnamed = self.sentence.mentions.is_empty() && self.context.items.is_empty();
        matches!(field, Field::ShippingFee | Field::CodFee)
            && unnamed
            && amount > fees.plus(fees)
            && self.is_paid_at_door(of)
            && !self.sentence.notes.any(self.sentence.clause(of), &[Class::Fee])
    }

    /// Whether the sentence says what is handed to the courier.
    fn is_paid_at_door(&self, of: &Range<usize>) -> bool {
        let paid = |index: usize| {
            let word = self.sentence.tokens.word(index);
            matches!(word, "pay" | "collect" | "collects" | "prepare" | "ready" | "ask" | "hand" | "owe")
                || self.sentence.notes.is(index, Class::Price)
                || ["ياخذ", "ياخد", "حصل", "جهز", "تدفع", "تسلم"].iter().any(|verb| word.contains(verb))
        };
        let courier = |anchor: &crate::topic::Anchor| {
            matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery) && anchor.part != Part::LeftOut
        };
        let near = of.start.saturating_sub(2 * REACH)..of.end;
        let handed = || {
            (0..self.sentence.notes.len()).any(|index| {
                matches!(
                    self.sentence.tokens.word(index),
                    "cash" | "كاش" | "نقدا" | "driver" | "rider" | "له"
                )
            })
        };
        near.into_iter().any(paid) && (self.anchors.iter().any(courier) || handed())
    }

    /// «٢٧٨ ريال: الحذاء ٢٤٠ والشحن ٢٠ ورسوم الكاش ١٨»: what is listed behind it adds up to it.
    fn is_itemised(&self, amount: Amount, of: &Range<usize>) -> bool {
        let tokens = self.sentence.tokens;
        let open = (of.end..self.sentence.notes.len())
            .take(2 * REACH)
            .find(|index| matches!(tokens.word(*index), ":" | "(") && !self.sentence.in_value(*index));
        let Some(open) = open else { return self.is_sum_before(amount, of) };
        let bare = self
            .sentence
            .bare
            .iter()
            .filter(|bare| bare.start > open && !self.is_count(&(bare.start..bare.end)));
        let values =
            self.sentence.values.iter().filter(|value| value.start > open && value.low.unit.is_money());
        let listed: SmallVec<[Amount; 8]> = bare
            .map(|bare| bare.amount)
            .chain(values.map(|value| value.low.amount))
            .take(ADDENDS_MAX)
            .collect();
        listed.len() > 1
            && listed.iter().all(|addend| self.is_known(*addend, of))
            && listed.into_iter().fold(Amount::ZERO, Amount::plus).is(amount)
    }

    /// «المحفظة ١١٠ + شحن ٢٠ + كاش ١٨ = ١٤٨», "2 × 7.500 + 3 × 1.250 = 18.750": terms that are facts, each with its noun.
    fn is_sum_before(&self, amount: Amount, of: &Range<usize>) -> bool {
        let tokens = self.sentence.tokens;
        if of.start == 0 || tokens.word(of.start - 1) != "=" {
            return false;
        }
        let (mut sum, mut term, mut known, mut terms) = (Amount::ZERO, None, false, 0);
        let mut said: SmallVec<[(Range<usize>, Amount); 8]> =
            self.numbers().filter(|(place, _)| place.end < of.start).take(2 * ADDENDS_MAX).collect();
        said.sort_by_key(|(place, _)| place.start);
        let mut from = 0;
        for (place, factor) in said {
            let times = (from..place.start).any(|index| matches!(tokens.word(index), "×" | "x" | "*"));
            let plus = (from..place.start).any(|index| tokens.word(index) == "+");
            match term {
                Some(product) if times => term = Some(factor.times(product)),
                Some(product) if plus && known => {
                    (sum, term, known, terms) = (sum.plus(product), Some(factor), false, terms + 1);
                }
                Some(_) => return false,
                None => term = Some(factor),
            }
            known |= self.is_known(factor, of);
            from = place.end;
        }
        let last = term.unwrap_or_default();
        known && (terms > 0 || last > Amount::ZERO) && sum.plus(last).is(amount)
    }

    /// Tokens before it up to a comma or another amount.
    fn near(&self, of: &Range<usize>) -> impl Iterator<Item = usize> {
        let near = (of.start.saturating_sub(REACH)..of.start).rev();
        near.take_while(|index| !self.sentence.is_comma(*index) && !self.sentence.in_value(*index))
    }
}
