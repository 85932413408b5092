//! Products that share a noun, and what tells them apart.

use std::ops::Range;

use super::{Catalogue, Form, Mention};
use crate::{
    filter::Beginning,
    inflect::{forms, is_form_of},
    text::{Kind, Tokens, is_arabic},
};

/// Nouns that are looked through for products of one kind.
const HEADS_MAX: usize = 1_000;
/// Words beside a noun that may tell which of its products is meant.
const BESIDE: usize = 2;

/// Tokens from «الأول» to its number.
const ORDINAL_REACH: usize = 3;

/// «الأول بـ ٣٨٥ والثاني بـ ١٥٢٥»: the goods that were named first and second.
pub(super) fn add_ordinals(tokens: &Tokens, found: &mut Vec<Mention>) {
    let [_, second, ..] = &found[..] else { return };
    let named = found.len();
    for at in second.end..tokens.all.len() {
        let word = tokens.word(at);
        let and = word.starts_with('و');
        let definite = at > 0 && tokens.word(at - 1) == "the";
        let place = match word.strip_prefix('و').unwrap_or(word) {
            "الاول" | "الاولي" | "اولي" | "former" => 0,
            "الثاني" | "الثانيه" | "دومي" => 1,
            "الثالث" | "الثالثه" | "سومي" => 2,
            "first" if definite => 0,
            "second" if definite => 1,
            "latter" => named - 1,
            _ => continue,
        };
        let near = (at + 1..=at + ORDINAL_REACH).take_while(|index| tokens.word(*index) != ",");
        let counted = near.into_iter().any(|index| {
            tokens.all.get(index).is_some_and(|token| token.kind == Kind::Number)
                || super::sense(tokens.word(index)).is_some_and(|sense| sense.number.is_some())
        });
        let Some(meant) = found.get(place).filter(|mention| counted && place < named && mention.end <= at)
        else {
            continue;
        };
        let products = meant.products.clone();
        found.push(Mention { start: at, end: at + 1, products, form: Form::Place, and, to: false });
    }
    found.sort_by_key(|mention| mention.start);
}

/// Whether a word may have an article, or begins with a capital.
fn is_definite(text: &str, tokens: &Tokens, at: usize) -> bool {
    let word = tokens.word(at).as_bytes();
    let capital = || text.as_bytes()[tokens.all[at].start].is_ascii_uppercase();
    if word[0].is_ascii() { capital() } else { word.windows(2).take(8).any(|pair| pair == "ل".as_bytes()) }
}

/// Whether what tells a product from others stands for it: «الكمبودي بـ ٣٢٠», "Layali is 189"; not «التوصيل السريع»,
/// "to Saudi" or "fast delivery".
fn is_named_alone(text: &str, tokens: &Tokens, at: usize, definite: bool) -> bool {
    let word = |index: usize| tokens.word(index);
    let before = at.checked_sub(1).map_or("", word);
    if word(at).starts_with(is_arabic) {
        let adjective = ["ال", "وال", "بال", "لل"].iter().any(|article| before.starts_with(article));
        let place = matches!(before, "في" | "داخل" | "الي" | "من" | "كل" | "لكل" | "خارج" | "عن" | "غير");
        let priced = word(at + 1) == "ب"
            || matches!(word(at + 1), "سعره" | "سعرها" | "صار" | "صارت" | "كان" | "كانت" | "نزل" | "نزلت");
        let counted = tokens.all.get(at + 1).is_some_and(|token| token.kind == Kind::Number);
        let next = word(at + 1)
            .strip_prefix('ب')
            .is_some_and(|rest| super::sense(rest).is_some_and(|sense| sense.number.is_some()));
        return definite && !adjective && !place && (priced || counted || next);
    }
    let capital = text.as_bytes()[tokens.all[at].start].is_ascii_uppercase();
    let place = matches!(before, "to" | "in" | "across" | "from" | "within" | "for" | "of" | "all");
    let verb = matches!(
        word(at + 1),
        "is" | "are"
            | "costs"
            | "cost"
            | "comes"
            | "at"
            | "was"
            | "now"
            | "goes"
            | "drops"
            | ":"
            | "("
            | "|"
            | "="
            | "+"
    );
    capital && !place && verb
}

impl Catalogue {
    /// «كيكة الشوكولاتة بـ ١٢٠ والفانيلا بـ ١١٠»: the second is told by what differs; so is "Layali is 189" of a perfume.
    pub(super) fn add_siblings(&self, text: &str, tokens: &Tokens, found: &mut Vec<Mention>) {
        if self.details.is_empty() {
            return;
        }
        let first = found.first().map(|mention| mention.products.clone()).unwrap_or_default();
        let named = found.len();
        for at in 0..tokens.all.len() {
            // An article or a capital is seen before any form is tried.
            if tokens.all[at].kind != Kind::Word || !is_definite(text, tokens, at) {
                continue;
            }
            let covered = found[..named].iter().any(|mention| (mention.start..mention.end).contains(&at));
            if covered {
                continue;
            }
            let may_begin = |stem: &str| self.filter.may_begin(Beginning::of(stem));
            forms(tokens.word(at), may_begin, |form, dual, clitics| {
                let told =
                    self.filter.may_have(form).then(|| self.details.get(form).copied().flatten()).flatten();
                let alone = || is_named_alone(text, tokens, at, clitics.the);
                let meant = |product: &u32| alone() || clitics.the && self.are_siblings(&first, *product);
                let Some(product) = told.filter(meant) else { return false };
                found.push(Mention {
                    start: at,
                    end: at + 1,
                    products: vec![product],
                    form: Form::of(dual),
                    and: clitics.and,
                    to: clitics.to,
                });
                true
            });
        }
        found.sort_by_key(|mention| mention.start);
    }

    /// Whether a noun stands for one of the products and for the other.
    fn are_siblings(&self, some: &[u32], other: u32) -> bool {
        let heads = self.heads.values().take(HEADS_MAX);
        !some.contains(&other)
            && heads
                .into_iter()
                .any(|meant| meant.contains(&other) && some.iter().any(|product| meant.contains(product)))
    }

    /// Of the products that a noun stands for, those that the words beside it are about, and where all of that is:
    /// «عطر العود» of all perfumes, "musk perfumes".
    pub(super) fn narrow(&self, products: &[u32], tokens: &Tokens, at: usize) -> (Vec<u32>, Range<usize>) {
        let arabic = tokens.word(at).starts_with(is_arabic);
        if arabic && products.len() < 2 {
            return (products.to_vec(), at..at + 1);
        }
        let beside = if arabic { at + 1..at + 1 + BESIDE } else { at.saturating_sub(BESIDE)..at };
        let is_of = |product: u32, index: usize| {
            let mut names = self.names.iter().filter(|name| name.product == product);
            names.any(|name| name.words.iter().any(|word| is_form_of(tokens.word(index), word)))
        };
        let named = |product: &u32| beside.clone().filter(|index| is_of(*product, *index)).count();
        let most = products.iter().map(named).max().unwrap_or(0);
        let narrowed: Vec<u32> = products.iter().filter(|product| named(product) == most).copied().collect();
        if arabic {
            return (narrowed, at..at + 1 + most);
        }
        let first = narrowed.first().copied().unwrap_or(u32::MAX);
        let before = beside.rev().take_while(|index| is_of(first, *index)).count();
        (narrowed, at - before..at + 1)
    }
}
