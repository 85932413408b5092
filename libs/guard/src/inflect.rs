//! The forms that words of names take in answers: plurals, duals, pronouns, particles.

use std::{collections::HashMap, sync::LazyLock};

use crate::lexicon::{Clitics, variants};

/// Plurals that are no ending, by their singular: «كراسي» of «كرسي».
static BROKEN_PLURALS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("lexicon/plurals.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": ")).collect()
});

/// The plurals of an Arabic noun that the word list knows.
pub(crate) fn broken_plurals(noun: &str) -> impl Iterator<Item = &'static str> + use<> {
    BROKEN_PLURALS.get(noun).into_iter().flat_map(|plurals| plurals.split(", "))
}

/// Whether a word of an answer is a word of a name, in some form.
pub(crate) fn is_form_of(written: &str, name: &str) -> bool {
    let (mut same, one) = (false, singular(name));
    let alike = |stem: &str| stem.bytes().next() == name.bytes().next();
    forms(written, alike, |form, _, _| {
        same = form == one || form == name;
        same
    });
    same
}

/// An English word without its plural.
pub(crate) fn singular(word: &str) -> &str {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if word.len() > 3 && word.is_ascii() && !word.ends_with("ss") {
        word.strip_suffix('s').unwrap_or(word)
    } else {
        word
    }
}

/// Tries the forms that a word of a name may have in an answer, until `accept` takes one.
///
/// Only stems that `may_begin` takes are inflected: no form changes the first two characters.
pub(crate) fn forms(
    word: &str,
    may_begin: impl Fn(&str) -> bool,
    mut accept: impl FnMut(&str, bool, Clitics) -> bool,
) {
    if word.is_ascii() {
        if !may_begin(word) {
            return;
        }
        let plain = Clitics::default();
        let irregular = || {
            let endings: &[(&str, &str)] = if word.ends_with("es") {
                &[("ves", "f"), ("ves", "fe"), ("ies", "y"), ("es", "")]
            } else {
                &[]
            };
            endings.iter().filter_map(|(plural, end)| {
                Some(format!("{}{end}", word.strip_suffix(*plural).filter(|stem| stem.len() > 1)?))
            })
        };
        let _ = accept(singular(word), false, plain) || irregular().any(|form| accept(&form, false, plain));
        return;
    }
    let _ = variants(word, |stem, clitics| {
        may_begin(stem)
            && (accept(stem, false, clitics) || inflections(stem, |form, dual| accept(form, dual, clitics)))
    });
}

/// Endings, whether they say two, and what the singular has in their place.
const ENDINGS: [(&str, bool, &str); 17] = [
    ("تين", true, "ه"),
    // «تمرتين» of «تمر», which has a word for one of it.
    ("تين", true, ""),
    ("تان", true, "ه"),
    ("ين", true, ""),
    ("ان", true, ""),
    ("ات", false, "ه"),
    ("ات", false, ""),
    ("تك", false, "ه"),
    ("ته", false, "ه"),
    ("تها", false, "ه"),
    ("ك", false, ""),
    ("هاي", false, ""),
    ("ها", false, ""),
    ("ي", false, ""),
    ("ا", false, ""),
    // «طبية» of «طبي»; «طرح» of «طرحة».
    ("ه", false, ""),
    ("", false, "ه"),
];

/// The singular of an Arabic or Persian word by its ending.
fn inflections(stem: &str, mut accept: impl FnMut(&str, bool) -> bool) -> bool {
    let mut feminine = String::new();
    for (suffix, dual, restored) in ENDINGS {
        let least = if matches!((suffix, restored), ("" | "ه", _) | ("تين", "")) { 6 } else { 4 };
        let Some(base) = stem.strip_suffix(suffix).filter(|base| base.len() >= least) else { continue };
        let found = if restored.is_empty() {
            accept(base, dual)
        } else {
            feminine.clear();
            feminine.push_str(base);
            feminine.push_str(restored);
            accept(&feminine, dual)
        };
        if found {
            return true;
        }
    }
    false
}
