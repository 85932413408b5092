//! The language of an answer.

use crate::text::is_arabic;

/// A language that sentences can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Arabic, formal or spoken.
    Arabic,
    /// English, and whatever else is written in Latin letters.
    English,
    /// Persian.
    Persian,
}

/// One Persian letter in so many tells Persian from Arabic with a foreign name in it.
const PERSIAN_SHARE: usize = 16;

impl Language {
    /// The language of most letters of `text`; English if it has none.
    pub fn of(text: &str) -> Self {
        let (mut arabic, mut persian, mut latin) = (0_usize, 0_usize, 0_usize);
        for character in text.chars() {
            match character {
                'پ' | 'چ' | 'ژ' | 'گ' | 'ک' | 'ی' => (arabic, persian) = (arabic + 1, persian + 1),
                _ if is_arabic(character) && character.is_alphabetic() => arabic += 1,
                _ if character.is_ascii_alphabetic() => latin += 1,
                _ => {}
            }
        }
        if latin >= arabic {
            Self::English
        } else if persian * PERSIAN_SHARE >= arabic {
            Self::Persian
        } else {
            Self::Arabic
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_by_their_letters() {
        for (text, language) in [
            ("سعر العباية ٧٩ ريال فقط مع كود EID2026", Language::Arabic),
            ("ارسال به تهران ۳ روز طول می‌کشد", Language::Persian),
            ("The Black Abaya (عباية) is 79 SAR.", Language::English),
            ("79", Language::English),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }
}
