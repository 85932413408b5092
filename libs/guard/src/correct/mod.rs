//! Writes what is true in the place of what is not: with the digits, the currency and the unit that stood there.

mod amendment;
mod notation;
mod phrase;
mod wording;

use std::ops::Range;

use crate::{
    amount::Amount,
    language::Language,
    quantity::{Reader, Value},
    report::Truth,
    sentence::Sentence,
    unit::{Currency, Unit},
};
use notation::Notation;
use wording::Stood;

pub use amendment::amendment;

/// Writes into one sentence.
pub(crate) struct Writer<'s> {
    sentence: Sentence<'s>,
    currency: Option<&'s str>,
    language: Language,
}

/// Where the parts of a value stand, in tokens.
struct Parts {
    low: Range<usize>,
    /// The second number of a range.
    high: Option<Range<usize>>,
    unit: Range<usize>,
}

impl<'s> Writer<'s> {
    /// Writes into `sentence` for a shop with this currency.
    pub(crate) fn new(sentence: Sentence<'s>, currency: Option<&'s str>) -> Self {
        Self { sentence, currency, language: Language::of(sentence.text) }
    }

    /// What may stand in the place of the tokens `of`; none if it would not read well.
    pub(crate) fn correct(&self, of: &Range<usize>, truth: Truth) -> Option<String> {
        let spans = |start: usize, end: usize| start == of.start && end == of.end;
        if let Some(value) = self.sentence.values.iter().find(|value| spans(value.start, value.end)) {
            return self.value(value, truth);
        }
        if self.sentence.bare.iter().any(|bare| spans(bare.start, bare.end)) {
            return Some(self.notation(of).number(amount_of(truth)?));
        }
        self.phrase(of, truth)
    }

    fn value(&self, value: &Value, truth: Truth) -> Option<String> {
        let range = value.low != value.high;
        let one = !matches!(truth, Truth::Days(least, most) if least != most);
        if range && one && self.is_between(value.start) {
            return None;
        }
        let parts = self.parts(value);
        match truth {
            Truth::Money(amount) | Truth::Price(_, amount) => self.money(value, parts, amount),
            Truth::Percent(amount) => self.percent(value, parts, amount),
            Truth::Days(..) | Truth::Months(_) => self.time(value, parts, truth),
        }
    }

    fn money(&self, value: &Value, parts: Option<Parts>, amount: Amount) -> Option<String> {
        let Unit::Money(named) = value.high.unit else {
            // Halalas and fils alone.
            return Some(self.amount(amount));
        };
        let own = self.currency.is_none_or(|code| named.names(code));
        let toman = self.currency.is_some_and(|code| named.is_toman_for(code));
        let amount = if toman { amount.over(Amount::whole(10))? } else { amount };
        let unit = |stood: &str| match self.currency {
            Some(code) if !own && !toman => wording::currency_name(code, self.language).to_owned(),
            _ => wording::currency(stood, amount),
        };
        let Some(parts) = parts.filter(|parts| parts.high.is_none()) else {
            let of = value.start..value.end;
            let stood = of.clone().find(|index| {
                let unit = self.sentence.notes.at(*index).sense.unit;
                matches!(unit, Some(Unit::Money(named)) if named != Currency::Shop)
            })?;
            let stood = self.words(stood..stood + self.sentence.notes.at(stood).len.max(1));
            return Some(format!("{} {}", self.notation(&of).number(amount), unit(stood)));
        };
        let number = self.notation(&parts.low).number(amount);
        let unit = unit(self.words(parts.unit.clone()));
        let (first, second, gap) = if parts.unit.start < parts.low.start {
            (unit, number, self.between(parts.unit.end, parts.low.start))
        } else {
            (number, unit, self.between(parts.low.end, parts.unit.start))
        };
        // A symbol touches its number, a name does not.
        let gap = if gap.is_empty() && !own { " " } else { gap };
        Some(format!("{first}{gap}{second}"))
    }

    fn percent(&self, value: &Value, parts: Option<Parts>, amount: Amount) -> Option<String> {
        let parts = parts.filter(|parts| parts.high.is_none())?;
        let number = self.notation(&parts.low).number(amount);
        let tokens = &self.sentence.tokens.all;
        let (first, last) = (tokens.get(value.start)?, tokens.get(value.end - 1)?);
        let (from, to) = (tokens.get(parts.low.start)?, tokens.get(parts.low.end - 1)?);
        let text = self.sentence.text;
        Some(format!("{}{number}{}", &text[first.start..from.start], &text[to.end..last.end]))
    }

    fn time(&self, value: &Value, parts: Option<Parts>, truth: Truth) -> Option<String> {
        let (unit, low, high) = counted(truth, value.high.unit)?;
        let parts =
            parts.filter(|parts| value.low.unit == value.high.unit && parts.low.end <= parts.unit.start);
        let of = value.start..value.end;
        let numbers = parts.as_ref().map_or(of.clone(), |parts| parts.low.clone());
        let notation = self.notation(&numbers);
        let joint = match (&parts, self.language) {
            (Some(Parts { low, high: Some(high), .. }), _) => self.between(low.end, high.start),
            (_, Language::Persian) => " تا ",
            _ => "-",
        };
        let number = if low == high {
            notation.number(low)
        } else {
            format!("{}{joint}{}", notation.number(low), notation.number(high))
        };
        let stood = parts.filter(|_| unit == value.high.unit).map(|parts| {
            let number = parts.high.as_ref().unwrap_or(&parts.low);
            let (gap, words) = (self.between(number.end, parts.unit.start), self.words(parts.unit.clone()));
            let singular = !words.ends_with('s') && value.high.amount != Amount::ONE;
            Stood { gap, words, adjective: singular || gap == "-" }
        });
        let latin = self.words(of).is_ascii()
            && self.words(value.start..value.end).bytes().any(|byte| byte.is_ascii_alphabetic());
        let language = if latin { Language::English } else { self.language };
        Some(wording::time(unit, language, high, &number, stood))
    }

    /// The numbers and the unit of a value that is written as such, and no more.
    fn parts(&self, value: &Value) -> Option<Parts> {
        let Sentence { tokens, notes, .. } = self.sentence;
        let reader = Reader { tokens, notes };
        let first = notes.at(value.start);
        if first.sense.unit.is_some() && first.sense.number.is_none() {
            let unit = value.start..value.start + first.len;
            let number = reader.number(unit.end).filter(|number| number.end == value.end)?;
            return Some(Parts { low: unit.end..number.end, high: None, unit });
        }
        let low = reader.number(value.start)?;
        let unit = (low.end..value.end)
            .find(|index| notes.at(*index).sense.unit.is_some() && notes.at(*index).len > 0)?;
        let unit = unit..unit + notes.at(unit).len;
        if unit.end != value.end || tokens.word(low.end) == "(" {
            return None;
        }
        let high = (low.end..unit.start).find_map(|index| {
            reader.number(index).filter(|number| number.end <= unit.start).map(|number| index..number.end)
        });
        Some(Parts { low: value.start..low.end, high, unit })
    }

    /// Whether a word before it wants two values: «بين ٧٠ و٨٠».
    fn is_between(&self, start: usize) -> bool {
        let word = start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        matches!(word, "between" | "from" | "بين" | "مابين" | "من" | "از")
    }

    /// An amount with the usual name of the shop's currency.
    fn amount(&self, amount: Amount) -> String {
        let number = Notation::of(self.sentence.text, self.language).number(amount);
        match self.currency {
            Some(code) => format!("{number} {}", wording::currency_name(code, self.language)),
            None => number,
        }
    }

    /// How the number at `of` is written; in words, the way of other digits of its sentence.
    fn notation(&self, of: &Range<usize>) -> Notation {
        let text = self.words(of.clone());
        if text.chars().any(char::is_numeric) {
            Notation::of_number(text, self.language)
        } else {
            Notation::of(self.sentence.text, self.language)
        }
    }

    /// The text of tokens, with what stands between them.
    fn words(&self, of: Range<usize>) -> &'s str {
        let tokens = &self.sentence.tokens.all;
        match of.end.checked_sub(1).and_then(|last| tokens.get(of.start).zip(tokens.get(last))) {
            Some((first, last)) if !of.is_empty() => &self.sentence.text[first.start..last.end],
            _ => "",
        }
    }

    /// The text from the end of the token before `end` to the start of the token `start`.
    fn between(&self, end: usize, start: usize) -> &'s str {
        let tokens = &self.sentence.tokens.all;
        match end.checked_sub(1).and_then(|last| tokens.get(last).zip(tokens.get(start))) {
            Some((last, first)) => self.sentence.text.get(last.end..first.start).unwrap_or(" "),
            None => " ",
        }
    }
}

fn amount_of(truth: Truth) -> Option<Amount> {
    match truth {
        Truth::Money(amount) | Truth::Price(_, amount) => Some(amount),
        _ => None,
    }
}

/// A span of time in the unit that stood there, or else in that of the policy.
fn counted(truth: Truth, stood: Unit) -> Option<(Unit, Amount, Amount)> {
    let (unit, low, high, share) = match (truth, stood) {
        (Truth::Days(low, high), Unit::Week) => (Unit::Day, low, high, 7),
        (Truth::Days(low, high), Unit::Month) => (Unit::Day, low, high, 30),
        (Truth::Days(low, high), _) => return Some((Unit::Day, low, high)),
        (Truth::Months(months), Unit::Year) => (Unit::Month, months, months, 12),
        (Truth::Months(months), _) => return Some((Unit::Month, months, months)),
        _ => return None,
    };
    let shared = |amount: Amount| amount.over(Amount::whole(share)).filter(|part| part.integer().is_some());
    let whole = shared(low).zip(shared(high)).filter(|(low, _)| *low > Amount::ZERO);
    Some(whole.map_or((unit, low, high), |(low, high)| (stood, low, high)))
}
