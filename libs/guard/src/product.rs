//! The products of a policy, found in an answer by their names.

mod naming;
mod siblings;

use std::collections::HashMap;

use crate::{
    amount::Amount,
    filter::{Beginning, Filter},
    inflect::{forms, is_form_of},
    lexicon::{Class, LEXICON, Sense},
    size::is_measure_of_part,
    text::{Kind, Tokens, folded, is_arabic},
};

/// Most products that one word stands for; a word for more is no name.
const MEANINGS_MAX: usize = 16;

/// One product.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) names: Vec<String>,
    pub(crate) price: Option<Amount>,
    pub(crate) compare_at: Option<Amount>,
}

/// All products with the ways to them.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) products: Vec<Product>,
    /// Words of each name.
    names: Vec<Name>,
    /// Names by their first word.
    first: HashMap<String, Vec<u32>>,
    /// Products by the noun of their names: «العباية» for «عباية سوداء».
    heads: HashMap<String, Vec<u32>>,
    skus: HashMap<String, u32>,
    /// Products by what tells them from others of the same noun: «الفانيلا» of «كيكة الفانيلا»; none if several have it.
    details: HashMap<String, Option<u32>>,
    /// First words of names, nouns, and first parts of SKUs.
    filter: Filter,
    /// Prices ascending, for "is it any price".
    prices: Vec<Amount>,
    /// Prices before a reduction, ascending.
    compares: Vec<Amount>,
}

#[derive(Debug)]
struct Name {
    product: u32,
    words: Vec<String>,
}

/// A product in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Tokens.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The products that it may be.
    pub(crate) products: Vec<u32>,
    pub(crate) form: Form,
    /// «و» is written before it.
    pub(crate) and: bool,
    /// «ل» is written before it.
    pub(crate) to: bool,
}

/// How a product is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    /// Two by its form: «عبايتين».
    Dual,
    /// By the place where it was named before: «الأول», "the latter".
    Place,
}

impl Form {
    fn of(dual: bool) -> Self {
        if dual { Self::Dual } else { Self::Plain }
    }
}

impl Catalogue {
    pub(crate) fn new(products: Vec<Product>) -> Self {
        let mut catalogue = Self::default();
        let mut tokens = Tokens::default();
        let mut parts = Vec::new();
        for (id, product) in (0_u32..).zip(&products) {
            if !product.sku.is_empty() {
                catalogue.skus.insert(folded(&product.sku), id);
                tokens.refill(&product.sku);
                parts.push(tokens.word(0).to_owned());
            }
            for name in &product.names {
                tokens.refill(name);
                let index = tokens.all.iter().enumerate().filter(|(_, token)| token.kind != Kind::Mark);
                let words: Vec<String> =
                    index.map(|(index, _)| bare(tokens.word(index)).to_owned()).collect();
                catalogue.add_name(id, words);
            }
        }
        catalogue.heads.retain(|word, meant| meant.len() <= MEANINGS_MAX && !is_cue(word));
        catalogue.details.retain(|word, product| product.is_some() && !is_cue(word));
        let keys = catalogue
            .first
            .keys()
            .chain(catalogue.heads.keys())
            .chain(catalogue.details.keys())
            .chain(&parts);
        catalogue.filter = Filter::new(keys.map(String::as_str));
        catalogue.prices = sorted(products.iter().filter_map(|product| product.price));
        catalogue.compares = sorted(products.iter().filter_map(|product| product.compare_at));
        catalogue.products = products;
        catalogue
    }

    /// All mentions of products, in order and apart from each other.
    pub(crate) fn mentions(&self, text: &str, tokens: &Tokens, found: &mut Vec<Mention>) {
        found.clear();
        if self.names.is_empty() && self.skus.is_empty() {
            return;
        }
        let mut at = 0;
        while at < tokens.all.len() {
            // `V60` may be an SKU and the beginning of a name.
            let (sku, mut name) = (self.sku_at(tokens, at), self.name_at(tokens, at));
            if let (Some(name), Some(last)) = (&mut name, found.last()) {
                name.start = name.start.max(last.end);
            }
            let end = |mention: &Option<Mention>| mention.as_ref().map_or(0, |mention| mention.end);
            let mention = if end(&name) > end(&sku) { name } else { sku };
            at = mention.as_ref().map_or(at + 1, |mention| mention.end);
            found.extend(mention);
        }
        found.retain(|mention| !is_part(tokens, mention));
        self.add_siblings(text, tokens, found);
        siblings::add_ordinals(tokens, found);
    }

    fn sku_at(&self, tokens: &Tokens, start: usize) -> Option<Mention> {
        if self.skus.is_empty()
            || !self.filter.may_begin(tokens.all[start].beginning)
            || !self.filter.may_have(tokens.word(start))
            || (start > 0 && !tokens.all[start].gap && tokens.all[start - 1].kind != Kind::Mark)
        {
            return None;
        }
        let mut code = String::new();
        let mut end = start;
        while tokens.all.get(end).is_some_and(|token| end == start || !token.gap) && end < start + 8 {
            code.push_str(tokens.word(end));
            end += 1;
            if let Some(product) = self
                .skus
                .get(&code)
                .filter(|_| tokens.all.get(end).is_none_or(|next| next.gap || next.kind == Kind::Mark))
            {
                return Some(Mention {
                    start,
                    end,
                    products: vec![*product],
                    form: Form::Plain,
                    and: false,
                    to: false,
                });
            }
        }
        None
    }

    fn name_at(&self, tokens: &Tokens, at: usize) -> Option<Mention> {
        if tokens.all[at].kind == Kind::Mark {
            return None;
        }
        let mut best: Option<Mention> = None;
        let word = tokens.word(at);
        // Before an Arabic word may be a particle.
        if !word.starts_with(is_arabic) && !self.filter.may_begin(tokens.all[at].beginning) {
            return None;
        }
        let may_begin = |stem: &str| self.filter.may_begin(Beginning::of(stem));
        forms(word, may_begin, |form, dual, clitics| {
            if !self.filter.may_have(form) {
                return false;
            }
            for name in self.first.get(form).into_iter().flatten().map(|name| &self.names[*name as usize]) {
                let Some(end) = match_name(tokens, at, &name.words) else { continue };
                match &mut best {
                    Some(best) if best.end > end => {}
                    Some(best) if best.end == end => {
                        if !best.products.contains(&name.product) && best.products.len() < MEANINGS_MAX {
                            best.products.push(name.product);
                        }
                    }
                    _ => {
                        let products = vec![name.product];
                        best = Some(Mention {
                            start: at,
                            end,
                            products,
                            form: Form::of(dual),
                            and: clitics.and,
                            to: clitics.to,
                        });
                    }
                }
            }
            if best.is_none()
                && let Some(products) = self.heads.get(form)
                // «الساعة» may be a watch, «ساعة» is a span of time.
                && (clitics.the || !is_unit(form))
            {
                let (products, beside) = self.narrow(products, tokens, at);
                let start = beside.start.min(compound_start(tokens, at));
                let end = beside.end;
                best = Some(Mention {
                    start,
                    end,
                    products,
                    form: Form::of(dual),
                    and: clitics.and,
                    to: clitics.to,
                });
            }
            best.as_ref().is_some_and(|best| best.end > at + 1)
        });
        best
    }

    pub(crate) fn product(&self, id: u32) -> Option<&Product> {
        self.products.get(id as usize)
    }

    /// Whether some product costs this.
    pub(crate) fn is_price(&self, amount: Amount) -> bool {
        near(&self.prices, amount)
    }

    /// Whether some product cost this before.
    pub(crate) fn is_compare(&self, amount: Amount) -> bool {
        near(&self.compares, amount)
    }

    pub(crate) fn has_prices(&self) -> bool {
        !self.prices.is_empty()
    }

    /// Whether any product is reduced.
    pub(crate) fn has_compares(&self) -> bool {
        !self.compares.is_empty()
    }

    pub(crate) fn prices(&self) -> &[Amount] {
        &self.prices
    }
}

fn sorted(amounts: impl Iterator<Item = Amount>) -> Vec<Amount> {
    let mut amounts: Vec<Amount> = amounts.collect();
    amounts.sort_unstable();
    amounts.dedup();
    amounts
}

fn near(sorted: &[Amount], amount: Amount) -> bool {
    let from = sorted.partition_point(|price| *price < amount.minus(Amount::TOLERANCE));
    sorted.get(from).is_some_and(|price| price.is(amount))
}

/// Where a word with hyphens begins: `t-shirt`.
fn compound_start(tokens: &Tokens, at: usize) -> usize {
    let joined = at >= 2 && tokens.word(at - 1) == "-" && !tokens.all[at].gap && !tokens.all[at - 1].gap;
    if joined && tokens.all[at - 2].kind == Kind::Word { at - 2 } else { at }
}

/// «وشاشة ٦٫٧ بوصة», of goods that have a screen: an indefinite noun with its size.
fn is_part(tokens: &Tokens, mention: &Mention) -> bool {
    let sized = || {
        tokens.all.get(mention.end).is_some_and(|token| token.value.is_some())
            && is_measure_of_part(tokens.word(mention.end + 1))
    };
    mention.end == mention.start + 1
        && mention.and
        && !tokens.word(mention.start).starts_with("وال")
        && sized()
}

fn is_unit(word: &str) -> bool {
    sense(word).is_some_and(|sense| sense.unit.is_some())
}

fn sense(word: &str) -> Option<&'static Sense> {
    let lexicon = &*LEXICON;
    let (id, _) = lexicon.word(word);
    lexicon.sense(lexicon.step(0, id)?)
}

/// A word that the word lists know cannot name a product alone, but for pieces and chargers.
fn is_cue(word: &str) -> bool {
    let goods = [Class::Piece, Class::Generic, Class::Charge, Class::Material];
    sense(word).is_some_and(|sense| sense.unit.is_none() && !sense.any(&goods))
}

fn match_name(tokens: &Tokens, start: usize, words: &[String]) -> Option<usize> {
    let mut at = start + 1;
    for word in &words[1..] {
        while tokens.all.get(at).is_some_and(|token| {
            token.kind == Kind::Mark && matches!(tokens.word(at), "-" | "\"" | "'" | "_" | "&")
        }) {
            at += 1;
        }
        if at >= tokens.all.len() || !is_form_of(tokens.word(at), word) {
            return None;
        }
        at += 1;
    }
    Some(at)
}

/// Without «ال».
fn bare(word: &str) -> &str {
    word.strip_prefix("ال").filter(|rest| rest.len() >= 4).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let product = |sku: &str, names: &[&str]| Product {
            sku: sku.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            price: Some(Amount::whole(89)),
            compare_at: None,
        };
        Catalogue::new(vec![
            product("AB-01", &["عباية سوداء", "Black Abaya"]),
            product("SC-2", &["طرحة حرير", "Silk Scarf"]),
            product("AB-02", &["عباية مطرزة", "Embroidered Abaya"]),
            product("MG", &["ماگ سرامیکی"]),
        ])
    }

    fn mentions(text: &str) -> Vec<(Vec<u32>, bool)> {
        let mut tokens = Tokens::default();
        tokens.refill(text);
        let mut found = Vec::new();
        catalogue().mentions(text, &tokens, &mut found);
        found.into_iter().map(|mention| (mention.products, mention.form == Form::Dual)).collect()
    }

    #[test]
    fn products_are_found_in_all_their_forms() {
        for (text, expected) in [
            ("العباية السوداء", vec![(vec![0], false)]),
            ("والعباية المطرزة وطرحة الحرير", vec![(vec![2], false), (vec![1], false)]),
            ("عبايتين", vec![(vec![0, 2], true)]),
            ("two black abayas", vec![(vec![0], false)]),
            ("the abaya", vec![(vec![0, 2], false)]),
            ("AB-02 و SC-2", vec![(vec![2], false), (vec![1], false)]),
            ("ماگ‌های سرامیکی", vec![(vec![3], false)]),
            ("عباءة بيضاء black", vec![]),
        ] {
            assert_eq!(mentions(text), expected, "{text}");
        }
    }
}
