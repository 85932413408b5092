//! Sums over all months of a merchant.

use super::{
    follow::head,
    session::{Columns, Session},
    sums::{optional_sum, sums},
};
use crate::{
    balance::Balance,
    ledger::CASH,
    store::{Error, posting},
};

/// Charges of a merchant after one transaction and up to another, less those that were taken back meanwhile.
const CHARGED: &str = concat!(
    "WITH counted AS (
         SELECT 1 AS sign, u.sell_pico FROM ledger AS u
         WHERE u.merchant_id = $1 AND u.txn_id > $2 AND u.txn_id <= $3 AND u.kind = 'usage'
         UNION ALL
         SELECT -1 AS sign, u.sell_pico FROM ledger AS r JOIN ledger AS u ON u.txn_id = r.corrects_txn
         WHERE r.merchant_id = $1 AND r.txn_id > $2 AND r.txn_id <= $3 AND r.kind = 'reversal'
     )
     SELECT CAST(coalesce(sum(sign), 0) AS BIGINT) AS events, ",
    sums!("sign * sell_pico" as "sell_pico"),
    " FROM counted"
);

const PAYMENTS: &str =
    "SELECT entries FROM ledger WHERE merchant_id = $1 AND txn_id > $2 AND txn_id <= $3 AND kind = 'topup'";

/// Both sides of a merchant's account, going on from `since`. No snapshot is needed: transactions up to one that is seen never change.
pub async fn balance(session: &mut dyn Session, merchant: &str, since: Balance) -> Result<Balance, Error> {
    let transaction = head(session, merchant).await?;
    // A ledger that was restored from before `since` is another one.
    let since = if transaction < since.transaction { Balance::default() } else { since };
    if transaction == since.transaction {
        return Ok(since);
    }
    let span = [merchant.into(), since.transaction.into(), transaction.into()];
    let charged = |row: &dyn Columns| {
        Ok((i128::from(row.number("events")?), optional_sum(row, "sell_pico")?.unwrap_or(0)))
    };
    let (events, charged) = session.optional(CHARGED, &span, charged).await?.unwrap_or((0, 0));
    Ok(Balance {
        transaction,
        paid_pico: since.paid_pico + paid(session, merchant, (since.transaction, transaction)).await?,
        charged_pico: since.charged_pico + charged,
        events: since.events + events,
    })
}

/// What a merchant paid after one transaction and up to another, less what went back, in pico-US-dollars.
pub async fn paid(session: &mut dyn Session, merchant: &str, (after, to): (i64, i64)) -> Result<i128, Error> {
    let cash = |row: &dyn Columns| {
        let entries = posting::read(&row.text("entries")?)?;
        let cash = entries.iter().filter(|entry| entry.account == CASH);
        Ok(cash.map(|entry| i128::from(entry.amount_pico)).sum::<i128>())
    };
    Ok(session.all(PAYMENTS, &[merchant.into(), after.into(), to.into()], cash).await?.into_iter().sum())
}
