//! The names of people, in Arabic and Latin script.

mod given;

use std::collections::{BTreeMap, BTreeSet};

use super::trie::Trie;
use crate::fold::fold;
pub(super) use given::Given;

/// Bytes of the longest Latin name whose spellings are told to be one.
const MAX_BYTES: usize = 48;

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
/// Given names that are words so often that they are read as names only where something says so.
const COMMON: &str = include_str!("names/common.txt");

/// What bears the name behind it without being a person: a perfume, a hospital, a king.
const GOODS: &str = include_str!("names/goods.txt");
/// What makes the name before it that of a shop or a product.
const SHOPS: &str = include_str!("names/shop.txt");

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
    /// Names, by how they sound.
    sounds: Trie,
    /// What each of them is.
    roles: Vec<Roles>,
    /// Words that are no names however they are written, though one sounds the same: `sale` and `saleh`.
    homophones: Trie,
    /// Names that are words as well, and those words, as they are spelled.
    words: Trie,
    /// Those and the names that are common words.
    common: Trie,
    goods: Trie,
    shops: Trie,
}

/// The lines of some lists, folded.
fn set(lists: &[&str]) -> BTreeSet<String> {
    lists.iter().flat_map(|list| list.lines()).filter(|line| !line.is_empty()).map(fold).collect()
}

/// The lists that have a name.
#[derive(Clone, Copy, Default)]
struct Roles {
    given: bool,
    family: bool,
}

impl Names {
    /// Folds the lists.
    pub(super) fn new() -> Self {
        let spelled = set(&[GIVEN.as_slice(), FAMILY.as_slice()].concat());
        let is_homophone = |word: &String| word.is_ascii() && !spelled.contains(word);
        let homophones: Vec<String> = set(&[WORDS]).into_iter().filter(is_homophone).collect();
        let mut names: BTreeMap<String, Roles> = BTreeMap::new();
        let sounds = |lists: &'static [&str]| {
            let names = lists.iter().flat_map(|list| list.lines()).filter(|name| !name.is_empty());
            names.map(|name| sound(&fold(name))).filter(|sound| !sound.is_empty())
        };
        sounds(&GIVEN).for_each(|name| names.entry(name).or_default().given = true);
        sounds(&FAMILY).for_each(|name| names.entry(name).or_default().family = true);
        let (names, roles): (Vec<_>, Vec<_>) = names.into_iter().unzip();
        let trie = |lists| Trie::new(&set(lists).into_iter().collect::<Vec<_>>());
        Self {
            sounds: Trie::new(&names),
            roles,
            homophones: Trie::new(&homophones),
            words: trie(&[WORDS]),
            common: trie(&[WORDS, COMMON]),
            goods: trie(&[GOODS]),
            shops: trie(&[SHOPS]),
        }
    }

    /// The lists that have a folded name, in whichever way it is spelled.
    fn roles(&self, name: &str) -> Roles {
        let mut buffer = [0; MAX_BYTES];
        let found = self.sounds.get(sound_in(name, &mut buffer));
        let is_other = || name.is_ascii() && self.homophones.get(name.as_bytes()).is_some();
        found.filter(|_| !is_other()).map_or_else(Roles::default, |entry| self.roles[entry])
    }

    /// What a folded word is in a name.
    pub(super) fn part(&self, word: &str) -> Part {
        if is_particle(word) {
            return Part::Particle;
        }
        let roles = self.roles(word);
        if roles.given || is_servant(word) || self.is_kunya(word) {
            return Part::Given;
        }
        if roles.family || word.strip_prefix("ال").is_some_and(|bare| self.roles(bare).family) {
            return Part::Family;
        }
        if word.is_ascii() && word.contains(['-', '\'']) {
            return self.joined(word);
        }
        Part::None
    }

    /// `أبو` and a name in one word, as in the Gulf: `بوحمد`.
    fn is_kunya(&self, word: &str) -> bool {
        let name = word.strip_prefix("ابو").or_else(|| word.strip_prefix("بو"));
        name.is_some_and(|name| {
            self.roles(name).given && (name.len() > 6 || name.len() == 6 && !self.is_word(name))
        })
    }

    /// A Latin name of parts: `al-qahtani`, `abdul-rahman`, `o'brien`.
    fn joined(&self, word: &str) -> Part {
        let parts: Vec<&str> = word.split(['-', '\'']).filter(|part| !part.is_empty()).collect();
        let given = |part: &str| self.roles(part).given;
        let known = |part: &&str| given(part) || self.roles(part).family;
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
        // Families of Iran: `نیک‌نژاد`.
        if word.ends_with(['د', 'ه', 'ر']) && is_iranian(word) && !self.is_word(word) {
            return true;
        }
        let Some(stem) = word.strip_prefix("ال") else {
            let latin = (word.starts_with("al") || word.starts_with("el")) && word.len() >= 7;
            // A family of the Gulf: `بوخمسين`.
            let house = word.strip_prefix("بو").is_some_and(|rest| rest.chars().count() >= 4);
            return (latin || house) && !self.is_word(word);
        };
        let letters = stem.chars().count();
        let tribe = stem.ends_with('ي') && letters >= 4;
        !self.is_word(word)
            && (after_particle || tribe || matches!(stem, "دين" | "له" | "اسلام" | "زهراء" | "رحمن"))
    }

    /// Whether a word is a name and hardly ever anything else; an article does not count.
    pub(super) fn is_plain(&self, word: &str) -> bool {
        let common = |word: &str| self.common.get(word.as_bytes()).is_some();
        !common(word) && !word.strip_prefix("ال").is_some_and(common)
    }

    /// Whether what is called by the name behind this word is no person.
    pub(super) fn is_goods(&self, word: &str) -> bool {
        let is = |word: &str| self.goods.get(word.as_bytes()).is_some();
        let bare = word.strip_prefix(['و', 'ب', 'ل', 'ف', 'ك']).unwrap_or(word);
        [word, bare].into_iter().any(|word| {
            is(word) || word.strip_prefix("ال").or_else(|| word.strip_prefix('ل')).is_some_and(is)
        })
    }

    /// Whether a word is a title of those after whom much is named: princes, sheikhs, and hajjis who bake.
    pub(super) fn is_eponym(word: &str) -> bool {
        const TITLES: [&str; 10] = [
            "الامير",
            "الاميره",
            "الشيخ",
            "الشيخه",
            "الحاج",
            "الحاجه",
            "prince",
            "princess",
            "sheikh",
            "hajji",
        ];
        TITLES.contains(&word)
    }

    /// Whether the name before this word is that of a shop or a product.
    pub(super) fn is_shop(&self, word: &str) -> bool {
        self.shops.get(word.as_bytes()).is_some()
    }

    /// Whether a name is a word as well.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.words.get(word.as_bytes()).is_some()
    }
}

/// Whether a word ends as families of Iran do, with two letters before it at least.
fn is_iranian(word: &str) -> bool {
    let stems = ["نژاد", "زاده", "پور", "وند"].map(|ending| word.strip_suffix(ending));
    stems.into_iter().flatten().any(|stem| stem.len() >= 4)
}

/// What the spellings of one Latin name have in common: `mohammed`, `muhamad` and `mohamed` are one.
///
/// Doubled letters count once, `o` and `u` as well as `e`, `i` and `y` are the same, and an `h` at the end is silent.
fn sound_in<'w>(word: &'w str, buffer: &'w mut [u8; MAX_BYTES]) -> &'w [u8] {
    if !word.is_ascii() || word.len() > MAX_BYTES {
        return word.as_bytes();
    }
    let mut len = 0;
    for letter in word.trim_end_matches('h').bytes() {
        let letter = match letter {
            b'o' | b'w' => b'u',
            b'e' | b'y' => b'i',
            b'q' => b'k',
            other => other,
        };
        if len == 0 || buffer[len - 1] != letter {
            buffer[len] = letter;
            len += 1;
        }
    }
    &buffer[..len]
}

fn sound(word: &str) -> String {
    String::from_utf8_lossy(sound_in(word, &mut [0; MAX_BYTES])).into_owned()
}

/// `عبد` and an attribute of God in one word, also as the name of a family: `العبدالكريم`.
fn is_servant(word: &str) -> bool {
    let word = word.strip_prefix("ال").unwrap_or(word);
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
        let count = |of: fn(&Roles) -> bool| names.roles.iter().filter(|roles| of(roles)).count();
        let (given, family) = (count(|roles| roles.given), count(|roles| roles.family));
        println!("{given} given, {family} family");
        assert!(given > 1500 && family > 900);
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
