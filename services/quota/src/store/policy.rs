//! A policy as those who watch policies read it.

use kaleem_domain::MerchantId;

use crate::{
    Error,
    machine::{Amount, MerchantRecord, WindowId},
};

/// A policy with its place in the order of changes.
#[derive(Debug, Clone)]
pub(crate) struct StoredPolicy {
    /// Rises with each change.
    pub(crate) sequence: i64,
    pub(crate) merchant: MerchantId,
    pub(crate) record: MerchantRecord,
    /// The last top-ups, by month.
    top_ups: Vec<(u32, i64, i64)>,
}

impl StoredPolicy {
    /// Top-ups that are read; as many as the machine grants in the months that it keeps.
    pub(super) const TOP_UPS_MAX: i64 = 1_000;

    /// Reads the columns of a row: its number, the merchant, its record and its top-ups, both as JSON.
    pub(super) fn read(sequence: i64, merchant: &str, record: &str, top_ups: &str) -> Result<Self, Error> {
        Ok(Self {
            sequence,
            merchant: MerchantId::parse_account(merchant)
                .map_err(|error| Error::Damaged(error.to_string()))?,
            record: serde_json::from_str(record)?,
            top_ups: serde_json::from_str(top_ups)?,
        })
    }

    /// What top-ups add to the caps of `month`.
    pub(crate) fn extra(&self, month: WindowId) -> Amount {
        let of_month = self.top_ups.iter().filter(|(of, ..)| *of == month.number());
        of_month.fold(Amount::ZERO, |sum, (_, tokens, cost_nano)| {
            sum.plus(Amount { requests: 0, tokens: *tokens, cost_nano: *cost_nano })
        })
    }
}
