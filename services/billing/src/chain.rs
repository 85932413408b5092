//! The hash chain of a merchant's transactions: `link = SHA-256(link before, row)`.
//!
//! A link covers the transaction, its entries, and for a charge the row of its event; the fields of the event that make up its
//! payload are covered through their own hash. The chain is no signature: who can write the file can make all links again, and
//! keeping a link elsewhere is what shows that.

use kaleem_domain::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::ledger::Entry;

/// One link.
pub type Link = [u8; 32];

/// What the first transaction of a merchant follows.
pub const START: Link = [0; 32];

/// A transaction as its link covers it.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// Number.
    pub transaction: i64,
    /// What it is about.
    pub kind: &'a str,
    /// Whose chain.
    pub merchant: &'a str,
    /// Event that it charges or takes back.
    pub event_seq: Option<i64>,
    /// Id of its source.
    pub ref_id: Option<&'a str>,
    /// Transaction that it takes back.
    pub corrects: Option<i64>,
    /// When it was posted.
    pub create_time: Timestamp,
    /// Row of the event that it charges.
    pub event: Option<EventContent<'a>>,
}

/// The row of an event, its payload by its hash.
#[derive(Debug, Clone, Copy)]
pub struct EventContent<'a> {
    /// Hash of the payload.
    pub payload_sha256: &'a [u8],
    /// Fence of quota's counters.
    pub epoch: i64,
    /// Who reported it.
    pub gateway_id: &'a str,
    /// What the merchant pays, in pico-US-dollars.
    pub sell_pico: i64,
    /// What the provider charges us, in pico-US-dollars.
    pub cost_pico: i64,
    /// When it was recorded.
    pub record_time: Timestamp,
}

/// The link of a transaction with these entries, each with its sequence.
pub fn link<'a>(
    previous: &Link,
    content: &Content<'_>,
    entries: impl Iterator<Item = (i64, &'a Entry)>,
) -> Link {
    let mut row = Row(Sha256::new_with_prefix(b"kaleem ledger chain v1\0"));
    row.0.update(previous);
    row.number(content.transaction);
    row.text(content.kind.as_bytes());
    row.text(content.merchant.as_bytes());
    row.optional(content.event_seq, Row::number);
    row.optional(content.ref_id, |row, id| row.text(id.as_bytes()));
    row.optional(content.corrects, Row::number);
    row.number(content.create_time.as_millis());
    row.optional(content.event, |row, event| {
        row.text(event.payload_sha256);
        row.number(event.epoch);
        row.text(event.gateway_id.as_bytes());
        for number in [event.sell_pico, event.cost_pico, event.record_time.as_millis()] {
            row.number(number);
        }
    });
    for (sequence, entry) in entries {
        row.number(sequence);
        row.text(entry.account.as_bytes());
        row.number(entry.amount_pico);
    }
    row.0.finalize().into()
}

/// Fields of a row, each so that two fields cannot trade bytes.
struct Row(Sha256);

impl Row {
    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    fn optional<T>(&mut self, value: Option<T>, add: impl Fn(&mut Self, T)) {
        self.0.update([u8::from(value.is_some())]);
        if let Some(value) = value {
            add(self, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content<'static> {
        let event = EventContent {
            payload_sha256: &[7; 32],
            epoch: 1,
            gateway_id: "gw-1",
            sell_pico: 5,
            cost_pico: 4,
            record_time: Timestamp::from_millis(9),
        };
        Content {
            transaction: 3,
            kind: "usage",
            merchant: "dukkan",
            event_seq: Some(2),
            ref_id: None,
            corrects: None,
            create_time: Timestamp::from_millis(9),
            event: Some(event),
        }
    }

    #[test]
    fn every_field_and_the_link_before_change_the_link() {
        let entry = |account: &str, amount_pico| Entry { account: account.into(), amount_pico };
        let entries = [entry("a", 5), entry("b", -5)];
        let of = |previous: &Link, content: Content<'_>, entries: &[Entry]| {
            link(previous, &content, (8..).zip(entries))
        };
        let event = content().event.unwrap();
        let changed = |event| Content { event: Some(event), ..content() };
        let links = [
            of(&START, content(), &entries),
            of(&[1; 32], content(), &entries),
            of(&START, Content { transaction: 4, ..content() }, &entries),
            of(&START, Content { kind: "topup", ..content() }, &entries),
            of(&START, Content { merchant: "hulm", ..content() }, &entries),
            of(&START, Content { event_seq: None, ..content() }, &entries),
            of(&START, Content { ref_id: Some(""), ..content() }, &entries),
            of(&START, Content { corrects: Some(2), ..content() }, &entries),
            of(&START, Content { create_time: Timestamp::from_millis(8), ..content() }, &entries),
            of(&START, Content { event: None, ..content() }, &entries),
            of(&START, changed(EventContent { payload_sha256: &[8; 32], ..event }), &entries),
            of(&START, changed(EventContent { epoch: 2, ..event }), &entries),
            of(&START, changed(EventContent { gateway_id: "gw-2", ..event }), &entries),
            of(&START, changed(EventContent { sell_pico: 4, cost_pico: 5, ..event }), &entries),
            of(&START, changed(EventContent { record_time: Timestamp::from_millis(1), ..event }), &entries),
            of(&START, content(), &entries[..1]),
            of(&START, content(), &[entry("a", -5), entry("b", 5)]),
            link(&START, &content(), (9..).zip(&entries)),
        ];
        for (at, link) in links.iter().enumerate() {
            assert!(links[..at].iter().all(|earlier| earlier != link), "{at}");
        }
        assert_eq!(of(&START, content(), &entries), links[0]);
    }
}
