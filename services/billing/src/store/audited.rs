//! What an audit reads, put together from rows of several tables.

use std::collections::HashMap;

use kaleem_domain::price::Component;

use super::{
    BookedEvent, BookedTransaction, Error, StoredEvent,
    rows::{self, Fields},
};
use crate::{ledger::Entry, rating::Line};

/// Rows that belong nowhere, or are missing. Rows are numbered from 1 without gaps, so a missing number is a deleted row.
pub const COUNTS: [(&str, &str); 10] = [
    ("usage events are missing", "SELECT coalesce(max(seq), 0) - count(*) FROM usage_event"),
    ("transactions are missing", "SELECT coalesce(max(txn_id), 0) - count(*) FROM ledger_txn"),
    ("entries are missing", "SELECT coalesce(max(seq), 0) - count(*) FROM ledger_entry"),
    (
        "lines belong to no event",
        "SELECT count(*) FROM rated_line AS l WHERE NOT EXISTS (SELECT 1 FROM usage_event AS u WHERE u.seq = l.event_seq)",
    ),
    (
        "transactions belong to no event",
        "SELECT count(*) FROM ledger_txn AS t WHERE event_seq IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM usage_event AS u WHERE u.seq = t.event_seq)",
    ),
    (
        "usage transactions name no event",
        "SELECT count(*) FROM ledger_txn WHERE kind = 'usage' AND event_seq IS NULL",
    ),
    (
        "amendments have no reversal of their event",
        "SELECT count(*) FROM amendment AS a WHERE NOT EXISTS (SELECT 1 FROM ledger_txn AS t
         WHERE t.txn_id = a.reversal_txn AND t.kind = 'reversal' AND t.event_seq = a.event_seq)",
    ),
    (
        "events took the place of none",
        "SELECT count(*) FROM usage_event AS u WHERE event_id LIKE '%~%'
         AND NOT EXISTS (SELECT 1 FROM amendment AS a WHERE a.replacement_seq = u.seq)",
    ),
    (
        "closings have no statement",
        "SELECT count(*) FROM ledger_txn AS t WHERE kind = 'statement'
         AND NOT EXISTS (SELECT 1 FROM statement AS s WHERE s.txn_id = t.txn_id)",
    ),
    (
        "entries belong to no transaction",
        "SELECT count(*) FROM ledger_entry AS e WHERE NOT EXISTS (SELECT 1 FROM ledger_txn AS t WHERE t.txn_id = e.txn_id)",
    ),
];

/// Lines by event, in the order in which rating makes them.
pub type Lines = HashMap<i64, Vec<Line>>;
/// Transactions of one kind by event, with their entries.
pub type Transactions = HashMap<i64, (i64, Vec<Entry>)>;

/// Reads rows of `rated_line`.
pub fn lines(found: &[impl Fields]) -> Result<Lines, Error> {
    let mut lines = Lines::new();
    for row in found {
        let (event, line) = rows::line(row)?;
        lines.entry(event).or_default().push(line);
    }
    let place =
        |line: &Line| (line.book, Component::ALL.iter().position(|component| *component == line.component));
    for lines in lines.values_mut() {
        lines.sort_by_key(place);
    }
    Ok(lines)
}

/// Reads rows of `ledger_txn` with an entry each, in the order of the entries.
pub fn transactions(found: &[impl Fields]) -> Result<Transactions, Error> {
    let mut transactions = Transactions::new();
    for row in found {
        let transaction = row.field("txn_id")?;
        let (_, entries) = transactions.entry(row.field("event_seq")?).or_insert((transaction, Vec::new()));
        // A transaction of nothing has no entries.
        if let Some(account) = row.field("account")? {
            entries.push(Entry { account, amount_pico: row.field("amount_pico")? });
        }
    }
    Ok(transactions)
}

/// Puts events together with what the books say about them.
pub fn events(
    stored: Vec<StoredEvent>,
    mut lines: Lines,
    mut usages: Transactions,
    mut reversals: Transactions,
) -> Vec<BookedEvent> {
    let booked = |stored: StoredEvent| {
        let lines = lines.remove(&stored.sequence).unwrap_or_default();
        let (transaction, entries) = usages.remove(&stored.sequence).unzip();
        let reversal = reversals.remove(&stored.sequence).map(|(_, entries)| entries);
        BookedEvent { stored, lines, transaction, entries: entries.unwrap_or_default(), reversal }
    };
    stored.into_iter().map(booked).collect()
}

/// Gives transactions their rows of `ledger_entry`.
pub fn with_entries(booked: &mut [BookedTransaction], found: &[impl Fields]) -> Result<(), Error> {
    let mut entries: HashMap<i64, Vec<(i64, Entry)>> = HashMap::new();
    for row in found {
        let entry = rows::entry(row)?;
        entries.entry(entry.transaction).or_default().push((entry.sequence, entry.entry));
    }
    for booked in booked {
        booked.entries = entries.remove(&booked.transaction).unwrap_or_default();
    }
    Ok(())
}
