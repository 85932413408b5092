//! One sentence under analysis, and what can be asked about the surroundings of a value in it.

use std::ops::Range;

use crate::{
    lexicon::Class,
    note::Notes,
    product::Mention,
    quantity::{Bare, Value},
    text::Tokens,
};

/// Tokens that are looked at to the left for a denial.
const DENIAL_REACH: usize = 12;
/// Marks between the name of a member and its text.
const MEMBER_MARKS: usize = 3;
/// Tokens that are looked at to the right for one: «غير صالح», "is not available".
const AFTER_REACH: usize = 9;

/// What was read in a sentence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sentence<'s> {
    pub(crate) text: &'s str,
    pub(crate) tokens: &'s Tokens,
    pub(crate) notes: &'s Notes,
    pub(crate) values: &'s [Value],
    pub(crate) bare: &'s [Bare],
    pub(crate) mentions: &'s [Mention],
    /// Whether it ends with a question mark.
    pub(crate) question: bool,
}

impl Sentence<'_> {
    /// The byte where what a token says begins: the number of «بخمسين» and «ليومين», and not the particle before it.
    pub(crate) fn beginning(&self, index: usize) -> usize {
        let clitics = self.notes.at(index).clitics;
        let number = || {
            self.values.iter().any(|value| value.start == index)
                || self.bare.iter().any(|bare| bare.start == index)
        };
        let counted = !clitics.the && number();
        let particles =
            if counted { usize::from(clitics.and) + usize::from(clitics.by || clitics.to) } else { 0 };
        self.tokens.letter(index, particles)
    }

    /// Whether it is a line of a list.
    pub(crate) fn is_item(&self) -> bool {
        matches!(self.tokens.word(0), "-" | "|" | "*" | "+")
    }

    /// Whether the digits are on a key, as those that number a list are: 2️⃣.
    pub(crate) fn is_keycap(&self, index: usize) -> bool {
        let token = self.tokens.all.get(index);
        token.is_some_and(|token| self.text[token.start..token.end].ends_with('\u{20e3}'))
    }

    /// Whether the token ends a clause.
    pub(crate) fn is_comma(&self, index: usize) -> bool {
        self.tokens.all.get(index).is_some_and(|token| token.comma)
    }

    /// The clause around tokens: up to the commas before and behind; what is in brackets is of the clause before them.
    pub(crate) fn clause(&self, of: &Range<usize>) -> Range<usize> {
        let bracket = of.start.checked_sub(1).filter(|before| self.tokens.word(*before) == "(");
        let start = (0..bracket.unwrap_or(of.start))
            .rev()
            .find(|index| self.is_comma(*index))
            .map_or(0, |index| index + 1);
        let end = (of.end..self.notes.len()).find(|index| self.is_comma(*index)).unwrap_or(self.notes.len());
        start..end
    }

    /// Whether one of the classes is within `reach` tokens before `of`, with no comma and no other value between.
    pub(crate) fn before(&self, of: &Range<usize>, reach: usize, classes: &[Class]) -> bool {
        self.find_before(of, reach, classes).is_some()
    }

    pub(crate) fn find_before(&self, of: &Range<usize>, reach: usize, classes: &[Class]) -> Option<usize> {
        if !self.notes.may_have(classes) {
            return None;
        }
        let from = of.start.saturating_sub(reach + if self.is_member(of.start) { MEMBER_MARKS } else { 0 });
        let mut steps =
            (0..of.start).rev().take_while(|index| !self.is_comma(*index) && !self.in_value(*index));
        steps.find(|index| {
            let end = index + self.notes.at(*index).len.max(1);
            end > from && self.notes.at(*index).sense.any(classes)
        })
    }

    /// Whether it is the text of a member: `"was":"175.00"`.
    fn is_member(&self, index: usize) -> bool {
        if !self.tokens.quoted {
            return false;
        }
        let mark = |before: usize| index.checked_sub(before).map_or("", |index| self.tokens.word(index));
        mark(1) == "\"" && mark(2) == ":" && mark(MEMBER_MARKS) == "\""
    }

    /// Whether one of the classes is within `reach` tokens behind `of`, with no comma and no other value between.
    pub(crate) fn behind(&self, of: &Range<usize>, reach: usize, classes: &[Class]) -> bool {
        self.notes.may_have(classes)
            && (of.end..(of.end + reach).min(self.notes.len()))
                .take_while(|index| {
                    !self.is_comma(*index) && !self.in_value(*index) && !self.notes.at(*index).clitics.and
                })
                .any(|index| self.notes.at(index).sense.any(classes))
    }

    pub(crate) fn has(&self, classes: &[Class]) -> bool {
        self.notes.may_have(classes)
    }

    /// Whether it is of a value, or a number without a unit.
    pub(crate) fn is_counted(&self, index: usize) -> bool {
        self.in_value(index) || self.tokens.all.get(index).is_some_and(|token| token.value.is_some())
    }

    pub(crate) fn in_value(&self, index: usize) -> bool {
        self.value_at(index).is_some()
    }

    /// The place of the value that a token belongs to.
    pub(crate) fn value_at(&self, index: usize) -> Option<usize> {
        let last = self.values.partition_point(|value| value.start <= index).checked_sub(1)?;
        (index < self.values[last].end).then_some(last)
    }

    /// Whether what is said at `of` is denied: "we do not have a 30 % discount", «كود SAVE50 غير صالح».
    pub(crate) fn denied(&self, of: &Range<usize>) -> bool {
        if !self.notes.may_deny() {
            return false;
        }
        self.denied_before(of) || self.denied_behind(of)
    }

    fn denied_before(&self, of: &Range<usize>) -> bool {
        for index in (of.start.saturating_sub(DENIAL_REACH)..of.start).rev() {
            let note = self.notes.at(index);
            if self.is_comma(index) || note.sense.any(&[Class::Contrast, Class::NoNeg]) {
                return false;
            }
            // «نه» is "no" and "nine".
            if self.in_value(index) {
                continue;
            }
            if self.denies_verb(index, of) {
                return true;
            }
            if note.sense.any(&[Class::Neg, Class::AfterNeg]) {
                // «ما راح تدفع غير ١٢ ريال» says it.
                let all_but = of.start.saturating_sub(2)..of.start;
                if all_but
                    .clone()
                    .any(|at| at > index && matches!(self.tokens.word(at), "غير" | "الا" | "سوي"))
                {
                    return false;
                }
                let behind = index + note.len..(index + note.len + 3);
                let other =
                    self.notes.any(behind, &[Class::With, Class::Fee]) && !note.sense.is(Class::AfterNeg);
                // "It never cost 120" denies the amount, "no fee over 120" the fee.
                let other = other && self.tokens.word(index) != "never";
                return !other && !self.denies_fee(index);
            }
        }
        false
    }

    /// «ما ياخذ أسبوعين»; not «بعد ما ياخذ», and not «ما ياخذ إلا أسبوعين».
    fn denies_verb(&self, index: usize, of: &Range<usize>) -> bool {
        const VERBS: [Class; 5] = [Class::Ship, Class::Return, Class::Exchange, Class::Span, Class::Price];
        let word = |index: usize| self.tokens.word(index);
        let verb = || {
            let present = word(index + 1).starts_with(['ي', 'ت', 'ن', 'ا', 'ب', 'ه']);
            present && !self.notes.at(index + 1).clitics.the && self.notes.any(index + 1..index + 2, &VERBS)
        };
        let relative = || {
            index.checked_sub(1).is_some_and(|before| {
                matches!(
                    word(before),
                    "بعد"
                        | "قبل"
                        | "مثل"
                        | "زي"
                        | "كل"
                        | "حسب"
                        | "متي"
                        | "وقت"
                        | "اول"
                        | "حال"
                        | "الي"
                        | "لحد"
                        | "عند"
                )
            })
        };
        let limited = || {
            (index + 2..of.start)
                .any(|index| matches!(word(index), "الا" | "غير" | "سوي" | "اكثر" | "ازيد" | "اقل" | "عن"))
        };
        matches!(word(index), "ما" | "وما") && verb() && !relative() && !limited()
    }

    /// "no shipping fee over 200": what is denied is the fee.
    fn denies_fee(&self, index: usize) -> bool {
        let note = self.notes.at(index);
        note.sense.any(&[Class::NoFee, Class::Nothing])
            && self.notes.any(index + note.len..index + note.len + 3, &[Class::Ship, Class::Fee, Class::Cod])
    }

    fn denied_behind(&self, of: &Range<usize>) -> bool {
        for index in of.end..(of.end + AFTER_REACH).min(self.notes.len()) {
            let note = self.notes.at(index);
            let bracket = matches!(self.tokens.word(index), "(" | ")" | "\"" | "«" | "»");
            let stop = (self.is_comma(index) && !bracket)
                || self.in_value(index)
                || note.clitics.and
                || note.sense.any(&[Class::And, Class::Contrast]);
            if note.sense.is(Class::AfterNeg) {
                return !self.notes.any(index + note.len..index + note.len + 2, &[Class::With]);
            }
            if stop {
                return false;
            }
        }
        false
    }

    /// Whether the customer or another shop is quoted: "the 50 riyals that you mentioned".
    pub(crate) fn quoted(&self, of: &Range<usize>) -> bool {
        for index in (0..of.start).rev() {
            let note = self.notes.at(index);
            // "On Amazon it is 20": what it stands for is quoted.
            let stands = index > 0 && self.notes.is(index - 1, Class::Quote);
            if self.is_comma(index) || note.sense.is(Class::Contrast) && !stands {
                break;
            }
            if note.sense.any(&[Class::Quote, Class::Customer]) && !self.is_named(index) {
                return true;
            }
        }
        self.behind(of, 4, &[Class::Quote, Class::Customer])
    }

    /// Whether a token is of the name of a product: a wallet may be one.
    fn is_named(&self, index: usize) -> bool {
        self.mentions.iter().any(|mention| (mention.start..mention.end).contains(&index))
    }

    /// Whether it is asked and not said; an offer ("shall I add it for 79?") says it.
    pub(crate) fn asked(&self, of: &Range<usize>) -> bool {
        if !self.question {
            return false;
        }
        // «مب غالي صح؟»
        let tag = self.notes.len().checked_sub(2).map_or("", |index| self.tokens.word(index));
        if matches!(tag, "صح" | "تمام" | "اوكي" | "right" | "ok" | "okay" | "صحيح") {
            return false;
        }
        let clause = self.clause(of);
        let last = (clause.end..self.notes.len())
            .all(|index| self.tokens.word(index) == "?" || !self.is_comma(index));
        last && !self.notes.any(clause, &[Class::Offer])
    }

    /// Whether nothing is claimed at `of`.
    pub(crate) fn not_said(&self, of: &Range<usize>) -> bool {
        self.denied(of) || self.quoted(of) || self.asked(of)
    }
}
