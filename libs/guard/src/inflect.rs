//! The forms that words of names take in answers: plurals, duals, pronouns, particles.

use crate::lexicon::{Clitics, variants};

/// Whether a word of an answer is a word of a name, in some form.
pub(crate) fn is_form_of(written: &str, name: &str) -> bool {
    let mut same = false;
    forms(written, |form, _, _| {
        same = form == singular(name) || form == name;
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
pub(crate) fn forms(word: &str, mut accept: impl FnMut(&str, bool, Clitics) -> bool) {
    if word.is_ascii() {
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
        if accept(stem, false, clitics) {
            return true;
        }
        inflections(stem, |form, dual| accept(form, dual, clitics))
    });
}

/// The singular of an Arabic or Persian word by its ending.
fn inflections(stem: &str, mut accept: impl FnMut(&str, bool) -> bool) -> bool {
    let mut feminine = String::new();
    for (suffix, dual, restored) in [
        ("تين", true, "ه"),
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
    ] {
        let Some(base) = stem.strip_suffix(suffix).filter(|base| base.len() >= 4) else { continue };
        feminine.clear();
        feminine.push_str(base);
        feminine.push_str(restored);
        if accept(&feminine, dual) {
            return true;
        }
    }
    false
}
