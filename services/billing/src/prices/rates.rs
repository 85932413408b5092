//! The rates of a price version: which it has to name, and what the others cost. A price that nobody named is unknown, never nothing.

use std::iter::successors;

use kaleem_domain::{
    ServiceTier,
    price::{Book, Component, Rate},
};

use crate::Violation;

/// Most rates of a version, those that it leaves out among them.
const RATES_MAX: usize = 128;

/// Says what is wrong with `rates` as they were named.
pub(super) fn check(rates: &[Rate]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, rate) in rates.iter().enumerate().take(RATES_MAX) {
        let path = |field: &str| format!("version.rates[{index}].{field}");
        if rate.pico_usd_per_unit < 0 {
            violations.push(Violation::new(path("pico_usd_per_unit"), "0 or more"));
        }
        if rate.min_input_token_count < 0 {
            violations.push(Violation::new(path("min_input_token_count"), "0 or more"));
        }
        if rates[..index].iter().any(|earlier| place(earlier) == place(rate)) {
            violations.push(Violation::new(path("component"), "named once a book and tier"));
        }
    }
    if violations.is_empty() {
        violations.extend(unknown(rates));
    }
    violations
}

/// The rule that leaves a price unknown, if one does.
fn unknown(rates: &[Rate]) -> Option<Violation> {
    let mut whole = rates.to_vec();
    complete(&mut whole);
    let starts = |book, component, tier| whole.iter().any(|rate| place(rate) == (book, component, tier, 0));
    let has = |rate: &Rate| {
        [rate.service_tier, ServiceTier::Standard].iter().all(|tier| starts(rate.book, rate.component, *tier))
    };
    let named = |book, component| starts(book, component, ServiceTier::Standard);
    let is_priced = |book| named(book, Component::InputFresh) && named(book, Component::OutputText);
    let rule = if whole.len() > RATES_MAX {
        "at most 128 rates, with those that are like another one"
    } else if !is_priced(Book::Cost) || !is_priced(Book::Sell) {
        "input_fresh and output_text of the cost book, and of the sell book where it differs, from 0 input tokens on; 0 is a price"
    } else if !whole.iter().all(has) {
        "a rate from 0 input tokens on for each component that is named, in the standard tier and in each other that it names; 0 is a price"
    } else {
        return None;
    };
    Some(Violation::new("version.rates", rule))
}

/// Adds what `rates` leaves out, and sorts. A sell book that is not named is the cost book; a component that a book does not name costs
/// what [`like`] says, from the same numbers of input tokens on, in the standard tier and in the batch tier where that is named; the fee of
/// a call is charged only where it is named.
pub(crate) fn complete(rates: &mut Vec<Rate>) {
    if rates.iter().all(|rate| rate.book == Book::Cost) {
        let sold: Vec<_> = rates.iter().map(|rate| Rate { book: Book::Sell, ..rate.clone() }).collect();
        rates.extend(sold);
    }
    let named = rates.clone();
    let of =
        |book, component| named.iter().filter(move |rate| (rate.book, rate.component) == (book, component));
    for book in [Book::Cost, Book::Sell] {
        for component in Component::ALL {
            if of(book, component).next().is_some() {
                continue;
            }
            let base =
                successors(like(component), |base| like(*base)).find(|base| of(book, *base).next().is_some());
            let added = base.into_iter().flat_map(|base| of(book, base));
            rates.extend(added.map(|rate| Rate { component, ..rate.clone() }));
        }
    }
    rates.sort_by_key(place);
}

/// What a component costs like where a book does not name it.
const fn like(component: Component) -> Option<Component> {
    match component {
        Component::InputCacheRead
        | Component::InputCacheWrite
        | Component::InputTool
        | Component::InputImage
        | Component::InputAudio => Some(Component::InputFresh),
        Component::InputCacheWrite1h => Some(Component::InputCacheWrite),
        Component::OutputReasoning => Some(Component::OutputText),
        Component::InputFresh | Component::OutputText | Component::Request => None,
    }
}

/// Which price it is: no version has two of one.
pub(super) const fn place(rate: &Rate) -> (Book, Component, ServiceTier, i64) {
    (rate.book, rate.component, rate.service_tier, rate.min_input_token_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(book: Book, component: Component, pico_usd_per_unit: i64, min_input_token_count: i64) -> Rate {
        Rate {
            book,
            component,
            pico_usd_per_unit,
            min_input_token_count,
            service_tier: ServiceTier::Standard,
        }
    }

    fn rules(rates: &[Rate]) -> usize {
        check(rates).len()
    }

    #[test]
    fn what_is_left_out_costs_like_its_kind_and_an_explicit_zero_stays() {
        let mut rates = vec![
            rate(Book::Cost, Component::OutputText, 30, 0),
            rate(Book::Cost, Component::InputFresh, 10, 0),
            rate(Book::Cost, Component::InputFresh, 20, 200_001),
            rate(Book::Cost, Component::InputCacheRead, 0, 0),
            rate(Book::Cost, Component::Request, 5, 0),
        ];
        assert_eq!(rules(&rates), 0);
        complete(&mut rates);
        let of_cost = [
            (Component::InputFresh, 10, 0),
            (Component::InputFresh, 20, 200_001),
            (Component::InputCacheRead, 0, 0),
            (Component::InputCacheWrite, 10, 0),
            (Component::InputCacheWrite, 20, 200_001),
            (Component::InputTool, 10, 0),
            (Component::InputTool, 20, 200_001),
            (Component::OutputText, 30, 0),
            (Component::OutputReasoning, 30, 0),
            (Component::Request, 5, 0),
            (Component::InputImage, 10, 0),
            (Component::InputImage, 20, 200_001),
            (Component::InputAudio, 10, 0),
            (Component::InputAudio, 20, 200_001),
            (Component::InputCacheWrite1h, 10, 0),
            (Component::InputCacheWrite1h, 20, 200_001),
        ];
        let expected = [Book::Cost, Book::Sell]
            .into_iter()
            .flat_map(|book| of_cost.map(|(component, pico, from)| rate(book, component, pico, from)));
        assert_eq!(rates, expected.collect::<Vec<_>>(), "and it is sold for what it costs");
        let again = rates.clone();
        complete(&mut rates);
        assert_eq!(rates, again);
    }

    #[test]
    fn what_is_like_another_component_is_so_in_batches_too() {
        let batch = |rate: Rate| Rate { service_tier: ServiceTier::Batch, ..rate };
        let mut rates = vec![
            rate(Book::Cost, Component::InputFresh, 10, 0),
            batch(rate(Book::Cost, Component::InputFresh, 5, 0)),
            rate(Book::Cost, Component::InputCacheRead, 3, 0),
            rate(Book::Cost, Component::InputCacheWrite, 12, 0),
            rate(Book::Cost, Component::OutputText, 30, 0),
        ];
        assert_eq!(rules(&rates), 0);
        complete(&mut rates);
        let of = |component| {
            let found = rates.iter().filter(|rate| rate.book == Book::Sell && rate.component == component);
            found.map(|rate| (rate.service_tier, rate.pico_usd_per_unit)).collect::<Vec<_>>()
        };
        let (standard, discount) = (ServiceTier::Standard, ServiceTier::Batch);
        assert_eq!(of(Component::InputAudio), [(standard, 10), (discount, 5)]);
        assert_eq!(of(Component::InputCacheRead), [(standard, 3)], "named, so it is like nothing");
        assert_eq!(of(Component::InputCacheWrite1h), [(standard, 12)], "like the cache that it is");
        let late = Rate { min_input_token_count: 1, ..batch(rates[0].clone()) };
        assert_eq!(rules(&[&rates[..1], &rates[2..], &[late]].concat()), 1, "a batch too starts at 0");
        let image = batch(rate(Book::Cost, Component::InputImage, 1, 0));
        let named: Vec<_> =
            rates.iter().filter(|rate| rate.component != Component::InputImage).cloned().collect();
        assert_eq!(rules(&[&named[..], &[image]].concat()), 1, "nothing says what it costs at once");
    }

    #[test]
    fn a_price_that_nothing_says_is_refused() {
        let whole = |book| [rate(book, Component::InputFresh, 1, 0), rate(book, Component::OutputText, 1, 0)];
        let [input, output] = whole(Book::Cost);
        assert_eq!(rules(&[input.clone(), output.clone()]), 0);
        let fee = rate(Book::Cost, Component::Request, 1, 0);
        let late = |rate: &Rate| Rate { min_input_token_count: 1, ..rate.clone() };
        let reasoning = rate(Book::Cost, Component::OutputReasoning, 1, 7);
        let [sold_input, sold_output] = whole(Book::Sell);
        let unknown = [
            vec![],
            vec![fee],
            vec![input.clone()],
            vec![output.clone()],
            vec![late(&input), output.clone()],
            vec![input.clone(), output.clone(), reasoning],
            vec![input.clone(), output.clone(), sold_input.clone()],
            vec![sold_input, sold_output],
        ];
        for rates in unknown {
            assert_eq!(rules(&rates), 1, "{rates:?}");
        }
        let tiers = (0..64).map(|from| Rate { min_input_token_count: from, ..input.clone() });
        let tiers: Vec<_> = tiers.chain([output]).collect();
        assert_eq!(rules(&tiers), 1, "too many with those that are like another one");
        assert_eq!(rules(&tiers[49..]), 1, "none from 0 on");
        let few: Vec<_> = tiers[..7].iter().chain(&tiers[64..]).cloned().collect();
        assert_eq!(rules(&few), 0);
    }
}
