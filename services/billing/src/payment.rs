//! Payments of merchants.

use kaleem_domain::MerchantId;

use crate::ledger::{Entry, payment_entries};

/// Money that a merchant paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The payment provider's id; a payment is posted once for ever by it.
    pub id: String,
    /// Who paid.
    pub merchant_id: MerchantId,
    /// Pico-US-dollars, positive.
    pub amount_pico: i64,
    /// It raises the cost cap of a month.
    pub tops_up: bool,
}

impl Payment {
    /// The entries, summing to zero.
    pub fn entries(&self) -> Vec<Entry> {
        payment_entries(self.merchant_id.as_str(), self.amount_pico, self.tops_up)
    }
}
