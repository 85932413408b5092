//! Goods that an answer names and the facts do not have: «اللابتوب بـ ٣٨٠ دينار», "the wireless mouse costs 6.200".

use std::ops::Range;

use super::Judge;
use crate::{
    inflect::is_form_of,
    lexicon::{Class, Classes},
    product::{Form, Mention},
    text::{Kind, folded, is_arabic},
};

/// Words of the longest name of goods that are no facts.
const NAME_MAX: usize = 6;

impl Judge<'_> {
    /// Whether goods without facts are what the amount is the price of: their noun is in no list and in no name of a product.
    ///
    /// What the answer named before is what an unknown word goes on about: «العباية متوفرة. الأسود بـ ٨٩».
    pub(super) fn is_of_foreign_goods(&self, of: &Range<usize>) -> bool {
        let named = || self.sentence.mentions.iter().any(|mention| mention.start < of.end);
        if !self.context.items.is_empty() || named() {
            return false;
        }
        let end = self.end_of_subject(of);
        let start = (0..end).rev().find(|index| self.sentence.is_comma(*index)).map_or(0, |comma| comma + 1);
        if self.sentence.tokens.word(start).is_ascii() {
            self.is_english_name(start.max(end.saturating_sub(NAME_MAX))..end)
        } else {
            self.is_arabic_name(start..end, end < of.start || self.sentence.notes.at(of.start).clitics.by)
        }
    }

    /// Where what is priced ends: before «بـ», «سعره», "costs" and the like.
    fn end_of_subject(&self, of: &Range<usize>) -> usize {
        let joint = |index: &usize| is_joint(self.sentence.tokens.word(*index));
        (0..of.start).rev().take_while(joint).last().unwrap_or(of.start)
    }

    /// «سعر ماكينة الإسبريسو», «عندنا شنطة جلد», «اللابتوب الجيمنق».
    fn is_arabic_name(&self, clause: Range<usize>, joined: bool) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let opens = |index: usize| {
            let word = word(index);
            let word = word.strip_prefix('و').unwrap_or(word);
            matches!(word, "سعر" | "ثمن" | "بسعر" | "تكلفه" | "قيمه")
                || joined && matches!(word, "عندنا" | "لدينا" | "عندي" | "متوفر" | "متوفره" | "نبيع")
        };
        let opening = clause.clone().rev().find(|index| opens(*index));
        let start = opening.map_or(clause.start, |index| index + 1);
        let skipped =
            |index: &usize| self.sentence.notes.is(*index, Class::Piece) || is_address(word(*index));
        let start = (start..clause.end).find(|index| !skipped(index)).unwrap_or(clause.end);
        let name = start..clause.end;
        let definite = word(start).strip_prefix("ال").is_some_and(|stem| stem.chars().count() > 2);
        (opening.is_some() || joined && (definite || name.len() > 1))
            && self.is_noun(start)
            && name.len() <= NAME_MAX
            && name.into_iter().all(|index| self.is_of_name(index))
    }

    /// "The wireless mouse costs", "our matching shade is", "Leather belts are".
    fn is_english_name(&self, near: Range<usize>) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let article = |index: &usize| matches!(word(*index), "the" | "our" | "a" | "an");
        let named = near.clone().rev().find(article).map(|article| article + 1);
        // Without an article it is all that is before the verb.
        let bare = || {
            let verb = matches!(
                word(near.end),
                "is" | "are" | "cost" | "costs" | "start" | "starts" | "sell" | "retail" | ":" | "="
            );
            let opens = near.start == 0 || self.sentence.is_comma(near.start - 1);
            (verb && opens && !is_address(word(near.start))).then_some(near.start)
        };
        let Some(first) = named.or_else(bare) else { return false };
        let head = near.end.checked_sub(1).filter(|head| *head >= first);
        let joined = !matches!(word(near.end), "in" | "(" | "from");
        joined
            && head.is_some_and(|head| self.is_noun(head))
            && (first..near.end).all(|index| self.is_of_name(index) || word(index) == "of")
    }

    /// A word that no list has, and that stands for no size or kind of what was spoken of.
    fn is_noun(&self, index: usize) -> bool {
        let word = self.sentence.tokens.word(index);
        self.sentence.tokens.all.get(index).is_some_and(|token| token.kind == Kind::Word)
            && self.sentence.notes.is_unknown(index)
            && !is_pronoun(word)
            && !(word.is_ascii() && word.ends_with("est"))
    }

    /// Whether a word may go on a name.
    fn is_of_name(&self, index: usize) -> bool {
        let note = self.sentence.notes.at(index);
        let number = self.sentence.tokens.all[index].kind == Kind::Number && !self.sentence.in_value(index);
        let plain = note.sense.classes == Classes::default()
            || note.sense.any(&[Class::Material, Class::Piece, Class::Charge]);
        (number || plain) && !is_pronoun(self.sentence.tokens.word(index))
    }

    /// «عطر العنبر» where there is a «عطر عود», "corn oil" beside olive oil: a noun of products with what none of them is.
    pub(super) fn is_of_foreign_kind(&self, mention: &Mention) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        if mention.form != Form::Plain || mention.end != mention.start + 1 {
            return false;
        }
        let arabic = word(mention.start).starts_with(is_arabic);
        let kind = if arabic { Some(mention.end) } else { mention.start.checked_sub(1) };
        let Some(kind) = kind.filter(|kind| !self.is_named_by(mention, *kind)) else { return false };
        let taken = self.sentence.mentions.iter().any(|other| (other.start..other.end).contains(&kind));
        !taken && (is_fabric(word(kind)) || self.is_noun(kind) && self.is_kind(mention, kind, arabic))
    }

    /// Whether the word beside the noun tells a kind of it: a complement in Arabic, a name in English.
    fn is_kind(&self, mention: &Mention, kind: usize, arabic: bool) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        if arabic {
            let open = !["ال", "وال", "بال", "لل"].iter().any(|the| word(mention.start).starts_with(the));
            let long = word(kind).strip_prefix("ال").unwrap_or(word(kind)).chars().count() > 2;
            return open && long && !is_address(word(kind)) && !is_quality(word(kind));
        }
        let token = &self.sentence.tokens.all[kind];
        let capital = self.sentence.text.as_bytes()[token.start].is_ascii_uppercase();
        capital && !is_address(word(kind)) && !is_quality(word(kind))
    }

    /// Whether a product is called by the one word alone, or has the word beside it in a name.
    fn is_named_by(&self, mention: &Mention, kind: usize) -> bool {
        let word = |index: usize| self.sentence.tokens.word(index);
        let products = mention.products.iter().filter_map(|id| self.policy.catalogue.product(*id));
        products.flat_map(|product| &product.names).any(|name| {
            let name = folded(name);
            name == word(mention.start) || name.split(' ').any(|part| is_form_of(word(kind), part))
        })
    }
}

/// What stands between goods and their price.
fn is_joint(word: &str) -> bool {
    matches!(
        word,
        "ب" | ":"
            | "بسعر"
            | "سعره"
            | "سعرها"
            | "بقيمه"
            | "هو"
            | "هي"
            | "عندنا"
            | "لدينا"
            | "حاليا"
            | "اليوم"
            | "الحين"
            | "is"
            | "are"
            | "costs"
            | "cost"
            | "start"
            | "sell"
            | "retail"
            | "would"
            | "be"
            | "around"
            | "about"
            | "goes"
            | "sells"
            | "retails"
            | "starts"
            | "comes"
            | "priced"
            | "at"
            | "for"
            | "from"
            | "in"
            | "just"
            | "only"
            | "now"
            | "="
            | "("
    )
}

/// Words that stand for what was spoken of, and how one is addressed.
fn is_pronoun(word: &str) -> bool {
    matches!(
        word,
        "one"
            | "size"
            | "colour"
            | "color"
            | "version"
            | "option"
            | "kit"
            | "thing"
            | "same"
            | "amount"
            | "difference"
            | "rest"
            | "هذا"
            | "هذي"
            | "هذه"
            | "ذا"
            | "ذي"
            | "هاي"
            | "هاذا"
            | "هالقطعه"
            | "كل"
            | "يا"
            | "مقاس"
            | "المقاس"
            | "اللون"
            | "الحجم"
            | "حجم"
            | "النوع"
            | "نوع"
            | "الصغير"
            | "الكبير"
            | "الوسط"
            | "الصغيره"
            | "الكبيره"
            | "الاسود"
            | "الابيض"
            | "الاحمر"
            | "الواحد"
            | "الاثنين"
            | "الحين"
            | "اليوم"
    )
}

/// What goods are made of.
fn is_fabric(word: &str) -> bool {
    let word = word.strip_prefix("ال").unwrap_or(word);
    matches!(
        word,
        "wool"
            | "leather"
            | "silk"
            | "linen"
            | "cashmere"
            | "velvet"
            | "suede"
            | "صوف"
            | "جلد"
            | "حرير"
            | "كتان"
            | "كشمير"
            | "مخمل"
            | "شامواه"
    )
}

/// What may be said of any goods, and tells no kind.
fn is_quality(word: &str) -> bool {
    matches!(
        word,
        "new"
            | "fresh"
            | "premium"
            | "fine"
            | "best"
            | "lovely"
            | "beautiful"
            | "these"
            | "those"
            | "this"
            | "that"
            | "both"
            | "my"
            | "جديد"
            | "جديده"
            | "فخم"
            | "فخمه"
            | "طازج"
            | "طازه"
            | "ممتاز"
            | "ممتازه"
            | "كبير"
            | "كبيره"
            | "صغير"
            | "صغيره"
            | "مميز"
            | "مميزه"
            | "حلو"
            | "حلوه"
            | "عادي"
            | "راقي"
            | "راقيه"
            | "اسود"
            | "سوداء"
            | "ابيض"
            | "بيضاء"
            | "بني"
            | "احمر"
            | "ازرق"
            | "اخضر"
    )
}

/// How a customer is spoken to, and words that open an answer.
fn is_address(word: &str) -> bool {
    matches!(
        word,
        "yes"
            | "no"
            | "sure"
            | "hi"
            | "hello"
            | "hey"
            | "okay"
            | "ok"
            | "great"
            | "well"
            | "so"
            | "dear"
            | "actually"
            | "that"
            | "this"
            | "these"
            | "those"
            | "it"
            | "they"
            | "which"
            | "everything"
            | "here"
            | "there"
            | "حبيبتي"
            | "حبيبي"
            | "غالي"
            | "الغالي"
            | "الغاليه"
            | "اخوي"
            | "اختي"
            | "عزيزي"
            | "عزيزتي"
            | "عيوني"
            | "طال"
            | "عمرك"
            | "ابشر"
            | "ابشري"
            | "تفضل"
            | "تفضلي"
            | "هلا"
            | "اهلا"
            | "مرحبا"
            | "حياك"
            | "موجود"
            | "موجوده"
            | "طبعا"
            | "اكيد"
            | "نعم"
            | "ايوه"
            | "والله"
    )
}
