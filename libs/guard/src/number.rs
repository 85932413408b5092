//! Numbers in digits or words.

use crate::{amount::Amount, lexicon::Class, quantity::Reader};

/// A number without its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) amount: Amount,
    pub(crate) other: Option<Amount>,
    pub(crate) end: usize,
}

impl Reader<'_> {
    /// The number at `start`, in digits or words.
    pub(crate) fn number(&self, start: usize) -> Option<Number> {
        let token = self.tokens.all.get(start)?;
        if let Some((amount, other)) = token.value {
            let mut number = Number { amount, other, end: start + 1 };
            self.multiply(&mut number);
            self.add_share(&mut number, Amount::ONE);
            return Some(number);
        }
        self.spelled(start)
    }

    /// «٢ ألف», `1.5 million`.
    fn multiply(&self, number: &mut Number) {
        let note = self.notes.at(number.end);
        if let Some(scale @ (1000 | 1_000_000)) = note.sense.number.filter(|_| !note.clitics.and) {
            number.amount = number.amount.times(Amount::whole(i64::from(scale)));
            number.other = None;
            number.end += note.len;
        }
    }

    /// «خمسة ونص», "one and a quarter".
    fn add_share(&self, number: &mut Number, scale: Amount) {
        let Some((share, end)) = self.share_joined(number.end) else { return };
        number.amount = number.amount.plus(scale.percent(share));
        number.end = end;
    }

    /// The hundredths that «ونص», «وثلاث أرباع» or "and a half" adds, and where they end.
    pub(crate) fn share_joined(&self, at: usize) -> Option<(Amount, usize)> {
        let attached = self.notes.at(at).clitics.and;
        if !attached && !matches!(self.tokens.word(at), "و" | "and") {
            return None;
        }
        let from = at + usize::from(!attached);
        self.share(from + usize::from(self.tokens.word(from) == "a"))
    }

    /// A half, a quarter or three of them, in hundredths.
    pub(crate) fn share(&self, at: usize) -> Option<(Amount, usize)> {
        let note = self.notes.at(at);
        let hundredths = if note.sense.is(Class::Half) {
            50
        } else if note.sense.is(Class::Quarter) {
            25
        } else if note.sense.number == Some(3)
            && matches!(self.tokens.word(at + 1), "ارباع" | "تربع" | "quarters")
        {
            return Some((Amount::whole(75), at + 2));
        } else {
            return None;
        };
        (note.len == 1).then(|| (Amount::whole(hundredths), at + 1))
    }

    fn spelled(&self, start: usize) -> Option<Number> {
        // "a hundred and twenty"
        let large = |index: usize| self.notes.at(index).sense.number.is_some_and(|number| number >= 100);
        let start = start + usize::from(self.tokens.word(start) == "a" && large(start + 1));
        let first = self.notes.get(start).filter(|note| note.len > 0)?;
        let mut sum = Sum::new(i64::from(first.sense.number?));
        let mut end = start + first.len;
        loop {
            let note = self.notes.at(end);
            let joined = self.notes.is(end, Class::And) || self.tokens.word(end) == "-";
            let at = if joined { end + 1 } else { end };
            let next = self.notes.at(at);
            if let Some(digits) = self.digits_behind(&sum, at).filter(|_| joined) {
                sum.part += digits;
                end = at + 1;
                break;
            }
            let Some(word) = next.sense.number.filter(|_| next.len > 0) else { break };
            if !sum.add(i64::from(word), joined || note.clitics.and) {
                break;
            }
            end = at + next.len;
        }
        let mut number = Number { amount: Amount::whole(sum.total()), other: None, end };
        self.add_share(&mut number, Amount::whole(sum.last_scale));
        Some(number)
    }
}

impl Reader<'_> {
    /// «ألف و٢٥٠»: digits that fill up thousands in words.
    fn digits_behind(&self, sum: &Sum, at: usize) -> Option<i64> {
        let (amount, _) = self.tokens.all.get(at)?.value?;
        amount.integer().filter(|digits| sum.part == 0 && sum.complete >= 1000 && *digits < 1000)
    }
}

/// A number in words under way: thousands that are complete and what is below them.
struct Sum {
    complete: i64,
    part: i64,
    last_scale: i64,
}

impl Sum {
    fn new(first: i64) -> Self {
        let scale = if first >= 1000 { first } else { 1 };
        let (complete, part) = if first >= 1000 { (first, 0) } else { (0, first) };
        Self { complete, part, last_scale: scale }
    }

    fn total(&self) -> i64 {
        self.complete.saturating_add(self.part)
    }

    /// Adds the next word if the language would: after «و» or behind a ten, a hundred, a thousand.
    fn add(&mut self, word: i64, joined: bool) -> bool {
        let part = self.part;
        self.last_scale = 1;
        match word {
            1000 | 1_000_000 if !joined && part > 0 => {
                self.complete = self.complete.saturating_add(part.saturating_mul(word));
                self.part = 0;
                self.last_scale = word;
                true
            }
            1000.. if joined && part == 0 && self.complete % 1_000_000 == 0 && word < 1_000_000 => {
                self.complete = self.complete.saturating_add(word);
                true
            }
            1000.. => false,
            // "twelve hundred"
            100 if !joined && (1..100).contains(&part) => {
                self.part = part * 100;
                true
            }
            _ => {
                let units_first = joined
                    && (1..10).contains(&(part % 100))
                    && matches!(word, 20 | 30 | 40 | 50 | 60 | 70 | 80 | 90);
                let room = match word {
                    0 => false,
                    1..10 => part % 10 == 0 && part % 100 != 10,
                    10..100 => part % 100 == 0,
                    _ => part == 0,
                };
                let follows = units_first || (room && (part > 0 || self.complete > 0));
                if follows {
                    self.part += word;
                }
                follows
            }
        }
    }
}
