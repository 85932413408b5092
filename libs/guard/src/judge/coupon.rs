//! Coupon codes.

use std::{borrow::Cow, ops::Range};

use super::Judge;
use crate::{
    Verdict,
    filter::Beginning,
    lexicon::Class,
    report::{Field, Judgement},
    size::is_size,
    text::{Kind, is_letter},
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
    fn code_at(&self, start: usize) -> Option<(Cow<'_, str>, usize)> {
        let tokens = &self.sentence.tokens.all;
        let first = &tokens[start];
        if !matches!(first.kind, Kind::Word | Kind::Number) {
            return None;
        }
        // What may go on or close a quotation is looked at longer.
        let alone = tokens.get(start + 1).is_none_or(|next| {
            next.gap
                || matches!(
                    self.sentence.tokens.first_byte(start + 1),
                    b'.' | b',' | b':' | b';' | b'!' | b'?' | b')' | b'('
                )
        });
        if alone
            && !self.policy.may_be_code(first.beginning)
            && is_plain(&self.sentence.text.as_bytes()[first.start..first.end])
        {
            return None;
        }
        if self.is_inside(start) {
            return None;
        }
        let mut code = Cow::Borrowed(self.sentence.tokens.word(start));
        let mut end = start + 1;
        while end < tokens.len() && end - start < CODE_TOKENS_MAX && !tokens[end].gap && self.is_part(end) {
            code.to_mut().push_str(self.sentence.tokens.word(end));
            end += 1;
        }
        while end > start + 1 && tokens[end - 1].kind == Kind::Mark {
            end -= 1;
            code.to_mut().pop();
        }
        if self.policy.coupon(&code).is_some() {
            return Some((code, end));
        }
        // EID 2026
        if first.kind == Kind::Word
            && self.policy.may_be_code(Beginning::of(&code))
            && tokens.get(end).is_some_and(|next| next.kind == Kind::Number)
        {
            let spaced = format!("{code}{}", self.sentence.tokens.word(end));
            if self.policy.coupon(&spaced).is_some() {
                return Some((Cow::Owned(spaced), end + 1));
            }
        }
        (self.looks_like_code(start..end, &code) && !self.is_product(start)).then_some((code, end))
    }

    /// Whether a token may be part of a code.
    fn is_part(&self, index: usize) -> bool {
        match self.sentence.tokens.all[index].kind {
            Kind::Word | Kind::Number | Kind::Opaque => true,
            Kind::Mark => matches!(self.sentence.tokens.word(index), "-" | "_"),
        }
    }

    /// Whether the token goes on a run that began before it.
    fn is_inside(&self, start: usize) -> bool {
        start > 0
            && !self.sentence.tokens.all[start].gap
            && self.is_part(start - 1)
            && self.is_latin(start - 1)
    }

    fn is_latin(&self, index: usize) -> bool {
        self.sentence.tokens.word(index).is_ascii()
    }

    /// At least three capitals and then digits.
    fn is_lettered(&self, of: &Range<usize>) -> bool {
        let tokens = &self.sentence.tokens.all;
        let written = &self.sentence.text[tokens[of.start].start..tokens[of.end - 1].end];
        let digits = written.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
        let counted = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        counted && written.len() >= digits.len() + 3
    }

    fn is_product(&self, index: usize) -> bool {
        self.sentence.mentions.iter().any(|mention| (mention.start..mention.end).contains(&index))
    }

    /// Letters with digits, capitals, or a word in quotes, that are neither an amount nor a currency.
    fn looks_like_code(&self, of: Range<usize>, code: &str) -> bool {
        let tokens = &self.sentence.tokens.all;
        let written = &self.sentence.text[tokens[of.start].start..tokens[of.end - 1].end];
        let digit = code.bytes().any(|byte| byte.is_ascii_digit());
        // «عيد2026» is one, «ب٢٠» is a number behind a particle.
        let arabic = digit && of.len() > 1 && tokens[of.start].value.is_none();
        let shaped = (digit && code.is_ascii()) || arabic || is_capital(written) || self.is_quoted(&of);
        // `20W` and `256GB` are measures.
        if !shaped
            || is_measure(code)
            || NO_CODES.contains(&code)
            || code.chars().count() < 3
            || !code.chars().any(is_letter)
        {
            return false;
        }
        let unit = self.sentence.notes.at(of.start).sense.unit;
        let currency = of.len() <= 2 && unit.is_some_and(|unit| matches!(unit, Unit::Money(_)));
        let particle = !self.is_latin(of.start) && self.sentence.tokens.word(of.start).chars().count() < 2;
        let counted = of.clone().any(|index| self.sentence.in_value(index));
        !currency && !particle && !counted
    }

    fn is_quoted(&self, of: &Range<usize>) -> bool {
        let before = of.start.checked_sub(1).map_or("", |index| self.sentence.tokens.word(index));
        matches!(before, "\"" | "«" | "'" | "“" | "`" | "*" | "[" | "”" | "‘")
            && matches!(
                self.sentence.tokens.word(of.end),
                "\"" | "»" | "'" | "”" | "`" | "*" | "]" | "“" | "’"
            )
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
        // "After SALE41 is applied"
        let applied = (of.end..of.end + 3).any(|index| self.sentence.tokens.word(index) == "applied")
            || self.sentence.tokens.word(of.start.wrapping_sub(1)) == "تطبيق";
        // "Try HOME20 on the payment page"
        let tried = self.sentence.before(of, 1, &[Class::Use]);
        // «ما يجتمع DAR20 مع EXTRA30»: written as a code and spoken of beside one.
        let beside = self.coupons.iter().any(|(_, percent)| percent.is_some())
            || self.context.coupon.is_some()
                && self.sentence.notes.any(of.start.saturating_sub(AHEAD)..of.end + BACK, &[Class::Use]);
        (tried || beside) && self.is_lettered(of)
            || applied
            || discounted && (used || self.sentence.notes.any(near, &[Class::Code]))
    }
}

/// Digits and a unit of a size, a power or a storage.
fn is_measure(code: &str) -> bool {
    let unit = code.trim_start_matches(|character: char| character.is_ascii_digit());
    unit.len() < code.len() && is_size(unit)
}

/// Capitals and digits.
const OF_CODES: [bool; 256] = {
    let mut found = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        found[byte as usize] = byte.is_ascii_uppercase() || byte.is_ascii_digit();
        byte += 1;
    }
    found
};

/// A word as most are: no digit, and no capital but the first letter.
fn is_plain(written: &[u8]) -> bool {
    // An Arabic word has Arabic letters alone.
    if written.first().is_some_and(|first| (0xd8..=0xdb).contains(first)) {
        return true;
    }
    let [first, rest @ ..] = written else { return false };
    !first.is_ascii_digit() && !rest.iter().any(|byte| OF_CODES[usize::from(*byte)])
}

fn is_capital(written: &str) -> bool {
    let capital =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    written.len() >= 3 && written.bytes().all(capital)
}
