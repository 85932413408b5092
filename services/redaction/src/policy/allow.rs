//! Values of the merchant's own that stay in a text: its telephone numbers, its support address, its registration.

use std::collections::HashSet;

use kaleem_pii::{
    Detector, Scratch,
    fold::{Folded, fold},
};

/// Words that make the engine read a value as what it is, where the value alone would not do.
const HINTS: [&str; 3] = ["", "phone: ", "iban: "];

/// Values by their normal forms.
#[derive(Default)]
pub(crate) struct AllowList {
    forms: HashSet<String>,
}

impl std::fmt::Debug for AllowList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AllowList({} forms)", self.forms.len())
    }
}

impl AllowList {
    /// Takes values as people write them; `false` for one of which nothing is left to compare.
    pub(super) fn add(&mut self, value: &str, detector: &Detector) -> bool {
        let value = value.trim();
        let compact = compact(value);
        if compact.is_empty() {
            return false;
        }
        self.forms.insert(compact);
        let (mut folded, mut scratch) = (Folded::default(), Scratch::default());
        for hint in HINTS {
            folded.refill(hint, value, &[]);
            let spans = detector.detect(value, &folded, &mut scratch).spans;
            // A part of the value must not be allowed elsewhere.
            let whole = spans.into_iter().filter(|span| span.range == (0..value.len()));
            self.forms.extend(whole.map(|span| span.normal.to_string()));
        }
        true
    }

    /// Whether a value is listed, by the engine's normal form or by how it is written.
    pub(super) fn has(&self, written: &str, normal: &str) -> bool {
        !self.forms.is_empty() && (self.forms.contains(normal) || self.forms.contains(&compact(written)))
    }
}

/// The folded text; of a number only its digits.
fn compact(value: &str) -> String {
    let folded = fold(value);
    let is_number = folded.bytes().any(|byte| byte.is_ascii_digit())
        && folded.bytes().all(|byte| byte.is_ascii_digit() || b" +-./()".contains(&byte));
    if is_number {
        folded.bytes().filter(u8::is_ascii_digit).map(char::from).collect()
    } else {
        folded.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_every_spelling_and_its_parts_are_not() {
        let detector = Detector::new().unwrap();
        let mut list = AllowList::default();
        for value in ["+966 55 123 4567", " Support@Dukkan.example ", "1010123456"] {
            assert!(list.add(value, &detector));
        }
        assert!(!list.add(" \u{200f} ", &detector));
        // The normal form of a telephone number is its international one.
        for (written, normal) in [
            ("٠٥٥١٢٣٤٥٦٧", "966551234567"),
            ("support@dukkan.example", "support@dukkan.example"),
            ("1010-123-456", "1010123456"),
        ] {
            assert!(list.has(written, normal), "{written}");
        }
        for (written, normal) in
            [("0551234568", "966551234568"), ("0551234", "0551234"), ("dukkan.example", "")]
        {
            assert!(!list.has(written, normal), "{written}");
        }
    }
}
