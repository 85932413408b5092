//! Prices as data and rating as a pure function: the same usage and price version always give the same amount.

use std::borrow::Borrow;

use serde::{Deserialize, Serialize};

use crate::{Pico, ServiceTier, Timestamp, TokenUsage};

/// What a unit is. The order is part of what is stored: it never changes, and grows at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Fresh input tokens.
    InputFresh,
    /// Cached input tokens.
    InputCacheRead,
    /// Tokens written to a cache, for minutes.
    InputCacheWrite,
    /// Tokens of tool prompts.
    InputTool,
    /// Output tokens.
    OutputText,
    /// Reasoning tokens.
    OutputReasoning,
    /// A call.
    Request,
    /// Fresh input tokens of pictures.
    InputImage,
    /// Fresh input tokens of sound.
    InputAudio,
    /// Tokens written to a cache, for an hour.
    #[serde(rename = "input_cache_write_1h")]
    InputCacheWrite1h,
}

impl Component {
    /// Every component, in the order of lines.
    pub const ALL: [Self; 10] = [
        Self::InputFresh,
        Self::InputCacheRead,
        Self::InputCacheWrite,
        Self::InputTool,
        Self::OutputText,
        Self::OutputReasoning,
        Self::Request,
        Self::InputImage,
        Self::InputAudio,
        Self::InputCacheWrite1h,
    ];

    /// How many units of this component `usage` has.
    pub const fn units(self, usage: &TokenUsage) -> i64 {
        match self {
            Self::InputFresh => usage.input_fresh,
            Self::InputCacheRead => usage.input_cache_read,
            Self::InputCacheWrite => usage.input_cache_write,
            Self::InputTool => usage.input_tool,
            Self::OutputText => usage.output_text,
            Self::OutputReasoning => usage.output_reasoning,
            Self::Request => 1,
            Self::InputImage => usage.input_image,
            Self::InputAudio => usage.input_audio,
            Self::InputCacheWrite1h => usage.input_cache_write_1h,
        }
    }
}

/// Which book a price is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Book {
    /// What providers charge us.
    Cost,
    /// What merchants pay.
    Sell,
}

/// Price of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Book.
    pub book: Book,
    /// Unit.
    pub component: Component,
    /// Pico-US-dollars a unit; $1 per million tokens is 1,000,000. Not negative.
    pub pico_usd_per_unit: i64,
    /// Counts only for calls with at least this much input, for the whole call; the highest tier that is reached wins.
    #[serde(default)]
    pub min_input_token_count: i64,
    /// Counts only for calls that were served in this tier.
    #[serde(default, skip_serializing_if = "is_standard")]
    pub service_tier: ServiceTier,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_standard(tier: &ServiceTier) -> bool {
    *tier == ServiceTier::Standard
}

/// Prices of one model from one instant on; never changes once added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceVersion {
    /// Identity, for example `gemini-2.5-flash-lite@2025-10-03`.
    pub price_version: String,
    /// Provider target.
    pub target: String,
    /// Model that serves; a trailing `*` matches a prefix.
    pub model: String,
    /// In force from.
    pub effective_time: Timestamp,
    /// Where the numbers come from.
    pub source: String,
    /// The numbers were confirmed.
    pub verified: bool,
    /// The numbers. Billing takes no version that leaves a component of tokens without one; the fee of a call without one is nothing.
    pub rates: Vec<Rate>,
}

/// Amount of one component of a rated call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatedLine {
    /// Component.
    pub component: Component,
    /// Units.
    pub units: i64,
    /// Units times price.
    pub amount: Pico,
}

/// The amount does not fit the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rated amount does not fit the ledger")]
pub struct AmountOverflow;

impl PriceVersion {
    /// Price of one unit of `component` in `book` for a call with `input` input tokens that `tier` served: the standard tier's where the
    /// version names none of its own, and zero where it names neither.
    pub fn unit_price(&self, book: Book, component: Component, input: i64, tier: ServiceTier) -> Pico {
        self.rates
            .iter()
            .filter(|rate| {
                rate.book == book
                    && rate.component == component
                    && rate.min_input_token_count <= input
                    && [tier, ServiceTier::Standard].contains(&rate.service_tier)
            })
            .max_by_key(|rate| (rate.service_tier, rate.min_input_token_count))
            .map_or(Pico::ZERO, |rate| Pico::new(i128::from(rate.pico_usd_per_unit)))
    }

    /// The dearest price of one unit among `components`, over all tiers and numbers of input tokens: what a hold must assume.
    pub fn ceiling(&self, book: Book, components: &[Component]) -> i64 {
        self.rates
            .iter()
            .filter(|rate| rate.book == book && components.contains(&rate.component))
            .map(|rate| rate.pico_usd_per_unit)
            .max()
            .unwrap_or(0)
    }

    /// Rates `usage` line by line; components without units or price are left out.
    pub fn lines(&self, book: Book, usage: &TokenUsage) -> Result<Vec<RatedLine>, AmountOverflow> {
        let input = usage.input();
        let mut lines = Vec::new();
        for component in Component::ALL {
            let units = component.units(usage);
            let price = self.unit_price(book, component, input, usage.service_tier);
            if units == 0 || price == Pico::ZERO {
                continue;
            }
            let amount = price.checked_mul(units).ok_or(AmountOverflow)?;
            lines.push(RatedLine { component, units, amount });
        }
        Ok(lines)
    }

    /// Rates `usage`: `Σ units × price`, exact.
    pub fn amount(&self, book: Book, usage: &TokenUsage) -> Result<Pico, AmountOverflow> {
        self.lines(book, usage)?
            .into_iter()
            .try_fold(Pico::ZERO, |sum, line| sum.checked_add(line.amount))
            .ok_or(AmountOverflow)
    }

    /// Whether this version prices `model` at `target`.
    pub fn covers(&self, target: &str, model: &str) -> bool {
        let model_matches = match self.model.strip_suffix('*') {
            Some(prefix) => model.starts_with(prefix),
            None => self.model == model,
        };
        self.target == target && model_matches
    }
}

/// The version in force at `at` for `model` at `target`: an exact model beats a prefix, a longer prefix a shorter, a later
/// version an earlier. `None` means that the price is unknown, which is never zero.
pub fn in_force<'a, V: Borrow<PriceVersion>>(
    versions: &'a [V],
    target: &str,
    model: &str,
    at: Timestamp,
) -> Option<&'a V> {
    let rank = |version: &&V| {
        let version = (*version).borrow();
        (!version.model.ends_with('*'), version.model.len(), version.effective_time)
    };
    let applies = |version: &&V| {
        let version = (*version).borrow();
        version.effective_time <= at && version.covers(target, model)
    };
    versions.iter().filter(applies).max_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(model: &str, from: i64, input: i64, output: i64) -> PriceVersion {
        let rate = |component, pico_usd_per_unit| Rate {
            book: Book::Sell,
            component,
            pico_usd_per_unit,
            min_input_token_count: 0,
            service_tier: ServiceTier::Standard,
        };
        PriceVersion {
            price_version: format!("{model}@{from}"),
            target: "provider-gemini".into(),
            model: model.into(),
            effective_time: Timestamp::from_millis(from),
            source: "test".into(),
            verified: false,
            rates: vec![rate(Component::InputFresh, input), rate(Component::OutputText, output)],
        }
    }

    #[test]
    fn golden_costs_of_the_mission() {
        let price = version("gemini-2.5-flash-lite", 0, 75_000, 300_000);
        for (input, output, pico) in
            [(300, 150, 67_500_000), (800, 400, 180_000_000), (2_000, 1_000, 450_000_000)]
        {
            let usage = TokenUsage { input_fresh: input, output_text: output, ..TokenUsage::default() };
            assert_eq!(price.amount(Book::Sell, &usage), Ok(Pico::new(pico)));
        }
    }

    #[test]
    fn the_highest_tier_reached_prices_the_whole_call() {
        let mut price = version("m", 0, 10, 0);
        price.rates.push(Rate {
            book: Book::Sell,
            component: Component::InputFresh,
            pico_usd_per_unit: 20,
            min_input_token_count: 200_001,
            service_tier: ServiceTier::Standard,
        });
        let cost =
            |input| price.amount(Book::Sell, &TokenUsage { input_fresh: input, ..TokenUsage::default() });
        assert_eq!(cost(200_000), Ok(Pico::new(2_000_000)));
        assert_eq!(cost(200_001), Ok(Pico::new(4_000_020)));
    }

    #[test]
    fn a_batch_costs_its_own_price_where_it_has_one() {
        let mut price = version("m", 0, 75_000, 300_000);
        let halved =
            Rate { pico_usd_per_unit: 37_500, service_tier: ServiceTier::Batch, ..price.rates[0].clone() };
        price.rates.insert(0, halved);
        let usage = TokenUsage { input_fresh: 1, output_text: 1, ..TokenUsage::default() };
        let batch = TokenUsage { service_tier: ServiceTier::Batch, ..usage };
        assert_eq!(price.amount(Book::Sell, &usage), Ok(Pico::new(375_000)));
        assert_eq!(price.amount(Book::Sell, &batch), Ok(Pico::new(337_500)));
        assert_eq!(
            price.ceiling(Book::Sell, &[Component::InputFresh]),
            75_000,
            "a hold waits for no discount"
        );
    }

    #[test]
    fn words_of_the_store_stay() {
        let words = Component::ALL.map(|component| serde_json::to_string(&component).unwrap());
        assert_eq!(words[9], "\"input_cache_write_1h\"");
        let rate = &version("m", 0, 1, 1).rates[0];
        let stored =
            r#"{"book":"sell","component":"input_fresh","pico_usd_per_unit":1,"min_input_token_count":0}"#;
        assert_eq!(serde_json::to_string(rate).unwrap(), stored);
        assert_eq!(&serde_json::from_str::<Rate>(stored).unwrap(), rate);
    }

    #[test]
    fn the_version_in_force_is_exact_then_longest_then_latest() {
        let versions =
            [version("gemini-*", 0, 1, 1), version("gemini-2*", 5, 2, 2), version("gemini-2", 9, 3, 3)];
        let price = |model, at| {
            in_force(&versions, "provider-gemini", model, Timestamp::from_millis(at))
                .map(|v| v.price_version.as_str())
        };
        assert_eq!(price("gemini-2", 10), Some("gemini-2@9"));
        assert_eq!(price("gemini-2", 6), Some("gemini-2*@5"));
        assert_eq!(price("gemini-1", 10), Some("gemini-*@0"));
        assert_eq!(price("llama", 10), None);
    }
}
