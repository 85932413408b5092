//! The decision: a pure function of features, policy, snapshot, holds and time.

use kaleem_domain::{
    Pico, ServiceTier, Timestamp,
    price::{Book, Component, PriceVersion},
};
use kaleem_proto::router::v1::{QuotaPosture, RouteFeatures, Step};

use crate::{
    Candidate, Error, Policy,
    catalogue::{Offer, Snapshot},
    gate::{Inputs, Passed, Rejection},
    holds::Holds,
};

/// Output that is assumed of a request that names no bound, in estimates only.
const EXPECTED_OUTPUT_TOKENS: i64 = 256;
/// Bytes of the longest name of a model that a failure repeats, and of the longest word in it: a key is longer.
const NAME_BYTES_MAX: usize = 80;
const NAME_WORD_BYTES_MAX: usize = 20;
/// Digits of a name next to each other, and without a letter between: a telephone number with dashes has ten.
const NAME_DIGITS_MAX: usize = 6;
const DIGITS_BETWEEN_LETTERS_MAX: usize = 9;
/// A plan falls over at most this often.
const FAILOVERS_MAX: usize = 2;

/// A plan and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) primary: Step,
    pub(crate) failovers: Vec<Step>,
    pub(crate) reason: String,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) rules: Vec<String>,
}

/// Everything that decides beside the features.
pub(crate) struct Grounds<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) holds: &'a Holds,
    pub(crate) now: Timestamp,
}

/// Makes the plan for `features`.
pub(crate) fn select(features: &RouteFeatures, grounds: &Grounds<'_>) -> Result<Plan, Error> {
    let Choice { mut offers, rung, reason, rules } = choose(features, grounds)?;
    let inputs =
        Inputs { features, prices: &grounds.snapshot.prices, holds: grounds.holds, now: grounds.now };
    let mut rejections = Vec::new();
    let mut passed = Vec::new();
    for offer in offers.drain(..) {
        match inputs.admit(offer) {
            Ok(admitted) => passed.push(admitted),
            Err(rejection) => rejections.push(rejection),
        }
    }
    prefer_cheap_near_the_cap(features, &mut passed);
    let Some((first, others)) = passed.split_first() else { return Err(Error::NothingPermitted(rejections)) };
    let primary = step(features, first, rung);
    // An outage is one of a target more often than of a model, so other targets come first.
    let (elsewhere, beside): (Vec<_>, Vec<_>) =
        others.iter().partition(|admitted| admitted.offer.target != first.offer.target);
    let failovers = elsewhere.into_iter().chain(beside).take(FAILOVERS_MAX);
    let failovers = failovers.map(|admitted| step(features, admitted, "failover")).collect();
    let reason = match rejections.first() {
        None => reason,
        Some(first) => format!("{reason}; {} was passed over: {}", first.candidate, first.detail),
    };
    Ok(Plan { primary, failovers, reason, rejections, rules })
}

struct Choice<'a> {
    offers: Vec<&'a Offer>,
    rung: &'static str,
    reason: String,
    rules: Vec<String>,
}

/// Candidates in order: the model that was asked for by name, or those of the first rule that matches.
fn choose<'a>(features: &RouteFeatures, grounds: &Grounds<'a>) -> Result<Choice<'a>, Error> {
    let offers = &grounds.snapshot.offers;
    let asked = features.model.as_str();
    if !asked.is_empty() && asked != "auto" && !grounds.policy.is_virtual(asked) {
        let named = |offer: &&Offer| offer.model.id == asked || offer.name() == asked;
        let found: Vec<_> = offers.iter().filter(named).collect();
        if found.is_empty() {
            let mut known: Vec<_> = offers.iter().map(|offer| offer.model.id.as_str()).collect();
            known.insert(0, "auto");
            let model = is_name(asked).then(|| asked.to_owned());
            return Err(Error::ModelNotFound { model, known: known.join(", ") });
        }
        let reason = format!("{asked} was asked for by name");
        return Ok(Choice { offers: found, rung: "static", reason, rules: Vec::new() });
    }
    let mut rules = Vec::new();
    let Some(rule) = grounds.policy.rule(features) else { return Err(Error::NothingPermitted(Vec::new())) };
    for tried in &grounds.policy.rules {
        let hit = std::ptr::eq(tried, rule);
        rules.push(format!("{}: {}", tried.name, if hit { "matched" } else { "did not match" }));
        if hit {
            break;
        }
    }
    let reason = format!("rule {:?}", rule.name);
    Ok(Choice { offers: expand(&rule.candidates, offers), rung: "static", reason, rules })
}

/// Whether `text` may be the name of a model, and so nothing personal: no telephone number, address, key, or sentence.
fn is_name(text: &str) -> bool {
    let of_name = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
    let plain_word = |word: &str| word.len() <= NAME_WORD_BYTES_MAX;
    // Of digits next to each other a name has a version, or a date.
    let plain_digits =
        |run: &str| run.len() <= NAME_DIGITS_MAX || (run.len() == "20250514".len() && run.starts_with("20"));
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    text.len() <= NAME_BYTES_MAX
        && text.bytes().all(of_name)
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.split(|c: char| !c.is_ascii_alphanumeric()).all(plain_word)
        && text.split(|c: char| !c.is_ascii_digit()).all(plain_digits)
        && text
            .split(|c: char| c.is_ascii_alphabetic())
            .map(digits)
            .all(|count| count <= DIGITS_BETWEEN_LETTERS_MAX)
}

/// The offers that `candidates` mean, in their order, each once.
fn expand<'a>(candidates: &[Candidate], offers: &'a [Offer]) -> Vec<&'a Offer> {
    let mut expanded: Vec<&Offer> = Vec::new();
    for candidate in candidates {
        for offer in offers.iter().filter(|offer| candidate.covers(&offer.target, &offer.model.id)) {
            if !expanded.iter().any(|known| std::ptr::eq(*known, offer)) {
                expanded.push(offer);
            }
        }
    }
    expanded
}

fn prefer_cheap_near_the_cap(features: &RouteFeatures, passed: &mut [Passed<'_>]) {
    let near = matches!(
        features.posture(),
        QuotaPosture::NearCap
            | QuotaPosture::DegradeModel
            | QuotaPosture::DegradeShorter
            | QuotaPosture::Suspended
    );
    if near {
        passed.sort_by_key(|admitted| expected_cost(features, admitted.price));
    }
}

/// What the input of a request without pictures can be billed as. There is no way to send sound.
const INPUT: [Component; 5] = [
    Component::InputFresh,
    Component::InputCacheRead,
    Component::InputCacheWrite,
    Component::InputCacheWrite1h,
    Component::InputTool,
];
/// What the input of a request with pictures can be billed as.
const INPUT_WITH_IMAGES: [Component; 6] = {
    let [fresh, read, write, write_1h, tool] = INPUT;
    [fresh, read, write, write_1h, tool, Component::InputImage]
};
const OUTPUT: [Component; 2] = [Component::OutputText, Component::OutputReasoning];
const REQUEST: [Component; 1] = [Component::Request];

fn expected_cost(features: &RouteFeatures, price: &PriceVersion) -> Pico {
    let output = match features.max_output_token_count {
        0 => EXPECTED_OUTPUT_TOKENS,
        bound => bound.min(EXPECTED_OUTPUT_TOKENS),
    };
    let input = features.input_token_count;
    let part = |component, units| {
        price.unit_price(Book::Sell, component, input, ServiceTier::Standard).checked_mul(units)
    };
    let parts = [(Component::InputFresh, input), (Component::OutputText, output), (Component::Request, 1)];
    let sum = parts
        .into_iter()
        .try_fold(Pico::ZERO, |sum, (component, units)| sum.checked_add(part(component, units)?));
    sum.unwrap_or(Pico::new(i128::MAX))
}

fn step(features: &RouteFeatures, admitted: &Passed<'_>, rung: &str) -> Step {
    let Passed { offer, price } = admitted;
    let input: &[Component] = if features.needs_vision { &INPUT_WITH_IMAGES } else { &INPUT };
    let (system_prefix, max_output_token_count) = match features.posture() {
        QuotaPosture::DegradeShorter => ("Answer briefly.".to_owned(), features.max_output_token_count / 2),
        _ => (String::new(), 0),
    };
    Step {
        target: offer.target.to_string(),
        model: offer.model.id.clone(),
        quota_domain: offer.quota_domain.to_string(),
        rung: rung.to_owned(),
        system_prefix,
        max_output_token_count,
        price_version: price.price_version.clone(),
        expected_cost_pico_usd: expected_cost(features, price).to_i64().unwrap_or(i64::MAX),
        input_pico_usd_per_token: price.ceiling(Book::Sell, input),
        output_pico_usd_per_token: price.ceiling(Book::Sell, &OUTPUT),
        model_max_output_token_count: offer.model.max_output_token_count,
        model_context_token_count: offer.model.context_token_count,
        input_cost_pico_usd_per_token: price.ceiling(Book::Cost, input),
        output_cost_pico_usd_per_token: price.ceiling(Book::Cost, &OUTPUT),
        request_pico_usd: price.ceiling(Book::Sell, &REQUEST),
        request_cost_pico_usd: price.ceiling(Book::Cost, &REQUEST),
    }
}

#[cfg(test)]
mod tests;
