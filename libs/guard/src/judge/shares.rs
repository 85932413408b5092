//! Shares of a price: its tax, and one of several payments.

use super::{Judge, sums::ADDENDS_MAX};
use crate::{amount::Amount, lexicon::Class, unit::Unit};

/// Tokens between a word for paying and the number of payments.
const PAID_REACH: usize = 6;

impl Judge<'_> {
    /// With the tax added, taken out, or the tax alone.
    pub(super) fn taxed(&self, price: Amount, amount: Amount) -> bool {
        if !self.sentence.has(&[Class::Vat]) {
            return false;
        }
        let Some(rate) = self.policy.vat_percent() else { return false };
        let hundred = Amount::whole(100);
        let net = price.times(hundred).over(hundred.plus(rate)).unwrap_or_default();
        let included = self.policy.vat_included != Some(false);
        let tax = price.percent(rate);
        tax.is(amount)
            || price.minus(net).is(amount)
            || (included && net.is(amount))
            || (!included && price.plus(tax).is(amount))
    }

    /// One of several equal payments.
    pub(super) fn split(&self, price: Amount, amount: Amount) -> bool {
        let payments = || {
            let months = self.sentence.values.iter().filter_map(|value| match value.low.unit {
                Unit::Month => Some(value.low.amount),
                Unit::Year => Some(value.low.amount.times(Amount::whole(12))),
                _ => None,
            });
            let said = self.sentence.bare.iter().map(|bare| bare.amount).chain(months);
            let two = (0..self.sentence.notes.len())
                .any(|index| matches!(self.sentence.tokens.word(index), "قسطين" | "دفعتين" | "two"))
                .then_some(Amount::whole(2));
            said.chain([Amount::whole(4), Amount::whole(3)])
                .chain(two)
                .filter(|count| count.integer().is_some_and(|count| (2..=36).contains(&count)))
        };
        self.sentence.has(&[Class::Install])
            && payments().any(|count| price.over(count).is_some_and(|part| part.is(amount)))
    }

    /// One of several equal payments: of what is named, or of an amount that is said.
    pub(super) fn is_part_paid(&self, amount: Amount) -> bool {
        let paid_in = || {
            self.sentence.bare.iter().any(|bare| {
                bare.start.checked_sub(1).is_some_and(|before| self.sentence.tokens.word(before) == "in")
                    && (bare.start.saturating_sub(PAID_REACH)..bare.start)
                        .any(|index| matches!(self.sentence.tokens.word(index), "pay" | "split"))
            })
        };
        if !self.sentence.has(&[Class::Install]) && !paid_in() {
            return false;
        }
        let said = self.sentence.values.iter().map(|value| value.low.amount);
        self.worths().take(ADDENDS_MAX).chain(said).any(|price| self.split(price, amount))
    }
}
