//! The ledger at one instant, for its audit, read through the views that people read it through.

use std::{collections::HashMap, ops::DerefMut};

use kaleem_domain::{MerchantId, Timestamp, price::Component};

use super::{
    rows::{self, event_columns},
    session::{Columns, Session},
    statements,
};
use crate::{
    ledger::{Entry, Kind, reversed, usage_entries},
    period::Period,
    rating::Line,
    store::{BookedEntry, BookedStatement, BookedTransaction, Books, ChainHead, Error, Pending, StoredEvent},
};

/// Rows that belong nowhere, or are missing. Transactions are numbered from 1 without gaps, so a missing number is a deleted row.
const COUNTS: [(&str, &str); 5] = [
    ("transactions are missing", "SELECT coalesce(max(txn_id), 0) - count(*) AS number FROM ledger"),
    (
        "amendments have no reversal of their event",
        "SELECT count(*) AS number FROM amendment AS a WHERE NOT EXISTS (SELECT 1 FROM ledger AS t
         WHERE t.txn_id = a.reversal_txn AND t.kind = 'reversal' AND t.corrects_txn = a.event_txn)",
    ),
    (
        "reversals have no amendment",
        "SELECT count(*) AS number FROM ledger AS t WHERE corrects_txn IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM amendment AS a WHERE a.reversal_txn = t.txn_id)",
    ),
    (
        "events took the place of none",
        "SELECT count(*) AS number FROM ledger AS u WHERE event_id LIKE '%~%'
         AND NOT EXISTS (SELECT 1 FROM amendment AS a WHERE a.replacement_txn = u.txn_id)",
    ),
    (
        "closings have no statement",
        "SELECT count(*) AS number FROM ledger AS t WHERE kind = 'statement'
         AND NOT EXISTS (SELECT 1 FROM statement AS s WHERE s.txn_id = t.txn_id)",
    ),
];

/// A transaction with the event that it charges or takes back, if it is about one.
const TRANSACTIONS: &str = concat!(
    "SELECT t.txn_id AS booked_txn, t.kind AS booked_kind, t.merchant_id AS booked_for, t.create_time_ms AS booked_ms,
     t.chain_sha256 AS link, t.entry_seq AS first_entry, t.ref_id AS source, t.corrects_txn AS corrects, ",
    event_columns!(),
    " FROM ledger AS t LEFT JOIN ledger AS u ON u.txn_id = CASE t.kind WHEN 'usage' THEN t.txn_id ELSE t.corrects_txn END
     WHERE t.txn_id > $1 AND t.txn_id <= $2 ORDER BY t.txn_id"
);

/// A read transaction that sees one instant of the store, whatever is written meanwhile.
pub struct View<T> {
    transaction: T,
    /// A statement whose column `fault` says what is broken below the tables.
    check: Option<&'static str>,
}

impl<T: DerefMut<Target: Session + Sized> + Send> View<T> {
    /// The view of a transaction.
    pub fn new(transaction: T, check: Option<&'static str>) -> Self {
        Self { transaction, check }
    }

    fn session(&mut self) -> &mut dyn Session {
        &mut *self.transaction
    }

    async fn read_transactions(&mut self, after: i64, count: i64) -> Result<Vec<BookedTransaction>, Error> {
        let session = self.session();
        // Where numbers are missing, the page starts after them.
        let sql = "SELECT txn_id AS number FROM ledger WHERE txn_id > $1 ORDER BY txn_id LIMIT 1";
        let first = session.optional(sql, &[after.into()], |row| Ok(row.number("number")?)).await?;
        let Some(first) = first else { return Ok(Vec::new()) };
        let range = [(first - 1).into(), (first - 1 + count).into()];
        let mut booked = session.all(TRANSACTIONS, &range, transaction).await?;
        let sql = "SELECT * FROM rated_line WHERE event_seq > $1 AND event_seq <= $2";
        let mut lines = by_transaction(session.all(sql, &range, rows::line).await?);
        let sql = "SELECT * FROM ledger_entry WHERE txn_id > $1 AND txn_id <= $2";
        let entries = session.all(sql, &range, rows::entry).await?;
        let mut entries =
            by_transaction(entries.into_iter().map(|entry| (entry.transaction, entry)).collect());
        for booked in &mut booked {
            booked.lines = lines.remove(&booked.transaction).unwrap_or_default();
            booked.lines.sort_by_key(|line: &Line| {
                (line.book, Component::ALL.iter().position(|component| *component == line.component))
            });
            booked.entries = entries.remove(&booked.transaction).unwrap_or_default();
            booked.entries.sort_by_key(|entry: &BookedEntry| entry.sequence);
        }
        Ok(booked)
    }

    async fn read_statements(
        &mut self,
        after: (String, String),
        limit: i64,
    ) -> Result<Vec<BookedStatement>, Error> {
        let session = self.session();
        let sql = "SELECT merchant_id, period, txn_id FROM statement WHERE (merchant_id, period) > ($1, $2)
                   ORDER BY merchant_id, period LIMIT $3";
        let key = |row: &dyn Columns| {
            let wrong = |column| Error::Value { table: "statement", column };
            let merchant = MerchantId::parse(&row.text("merchant_id")?).map_err(|_| wrong("merchant_id"))?;
            let period = Period::parse(&row.text("period")?).ok_or_else(|| wrong("period"))?;
            Ok((merchant, period, row.number("txn_id")?))
        };
        let keys = session.all(sql, &[(&after.0).into(), (&after.1).into(), limit.into()], key).await?;
        let mut booked = Vec::with_capacity(keys.len());
        for (merchant, period, transaction) in keys {
            let Some(statement) = statements::get(session, &merchant, &period).await? else { continue };
            let previous = statements::newest(session, &merchant, Some(&period)).await?;
            let max = (statement.cut.max_sequence, statement.cut.max_transaction);
            let used = statements::used(session, &merchant, &period, max, previous.as_ref()).await?;
            let sql = "SELECT * FROM ledger_entry WHERE txn_id = $1 ORDER BY seq";
            let entries = session.all(sql, &[transaction.into()], rows::entry).await?;
            let entries = entries.into_iter().map(|entry| entry.entry).collect();
            booked.push(BookedStatement { statement, previous, used, entries });
        }
        Ok(booked)
    }

    async fn read_faults(&mut self) -> Result<Vec<String>, Error> {
        let (check, session) = (self.check, self.session());
        let mut faults = match check {
            Some(sql) => session.all(sql, &[], |row| Ok(row.text("fault")?)).await?,
            None => Vec::new(),
        };
        for (what, sql) in COUNTS {
            match session.number(sql, &[]).await? {
                0 => (),
                count => faults.push(format!("{count} {what}")),
            }
        }
        Ok(faults)
    }
}

fn by_transaction<T>(found: Vec<(i64, T)>) -> HashMap<i64, Vec<T>> {
    let mut all: HashMap<i64, Vec<T>> = HashMap::new();
    for (transaction, value) in found {
        all.entry(transaction).or_default().push(value);
    }
    all
}

fn transaction(row: &dyn Columns) -> Result<BookedTransaction, Error> {
    let kind = row.text("booked_kind")?;
    let about = row.optional_text("event_id")?.map(|_| rows::stored_event(row)).transpose()?;
    let (event, taken_back) = if kind == Kind::Usage.word() { (about, None) } else { (None, about) };
    let entries_of = |event: StoredEvent| usage_entries(&event.event, event.sell_pico, event.cost_pico);
    let taken_back: Option<Vec<Entry>> = taken_back.map(|event| reversed(&entries_of(event)));
    Ok(BookedTransaction {
        transaction: row.number("booked_txn")?,
        first_entry: row.number("first_entry")?,
        kind,
        merchant: row.text("booked_for")?,
        chain_sha256: row.bytes("link")?,
        ref_id: row.optional_text("source")?,
        corrects: row.optional_number("corrects")?,
        create_time: Timestamp::from_millis(row.number("booked_ms")?),
        event,
        lines: Vec::new(),
        entries: Vec::new(),
        taken_back,
    })
}

impl<T: DerefMut<Target: Session + Sized> + Send> Books for View<T> {
    fn transactions(&mut self, after: i64, count: i64) -> Pending<'_, Vec<BookedTransaction>> {
        Box::pin(self.read_transactions(after, count))
    }

    fn chain_heads(&mut self) -> Pending<'_, Vec<ChainHead>> {
        Box::pin(async move {
            let sql = "SELECT * FROM chain_head ORDER BY merchant_id";
            self.session().all(sql, &[], rows::chain_head).await
        })
    }

    fn statements(&mut self, after: (String, String), limit: i64) -> Pending<'_, Vec<BookedStatement>> {
        Box::pin(self.read_statements(after, limit))
    }

    fn faults(&mut self) -> Pending<'_, Vec<String>> {
        Box::pin(self.read_faults())
    }
}
