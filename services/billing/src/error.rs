//! What can go wrong, split by cause.

use kaleem_domain::Timestamp;

use crate::{period::Period, price_file, store, terms::Terms};

/// A field that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field.
    pub field: String,
    /// What would be right.
    pub description: String,
}

impl Violation {
    pub(crate) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// A failure of the billing service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option has a value that cannot work.
    #[error("billing.{field} must be {rule}")]
    Config {
        /// Option.
        field: &'static str,
        /// What would be right.
        rule: &'static str,
    },
    /// The shipped price file is wrong.
    #[error("services/billing/prices/default.toml is wrong: {0}")]
    PriceFile(#[source] price_file::Error),
    /// The store failed or cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The commit that a call waited for failed; whether it is on disk is not known, and sending it again is safe.
    #[error("the ledger could not commit; send the same events again")]
    Commit,
    /// Too many events wait for a commit.
    #[error("the ledger has too many events waiting; send the same events again later")]
    Overloaded,
    /// As many callers follow the ledger as may.
    #[error("the ledger has as many followers as it may; try again later, or close another stream")]
    TailsFull,
    /// A follower is ahead of the ledger.
    #[error(
        "the ledger ends at transaction {newest} and has no {after}; it was restored from before it, so start the follower anew"
    )]
    PositionUnknown {
        /// Where the follower is.
        after: i64,
        /// Newest transaction.
        newest: i64,
    },
    /// Fields are wrong; all of them are listed.
    #[error("{}", summary(.0))]
    RequestInvalid(Vec<Violation>),
    /// The version is there with other numbers.
    #[error(
        "price version {0} exists with other fields; versions never change, so add one with another name"
    )]
    PriceVersionExists(String),
    /// No such version.
    #[error("price version {0} does not exist; list the prices, or add it")]
    PriceUnknown(String),
    /// The merchant has no such event.
    #[error("the merchant has no event {0}; ListUsageEvents shows its events")]
    EventNotFound(String),
    /// The month is not over everywhere, or late events may still come.
    #[error(
        "month {period} can be closed from {} on: it must be over in every time zone, and late events are waited for",
        closes_at.map_or_else(|| "no instant".to_owned(), |at| at.to_string())
    )]
    PeriodOpen {
        /// The month to close.
        period: Period,
        /// When it can be; never for the last month that a calendar knows.
        closes_at: Option<Timestamp>,
    },
    /// Other statements of the merchant were closed while this one was drawn up, again and again.
    #[error("other months of the merchant are being closed; close {0} again")]
    Overtaken(Period),
    /// An earlier month has events and no statement.
    #[error("month {earlier} has events and no statement; close it before {period}")]
    EarlierPeriodOpen {
        /// The month to close.
        period: Period,
        /// The month that comes first.
        earlier: Period,
    },
    /// A later month was closed, and this one never was.
    #[error(
        "month {later} is closed, so what is recorded for {period} comes into the next statement; close that"
    )]
    PeriodPassed {
        /// The month to close.
        period: Period,
        /// The newest month that was closed.
        later: Period,
    },
    /// The month was not closed.
    #[error("the merchant has no statement of {0}; close the month first")]
    StatementNotFound(Period),
    /// The month was closed in another currency, or with another tax.
    #[error(
        "month {period} was closed in {} {}, and a closed month stays as it is",
        terms.exchange.currency,
        terms.tax.as_ref().map_or_else(|| "without tax".to_owned(), |tax| format!("with the tax of {}", tax.country))
    )]
    StatementClosed {
        /// The month.
        period: Period,
        /// What it was closed in.
        terms: Terms,
    },
    /// The event's charge was taken back before.
    #[error("event {event_id} was reversed by {op_id}; {}", after_reversal(replacement.as_deref()))]
    EventReversed {
        /// The event.
        event_id: String,
        /// The correction that did it.
        op_id: String,
        /// Event that took its place.
        replacement: Option<String>,
    },
    /// The id of the correction was used for another one.
    #[error("op_id {0} was used for another correction; send this one under its own op_id")]
    OpIdReused(String),
    /// The payment is there with another merchant, amount or purpose.
    #[error(
        "payment {0} was posted for another merchant, amount or purpose; post this one under its own payment_id"
    )]
    PaymentIdReused(String),
    /// The sum does not fit the answer.
    #[error("the amount is beyond what one answer can carry; ask for a smaller window")]
    AmountOverflow,
    /// The zone is in no database.
    #[error("time zone {0} is not known; build with the bundled zone database")]
    TimeZone(&'static str),
}

fn after_reversal(replacement: Option<&str>) -> String {
    match replacement {
        Some(id) => format!("amend {id}, which took its place"),
        None => "nothing took its place, so record another event".to_owned(),
    }
}

fn summary(violations: &[Violation]) -> String {
    let fields: Vec<_> =
        violations.iter().map(|v| format!("{} must be {}", v.field, v.description)).collect();
    fields.join("; ")
}
