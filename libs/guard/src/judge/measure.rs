//! Prices of a measure of what is sold in packs: "12.40 per 100 g", «الكيلو بـ ٢٣ ريال».

use std::ops::Range;

use smallvec::SmallVec;

use super::Judge;
use crate::{
    Verdict,
    amount::Amount,
    lexicon::Class,
    report::{Field, Judgement, Truth},
    size::{Dimension, measured},
    text::Tokens,
    topic::{Anchor, Topic},
};

/// Tokens between a measure and its price: «الكيلو يطلع بـ».
const JOINTS_MAX: usize = 3;
/// Most measures that a sentence and names are looked through for.
const MEASURES_MAX: usize = 8;

/// Grams or millilitres between one size of a pack and the next, and how many sizes there are.
const PACK_STEP: i64 = 5;
const PACKS_MAX: i64 = 1000;

/// So much of something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    dimension: Dimension,
    amount: Amount,
    /// Whether it is one of many such measures, and not the pack: "per kilo".
    per: bool,
    /// The token that it begins with.
    at: usize,
}

impl Judge<'_> {
    /// Judges the price of a measure by price and contents of its product; none if the amount is no such price.
    pub(super) fn judge_measured(
        &self,
        anchor: Option<&Anchor>,
        amount: Amount,
        of: &Range<usize>,
    ) -> Option<Judgement> {
        let measure = self.measure_behind(of).or_else(|| self.measure_before(of))?;
        let mut products = match anchor.map(|anchor| anchor.topic) {
            Some(Topic::Product(mention)) => self.sentence.mentions[mention].products.clone(),
            Some(_) => return None,
            None => self.named_products(),
        };
        products.dedup();
        products.truncate(MEASURES_MAX);
        let pass = || Judgement::new(Field::Price, Verdict::Pass, of.clone());
        let rounding = self.rounding(amount, of);
        let stated = self.stated_measures(measure.at);
        let (mut known, mut odd, mut truths) = (false, true, SmallVec::<[Amount; 4]>::new());
        for product in products.iter().filter_map(|id| self.policy.catalogue.product(*id)) {
            let named = contents(&product.names);
            known |= named.iter().any(|contents| contents.dimension == measure.dimension);
            odd &= product.price.is_some_and(|price| !measure.has_pack(price, amount, rounding));
            for price in product.price.into_iter().chain(product.compare_at) {
                let one = named.is_empty() || measure.dimension == Dimension::Pieces;
                if measure.per && price.is(amount) && one {
                    return Some(pass());
                }
                let of_pack = |contents: &Measure| measure.price(price, contents);
                let same = |derived: Amount| derived.is(amount) || derived.is_within(amount, rounding);
                if named.iter().chain(&stated).filter_map(of_pack).any(same) {
                    return Some(pass());
                }
            }
            truths.extend(product.price.and_then(|price| measure.price(price, named.first()?)));
        }
        let truth = || if let [only] = truths[..] { Some(Truth::Money(only)) } else { None };
        // Of pieces it may be the price of one or of the pack.
        (measure.per && measure.dimension != Dimension::Pieces).then(|| {
            // «البن الكيلو بـ ١٢»: contents that no name tells are a round number of something.
            let wrong = known || odd && measure.at < of.start && !products.is_empty();
            let verdict = if wrong { Verdict::Violate } else { Verdict::Unsure };
            Judgement::new(Field::Price, verdict, of.clone()).truly(truth)
        })
    }

    /// "12.40 per 100 g", "26 a kilo", «٢٣ دينار للكيلو».
    pub(super) fn measure_behind(&self, of: &Range<usize>) -> Option<Measure> {
        let tokens = self.sentence.tokens;
        let word = tokens.word(of.end);
        let joined = matches!(word, "per" | "/" | "a" | "an" | "every" | "each" | "لكل" | "كل" | "لل" | "ل");
        if joined {
            return self.measure_at(of.end + 1).map(|measure| Measure { per: true, ..measure });
        }
        let (dimension, amount) = measured(word.strip_prefix("لل").or_else(|| word.strip_prefix("ال"))?)?;
        Some(Measure { dimension, amount, per: true, at: of.end })
    }

    /// «الكيلو بـ ٢٣», "100 g for 12.40".
    fn measure_before(&self, of: &Range<usize>) -> Option<Measure> {
        let tokens = self.sentence.tokens;
        let unit = (of.start.saturating_sub(JOINTS_MAX + 1)..of.start)
            .rev()
            .find(|index| !is_joint(tokens.word(*index)))?;
        let word = tokens.word(unit);
        let definite = word.strip_prefix("ال").filter(|rest| measured(rest).is_some());
        let (dimension, one) = measured(definite.unwrap_or(word))?;
        let number = unit.checked_sub(1).and_then(|index| self.count_at(index));
        let count = number.unwrap_or(Amount::ONE);
        let first = unit - usize::from(number.is_some());
        let article = first.checked_sub(1).map_or("", |index| tokens.word(index));
        let per =
            definite.is_some() || matches!(article, "per" | "a" | "the" | "each" | "every" | "لكل" | "كل");
        Some(Measure { dimension, amount: one.times(count), per, at: first })
    }

    /// A number or a part: «نص كيلو», "half a kilo" but for its article.
    fn count_at(&self, index: usize) -> Option<Amount> {
        let hundredths = match &self.sentence.notes.at(index).sense {
            sense if sense.is(Class::Half) => Some(50),
            sense if sense.is(Class::Quarter) => Some(25),
            _ => None,
        };
        let part = hundredths.map(|share| Amount::whole(share).percent(Amount::ONE));
        part.or_else(|| Some(self.sentence.tokens.all[index].value?.0))
    }

    /// A measure that begins at a token: `100 g`, `kilo`, "square metre".
    fn measure_at(&self, at: usize) -> Option<Measure> {
        measure_of(self.sentence.tokens, at)
    }

    /// «كل ١٠٠ جرام من عسل السدر بـ ريال وربع»: a measure of the sentence, and what so much costs.
    pub(super) fn is_price_of_stated_measure(&self, amount: Amount, of: &Range<usize>) -> bool {
        let rounding = self.rounding(amount, of);
        let measures = self.stated_measures(of.start);
        let products = self.named_products();
        let products = products.iter().filter_map(|id| self.policy.catalogue.product(*id)).take(MEASURES_MAX);
        let mut packs = products.filter_map(|product| Some((product.price?, contents(&product.names))));
        !measures.is_empty()
            && packs.any(|(price, contents)| {
                let mut prices = measures
                    .iter()
                    .flat_map(|measure| contents.iter().filter_map(|pack| measure.price(price, pack)));
                prices.any(|derived| derived.is(amount) || derived.is_within(amount, rounding))
            })
    }

    /// Measures of the sentence but the one that begins at `own`: "comes in 250 g at 6.500, that is 26 a kilo".
    fn stated_measures(&self, own: usize) -> SmallVec<[Measure; 4]> {
        let bare = self.sentence.bare.iter().filter(|bare| bare.start != own);
        let counted = bare.filter_map(|bare| self.measure_at(bare.start));
        // «نص كيلو»
        let parts = (0..self.sentence.notes.len())
            .filter(|index| self.sentence.notes.any(*index..index + 1, &[Class::Half, Class::Quarter]));
        let of_parts = parts.filter_map(|index| {
            let article = usize::from(self.sentence.tokens.word(index + 1) == "a");
            let whole = self.measure_at(index + 1 + article)?;
            Some(Measure { amount: whole.amount.times(self.count_at(index)?), at: index, ..whole })
        });
        counted.chain(of_parts).take(MEASURES_MAX).collect()
    }

    /// Half of the last place that the amount is written with: 0.05 of 12.4; nothing if fils are named apart.
    fn rounding(&self, amount: Amount, of: &Range<usize>) -> Amount {
        let mut words = of.clone().filter(|index| self.sentence.tokens.all[*index].value.is_some());
        let written = words.next().map_or("", |index| self.sentence.tokens.word(index));
        let places = written.rsplit_once('.').map_or(0, |(_, fraction)| fraction.len());
        let place = (0..places).try_fold(Amount::ONE, |place, _| place.over(Amount::whole(10)));
        let half = place.and_then(|place| place.over(Amount::whole(2)));
        let exact = written.is_empty() && amount.integer().is_none();
        half.filter(|_| words.next().is_none() && !exact).unwrap_or_default()
    }

    /// Whether a number without a currency is the price of a measure: "i.e. 1.480 per gram".
    pub(super) fn is_price_of_measure(&self, of: &Range<usize>) -> bool {
        let priced = !self.sentence.mentions.is_empty() || self.sentence.before(of, 2, &[Class::Price]);
        priced && self.measure_behind(of).is_some()
    }
}

impl Measure {
    /// Whether a pack of some round number of grams or millilitres that costs `price` makes `amount` of the measure.
    fn has_pack(&self, price: Amount, amount: Amount, rounding: Amount) -> bool {
        let grams = matches!(self.dimension, Dimension::Mass | Dimension::Volume);
        let pack = |size: i64| Self {
            dimension: self.dimension,
            amount: Amount::whole(size),
            per: false,
            at: self.at,
        };
        let derived = |size: i64| self.price(price, &pack(size));
        let same = |derived: Amount| derived.is(amount) || derived.is_within(amount, rounding);
        !grams || (1..=PACKS_MAX).map(|step| step * PACK_STEP).filter_map(derived).any(same)
    }

    /// What it costs where `contents` cost `price`.
    fn price(&self, price: Amount, contents: &Self) -> Option<Amount> {
        let comparable = self.dimension == contents.dimension && self.dimension != Dimension::Other;
        comparable.then(|| price.times(self.amount).over(contents.amount)).flatten()
    }
}

/// The measures that names say of their product.
fn contents(names: &[String]) -> SmallVec<[Measure; 4]> {
    let mut tokens = Tokens::default();
    let mut found = SmallVec::new();
    for name in names {
        tokens.refill(name);
        let numbers = (0..tokens.all.len()).filter(|index| tokens.all[*index].value.is_some());
        found.extend(numbers.filter_map(|at| measure_of(&tokens, at)).take(MEASURES_MAX));
    }
    found
}

fn measure_of(tokens: &Tokens, at: usize) -> Option<Measure> {
    let number = tokens.all.get(at)?.value;
    let unit = at + usize::from(number.is_some());
    let unit = unit + usize::from(tokens.word(unit) == "-");
    let (dimension, one) = measured(tokens.word(unit))?;
    let amount = one.times(number.map_or(Amount::ONE, |(number, _)| number));
    Some(Measure { dimension, amount, per: false, at })
}

/// What stands between a measure and its price.
fn is_joint(word: &str) -> bool {
    matches!(
        word,
        "ب" | ":"
            | "="
            | "is"
            | "at"
            | "for"
            | "costs"
            | "comes"
            | "to"
            | "بسعر"
            | "سعره"
            | "سعرها"
            | "يطلع"
            | "تطلع"
            | "يصير"
            | "تصير"
            | "يعني"
            | "هو"
    )
}
