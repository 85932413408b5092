//! What lies between a number and a cue.

use super::affixes::is_suffix;
use super::context::Context;
use super::reading::is_word;
use crate::fold::OPAQUE;

/// Digits between a cue and a number that make them another number.
const OTHER_NUMBER_DIGITS: usize = 5;
/// Characters between two numbers of one list.
const LIST_GAP: usize = 8;

/// Words that may stand between a cue and its number without loosening the tie, folded.
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "رقم"
            | "رقمه"
            | "رقمها"
            | "الرقم"
            | "هو"
            | "هي"
            | "هذا"
            | "الخاص"
            | "بي"
            | "كان"
            | "علي"
            | "شماره"
            | "است"
            | "number"
            | "no"
            | "num"
            | "nr"
            | "id"
            | "code"
            | "is"
            | "are"
            | "was"
            | "my"
            | "the"
            | "it"
            | "of"
            | "on"
            | "at"
            | "new"
            | "following"
            | "here"
            | "حقي"
            | "حقتي"
            | "حقنا"
            | "معي"
            | "عندي"
            | "الجديد"
            | "الجديده"
            | "الثاني"
            | "والثاني"
            | "الثالث"
            | "والثالث"
            | "التالي"
            | "كالتالي"
            | "تبعي"
            | "بتاعي"
            | "مالي"
            | "السعوديه"
            | "القطريه"
            | "الكويتيه"
            | "البحرينيه"
            | "العمانيه"
            | "المصريه"
            | "الاماراتيه"
            | "من"
            | "همسرم"
            | "ايشان"
    )
}

/// The text between a number and a cue, and what one pass over it tells.
pub(super) struct Between<'t> {
    pub(super) text: &'t str,
    /// Its characters.
    pub(super) chars: usize,
    /// What its bytes are, by the bits of [`CLASSES`].
    classes: u8,
}

const DIGIT: u8 = 1;
const PLACEHOLDER: u8 = 1 << 1;
/// May end a sentence.
const STOP: u8 = 1 << 2;
/// Neither punctuation nor a space.
const OTHER: u8 = 1 << 3;

/// What a byte is.
const CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        classes[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT,
            OPAQUE => PLACEHOLDER,
            b'.' | b'!' | b'?' => STOP,
            b'\n' => STOP | OTHER,
            b' ' => 0,
            _ if byte.is_ascii_punctuation() => 0,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

impl<'t> Between<'t> {
    /// Looks through it once.
    pub(super) fn read(text: &'t str) -> Self {
        let classes = text.bytes().fold(0, |classes, byte| classes | CLASSES[usize::from(byte)]);
        Self { text, chars: text.chars().count(), classes }
    }

    /// Whether a digit or a placeholder is in it.
    pub(super) fn has_number(&self) -> bool {
        self.classes & (DIGIT | PLACEHOLDER) != 0
    }

    /// Whether a sentence or paragraph ends in it.
    pub(super) fn ends_sentence(&self) -> bool {
        self.classes & STOP != 0 && ends_sentence(self.text)
    }

    /// Whether nothing but fillers and punctuation lies between a cue and a number.
    pub(super) fn only_fillers(&self) -> bool {
        if self.has_number() || self.classes & OTHER == 0 {
            return !self.has_number();
        }
        self.text
            .split(|character: char| character.is_ascii() && !character.is_ascii_alphabetic())
            .filter(|word| !word.is_empty())
            .enumerate()
            .all(|(index, word)| is_filler(word) || (index == 0 && is_suffix(word)))
    }

    /// Whether another number lies between that is not the neighbour in one list.
    pub(super) fn is_another_number(&self) -> bool {
        let digits = || self.text.bytes().filter(u8::is_ascii_digit).count();
        let another =
            self.classes & PLACEHOLDER != 0 || self.classes & DIGIT != 0 && digits() >= OTHER_NUMBER_DIGITS;
        if !another {
            return false;
        }
        let last = self.text.bytes().rposition(is_number_byte).unwrap_or(0);
        let gap = Between::read(&self.text[last + 1..]);
        gap.chars > LIST_GAP && !gap.only_fillers()
    }

    /// What a cue says that speaks for the number.
    pub(super) fn positive(&self) -> Context {
        if self.only_fillers() {
            return Context::Positive { words: 0 };
        }
        let telling = |word: &&str| is_word(word) && !is_filler(word);
        let words = self.text.split_ascii_whitespace().filter(telling).count();
        Context::Positive { words: words.max(1) }
    }
}

pub(super) const fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == OPAQUE
}

/// Whether a sentence or paragraph ends in `between`.
///
/// A full stop right at the start belongs to the cue (`tel. 055`), and one behind a short word to an abbreviation.
pub(super) fn ends_sentence(between: &str) -> bool {
    let bytes = between.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'\n' | b'.' | b'!' | b'?')) {
        return false;
    }
    if bytes.windows(2).any(|pair| pair == b"\n\n") {
        return true;
    }
    (1..bytes.len()).any(|at| {
        let space_follows = matches!(bytes.get(at + 1), None | Some(b' ' | b'\n'));
        let abbreviation = bytes[..at].ends_with(b" no") || bytes[..at].ends_with(b"num");
        let end = matches!(bytes[at], b'!' | b'?') || (bytes[at] == b'.' && !abbreviation);
        end && space_follows && bytes.get(at + 1).is_some()
    })
}
