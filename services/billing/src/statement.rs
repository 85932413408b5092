//! Statements: what a merchant is asked for a month, in whole cents or halalas, without losing or making a pico.
//!
//! A statement counts every charge and reversal of its month, and of months that were closed before, that no earlier statement
//! counts: what comes late is a line of its own in the next statement, and a closed one never changes. Its lines follow from the
//! ledger and the two cuts alone.

use std::time::Duration;

use kaleem_domain::{MerchantId, ServiceTier, Timestamp, price::Component};

use crate::{
    Error,
    ledger::{Entry, statement_entries},
    period::Period,
    store::Store,
    summary::narrow,
    terms::{Asked, Terms, unknown_currency, unknown_tax},
};

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

/// What a merchant used of one component of a model in one month under one price version in one tier, less what was reversed.
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
    /// Tier that served.
    pub service_tier: ServiceTier,
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
    /// Tier that served.
    pub service_tier: ServiceTier,
    /// Units.
    pub units: i64,
    /// Exact amount, in pico-US-dollars.
    pub amount_pico: i64,
    /// Shown amount, in minor units.
    pub amount_minor: i64,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who is asked.
    pub merchant_id: MerchantId,
    /// Where it ends, with the rounding that the next one takes over.
    pub cut: Cut,
    /// Currency and tax.
    pub terms: Terms,
    /// Sum of the shown lines, in minor units.
    pub net_minor: i64,
    /// Tax on that sum, in minor units.
    pub tax_minor: i64,
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
    /// Currency and tax.
    pub terms: Found,
}

/// What became of the currency and the tax that a statement is to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Both have a rate in its month.
    Terms(Terms),
    /// The currency has none.
    NoExchange,
    /// The country has none.
    NoTax,
}

/// What became of a statement that was drawn up.
#[derive(Debug)]
pub enum Closed {
    /// Written now.
    Written,
    /// Another statement of the merchant was closed meanwhile; nothing was written.
    Overtaken,
}

/// Closes `period` in what is asked, or reads the statement that did; not before `grace` has passed since the month was over everywhere.
pub async fn close(
    store: &dyn Store,
    merchant_id: MerchantId,
    period: Period,
    asked: &Asked,
    grace: Duration,
    now: Timestamp,
) -> Result<Statement, Error> {
    for _ in 0..TRIES {
        if let Some(statement) = store.statement(merchant_id.clone(), period.clone()).await? {
            return closed(statement, asked);
        }
        let closes_at = period.end_everywhere().map(|end| end.plus(grace));
        if closes_at.is_none_or(|at| now < at) {
            return Err(Error::PeriodOpen { period, closes_at });
        }
        let draft = store.draft(merchant_id.clone(), period.clone(), asked.clone()).await?;
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

/// A statement that is closed, unless another currency or tax is asked for than it has.
fn closed(statement: Statement, asked: &Asked) -> Result<Statement, Error> {
    if asked.accepts(&statement.terms) {
        return Ok(statement);
    }
    Err(Error::StatementClosed { period: statement.cut.period, terms: statement.terms })
}

/// The statement that a draft gives.
pub fn draw_up(merchant_id: MerchantId, period: Period, draft: Draft) -> Result<Statement, Error> {
    let terms = match draft.terms {
        Found::Terms(terms) => terms,
        Found::NoExchange => return Err(unknown_currency()),
        Found::NoTax => return Err(unknown_tax()),
    };
    let carry_pico = draft.previous.map_or(0, |previous| previous.carry_pico);
    let (lines, carry_pico) = lines(&period, draft.used, carry_pico, &terms)?;
    let net_minor = narrow(lines.iter().map(|line| i128::from(line.amount_minor)).sum())?;
    let tax_minor = narrow(terms.tax_minor(net_minor))?;
    let (max_sequence, max_transaction) = (draft.max_sequence, draft.max_transaction);
    let cut = Cut { period, max_sequence, max_transaction, carry_pico };
    let statement = Statement { merchant_id, cut, terms, net_minor, tax_minor, lines };
    // Neither may its total or what it posts be cut.
    narrow(i128::from(net_minor) + i128::from(tax_minor))?;
    narrow(statement.terms.minor_pico(tax_minor))?;
    Ok(statement)
}

impl Statement {
    /// What the merchant is asked for: the sum of what is shown, in minor units.
    pub fn total_minor(&self) -> i64 {
        self.net_minor.saturating_add(self.tax_minor)
    }

    /// The entries that take the change of the rounding out of what the merchant owes, which leaves whole minor units, and add the tax.
    pub fn entries(&self, previous: Option<&Cut>) -> Vec<Entry> {
        let before = previous.map_or(0, |previous| previous.carry_pico);
        let tax_pico = i64::try_from(self.terms.minor_pico(self.tax_minor)).unwrap_or(i64::MAX);
        let tax = self.terms.tax.as_ref().map(|tax| (tax.id.as_str(), tax_pico));
        statement_entries(self.merchant_id.as_str(), self.cut.carry_pico - before, tax)
    }
}

/// Lines in order, and the rounding that is left over. Each line takes over the rounding of the line before it, so that what is
/// shown never differs from what is exact by more than half a minor unit, however many lines there are.
fn lines(
    period: &Period,
    mut used: Vec<Used>,
    carry_pico: i64,
    terms: &Terms,
) -> Result<(Vec<Line>, i64), Error> {
    // What was used and reversed in one statement is no line.
    used.retain(|used| used.units != 0 || used.amount_pico != 0);
    used.sort_by(|a, b| place(period, a).cmp(&place(period, b)));
    let mut carry = terms.exact(carry_pico.into());
    let mut lines = Vec::with_capacity(used.len());
    for used in used {
        let amount_pico = narrow(used.amount_pico)?;
        let (minor, left) = Terms::rounded(terms.exact(amount_pico.into()) + carry);
        carry = left;
        lines.push(Line {
            units: narrow(used.units)?,
            amount_pico,
            amount_minor: narrow(minor)?,
            period: used.period,
            model: used.model,
            component: used.component,
            price_version: used.price_version,
            service_tier: used.service_tier,
        });
    }
    Ok((lines, narrow(terms.pico(carry))?))
}

/// The place of a line: its month's own first.
fn place<'a>(
    period: &Period,
    used: &'a Used,
) -> (bool, &'a Period, &'a str, Component, &'a str, ServiceTier) {
    (
        used.period != *period,
        &used.period,
        &used.model,
        used.component,
        &used.price_version,
        used.service_tier,
    )
}

#[cfg(test)]
mod tests;
