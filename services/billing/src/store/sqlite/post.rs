//! Posting: transactions and their entries, numbered without gaps, so that a deleted row shows.

use kaleem_domain::Timestamp;
use sqlx::{Arguments as _, Row as _, SqliteConnection};

use super::bulk::{self, bind_all};
use crate::{
    ledger::{Entry, Kind, reversed, usage_entries},
    payment::Payment,
    rating::RatedEvent,
    statement::{Cut, Statement},
    store::{Error, Posted},
};

/// A transaction to post.
pub struct Posting {
    kind: Kind,
    /// Event that it charges.
    event_seq: Option<i64>,
    /// Id of its source where that is no event.
    ref_id: Option<String>,
    /// Transaction that it takes back.
    corrects: Option<i64>,
    entries: Vec<Entry>,
}

impl Posting {
    /// The charge of an event.
    pub fn usage(event_seq: i64, event: &RatedEvent) -> Self {
        let entries = usage_entries(&event.event, event.sell_pico, event.cost_pico);
        Self { kind: Kind::Usage, event_seq: Some(event_seq), ref_id: None, corrects: None, entries }
    }

    /// Takes back `charge`, the transaction of an event with these entries, by the correction `op_id`.
    pub fn reversal(event_seq: i64, charge: i64, op_id: &str, entries: &[Entry]) -> Self {
        Self {
            kind: Kind::Reversal,
            event_seq: Some(event_seq),
            ref_id: Some(op_id.to_owned()),
            corrects: Some(charge),
            entries: reversed(entries),
        }
    }

    /// The closing of a month after `previous`.
    pub fn statement(statement: &Statement, previous: Option<&Cut>) -> Self {
        Self {
            kind: Kind::Statement,
            event_seq: None,
            ref_id: Some(format!("{}/{}", statement.merchant_id, statement.cut.period)),
            corrects: None,
            entries: statement.entries(previous),
        }
    }

    fn payment(payment: &Payment) -> Self {
        let (ref_id, entries) = (Some(payment.id.clone()), payment.entries());
        Self { kind: Kind::Payment, event_seq: None, ref_id, corrects: None, entries }
    }
}

/// Posts transactions in order and answers the number of the first; the others follow it without gaps.
pub async fn post(
    connection: &mut SqliteConnection,
    postings: &[Posting],
    now: Timestamp,
) -> Result<i64, Error> {
    let sql = "SELECT coalesce((SELECT max(txn_id) FROM ledger_txn), 0),
               coalesce((SELECT max(seq) FROM ledger_entry), 0)";
    let newest = sqlx::query(sql).fetch_one(&mut *connection).await?;
    let (first, entry_seq) = (newest.try_get::<i64, _>(0)? + 1, newest.try_get::<i64, _>(1)? + 1);
    let transactions: Vec<(i64, &Posting)> = (first..).zip(postings).collect();
    let columns = ["txn_id", "kind", "event_seq", "ref_id", "corrects_txn", "create_time_ms"];
    bulk::insert(connection, "ledger_txn", &columns, &transactions, |arguments, (id, posting)| {
        let (event_seq, ref_id) = (posting.event_seq, posting.ref_id.as_deref());
        bind_all!(arguments, *id, posting.kind.word(), event_seq, ref_id, posting.corrects, now.as_millis())
    })
    .await?;
    let entries =
        transactions.iter().flat_map(|(id, posting)| posting.entries.iter().map(|entry| (*id, entry)));
    let entries: Vec<_> = (entry_seq..).zip(entries).collect();
    let columns = ["seq", "txn_id", "account", "amount_pico"];
    bulk::insert(connection, "ledger_entry", &columns, &entries, |arguments, (seq, (id, entry))| {
        bind_all!(arguments, *seq, *id, entry.account.as_str(), entry.amount_pico)
    })
    .await?;
    Ok(first)
}

/// Posts a payment unless its id was posted.
pub async fn payment(
    connection: &mut SqliteConnection,
    payment: &Payment,
    now: Timestamp,
) -> Result<Posted, Error> {
    let sql = "SELECT t.txn_id, e.account, e.amount_pico FROM ledger_txn AS t JOIN ledger_entry AS e ON e.txn_id = t.txn_id
               WHERE t.kind = ? AND t.ref_id = ? ORDER BY e.seq";
    let query = sqlx::query(sql).bind(Kind::Payment.word()).bind(&payment.id);
    let held = query.fetch_all(&mut *connection).await?;
    let Some(first) = held.first() else {
        return Ok(Posted::Transaction(post(connection, &[Posting::payment(payment)], now).await?));
    };
    let mut entries = Vec::with_capacity(held.len());
    for row in &held {
        entries.push(Entry { account: row.try_get(1)?, amount_pico: row.try_get(2)? });
    }
    // Merchant and amount are all that a payment says, and its entries say both.
    Ok(if entries == payment.entries() { Posted::Transaction(first.try_get(0)?) } else { Posted::Different })
}
