//! Quantities: a number in digits or words with its unit, a range of them, or a word that says both («أسبوعين»).

mod range;

use crate::{
    amount::Amount,
    lexicon::Class,
    note::{Note, Notes},
    text::{Kind, Tokens},
    unit::{Currency, Unit},
};

/// A number with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity {
    pub(crate) amount: Amount,
    /// The other reading of `1.200`.
    pub(crate) other: Option<Amount>,
    pub(crate) unit: Unit,
}

/// One or two quantities that say something together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) low: Quantity,
    /// The same as `low` unless it is a range.
    pub(crate) high: Quantity,
    /// Tokens.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where the second number of a range begins; `start` unless it is a range.
    pub(crate) second: usize,
}

/// Reads the quantities of a sentence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'s> {
    pub(crate) tokens: &'s Tokens,
    pub(crate) notes: &'s Notes,
}

/// What stands before a span of time that is one word: «خلال أسبوع».
const SPAN_REACH: usize = 2;
/// Most parts behind a whole: «ونص وربع».
const PARTS_MAX: usize = 2;

impl Reader<'_> {
    /// All quantities in order; and the numbers that have no unit, with their tokens.
    pub(crate) fn read(&self, values: &mut Vec<Value>, bare: &mut Vec<Bare>) {
        values.clear();
        bare.clear();
        let mut at = 0;
        while at < self.notes.len() {
            if !self.may_begin(at) {
                at += 1;
                continue;
            }
            if let Some(value) = self.value(at).filter(|value| !self.is_factor(value)) {
                at = value.end;
                values.push(value);
            } else if let Some(number) = self.number(at) {
                bare.push(Bare { amount: number.amount, other: number.other, start: at, end: number.end });
                at = number.end;
            } else {
                at += 1;
            }
        }
    }

    /// "Mug × 2 AED 84": the currency is of the number behind it.
    fn is_factor(&self, value: &Value) -> bool {
        let times = value.start > 0 && matches!(self.tokens.word(value.start - 1), "x" | "×" | "*");
        let counted = |index: usize| self.tokens.all.get(index).is_some_and(|token| token.value.is_some());
        times && value.low.unit.is_money() && counted(value.start) && counted(value.end)
    }

    /// Whether a quantity or a number can begin here at all; most tokens say no.
    fn may_begin(&self, at: usize) -> bool {
        let sense = self.notes.at(at).sense;
        let counts = sense.unit.is_some() || sense.number.is_some();
        counts
            || sense.any(&[Class::Half, Class::Quarter, Class::Pair])
            || self.tokens.all.get(at).is_some_and(|token| matches!(token.kind, Kind::Number | Kind::Opaque))
            || matches!(self.tokens.first_byte(at), b'a' | b'f')
                && matches!(self.tokens.word(at), "a" | "an" | "another" | "full")
    }

    /// The quantity that begins at a token.
    pub(crate) fn value(&self, start: usize) -> Option<Value> {
        let note = self.notes.at(start);
        if note.len == 0 {
            return None;
        }
        if let Some(value) = self.unit_first(start, note).or_else(|| self.slashed(start)) {
            return Some(value);
        }
        let low = self.operand(start)?;
        let to = self.range_to(low.end).filter(|_| !self.is_by(start));
        let high = to.and_then(|at| self.operand(at).map(|high| (high, at)));
        let high = high.filter(|(high, at)| low.amount <= high.amount || !self.is_or(*at));
        if let Some((high, second)) = high
            && let Some(unit) = high.unit
            && low.unit.is_none_or(|low| low.is_time() == unit.is_time() && low.is_money() == unit.is_money())
        {
            let low = Quantity { amount: low.amount, other: low.other, unit: low.unit.unwrap_or(unit) };
            return Some(Value { low, high: high.quantity(unit), start, end: high.end, second });
        }
        let unit = low.unit?;
        if let Some(high) = high.filter(|(high, at)| high.unit.is_none() && self.shares_unit(&low, high, *at))
        {
            let (low, second, end) = (low.quantity(unit), high.1, high.0.end);
            return Some(Value { low, high: high.0.quantity(unit), start, end, second });
        }
        if low.implied && !self.may_stand_alone(start, low.end, unit) {
            return None;
        }
        let quantity = low.quantity(unit);
        Some(Value { low: quantity, high: quantity, start, end: low.end, second: start })
    }

    /// `$89`, `SAR 89`, `٪٢٠`.
    fn unit_first(&self, start: usize, note: &Note) -> Option<Value> {
        let unit = note.sense.unit.filter(|unit| unit.is_money() || *unit == Unit::Percent)?;
        let from = start + note.len;
        // «ريال 89» says nothing if the number has its own unit: «ب ٨٩ ريال 3 أيام».
        let number = self.number(from).filter(|number| self.unit_at(number.end).is_none())?;
        let quantity = Quantity { amount: number.amount, other: number.other, unit };
        let second = self.range_to(number.end).filter(|_| !self.is_by(start)).unwrap_or(start);
        let high = (second > start)
            .then(|| self.number(second).or_else(|| self.number(second + self.notes.at(second).len)))
            .flatten()
            .filter(|high| number.amount <= high.amount || !self.is_or(second));
        Some(match high.filter(|high| unit.is_money() && self.unit_at(high.end).is_none_or(Unit::is_money)) {
            Some(high) => {
                let end = high.end;
                let high = Quantity { amount: high.amount, other: high.other, unit };
                Value { low: quantity, high, start, end, second }
            }
            None => Value { low: quantity, high: quantity, start, end: number.end, second: start },
        })
    }

    /// «24/48 ساعة»: no date, because a unit follows.
    fn slashed(&self, start: usize) -> Option<Value> {
        let token = self.tokens.all.get(start).filter(|token| token.kind == Kind::Opaque)?;
        let (low, high) = self.tokens.word(start).split_once('/')?;
        let (unit, end) =
            self.unit_after(start + 1).filter(|(unit, _)| unit.is_time() && token.value.is_none())?;
        let quantity = |digits| Some(Quantity { amount: Amount::parse(digits)?, other: None, unit });
        Some(Value { low: quantity(low)?, high: quantity(high)?, start, end, second: start })
    }

    /// A number with or without unit, a unit that says its number, or half a unit.
    fn operand(&self, start: usize) -> Option<Operand> {
        let note = self.notes.at(start);
        if let Some(number) = self.number(start) {
            let Some((unit, end)) = self.unit_after(number.end).or_else(|| self.unit_of_parts(number.end))
            else {
                return Some(Operand {
                    amount: number.amount,
                    other: number.other,
                    unit: None,
                    end: number.end,
                    implied: false,
                });
            };
            let mut operand =
                Operand { amount: number.amount, other: number.other, unit: Some(unit), end, implied: false };
            self.add_parts(&mut operand);
            return Some(operand);
        }
        let half = [
            (Class::Half, Amount::ONE.percent(Amount::whole(50))),
            (Class::Quarter, Amount::ONE.percent(Amount::whole(25))),
        ];
        if let Some((_, part)) = half.iter().find(|(class, _)| note.sense.is(*class)) {
            let (unit, end) = self.unit_after(start + note.len)?;
            return Some(Operand { amount: *part, other: None, unit: Some(unit), end, implied: false });
        }
        let article = matches!(self.tokens.word(start), "a" | "an" | "another" | "full");
        let couple = self.notes.is(start, Class::Pair) && self.tokens.word(start) == "a";
        let from = if couple {
            start + note.len + usize::from(self.tokens.word(start + note.len) == "of")
        } else {
            start + usize::from(article)
        };
        let word = self.notes.at(from);
        let unit = word.sense.unit.filter(|unit| *unit != Unit::Percent && word.len > 0)?;
        let count = match (couple, article, word.sense.alone) {
            (true, ..) => 2,
            (_, _, 0) if article && unit.is_time() => 1,
            (_, _, alone) if alone > 0 && !word.clitics.the => alone,
            // «دينار ونص»
            _ if unit.is_money() && self.is_one(from) && self.part(unit, from + word.len).is_some() => 1,
            _ => return None,
        };
        let implied = count == 1 && !article;
        let mut operand = Operand {
            amount: Amount::whole(i64::from(count)),
            other: None,
            unit: Some(unit),
            end: from + word.len,
            implied,
        };
        self.add_parts(&mut operand);
        Some(operand)
    }

    /// «١٨ و٧٥٠ فلس»: hundreds of fils are parts of what was not named.
    fn unit_of_parts(&self, at: usize) -> Option<(Unit, usize)> {
        let attached = self.notes.at(at).clitics.and;
        let small =
            self.number(at + usize::from(!attached)).filter(|_| attached || self.notes.is(at, Class::And))?;
        let part = match self.unit_at(small.end)? {
            Unit::Fils => small.amount >= Amount::whole(100),
            unit => unit == Unit::Hundredth,
        };
        part.then_some((Unit::Money(Currency::Shop), at))
    }

    /// Whether a currency stands in the singular, and behind no number that was not understood.
    fn is_one(&self, at: usize) -> bool {
        const SINGULAR: [&str; 5] = ["ريال", "دينار", "درهم", "جنيه", "دولار"];
        let counted = at > 0
            && (self.notes.at(at - 1).sense.number.is_some()
                || matches!(self.tokens.all[at - 1].kind, Kind::Number | Kind::Opaque));
        let word = self.tokens.word(at);
        !counted && !self.notes.at(at).clitics.the && SINGULAR.iter().any(|name| word.ends_with(name))
    }

    /// «ريال و٥٠ هللة», «سنة ونص», «دينار ونص وربع», a year and a half.
    fn add_parts(&self, operand: &mut Operand) {
        let Some(unit) = operand.unit else { return };
        for _ in 0..PARTS_MAX {
            let Some((part, end)) = self.part(unit, operand.end) else { break };
            operand.amount = operand.amount.plus(part);
            operand.end = end;
            operand.implied = false;
        }
        if let Some((part, end)) = self.part_short(unit, operand.end) {
            operand.amount = operand.amount.minus(part);
            operand.end = end;
            operand.implied = false;
        }
    }

    /// What «إلا ربع» or «إلا مية فلس» takes off some of a unit, and where it ends.
    fn part_short(&self, unit: Unit, at: usize) -> Option<(Amount, usize)> {
        if self.tokens.word(at) != "الا" {
            return None;
        }
        let share = self.share(at + 1).map(|(share, end)| (share.percent(Amount::ONE), end));
        share.or_else(|| self.small_part(unit, at + 1))
    }

    /// What «ونص», «وربع» or «و٢٠٠ فلس» adds to some of a unit, and where it ends.
    fn part(&self, unit: Unit, at: usize) -> Option<(Amount, usize)> {
        let attached = self.notes.at(at).clitics.and;
        if !attached && !self.notes.is(at, Class::And) {
            // "six dinars four hundred fils"
            return self.may_begin(at).then(|| self.small_part(unit, at)).flatten();
        }
        let share = self.share_joined(at).filter(|(_, end)| self.unit_at(*end).is_none());
        if let Some((share, end)) = share {
            return Some((share.percent(Amount::ONE), end));
        }
        let from = at + usize::from(!attached);
        self.small_part(unit, from + usize::from(self.tokens.word(from) == "a"))
    }

    /// «٢٠٠ فلس» of a dinar.
    fn small_part(&self, unit: Unit, from: usize) -> Option<(Amount, usize)> {
        let small = self.number(from)?;
        let parts = unit.parts_named(self.unit_at(small.end)?)?;
        let part = small.amount.over(Amount::whole(parts))?;
        (part < Amount::ONE).then_some((part, small.end + self.notes.at(small.end).len))
    }

    /// A lone «شهر» is a span only behind «خلال», «لمدة», «ضمان» and the like, and not before a name or a year.
    fn may_stand_alone(&self, start: usize, end: usize, unit: Unit) -> bool {
        if !unit.is_time() {
            return false;
        }
        let clitics = self.notes.at(start).clitics;
        let next = self.notes.at(end);
        let dated = next.sense.is(Class::Dated)
            || self
                .tokens
                .all
                .get(end)
                .is_some_and(|token| matches!(token.kind, Kind::Number | Kind::Opaque))
            || matches!(self.tokens.word(end), "القادم" | "الماضي" | "المقبل");
        let from = start.saturating_sub(SPAN_REACH);
        let mut before = (start.saturating_sub(2 * SPAN_REACH)..start)
            .map(|index| (index, self.notes.at(index)))
            .filter(|(index, note)| index + note.len.max(1) > from)
            .map(|(_, note)| note);
        let every = matches!(self.tokens.word(start.wrapping_sub(1)), "كل" | "every" | "هر");
        let asked = matches!(self.tokens.word(start.wrapping_sub(1)), "كم" | "كام" | "چند" | "جند");
        // «هيوصلك في أسبوع»
        let reached = self.tokens.word(start.wrapping_sub(1)) == "في"
            && self.notes.any(start.saturating_sub(2 * SPAN_REACH)..start, &[Class::Ship]);
        !dated
            && !every
            && !asked
            && (clitics.to
                || clitics.by
                || reached
                || before.any(|note| {
                    note.sense.any(&[
                        Class::Span,
                        Class::Bound,
                        Class::Warranty,
                        Class::Return,
                        Class::Exchange,
                    ])
                }))
    }

    fn unit_at(&self, at: usize) -> Option<Unit> {
        self.notes.get(at).filter(|note| note.len > 0)?.sense.unit
    }

    /// The unit behind a number and where it ends; `14-day`, `fourteen (14) days`, «14 (أربعة عشر) يوما».
    fn unit_after(&self, at: usize) -> Option<(Unit, usize)> {
        let mut at = at;
        if self.tokens.word(at) == "("
            && let Some(again) = self.number(at + 1)
            && self.tokens.word(again.end) == ")"
        {
            at = again.end + 1;
        }
        if self.tokens.word(at) == "-" && !self.tokens.all.get(at).is_some_and(|token| token.gap) {
            at += 1;
        }
        // "two full years"
        at += usize::from(matches!(self.tokens.word(at), "full" | "whole"));
        let note = self.notes.at(at);
        if at > 0 && self.tokens.all.get(at).is_some_and(|token| !token.gap) {
            match self.tokens.word(at) {
                "d" => return Some((Unit::Day, at + 1)),
                "h" => return Some((Unit::Hour, at + 1)),
                _ => {}
            }
        }
        let unit = self.unit_at(at).filter(|_| !note.clitics.the && !note.clitics.and)?;
        // «يومين» has its own number.
        (note.sense.alone < 2).then_some((unit, at + note.len))
    }
}

/// A number without a unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare {
    pub(crate) amount: Amount,
    pub(crate) other: Option<Amount>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy)]
struct Operand {
    amount: Amount,
    other: Option<Amount>,
    unit: Option<Unit>,
    end: usize,
    /// A singular that says "one" by itself.
    implied: bool,
}

impl Operand {
    fn quantity(&self, unit: Unit) -> Quantity {
        Quantity { amount: self.amount, other: self.other, unit }
    }
}

/// How much of the shop's currency a quantity is; none if it is another currency.
pub(crate) fn in_currency(quantity: Quantity, amount: Amount, currency: Option<&str>) -> Option<Amount> {
    let Some(code) = currency else { return Some(amount) };
    match quantity.unit {
        Unit::Money(named) if named.is_toman_for(code) => Some(amount.times(Amount::whole(10))),
        Unit::Money(named) => named.names(code).then_some(amount),
        Unit::Hundredth => amount.over(Amount::whole(100)),
        Unit::Fils => amount.over(Amount::whole(crate::unit::fils_in(code))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
