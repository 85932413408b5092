//! The embedded ledger: one SQLite file with one writer, durable on every commit.

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

use std::{fs::File, path::Path};

use jiff::civil::Date;
use kaleem_domain::{MerchantId, Timestamp, price::PriceVersion};
use sqlx::{SqlitePool, Transaction};
use tokio::sync::watch;

use super::{
    Added, Amended, BookedEntry, Books, Error, Imported, Ledger, Page, Pending, Posted, Recorded, Store,
    StoredEvent, rows,
};
use crate::{
    amendment::Amendment,
    bill::Bill,
    payment::Payment,
    period::Period,
    rating::RatedEvent,
    reconciliation::{Billed, Call, Scope},
    statement::{Closed, Cut, Draft, Statement},
    summary::{Sums, WindowId},
};

/// An open ledger file.
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Commits that posted entries.
    posted: watch::Sender<u64>,
    /// Held while the ledger is open, so that a second process says so at its start and not at its first write.
    _lock: File,
}

/// Starts a transaction that holds the write lock from its start, so that what it reads stays true until it commits.
const BEGIN: &str = "BEGIN IMMEDIATE";

impl Sqlite {
    /// Opens `billing.sqlite` in `folder`, making both where they are missing.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let lock = open::lock(folder).await?;
        let (writer, readers) = open::pools(folder).await?;
        Ok(Self { writer, readers, posted: watch::Sender::new(0), _lock: lock })
    }

    /// Commits entries and tells those who follow the ledger.
    async fn post(&self, transaction: Transaction<'_, sqlx::Sqlite>) -> Result<(), Error> {
        transaction.commit().await?;
        self.posted.send_modify(|commits| *commits += 1);
        Ok(())
    }
}

impl Ledger for Sqlite {
    fn record(&self, events: Vec<RatedEvent>, now: Timestamp) -> Pending<'_, Vec<Recorded>> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let recorded = record::record(&mut transaction, &events, now).await?;
            fail::fail_point!("billing::record::inside");
            self.post(transaction).await?;
            Ok(recorded)
        })
    }
}

impl Store for Sqlite {
    fn seed_prices(&self, versions: Vec<PriceVersion>, now: Timestamp) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            if prices::count(&mut transaction).await? == 0 {
                for version in &versions {
                    prices::insert(&mut transaction, version, now).await?;
                }
            }
            Ok(transaction.commit().await?)
        })
    }

    fn prices(&self) -> Pending<'_, Vec<PriceVersion>> {
        Box::pin(async move { prices::all(&mut *self.readers.acquire().await?).await })
    }

    fn price(&self, id: String) -> Pending<'_, Option<PriceVersion>> {
        Box::pin(async move { prices::get(&mut *self.readers.acquire().await?, &id).await })
    }

    fn add_price(&self, version: PriceVersion, now: Timestamp, max: usize) -> Pending<'_, Added> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let added = prices::add(&mut transaction, &version, now, max).await?;
            transaction.commit().await?;
            Ok(added)
        })
    }

    fn amend(&self, amendment: Amendment, now: Timestamp) -> Pending<'_, Amended> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let amended = amend::amend(&mut transaction, &amendment, now).await?;
            self.post(transaction).await?;
            Ok(amended)
        })
    }

    fn post_payment(&self, payment: Payment, now: Timestamp) -> Pending<'_, Posted> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let posted = post::payment(&mut transaction, &payment, now).await?;
            fail::fail_point!("billing::payment::inside");
            self.post(transaction).await?;
            Ok(posted)
        })
    }

    fn statement(&self, merchant: MerchantId, period: Period) -> Pending<'_, Option<Statement>> {
        Box::pin(async move { statements::get(&mut *self.readers.begin().await?, &merchant, &period).await })
    }

    fn draft(&self, merchant: MerchantId, period: Period) -> Pending<'_, Draft> {
        Box::pin(
            async move { statements::draft(&mut *self.readers.begin().await?, &merchant, &period).await },
        )
    }

    fn close(&self, statement: Statement, previous: Option<Cut>, now: Timestamp) -> Pending<'_, Closed> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let closed = statements::close(&mut transaction, &statement, previous.as_ref(), now).await?;
            fail::fail_point!("billing::statement::inside");
            self.post(transaction).await?;
            Ok(closed)
        })
    }

    fn newest_month(&self, merchant: String) -> Pending<'_, Option<String>> {
        Box::pin(async move { sums::newest_month(&mut *self.readers.acquire().await?, &merchant).await })
    }

    fn sums(&self, merchant: String, window: WindowId) -> Pending<'_, Vec<(String, Sums)>> {
        Box::pin(async move { sums::by_model(&mut *self.readers.acquire().await?, &merchant, &window).await })
    }

    fn events(&self, merchant: String, sequence: i64, limit: i64) -> Pending<'_, Vec<StoredEvent>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                rows::event_columns!(),
                " FROM usage_event WHERE merchant_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            );
            let query = sqlx::query(sql).bind(merchant).bind(sequence).bind(limit);
            query
                .fetch_all(&mut *self.readers.acquire().await?)
                .await?
                .iter()
                .map(rows::stored_event)
                .collect()
        })
    }

    fn import_bill(&self, bill: Bill, now: Timestamp) -> Pending<'_, Imported> {
        Box::pin(async move {
            let mut transaction = self.writer.begin_with(BEGIN).await?;
            let imported = bills::import(&mut transaction, &bill, now).await?;
            transaction.commit().await?;
            Ok(imported)
        })
    }

    fn bill_rows<'a>(
        &'a self,
        days: (Date, Date),
        visit: &'a mut (dyn FnMut(Billed) + Send),
    ) -> Pending<'a, ()> {
        Box::pin(async move { bills::rows(&mut *self.readers.acquire().await?, days, visit).await })
    }

    fn calls<'a>(&'a self, scope: Scope, visit: &'a mut (dyn FnMut(Call) + Send)) -> Pending<'a, ()> {
        Box::pin(async move { bills::calls(&mut *self.readers.acquire().await?, &scope, visit).await })
    }

    fn tail(&self, sequence: i64, limit: i64) -> Pending<'_, Vec<BookedEntry>> {
        Box::pin(async move {
            let sql = "SELECT * FROM ledger_entry WHERE seq >= ? ORDER BY seq LIMIT ?";
            let query = sqlx::query(sql).bind(sequence).bind(limit);
            query.fetch_all(&mut *self.readers.acquire().await?).await?.iter().map(rows::entry).collect()
        })
    }

    fn changes(&self, after: i64, limit: i64) -> Pending<'_, Page> {
        Box::pin(async move { follow::page(&mut *self.readers.acquire().await?, after, limit).await })
    }

    fn head(&self, merchant: String) -> Pending<'_, i64> {
        Box::pin(async move { follow::head(&mut *self.readers.acquire().await?, &merchant).await })
    }

    fn event(&self, merchant: String, event_id: String) -> Pending<'_, Option<(StoredEvent, i64)>> {
        Box::pin(
            async move { follow::event(&mut *self.readers.acquire().await?, &merchant, &event_id).await },
        )
    }

    fn posted(&self) -> watch::Receiver<u64> {
        self.posted.subscribe()
    }

    fn books(&self) -> Pending<'_, Box<dyn Books>> {
        Box::pin(async move {
            let view = books::View::open(self.readers.begin().await?).await?;
            Ok(Box::new(view) as Box<dyn Books>)
        })
    }
}
