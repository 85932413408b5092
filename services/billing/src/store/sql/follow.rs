//! Reading the ledger as its followers do: transaction by transaction, and entry by entry.

use kaleem_domain::MerchantId;

use super::{
    balance::paid,
    rows::{self, event_columns, wrong},
    session::{Columns, Session},
};
use crate::{
    event::UsageEvent,
    ledger::{CASH, Kind, charge_entries, topped_up},
    payment::Payment,
    store::{BookedEntry, Error, LedgerChange, Movement, Page, StoredEvent, posting},
};

/// Transactions, each with the event that it charges or takes back; one without is beside itself.
const CHANGES: &str = concat!(
    "SELECT t.txn_id AS change_txn, t.kind AS change, t.ref_id AS paid_as, t.merchant_id AS paid_by, t.entries AS paid, ",
    event_columns!(),
    " FROM ledger AS t JOIN ledger AS u ON u.txn_id = coalesce(t.corrects_txn, t.txn_id)
     WHERE t.txn_id > $1 ORDER BY t.txn_id LIMIT $2"
);

/// Reads a page of transactions.
pub async fn page(session: &mut dyn Session, after: i64, limit: i64) -> Result<Page, Error> {
    let newest = session.number("SELECT coalesce(max(txn_id), 0) AS number FROM ledger", &[]).await?;
    let mut changes = session.all(CHANGES, &[after.into(), limit.into()], change).await?;
    for change in &mut changes {
        if let Movement::Paid { payment, paid_pico } = &mut change.what {
            *paid_pico = paid(session, payment.merchant_id.as_str(), (0, change.transaction)).await?;
        }
    }
    Ok(Page { changes, newest })
}

fn change(row: &dyn Columns) -> Result<LedgerChange, Error> {
    let kind = row.text("change")?;
    let what = if kind == Kind::Usage.word() {
        Movement::Charged(Box::new(rows::stored_event(row)?))
    } else if kind == Kind::Reversal.word() {
        Movement::Reversed(Box::new(rows::stored_event(row)?))
    } else if kind == Kind::Payment.word() {
        Movement::Paid { payment: payment(row)?, paid_pico: 0 }
    } else {
        Movement::Other
    };
    Ok(LedgerChange { transaction: row.number("change_txn")?, what })
}

fn payment(row: &dyn Columns) -> Result<Payment, Error> {
    let merchant = row.text("paid_by")?;
    let entries = posting::read(&row.text("paid")?)?;
    let side = |is_cash: bool| entries.iter().find(|entry| (entry.account == CASH) == is_cash);
    let (Some(cash), Some(paid)) = (side(true), side(false)) else { return Err(wrong("ledger", "entries")) };
    Ok(Payment {
        id: row.text("paid_as")?,
        merchant_id: MerchantId::parse(&merchant).map_err(|_| wrong("ledger", "merchant_id"))?,
        amount_pico: cash.amount_pico,
        tops_up: paid.account == topped_up(&merchant),
    })
}

/// Reads the newest transaction of a merchant, 0 before the first.
pub async fn head(session: &mut dyn Session, merchant: &str) -> Result<i64, Error> {
    let sql = "SELECT txn_id AS number FROM chain_head WHERE merchant_id = $1";
    let head = session.optional(sql, &[merchant.into()], |row| Ok(row.number("number")?)).await?;
    Ok(head.unwrap_or(0))
}

/// Reads an event by its merchant and id, which starts with its month.
pub async fn event(
    session: &mut dyn Session,
    merchant: &str,
    event_id: &str,
) -> Result<Option<StoredEvent>, Error> {
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM ledger AS u WHERE window_month = $1 AND merchant_id = $2 AND event_id = $3"
    );
    let Some(month) = UsageEvent::month_of(event_id) else { return Ok(None) };
    let window = format!("M{month}");
    session.optional(sql, &[(&window).into(), merchant.into(), event_id.into()], rows::stored_event).await
}

/// Reads up to `limit` events of a merchant before `sequence`, newest first.
pub async fn events(
    session: &mut dyn Session,
    merchant: &str,
    sequence: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, Error> {
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM ledger AS u WHERE merchant_id = $1 AND txn_id < $2 AND kind = 'usage' ORDER BY txn_id DESC LIMIT $3"
    );
    session.all(sql, &[merchant.into(), sequence.into(), limit.into()], rows::stored_event).await
}

/// The transaction that holds entry `$1`, or the newest. Entries rise with their transactions, so it is looked for by halves; an index would
/// cost every transaction.
const HOLDER: &str = "
    WITH RECURSIVE search (low, high) AS (
        SELECT CAST(1 AS BIGINT), (SELECT max(txn_id) FROM ledger)
        UNION ALL
        SELECT CASE WHEN m.entry_seq <= $1 THEN m.txn_id ELSE s.low END,
               CASE WHEN m.entry_seq <= $1 THEN s.high ELSE m.txn_id - 1 END
        FROM search AS s JOIN ledger AS m ON m.txn_id = (s.low + s.high + 1) / 2 WHERE s.low < s.high
    )
    SELECT coalesce(max(low), 1) AS number FROM search";

/// Reads up to `limit` entries from `sequence` on, in order.
pub async fn tail(session: &mut dyn Session, sequence: i64, limit: i64) -> Result<Vec<BookedEntry>, Error> {
    let holder = session.number(HOLDER, &[sequence.into()]).await?;
    let sql = "SELECT txn_id, entry_seq, merchant_id, status, target, sell_pico, cost_pico, entries FROM ledger
               WHERE txn_id >= $1 AND (sell_pico <> 0 OR cost_pico <> 0 OR entries <> '[]') ORDER BY txn_id LIMIT $2";
    // Each has an entry at least, and the first perhaps only ones that were asked for before.
    let found = session.all(sql, &[holder.into(), (limit + 1).into()], entries).await?;
    let wanted = found.into_iter().flatten().filter(|entry| entry.sequence >= sequence);
    Ok(wanted.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

fn entries(row: &dyn Columns) -> Result<Vec<BookedEntry>, Error> {
    let entries = if let Some(entries) = row.optional_text("entries")? {
        posting::read(&entries)?
    } else {
        let status = rows::status(row)?;
        let (merchant, target) = (row.text("merchant_id")?, row.text("target")?);
        charge_entries(&merchant, &target, status, row.number("sell_pico")?, row.number("cost_pico")?)
    };
    let (transaction, first) = (row.number("txn_id")?, row.number("entry_seq")?);
    let booked = |(sequence, entry)| BookedEntry { transaction, sequence, entry };
    Ok((first..).zip(entries).map(booked).collect())
}
