//! Prices before a reduction, and what they fell to.

use std::ops::Range;

use super::{Judge, money::equal, role::Role, tokens_of};
use crate::{
    Verdict,
    amount::Amount,
    quantity::{Quantity, Value},
    report::{Field, Judgement, Truth},
};

impl Judge<'_> {
    pub(super) fn judge_before(&self, amount: Amount, of: &Range<usize>) -> Judgement {
        let products = self.named_products();
        let product = |id: &u32| self.policy.catalogue.product(*id);
        let compares: Vec<Amount> =
            products.iter().filter_map(product).filter_map(|product| product.compare_at).collect();
        let prices: Vec<Amount> =
            products.iter().filter_map(product).filter_map(|product| product.price).collect();
        let right = if products.is_empty() {
            self.policy.catalogue.is_compare(amount)
                || self.policy.catalogue.is_price(amount)
                || self.is_fee_of_several(amount)
        } else {
            compares.iter().any(|compare| compare.is(amount))
                || (self.speaks_of_reduction() && prices.iter().any(|price| price.is(amount)))
                || self.is_sum(amount)
        };
        if !self.policy.catalogue.has_prices() {
            return Judgement::new(Field::Price, Verdict::Unsure, of.clone());
        }
        equal(Field::Price, right, of).truly(|| match (&products[..], &compares[..]) {
            ([_], [compare]) => Some(Truth::Money(*compare)),
            _ => None,
        })
    }
}

/// «از ۱۵۰ به ۱۲۰», "reduced from 150 to 120": what falls was the price before, what it falls to is the price.
pub(super) fn falling(value: &Value, quantity: Quantity, role: Role) -> (Role, Range<usize>) {
    let falls = value.low.amount > value.high.amount && matches!(role, Role::Plain | Role::Before);
    match (falls, quantity == value.low) {
        (false, _) => (role, tokens_of(value)),
        (true, true) if value.second > value.start => (Role::Before, value.start..value.second - 1),
        (true, true) => (Role::Before, tokens_of(value)),
        (true, false) => (Role::Plain, value.second..value.end),
    }
}
