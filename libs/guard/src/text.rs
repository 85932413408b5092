//! Cuts a sentence into words, numbers and marks, on folded characters.

mod leader;
mod number;

use kaleem_pii::fold::{self, Form};

use crate::{amount::Amount, filter::Beginning};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, and digits behind Latin letters.
    Word,
    /// A decimal.
    Number,
    /// Digits that are no amount: a date, a time, a version, a telephone number.
    Opaque,
    /// Any other visible character.
    Mark,
}

/// One token of a sentence.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Bytes of the sentence.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Bytes of the folded text.
    folded: (usize, usize),
    /// Whether white space is before it.
    pub(crate) gap: bool,
    /// Whether it ends a clause.
    pub(crate) comma: bool,
    /// How its folded text begins.
    pub(crate) beginning: Beginning,
    /// A number's value, and the other reading of `1.200` or `42 250`.
    pub(crate) value: Option<(Amount, Option<Amount>)>,
}

/// The tokens of one sentence.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    glyphs: Vec<Glyph>,
    text: String,
    pub(crate) all: Vec<Token>,
    /// Whether a letter is there that Persian has and Arabic has not.
    pub(crate) persian: bool,
    /// Whether a quotation mark is there, as members of JSON have.
    pub(crate) quoted: bool,
}

/// A folded character and where it was.
#[derive(Debug, Clone, Copy)]
struct Glyph {
    character: char,
    start: usize,
    end: usize,
    /// Where it begins in the folded text.
    folded: usize,
}

/// Folds a whole word, as the word lists are.
pub(crate) fn folded(text: &str) -> String {
    text.chars().filter_map(fold_one).collect()
}

#[inline]
fn fold_one(character: char) -> Option<char> {
    match character {
        // What is most of the text need not be looked up; a test holds it to the folding.
        'ا' | 'ب' | 'ت'..='غ' | 'ف'..='و' | 'ي' | 'a'..='z' | '0'..='9' | ' ' => {
            return Some(character);
        }
        'A'..='Z' => return Some(character.to_ascii_lowercase()),
        // Bullets, which folding takes for full stops.
        '\u{2022}' | '\u{b7}' | '\u{2219}' => return Some('|'),
        '\u{2019}' | '\u{2018}' | '\u{2bc}' => return Some('\''),
        _ => {}
    }
    match fold::form(character) {
        Form::Dropped => None,
        Form::Ascii(byte) => Some(char::from(byte)),
        Form::Char(folded) => Some(folded),
    }
}

/// Which of the characters from U+0600 on folding leaves as they are; a test holds it to the folding.
const UNFOLDED: [bool; 128] = {
    let mut kept = [false; 128];
    let mut letter = 0;
    while letter < kept.len() {
        kept[letter] = matches!(letter, 0x27 | 0x28 | 0x2a..=0x3a | 0x41..=0x48 | 0x4a);
        letter += 1;
    }
    kept
};

/// The bytes at the beginning that are Arabic letters which folding leaves as they are, with single spaces between.
fn unfolded(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += match bytes[at..] {
            [first @ 0xd8..=0xd9, second, ..]
                if UNFOLDED[usize::from((first & 1) << 6 | (second & 0x3f))] =>
            {
                2
            }
            [b' ', ..] => 1,
            _ => return at,
        };
    }
}

/// Vowel signs, accents and keycaps.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{20e3}' | '\u{fe0f}')
}

/// Whether a folded character belongs to a word.
pub(crate) fn is_letter(character: char) -> bool {
    match character {
        '\0'..='\u{7f}' => character.is_ascii_alphabetic(),
        // What is most of the text need not be looked up.
        '\u{620}'..='\u{64a}' | '\u{671}'..='\u{6d3}' => true,
        _ => character.is_alphabetic(),
    }
}

pub(crate) fn is_arabic(character: char) -> bool {
    matches!(character, '\u{600}'..='\u{6ff}')
}

impl Tokens {
    /// Cuts `sentence`; earlier tokens are dropped, the buffers kept.
    pub(crate) fn refill(&mut self, sentence: &str) {
        self.glyphs.clear();
        self.text.clear();
        self.all.clear();
        (self.persian, self.quoted) = (false, false);
        self.glyphs.reserve(sentence.len());
        self.text.reserve(sentence.len());
        let mut rest = sentence.chars();
        loop {
            let left = rest.as_str();
            let start = sentence.len() - left.len();
            let plain = left.bytes().take_while(|byte| (b' '..=b'~').contains(byte)).count();
            let arabic = if plain > 1 { 0 } else { unfolded(left.as_bytes()) };
            if plain > 1 {
                self.add_plain(&left[..plain], start);
                rest = left[plain..].chars();
            } else if arabic > 1 {
                self.add_unfolded(&left[..arabic], start);
                rest = left[arabic..].chars();
            } else if let Some(character) = rest.next() {
                self.add(character, start);
            } else {
                break;
            }
        }
        let (mut at, mut gap) = (0, true);
        while let Some(glyph) = self.glyphs.get(at) {
            if glyph.character.is_whitespace() {
                (at, gap) = (at + 1, true);
                continue;
            }
            let dotted = matches!(glyph.character, '.' | '_' | '…' | '-');
            if let Some(end) = dotted.then(|| self.leader(at)).flatten() {
                self.push_leader(at..end, gap);
                (at, gap) = (end, false);
                continue;
            }
            let (kind, end, value) = self.token_at(at);
            self.push(kind, at..end, gap, value);
            (at, gap) = (end, false);
        }
    }

    /// Adds ASCII, which folding only makes small, all at once; a test holds it to the folding.
    fn add_plain(&mut self, run: &str, start: usize) {
        let folded = self.text.len();
        self.text.push_str(run);
        self.text[folded..].make_ascii_lowercase();
        self.glyphs.extend(self.text.as_bytes()[folded..].iter().enumerate().map(|(at, byte)| Glyph {
            character: char::from(*byte),
            start: start + at,
            end: start + at + 1,
            folded: folded + at,
        }));
    }

    /// Adds what folding leaves as it is.
    fn add_unfolded(&mut self, run: &str, start: usize) {
        let folded = self.text.len();
        self.text.push_str(run);
        self.glyphs.extend(run.char_indices().map(|(at, character)| Glyph {
            character,
            start: start + at,
            end: start + at + character.len_utf8(),
            folded: folded + at,
        }));
    }

    fn add(&mut self, character: char, start: usize) {
        let end = start + character.len_utf8();
        if character > '\u{67d}' {
            self.persian |= matches!(character, 'پ' | 'چ' | 'ژ' | 'گ' | 'ک' | 'ی');
        }
        if let Some(character) = fold_one(character) {
            self.glyphs.push(Glyph { character, start, end, folded: self.text.len() });
            self.text.push(character);
        } else if let Some(last) = self.glyphs.last_mut().filter(|_| is_mark(character)) {
            // «ريالاً»: what is written over a letter belongs to it.
            last.end = end;
        }
    }

    /// The folded text of a token.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.all.get(index).map_or("", |token| &self.text[token.folded.0..token.folded.1])
    }

    /// The first byte of the folded text of a token.
    #[inline]
    pub(crate) fn first_byte(&self, index: usize) -> u8 {
        let start = self.all.get(index).map_or(usize::MAX, |token| token.folded.0);
        self.text.as_bytes().get(start).copied().unwrap_or(0)
    }

    /// The byte where a letter of a token begins; 0 behind the end.
    pub(crate) fn letter(&self, index: usize, letter: usize) -> usize {
        let Some(token) = self.all.get(index) else { return 0 };
        let first = self.glyphs.partition_point(|glyph| glyph.start < token.start);
        self.glyphs.get(first + letter).map_or(token.start, |glyph| glyph.start)
    }

    fn push(
        &mut self,
        kind: Kind,
        glyphs: std::ops::Range<usize>,
        gap: bool,
        value: Option<(Amount, Option<Amount>)>,
    ) {
        let (first, last) = (self.glyphs[glyphs.start], self.glyphs[glyphs.end - 1]);
        let folded = (first.folded, last.folded + last.character.len_utf8());
        self.quoted |= first.character == '"';
        let comma = kind == Kind::Mark
            && match first.character {
                // `"price":"89.00"`: quotation marks beside a colon end no clause.
                '"' if self
                    .all
                    .last()
                    .is_some_and(|last| &self.text[last.folded.0..last.folded.1] == ":") =>
                {
                    false
                }
                ':' => {
                    if let Some(last) = self.all.last_mut() {
                        last.comma &= &self.text[last.folded.0..last.folded.1] != "\"";
                    }
                    false
                }
                '-' | '/' => gap,
                ',' | ';' | '|' | '+' | '(' | ')' | '.' | '"' | '«' | '»' => true,
                _ => false,
            };
        let beginning = Beginning::of(&self.text[folded.0..folded.1]);
        self.all.push(Token {
            kind,
            start: first.start,
            end: last.end,
            folded,
            gap,
            comma,
            beginning,
            value,
        });
    }

    fn at(&self, index: usize) -> char {
        self.glyphs.get(index).map_or('\0', |glyph| glyph.character)
    }

    fn token_at(&self, at: usize) -> (Kind, usize, Option<(Amount, Option<Amount>)>) {
        let first = self.at(at);
        if first.is_ascii_digit() {
            return self.number(at);
        }
        if first == '+' && self.digits(at + 1) >= 7 {
            return (Kind::Opaque, self.opaque(at + 1), None);
        }
        if is_letter(first) {
            return (Kind::Word, self.letters(at), None);
        }
        (Kind::Mark, at + 1, None)
    }

    /// Where the word that starts at `at` ends.
    fn letters(&self, at: usize) -> usize {
        let arabic = is_arabic(self.at(at));
        let (dot, next) = (self.at(at + 1), self.at(at + 2));
        // «ر.س» and S.R
        if dot == '.' && is_letter(next) && is_arabic(next) == arabic && !is_letter(self.at(at + 3)) {
            return at + 3;
        }
        // «بر.س»: a particle before it.
        let particle = matches!(self.at(at), 'ب' | 'و' | 'ل' | 'ف');
        if particle && self.at(at + 2) == '.' && is_letter(self.at(at + 3)) && !is_letter(self.at(at + 4)) {
            return at + 1;
        }
        let mut end = at + 1;
        loop {
            let rest = self.glyphs[end..].iter().map(|glyph| glyph.character);
            end += if arabic {
                rest.take_while(|letter| is_arabic(*letter) && is_letter(*letter)).count()
            } else {
                let latin = |letter: char| !letter.is_ascii() && is_letter(letter) && !is_arabic(letter);
                rest.take_while(|letter| letter.is_ascii_alphabetic() || latin(*letter)).count()
            };
            let apostrophe = !arabic && self.at(end) == '\'' && self.at(end + 1).is_ascii_alphabetic();
            if !apostrophe {
                break;
            }
            end += 1;
        }
        if arabic || !self.at(end).is_ascii_digit() || is_currency(&self.glyphs[at..end]) {
            return end;
        }
        // A code such as EID2026 is one word.
        while self.at(end).is_ascii_alphanumeric() {
            end += 1;
        }
        end
    }

    fn digits(&self, at: usize) -> usize {
        self.glyphs[at.min(self.glyphs.len())..]
            .iter()
            .take_while(|glyph| glyph.character.is_ascii_digit())
            .count()
    }
}

/// Whether Latin letters that touch a number are a currency: `SAR89`.
fn is_currency(glyphs: &[Glyph]) -> bool {
    const CODES: [&str; 12] =
        ["sar", "sr", "aed", "dhs", "kwd", "kd", "bhd", "omr", "qar", "usd", "egp", "eur"];
    CODES.iter().any(|code| code.chars().eq(glyphs.iter().map(|glyph| glyph.character)))
}

#[cfg(test)]
mod tests;
