//! What an amount is in its sentence: a price, a threshold, what is missing, what was before.

use std::ops::Range;

use super::Judge;
use crate::{
    amount::Amount,
    lexicon::Class,
    quantity::{Quantity, Value},
    topic::Topic,
    unit::{Currency, Unit},
};

/// Tokens between a cue such as «فوق» and its amount.
pub(super) const CUE_REACH: usize = 3;

/// What an amount is in its sentence, before any noun is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Order value from which delivery is free.
    Threshold,
    /// What the customer's order comes to.
    Basket,
    /// Order value that something else needs.
    Minimum,
    /// What is missing to that value.
    Remaining,
    /// A price before its reduction.
    Before,
    /// What is saved.
    Saving,
    /// A mere comparison: "under 100 riyals".
    Comparison,
    Plain,
}

impl Judge<'_> {
    /// Amounts with a currency, and bare numbers that a price word makes one: «سعرها 89».
    pub(super) fn amounts(&self) -> Vec<Value> {
        let mut values: Vec<Value> =
            self.sentence.values.iter().filter(|value| value.low.unit.is_money()).cloned().collect();
        for bare in self.sentence.bare {
            let of = bare.start..bare.end;
            if bare.amount > Amount::ZERO && (self.is_price(&of) || self.is_bare_threshold(bare.amount, &of))
            {
                let quantity =
                    Quantity { amount: bare.amount, other: bare.other, unit: Unit::Money(Currency::Shop) };
                let (start, end) = (bare.start, bare.end);
                values.push(Value { low: quantity, high: quantity, start, end, second: start });
            }
        }
        values.sort_by_key(|value| value.start);
        values
    }

    /// «فوق ٢٥٠ التوصيل علينا»; three pieces are no amount.
    fn is_bare_threshold(&self, amount: Amount, of: &Range<usize>) -> bool {
        // «٣ وفوق» are pieces.
        let high = self.policy.free_over.is_none_or(|over| amount.times(Amount::whole(4)) >= over);
        let next = self.sentence.notes.at(of.end);
        self.speaks_of_free_delivery()
            && (self.sentence.before(of, 2, &[Class::Over])
                || high && next.sense.is(Class::OrMore)
                || self.is_ordered(of)
                || self.is_reached(of))
            && next.sense.unit.is_none()
            && !next.sense.any(&[Class::Piece, Class::Generic, Class::Order])
    }

    /// The only number of a table's row under a head that speaks of prices.
    fn is_cell(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        self.context.table
            && before == "|"
            && matches!(self.sentence.tokens.word(of.end), "|" | "")
            && self.sentence.bare.len() == 1
    }

    /// «89 + 25 شحن = 114»
    fn is_result(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        let plus = || (0..of.start).any(|index| self.sentence.tokens.word(index) == "+");
        before == "="
            && plus()
            && (self.sentence.has(&[Class::Price, Class::Fee, Class::Total, Class::Ship])
                || !self.sentence.mentions.is_empty())
    }

    /// Whether the digits are the number of an order or a model.
    fn is_numbered(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        matches!(before, "رقم" | "برقم" | "#" | "number") || self.sentence.before(of, 1, &[Class::NotCode])
    }

    /// «اطلب بـ ٢٠٠ والشحن علينا»
    fn is_ordered(&self, of: &Range<usize>) -> bool {
        let by = self.sentence.notes.at(of.start).clitics.by
            || of.start > 0
                && matches!(
                    self.sentence.tokens.word(of.start - 1),
                    "ب" | "بقيمه" | "بمبلغ" | "for" | "worth"
                );
        let near = of.start.saturating_sub(3)..of.start;
        by && near.rev().take_while(|index| !self.sentence.is_comma(*index)).any(|index| {
            matches!(
                self.sentence.tokens.word(index),
                "اطلب"
                    | "اطلبي"
                    | "تسوق"
                    | "تسوقي"
                    | "اشتر"
                    | "اشتري"
                    | "order"
                    | "shop"
                    | "buy"
            )
        })
    }

    fn is_price(&self, of: &Range<usize>) -> bool {
        let next = self.sentence.notes.at(of.end);
        let word = self.sentence.tokens.word(of.end);
        let closed = word.is_empty()
            || self.sentence.is_comma(of.end)
            || matches!(
                word,
                "!" | "?"
                    | ":"
                    | "is"
                    | "+"
                    | "="
                    | "بعد"
                    | "قبل"
                    | "after"
                    | "before"
                    | "now"
                    | "حاليا"
                    | "الحين"
                    | "عشانك"
                    | "عشانج"
                    | "عشان"
                    | "لك"
                    | "لج"
                    | "لكم"
                    | "عندنا"
                    | "اليوم"
                    | "لو"
                    | "اذا"
                    | "يا"
            )
            || next.clitics.and
            || word.starts_with('و')
            || next.sense.any(&[
                Class::Only,
                Class::Was,
                Class::With,
                Class::Without,
                Class::And,
                Class::Contrast,
            ]);
        if !closed {
            return false;
        }
        let previous = of.start.checked_sub(1);
        let by = previous.is_some_and(|index| self.sentence.tokens.word(index) == "ب")
            || self.sentence.notes.at(of.start).clitics.by;
        let joint = previous.is_some_and(|index| by || matches!(self.sentence.tokens.word(index), ":" | "="));
        let named = joint
            && self
                .sentence
                .mentions
                .iter()
                .any(|mention| mention.end <= of.start && of.start - mention.end <= 2);
        let cue = [Class::Price, Class::Fee, Class::Total];
        let numbered = self.sentence.before(of, 2, &[Class::NotCode]);
        if self.is_cell(of) || self.is_result(of) {
            return true;
        }
        // "299 is our final price"
        if word == "is" && self.sentence.behind(of, 4, &[Class::Price]) {
            return true;
        }
        // «إجمالي طلبك رقم ٥٥١٢٠»
        if self.is_numbered(of) {
            return false;
        }
        named
            || self.sentence.before(of, 3, &cue)
            || (self.sentence.before(of, 8, &[Class::Total]) && !numbered)
            || (!self.sentence.mentions.is_empty() && self.sentence.before(of, 2, &[Class::Was]))
            || (by && self.sentence.before(of, 8, &cue))
            || (by && next.sense.is(Class::Only))
            || (by && self.sentence.before(of, 3, &[Class::Ship, Class::Cod]))
            || (!self.sentence.mentions.is_empty() && self.sentence.before(of, 2, &[Class::Lower]))
    }

    pub(super) fn role(&self, of: &Range<usize>) -> Role {
        let sentence = &self.sentence;
        // "60 SAR more than the other"
        let compares = matches!(
            sentence.tokens.word(of.end),
            "more" | "less" | "cheaper" | "اكثر" | "اغلي" | "ارخص" | "اقل"
        ) && matches!(sentence.tokens.word(of.end + 1), "than" | "من");
        if compares || self.is_cheaper_by(of) || self.is_difference(of) {
            return Role::Comparison;
        }
        let shipped = self.context.topic == Some(Topic::Shipping) && sentence.has(&[Class::Free]);
        let free = self.speaks_of_free_delivery()
            || ((self.context.free || shipped) && sentence.mentions.is_empty());
        let reach = if free { 2 * CUE_REACH } else { CUE_REACH };
        let over = self.limits(of, reach, Class::Over)
            || sentence.behind(of, CUE_REACH, &[Class::OrMore])
            || (sentence.tokens.word(of.end) == "+" && !sentence.tokens.all[of.end].gap);
        let goods =
            |from: usize| sentence.mentions.iter().any(|mention| (from..of.start).contains(&mention.start));
        let order = sentence.find_before(of, 5, &[Class::Order]).is_some_and(|order| !goods(order))
            || sentence.behind(of, 2, &[Class::Order]);
        let priced = sentence.before(of, 2, &[Class::Price, Class::Fee]);
        // "spend another 80" is missing, "add more to exceed 300" is the threshold.
        // «لو زدت الزعفران بـ ٢٩» is a price.
        let short = sentence.find_before(of, 4, &[Class::Remain]).filter(|short| !goods(*short));
        let missing = short.is_some_and(|short| {
            sentence.find_before(of, reach, &[Class::Over]).is_none_or(|over| over <= short)
        }) || (!over && sentence.behind(of, 2, &[Class::Remain]));
        if free && (self.is_reached(of) || self.is_ordered(of)) {
            return Role::Threshold;
        }
        if free && missing && !sentence.before(of, 2, &[Class::Save]) {
            return Role::Remaining;
        }
        let cond = sentence.before(of, 2, &[Class::Cond]);
        if free && !over && self.is_basket(of) {
            return Role::Basket;
        }
        if free && (over || (order && !priced) || cond) {
            return Role::Threshold;
        }
        // "Shipping is 30, unless you spend 400"
        let unless = || (0..of.start).any(|index| sentence.tokens.word(index) == "unless");
        if over && unless() && self.anchors.iter().any(|anchor| anchor.topic == Topic::Shipping) {
            return Role::Threshold;
        }
        if self.limits(of, CUE_REACH, Class::Under) {
            let delivery = self.anchors.iter().any(|anchor| anchor.topic == Topic::Shipping);
            let goods = !order && !sentence.mentions.is_empty();
            return if (free && !goods) || (delivery && (order || over)) {
                Role::Threshold
            } else {
                Role::Comparison
            };
        }
        // ~~SAR 120~~ SAR 89
        let struck =
            of.start > 0 && sentence.tokens.word(of.start - 1) == "~" && sentence.tokens.word(of.end) == "~";
        if struck
            || self.was_before(of, 2).is_some() && !sentence.before(of, 1, &[Class::Price])
            || self.is_before_reduction(of)
        {
            return Role::Before;
        }
        let after = |index: usize| {
            index > 0
                && matches!(sentence.tokens.word(index - 1), "بعد" | "after" | "the" | "مع" | "with" | "از")
        };
        let saved = [(2, Class::Save), (1, Class::Discount)].into_iter().any(|(reach, class)| {
            // "20% off 89 SAR" reduces 89.
            let reduced =
                |index: usize| class == Class::Discount && index > 0 && sentence.in_value(index - 1);
            sentence.find_before(of, reach, &[class]).is_some_and(|index| !after(index) && !reduced(index))
        });
        // WELCOME10: -37.80
        let taken_off = of.start > 1
            && matches!(sentence.tokens.word(of.start - 1), "-" | "−")
            && !sentence.tokens.all[of.start].gap
            && !self.coupons.is_empty();
        if saved && !sentence.before(of, 1, &[Class::Price])
            || taken_off
            || sentence.behind(of, 1, &[Class::Discount])
            || self.is_saved_behind(of)
        {
            return Role::Saving;
        }
        let limit = sentence.find_before(of, 2, &[Class::To, Class::Bound]).is_some();
        if limit && order && !sentence.before(of, 4, &[Class::Fee, Class::Price]) {
            return Role::Minimum;
        }
        if over && (order || sentence.has(&[Class::Coupon, Class::Discount])) {
            Role::Minimum
        } else {
            Role::Plain
        }
    }

    /// "31 SAR saved"; in «٨٩ ريال يعني توفرين ٣١» the word is about the amount behind it.
    fn is_saved_behind(&self, of: &Range<usize>) -> bool {
        let notes = self.sentence.notes;
        let word = (of.end..of.end + 2).find(|index| notes.is(*index, Class::Save));
        self.sentence.behind(of, 2, &[Class::Save])
            && word.is_none_or(|index| {
                let end = index + notes.at(index).len;
                !(end..end + 2).any(|index| self.sentence.in_value(index))
            })
    }

    /// «سلتك ١٧٤ ريال»
    fn is_basket(&self, of: &Range<usize>) -> bool {
        let near = of.start.saturating_sub(4)..of.start;
        near.rev().take_while(|index| !self.sentence.is_comma(*index)).any(|index| {
            let yours = matches!(self.sentence.tokens.word(index), "your")
                && self.sentence.notes.is(index + 1, Class::Order);
            yours
                || matches!(
                    self.sentence.tokens.word(index),
                    "سلتك" | "طلبك" | "طلبكم" | "مشترياتك" | "سفارشتان" | "خريدتان"
                )
        })
    }

    /// "120 SAR before the discount", «كان سعرها 120».
    fn is_before_reduction(&self, of: &Range<usize>) -> bool {
        let note = self.sentence.notes.at(of.end);
        let behind = note.sense.is(Class::Was)
            && match self.sentence.tokens.word(of.end) {
                "قبل" | "before" | "پيش" => note.len > 1,
                word => matches!(word, "سابقا" | "originally" | "previously"),
            };
        behind || self.was_before(of, 4).is_some_and(|index| self.sentence.notes.at(index).len > 1)
    }

    /// A word for a price before a reduction; "rather than the rug at 465" compares two goods.
    fn was_before(&self, of: &Range<usize>, reach: usize) -> Option<usize> {
        let index = self.sentence.find_before(of, reach, &[Class::Was])?;
        let compares = matches!(
            self.sentence.tokens.word(index),
            "instead" | "rather" | "compared" | "بدل" | "بدلا" | "بدال" | "عوض" | "عوضا" | "به" | "بجاي"
        );
        let goods =
            || self.sentence.mentions.iter().any(|mention| (index..of.start).contains(&mention.start));
        // «السعر قبل الضريبة ٧٧» is no earlier price.
        let added = self.sentence.notes.any(index + 1..of.start, &[Class::Vat, Class::Ship, Class::Cod]);
        // «بود» is "was" in Persian only.
        let foreign = self.sentence.tokens.word(index) == "بود" && !self.sentence.tokens.persian;
        // A name may hold such a word.
        let named =
            self.sentence.mentions.iter().any(|mention| (mention.start..mention.end).contains(&index));
        (!(added || foreign || named || compares && goods())).then_some(index)
    }

    /// Whether a cue such as «فوق» is about the amount: «أقل من كذا الشحن ٢٥» is not.
    fn limits(&self, of: &Range<usize>, reach: usize, class: Class) -> bool {
        self.sentence.find_before(of, reach, &[class]).is_some_and(|index| {
            let end = index + self.sentence.notes.at(index).len;
            let other = |index: usize| {
                self.sentence.notes.any(index..index + 1, &[Class::Ship, Class::Cod])
                    || matches!(
                        self.sentence.tokens.word(index),
                        "كذا"
                            | "ذلك"
                            | "كذه"
                            | "كده"
                            | "هيك"
                            | "هذا"
                            | "that"
                            | "this"
                            | "it"
                            | "ان"
                            | "اين"
                    )
            };
            !(end..of.start).any(other)
        })
    }

    /// «وتوصل ٢٠٠ ويصير الشحن مجاني»: what an order comes to.
    fn is_reached(&self, of: &Range<usize>) -> bool {
        let near = of.start.saturating_sub(2)..of.start;
        near.rev().take_while(|index| !self.sentence.is_comma(*index)).any(|index| {
            let word = self.sentence.tokens.word(index);
            matches!(
                word.strip_prefix('و').unwrap_or(word),
                "توصل"
                    | "توصلي"
                    | "توصلين"
                    | "تصل"
                    | "تصلي"
                    | "تصلين"
                    | "يصل"
                    | "صل"
                    | "صلت"
                    | "وصل"
                    | "وصلت"
            )
        })
    }
}
