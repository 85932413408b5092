//! The ledger at one instant, for its audit.

use std::time::Duration;

use kaleem_domain::MerchantId;
use sqlx::{PgPool, Postgres, Row as _, Transaction};

use super::{SNAPSHOT, chain, statements};
use crate::{
    ledger::Kind,
    period::Period,
    store::{
        BookedEntry, BookedEvent, BookedStatement, BookedTransaction, Books, ChainHead, Error, Pending,
        StoredEvent, audited, rows,
    },
};

/// Longest query of an audit: it may read a whole table.
const TABLE_LIMIT: Duration = Duration::from_mins(10);

/// A read transaction that sees one instant of the database, whatever is written meanwhile.
pub struct View {
    transaction: Transaction<'static, Postgres>,
}

impl View {
    /// Freezes the view.
    pub async fn open(readers: &PgPool) -> Result<Self, Error> {
        let mut transaction = readers.begin_with(SNAPSHOT).await?;
        // The snapshot is taken at the first query; this one also makes room for queries over whole tables.
        let sql = "SELECT set_config('statement_timeout', $1, true)";
        let limit = TABLE_LIMIT.as_millis().to_string();
        sqlx::query(sql).bind(limit).execute(&mut *transaction).await?;
        Ok(Self { transaction })
    }

    async fn read_events(&mut self, sequence: i64, limit: i64) -> Result<Vec<BookedEvent>, Error> {
        let sql = concat!(
            "SELECT ",
            rows::event_columns!(),
            " FROM usage_event WHERE seq > $1 ORDER BY seq LIMIT $2"
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
        let sql = "SELECT * FROM rated_line WHERE event_seq > $1 AND event_seq <= $2";
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
                   WHERE t.kind = $1 AND t.event_seq > $2 AND t.event_seq <= $3 ORDER BY e.seq";
        let query = sqlx::query(sql).bind(kind.word()).bind(first).bind(last);
        audited::transactions(&query.fetch_all(&mut *self.transaction).await?)
    }

    async fn read_chained(&mut self, transaction: i64, limit: i64) -> Result<Vec<BookedTransaction>, Error> {
        let connection = &mut *self.transaction;
        let sql =
            "SELECT t.*, u.payload_sha256, u.epoch, u.gateway_id, u.sell_pico, u.cost_pico, u.record_time_ms
                   FROM ledger_txn AS t LEFT JOIN usage_event AS u ON u.seq = t.event_seq AND t.kind = 'usage'
                   WHERE t.txn_id > $1 ORDER BY t.txn_id LIMIT $2";
        let query = sqlx::query(sql).bind(transaction).bind(limit);
        let found = query.fetch_all(&mut *connection).await?;
        let mut booked: Vec<BookedTransaction> =
            found.iter().map(rows::transaction).collect::<Result<_, _>>()?;
        let Some(last) = booked.last().map(|booked| booked.transaction) else { return Ok(booked) };
        let sql = "SELECT * FROM ledger_entry WHERE txn_id > $1 AND txn_id <= $2 ORDER BY txn_id, seq";
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
        let sql = "SELECT merchant_id, period, txn_id FROM statement WHERE (merchant_id, period) > ($1, $2)
                   ORDER BY merchant_id, period LIMIT $3";
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
            let sql = "SELECT * FROM ledger_entry WHERE txn_id = $1 ORDER BY seq";
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
            let sql =
                "SELECT * FROM ledger_entry WHERE (txn_id, seq) > ($1, $2) ORDER BY txn_id, seq LIMIT $3";
            let query = sqlx::query(sql).bind(after.0).bind(after.1).bind(limit);
            query.fetch_all(&mut *self.transaction).await?.iter().map(rows::entry).collect()
        })
    }

    fn chain_start(&mut self) -> Pending<'_, i64> {
        // Here there were chains from the first transaction on.
        Box::pin(std::future::ready(Ok(0)))
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
