//! The ledger over SQL, written once: a back end only says where connections and exclusive transactions come from, and how many rows are
//! written or looked up at once.

mod amend;
mod balance;
mod bills;
mod books;
mod follow;
pub mod ledger;
mod prices;
mod rows;
pub mod session;
mod statements;
mod sums;
mod terms;

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use kaleem_domain::{MerchantId, Timestamp, price::PriceVersion};
use sqlx::{Database, Transaction, pool::PoolConnection};
use tokio::sync::watch;

use self::{
    books::View,
    session::{Session, Writing},
};
use super::{
    Added, Amended, BookedEntry, Books, Error, Imported, Ledger, Outcome, Page, Pending, Posted, Recorded,
    Store, StoredEvent,
};
use crate::{
    amendment::Amendment,
    balance::Balance,
    bill::Bill,
    payment::Payment,
    period::Period,
    rating::RatedEvent,
    reconciliation::{Billed, Call, Scope},
    statement::{Closed, Cut, Draft, Statement},
    summary::{Served, Sums, WindowId},
    terms::Asked,
};

/// A database with the tables of `migrations/`.
pub trait Backend: Send + Sync + 'static {
    /// Its driver.
    type Driver: Database<Connection: Session>;
    /// Its write transactions.
    type Writing: Writing;

    /// A connection for one read.
    fn read(&self) -> Pending<'_, PoolConnection<Self::Driver>>;

    /// A transaction that sees one instant, frozen when this is ready.
    fn snapshot(&self) -> Pending<'_, Transaction<'static, Self::Driver>>;

    /// The only write transaction.
    fn write(&self) -> Pending<'_, Self::Writing>;

    /// How many recordings gain from being under way at once.
    const RECORDINGS_AT_ONCE: usize = 1;

    /// Records events that are taken to be new; `None` if they cannot be recorded so, and then nothing was.
    fn record_unseen<'a>(
        &'a self,
        events: &'a [RatedEvent],
        now: Timestamp,
    ) -> Pending<'a, Option<Vec<Recorded>>> {
        Box::pin(async move {
            let mut writing = self.write().await?;
            let recorded = ledger::record_unseen(&mut *writing, events, now).await?;
            if recorded.is_some() {
                fail::fail_point!("billing::record::inside");
                writing.commit().await?;
            }
            Ok(recorded)
        })
    }

    /// Makes room for reading whole tables in a snapshot.
    fn make_room<'a>(&self, session: &'a mut dyn Session) -> Pending<'a, ()>;

    /// A statement whose column `fault` says what is broken below the tables.
    const CHECK: Option<&'static str>;
}

/// A ledger in `B`.
pub struct Sql<B> {
    backend: B,
    /// Commits of this process that posted entries.
    posted: watch::Sender<u64>,
    /// The last recording held events that were there before, and so the next one may; the first may be what was sent before a crash.
    repeats: AtomicBool,
}

impl<B: Backend> Sql<B> {
    /// The ledger in an open database.
    pub fn new(backend: B) -> Self {
        Self { backend, posted: watch::Sender::new(0), repeats: AtomicBool::new(true) }
    }

    /// Records those of `events` that the ledger does not hold.
    async fn record_others(&self, events: &[RatedEvent], now: Timestamp) -> Result<Vec<Recorded>, Error> {
        let mut writing = self.backend.write().await?;
        let recorded = ledger::record(&mut *writing, events, now).await?;
        fail::fail_point!("billing::record::inside");
        writing.commit().await?;
        Ok(recorded)
    }

    /// Commits entries and tells those who follow the ledger.
    async fn post(&self, writing: B::Writing) -> Result<(), Error> {
        writing.commit().await?;
        self.posted.send_modify(|commits| *commits += 1);
        Ok(())
    }
}

impl<B: Backend> Ledger for Sql<B> {
    fn record(&self, events: Vec<RatedEvent>, now: Timestamp) -> Pending<'_, Vec<Recorded>> {
        Box::pin(async move {
            let look_first = self.repeats.load(Ordering::Relaxed);
            let unseen = if look_first { None } else { self.backend.record_unseen(&events, now).await? };
            let recorded = match unseen {
                Some(recorded) => recorded,
                None => self.record_others(&events, now).await?,
            };
            let repeats = recorded.iter().any(|recorded| recorded.outcome != Outcome::Recorded);
            self.repeats.store(repeats, Ordering::Relaxed);
            self.posted.send_modify(|commits| *commits += 1);
            Ok(recorded)
        })
    }

    fn recordings_at_once(&self) -> usize {
        B::RECORDINGS_AT_ONCE
    }
}

impl<B: Backend> Store for Sql<B> {
    fn seed_prices(&self, versions: Vec<PriceVersion>, now: Timestamp) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut writing = self.backend.write().await?;
            if prices::count(&mut *writing).await? == 0 {
                for version in &versions {
                    prices::insert(&mut *writing, version, now).await?;
                }
            }
            writing.commit().await
        })
    }

    fn prices(&self) -> Pending<'_, Vec<PriceVersion>> {
        Box::pin(async move { prices::all(&mut *self.backend.read().await?).await })
    }

    fn price(&self, id: String) -> Pending<'_, Option<PriceVersion>> {
        Box::pin(async move { prices::get(&mut *self.backend.read().await?, &id).await })
    }

    fn add_price(&self, version: PriceVersion, now: Timestamp, max: usize) -> Pending<'_, Added> {
        Box::pin(async move {
            let mut writing = self.backend.write().await?;
            let added = prices::add(&mut *writing, &version, now, max).await?;
            writing.commit().await?;
            Ok(added)
        })
    }

    fn amend(&self, amendment: Amendment, now: Timestamp) -> Pending<'_, Amended> {
        Box::pin(async move {
            let mut writing = self.backend.write().await?;
            let amended = amend::amend(&mut *writing, &amendment, now).await?;
            self.post(writing).await?;
            Ok(amended)
        })
    }

    fn post_payment(&self, payment: Payment, now: Timestamp) -> Pending<'_, Posted> {
        Box::pin(async move {
            let mut writing = self.backend.write().await?;
            let posted = ledger::pay(&mut *writing, &payment, now).await?;
            fail::fail_point!("billing::payment::inside");
            self.post(writing).await?;
            Ok(posted)
        })
    }

    fn statement(&self, merchant: MerchantId, period: Period) -> Pending<'_, Option<Statement>> {
        Box::pin(
            async move { statements::get(&mut *self.backend.snapshot().await?, &merchant, &period).await },
        )
    }

    fn draft(&self, merchant: MerchantId, period: Period, asked: Asked) -> Pending<'_, Draft> {
        Box::pin(async move {
            statements::draft(&mut *self.backend.snapshot().await?, &merchant, &period, &asked).await
        })
    }

    fn close(&self, statement: Statement, previous: Option<Cut>, now: Timestamp) -> Pending<'_, Closed> {
        Box::pin(async move {
            let mut writing = self.backend.write().await?;
            let closed = statements::close(&mut *writing, &statement, previous.as_ref(), now).await?;
            fail::fail_point!("billing::statement::inside");
            self.post(writing).await?;
            Ok(closed)
        })
    }

    fn newest_month(&self, merchant: String) -> Pending<'_, Option<String>> {
        Box::pin(async move { sums::newest_month(&mut *self.backend.read().await?, &merchant).await })
    }

    fn sums(&self, merchant: String, window: WindowId) -> Pending<'_, Vec<(String, Sums)>> {
        Box::pin(async move { sums::by_model(&mut *self.backend.read().await?, &merchant, &window).await })
    }

    fn upstream_sums(&self, served: Served) -> Pending<'_, Vec<(String, Sums)>> {
        Box::pin(async move { sums::of_upstream(&mut *self.backend.read().await?, &served).await })
    }

    fn events(&self, merchant: String, sequence: i64, limit: i64) -> Pending<'_, Vec<StoredEvent>> {
        Box::pin(
            async move { follow::events(&mut *self.backend.read().await?, &merchant, sequence, limit).await },
        )
    }

    fn import_bill(&self, bill: Bill, now: Timestamp) -> Pending<'_, Imported> {
        Box::pin(async move {
            let mut writing = self.backend.write().await?;
            let imported = bills::import(&mut *writing, &bill, now).await?;
            writing.commit().await?;
            Ok(imported)
        })
    }

    fn bill_rows<'a>(
        &'a self,
        days: (Date, Date),
        visit: &'a mut (dyn FnMut(Billed) + Send),
    ) -> Pending<'a, ()> {
        Box::pin(async move { bills::billed(&mut *self.backend.read().await?, days, visit).await })
    }

    fn calls<'a>(&'a self, scope: Scope, visit: &'a mut (dyn FnMut(Call) + Send)) -> Pending<'a, ()> {
        Box::pin(async move { bills::calls(&mut *self.backend.read().await?, &scope, visit).await })
    }

    fn tail(&self, sequence: i64, limit: i64) -> Pending<'_, Vec<BookedEntry>> {
        Box::pin(async move { follow::tail(&mut *self.backend.read().await?, sequence, limit).await })
    }

    fn changes(&self, after: i64, limit: i64) -> Pending<'_, Page> {
        Box::pin(async move { follow::page(&mut *self.backend.read().await?, after, limit).await })
    }

    fn head(&self, merchant: String) -> Pending<'_, i64> {
        Box::pin(async move { follow::head(&mut *self.backend.read().await?, &merchant).await })
    }

    fn balance(&self, merchant: String, since: Balance) -> Pending<'_, Balance> {
        Box::pin(async move { balance::balance(&mut *self.backend.read().await?, &merchant, since).await })
    }

    fn event(&self, merchant: String, event_id: String) -> Pending<'_, Option<StoredEvent>> {
        Box::pin(async move { follow::event(&mut *self.backend.read().await?, &merchant, &event_id).await })
    }

    fn posted(&self) -> watch::Receiver<u64> {
        self.posted.subscribe()
    }

    fn books(&self) -> Pending<'_, Box<dyn Books>> {
        Box::pin(async move {
            let mut transaction = self.backend.snapshot().await?;
            self.backend.make_room(&mut *transaction).await?;
            Ok(Box::new(View::new(transaction, B::CHECK)) as Box<dyn Books>)
        })
    }
}
