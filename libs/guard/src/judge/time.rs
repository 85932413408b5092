//! Windows: returns, exchanges, delivery, warranty.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Judge, is_window, tokens_of};
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    quantity::{Quantity, Value},
    report::{Field, Judgement, Truth},
    topic::{Anchor, Links, Part, Topic},
    unit::Unit,
};

/// Tokens between a verb for sending and its day.
const DISPATCH_REACH: usize = 4;

impl Judge<'_> {
    pub(super) fn judge_times(&mut self) {
        let mut links = Links::new(self.anchors);
        for value in self.sentence.values.iter().filter(|value| value.low.unit.is_time()) {
            let of = tokens_of(value);
            let is_time = |anchor: &Anchor| {
                anchor.part != Part::Reference
                    && !matches!(
                        anchor.topic,
                        Topic::Product(_) | Topic::CashOnDelivery | Topic::Total | Topic::Vat
                    )
            };
            let anchor = links.nearest(&self.sentence, &of, is_time);
            if self.is_past(&of)
                || self.skips_window(&of)
                || self.is_charging(value)
                || self.is_underway(value)
            {
                continue;
            }
            let topics = match anchor {
                Some(anchor) => links.joined(&self.sentence, anchor),
                None => self.context.topic.filter(|_| self.continues(&of)).into_iter().collect(),
            };
            let judged: SmallVec<[Judgement; 2]> =
                topics.iter().filter_map(|topic| self.judge_window(*topic, value)).collect();
            // Where two windows differ, one value is not true of both.
            let agreed = judged.iter().all(|judgement| judgement.truth == judged[0].truth);
            let found = judged.into_iter().max_by_key(|judgement| judgement.verdict);
            self.out.extend(found.map(|found| Judgement { truth: found.truth.filter(|_| agreed), ..found }));
        }
        if self.sentence.tokens.quoted {
            self.judge_members();
        }
        if self.sentence.has(&[Class::SameDay, Class::NextDay]) {
            self.judge_named_days();
        }
        if self.sentence.has(&[Class::Lifetime]) {
            self.judge_lifetime();
        }
    }

    /// `"return_days":14`: the name of a member says the window and the unit.
    fn judge_members(&mut self) {
        for bare in self.sentence.bare {
            let Some(key) = self.key(&(bare.start..bare.end)) else { continue };
            let unit = key.clone().find_map(|index| self.sentence.notes.at(index).sense.unit);
            let named = |anchor: &&Anchor| is_window(anchor.topic) && key.contains(&anchor.at.start);
            let topic = self.anchors.iter().find(named).map(|anchor| anchor.topic);
            let Some((unit, topic)) = unit.filter(|unit| unit.is_time()).zip(topic) else { continue };
            let quantity = Quantity { amount: bare.amount, other: None, unit };
            let (start, end) = (bare.start, bare.end);
            let value = Value { low: quantity, high: quantity, start, end, second: start };
            self.out.extend(self.judge_window(topic, &value));
        }
    }

    /// A window without a noun goes on about the sentence before: "You have 14 days."
    fn continues(&self, of: &Range<usize>) -> bool {
        let named = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index)) == ":";
        self.sentence.before(of, 3, &[Class::Span, Class::Bound])
            || of.start <= 1
            || named && self.sentence.is_item()
    }

    /// «قبل يومين», "two days ago".
    fn is_past(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        let behind = self.sentence.tokens.word(of.end);
        // «والمندوب يتصل قبلها بساعة»
        let ahead =
            matches!(before, "قبلها" | "قبله" | "قبلهم") && self.sentence.notes.at(of.start).clitics.by;
        ahead
            || matches!(before, "قبل" | "منذ" | "last" | "past" | "been" | "every" | "كل" | "هر")
            || matches!(behind, "ago" | "old" | "earlier" | "since" | "پيش" | "قبل")
    }

    /// «شحن» of a battery, in minutes or hours.
    fn is_charging(&self, value: &Value) -> bool {
        let clause = self.sentence.clause(&tokens_of(value));
        let mut values = self.sentence.values.iter();
        let filled = values.any(|other| other.low.unit == Unit::Percent && clause.contains(&other.start));
        // «شحنها ربع ساعة يعطيك ساعتين»
        let lasts = || {
            (0..self.sentence.notes.len()).any(|index| {
                let word = self.sentence.tokens.word(index);
                ["شحنها", "شحنه", "تشحنها", "تشحنه", "يشحن"].contains(&word)
                    && self.sentence.tokens.word(index + 1) != "خلال"
                    && self.sentence.in_value(index + 1)
            })
        };
        matches!(value.low.unit, Unit::Minute | Unit::Hour)
            && (filled || self.sentence.has(&[Class::Charge]) || lasts())
    }

    /// "10 months of the warranty left", «باقي لك ١٠ شهور»: what is left of a window, and not the window itself.
    fn is_rest(&self, value: &Value) -> bool {
        let of = tokens_of(value);
        let clause = self.sentence.clause(&of);
        if self.sentence.before(&of, 2, &[Class::Remain]) {
            return true;
        }
        let behind = (of.end..clause.end)
            .any(|index| matches!(self.sentence.tokens.word(index), "left" | "remaining"));
        let mut before = (clause.start..of.start).rev().take_while(|index| !self.sentence.in_value(*index));
        let left = behind || before.any(|index| self.sentence.notes.is(index, Class::Remain));
        // "remaining on your 24-month warranty"
        let next = self.sentence.notes.at(of.end);
        left && !next.sense.any(&[Class::Warranty, Class::Return, Class::Exchange])
    }

    /// "Out for delivery, 20 minutes away": where one parcel is says nothing of how long delivery takes.
    fn is_underway(&self, value: &Value) -> bool {
        let leaves = |anchor: &Anchor| {
            let first = self.sentence.tokens.word(anchor.at.start);
            anchor.topic == Topic::Past
                && anchor.at.len() > 1
                && matches!(first, "out" | "on" | "طلع" | "خرج" | "مع" | "في")
        };
        matches!(value.low.unit, Unit::Minute | Unit::Hour) && self.anchors.iter().any(leaves)
    }

    /// "We do not offer two years" says nothing about the window; "no returns after 14 days" does.
    fn skips_window(&self, of: &Range<usize>) -> bool {
        if self.sentence.quoted(of) || self.sentence.asked(of) {
            return true;
        }
        let limit = self.sentence.before(of, 3, &[Class::Over, Class::Ref])
            || self
                .sentence
                .find_before(of, 2, &[Class::Span])
                .is_some_and(|index| matches!(self.sentence.tokens.word(index), "بعد" | "after" | "پس"))
            || (of.start.saturating_sub(3)..of.start).any(|index| {
                matches!(
                    self.sentence.tokens.word(index),
                    "after" | "بعد" | "پس" | "beyond" | "past" | "مرور" | "مضي" | "انقضاء"
                )
            });
        self.sentence.denied(of) && !limit
    }

    fn judge_window(&self, topic: Topic, value: &Value) -> Option<Judgement> {
        let of = tokens_of(value);
        let (field, fact) = match topic {
            Topic::Shipping => return Some(self.judge_delivery(value)),
            Topic::Return if self.is_payout(&of) => {
                return Some(Judgement::new(Field::ReturnDays, Verdict::Unsure, of));
            }
            Topic::Return => (Field::ReturnDays, self.policy.return_days),
            Topic::Exchange => (Field::ExchangeDays, self.policy.exchange_days),
            // A motor is made for so many hours.
            Topic::Warranty if matches!(value.low.unit, Unit::Hour | Unit::Minute) => return None,
            // A repair takes working days.
            Topic::Warranty if self.is_working(&of) => {
                return Some(Judgement::new(Field::WarrantyMonths, Verdict::Unsure, of));
            }
            Topic::Warranty => (Field::WarrantyMonths, self.policy.warranty_months),
            Topic::Other => return Some(Judgement::new(Field::ShippingDays, Verdict::Unsure, of)),
            Topic::Payout => return Some(Judgement::new(Field::ReturnDays, Verdict::Unsure, of)),
            _ => return None,
        };
        let Some(fact) = fact else { return Some(Judgement::new(field, Verdict::Unsure, of)) };
        let all = if field == Field::WarrantyMonths { fact.times(Amount::whole(30)) } else { fact };
        if days(value.high) < all && self.is_rest(value) {
            return None;
        }
        let (same, truth) = if field == Field::WarrantyMonths {
            (is_months(value.high, fact), Truth::Months(fact))
        } else {
            (is_days(value.high, fact), Truth::Days(fact, fact))
        };
        let verdict = if same { Verdict::Pass } else { Verdict::Violate };
        Some(Judgement::new(field, verdict, of).truly(|| Some(truth)))
    }

    /// Money comes back in working days; goods are taken back in days.
    fn is_payout(&self, of: &Range<usize>) -> bool {
        let working = self.is_working(of);
        let clause = self.sentence.clause(of);
        let money = clause.clone().any(|index| {
            matches!(self.sentence.tokens.word(index), "money" | "funds")
                && self.sentence.notes.is(index, Class::Refund)
        });
        money || working && self.sentence.notes.any(clause, &[Class::Refund])
    }

    /// Whether days of work are counted.
    fn is_working(&self, of: &Range<usize>) -> bool {
        of.clone().any(|index| {
            matches!(self.sentence.tokens.word(index), "عمل" | "العمل" | "business" | "working" | "كاري")
        })
    }

    fn judge_delivery(&self, value: &Value) -> Judgement {
        let of = tokens_of(value);
        let Some((least, most)) = self.policy.shipping_days else {
            return Judgement::new(Field::ShippingDays, Verdict::Unsure, of);
        };
        let (low, high) = (days(value.low), days(value.high));
        let bound = low == high && self.sentence.before(&of, 2, &[Class::Bound]);
        // "within 3 days" of 2 to 4 holds for some orders, "within 2 days" only for the fastest.
        if bound && least < high && high < most && !self.is_made_exact(value, most) {
            return Judgement::new(Field::ShippingDays, Verdict::Unsure, of);
        }
        let right = if low == high && !bound {
            (least..=most).contains(&high)
        } else {
            let exact = || self.is_made_exact(value, most);
            (high == most && (bound || low >= least)) || (low >= least && high < most && exact())
        };
        self.delivery(right, of)
    }

    /// «يوم ليومين، وأقصى شي ثلاثة أيام»: the usual case, and then the longest.
    fn is_made_exact(&self, value: &Value, most: Amount) -> bool {
        let behind = self.sentence.values.iter().find(|other| other.start >= value.end);
        behind.is_some_and(|other| other.low.unit.is_time() && days(other.high) == most)
    }

    fn delivery(&self, right: bool, of: Range<usize>) -> Judgement {
        let verdict = if right { Verdict::Pass } else { Verdict::Violate };
        let truth = || self.policy.shipping_days.map(|(least, most)| Truth::Days(least, most));
        Judgement::new(Field::ShippingDays, verdict, of).truly(truth)
    }

    /// Delivery on the same or the next day.
    fn judge_named_days(&mut self) {
        for index in 0..self.sentence.notes.len() {
            let note = self.sentence.notes.at(index);
            let day = match (note.sense.is(Class::SameDay), note.sense.is(Class::NextDay)) {
                (true, _) => Amount::ZERO,
                (_, true) => Amount::ONE,
                _ => continue,
            };
            let of = index..index + note.len;
            let clause = self.sentence.clause(&of);
            let delivery = self.anchors.iter().any(|anchor| {
                anchor.topic == Topic::Shipping
                    && anchor.part != Part::Reference
                    && clause.contains(&anchor.at.start)
            });
            if !delivery || self.sentence.not_said(&of) || self.sentence.notes.any(clause, &[Class::Other]) {
                continue;
            }
            // "It ships the same day" says when it leaves.
            let leaves = (of.start.saturating_sub(DISPATCH_REACH)..of.start)
                .any(|index| is_dispatch(self.sentence.tokens.word(index)));
            let judgement = match self.policy.shipping_days.filter(|_| !leaves) {
                // True of some orders, as "within 3 days" is.
                Some((least, most))
                    if !(least..=most).contains(&day) && self.is_alternative(&of, least, most) =>
                {
                    Judgement::new(Field::ShippingDays, Verdict::Unsure, of)
                }
                Some((least, most)) => self.delivery((least..=most).contains(&day), of),
                None => Judgement::new(Field::ShippingDays, Verdict::Unsure, of),
            };
            self.push(judgement);
        }
    }

    /// «بنفس اليوم أو ثاني يوم», "the same or the next day": whether the other of the two days is right.
    fn is_alternative(&self, of: &Range<usize>, least: Amount, most: Amount) -> bool {
        let or = |index: usize| {
            matches!(self.sentence.tokens.word(index), "or" | "otherwise" | "او" | "والا" | "يا")
        };
        let (other, day) = if self.sentence.notes.is(of.start, Class::SameDay) {
            (Class::NextDay, Amount::ONE)
        } else {
            (Class::SameDay, Amount::ZERO)
        };
        let mut others = (0..self.sentence.notes.len()).filter(|index| self.sentence.notes.is(*index, other));
        let joined = others.any(|other| {
            let mut between = if other < of.start { other..of.start } else { of.end..other };
            between.any(or)
        });
        // «نفس اليوم أو باچر»
        let tomorrow = |index: usize| {
            let word = self.sentence.tokens.word(index);
            matches!(word, "باجر" | "باچر" | "بكره" | "بكرا" | "غدا" | "tomorrow")
        };
        let joined = joined || or(of.end) && tomorrow(of.end + 1);
        joined && (least..=most).contains(&day)
    }

    /// A warranty for life.
    fn judge_lifetime(&mut self) {
        for index in 0..self.sentence.notes.len() {
            let note = self.sentence.notes.at(index);
            let of = index..index + note.len.max(1);
            let said = note.sense.is(Class::Lifetime)
                && self
                    .anchors
                    .iter()
                    .any(|anchor| is_window(anchor.topic) && anchor.topic == Topic::Warranty)
                && !self.sentence.not_said(&of);
            if said {
                let verdict =
                    if self.policy.warranty_months.is_some() { Verdict::Violate } else { Verdict::Unsure };
                let truth = || self.policy.warranty_months.map(Truth::Months);
                self.push(Judgement::new(Field::WarrantyMonths, verdict, of).truly(truth));
            }
        }
    }
}

/// A verb for sending goods and not for their arrival.
fn is_dispatch(word: &str) -> bool {
    matches!(
        word,
        "ship"
            | "ships"
            | "shipped"
            | "dispatch"
            | "نشحن"
            | "نشحنه"
            | "نشحنها"
            | "يشحن"
            | "ينشحن"
            | "تنشحن"
            | "يتشحن"
    )
}

fn days(quantity: Quantity) -> Amount {
    let count = quantity.amount;
    match quantity.unit {
        Unit::Minute => count.over(Amount::whole(24 * 60)).unwrap_or_default(),
        Unit::Hour => count.over(Amount::whole(24)).unwrap_or_default(),
        Unit::Week => count.times(Amount::whole(7)),
        Unit::Month => count.times(Amount::whole(30)),
        Unit::Year => count.times(Amount::whole(365)),
        _ => count,
    }
}

fn is_days(quantity: Quantity, fact: Amount) -> bool {
    days(quantity).is(fact)
        || (quantity.unit == Unit::Year && quantity.amount.times(Amount::whole(360)).is(fact))
}

fn is_months(quantity: Quantity, fact: Amount) -> bool {
    let count = quantity.amount;
    match quantity.unit {
        Unit::Month => count.is(fact),
        Unit::Year => count.times(Amount::whole(12)).is(fact),
        Unit::Week | Unit::Day | Unit::Hour | Unit::Minute => {
            let days = days(quantity);
            days.is(fact.times(Amount::whole(30)))
                || days.times(Amount::whole(12)).is(fact.times(Amount::whole(365)))
        }
        _ => false,
    }
}
