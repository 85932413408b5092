//! What one character becomes before recognition.

/// The folded form of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Invisible: a mark, a joiner, a tatweel.
    Dropped,
    /// One ASCII byte.
    Ascii(u8),
    /// Another character.
    Char(char),
}

/// The folded form of a capital or an Arabic letter at the start that has as many bytes, and their number.
pub(super) fn even(bytes: &[u8]) -> Option<(char, usize)> {
    match *bytes {
        [byte @ b'A'..=b'Z', ..] => Some((char::from(byte.to_ascii_lowercase()), 1)),
        [lead @ 0xd8..=0xdb, next, ..] => {
            let folded = LETTERS[usize::from((lead & 3) << 6 | next & 0x3f)];
            (folded != '\0').then_some((folded, 2))
        }
        _ => None,
    }
}

/// What the letters of the block U+0600 fold to; zero for what is no letter.
const LETTERS: [char; 256] = {
    let mut letters = ['\0'; 256];
    let mut low = 0_u8;
    loop {
        let plain =
            matches!(low, 0x21 | 0x27 | 0x28 | 0x2a..=0x3a | 0x41..=0x48 | 0x4a | 0x7e | 0x86 | 0x98 | 0xaf);
        if let Some(character) = char::from_u32(0x600 + low as u32) {
            let folded = letter(character);
            if plain || folded as u32 != character as u32 {
                letters[low as usize] = folded;
            }
        }
        if low == u8::MAX {
            break;
        }
        low += 1;
    }
    letters
};

/// First characters of the blocks of ten decimal digits of Unicode, ascending, without ASCII.
const DIGIT_ZEROS: [u32; 60] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50,
    0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Folds one character: digits of every script to ASCII, marks away, letter variants together, lower case.
pub fn fold(character: char) -> Form {
    let code = u32::from(character);
    match code {
        0..=0x7f => ascii(character as u8),
        0x80..=0x9f => Form::Dropped,
        0x600..=0x6ff => arabic(character, code),
        0xff01..=0xff5e => ascii(u8::try_from(code - 0xff01).map_or(b' ', |offset| b'!' + offset)),
        _ => other(character, code),
    }
}

/// Folds an ASCII byte.
pub(super) const fn ascii(byte: u8) -> Form {
    match byte {
        b'\n' => Form::Ascii(b'\n'),
        b'\t' | 0x0b | 0x0c => Form::Ascii(b' '),
        0..=0x1f | 0x7f => Form::Dropped,
        _ => Form::Ascii(byte.to_ascii_lowercase()),
    }
}

fn arabic(character: char, code: u32) -> Form {
    match code {
        0x660..=0x669 => digit(code - 0x660),
        0x6f0..=0x6f9 => digit(code - 0x6f0),
        0x60c | 0x66c => Form::Ascii(b','),
        0x61b => Form::Ascii(b';'),
        0x61f => Form::Ascii(b'?'),
        0x66a => Form::Ascii(b'%'),
        0x66b | 0x6d4 => Form::Ascii(b'.'),
        // Honorifics, tashkeel, tatweel, Koranic marks and the Arabic letter mark.
        0x610..=0x61a
        | 0x61c
        | 0x640
        | 0x64b..=0x65f
        | 0x670
        | 0x6d6..=0x6dc
        | 0x6df..=0x6e4
        | 0x6e7
        | 0x6e8
        | 0x6ea..=0x6ed => Form::Dropped,
        _ => Form::Char(letter(character)),
    }
}

/// Brings the letter variants of Arabic and Persian keyboards together.
const fn letter(character: char) -> char {
    match character {
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ى' | 'ی' | 'ئ' | 'ۍ' | 'ې' => 'ي',
        'ة' | 'ۀ' | 'ہ' | 'ھ' | 'ە' => 'ه',
        'ک' | 'ڪ' => 'ك',
        'ؤ' => 'و',
        _ => character,
    }
}

fn other(character: char, code: u32) -> Form {
    match code {
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Form::Ascii(b' '),
        0x2028 | 0x2029 => Form::Ascii(b'\n'),
        0x2010..=0x2015 | 0x2043 | 0x2212 | 0x2d7 | 0x1806 | 0xfe58 | 0xfe63 => Form::Ascii(b'-'),
        0xb7 | 0x2022 | 0x2024 | 0x2027 | 0x2219 | 0x22c5 | 0x3002 | 0xfe52 | 0xff61 => Form::Ascii(b'.'),
        0x2044 | 0x2215 => Form::Ascii(b'/'),
        0x207a | 0x208a | 0xfe62 => Form::Ascii(b'+'),
        0xfe6b => Form::Ascii(b'@'),
        0xb2 | 0xb3 => digit(code - 0xb0),
        0xb9 => digit(1),
        0x2070 | 0x2074..=0x2079 => digit(code - 0x2070),
        0x2080..=0x2089 => digit(code - 0x2080),
        0x2460..=0x2468 => digit(code - 0x245f),
        0x24ea => digit(0),
        0x1d7ce..=0x1d7ff => digit((code - 0x1d7ce) % 10),
        0x1d400..=0x1d6a3 => {
            u8::try_from((code - 0x1d400) % 26).map_or(Form::Char(character), |at| Form::Ascii(b'a' + at))
        }
        _ if is_mark(code) => Form::Dropped,
        _ => decimal(code).map_or_else(|| lower(character), digit),
    }
}

/// The small Latin letter that a Cyrillic or Greek one, small or capital, looks like.
pub(super) fn disguised(character: char) -> Option<u8> {
    if !matches!(character, '\u{370}'..='\u{52f}') {
        return None;
    }
    match fold(character) {
        Form::Char(letter) => look_alike(letter),
        Form::Dropped | Form::Ascii(_) => None,
    }
}

/// Whether a character folds to a Latin letter.
pub(super) fn is_latin(character: char) -> bool {
    matches!(fold(character), Form::Ascii(byte) if byte.is_ascii_alphabetic())
}

const fn look_alike(letter: char) -> Option<u8> {
    Some(match letter {
        'а' | 'α' => b'a',
        'в' | 'ь' => b'b',
        'с' | 'ϲ' => b'c',
        'ԁ' => b'd',
        'е' | 'ё' | 'ε' => b'e',
        'һ' => b'h',
        'і' | 'ι' | 'ї' => b'i',
        'ј' => b'j',
        'к' | 'κ' => b'k',
        'ӏ' => b'l',
        'м' => b'm',
        'н' | 'η' => b'n',
        'о' | 'ο' => b'o',
        'р' | 'ρ' => b'p',
        'ѕ' => b's',
        'т' | 'τ' => b't',
        'υ' => b'u',
        'ѵ' | 'ν' => b'v',
        'ԝ' | 'ω' => b'w',
        'х' | 'χ' => b'x',
        'у' | 'γ' => b'y',
        _ => return None,
    })
}

/// Whether the character only changes how its neighbours look.
const fn is_mark(code: u32) -> bool {
    matches!(
        code,
        0xad | 0x300..=0x36f
            | 0x483..=0x489
            | 0x180b..=0x180f
            | 0x1ab0..=0x1aff
            | 0x1dc0..=0x1dff
            | 0x200b..=0x200f
            | 0x202a..=0x202e
            | 0x2060..=0x206f
            | 0x20d0..=0x20ff
            | 0xfe00..=0xfe0f
            | 0xfe20..=0xfe2f
            | 0xfeff
            | 0xe0000..=0xe01ef
    )
}

/// The value of a decimal digit of any script.
fn decimal(code: u32) -> Option<u32> {
    let block = DIGIT_ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    let value = code - DIGIT_ZEROS[block];
    (value < 10).then_some(value)
}

/// Lower case where it is one character; the others have no part in what is recognised.
fn lower(character: char) -> Form {
    let mut lowered = character.to_lowercase();
    match (lowered.next(), lowered.next()) {
        (Some(one), None) if one.is_ascii() => ascii(one as u8),
        (Some(one), None) => Form::Char(one),
        _ => Form::Char(character),
    }
}

fn digit(value: u32) -> Form {
    Form::Ascii(b'0' + u8::try_from(value).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_become_ascii() {
        for (index, text) in
            ["٣", "۳", "３", "𝟑", "𝟛", "³", "₃", "③", "३", "๓", "᠓", "꘣"].into_iter().enumerate()
        {
            let character = text.chars().next().unwrap();
            assert_eq!(fold(character), Form::Ascii(b'3'), "{index} {text}");
        }
        assert!(DIGIT_ZEROS.is_sorted());
    }

    #[test]
    fn marks_vanish_and_letters_meet() {
        for mark in ['\u{200f}', '\u{200c}', 'ـ', 'َ', '\u{20e3}', '\u{fe0f}', '\u{336}', '\r'] {
            assert_eq!(fold(mark), Form::Dropped, "{:x}", u32::from(mark));
        }
        for (from, to) in [('أ', 'ا'), ('ى', 'ي'), ('ی', 'ي'), ('ة', 'ه'), ('ک', 'ك'), ('É', 'é')]
        {
            assert_eq!(fold(from), Form::Char(to));
        }
        for (from, to) in
            [('Ａ', b'a'), ('＠', b'@'), ('٫', b'.'), ('–', b'-'), ('\u{a0}', b' '), ('𝐀', b'a')]
        {
            assert_eq!(fold(from), Form::Ascii(to));
        }
    }

    #[test]
    fn what_keeps_its_length_folds_as_it_does_alone() {
        for character in (0..0x800).filter_map(char::from_u32) {
            if let Some((folded, len)) = even(character.to_string().as_bytes()) {
                let same = u8::try_from(folded).map_or(Form::Char(folded), Form::Ascii);
                assert_eq!(
                    (fold(character), len),
                    (same, character.len_utf8()),
                    "{:x}",
                    u32::from(character)
                );
            }
        }
    }

    #[test]
    fn folding_is_idempotent() {
        for character in (0..=0x1_ffff).filter_map(char::from_u32) {
            let again = match fold(character) {
                Form::Dropped => continue,
                Form::Ascii(byte) => (Form::Ascii(byte), fold(char::from(byte))),
                Form::Char(folded) => (Form::Char(folded), fold(folded)),
            };
            assert_eq!(again.0, again.1, "{:x}", u32::from(character));
        }
    }
}
