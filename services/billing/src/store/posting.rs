//! What is posted: transactions with their entries, numbered without gaps, so that a deleted row shows, and chained.

use std::collections::{BTreeSet, HashMap};

use kaleem_domain::Timestamp;

use super::{Error, Posted};
use crate::{
    amendment::Amendment,
    chain::{Content, EventContent, Link, START, link as chain_link},
    ledger::{Entry, Kind, reversed, usage_entries},
    payment::Payment,
    rating::RatedEvent,
    statement::{Cut, Statement},
};

/// Newest transaction and link of each merchant.
pub type Heads<'a> = HashMap<&'a str, (i64, Link)>;

/// Adds the end of a chain as the store holds it.
pub fn add_head<'a>(
    heads: &mut Heads<'a>,
    merchant: &'a str,
    transaction: i64,
    stored: &[u8],
) -> Result<(), Error> {
    let wrong = Error::Value { table: "chain_head", column: "chain_sha256" };
    heads.insert(merchant, (transaction, Link::try_from(stored).map_err(|_| wrong)?));
    Ok(())
}

/// Whose chains the postings are added to, each once.
pub fn merchants<'a>(postings: &[Posting<'a>]) -> Vec<&'a str> {
    let merchants: BTreeSet<&str> = postings.iter().map(|posting| posting.merchant).collect();
    merchants.into_iter().collect()
}

/// A transaction to post.
pub struct Posting<'a> {
    /// What it is about.
    pub kind: Kind,
    /// Whose chain it is added to.
    pub merchant: &'a str,
    /// Event that it charges or takes back.
    pub event_seq: Option<i64>,
    /// The event, if it charges one.
    charged: Option<&'a RatedEvent>,
    /// Id of its source where that is no event.
    pub ref_id: Option<String>,
    /// Transaction that it takes back.
    pub corrects: Option<i64>,
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

    /// A payment.
    pub fn payment(payment: &'a Payment) -> Self {
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
pub struct Numbered<'a> {
    /// The posting.
    pub posting: &'a Posting<'a>,
    /// Its transaction.
    pub transaction: i64,
    entry_seq: i64,
    /// Its link.
    pub link: Link,
}

impl<'a> Numbered<'a> {
    /// Its entries, each with its sequence.
    pub fn entries(&self) -> impl Iterator<Item = (i64, &'a Entry)> + use<'a> {
        (self.entry_seq..).zip(&self.posting.entries)
    }
}

/// Numbers postings from `first`, a transaction and an entry, and links each to its merchant's chain, whose end moves to it.
pub fn number<'a>(
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

/// What posting a payment comes to whose id was posted before as `transaction` with `entries`.
pub fn posted_before(payment: &Payment, transaction: i64, entries: &[Entry]) -> Posted {
    // Merchant, amount and whether it tops up are all that a payment says, and its entries say all three.
    if entries == payment.entries() { Posted::Transaction(transaction) } else { Posted::Different }
}
