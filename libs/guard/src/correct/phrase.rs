//! Phrases without a number that promise something: free delivery, the same day, a warranty for life.

use std::ops::Range;

use super::{Notation, Writer, amount_of, wording};
use crate::{amount::Amount, language::Language, lexicon::Class, report::Truth, unit::Unit};

impl Writer<'_> {
    pub(super) fn phrase(&self, of: &Range<usize>, truth: Truth) -> Option<String> {
        match truth {
            Truth::Days(least, most) => self.delivery(of, least, most),
            Truth::Months(months) => Some(self.lifetime(of, months)),
            _ => self.free(of, amount_of(truth)?),
        }
    }

    /// «الشحن مجاني» becomes «الشحن بـ25 ريال», "free shipping" becomes "shipping for 25 SAR".
    fn free(&self, of: &Range<usize>, fee: Amount) -> Option<String> {
        let index = of.clone().find(|index| self.sentence.notes.is(*index, Class::Free))?;
        let end = index + self.sentence.notes.at(index).len;
        let noun = (self.words(of.start..index), self.words(end..of.end));
        let amount = self.amount(fee);
        Some(match (self.language, noun) {
            (Language::English, ("", "")) => format!("for {amount}"),
            (Language::English, ("", noun)) => format!("{noun} for {amount}"),
            (Language::Arabic, (noun, "")) => format!("{noun} بـ{amount}").trim_start().to_owned(),
            (Language::Persian, (noun, "")) => {
                let verb = if self.sentence.tokens.word(end - 1) == "است" { " است" } else { "" };
                format!("{noun} {amount}{verb}").trim_start().to_owned()
            }
            (_, (noun, "")) => format!("{noun} {amount}"),
            _ => return None,
        })
    }

    /// "the same day" becomes "within 2-4 days".
    fn delivery(&self, of: &Range<usize>, least: Amount, most: Amount) -> Option<String> {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        let noun = self.sentence.notes.is(of.end, Class::Ship);
        if matches!(before, "on" | "in" | "في" | "در") {
            return None;
        }
        let notation = Notation::of(self.sentence.text, self.language);
        let joint = if self.language == Language::Persian { " تا " } else { "-" };
        let number = if least == most {
            notation.number(least)
        } else {
            format!("{}{joint}{}", notation.number(least), notation.number(most))
        };
        let span = wording::time(Unit::Day, self.language, most, &number, None);
        Some(match self.language {
            Language::English if noun => format!("{number}-day"),
            Language::English => format!("within {span}"),
            Language::Arabic => format!("خلال {span}"),
            Language::Persian => format!("ظرف {span}"),
        })
    }

    /// "lifetime warranty" becomes "24-month warranty".
    fn lifetime(&self, of: &Range<usize>, months: Amount) -> String {
        let number = Notation::of(self.sentence.text, self.language).number(months);
        let span = wording::time(Unit::Month, self.language, months, &number, None);
        match (self.language, self.sentence.tokens.word(of.start)) {
            (Language::English, "for") => format!("for {span}"),
            (Language::English, _) => format!("{number}-month"),
            _ => span,
        }
    }
}
