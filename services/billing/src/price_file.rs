//! The checked-in price file that a new store starts from: dollars a million tokens, parsed without floats.

use kaleem_domain::{
    Pico, ServiceTier, Timestamp,
    price::{Book, Component, PriceVersion, Rate},
};
use serde::Deserialize;

use crate::prices::rates;

/// The price book of a new store.
pub const DEFAULT: &str = include_str!("../prices/default.toml");

/// Why a price file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not TOML, or not of this shape.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// An instant is malformed.
    #[error("{version}: effective is not an RFC 3339 instant")]
    Effective {
        /// Price version.
        version: String,
    },
    /// An amount is no decimal number of at most six decimals, or too large.
    #[error("{version}: {amount:?} is not dollars with at most six decimals")]
    Amount {
        /// Price version.
        version: String,
        /// The text.
        amount: String,
    },
    /// The discount of batches is none, or makes a price that is no whole number.
    #[error("{0}: batch_percent must be 0 to 100, and give each price in whole pico-dollars a token")]
    Percent(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    #[serde(rename = "price_version")]
    id: String,
    target: String,
    model: String,
    effective: String,
    source: String,
    verified: bool,
    cost: Prices,
    sell: Option<Prices>,
}

/// Dollars a million tokens, and a call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    input: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    image_input: Option<String>,
    audio_input: Option<String>,
    output: String,
    /// Dollars a call.
    request: Option<String>,
    /// What tokens cost in the batch tier, in per cent; what is read from a cache or written to it costs as ever.
    batch_percent: Option<i64>,
}

impl Prices {
    /// The prices of a million tokens, and whether batches have theirs at a discount.
    fn of_tokens(&self) -> impl Iterator<Item = (Component, &String, bool)> {
        let named = [
            (Component::InputFresh, Some(&self.input), true),
            (Component::InputCacheRead, self.cached_input.as_ref(), false),
            (Component::InputCacheWrite, self.cache_write.as_ref(), false),
            (Component::InputCacheWrite1h, self.cache_write_1h.as_ref(), false),
            (Component::InputImage, self.image_input.as_ref(), true),
            (Component::InputAudio, self.audio_input.as_ref(), true),
            (Component::OutputText, Some(&self.output), true),
        ];
        named.into_iter().filter_map(|(component, amount, discounts)| Some((component, amount?, discounts)))
    }
}

/// Reads a price file.
pub fn parse(text: &str) -> Result<Vec<PriceVersion>, Error> {
    toml::from_str::<File>(text)?.version.into_iter().map(price_version).collect()
}

fn price_version(version: Version) -> Result<PriceVersion, Error> {
    let instant: jiff::Timestamp =
        version.effective.parse().map_err(|_| Error::Effective { version: version.id.clone() })?;
    let mut rates = Vec::new();
    let sell = version.sell.as_ref().map(|sell| (Book::Sell, sell));
    for (book, prices) in std::iter::once((Book::Cost, &version.cost)).chain(sell) {
        book_rates(book, prices, &version.id, &mut rates)?;
    }
    rates::complete(&mut rates);
    Ok(PriceVersion {
        price_version: version.id,
        target: version.target,
        model: version.model,
        effective_time: Timestamp::from_millis(instant.as_millisecond()),
        source: version.source,
        verified: version.verified,
        rates,
    })
}

/// Adds what `prices` names of `book`.
fn book_rates(book: Book, prices: &Prices, version: &str, rates: &mut Vec<Rate>) -> Result<(), Error> {
    let wrong = |amount: &String| Error::Amount { version: version.to_owned(), amount: amount.clone() };
    let mut add = |component, pico_usd_per_unit, service_tier| {
        rates.push(Rate { book, component, pico_usd_per_unit, min_input_token_count: 0, service_tier });
    };
    for (component, amount, discounts) in prices.of_tokens() {
        let pico = pico_per_token(amount).ok_or_else(|| wrong(amount))?;
        add(component, pico, ServiceTier::Standard);
        if let Some(percent) = prices.batch_percent.filter(|_| discounts) {
            let discounted = percent_of(pico, percent).ok_or_else(|| Error::Percent(version.to_owned()))?;
            add(component, discounted, ServiceTier::Batch);
        }
    }
    if let Some(amount) = &prices.request {
        let fee = Pico::parse_dollars(amount, 6).and_then(Pico::to_i64).ok_or_else(|| wrong(amount))?;
        add(Component::Request, fee, ServiceTier::Standard);
    }
    Ok(())
}

/// `percent` of a price, where it is a whole number.
fn percent_of(pico: i64, percent: i64) -> Option<i64> {
    let hundredfold = pico.checked_mul(percent).filter(|_| (0..=100).contains(&percent))?;
    (hundredfold % 100 == 0).then_some(hundredfold / 100)
}

/// Dollars a million tokens as pico-US-dollars a token, which is a whole number for at most six decimals.
fn pico_per_token(text: &str) -> Option<i64> {
    let million = Pico::parse_dollars(text, 6)?;
    i64::try_from(million.get() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use kaleem_domain::{TokenUsage, price::in_force};

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn version_at(target: &str, model: &str, time: &str) -> Option<String> {
        let versions = parse(DEFAULT).unwrap();
        in_force(&versions, target, model, at(time)).map(|version| version.price_version.clone())
    }

    #[test]
    fn amounts_are_exact() {
        let cases = [
            ("0.075", 75_000),
            ("0.30", 300_000),
            ("2.50", 2_500_000),
            ("0", 0),
            ("7", 7_000_000),
            ("0.000001", 1),
        ];
        for (text, pico) in cases {
            assert_eq!(pico_per_token(text), Some(pico), "{text}");
        }
        for bad in ["", ".5", "1.", "-1", "0.0000001", "1e3", "1,5", "٠", "99999999999999999999"] {
            assert_eq!(pico_per_token(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_date_has_its_version() {
        let gemini = |model, time| version_at("provider-gemini", model, time);
        let lite = "gemini-2.5-flash-lite";
        assert_eq!(gemini(lite, "2026-10-06T23:59:59Z").as_deref(), Some("gemini-2.5-flash-lite@2025-10-03"));
        assert_eq!(gemini(lite, "2026-10-07T00:00:00Z").as_deref(), Some("gemini-2.5-flash-lite@2026-10-07"));
        assert_eq!(
            gemini("gemini-3.8-flash", "2027-01-01T07:59:59Z").as_deref(),
            Some("gemini-3.8-flash@2026-10-07")
        );
        assert_eq!(
            gemini("gemini-3.8-flash", "2027-01-01T08:00:00Z").as_deref(),
            Some("gemini-3.8-flash@2027-01-01")
        );
        assert_eq!(gemini("gemini-9", "2027-01-01T08:00:00Z"), None, "an unknown model has no price");
    }

    #[test]
    fn any_local_model_is_sold_and_costs_nothing() {
        let versions = parse(DEFAULT).unwrap();
        let version = in_force(&versions, "provider-local", "anything", at("2026-11-20T00:00:00Z")).unwrap();
        let usage = TokenUsage { input_fresh: 1_000_000, output_text: 1_000_000, ..TokenUsage::default() };
        assert_eq!(version.amount(Book::Cost, &usage).unwrap().get(), 0);
        assert_eq!(version.amount(Book::Sell, &usage).unwrap().to_string(), "$0.08");
        assert!(!version.verified);
    }

    #[test]
    fn golden_costs_of_the_mission() {
        let versions = parse(DEFAULT).unwrap();
        let rows = [(300, 150, 67_500_000), (800, 400, 180_000_000), (2_000, 1_000, 450_000_000)];
        for (input, output, pico) in rows {
            let usage = TokenUsage { input_fresh: input, output_text: output, ..TokenUsage::default() };
            assert_eq!(versions[0].amount(Book::Cost, &usage).unwrap().get(), pico);
            assert_eq!(versions[0].amount(Book::Sell, &usage).unwrap().get(), pico);
        }
    }

    #[test]
    fn cached_input_is_never_free() {
        for version in parse(DEFAULT).unwrap().iter().filter(|version| version.target == "provider-gemini") {
            assert!(
                version.ceiling(Book::Cost, &[Component::InputCacheRead]) > 0,
                "{}",
                version.price_version
            );
        }
    }

    #[test]
    fn a_model_may_price_pictures_sound_caches_calls_and_batches() {
        let parsed = |cost: &str| {
            let head = "[[version]]\nprice_version = \"v\"\ntarget = \"t\"\nmodel = \"m\"\nsource = \"s\"\n";
            parse(&format!(
                "{head}verified = true\neffective = \"2026-01-01T00:00:00Z\"\ncost = {{ {cost} }}\n"
            ))
        };
        let whole = "input = \"0.075\", cached_input = \"0.01\", cache_write = \"0.1\", cache_write_1h = \"0.2\",
                     image_input = \"0.08\", audio_input = \"0.30\", output = \"0.30\", request = \"0.000005\", batch_percent = 50";
        let version = &parsed(&whole.replace('\n', " ")).unwrap()[0];
        let usage = TokenUsage::of_buckets([1, 1, 1, 1, 1, 1, 1, 1, 1]);
        let amount =
            |service_tier| version.amount(Book::Sell, &TokenUsage { service_tier, ..usage }).unwrap().get();
        let (cached, fee) = (10_000 + 100_000 + 200_000, 5_000_000);
        let discounted = 75_000 + 75_000 + 300_000 + 300_000 + 80_000 + 300_000;
        assert_eq!(amount(ServiceTier::Standard), discounted + cached + fee);
        assert_eq!(
            amount(ServiceTier::Batch),
            discounted / 2 + cached + fee,
            "37,500 a token is no whole nano"
        );
        for bad in ["batch_percent = 101", "batch_percent = -1", "batch_percent = 33"] {
            let refused = parsed(&format!("input = \"0.000001\", output = \"1\", {bad}")).unwrap_err();
            assert!(refused.to_string().starts_with("v: batch_percent"), "{refused}");
        }
    }

    #[test]
    fn a_wrong_file_says_where() {
        let file = |amount: &str, effective: &str| {
            let version = "[[version]]\nprice_version = \"v\"\ntarget = \"t\"\nmodel = \"m\"\nsource = \"s\"\nverified = false\n";
            format!(
                "{version}effective = \"{effective}\"\ncost = {{ input = \"{amount}\", output = \"1\" }}\n"
            )
        };
        assert!(parse(&file("1", "2026-01-01T00:00:00Z")).is_ok());
        assert!(parse(&file("x", "2026-01-01T00:00:00Z")).unwrap_err().to_string().contains("\"x\""));
        assert!(parse(&file("1", "soon")).unwrap_err().to_string().contains("v: effective"));
        assert!(parse("[[version]]\nprise = 1").is_err());
    }
}
