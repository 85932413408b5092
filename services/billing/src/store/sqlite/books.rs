//! The ledger at one instant, for its audit.

use kaleem_domain::MerchantId;
use sqlx::{Row as _, Sqlite, Transaction};

use super::{chain, rows, statements};
use crate::{
    ledger::Kind,
    period::Period,
    store::{
        BookedEntry, BookedEvent, BookedStatement, BookedTransaction, Books, ChainHead, Error, Pending,
        StoredEvent, audited,
    },
};

/// A read transaction: in write-ahead mode it sees one state of the file, whatever is written meanwhile.
pub struct View {
    transaction: Transaction<'static, Sqlite>,
}

impl View {
    /// Freezes the view.
    pub async fn open(mut transaction: Transaction<'static, Sqlite>) -> Result<Self, Error> {
        // A deferred transaction takes its snapshot at the first read.
        sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *transaction).await?;
        Ok(Self { transaction })
    }

    async fn read_events(&mut self, sequence: i64, limit: i64) -> Result<Vec<BookedEvent>, Error> {
        let sql = concat!(
            "SELECT ",
            rows::event_columns!(),
            " FROM usage_event WHERE seq > ? ORDER BY seq LIMIT ?"
        );
        let found = sqlx::query(sql).bind(sequence).bind(limit).fetch_all(&mut *self.transaction).await?;
        let events: Vec<StoredEvent> = found.iter().map(rows::stored_event).collect::<Result<_, _>>()?;
        let Some(last) = events.last().map(|event| event.sequence) else { return Ok(Vec::new()) };
        let lines = self.read_lines(sequence, last).await?;
        let usages = self.read_transactions(Kind::Usage, sequence, last).await?;
        let reversals = self.read_transactions(Kind::Reversal, sequence, last).await?;
        Ok(audited::events(events, lines, usages, reversals))
    }

    /// Lines of the events after `first` up to `last`.
    async fn read_lines(&mut self, first: i64, last: i64) -> Result<audited::Lines, Error> {
        let sql = "SELECT * FROM rated_line WHERE event_seq > ? AND event_seq <= ?";
        audited::lines(&sqlx::query(sql).bind(first).bind(last).fetch_all(&mut *self.transaction).await?)
    }

    /// Transactions of a kind of the events after `first` up to `last`, with their entries.
    async fn read_transactions(
        &mut self,
        kind: Kind,
        first: i64,
        last: i64,
    ) -> Result<audited::Transactions, Error> {
        let sql = "SELECT t.event_seq, t.txn_id, e.account, e.amount_pico FROM ledger_txn AS t
                   LEFT JOIN ledger_entry AS e ON e.txn_id = t.txn_id
                   WHERE t.kind = ? AND t.event_seq > ? AND t.event_seq <= ? ORDER BY e.seq";
        let query = sqlx::query(sql).bind(kind.word()).bind(first).bind(last);
        audited::transactions(&query.fetch_all(&mut *self.transaction).await?)
    }

    async fn read_chained(&mut self, transaction: i64, limit: i64) -> Result<Vec<BookedTransaction>, Error> {
        let connection = &mut *self.transaction;
        let sql =
            "SELECT t.*, u.payload_sha256, u.epoch, u.gateway_id, u.sell_pico, u.cost_pico, u.record_time_ms
                   FROM ledger_txn AS t LEFT JOIN usage_event AS u ON u.seq = t.event_seq AND t.kind = 'usage'
                   WHERE t.txn_id > ? ORDER BY t.txn_id LIMIT ?";
        let query = sqlx::query(sql).bind(transaction).bind(limit);
        let found = query.fetch_all(&mut *connection).await?;
        let mut booked: Vec<BookedTransaction> =
            found.iter().map(rows::transaction).collect::<Result<_, _>>()?;
        let Some(last) = booked.last().map(|booked| booked.transaction) else { return Ok(booked) };
        let sql = "SELECT * FROM ledger_entry WHERE txn_id > ? AND txn_id <= ? ORDER BY txn_id, seq";
        let found = sqlx::query(sql).bind(transaction).bind(last).fetch_all(&mut *connection).await?;
        audited::with_entries(&mut booked, &found)?;
        Ok(booked)
    }

    async fn read_statements(
        &mut self,
        after: (String, String),
        limit: i64,
    ) -> Result<Vec<BookedStatement>, Error> {
        let connection = &mut *self.transaction;
        let sql = "SELECT merchant_id, period, txn_id FROM statement WHERE (merchant_id, period) > (?, ?)
                   ORDER BY merchant_id, period LIMIT ?";
        let query = sqlx::query(sql).bind(after.0).bind(after.1).bind(limit);
        let mut booked = Vec::new();
        for row in query.fetch_all(&mut *connection).await? {
            let wrong = |column| Error::Value { table: "statement", column };
            let merchant = MerchantId::parse(row.try_get(0)?).map_err(|_| wrong("merchant_id"))?;
            let period = Period::parse(row.try_get(1)?).ok_or_else(|| wrong("period"))?;
            let statement = statements::get(connection, &merchant, &period).await?;
            let statement = statement.ok_or_else(|| wrong("period"))?;
            let previous = statements::newest(connection, &merchant, Some(&period)).await?;
            let max = (statement.cut.max_sequence, statement.cut.max_transaction);
            let used = statements::used(connection, &merchant, &period, max, previous.as_ref()).await?;
            let sql = "SELECT * FROM ledger_entry WHERE txn_id = ? ORDER BY seq";
            let query = sqlx::query(sql).bind(row.try_get::<i64, _>(2)?);
            let mut entries = Vec::new();
            for row in query.fetch_all(&mut *connection).await? {
                entries.push(rows::entry(&row)?.entry);
            }
            booked.push(BookedStatement { statement, previous, used, entries });
        }
        Ok(booked)
    }

    async fn read_faults(&mut self) -> Result<Vec<String>, Error> {
        let mut faults = Vec::new();
        let checks = sqlx::query_scalar("PRAGMA quick_check(10)").fetch_all(&mut *self.transaction).await?;
        faults.extend(
            checks.into_iter().filter(|check: &String| check != "ok").map(|check| format!("file: {check}")),
        );
        for (what, sql) in audited::COUNTS {
            let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *self.transaction).await?;
            if count != 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        Ok(faults)
    }
}

impl Books for View {
    fn events(&mut self, sequence: i64, limit: i64) -> Pending<'_, Vec<BookedEvent>> {
        Box::pin(self.read_events(sequence, limit))
    }

    fn entries(&mut self, after: (i64, i64), limit: i64) -> Pending<'_, Vec<BookedEntry>> {
        Box::pin(async move {
            let sql = "SELECT * FROM ledger_entry WHERE (txn_id, seq) > (?, ?) ORDER BY txn_id, seq LIMIT ?";
            let query = sqlx::query(sql).bind(after.0).bind(after.1).bind(limit);
            query.fetch_all(&mut *self.transaction).await?.iter().map(rows::entry).collect()
        })
    }

    fn chain_start(&mut self) -> Pending<'_, i64> {
        Box::pin(async move {
            let sql = "SELECT txn_id FROM chain_start";
            Ok(sqlx::query_scalar(sql).fetch_one(&mut *self.transaction).await?)
        })
    }

    fn transactions(&mut self, transaction: i64, limit: i64) -> Pending<'_, Vec<BookedTransaction>> {
        Box::pin(self.read_chained(transaction, limit))
    }

    fn chain_heads(&mut self) -> Pending<'_, Vec<ChainHead>> {
        Box::pin(chain::all_heads(&mut self.transaction))
    }

    fn statements(&mut self, after: (String, String), limit: i64) -> Pending<'_, Vec<BookedStatement>> {
        Box::pin(self.read_statements(after, limit))
    }

    fn faults(&mut self) -> Pending<'_, Vec<String>> {
        Box::pin(self.read_faults())
    }
}
