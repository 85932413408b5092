//! Folds a text once into a form in which personal data is easy to recognise, keeping the way back to its bytes.

mod character;
mod escape;
mod plain;

use std::ops::Range;

pub use character::{Form, fold as form};

/// The folded byte that stands for something that must not be looked into, such as a placeholder.
pub const OPAQUE: u8 = 0;

/// Letters in a row that may all look like Latin ones before one is.
const MAX_DISGUISED: usize = 16;

/// A folded text: digits in ASCII, no marks, letter variants brought together, lower case.
///
/// Nothing is ever redacted by folded text: [`Folded::original`] maps a range back to the bytes of the original.
#[derive(Default)]
pub struct Folded {
    text: String,
    /// How stretches of the folded text lie in the original body, ascending and without gaps.
    stretches: Vec<Stretch>,
    /// Where the body begins; what is before it is only context.
    body: usize,
    /// Where the text that is being folded holds more than what folds to itself.
    stops: Vec<u8>,
}

/// A stretch of folded text whose bytes lie evenly in the original.
#[derive(Clone, Copy)]
struct Stretch {
    /// Start in the folded text.
    folded: usize,
    /// Start in the original.
    original: usize,
    /// Bytes of the original for each folded unit.
    step: usize,
    /// Bytes of a folded unit: one, or all of a character that changes its length.
    unit: usize,
}

impl Folded {
    /// Folds `body` after the context `hint`, replacing each range of `opaque` (ascending, disjoint) by one
    /// [`OPAQUE`] byte. Earlier content is dropped, the buffers are kept.
    pub fn refill(&mut self, hint: &str, body: &str, opaque: &[Range<usize>]) {
        self.text.clear();
        self.stretches.clear();
        self.text.reserve(hint.len() + body.len());
        self.append(hint, 0);
        // The context is never mapped back.
        self.stretches.clear();
        self.body = self.text.len();
        let mut from = 0;
        for range in opaque {
            self.append(&body[from..range.start], from);
            self.push_ascii(OPAQUE, range.start, range.len());
            from = range.end;
        }
        self.append(&body[from..], from);
    }

    fn append(&mut self, text: &str, offset: usize) {
        let bytes = text.as_bytes();
        plain::stops(bytes, &mut self.stops);
        let mut at = 0;
        let mut chained = false;
        while at < bytes.len() {
            // One seldom comes alone.
            if let [0xd9, digit @ 0xa0..=0xa9, ..] = bytes[at..] {
                self.push_ascii(b'0' + (digit - 0xa0), offset + at, 2);
                at += 2;
                chained = false;
                continue;
            }
            let len = self.append_even(text, at, offset + at);
            if len > 0 {
                at += len;
                chained = false;
                continue;
            }
            let escaped = escape::decode(&bytes[at..], chained);
            chained = escaped.is_some();
            let Some((character, len)) = escaped.or_else(|| next_char(text, at)) else { break };
            match character::disguised(character).filter(|_| self.is_in_latin(&text[at..])) {
                Some(latin) => self.push_ascii(latin, offset + at, usize::from(len)),
                None => self.push_char(character, offset + at, usize::from(len)),
            }
            at += usize::from(len);
        }
    }

    /// Whether the letter with which the rest of a text starts stands among Latin ones, where it only looks like one of them.
    fn is_in_latin(&self, rest: &str) -> bool {
        let before = self.text.as_bytes().last().is_some_and(u8::is_ascii_alphabetic);
        let mut behind =
            rest.chars().take(MAX_DISGUISED).filter(|letter| character::fold(*letter) != Form::Dropped);
        before
            || behind.find(|letter| character::disguised(*letter).is_none()).is_some_and(character::is_latin)
    }

    /// Appends what keeps its length from a place of a text on, and gives that length.
    fn append_even(&mut self, text: &str, from: usize, original: usize) -> usize {
        let folded = self.text.len();
        let mut at = from;
        loop {
            let stop = plain::next_stop(&self.stops, at);
            if stop > at {
                self.text.push_str(&text[at..stop]);
                at = stop;
            }
            let Some((letter, len)) = character::even(&text.as_bytes()[at..]) else { break };
            self.text.push(letter);
            at += len;
        }
        if at > from {
            self.place(folded, original, 1, 1);
        }
        at - from
    }

    fn push_char(&mut self, character: char, start: usize, len: usize) {
        match character::fold(character) {
            Form::Dropped => {}
            Form::Ascii(folded) => {
                self.push_ascii(folded, start, len);
            }
            Form::Char(folded) => {
                let (step, unit) = if folded.len_utf8() == len { (1, 1) } else { (len, folded.len_utf8()) };
                self.place(self.text.len(), start, step, unit);
                self.text.push(folded);
            }
        }
    }

    fn push_ascii(&mut self, folded: u8, start: usize, len: usize) {
        self.place(self.text.len(), start, len, 1);
        self.text.push(char::from(folded));
    }

    /// Notes where the folded bytes from `folded` on come from, unless the current stretch says so already.
    fn place(&mut self, folded: usize, original: usize, step: usize, unit: usize) {
        let goes_on = self.stretches.last().is_some_and(|last| {
            let bytes = folded - last.folded;
            let units = if last.unit == 1 { bytes } else { bytes / last.unit };
            (last.step, last.unit) == (step, unit) && last.original + units * step == original
        });
        if !goes_on {
            self.stretches.push(Stretch { folded, original, step, unit });
        }
    }

    /// The folded text, context and body.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of [`Folded::text`].
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Where the body begins in the folded text.
    pub fn body(&self) -> usize {
        self.body
    }

    /// The bytes of the original body that a non-empty folded range of the body stands for.
    ///
    /// Marks between its characters belong to it, invisible ones around it do not.
    pub fn original(&self, range: &Range<usize>) -> Range<usize> {
        let (start, _) = self.unit(range.start);
        let (_, end) = self.unit(range.end - 1);
        start..end
    }

    /// The folded range of a range of bytes of the original body, if something of it is left.
    pub fn folded(&self, original: &Range<usize>) -> Option<Range<usize>> {
        let range = self.folded_at(original.start)..self.folded_at(original.end);
        (!range.is_empty()).then_some(range)
    }

    /// Where the first byte lies that comes from `original` or from behind it.
    fn folded_at(&self, original: usize) -> usize {
        let index = self.stretches.partition_point(|stretch| stretch.original <= original);
        let next = self.stretches.get(index).map_or(self.text.len(), |next| next.folded);
        let Some(stretch) = index.checked_sub(1).and_then(|before| self.stretches.get(before)) else {
            return next;
        };
        let units = (original - stretch.original).div_ceil(stretch.step);
        (stretch.folded + units * stretch.unit).min(next)
    }

    /// Where the unit of a folded byte starts and ends in the original.
    fn unit(&self, at: usize) -> (usize, usize) {
        let index = self.stretches.partition_point(|stretch| stretch.folded <= at).saturating_sub(1);
        let stretch = self.stretches[index];
        let start = stretch.original + (at - stretch.folded) / stretch.unit * stretch.step;
        (start, start + stretch.step)
    }
}

/// The length of the marks at the start of a text that change the character before it: accents, tashkeel, keycaps.
pub fn marks_len(text: &str) -> usize {
    let combines = |character: &char| matches!(character, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20f0}');
    text.chars().take_while(combines).map(char::len_utf8).sum()
}

/// Folds a text without keeping the way back.
pub fn fold(text: &str) -> String {
    let mut folded = Folded::default();
    folded.refill("", text, &[]);
    folded.text
}

fn next_char(text: &str, at: usize) -> Option<(char, u8)> {
    let character = text.get(at..)?.chars().next()?;
    Some((character, u8::try_from(character.len_utf8()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> Folded {
        let mut folded = Folded::default();
        folded.refill("", text, &[]);
        folded
    }

    #[test]
    fn maps_back_to_the_bytes_with_inner_marks_only() {
        let text = "رقم\u{200f}: \u{202a}٠٥\u{200b}٥ـ١\u{202c} شكرا";
        let folded = folded(text);
        assert_eq!(folded.text(), "رقم: 0551 شكرا");
        let start = folded.text().find('0').unwrap();
        assert_eq!(&text[folded.original(&(start..start + 4))], "٠٥\u{200b}٥ـ١");
    }

    #[test]
    fn escapes_map_back_whole() {
        let text = "a%40b &#1637;";
        let folded = folded(text);
        assert_eq!(folded.text(), "a@b 5");
        assert_eq!(&text[folded.original(&(0..3))], "a%40b");
        assert_eq!(&text[folded.original(&(4..5))], "&#1637;");
    }

    #[test]
    fn escapes_of_json_map_back_whole_wherever_they_stand() {
        let text = r#"HTTP 200 {"name":"\u0633\u0627\u0631\u0629","phone":"\\u0660\\u06655"}"#;
        let folded = folded(text);
        assert_eq!(folded.text(), r#"http 200 {"name":"ساره","phone":"055"}"#);
        let back = |part: &str| {
            let start = folded.text().find(part).unwrap();
            &text[folded.original(&(start..start + part.len()))]
        };
        assert_eq!(back("ساره"), r"\u0633\u0627\u0631\u0629");
        assert_eq!(back("055"), r"\\u0660\\u06655");
    }

    #[test]
    fn context_and_opaque_ranges_are_kept_apart() {
        let mut folded = Folded::default();
        folded.refill("Phone: ", "x[[T]]٥[[T]]", &[1..6, 8..13]);
        assert_eq!(folded.text(), "phone: x\u{0}5\u{0}");
        assert_eq!(folded.body(), 7);
        assert_eq!(folded.original(&(9..10)), 6..8);
    }

    proptest! {
        #[test]
        fn every_folded_byte_points_at_a_character(text in "\\PC{0,40}") {
            let folded = folded(&text);
            for (start, character) in folded.text.char_indices() {
                let original = folded.original(&(start..start + character.len_utf8()));
                prop_assert!(text.get(original).is_some_and(|piece| !piece.is_empty()));
            }
        }

        #[test]
        fn folding_a_folded_text_changes_nothing(text in "[^%&\\\\]{0,40}") {
            let once = folded(&text);
            let twice = folded(once.text());
            prop_assert_eq!(once.text(), twice.text());
        }
    }
}
