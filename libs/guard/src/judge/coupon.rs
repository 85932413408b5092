//! Coupon codes.

use std::ops::Range;

use super::Judge;
use crate::{
    Verdict,
    lexicon::Class,
    report::{Field, Judgement},
    text::Kind,
    unit::Unit,
};

/// Tokens between a cue and its code.
const AHEAD: usize = 8;
const BACK: usize = 4;
/// Tokens of the longest code.
const CODE_TOKENS_MAX: usize = 6;
/// Capitals that are no codes.
const NO_CODES: [&str; 24] = [
    "sar", "aed", "usd", "kwd", "qar", "bhd", "omr", "egp", "vat", "cod", "sms", "otp", "pdf", "sku", "dhl",
    "ups", "pin", "faq", "url", "app", "gcc", "ksa", "uae", "aramex",
];

impl Judge<'_> {
    /// Finds the codes of the sentence and judges them.
    pub(super) fn judge_coupons(&mut self) {
        let mut at = 0;
        while at < self.sentence.notes.len() {
            let Some((code, end)) = self.code_at(at) else {
                at += 1;
                continue;
            };
            let of = at..end;
            at = end;
            let known = self.policy.coupon(&code);
            if known.is_none() && !self.is_called_code(&of) {
                continue;
            }
            if self.sentence.not_said(&of) {
                continue;
            }
            self.coupons.push((of.start, known));
            let verdict = match (known, &self.policy.coupons) {
                (Some(_), _) => Verdict::Pass,
                (None, Some(_)) => Verdict::Violate,
                (None, None) => Verdict::Unsure,
            };
            self.push(Judgement::new(Field::Coupon, verdict, of));
        }
    }

    /// A run of letters and digits without spaces that may be a code: one that the shop has, or one that looks like it.
    fn code_at(&self, start: usize) -> Option<(String, usize)> {
        let tokens = &self.sentence.tokens.all;
        let first = &tokens[start];
        let part = |index: usize| {
            let joint = matches!(self.sentence.tokens.word(index), "-" | "_");
            matches!(tokens[index].kind, Kind::Word | Kind::Number | Kind::Opaque) || joint
        };
        let inside = start > 0 && !first.gap && part(start - 1) && self.is_latin(start - 1);
        if !matches!(first.kind, Kind::Word | Kind::Number) || inside || self.is_product(start) {
            return None;
        }
        let mut code = self.sentence.tokens.word(start).to_owned();
        let mut end = start + 1;
        while end < tokens.len() && end - start < CODE_TOKENS_MAX && !tokens[end].gap && part(end) {
            code.push_str(self.sentence.tokens.word(end));
            end += 1;
        }
        while end > start + 1 && tokens[end - 1].kind == Kind::Mark {
            end -= 1;
            code.pop();
        }
        if self.policy.coupon(&code).is_some() {
            return Some((code, end));
        }
        // EID 2026
        let spaced = format!("{code}{}", self.sentence.tokens.word(end));
        if tokens.get(end).is_some_and(|next| next.kind == Kind::Number)
            && self.policy.coupon(&spaced).is_some()
        {
            return Some((spaced, end + 1));
        }
        self.looks_like_code(start..end, &code).then_some((code, end))
    }

    fn is_latin(&self, index: usize) -> bool {
        self.sentence.tokens.word(index).is_ascii()
    }

    fn is_product(&self, index: usize) -> bool {
        self.sentence.mentions.iter().any(|mention| (mention.start..mention.end).contains(&index))
    }

    fn looks_like_code(&self, of: Range<usize>, code: &str) -> bool {
        let tokens = &self.sentence.tokens.all;
        let written = &self.sentence.text[tokens[of.start].start..tokens[of.end - 1].end];
        let digit = code.bytes().any(|byte| byte.is_ascii_digit());
        let letter = code.chars().any(char::is_alphabetic);
        let quoted = of.start > 0
            && matches!(
                self.sentence.tokens.word(of.start - 1),
                "\"" | "«" | "'" | "“" | "`" | "*" | "[" | "”" | "‘"
            )
            && matches!(
                self.sentence.tokens.word(of.end),
                "\"" | "»" | "'" | "”" | "`" | "*" | "]" | "“" | "’"
            );
        let capitals = written.chars().count() >= 3
            && written
                .chars()
                .all(|character| character.is_uppercase() || matches!(character, '-' | '_' | '0'..='9'));
        let known_word = self
            .sentence
            .notes
            .at(of.start)
            .sense
            .unit
            .is_some_and(|unit| of.len() <= 2 && matches!(unit, Unit::Money(_)));
        let counted = tokens[of.start].kind == Kind::Number && self.sentence.in_value(of.start);
        letter
            && !known_word
            && !counted
            && !NO_CODES.contains(&code)
            && code.chars().count() >= 3
            && ((digit && code.is_ascii())
                || (digit && of.len() > 1 && !tokens[of.start].value.is_some_and(|_| true))
                || capitals
                || quoted)
    }

    /// Whether the surroundings call it a code for a discount.
    fn is_called_code(&self, of: &Range<usize>) -> bool {
        let near = of.start.saturating_sub(AHEAD)..(of.end + BACK).min(self.sentence.notes.len());
        if self.sentence.notes.any(of.start.saturating_sub(4)..of.end + 3, &[Class::NotCode]) {
            return false;
        }
        if self.sentence.notes.any(near.clone(), &[Class::Coupon]) {
            return true;
        }
        if self.sentence.notes.any(of.start.saturating_sub(6)..of.end + 2, &[Class::Code]) {
            return true;
        }
        let discounted =
            self.sentence.has(&[Class::Discount, Class::Coupon, Class::Save, Class::Lower, Class::Free])
                || self.sentence.values.iter().any(|value| value.low.unit == Unit::Percent);
        let used = self.sentence.notes.any(of.start.saturating_sub(4)..of.start, &[Class::Use, Class::Code]);
        discounted && (used || self.sentence.notes.any(near, &[Class::Code]))
    }
}
