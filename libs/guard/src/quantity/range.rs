//! Ranges of quantities: what joins two of them to one value.

use super::{Operand, Reader};
use crate::{lexicon::Class, text::Kind, unit::Unit};

impl Reader<'_> {
    /// «من يومين إلى أربعة»: the second number is of the same unit, and ends its clause.
    pub(super) fn shares_unit(&self, low: &Operand, high: &Operand, at: usize) -> bool {
        let to = self.notes.is(at - 1, Class::To) || self.notes.at(at).clitics.to;
        let ends = self.tokens.all.get(high.end).is_none_or(|token| token.comma || token.kind == Kind::Mark);
        let timed = low.unit.is_some_and(Unit::is_time) && low.amount < high.amount;
        // «نازلة من أربعة ريالات و٢٠٠ بيسة إلى ثلاثة ونص»
        to && ends && (timed || low.unit.is_some_and(Unit::is_money) && low.amount > high.amount)
    }

    /// "reduced by 3 to 18" is no range.
    pub(super) fn is_by(&self, start: usize) -> bool {
        start > 0 && self.tokens.word(start - 1) == "by"
    }

    /// Behind a word of a range, where the next quantity begins.
    pub(super) fn range_to(&self, at: usize) -> Option<usize> {
        let note = self.notes.at(at);
        let word = self.tokens.word(at);
        if note.clitics.to && (note.sense.number.is_some() || note.sense.unit.is_some()) {
            return Some(at);
        }
        let between = (at.saturating_sub(4)..at)
            .any(|index| matches!(self.tokens.word(index), "between" | "بين" | "مابين" | "از"));
        let or = matches!(word, "or" | "او" | "يا");
        if or
            || note.sense.is(Class::To)
            || matches!(word, "-" | "~")
            || (between && matches!(word, "and" | "و"))
        {
            return Some(at + 1);
        }
        let counted = note.sense.number.is_some() || note.sense.alone > 1;
        (between && note.clitics.and && counted).then_some(at)
    }

    /// "599 or 4 payments" is no range.
    pub(super) fn is_or(&self, second: usize) -> bool {
        matches!(self.tokens.word(second - 1), "or" | "او" | "يا")
    }
}
