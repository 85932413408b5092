//! The words by which a product may be called: its whole name, the noun of it, and what tells it from others.

use smallvec::SmallVec;

use super::{Catalogue, Name, is_unit, sense};
use crate::{
    inflect::{broken_plurals, singular},
    lexicon::Class,
    size::is_size,
    text::is_arabic,
};

impl Catalogue {
    /// Adds a name, and the name without the size at its end: "power bank" for "Power Bank 20000mAh".
    pub(super) fn add_name(&mut self, product: u32, words: Vec<String>) {
        self.add_nouns(product, &words);
        let kept = words.iter().rposition(|word| is_noun(word)).map_or(0, |last| last + 1);
        if (2..words.len()).contains(&kept) {
            self.add_words(product, words[..kept].to_vec());
        }
        // «ليالي نجد» for «عطر ليالي نجد», "Layali Najd" for "Layali Najd Perfume".
        let arabic = words.first().is_some_and(|first| first.starts_with(is_arabic));
        let own = if arabic { 1..kept } else { 0..kept.saturating_sub(1) };
        if own.len() >= 2 && !words[own.clone()].iter().any(|word| sense(word).is_some()) {
            self.add_words(product, words[own].to_vec());
        }
        self.add_words(product, words);
    }

    fn add_words(&mut self, product: u32, words: Vec<String>) {
        let Some(first) = words.first() else { return };
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let many = broken_plurals(first).map(str::to_owned);
        for form in std::iter::once(singular(first).to_owned()).chain(many) {
            self.first.entry(form).or_default().push(index);
        }
        self.names.push(Name { product, words });
    }

    /// Adds what a product is called by beside its whole name.
    fn add_nouns(&mut self, product: u32, words: &[String]) {
        let heads = heads(words);
        for word in words
            .iter()
            .filter(|word| heads.first() != Some(word) && word.chars().count() > 3 && !is_size(word))
        {
            let meant = self.details.entry(singular(word).to_owned()).or_insert(Some(product));
            if *meant != Some(product) {
                *meant = None;
            }
        }
        for head in heads.iter().filter(|head| words.len() > 1 && head.chars().count() > 2) {
            // «سماعات» is also called by one of them.
            let one = head.strip_suffix("ات").filter(|stem| stem.len() >= 4).map(|stem| format!("{stem}ه"));
            let many = broken_plurals(head).map(str::to_owned);
            for key in std::iter::once(singular(head).to_owned()).chain(one).chain(many) {
                let meant = self.heads.entry(key).or_default();
                if !meant.contains(&product) {
                    meant.push(product);
                }
            }
        }
    }
}

/// The noun that a name is of, and that of its contents if it is a word for a pack: «علبة معمول», "maamoul box".
fn heads(words: &[String]) -> SmallVec<[&String; 2]> {
    let arabic = words.first().is_some_and(|first| first.starts_with(is_arabic));
    let mut nouns: SmallVec<[&String; 8]> = words
        .iter()
        .filter(|word| if arabic { word.starts_with(is_arabic) } else { is_noun(word) })
        .collect();
    if !arabic {
        nouns.reverse();
    }
    let pack = |noun: &&String| sense(noun).is_some_and(|sense| sense.is(Class::Piece));
    nouns.truncate(1 + usize::from(nouns.first().is_some_and(pack)));
    nouns.into_iter().collect()
}

/// A word of letters alone that is no unit: neither `SPF50` nor `ml`.
fn is_noun(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && word.chars().count() > 2 && !is_unit(word) && !is_size(word)
}
