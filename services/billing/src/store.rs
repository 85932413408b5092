//! Where the ledger is kept; a back end is one implementation of [`Store`].

pub mod postgres;
mod posting;
mod recording;
mod sql;
pub mod sqlite;

use futures::future::BoxFuture;
use jiff::civil::Date;
use kaleem_domain::{MerchantId, Timestamp, price::PriceVersion};
use kaleem_store::Schema;
use sqlx::migrate::MigrateError;
use tokio::sync::watch;

use crate::{
    amendment::Amendment,
    balance::Balance,
    bill::Bill,
    chain::{Body, Charge, Content},
    event::UsageEvent,
    ledger::Entry,
    payment::Payment,
    period::Period,
    rating::{Line, RatedEvent},
    reconciliation::{Billed, Call, Scope},
    statement::{Closed, Cut, Draft, Statement, Used},
    summary::{Served, Sums, WindowId},
    terms::Asked,
};

static SCHEMA: Schema = Schema {
    name: "billing",
    called: "the ledger's store",
    sqlite: &[
        ("billing", include_str!("../migrations/sqlite/0001_billing.sql")),
        ("tiers and modalities", include_str!("../migrations/sqlite/0002_tiers_and_modalities.sql")),
    ],
    postgres: &[
        ("billing", include_str!("../migrations/postgres/0001_billing.sql")),
        ("tiers and modalities", include_str!("../migrations/postgres/0002_tiers_and_modalities.sql")),
    ],
};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error(transparent)]
    Unusable(#[from] kaleem_store::Error),
    /// Postgres cannot be reached, or refuses what the ledger needs.
    #[error(
        "the ledger's Postgres at {place} cannot be used; check that it runs, that billing.postgres_url is right, and that its role may \
         create the schema billing"
    )]
    Server {
        /// Host, port and database; never the role or its password.
        place: String,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The tables in Postgres were made by another version of kaleem.
    #[error(
        "the ledger at {place} was written by another version of kaleem; start that version, or restore a backup"
    )]
    ServerVersion {
        /// Host, port and database.
        place: String,
        /// Cause.
        #[source]
        source: MigrateError,
    },
    /// A statement failed.
    #[error("the ledger's store failed")]
    Statement(#[from] sqlx::Error),
    /// A stored value breaks a rule of its field.
    #[error("the ledger holds a wrong value in {column} of {table}; restore a backup")]
    Value {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
    },
}

/// The future of a store call; dropping it leaves the store as it was or as it should become, never in between.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Recorded now.
    Recorded,
    /// Was there already, the same.
    Duplicate,
    /// Was there already, different; nothing changed.
    Conflict,
}

/// An event's outcome with the charge that the ledger holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// What became of it.
    pub outcome: Outcome,
    /// What the merchant pays, in pico-US-dollars.
    pub sell_pico: i64,
}

/// What became of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amended {
    /// Carried out now, or was before, the same: its transactions, the reversal first.
    Transactions(Vec<i64>),
    /// Its id was used for another correction; nothing changed.
    Different,
    /// The merchant has no such event.
    NotFound,
    /// The event was reversed before; nothing changed.
    Reversed {
        /// The correction that did it.
        op_id: String,
        /// Event that took its place.
        replacement: Option<String>,
    },
}

/// What became of a provider's bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Taken in now: its rows.
    Rows(i64),
    /// The file was taken in before.
    Before,
    /// The file was taken in before, for this target; nothing changed.
    OtherTarget(String),
    /// This month of the target would hold too many rows; nothing changed.
    MonthFull(String),
}

/// What became of a transaction that is posted once by the id of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// Posted now, or was there already, the same: its transaction.
    Transaction(i64),
    /// Was there already, different; nothing changed.
    Different,
    /// More would go back than was paid, which is this much in pico-US-dollars; nothing changed.
    Overdrawn(i128),
}

/// What became of a price version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// Added now.
    New,
    /// Was there already, the same.
    Same,
    /// Was there already, different; nothing changed.
    Different,
    /// Another version of the same target and model begins at the same instant.
    TimeTaken(String),
    /// The book is full.
    Full,
}

/// An event as the ledger holds it.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its order in the ledger: the transaction that charged it.
    pub sequence: i64,
    /// The event.
    pub event: UsageEvent,
    /// Hash that was stored with it.
    pub payload_sha256: Vec<u8>,
    /// What the merchant pays, in pico-US-dollars.
    pub sell_pico: i64,
    /// What the provider charges us, in pico-US-dollars.
    pub cost_pico: i64,
    /// When it was recorded.
    pub record_time: Timestamp,
    /// A correction took its charge back.
    pub reversed: bool,
}

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedEntry {
    /// Transaction.
    pub transaction: i64,
    /// Order in the ledger.
    pub sequence: i64,
    /// Account and amount.
    pub entry: Entry,
}

/// What a transaction changes for those who follow the ledger.
#[derive(Debug)]
pub struct LedgerChange {
    /// Transaction.
    pub transaction: i64,
    /// What it is about.
    pub what: Movement,
}

/// What a transaction is about.
#[derive(Debug)]
pub enum Movement {
    /// An event was charged.
    Charged(Box<StoredEvent>),
    /// An event's charge was taken back.
    Reversed(Box<StoredEvent>),
    /// A merchant paid, or got money back.
    Paid {
        /// What.
        payment: Payment,
        /// All that the merchant paid up to this transaction, less what went back.
        paid_pico: i128,
    },
    /// Nothing that counts against a cap.
    Other,
}

/// A page of the ledger's transactions.
#[derive(Debug)]
pub struct Page {
    /// Every transaction of the page, in order.
    pub changes: Vec<LedgerChange>,
    /// Newest transaction of the ledger, or an older one if it moved meanwhile.
    pub newest: i64,
}

/// A statement with everything that the books say about it.
#[derive(Debug)]
pub struct BookedStatement {
    /// The statement.
    pub statement: Statement,
    /// The one before it.
    pub previous: Option<Cut>,
    /// What it counts, made again from the ledger.
    pub used: Vec<Used>,
    /// Entries of its transaction.
    pub entries: Vec<Entry>,
}

/// A transaction with everything that the books say about it.
#[derive(Debug)]
pub struct BookedTransaction {
    /// Number.
    pub transaction: i64,
    /// Number of its first entry.
    pub first_entry: i64,
    /// What it is about.
    pub kind: String,
    /// Whose chain it is in.
    pub merchant: String,
    /// Its link.
    pub chain_sha256: Vec<u8>,
    /// Id of its source.
    pub ref_id: Option<String>,
    /// Transaction that it takes back.
    pub corrects: Option<i64>,
    /// When it was posted.
    pub create_time: Timestamp,
    /// Event that it charges.
    pub event: Option<StoredEvent>,
    /// Lines of that event, cost first, in the order of the components.
    pub lines: Vec<Line>,
    /// Its entries in order.
    pub entries: Vec<BookedEntry>,
    /// The entries that take back what it corrects.
    pub taken_back: Option<Vec<Entry>>,
}

impl BookedTransaction {
    /// What its link in the chain of its merchant covers; `entries` are its entries where it is no charge.
    pub fn content<'a>(&'a self, entries: &'a [Entry]) -> Content<'a> {
        let charge = |event: &'a StoredEvent| Charge {
            payload_sha256: &event.payload_sha256,
            epoch: event.event.epoch,
            gateway_id: &event.event.gateway_id,
            lines: &self.lines,
            sell_pico: event.sell_pico,
            cost_pico: event.cost_pico,
        };
        Content {
            transaction: self.transaction,
            first_entry: self.first_entry,
            kind: &self.kind,
            merchant: &self.merchant,
            ref_id: self.ref_id.as_deref(),
            corrects: self.corrects,
            create_time: self.create_time,
            body: self.event.as_ref().map_or(Body::Entries(entries), |event| Body::Charge(charge(event))),
        }
    }
}

/// Where a merchant's chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Merchant.
    pub merchant: String,
    /// Newest transaction.
    pub transaction: i64,
    /// Its link.
    pub chain_sha256: Vec<u8>,
}

/// A view of the whole ledger at one instant, for its audit.
pub trait Books: Send {
    /// Transactions after `after`, in order: of `count` numbers from the first that there is.
    fn transactions(&mut self, after: i64, count: i64) -> Pending<'_, Vec<BookedTransaction>>;
    /// Ends of all chains, one a merchant.
    fn chain_heads(&mut self) -> Pending<'_, Vec<ChainHead>>;
    /// Up to `limit` statements after `(merchant, period)`, in that order.
    fn statements(&mut self, after: (String, String), limit: i64) -> Pending<'_, Vec<BookedStatement>>;
    /// Faults that only the back end can see, one sentence each: a broken file, rows that are missing or belong nowhere.
    fn faults(&mut self) -> Pending<'_, Vec<String>>;
}

/// The write side of the ledger.
pub trait Ledger: Send + Sync + 'static {
    /// Records events with their lines and entries in one transaction, each once for ever by merchant and event id; the
    /// answers are in order, and everything is on disk when the future is ready.
    fn record(&self, events: Vec<RatedEvent>, now: Timestamp) -> Pending<'_, Vec<Recorded>>;

    /// How many recordings gain from being under way at once; more of them wait for each other.
    fn recordings_at_once(&self) -> usize {
        1
    }
}

/// A durable store of the whole ledger. Every write is on disk when its future is ready.
pub trait Store: Ledger {
    /// Adds `versions` to a store without prices.
    fn seed_prices(&self, versions: Vec<PriceVersion>, now: Timestamp) -> Pending<'_, ()>;
    /// Reads all price versions.
    fn prices(&self) -> Pending<'_, Vec<PriceVersion>>;
    /// Reads one price version.
    fn price(&self, id: String) -> Pending<'_, Option<PriceVersion>>;
    /// Adds a price version to a book of at most `max`.
    fn add_price(&self, version: PriceVersion, now: Timestamp, max: usize) -> Pending<'_, Added>;
    /// Reverses an event and records its replacement, once for ever by the id of the correction.
    fn amend(&self, amendment: Amendment, now: Timestamp) -> Pending<'_, Amended>;
    /// Posts a payment, once for ever by its id.
    fn post_payment(&self, payment: Payment, now: Timestamp) -> Pending<'_, Posted>;
    /// Reads a statement.
    fn statement(&self, merchant: MerchantId, period: Period) -> Pending<'_, Option<Statement>>;
    /// What a statement of `period` would count at this instant, and what it would be in.
    fn draft(&self, merchant: MerchantId, period: Period, asked: Asked) -> Pending<'_, Draft>;
    /// Writes a statement that was drawn up after `previous`, unless another came between.
    fn close(&self, statement: Statement, previous: Option<Cut>, now: Timestamp) -> Pending<'_, Closed>;
    /// Month window of the merchant's newest event.
    fn newest_month(&self, merchant: String) -> Pending<'_, Option<String>>;
    /// Sums of a window, without what was reversed, by the model that served, in order of the model.
    fn sums(&self, merchant: String, window: WindowId) -> Pending<'_, Vec<(String, Sums)>>;
    /// The same of what an upstream served.
    fn upstream_sums(&self, served: Served) -> Pending<'_, Vec<(String, Sums)>>;
    /// Up to `limit` events of a merchant before `sequence`, newest first.
    fn events(&self, merchant: String, sequence: i64, limit: i64) -> Pending<'_, Vec<StoredEvent>>;
    /// Takes in a provider's bill, once by its file.
    fn import_bill(&self, bill: Bill, now: Timestamp) -> Pending<'_, Imported>;
    /// Hands each row of the days from the first to the last to `visit`, of the bills that count.
    fn bill_rows<'a>(
        &'a self,
        days: (Date, Date),
        visit: &'a mut (dyn FnMut(Billed) + Send),
    ) -> Pending<'a, ()>;
    /// Hands each call of the scope that was not reversed to `visit`.
    fn calls<'a>(&'a self, scope: Scope, visit: &'a mut (dyn FnMut(Call) + Send)) -> Pending<'a, ()>;
    /// Up to `limit` entries from `sequence` on, in order.
    fn tail(&self, sequence: i64, limit: i64) -> Pending<'_, Vec<BookedEntry>>;
    /// Up to `limit` transactions after `after`, in order. Whoever sees a transaction sees all before it: numbers have the order of
    /// commits, so that a follower who goes on after the last one misses none.
    fn changes(&self, after: i64, limit: i64) -> Pending<'_, Page>;
    /// Newest transaction of a merchant, 0 before the first; with [`Store::sums`] between two equal answers, what the sums count.
    fn head(&self, merchant: String) -> Pending<'_, i64>;
    /// Both sides of a merchant's account, going on from an earlier answer.
    fn balance(&self, merchant: String, since: Balance) -> Pending<'_, Balance>;
    /// Reads one event, whose id starts with its month.
    fn event(&self, merchant: String, event_id: String) -> Pending<'_, Option<StoredEvent>>;
    /// Changes after each commit of this process that posted entries.
    fn posted(&self) -> watch::Receiver<u64>;
    /// Opens a view of the whole ledger.
    fn books(&self) -> Pending<'_, Box<dyn Books>>;
}
