//! Both sides of a merchant's account over all months.
//!
//! The books keep them as accounts of their own, `m:<id>:prepaid` (with `m:<id>:topup`) and `m:<id>:receivable`, so that the entries of a
//! charge follow from the call and those of a payment from the payment, never from the balance of the moment. What a merchant can
//! still spend, or owes, is their difference, whether it pays ahead or afterwards.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Merchants that are remembered at most.
const REMEMBERED_MAX: usize = 10_000;

/// What a merchant paid and was charged up to one of its transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// Newest transaction of the merchant that is counted; 0 before the first.
    pub transaction: i64,
    /// Payments less what went back, in pico-US-dollars.
    pub paid_pico: i128,
    /// Charges less those that were taken back, in pico-US-dollars.
    pub charged_pico: i128,
    /// Charges that count.
    pub events: i128,
}

/// The last answers: the ledger is only added to, so each stays true and the next one goes on from it.
#[derive(Debug, Default)]
pub struct Balances {
    last: Mutex<HashMap<String, Balance>>,
}

impl Balances {
    /// The last answer for `merchant`; nothing before the first.
    pub fn last(&self, merchant: &str) -> Balance {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(merchant).copied().unwrap_or_default()
    }

    /// Remembers an answer.
    pub fn remember(&self, merchant: String, balance: Balance) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED_MAX && !last.contains_key(&merchant) {
            last.clear();
        }
        last.insert(merchant, balance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_is_remembered_and_the_number_of_merchants_is_bounded() {
        let balances = Balances::default();
        assert_eq!(balances.last("dukkan"), Balance::default());
        for number in 0..REMEMBERED_MAX {
            balances.remember(format!("shop-{number}"), Balance { transaction: 7, ..Balance::default() });
        }
        assert_eq!(balances.last("shop-0").transaction, 7);
        balances.remember("shop-0".into(), Balance { transaction: 8, ..Balance::default() });
        assert_eq!((balances.last("shop-0").transaction, balances.last("shop-1").transaction), (8, 7));
        balances.remember("one-more".into(), Balance { transaction: 9, ..Balance::default() });
        assert_eq!((balances.last("shop-0").transaction, balances.last("one-more").transaction), (0, 9));
    }
}
