//! What an amount is in its sentence: a price, a threshold, what is missing, what was before.

use std::ops::Range;

use super::Judge;
use crate::{
    lexicon::Class,
    topic::{Anchor, Topic},
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
    /// What two amounts differ by.
    Difference,
    /// A mere comparison: "under 100 riyals".
    Comparison,
    Plain,
}

impl Judge<'_> {
    pub(super) fn role(&self, of: &Range<usize>) -> Role {
        let sentence = &self.sentence;
        if let Some(key) = self.key(of) {
            return self.role_of_member(key);
        }
        if self.is_comparison(of) {
            return Role::Difference;
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
        // «كملي سلتج لين ٣٠٠» says what to come to, and not what is missing.
        let up_to = sentence.before(of, 1, &[Class::To]) && !sentence.before(of, 1, &[Class::Over]);
        let short = sentence.find_before(of, 4, &[Class::Remain]).filter(|short| !goods(*short) && !up_to);
        let missing = short.is_some_and(|short| {
            sentence.find_before(of, reach, &[Class::Over]).is_none_or(|over| over <= short)
        }) || (!over && (sentence.behind(of, 2, &[Class::Remain]) || self.is_more(of)));
        let filled = up_to && sentence.before(of, 4, &[Class::Remain]);
        if free && (filled || self.is_reached(of) || self.is_ordered(of)) {
            return Role::Threshold;
        }
        if missing && (free || self.is_toward_free()) && !sentence.before(of, 2, &[Class::Save]) {
            return Role::Remaining;
        }
        let cond = sentence.before(of, 2, &[Class::Cond]);
        if !over && (free && self.is_basket(of) || self.is_in_basket(of)) {
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

    /// A member is what its name says.
    pub(super) fn role_of_member(&self, mut key: Range<usize>) -> Role {
        let has = |index: usize, names: &[&str]| names.contains(&self.sentence.tokens.word(index));
        let says = |names: &[&str]| key.clone().any(|index| has(index, names));
        if says(&["missing", "remaining", "left", "needed"]) {
            Role::Remaining
        } else if says(&["free"]) && says(&["over", "above", "from", "at", "threshold", "minimum", "min"]) {
            Role::Threshold
        } else if says(&["was", "compare", "old", "original", "before"]) {
            Role::Before
        } else if key.any(|index| has(index, &["saving", "savings", "saved", "save", "discount"])) {
            Role::Saving
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

    /// «باقي لك ٧٢ ريال وتوصل ٣٠٠», "add 550 to skip the fee"
    fn is_toward_free(&self) -> bool {
        self.context.free
            || self.sentence.bare.iter().any(|bare| self.is_reached(&(bare.start..bare.end)))
            || self.spares_delivery()
    }

    /// "to skip the 150 QAR delivery fee", «وتتجنب رسوم التوصيل»: whoever pays so much more pays no delivery.
    fn spares_delivery(&self) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let verb = |index: usize| {
            let spoken = word(index);
            matches!(spoken, "skip" | "avoid" | "dodge" | "waive" | "escape" | "lose" | "ditch")
                || ["تتجنب", "تتفاد", "تتخلص", "تنعف", "تعف", "تتفك"]
                    .iter()
                    .any(|root| spoken.strip_prefix('و').unwrap_or(spoken).starts_with(root))
        };
        let spared = |anchor: &Anchor| {
            let behind = matches!(word(anchor.at.end), "نپردازيد" | "ندهيد" | "نميپردازيد" | "نميدهيد");
            anchor.topic == Topic::Shipping
                && (behind || (anchor.at.start.saturating_sub(2 * CUE_REACH)..anchor.at.start).any(verb))
        };
        self.anchors.iter().any(spared)
    }

    /// «سلتك ١٧٤ ريال»
    fn is_basket(&self, of: &Range<usize>) -> bool {
        let near = of.start.saturating_sub(4)..of.start;
        near.rev().take_while(|index| !self.sentence.is_comma(*index)).any(|index| {
            let yours = matches!(self.sentence.tokens.word(index), "your")
                && self.sentence.notes.is(index + 1, Class::Order);
            // «السلة ١٤٫٧٥٠، تحتاج ٥٫٢٥٠»
            let short = index + 1 == of.start
                && self.sentence.notes.is(index, Class::Order)
                && self.sentence.notes.any(of.end..self.sentence.notes.len(), &[Class::Remain]);
            yours
                || short
                || matches!(
                    self.sentence.tokens.word(index),
                    "سلتك" | "طلبك" | "طلبكم" | "مشترياتك" | "سفارشتان" | "خريدتان"
                )
        })
    }

    /// "since your basket is at 95": what it holds so far is no price and no fee.
    fn is_in_basket(&self, of: &Range<usize>) -> bool {
        let near = of.start.saturating_sub(CUE_REACH)..of.start;
        let word = |index: usize| self.sentence.tokens.word(index);
        let basket = |index: usize| {
            matches!(word(index), "basket" | "cart" | "سلتك" | "سلتج" | "سلتكم" | "السله")
                && matches!(word(index + 1), "is" | "at" | "فيها" | "الحين" | "الان" | "ب" | "currently")
        };
        self.sentence.mentions.is_empty()
            && self.sentence.has(&[Class::Ship])
            && near.rev().take_while(|index| !self.sentence.is_comma(*index)).any(basket)
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
                            | "جذي"
                            | "كذي"
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
    pub(super) fn is_reached(&self, of: &Range<usize>) -> bool {
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
