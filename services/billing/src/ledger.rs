//! Double entry: which accounts a transaction moves.

use crate::event::{Status, UsageEvent};

/// One side of a transaction. Debits are positive; an entry is never zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Account.
    pub account: String,
    /// Pico-US-dollars.
    pub amount_pico: i64,
}

/// What a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The charge of an event.
    Usage,
    /// The charge of an event, taken back.
    Reversal,
    /// A payment of a merchant.
    Payment,
    /// The closing of a month.
    Statement,
}

impl Kind {
    /// The word of the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Reversal => "reversal",
            Self::Payment => "topup",
            Self::Statement => "statement",
        }
    }
}

/// What payment providers hold for us.
pub const CASH: &str = "cash:psp";
/// What merchants owed us for usage.
pub const REVENUE: &str = "rev:usage";
/// Cost of calls that the provider's bill has not confirmed.
pub const SUSPENSE: &str = "suspense:unconfirmed";

/// What a merchant owes.
pub fn receivable(merchant: &str) -> String {
    format!("m:{merchant}:receivable")
}

/// What a merchant has paid, less what went back: what it can still spend is this less what it owes, see [`crate::balance`].
pub fn prepaid(merchant: &str) -> String {
    format!("m:{merchant}:prepaid")
}

/// What a merchant has paid ahead to raise the cap of a month: as [`prepaid`], and the account is what tells the two apart.
pub fn topped_up(merchant: &str) -> String {
    format!("m:{merchant}:topup")
}

/// Fractions of a minor unit that no statement has asked for yet.
pub fn rounding(merchant: &str) -> String {
    format!("rounding:{merchant}")
}

/// What we owe a provider.
pub fn payable(target: &str) -> String {
    format!("ap:{target}")
}

/// The entries of an event's charge.
pub fn usage_entries(event: &UsageEvent, sell_pico: i64, cost_pico: i64) -> Vec<Entry> {
    charge_entries(event.merchant_id.as_str(), &event.target, event.status, sell_pico, cost_pico)
}

/// The entries of a charge, summing to zero: the merchant owes us the sale, and we owe the provider the cost. The view `ledger_entry` of the
/// stores says the same.
pub fn charge_entries(
    merchant: &str,
    target: &str,
    status: Status,
    sell_pico: i64,
    cost_pico: i64,
) -> Vec<Entry> {
    let expense = match status {
        Status::Unconfirmed => SUSPENSE.to_owned(),
        Status::Ok | Status::Partial | Status::FailedBilled => format!("cogs:{target}"),
    };
    moved([(receivable(merchant), REVENUE.to_owned(), sell_pico), (expense, payable(target), cost_pico)])
}

/// The entries that take `entries` back.
pub fn reversed(entries: &[Entry]) -> Vec<Entry> {
    let reversed = |entry: &Entry| Entry { account: entry.account.clone(), amount_pico: -entry.amount_pico };
    entries.iter().map(reversed).collect()
}

/// Tax that merchants were asked for, to be handed on.
fn tax_account(tax_id: &str) -> String {
    format!("tax:{tax_id}")
}

/// The entries of a statement: what changed of the rounding leaves what the merchant owes, which then is in whole minor units, and the
/// tax, its id with its amount, is added to it.
pub fn statement_entries(merchant: &str, rounding_pico: i64, tax: Option<(&str, i64)>) -> Vec<Entry> {
    let taxed = tax.map(|(id, pico)| (receivable(merchant), tax_account(id), pico));
    moved([Some((rounding(merchant), receivable(merchant), rounding_pico)), taxed].into_iter().flatten())
}

/// Debit, credit and amount as entries, without those of nothing.
fn moved(moves: impl IntoIterator<Item = (String, String, i64)>) -> Vec<Entry> {
    let moves = moves.into_iter().filter(|(_, _, amount)| *amount != 0);
    moves
        .flat_map(|(debit, credit, amount)| {
            [Entry { account: debit, amount_pico: amount }, Entry { account: credit, amount_pico: -amount }]
        })
        .collect()
}

/// The entries of a payment, or of money that went back, which is negative. It moves what the merchant has paid and leaves what it owes
/// alone, so that the entries follow from the payment and not from the balance of the moment.
pub fn payment_entries(merchant: &str, amount_pico: i64, tops_up: bool) -> Vec<Entry> {
    let paid = if tops_up { topped_up(merchant) } else { prepaid(merchant) };
    vec![Entry { account: CASH.to_owned(), amount_pico }, Entry { account: paid, amount_pico: -amount_pico }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::event;

    fn shown(entries: &[Entry]) -> Vec<(&str, i64)> {
        entries.iter().map(|entry| (entry.account.as_str(), entry.amount_pico)).collect()
    }

    #[test]
    fn a_sale_moves_four_accounts_and_sums_to_zero() {
        let entries = usage_entries(&event(), 30, 20);
        let expected = [
            ("m:dukkan:receivable", 30),
            ("rev:usage", -30),
            ("cogs:provider-gemini", 20),
            ("ap:provider-gemini", -20),
        ];
        assert_eq!(shown(&entries), expected);
        assert_eq!(entries.iter().map(|entry| entry.amount_pico).sum::<i64>(), 0);
    }

    #[test]
    fn nothing_moves_for_nothing() {
        assert_eq!(usage_entries(&event(), 0, 0), []);
        assert_eq!(shown(&usage_entries(&event(), 5, 0)), [("m:dukkan:receivable", 5), ("rev:usage", -5)]);
    }

    #[test]
    fn unconfirmed_cost_waits_in_suspense() {
        let event = UsageEvent { status: Status::Unconfirmed, ..event() };
        let expected = [("suspense:unconfirmed", 20), ("ap:provider-gemini", -20)];
        assert_eq!(shown(&usage_entries(&event, 0, 20)), expected);
    }
}
