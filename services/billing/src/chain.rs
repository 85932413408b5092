//! The hash chain of a merchant's transactions: `link = SHA-256(link before, row)`.
//!
//! A link covers every column of the row; the fields of an event that make up its payload are covered through their own hash. The chain is
//! no signature: who can write the file can make all links again, and keeping a link elsewhere is what shows that.

use kaleem_domain::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    ledger::Entry,
    rating::{Line, RatedEvent, line_index},
};

/// One link.
pub type Link = [u8; 32];

/// What the first transaction of a merchant follows.
pub const START: Link = [0; 32];

/// A transaction as its link covers it.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// Number.
    pub transaction: i64,
    /// Number of its first entry.
    pub first_entry: i64,
    /// What it is about.
    pub kind: &'a str,
    /// Whose chain.
    pub merchant: &'a str,
    /// Id of its source.
    pub ref_id: Option<&'a str>,
    /// Transaction that it takes back.
    pub corrects: Option<i64>,
    /// When it was posted.
    pub create_time: Timestamp,
    /// What it holds.
    pub body: Body<'a>,
}

/// What a transaction holds.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// A charged event.
    Charge(Charge<'a>),
    /// Entries.
    Entries(&'a [Entry]),
}

/// A charged event, its payload by its hash.
#[derive(Debug, Clone, Copy)]
pub struct Charge<'a> {
    /// Hash of the payload.
    pub payload_sha256: &'a [u8],
    /// Fence of quota's counters.
    pub epoch: i64,
    /// Who reported it.
    pub gateway_id: &'a str,
    /// What it was rated at, cost first, in the order of the components.
    pub lines: &'a [Line],
    /// What the merchant pays, in pico-US-dollars.
    pub sell_pico: i64,
    /// What the provider charges us, in pico-US-dollars.
    pub cost_pico: i64,
}

impl<'a> Charge<'a> {
    /// The charge of a rated event.
    pub fn of(rated: &'a RatedEvent) -> Self {
        Self {
            payload_sha256: &rated.payload_sha256,
            epoch: rated.event.epoch,
            gateway_id: &rated.event.gateway_id,
            lines: &rated.lines,
            sell_pico: rated.sell_pico,
            cost_pico: rated.cost_pico,
        }
    }
}

/// The link of a transaction.
pub fn link(previous: &Link, content: &Content<'_>) -> Link {
    // Gathered first: one call of the hash costs less than one a field.
    let mut row = Row(Vec::with_capacity(512));
    row.0.extend(b"kaleem ledger chain v2\0");
    row.0.extend(previous);
    row.number(content.transaction);
    row.number(content.first_entry);
    row.text(content.kind.as_bytes());
    row.text(content.merchant.as_bytes());
    row.optional(content.ref_id, |row, id| row.text(id.as_bytes()));
    row.optional(content.corrects, Row::number);
    row.number(content.create_time.as_millis());
    match &content.body {
        Body::Charge(charge) => row.charge(charge),
        Body::Entries(entries) => {
            for entry in *entries {
                row.text(entry.account.as_bytes());
                row.number(entry.amount_pico);
            }
        }
    }
    Sha256::digest(&row.0).into()
}

/// Fields of a row, each so that two fields cannot trade bytes.
struct Row(Vec<u8>);

impl Row {
    fn number(&mut self, number: i64) {
        self.0.extend(number.to_be_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.0.extend((text.len() as u64).to_be_bytes());
        self.0.extend(text);
    }

    fn optional<T>(&mut self, value: Option<T>, add: impl Fn(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            add(self, value);
        }
    }

    fn charge(&mut self, charge: &Charge<'_>) {
        self.text(charge.payload_sha256);
        self.number(charge.epoch);
        self.text(charge.gateway_id.as_bytes());
        for line in charge.lines {
            self.number(i64::try_from(line_index(line.book, line.component)).unwrap_or(i64::MAX));
            self.number(line.units);
            self.number(line.amount_pico);
        }
        self.number(charge.sell_pico);
        self.number(charge.cost_pico);
    }
}

#[cfg(test)]
mod tests {
    use kaleem_domain::price::{Book, Component};

    use super::*;

    const LINE: Line = Line { book: Book::Sell, component: Component::OutputText, units: 1, amount_pico: 5 };

    fn charged(lines: &[Line]) -> Charge<'_> {
        Charge { payload_sha256: &[7; 32], epoch: 1, gateway_id: "gw-1", lines, sell_pico: 5, cost_pico: 4 }
    }

    fn content(body: Body<'_>) -> Content<'_> {
        Content {
            transaction: 3,
            first_entry: 8,
            kind: "usage",
            merchant: "dukkan",
            ref_id: None,
            corrects: None,
            create_time: Timestamp::from_millis(9),
            body,
        }
    }

    #[test]
    fn every_field_and_the_link_before_change_the_link() {
        let entry = |account: &str, amount_pico| Entry { account: account.into(), amount_pico };
        let entries = [entry("a", 5), entry("b", -5)];
        let (swapped, lines) = ([entry("a", -5), entry("b", 5)], [LINE]);
        let charge = charged(&lines);
        let plain = content(Body::Charge(charge));
        let changed = |charge| content(Body::Charge(charge));
        let other_units = [Line { units: 2, ..LINE }];
        let other_amount = [Line { amount_pico: 6, ..LINE }];
        let other_book = [Line { book: Book::Cost, ..LINE }];
        let contents = [
            plain,
            Content { transaction: 4, ..plain },
            Content { first_entry: 9, ..plain },
            Content { kind: "topup", ..plain },
            Content { merchant: "hulm", ..plain },
            Content { ref_id: Some(""), ..plain },
            Content { corrects: Some(2), ..plain },
            Content { create_time: Timestamp::from_millis(8), ..plain },
            changed(Charge { payload_sha256: &[8; 32], ..charge }),
            changed(Charge { epoch: 2, ..charge }),
            changed(Charge { gateway_id: "gw-2", ..charge }),
            changed(Charge { sell_pico: 4, cost_pico: 5, ..charge }),
            changed(Charge { lines: &other_units, ..charge }),
            changed(Charge { lines: &other_amount, ..charge }),
            changed(Charge { lines: &other_book, ..charge }),
            changed(Charge { lines: &[], ..charge }),
            content(Body::Entries(&entries)),
            content(Body::Entries(&entries[..1])),
            content(Body::Entries(&swapped)),
        ];
        let mut hashes: Vec<Link> = contents.iter().map(|content| link(&START, content)).collect();
        hashes.push(link(&[1; 32], &plain));
        for (at, link) in hashes.iter().enumerate() {
            assert!(hashes[..at].iter().all(|earlier| earlier != link), "{at}");
        }
        assert_eq!(link(&START, &plain), hashes[0]);
    }
}
