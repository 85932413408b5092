//! What a pronoun on a word for a price stands for: «شنطة الجلد مع المصباح وسعرها ١٩٥».

use std::ops::Range;

use super::{Judge, role::CUE_REACH};
use crate::{
    lexicon::Class,
    product::{Form, Mention},
    topic::{Anchor, Topic},
};

/// Gender of a noun or a pronoun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gender {
    Feminine,
    Masculine,
}

impl<'s> Judge<'s> {
    /// Whether a pronoun before the amount may stand for a product: not if it disagrees, or goes along with another, and
    /// the product that is meant was named before.
    pub(super) fn is_meant(&self, mention: usize, of: &Range<usize>) -> bool {
        let mentions = self.sentence.mentions;
        if mentions.len() < 2 {
            return true;
        }
        let Some(price) = self.sentence.find_before(of, CUE_REACH, &[Class::Price]) else { return true };
        let word = self.sentence.tokens.word(price);
        let gender = pronoun(word);
        if gender.is_none() && word != "costs" {
            return true;
        }
        let agrees =
            |other: &Mention| gender.is_none() || self.gender(other).is_none_or(|of| Some(of) == gender);
        let meant = &mentions[mention];
        let mut before = mentions.iter().filter(|other| other.end <= price && *other != meant);
        // Plurals agree with either.
        let any = !mentions.iter().filter(|other| other.end <= price).any(&agrees);
        if !any && !agrees(meant) {
            return false;
        }
        let agrees = |other: &Mention| any || agrees(other);
        let alone = |other: &Mention| other.end <= meant.start && agrees(other) && !self.goes_along(other);
        !(meant.end <= price && self.goes_along(meant) && before.any(alone))
    }

    /// What a pronoun stands for that is too far away for any other value to be about it.
    pub(super) fn antecedent(&self, of: &Range<usize>) -> Option<&'s Anchor> {
        let price = self.sentence.find_before(of, CUE_REACH, &[Class::Price])?;
        pronoun(self.sentence.tokens.word(price))?;
        let mut before = self.anchors.iter().rev().filter(|anchor| anchor.at.end <= price);
        before.find(|anchor| matches!(anchor.topic, Topic::Product(mention) if self.is_meant(mention, of)))
    }

    /// The gender of the noun as it is written; none if it does not tell.
    fn gender(&self, mention: &Mention) -> Option<Gender> {
        let noun = self.sentence.tokens.word(mention.start);
        if mention.form != Form::Plain || noun.is_ascii() {
            return None;
        }
        let feminine = ["ه", "ات", "اء", "ى"].iter().any(|ending| noun.ends_with(ending));
        Some(if feminine { Gender::Feminine } else { Gender::Masculine })
    }

    /// "less than the sheet", «أرخص من الملاية»
    pub(super) fn is_compared_with(&self, mention: usize) -> bool {
        let start = self.sentence.mentions[mention].start;
        let word =
            |before: usize| start.checked_sub(before).map_or("", |index| self.sentence.tokens.word(index));
        word(1) == "than"
            || word(2) == "than"
            || word(1) == "من" && matches!(word(2), "ارخص" | "اغلي" | "اقل" | "اكثر" | "احسن" | "افضل")
    }

    /// «مع المصباح», "with the lamp", «أحلى من المصباح»: beside what is spoken of.
    fn goes_along(&self, mention: &Mention) -> bool {
        let word = |before: usize| {
            mention.start.checked_sub(before).map_or("", |index| self.sentence.tokens.word(index))
        };
        let article = matches!(word(1), "the" | "a" | "an" | "your" | "our");
        matches!(
            word(1 + usize::from(article)),
            "مع" | "ومع"
                | "من"
                | "علي"
                | "مثل"
                | "زي"
                | "تناسب"
                | "يناسب"
                | "with"
                | "than"
                | "like"
                | "matches"
                | "suits"
        )
    }
}

/// The gender of the pronoun on a word for a price: «وسعرها».
fn pronoun(word: &str) -> Option<Gender> {
    let noun = word.strip_prefix(['و', 'ف', 'ب']).unwrap_or(word);
    match noun {
        "سعرها" | "ثمنها" | "قيمتها" | "تكلفتها" => Some(Gender::Feminine),
        "سعره" | "ثمنه" | "قيمته" | "تكلفته" => Some(Gender::Masculine),
        _ => None,
    }
}
