//! Numbers beside goods: how many there are of them, and how long they are.

use super::Judge;
use crate::{
    quantity::Bare,
    size::is_length,
    text::{folded, is_arabic},
};

/// Consonants that tell a noun, at least.
const ROOT_MIN: usize = 3;

impl Judge<'_> {
    /// «السجادة ٢×٣ متر», "the rug, 200 x 300 cm": a side of what is named before, and no number of pieces.
    pub(super) fn is_side(&self, bare: &Bare) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let times = |index: usize| matches!(word(index), "x" | "×" | "*" | "في");
        let number =
            |index: usize| self.sentence.tokens.all.get(index).is_some_and(|token| token.value.is_some());
        let (first, end) = if times(bare.end) && number(bare.end + 1) {
            (bare.start, bare.end + 2)
        } else if bare.start >= 2 && times(bare.start - 1) && number(bare.start - 2) {
            (bare.start - 2, bare.end)
        } else {
            return false;
        };
        let named = |first: usize| {
            self.sentence.mentions.iter().any(|mention| (mention.end..=mention.end + 1).contains(&first))
        };
        is_length(word(end)) && named(first)
    }

    /// «خمس كيابل بـ», of a «كيبل» that was named: a plural that has the consonants of its noun.
    pub(super) fn is_number_of_named(&self, bare: &Bare) -> bool {
        let noun = self.sentence.tokens.word(bare.end);
        let root: String = consonants(noun).collect();
        // «بـ ١٨٩ وعطر»: what «و» begins is counted by nothing before it.
        if !noun.starts_with(is_arabic)
            || noun.starts_with('و')
            || root.chars().count() < ROOT_MIN
            || !self.sentence.notes.is_unknown(bare.end)
        {
            return false;
        }
        let catalogue = &self.policy.catalogue;
        let products = self.named_products();
        let names =
            products.iter().filter_map(|id| catalogue.product(*id)).flat_map(|product| &product.names);
        names.filter_map(|name| Some(folded(name.split(' ').next()?))).any(|head| {
            let head = head.strip_prefix("ال").unwrap_or(&head);
            consonants(head).eq(root.chars())
        })
    }
}

/// The letters of an Arabic word that its plural keeps.
fn consonants(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|letter| !matches!(letter, 'ا' | 'و' | 'ي' | 'ه'))
}
