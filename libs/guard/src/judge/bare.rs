//! Which numbers without a currency are amounts: prices, fees, totals and thresholds that are named by a word beside them.

use std::ops::Range;

use super::{Judge, role::Role};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::{Quantity, Value},
    text::Kind,
    topic::{Anchor, Part, Topic},
    unit::{Currency, Unit, fils_in},
};

/// Tokens from a number back to its label: `"qty":"2"`.
const LABEL_REACH: usize = 4;
/// Tokens of the longest name of a member: `missing_for_free_shipping`.
const KEY_MAX: usize = 9;
/// Tokens between goods and an amount that say how many: `× 2 :`.
const COUNTED_REACH: usize = 3;

impl Judge<'_> {
    /// Amounts with a currency, and bare numbers that a price word makes one: «سعرها 89».
    pub(super) fn amounts(&self) -> Vec<Value> {
        let mut values: Vec<Value> =
            self.sentence.values.iter().filter(|value| value.low.unit.is_money()).cloned().collect();
        for bare in self.sentence.bare {
            let of = bare.start..bare.end;
            let amount = || {
                self.is_price(&of)
                    || self.is_price_of_measure(&of)
                    || self.is_named_amount(&of)
                    || self.is_bare_threshold(bare.amount, &of)
                    || self.is_bare_remainder(bare.amount, &of)
            };
            if bare.amount > Amount::ZERO && !self.is_count(&of) && amount() {
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
            && (self.sentence.before(of, 3, &[Class::Over])
                || high && next.sense.is(Class::OrMore)
                || self.is_ordered(of)
                || self.is_reached(of))
            && next.sense.unit.is_none()
            && !next.sense.any(&[Class::Piece, Class::Generic, Class::Order])
    }

    /// "Add 5.250 more and delivery is free"; two more pieces are no amount.
    fn is_bare_remainder(&self, amount: Amount, of: &Range<usize>) -> bool {
        let large = || self.policy.free_over.is_none_or(|over| amount.times(Amount::whole(10)) >= over);
        let next = self.sentence.notes.at(of.end);
        let consistent = || self.judge_remaining(amount, of).verdict == Verdict::Pass;
        (self.speaks_of_free_delivery() || self.context.free)
            && (self.sentence.before(of, 2, &[Class::Remain]) || self.is_more(of))
            && (self.is_written_as_money(of) || large() || consistent())
            && next.sense.unit.is_none()
            && !next.sense.any(&[Class::Piece, Class::Generic])
            && !self.sentence.mentions.iter().any(|mention| mention.start == of.end)
    }

    /// "Just 11 more"
    pub(super) fn is_more(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        matches!(word(of.end), "more" | "زياده") && word(of.end + 1) != "than"
    }

    /// Whether the label right before it says that pieces are counted: `"qty":2`, "Quantity: 2", «العدد: ٢».
    pub(super) fn is_count(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let label = (of.start.saturating_sub(LABEL_REACH)..of.start)
            .rev()
            .find(|index| !matches!(word(*index), ":" | "\"" | "=" | "'"));
        label.is_some_and(|index| {
            matches!(
                word(index),
                "qty"
                    | "quantity"
                    | "quantities"
                    | "count"
                    | "pcs"
                    | "pieces"
                    | "items"
                    | "units"
                    | "عدد"
                    | "العدد"
                    | "الكميه"
                    | "كميه"
                    | "القطع"
                    | "الحبات"
            )
        })
    }

    /// Whether it is the name of a member with another value: `"subtotal":89,"delivery":25`.
    pub(super) fn is_key_of_other(&self, anchor: &Anchor, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        if !self.sentence.tokens.quoted {
            return false;
        }
        let key = word(anchor.at.end) == "\"" && word(anchor.at.end + 1) == ":";
        // `"delivery":{"fee":25}`
        let braced = || {
            let mut inside = anchor.at.end + 2..of.start;
            word(anchor.at.end + 2) == "{" && !inside.any(|index| word(index) == "}")
        };
        key && !(anchor.at.end..=anchor.at.end + LABEL_REACH).contains(&of.start) && !braced()
    }

    /// The name of the member that it is the value of: `"free_over":300`, `"was":"175.00"`.
    pub(super) fn key(&self, of: &Range<usize>) -> Option<Range<usize>> {
        let tokens = self.sentence.tokens;
        let mark = |before: usize| of.start.checked_sub(before).map_or("", |index| tokens.word(index));
        let colon = match (tokens.quoted, mark(1), mark(2)) {
            (true, ":", _) => 1,
            (true, "\"", ":") => 2,
            _ => return None,
        };
        let end = of.start.checked_sub(colon + 1).filter(|end| tokens.word(*end) == "\"")?;
        let open = (end.saturating_sub(KEY_MAX)..end).rev().find(|index| tokens.word(*index) == "\"")?;
        Some(open + 1..end)
    }

    /// `"free_over":300`, `"was":175.00`, `"missing_for_free_shipping":70`
    fn is_named_amount(&self, of: &Range<usize>) -> bool {
        let role = self.key(of).map(|key| self.role_of_member(key));
        matches!(role, Some(Role::Threshold | Role::Before))
            || role == Some(Role::Remaining) && self.speaks_of_free_delivery()
    }

    /// `"price":12.5`, `"unit_price":12.5`
    pub(super) fn is_member_of_price(&self, of: &Range<usize>) -> bool {
        self.key(of).is_some_and(|key| self.sentence.tokens.word(key.end - 1) == "price")
    }

    /// A number with as many places as the currency has: 12.50, but 12.500 in Kuwait.
    pub(super) fn is_written_as_money(&self, of: &Range<usize>) -> bool {
        let places = match self.policy.currency.as_deref().map_or(100, fils_in) {
            1000 => 3,
            _ => 2,
        };
        let fraction = self.sentence.tokens.word(of.start).rsplit_once('.');
        of.len() == 1 && fraction.is_some_and(|(_, fraction)| fraction.len() == places)
    }

    /// A line of a receipt: what it is for, a mark or nothing between, and the amount: "Musk ×2 ..... 18.500", "Shipping 1.500".
    fn is_line_of_receipt(&self, of: &Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let mark = of.start.checked_sub(1).map_or("", word);
        let led = matches!(mark, ":" | "=");
        let money = self.is_written_as_money(of);
        let named = self.sentence.mentions.iter().rev().find(|mention| mention.end <= of.start);
        let goods = named.is_some_and(|named| {
            (named.end..of.start).len() <= COUNTED_REACH
                && (named.end..of.start).all(|index| {
                    let token = &self.sentence.tokens.all[index];
                    matches!(word(index), ":" | "=" | "x" | "×" | "*")
                        || token.kind == Kind::Number
                        || word(index).strip_prefix('x').is_some_and(|count| Amount::parse(count).is_some())
                })
        });
        let service = || self.sentence.before(of, LABEL_REACH, &[Class::Ship, Class::Cod]);
        let last = word(of.end).is_empty();
        led && goods || money && (led && service() || last && (goods || self.follows_service(of)))
    }

    /// «قبل الشحن ٢٧٨ ومع الشحن ٣٠٦»
    fn is_sum_with_fee(&self, of: &Range<usize>) -> bool {
        let added = self.anchors.iter().any(|anchor| anchor.at.end == of.start && anchor.part == Part::Added);
        let less = |amount: Amount| self.policy.shipping_fee.is_none_or(|fee| amount > fee);
        let said = self.sentence.bare.iter().any(|bare| bare.start == of.start && less(bare.amount));
        added
            && said
            && self.sentence.values.iter().any(|value| value.low.unit.is_money() && value.end <= of.start)
    }

    /// «الجاكيت 159.50 والشحن 25،», "the lamp is 140 SAR and delivery 25": an amount behind another that is one by its unit
    /// or its places.
    fn is_fee_beside_amount(&self, of: &Range<usize>) -> bool {
        let noun = |anchor: &Anchor| {
            let note = self.sentence.notes.at(anchor.at.start);
            let word = self.sentence.tokens.word(anchor.at.start);
            let named = note.clitics.the || matches!(word, "delivery" | "shipping" | "توصيل" | "شحن");
            anchor.at.end == of.start && anchor.topic == Topic::Shipping && named
        };
        let priced = || {
            self.sentence.values.iter().any(|value| value.low.unit.is_money() && value.end <= of.start)
                || self
                    .sentence
                    .bare
                    .iter()
                    .any(|bare| bare.end <= of.start && self.is_written_as_money(&(bare.start..bare.end)))
        };
        self.anchors.iter().any(noun) && priced()
    }

    /// "Delivery: 1.500"
    pub(super) fn is_labelled_fee(&self, of: &Range<usize>) -> bool {
        let mark = of.start.checked_sub(1).filter(|mark| self.sentence.tokens.word(*mark) == ":");
        mark.is_some_and(|mark| self.follows_service(&(mark..of.end)))
    }

    /// "Delivery 1.500"
    fn follows_service(&self, of: &Range<usize>) -> bool {
        self.anchors.iter().any(|anchor| {
            anchor.at.end == of.start && matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery)
        })
    }

    /// The only amount of a table's row under a head that speaks of prices; beside it may be how many.
    fn is_cell(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        self.context.table
            && !self.sentence.values.iter().any(|value| value.low.unit.is_money())
            && before == "|"
            && matches!(self.sentence.tokens.word(of.end), "|" | "")
            && (self.sentence.bare.len() == 1 || self.is_written_as_money(of) && self.is_beside_counts(of))
    }

    /// "| Hand Cream | 2 | 70.00 |"
    fn is_beside_counts(&self, of: &Range<usize>) -> bool {
        let mut others = self.sentence.bare.iter().filter(|bare| bare.start != of.start);
        others
            .all(|bare| bare.amount.integer().is_some() && !self.is_written_as_money(&(bare.start..bare.end)))
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
    pub(super) fn is_ordered(&self, of: &Range<usize>) -> bool {
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

    /// Whether what is behind a number ends what it says, and counts nothing.
    fn is_closed(&self, of: &Range<usize>) -> bool {
        let next = self.sentence.notes.at(of.end);
        let word = self.sentence.tokens.word(of.end);
        word.is_empty()
            || self.sentence.is_comma(of.end)
            || matches!(
                word,
                "!" | "?"
                    | ":"
                    | "}"
                    | "]"
                    | "is"
                    | "+"
                    | "="
                    | "بعد"
                    | "قبل"
                    | "after"
                    | "before"
                    | "now"
                    | "total"
                    | "كامل"
                    | "كامله"
                    | "بالكامل"
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
            || next.sense.is(Class::For) && self.is_written_as_money(of)
            || word.starts_with('و')
            || next.sense.any(&[
                Class::Only,
                Class::Was,
                Class::With,
                Class::Without,
                Class::And,
                Class::Contrast,
            ])
    }

    fn is_price(&self, of: &Range<usize>) -> bool {
        let next = self.sentence.notes.at(of.end);
        let word = self.sentence.tokens.word(of.end);
        if !self.is_closed(of) {
            return false;
        }
        let previous = of.start.checked_sub(1);
        let by = previous.is_some_and(|index| self.sentence.tokens.word(index) == "ب")
            || self.sentence.notes.at(of.start).clitics.by;
        let named = by
            && self
                .sentence
                .mentions
                .iter()
                .any(|mention| mention.end <= of.start && of.start - mention.end <= 2);
        let word_before = previous.map_or("", |index| self.sentence.tokens.word(index));
        // "the perfume is 9.250", "from 235 to 199.75", "4 payments of 58.75"
        let joint = by
            || matches!(word_before, "at" | "for" | "is" | "are" | "to" | "الي")
            || word_before == "of" && self.sentence.before(of, 3, &[Class::Install]);
        let money = joint && self.is_written_as_money(of) && (by || !self.sentence.mentions.is_empty());
        // «كانت ٢٦٠٠ والآن ٢١٥٠»
        let now = matches!(word_before, "الان" | "والان" | "الحين" | "والحين" | "دلوقتي" | "now")
            && self.sentence.has(&[Class::Was]);
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
            || money
            || now
            || self.is_line_of_receipt(of)
            || self.is_sum_with_fee(of)
            || self.is_fee_beside_amount(of)
            || self.sentence.before(of, 3, &cue)
            || (self.sentence.before(of, 8, &[Class::Total]) && !numbered)
            || (!self.sentence.mentions.is_empty() && self.sentence.before(of, 2, &[Class::Was]))
            || (by && self.sentence.before(of, 8, &cue))
            || (by && next.sense.is(Class::Only))
            || (by && self.sentence.before(of, 3, &[Class::Ship, Class::Cod]))
            || (!self.sentence.mentions.is_empty() && self.sentence.before(of, 2, &[Class::Lower]))
    }
}
