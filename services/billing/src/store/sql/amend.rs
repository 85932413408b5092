//! Amending: a reversal and its replacement in one transaction.

use kaleem_domain::Timestamp;

use super::{
    follow,
    ledger::post,
    session::{Columns, Session},
};
use crate::{
    amendment::Amendment,
    ledger::usage_entries,
    store::{Amended, Error, posting::Posting},
};

/// Carries out `amendment` unless it was carried out, or cannot be.
pub async fn amend(
    session: &mut dyn Session,
    amendment: &Amendment,
    now: Timestamp,
) -> Result<Amended, Error> {
    if let Some(done) = done(session, amendment).await? {
        return Ok(done);
    }
    let merchant = amendment.merchant_id.as_str();
    let Some(event) = follow::event(session, merchant, &amendment.event_id).await? else {
        return Ok(Amended::NotFound);
    };
    let charge = event.sequence;
    if let Some(reversed) = reversed(session, charge).await? {
        return Ok(reversed);
    }
    let entries = usage_entries(&event.event, event.sell_pico, event.cost_pico);
    let mut postings = vec![Posting::reversal(charge, amendment, &entries)];
    postings.extend(amendment.replacement.as_ref().map(Posting::usage));
    let reversal = post(session, &postings, now).await?;
    let replacement = amendment.replacement.as_ref().map(|_| reversal + 1);
    let sql = "INSERT INTO amendment (event_txn, op_id, payload_sha256, merchant_id, reason, reversal_txn, replacement_txn,
               create_time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let hash = amendment.payload_sha256();
    let values = [
        charge.into(),
        (&amendment.op_id).into(),
        (&hash).into(),
        merchant.into(),
        (&amendment.reason).into(),
        reversal.into(),
        replacement.into(),
        now.as_millis().into(),
    ];
    session.execute(sql, &values).await?;
    Ok(Amended::Transactions([Some(reversal), replacement].into_iter().flatten().collect()))
}

/// What this correction's id was used for before.
async fn done(session: &mut dyn Session, amendment: &Amendment) -> Result<Option<Amended>, Error> {
    let sql = "SELECT payload_sha256, reversal_txn, replacement_txn FROM amendment WHERE op_id = $1";
    let outcome = |row: &dyn Columns| {
        if row.bytes("payload_sha256")? != amendment.payload_sha256() {
            return Ok(Amended::Different);
        }
        let transactions = [Some(row.number("reversal_txn")?), row.optional_number("replacement_txn")?];
        Ok(Amended::Transactions(transactions.into_iter().flatten().collect()))
    };
    session.optional(sql, &[(&amendment.op_id).into()], outcome).await
}

/// The correction that took `charge` back before.
async fn reversed(session: &mut dyn Session, charge: i64) -> Result<Option<Amended>, Error> {
    let sql =
        "SELECT a.op_id, u.event_id FROM amendment AS a LEFT JOIN ledger AS u ON u.txn_id = a.replacement_txn
               WHERE a.event_txn = $1";
    let outcome = |row: &dyn Columns| {
        Ok(Amended::Reversed { op_id: row.text("op_id")?, replacement: row.optional_text("event_id")? })
    };
    session.optional(sql, &[charge.into()], outcome).await
}
