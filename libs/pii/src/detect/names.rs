//! The names of people, in Arabic and Latin script.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::fold::fold;

/// Given names, one a line.
const GIVEN: [&str; 3] = [
    include_str!("names/given_arabic.txt"),
    include_str!("names/given_latin.txt"),
    include_str!("names/given_persian.txt"),
];
/// Family names, those of tribes without their article.
const FAMILY: [&str; 2] = [include_str!("names/family_arabic.txt"), include_str!("names/family_latin.txt")];
/// Given names that are words as well, and words that are no names though they look like one.
const WORDS: &str = include_str!("names/words.txt");

/// What joins two parts of a name or starts one, folded.
fn is_particle(word: &str) -> bool {
    matches!(
        word,
        "بن" | "ابن"
            | "بنت"
            | "ابنه"
            | "ابو"
            | "ابي"
            | "ام"
            | "ال"
            | "عبد"
            | "عبيد"
            | "امه"
            | "ذو"
            | "bin"
            | "ben"
            | "ibn"
            | "bint"
            | "abu"
            | "abo"
            | "abou"
            | "um"
            | "umm"
            | "al"
            | "el"
            | "abd"
            | "abdul"
            | "abdel"
            | "van"
            | "de"
    )
}

/// What a word is in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    None,
    Given,
    Family,
    /// Needs another part behind it.
    Particle,
    /// Follows another part.
    Attribute,
}

impl Part {
    pub(super) fn is_given(self) -> bool {
        matches!(self, Self::Given | Self::Particle)
    }
}

/// The lists, folded.
pub(super) struct Names {
    given: HashSet<Box<str>>,
    family: HashSet<Box<str>>,
    /// As they are spelled: `sale` is a word where `saleh`, which sounds the same, is a name.
    words: HashSet<Box<str>>,
}

impl Names {
    /// Folds the lists.
    pub(super) fn new() -> Self {
        let set = |lists: &[&str]| {
            let names = lists.iter().flat_map(|list| list.lines()).filter(|name| !name.is_empty());
            names.map(|name| key(&fold(name)).into()).collect()
        };
        Self {
            given: set(&GIVEN),
            family: set(&FAMILY),
            words: WORDS.lines().map(|word| fold(word).into()).collect(),
        }
    }

    /// What a folded word is in a name.
    pub(super) fn part(&self, word: &str) -> Part {
        if is_particle(word) {
            return Part::Particle;
        }
        let sound = key(word);
        if self.given.contains(&*sound) || is_servant(word) {
            return Part::Given;
        }
        let bare = word.strip_prefix("ال").unwrap_or(word);
        if self.family.contains(&*sound) || bare.len() < word.len() && self.family.contains(bare) {
            return Part::Family;
        }
        if word.is_ascii() && word.contains(['-', '\'']) {
            return self.joined(word);
        }
        Part::None
    }

    /// A Latin name of parts: `al-qahtani`, `abdul-rahman`, `o'brien`.
    fn joined(&self, word: &str) -> Part {
        let parts: Vec<&str> = word.split(['-', '\'']).filter(|part| !part.is_empty()).collect();
        let given = |part: &str| self.given.contains(&*key(part));
        let known = |part: &&str| given(part) || self.family.contains(&*key(part));
        match parts.as_slice() {
            ["al" | "el" | "bin" | "abu" | "o", _, ..] => Part::Family,
            ["abd" | "abdul" | "abdel" | "abdur", _, ..] => Part::Given,
            [first, ..] if given(first) => Part::Given,
            parts if parts.iter().any(known) => Part::Family,
            _ => Part::None,
        }
    }

    /// Whether a word may follow a name as an attribute or the name of a tribe: `القحطاني`, `الدين`.
    pub(super) fn is_attribute(&self, word: &str, after_particle: bool) -> bool {
        if is_servant(word) {
            return true;
        }
        let Some(stem) = word.strip_prefix("ال") else {
            return (word.starts_with("al") || word.starts_with("el"))
                && word.len() >= 7
                && !self.words.contains(word);
        };
        let letters = stem.chars().count();
        let tribe = stem.ends_with('ي') && letters >= 4;
        !self.words.contains(word)
            && (after_particle || tribe || matches!(stem, "دين" | "له" | "اسلام" | "زهراء" | "رحمن"))
    }

    /// Whether a name is a word as well.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

/// What the spellings of one Latin name have in common: `mohammed`, `muhamad` and `mohamed` are one.
///
/// Doubled letters count once, `o` and `u` as well as `e`, `i` and `y` are the same, and an `h` at the end is silent.
fn key(word: &str) -> Cow<'_, str> {
    if !word.is_ascii() {
        return Cow::Borrowed(word);
    }
    let mut sound = String::with_capacity(word.len());
    for letter in word.trim_end_matches('h').chars() {
        let letter = match letter {
            'o' | 'w' => 'u',
            'e' | 'y' => 'i',
            'q' => 'k',
            other => other,
        };
        if !sound.ends_with(letter) {
            sound.push(letter);
        }
    }
    Cow::Owned(sound)
}

/// `عبد` and an attribute of God in one word.
fn is_servant(word: &str) -> bool {
    let arabic = word.strip_prefix("عبدال").is_some_and(|rest| rest.chars().count() >= 2);
    let latin = ["abdul", "abdel", "abdal", "abdur", "abdol"]
        .iter()
        .any(|prefix| word.len() >= 8 && word.starts_with(prefix));
    arabic || latin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_large_and_folded() {
        let names = Names::new();
        println!("{} given, {} family, {} words", names.given.len(), names.family.len(), names.words.len());
        assert!(names.given.len() > 1500 && names.family.len() > 900);
        for (word, part) in [
            ("محمد", Part::Given),
            ("fatima", Part::Given),
            ("القحطاني", Part::Family),
            ("al-qahtani", Part::Family),
            ("بن", Part::Particle),
            ("تلفزيون", Part::None),
        ] {
            assert_eq!(names.part(&fold(word)), part, "{word}");
        }
        assert!(names.is_attribute("الشمراني", false) && !names.is_attribute("التوصيل", false));
    }
}
