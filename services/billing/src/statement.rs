//! Statements: what a merchant is asked for a month, in whole cents, without losing or making a pico.
//!
//! A statement counts every charge and reversal of its month, and of months that were closed before, that no earlier statement
//! counts: what comes late is a line of its own in the next statement, and a closed one never changes. Its lines follow from the
//! ledger and the two cuts alone.

use std::time::Duration;

use kaleem_domain::{MerchantId, Timestamp, price::Component};

use crate::{
    Error,
    ledger::{Entry, statement_entries},
    period::Period,
    store::Store,
    summary::narrow,
};

/// Statements are in US dollars.
pub const CURRENCY: &str = "USD";
/// Pico-US-dollars a cent.
pub const MINOR_PICO: i128 = 10_000_000_000;
/// Closings of a merchant that may come between before a call gives up.
const TRIES: usize = 5;

/// Where a statement ends in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its month.
    pub period: Period,
    /// Newest event of the merchant.
    pub max_sequence: i64,
    /// Newest transaction of the ledger.
    pub max_transaction: i64,
    /// Rounding left over, in pico-US-dollars.
    pub carry_pico: i64,
}

/// What a merchant used of one component of a model in one month under one price version, less what was reversed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Month of the events.
    pub period: Period,
    /// Model that served.
    pub model: String,
    /// Component.
    pub component: Component,
    /// Price version.
    pub price_version: String,
    /// Units.
    pub units: i128,
    /// What the merchant pays, in pico-US-dollars.
    pub amount_pico: i128,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Month of the events; another than the statement's is a late adjustment.
    pub period: Period,
    /// Model that served.
    pub model: String,
    /// Component.
    pub component: Component,
    /// Price version.
    pub price_version: String,
    /// Units.
    pub units: i64,
    /// Exact amount, in pico-US-dollars.
    pub amount_pico: i64,
    /// Shown amount, in cents.
    pub amount_minor: i64,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who is asked.
    pub merchant_id: MerchantId,
    /// Where it ends, with the rounding that the next one takes over.
    pub cut: Cut,
    /// Sum of the shown lines, in cents.
    pub total_minor: i64,
    /// Lines: the month's own first, then late ones in order of their months.
    pub lines: Vec<Line>,
}

/// What a statement is made of.
#[derive(Debug)]
pub struct Draft {
    /// Newest statement of the merchant.
    pub previous: Option<Cut>,
    /// Earliest month after it and before the one to close that has events.
    pub skipped: Option<Period>,
    /// Newest event of the merchant.
    pub max_sequence: i64,
    /// Newest transaction of the ledger.
    pub max_transaction: i64,
    /// What the statement counts, in any order.
    pub used: Vec<Used>,
}

/// What became of a statement that was drawn up.
#[derive(Debug)]
pub enum Closed {
    /// Written now.
    Written,
    /// Another statement of the merchant was closed meanwhile; nothing was written.
    Overtaken,
}

/// Closes `period`, or reads the statement that did; not before `grace` has passed since the month was over everywhere.
pub async fn close(
    store: &dyn Store,
    merchant_id: MerchantId,
    period: Period,
    grace: Duration,
    now: Timestamp,
) -> Result<Statement, Error> {
    for _ in 0..TRIES {
        if let Some(statement) = store.statement(merchant_id.clone(), period.clone()).await? {
            return Ok(statement);
        }
        let closes_at = period.end_everywhere().map(|end| end.plus(grace));
        if closes_at.is_none_or(|at| now < at) {
            return Err(Error::PeriodOpen { period, closes_at });
        }
        let draft = store.draft(merchant_id.clone(), period.clone()).await?;
        if let Some(previous) = draft.previous.as_ref().filter(|previous| previous.period > period) {
            return Err(Error::PeriodPassed { period, later: previous.period.clone() });
        }
        if draft.previous.as_ref().is_some_and(|previous| previous.period == period) {
            continue;
        }
        if let Some(skipped) = draft.skipped {
            return Err(Error::EarlierPeriodOpen { period, earlier: skipped });
        }
        let previous = draft.previous.clone();
        let statement = draw_up(merchant_id.clone(), period.clone(), draft)?;
        fail::fail_point!("billing::statement::drawn_up");
        if let Closed::Written = store.close(statement.clone(), previous, now).await? {
            fail::fail_point!("billing::statement::committed");
            return Ok(statement);
        }
    }
    Err(Error::Overtaken(period))
}

/// The statement that a draft gives.
pub fn draw_up(merchant_id: MerchantId, period: Period, draft: Draft) -> Result<Statement, Error> {
    let carry_pico = draft.previous.map_or(0, |previous| previous.carry_pico);
    let (lines, carry_pico) = lines(&period, draft.used, carry_pico)?;
    let total_minor = narrow(lines.iter().map(|line| i128::from(line.amount_minor)).sum())?;
    let (max_sequence, max_transaction) = (draft.max_sequence, draft.max_transaction);
    let cut = Cut { period, max_sequence, max_transaction, carry_pico };
    Ok(Statement { merchant_id, cut, total_minor, lines })
}

impl Statement {
    /// The entries that take the change of the rounding out of what the merchant owes, which leaves whole cents.
    pub fn entries(&self, previous: Option<&Cut>) -> Vec<Entry> {
        let before = previous.map_or(0, |previous| previous.carry_pico);
        statement_entries(self.merchant_id.as_str(), self.cut.carry_pico - before)
    }
}

/// Lines in order, and the rounding that is left over. Each line takes over the rounding of the line before it, so that what is
/// shown never differs from what is exact by more than half a cent, however many lines there are.
fn lines(period: &Period, mut used: Vec<Used>, carry_pico: i64) -> Result<(Vec<Line>, i64), Error> {
    // What was used and reversed in one statement is no line.
    used.retain(|used| used.units != 0 || used.amount_pico != 0);
    used.sort_by(|a, b| place(period, a).cmp(&place(period, b)));
    let mut carry = i128::from(carry_pico);
    let mut lines = Vec::with_capacity(used.len());
    for used in used {
        let due = used.amount_pico + carry;
        let minor = half_even(due);
        carry = due - minor * MINOR_PICO;
        lines.push(Line {
            units: narrow(used.units)?,
            amount_pico: narrow(used.amount_pico)?,
            amount_minor: narrow(minor)?,
            period: used.period,
            model: used.model,
            component: used.component,
            price_version: used.price_version,
        });
    }
    Ok((lines, narrow(carry)?))
}

/// The place of a line: its month's own first.
fn place<'a>(period: &Period, used: &'a Used) -> (bool, &'a Period, &'a str, Component, &'a str) {
    (used.period != *period, &used.period, &used.model, used.component, &used.price_version)
}

/// Cents nearest to `pico`; of two that are equally near, the even one.
fn half_even(pico: i128) -> i128 {
    let (minor, rest) = (pico.div_euclid(MINOR_PICO), pico.rem_euclid(MINOR_PICO));
    match (rest * 2).cmp(&MINOR_PICO) {
        std::cmp::Ordering::Less => minor,
        std::cmp::Ordering::Equal => minor + minor.rem_euclid(2),
        std::cmp::Ordering::Greater => minor + 1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const HALF_CENT: i64 = 5_000_000_000;

    fn used(period: &str, model: &str, component: Component, amount_pico: i128) -> Used {
        Used {
            period: Period::parse(period).unwrap(),
            model: model.into(),
            component,
            price_version: format!("{model}@1"),
            units: 1,
            amount_pico,
        }
    }

    fn drawn(used: Vec<Used>, carry_pico: i64) -> Statement {
        let period = Period::parse("202611").unwrap();
        let previous =
            Cut { period: Period::parse("202610").unwrap(), max_sequence: 0, max_transaction: 0, carry_pico };
        let draft =
            Draft { previous: Some(previous), skipped: None, max_sequence: 9, max_transaction: 9, used };
        draw_up(MerchantId::parse("dukkan").unwrap(), period, draft).unwrap()
    }

    #[test]
    fn cents_are_rounded_half_to_even_on_both_sides_of_zero() {
        let cases = [
            (0, 0),
            (4, 0),
            (5, 0),
            (6, 1),
            (14, 1),
            (15, 2),
            (25, 2),
            (-5, 0),
            (-6, -1),
            (-15, -2),
            (-25, -2),
        ];
        for (tenths, minor) in cases {
            assert_eq!(half_even(tenths * MINOR_PICO / 10), minor, "{tenths} tenths of a cent");
        }
        assert_eq!(half_even(MINOR_PICO / 2 + 1), 1);
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
        let expected = [
            ("202611", "a", 0),
            ("202611", "b", 1),
            ("202611", "b", 0),
            ("202609", "a", 1),
            ("202610", "a", -2),
        ];
        assert_eq!(shown, expected);
        assert_eq!((statement.total_minor, i128::from(statement.cut.carry_pico)), (0, tenths(4)));
    }

    #[test]
    fn what_was_reversed_at_once_is_no_line() {
        let nothing = Used { units: 0, ..used("202611", "a", Component::InputFresh, 0) };
        let statement = drawn(vec![nothing], 7);
        assert_eq!((statement.lines.len(), statement.total_minor, statement.cut.carry_pico), (0, 0, 7));
    }

    #[test]
    fn what_does_not_fit_an_answer_is_an_error_and_never_cut() {
        let large = used("202611", "a", Component::InputFresh, i128::from(i64::MAX) + 1);
        assert!(matches!(
            lines(&Period::parse("202611").unwrap(), vec![large], 0),
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
        const EVENTS: usize = 1_000_000;
        let (mut dice, mut exact, mut invoiced, mut carry) = (11, 0_i128, 0_i128, 0_i64);
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
            let statement = drawn(used.collect(), carry);
            assert_eq!(
                statement.lines.iter().map(|line| line.amount_minor).sum::<i64>(),
                statement.total_minor
            );
            invoiced += i128::from(statement.total_minor) * MINOR_PICO;
            carry = statement.cut.carry_pico;
            assert_eq!(invoiced + i128::from(carry), exact, "not a pico is lost");
        }
        assert!((invoiced - exact).abs() < MINOR_PICO, "{invoiced} {exact}");
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
            let shown = i128::from(statement.total_minor) * MINOR_PICO;
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
}
