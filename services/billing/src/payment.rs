//! Payments of merchants, and money that went back to them.

use kaleem_domain::MerchantId;

use crate::ledger::{Entry, payment_entries};

/// Money that a merchant paid, or that went back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The payment provider's id; a payment is posted once for ever by it.
    pub id: String,
    /// Who paid, or got it back.
    pub merchant_id: MerchantId,
    /// Pico-US-dollars, neither zero nor `i64::MIN`; negative for money that went back.
    pub amount_pico: i64,
    /// It raises the cost cap of a month; never for money that went back.
    pub tops_up: bool,
}

impl Payment {
    /// The entries, summing to zero.
    pub fn entries(&self) -> Vec<Entry> {
        payment_entries(self.merchant_id.as_str(), self.amount_pico, self.tops_up)
    }
}
