//! The ledger in Postgres, for several billing processes on one database.
//!
//! Events, transactions and entries are numbered from 1 without gaps and the transactions of a merchant are chained, so there is one
//! writer at a time: each write transaction takes one advisory lock before it reads anything, and its end gives the lock back. Gapless
//! numbers are what makes a deleted row show, and a sequence of Postgres has gaps. What this costs is made up by writing many events a
//! transaction, one statement a table. Readers take no lock and are never waited for.
//!
//! A write that fails, or whose caller leaves, closes its connection instead of mending it: the server takes the transaction back, and no
//! later write can mistake an answer that was meant for this one.

mod amend;
mod bills;
mod books;
mod bulk;
mod chain;
mod follow;
mod open;
mod post;
mod prices;
mod record;
mod statements;
mod sums;

use jiff::civil::Date;
use kaleem_domain::{MerchantId, Timestamp, price::PriceVersion};
use sqlx::{PgPool, pool::PoolConnection};
use tokio::sync::watch;

use super::{
    Added, Amended, BookedEntry, Books, Error, Imported, Ledger, Page, Pending, Posted, Recorded, Store,
    StoredEvent, rows,
};
use crate::{
    amendment::Amendment,
    bill::Bill,
    config::Postgres as Options,
    payment::Payment,
    period::Period,
    rating::RatedEvent,
    reconciliation::{Billed, Call, Scope},
    statement::{Closed, Cut, Draft, Statement},
    summary::{Sums, WindowId},
};

pub use open::parse;

/// Starts a transaction that is the only writer; the number is the ASCII of `kbilling`. What it reads is newer than the lock.
const LOCK: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(x'6b62696c6c696e67'::bigint)";
/// Starts a transaction that sees one instant.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// An open ledger in Postgres.
pub struct Postgres {
    writers: PgPool,
    readers: PgPool,
    /// Commits of this process that posted entries.
    posted: watch::Sender<u64>,
}

/// A write transaction. Its connection is closed unless it was committed.
struct Writing {
    connection: PoolConnection<sqlx::Postgres>,
    committed: bool,
}

impl Writing {
    async fn commit(mut self) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self.connection).await?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.committed {
            self.connection.close_on_drop();
        }
    }
}

impl Postgres {
    /// Connects to `url`, and makes the schema `billing` and its tables where they are missing.
    pub async fn open(url: &str, limits: &Options) -> Result<Self, Error> {
        let rule = "billing.postgres_url is no URL of Postgres";
        let url = parse(url).ok_or_else(|| sqlx::Error::Configuration(rule.into()))?;
        let (writers, readers) = open::pools(&url, limits).await?;
        Ok(Self { writers, readers, posted: watch::Sender::new(0) })
    }

    /// Becomes the one writer.
    async fn write(&self) -> Result<Writing, Error> {
        let mut writing = Writing { connection: self.writers.acquire().await?, committed: false };
        sqlx::raw_sql(LOCK).execute(&mut *writing.connection).await?;
        Ok(writing)
    }

    /// Commits entries and tells those who follow the ledger.
    async fn post(&self, writing: Writing) -> Result<(), Error> {
        writing.commit().await?;
        self.posted.send_modify(|commits| *commits += 1);
        Ok(())
    }

    async fn reader(&self) -> Result<PoolConnection<sqlx::Postgres>, Error> {
        Ok(self.readers.acquire().await?)
    }
}

impl Ledger for Postgres {
    fn record(&self, events: Vec<RatedEvent>, now: Timestamp) -> Pending<'_, Vec<Recorded>> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let recorded = record::record(&mut writing.connection, &events, now).await?;
            self.post(writing).await?;
            Ok(recorded)
        })
    }
}

impl Store for Postgres {
    fn seed_prices(&self, versions: Vec<PriceVersion>, now: Timestamp) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            if prices::count(&mut writing.connection).await? == 0 {
                for version in &versions {
                    prices::insert(&mut writing.connection, version, now).await?;
                }
            }
            writing.commit().await
        })
    }

    fn prices(&self) -> Pending<'_, Vec<PriceVersion>> {
        Box::pin(async move { prices::all(&mut *self.reader().await?).await })
    }

    fn price(&self, id: String) -> Pending<'_, Option<PriceVersion>> {
        Box::pin(async move { prices::get(&mut *self.reader().await?, &id).await })
    }

    fn add_price(&self, version: PriceVersion, now: Timestamp, max: usize) -> Pending<'_, Added> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let added = prices::add(&mut writing.connection, &version, now, max).await?;
            writing.commit().await?;
            Ok(added)
        })
    }

    fn amend(&self, amendment: Amendment, now: Timestamp) -> Pending<'_, Amended> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let amended = amend::amend(&mut writing.connection, &amendment, now).await?;
            self.post(writing).await?;
            Ok(amended)
        })
    }

    fn post_payment(&self, payment: Payment, now: Timestamp) -> Pending<'_, Posted> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let posted = post::payment(&mut writing.connection, &payment, now).await?;
            self.post(writing).await?;
            Ok(posted)
        })
    }

    fn statement(&self, merchant: MerchantId, period: Period) -> Pending<'_, Option<Statement>> {
        Box::pin(async move {
            statements::get(&mut *self.readers.begin_with(SNAPSHOT).await?, &merchant, &period).await
        })
    }

    fn draft(&self, merchant: MerchantId, period: Period) -> Pending<'_, Draft> {
        Box::pin(async move {
            statements::draft(&mut *self.readers.begin_with(SNAPSHOT).await?, &merchant, &period).await
        })
    }

    fn close(&self, statement: Statement, previous: Option<Cut>, now: Timestamp) -> Pending<'_, Closed> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let closed =
                statements::close(&mut writing.connection, &statement, previous.as_ref(), now).await?;
            self.post(writing).await?;
            Ok(closed)
        })
    }

    fn newest_month(&self, merchant: String) -> Pending<'_, Option<String>> {
        Box::pin(async move { sums::newest_month(&mut *self.reader().await?, &merchant).await })
    }

    fn sums(&self, merchant: String, window: WindowId) -> Pending<'_, Vec<(String, Sums)>> {
        Box::pin(async move { sums::by_model(&mut *self.reader().await?, &merchant, &window).await })
    }

    fn events(&self, merchant: String, sequence: i64, limit: i64) -> Pending<'_, Vec<StoredEvent>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                rows::event_columns!(),
                " FROM usage_event WHERE merchant_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"
            );
            let query = sqlx::query(sql).bind(merchant).bind(sequence).bind(limit);
            query.fetch_all(&mut *self.reader().await?).await?.iter().map(rows::stored_event).collect()
        })
    }

    fn import_bill(&self, bill: Bill, now: Timestamp) -> Pending<'_, Imported> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let imported = bills::import(&mut writing.connection, &bill, now).await?;
            writing.commit().await?;
            Ok(imported)
        })
    }

    fn bill_rows<'a>(
        &'a self,
        days: (Date, Date),
        visit: &'a mut (dyn FnMut(Billed) + Send),
    ) -> Pending<'a, ()> {
        Box::pin(async move { bills::billed(&mut *self.reader().await?, days, visit).await })
    }

    fn calls<'a>(&'a self, scope: Scope, visit: &'a mut (dyn FnMut(Call) + Send)) -> Pending<'a, ()> {
        Box::pin(async move { bills::calls(&mut *self.reader().await?, &scope, visit).await })
    }

    fn tail(&self, sequence: i64, limit: i64) -> Pending<'_, Vec<BookedEntry>> {
        Box::pin(async move {
            let sql = "SELECT * FROM ledger_entry WHERE seq >= $1 ORDER BY seq LIMIT $2";
            let query = sqlx::query(sql).bind(sequence).bind(limit);
            query.fetch_all(&mut *self.reader().await?).await?.iter().map(rows::entry).collect()
        })
    }

    fn changes(&self, after: i64, limit: i64) -> Pending<'_, Page> {
        Box::pin(async move { follow::page(&mut *self.reader().await?, after, limit).await })
    }

    fn head(&self, merchant: String) -> Pending<'_, i64> {
        Box::pin(async move { follow::head(&mut *self.reader().await?, &merchant).await })
    }

    fn event(&self, merchant: String, event_id: String) -> Pending<'_, Option<(StoredEvent, i64)>> {
        Box::pin(async move { follow::event(&mut *self.reader().await?, &merchant, &event_id).await })
    }

    fn posted(&self) -> watch::Receiver<u64> {
        self.posted.subscribe()
    }

    fn books(&self) -> Pending<'_, Box<dyn Books>> {
        Box::pin(async move {
            let view = books::View::open(&self.readers).await?;
            Ok(Box::new(view) as Box<dyn Books>)
        })
    }
}
