//! What is posted: transactions, numbered without gaps, so that a deleted row shows, and chained.

use std::collections::HashMap;

use kaleem_domain::Timestamp;

use super::Error;
use crate::{
    amendment::Amendment,
    chain::{Body, Charge, Content, Link, START, link},
    ledger::{Entry, Kind, reversed},
    payment::Payment,
    rating::RatedEvent,
    statement::{Cut, Statement},
};

/// Newest transaction and link of each merchant.
pub type Heads<'a> = HashMap<&'a str, (i64, Link)>;

/// A transaction to post.
pub struct Posting<'a> {
    /// What it is about.
    pub kind: Kind,
    /// Whose chain it is added to.
    pub merchant: &'a str,
    /// What it holds.
    pub what: What<'a>,
}

/// What a transaction holds.
pub enum What<'a> {
    /// A charge.
    Event(&'a RatedEvent),
    /// Anything else.
    Entries {
        /// Id of its source.
        ref_id: String,
        /// Transaction that it takes back.
        corrects: Option<i64>,
        /// Its entries.
        entries: Vec<Entry>,
    },
}

impl<'a> Posting<'a> {
    /// The charge of an event.
    pub fn usage(event: &'a RatedEvent) -> Self {
        Self { kind: Kind::Usage, merchant: event.event.merchant_id.as_str(), what: What::Event(event) }
    }

    /// Takes back `charge`, the transaction of an event with these entries.
    pub fn reversal(charge: i64, amendment: &'a Amendment, entries: &[Entry]) -> Self {
        let (ref_id, entries) = (amendment.op_id.clone(), reversed(entries));
        let what = What::Entries { ref_id, corrects: Some(charge), entries };
        Self { kind: Kind::Reversal, merchant: amendment.merchant_id.as_str(), what }
    }

    /// The closing of a month after `previous`.
    pub fn statement(statement: &'a Statement, previous: Option<&Cut>) -> Self {
        let merchant = statement.merchant_id.as_str();
        let ref_id = format!("{merchant}/{}", statement.cut.period);
        let what = What::Entries { ref_id, corrects: None, entries: statement.entries(previous) };
        Self { kind: Kind::Statement, merchant, what }
    }

    /// A payment.
    pub fn payment(payment: &'a Payment) -> Self {
        let (ref_id, entries) = (payment.id.clone(), payment.entries());
        let what = What::Entries { ref_id, corrects: None, entries };
        Self { kind: Kind::Payment, merchant: payment.merchant_id.as_str(), what }
    }

    /// What it is once for ever: its merchant, and the id of its event or source.
    pub fn identity(&self) -> (&'a str, &str) {
        match &self.what {
            What::Event(rated) => (self.merchant, &rated.event.event_id),
            What::Entries { ref_id, .. } => (self.merchant, ref_id),
        }
    }

    /// How many entries it has.
    fn entry_count(&self) -> i64 {
        match &self.what {
            What::Event(event) => charge_entry_count(event.sell_pico, event.cost_pico),
            What::Entries { entries, .. } => i64::try_from(entries.len()).unwrap_or(i64::MAX),
        }
    }

    /// What its link covers.
    fn content(&self, transaction: i64, first_entry: i64, now: Timestamp) -> Content<'_> {
        let (ref_id, corrects, body) = match &self.what {
            What::Event(rated) => (None, None, Body::Charge(Charge::of(rated))),
            What::Entries { ref_id, corrects, entries } => {
                (Some(ref_id.as_str()), *corrects, Body::Entries(entries))
            }
        };
        let (kind, merchant) = (self.kind.word(), self.merchant);
        Content { transaction, first_entry, kind, merchant, ref_id, corrects, create_time: now, body }
    }
}

/// How many entries a charge has: two an amount that is not zero.
pub fn charge_entry_count(sell_pico: i64, cost_pico: i64) -> i64 {
    2 * (i64::from(sell_pico != 0) + i64::from(cost_pico != 0))
}

/// A posting with its numbers and its link.
pub struct Numbered<'a> {
    /// The posting.
    pub posting: &'a Posting<'a>,
    /// Its transaction.
    pub transaction: i64,
    /// Its first entry.
    pub first_entry: i64,
    /// Its link.
    pub link: Link,
    /// Its entries as the store holds them; a charge's follow from its row.
    pub entries: Option<String>,
}

/// Numbers postings from `next`, a transaction and an entry, which moves past them, and links each to its merchant's chain, whose end
/// moves to it.
pub fn number<'a>(
    postings: &'a [Posting<'a>],
    next: &mut (i64, i64),
    heads: &mut Heads<'a>,
    now: Timestamp,
) -> Result<Vec<Numbered<'a>>, Error> {
    let mut all = Vec::with_capacity(postings.len());
    for posting in postings {
        let (transaction, first_entry) = *next;
        let head = heads.entry(posting.merchant).or_insert((0, START));
        let link = link(&head.1, &posting.content(transaction, first_entry, now));
        *head = (transaction, link);
        let entries = match &posting.what {
            What::Event(_) => None,
            What::Entries { entries, .. } => Some(written(entries)?),
        };
        all.push(Numbered { posting, transaction, first_entry, link, entries });
        *next = (transaction + 1, first_entry + posting.entry_count());
    }
    Ok(all)
}

/// Entries as the store holds them: `[["account", pico], …]`.
fn written(entries: &[Entry]) -> Result<String, Error> {
    let pairs: Vec<_> = entries.iter().map(|entry| (&entry.account, entry.amount_pico)).collect();
    Ok(serde_json::to_string(&pairs).map_err(|error| sqlx::Error::Encode(error.into()))?)
}

/// Reads [`written`] entries.
pub fn read(entries: &str) -> Result<Vec<Entry>, Error> {
    let wrong = |_| Error::Value { table: "ledger", column: "entries" };
    let pairs: Vec<(String, i64)> = serde_json::from_str(entries).map_err(wrong)?;
    Ok(pairs.into_iter().map(|(account, amount_pico)| Entry { account, amount_pico }).collect())
}
