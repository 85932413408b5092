//! Posting: transactions and their entries, numbered without gaps, so that a deleted row shows.

use std::collections::BTreeSet;

use kaleem_domain::Timestamp;
use sqlx::{Arguments as _, Row as _, SqliteConnection};

use super::{
    bulk::{self, bind_all},
    chain::{self, Heads},
};
use crate::{
    amendment::Amendment,
    chain::{Content, EventContent, Link, START, link as chain_link},
    ledger::{Entry, Kind, reversed, usage_entries},
    payment::Payment,
    rating::RatedEvent,
    statement::{Cut, Statement},
    store::{Error, Posted},
};

/// A transaction to post.
pub struct Posting<'a> {
    kind: Kind,
    /// Whose chain it is added to.
    merchant: &'a str,
    /// Event that it charges or takes back.
    event_seq: Option<i64>,
    /// The event, if it charges one.
    charged: Option<&'a RatedEvent>,
    /// Id of its source where that is no event.
    ref_id: Option<String>,
    /// Transaction that it takes back.
    corrects: Option<i64>,
    entries: Vec<Entry>,
}

impl<'a> Posting<'a> {
    /// The charge of an event.
    pub fn usage(event_seq: i64, event: &'a RatedEvent) -> Self {
        let entries = usage_entries(&event.event, event.sell_pico, event.cost_pico);
        let (event_seq, charged) = (Some(event_seq), Some(event));
        Self { event_seq, charged, ..Self::of(Kind::Usage, event.event.merchant_id.as_str(), entries) }
    }

    /// Takes back `charge`, the transaction of an event with these entries.
    pub fn reversal(event_seq: i64, charge: i64, amendment: &'a Amendment, entries: &[Entry]) -> Self {
        Self {
            event_seq: Some(event_seq),
            ref_id: Some(amendment.op_id.clone()),
            corrects: Some(charge),
            ..Self::of(Kind::Reversal, amendment.merchant_id.as_str(), reversed(entries))
        }
    }

    /// The closing of a month after `previous`.
    pub fn statement(statement: &'a Statement, previous: Option<&Cut>) -> Self {
        let merchant = statement.merchant_id.as_str();
        let ref_id = Some(format!("{merchant}/{}", statement.cut.period));
        Self { ref_id, ..Self::of(Kind::Statement, merchant, statement.entries(previous)) }
    }

    fn payment(payment: &'a Payment) -> Self {
        let posting = Self::of(Kind::Payment, payment.merchant_id.as_str(), payment.entries());
        Self { ref_id: Some(payment.id.clone()), ..posting }
    }

    fn of(kind: Kind, merchant: &'a str, entries: Vec<Entry>) -> Self {
        Self { kind, merchant, event_seq: None, charged: None, ref_id: None, corrects: None, entries }
    }

    /// What its link covers, without the entries.
    fn content(&self, transaction: i64, now: Timestamp) -> Content<'_> {
        Content {
            transaction,
            kind: self.kind.word(),
            merchant: self.merchant,
            event_seq: self.event_seq,
            ref_id: self.ref_id.as_deref(),
            corrects: self.corrects,
            create_time: now,
            event: self.charged.map(|charged| EventContent {
                payload_sha256: &charged.payload_sha256,
                epoch: charged.event.epoch,
                gateway_id: &charged.event.gateway_id,
                sell_pico: charged.sell_pico,
                cost_pico: charged.cost_pico,
                record_time: now,
            }),
        }
    }
}

/// A posting with its numbers and its link.
struct Numbered<'a> {
    posting: &'a Posting<'a>,
    transaction: i64,
    entry_seq: i64,
    link: Link,
}

impl<'a> Numbered<'a> {
    fn entries(&self) -> impl Iterator<Item = (i64, &'a Entry)> + use<'a> {
        (self.entry_seq..).zip(&self.posting.entries)
    }
}

/// Posts transactions in order and answers the number of the first; the others follow it without gaps.
pub async fn post(
    connection: &mut SqliteConnection,
    postings: &[Posting<'_>],
    now: Timestamp,
) -> Result<i64, Error> {
    let sql = "SELECT coalesce((SELECT max(txn_id) FROM ledger_txn), 0),
               coalesce((SELECT max(seq) FROM ledger_entry), 0)";
    let newest = sqlx::query(sql).fetch_one(&mut *connection).await?;
    let (first, entry_seq) = (newest.try_get::<i64, _>(0)? + 1, newest.try_get::<i64, _>(1)? + 1);
    let merchants: BTreeSet<&str> = postings.iter().map(|posting| posting.merchant).collect();
    let merchants: Vec<&str> = merchants.into_iter().collect();
    let mut heads = chain::heads(connection, &merchants).await?;
    let numbered = number(postings, (first, entry_seq), &mut heads, now);
    let columns = [
        "txn_id",
        "kind",
        "event_seq",
        "ref_id",
        "corrects_txn",
        "create_time_ms",
        "merchant_id",
        "chain_sha256",
    ];
    bulk::insert(connection, "ledger_txn", &columns, &numbered, |arguments, numbered| {
        let posting = numbered.posting;
        bind_all!(
            arguments,
            numbered.transaction,
            posting.kind.word(),
            posting.event_seq,
            posting.ref_id.as_deref(),
            posting.corrects,
            now.as_millis(),
            posting.merchant,
            numbered.link.as_slice(),
        )
    })
    .await?;
    let entries = numbered.iter().flat_map(|numbered| {
        let transaction = numbered.transaction;
        numbered.entries().map(move |(seq, entry)| (seq, transaction, entry))
    });
    let entries: Vec<(i64, i64, &Entry)> = entries.collect();
    let columns = ["seq", "txn_id", "account", "amount_pico"];
    bulk::insert(connection, "ledger_entry", &columns, &entries, |arguments, (seq, transaction, entry)| {
        bind_all!(arguments, *seq, *transaction, entry.account.as_str(), entry.amount_pico)
    })
    .await?;
    chain::set_heads(connection, &heads).await?;
    Ok(first)
}

/// Numbers postings from `first`, a transaction and an entry, and links each to its merchant's chain, whose end moves to it.
fn number<'a>(
    postings: &'a [Posting<'a>],
    first: (i64, i64),
    heads: &mut Heads<'a>,
    now: Timestamp,
) -> Vec<Numbered<'a>> {
    let mut entry_seq = first.1;
    let mut all = Vec::with_capacity(postings.len());
    for (transaction, posting) in (first.0..).zip(postings) {
        let before = heads.get(posting.merchant).map_or(START, |(_, link)| *link);
        let mut numbered = Numbered { posting, transaction, entry_seq, link: before };
        numbered.link = chain_link(&before, &posting.content(transaction, now), numbered.entries());
        entry_seq = numbered.entries().last().map_or(entry_seq, |(newest, _)| newest + 1);
        heads.insert(posting.merchant, (transaction, numbered.link));
        all.push(numbered);
    }
    all
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
