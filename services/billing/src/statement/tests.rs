use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::terms::tests::{dollars, riyals};

/// Pico-US-dollars a cent.
const MINOR_PICO: i128 = 10_000_000_000;
const HALF_CENT: i64 = 5_000_000_000;

fn used(period: &str, model: &str, component: Component, amount_pico: i128) -> Used {
    Used {
        period: Period::parse(period).unwrap(),
        model: model.into(),
        component,
        price_version: format!("{model}@1"),
        service_tier: ServiceTier::Standard,
        units: 1,
        amount_pico,
    }
}

fn drawn(used: Vec<Used>, carry_pico: i64) -> Statement {
    drawn_in(&dollars(), used, carry_pico)
}

fn drawn_in(terms: &Terms, used: Vec<Used>, carry_pico: i64) -> Statement {
    let terms = Found::Terms(terms.clone());
    let period = Period::parse("202611").unwrap();
    let previous =
        Cut { period: Period::parse("202610").unwrap(), max_sequence: 0, max_transaction: 0, carry_pico };
    let previous = Some(previous);
    let draft = Draft { previous, skipped: None, max_sequence: 9, max_transaction: 9, used, terms };
    draw_up(MerchantId::parse("dukkan").unwrap(), period, draft).unwrap()
}

#[test]
fn a_line_takes_over_the_rounding_of_the_line_before_it() {
    let tenths = |tenths: i128| tenths * MINOR_PICO / 10;
    let statement = drawn(
        vec![
            used("202611", "b", Component::OutputText, tenths(4)),
            used("202610", "a", Component::InputFresh, tenths(-13)),
            used("202611", "a", Component::OutputText, tenths(4)),
            used("202611", "b", Component::InputFresh, tenths(4)),
            used("202609", "a", Component::InputFresh, tenths(4)),
        ],
        HALF_CENT / 5,
    );
    let shown: Vec<_> = statement
        .lines
        .iter()
        .map(|line| (line.period.as_str(), line.model.as_str(), line.amount_minor))
        .collect();
    // 0.1 carried in: 0.5 → 0; 0.9 → 1; 0.3 → 0; 0.7 → 1; -1.6 → -2, and 0.4 is left.
    let expected =
        [("202611", "a", 0), ("202611", "b", 1), ("202611", "b", 0), ("202609", "a", 1), ("202610", "a", -2)];
    assert_eq!(shown, expected);
    assert_eq!((statement.net_minor, i128::from(statement.cut.carry_pico)), (0, tenths(4)));
}

#[test]
fn what_was_reversed_at_once_is_no_line() {
    let nothing = Used { units: 0, ..used("202611", "a", Component::InputFresh, 0) };
    let statement = drawn(vec![nothing], 7);
    assert_eq!((statement.lines.len(), statement.total_minor(), statement.cut.carry_pico), (0, 0, 7));
}

#[test]
fn what_does_not_fit_an_answer_is_an_error_and_never_cut() {
    let large = used("202611", "a", Component::InputFresh, i128::from(i64::MAX) + 1);
    assert!(matches!(
        lines(&Period::parse("202611").unwrap(), vec![large], 0, &dollars()),
        Err(Error::AmountOverflow)
    ));
}

/// A fixed sequence of numbers, so that a failure can be run again.
fn below(state: &mut u64, bound: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % bound
}

#[test]
fn a_million_events_over_36_statements_stay_within_a_cent() {
    // Dollars hold every pico.
    stays_within_a_minor_unit(&dollars(), 0);
}

#[test]
fn a_million_events_over_36_statements_stay_within_a_halala() {
    // A halala is no whole number of pico-dollars: what is carried is at most half a pico off, a statement.
    stays_within_a_minor_unit(&riyals(), 36);
}

/// Draws up 36 statements of a million events; what is asked and what is carried may be off by `pico_max`.
fn stays_within_a_minor_unit(terms: &Terms, pico_max: i128) {
    const EVENTS: usize = 1_000_000;
    let (mut dice, mut exact, mut asked, mut carry) = (11, 0_i128, 0_i128, 0_i64);
    for _ in 0..36 {
        let mut sums: BTreeMap<(u64, u64), (i128, i128)> = BTreeMap::new();
        for _ in 0..EVENTS.div_ceil(36) {
            let key = (below(&mut dice, 5), below(&mut dice, 7));
            let units = i128::from(below(&mut dice, 4_000));
            // One of 20 events takes a charge back.
            let sign = if below(&mut dice, 20) == 0 { -1 } else { 1 };
            let amount = sign * units * i128::from(below(&mut dice, 3_750_000));
            exact += amount;
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + sign * units, sum.1 + amount);
        }
        let used = sums.into_iter().map(|((model, component), (units, amount_pico))| Used {
            units,
            ..used(
                "202611",
                &model.to_string(),
                Component::ALL[usize::try_from(component).unwrap()],
                amount_pico,
            )
        });
        let statement = drawn_in(terms, used.collect(), carry);
        let shown: i64 = statement.lines.iter().map(|line| line.amount_minor).sum();
        assert_eq!(shown, statement.net_minor);
        assert_eq!(shown + statement.tax_minor, statement.total_minor());
        asked += i128::from(statement.net_minor);
        carry = statement.cut.carry_pico;
        let off = asked * MINOR_PICO * 1_000_000 - terms.exact(exact - i128::from(carry));
        assert!(off.abs() <= terms.exact(pico_max), "{off}");
    }
    let off = asked * MINOR_PICO * 1_000_000 - terms.exact(exact);
    assert!(off.abs() < MINOR_PICO * 1_000_000, "{asked} {exact}");
}

#[test]
fn the_tax_is_on_the_sum_that_is_shown_and_is_posted_beside_the_rounding() {
    // 3.4 and 3.4 halalas: 3 and 4 are shown, and the tax is on 7 and not on 6.8.
    let halalas = |tenths: i128| tenths * MINOR_PICO * 100 / 375 / 10;
    let used = vec![
        used("202611", "a", Component::InputFresh, halalas(34)),
        used("202611", "a", Component::OutputText, halalas(34)),
    ];
    let statement = drawn_in(&riyals(), used, 0);
    assert_eq!((statement.net_minor, statement.tax_minor, statement.total_minor()), (7, 1, 8));
    assert_eq!(statement.cut.carry_pico, -533_333_335);
    let entries = statement.entries(None);
    let entries: Vec<_> = entries.iter().map(|entry| (entry.account.as_str(), entry.amount_pico)).collect();
    let expected = [
        ("rounding:dukkan", -533_333_335),
        ("m:dukkan:receivable", 533_333_335),
        ("m:dukkan:receivable", 2_666_666_667),
        ("tax:sa-vat-2020", -2_666_666_667),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn a_statement_needs_a_rate_of_its_currency_and_of_its_tax() {
    let draw = |terms| {
        let draft =
            Draft { previous: None, skipped: None, max_sequence: 0, max_transaction: 0, used: vec![], terms };
        draw_up(MerchantId::parse("dukkan").unwrap(), Period::parse("202611").unwrap(), draft)
    };
    let field = |terms| match draw(terms).unwrap_err() {
        Error::RequestInvalid(violations) => violations[0].field.clone(),
        other => other.to_string(),
    };
    assert_eq!([field(Found::NoExchange), field(Found::NoTax)], ["currency", "tax"]);
}

proptest! {
    #[test]
    fn shown_and_carried_are_exact_and_the_carry_is_half_a_cent_at_most(
        amounts in proptest::collection::vec(-3_000_000_000_000_i64..3_000_000_000_000, 0..60),
        carry in -HALF_CENT..=HALF_CENT,
    ) {
        let used: Vec<_> = amounts.iter().enumerate().map(|(index, amount)| {
            used("202611", &format!("m-{index}"), Component::InputFresh, i128::from(*amount))
        }).collect();
        let statement = drawn(used.clone(), carry);
        let exact: i128 = amounts.iter().map(|amount| i128::from(*amount)).sum();
        let shown = i128::from(statement.net_minor) * MINOR_PICO;
        prop_assert_eq!(shown + i128::from(statement.cut.carry_pico), exact + i128::from(carry));
        prop_assert!(statement.cut.carry_pico.abs() <= HALF_CENT);
        for line in &statement.lines {
            let shown = i128::from(line.amount_minor) * MINOR_PICO;
            prop_assert!((shown - i128::from(line.amount_pico)).abs() <= MINOR_PICO);
        }
        let mut backwards = used;
        backwards.reverse();
        prop_assert_eq!(drawn(backwards, carry), statement, "the order of what was used says nothing");
    }
}
