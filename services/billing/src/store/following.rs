//! What both back ends need to read the ledger as its followers do: transaction by transaction.

use kaleem_domain::MerchantId;

use super::{
    Error, LedgerChange, Movement,
    rows::{self, Fields, event_columns},
};
use crate::{
    ledger::{Kind, topped_up},
    payment::Payment,
};

/// The newest transaction.
pub const NEWEST: &str = "SELECT coalesce(max(txn_id), 0) FROM ledger_txn";

/// Transactions with their events; of a payment also the account that it went to.
pub const CHANGES: &str = concat!(
    "SELECT t.txn_id, t.kind, t.ref_id, t.merchant_id AS paid_by,
     CASE WHEN t.kind = 'topup'
       THEN (SELECT account FROM ledger_entry AS e WHERE e.txn_id = t.txn_id AND e.amount_pico < 0) END AS paid_to,
     CASE WHEN t.kind = 'topup'
       THEN (SELECT amount_pico FROM ledger_entry AS e WHERE e.txn_id = t.txn_id AND e.amount_pico > 0) END AS paid_pico, ",
    event_columns!(),
    " FROM ledger_txn AS t LEFT JOIN usage_event ON usage_event.seq = t.event_seq
     WHERE t.txn_id > $1 ORDER BY t.txn_id LIMIT $2"
);

/// The newest transaction of a merchant.
pub const HEAD: &str = "SELECT txn_id FROM chain_head WHERE merchant_id = $1";

/// An event by its month, merchant and id, with the transaction that charged it.
pub const EVENT: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", (SELECT txn_id FROM ledger_txn WHERE event_seq = usage_event.seq AND kind = 'usage') AS txn_id
     FROM usage_event WHERE window_month = $1 AND merchant_id = $2 AND event_id = $3"
);

/// Reads a row of [`CHANGES`].
pub fn change(row: &impl Fields) -> Result<LedgerChange, Error> {
    let kind: String = row.field("kind")?;
    let what = if kind == Kind::Usage.word() {
        Movement::Charged(Box::new(rows::stored_event(row)?))
    } else if kind == Kind::Reversal.word() {
        Movement::Reversed(Box::new(rows::stored_event(row)?))
    } else if kind == Kind::Payment.word() {
        payment(row)?.map_or(Movement::Other, Movement::Paid)
    } else {
        Movement::Other
    };
    Ok(LedgerChange { transaction: row.field("txn_id")?, what })
}

/// A payment; `None` for one from before transactions named their merchant, when none topped up.
fn payment(row: &impl Fields) -> Result<Option<Payment>, Error> {
    let Some(merchant) = row.field::<Option<String>>("paid_by")? else { return Ok(None) };
    let wrong = |column| rows::wrong("ledger_txn", column);
    let paid_to: Option<String> = row.field("paid_to")?;
    let tops_up = paid_to == Some(topped_up(&merchant));
    Ok(Some(Payment {
        id: row.field::<Option<_>>("ref_id")?.ok_or_else(|| wrong("ref_id"))?,
        merchant_id: MerchantId::parse(&merchant).map_err(|_| wrong("merchant_id"))?,
        amount_pico: row.field::<Option<_>>("paid_pico")?.ok_or_else(|| wrong("amount_pico"))?,
        tops_up,
    }))
}
