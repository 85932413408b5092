//! What can go wrong, split by cause.

use crate::store;

/// A field that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field.
    pub field: String,
    /// What would be right.
    pub description: String,
}

impl Violation {
    pub(crate) fn new(field: &str, description: impl Into<String>) -> Self {
        Self { field: field.to_owned(), description: description.into() }
    }
}

/// A failure of the accounts service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option has a value that cannot work.
    #[error("accounts.{field} must be {rule}")]
    Config {
        /// Option.
        field: &'static str,
        /// What would be right.
        rule: &'static str,
    },
    /// The store failed or cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The system gives no randomness.
    #[error("the operating system gives no randomness for a new key")]
    Entropy(#[source] rand::rngs::SysError),
    /// A task that carries a write was stopped before its end.
    #[error("the change was cut off by the shutdown; ask again")]
    CutOff,
    /// Fields are wrong; all of them are listed.
    #[error("{}", summary(.0))]
    RequestInvalid(Vec<Violation>),
    /// Unknown, revoked, expired or malformed: callers cannot tell which.
    #[error("the API key is not valid; check it, or issue a new one")]
    CredentialInvalid,
    /// The key belongs to another merchant than the call names.
    #[error("the key does not speak for merchant {0}; leave the merchant out or use an act-as key")]
    MerchantMismatch(String),
    /// The merchant may not call until it is resumed.
    #[error("merchant {0} is suspended; resume it first")]
    MerchantSuspended(String),
    /// No such merchant.
    #[error("merchant {0} does not exist; create it first")]
    MerchantNotFound(String),
    /// The id is taken by a merchant with other fields.
    #[error("merchant {id} exists with another {field}; choose another id, or send the same fields")]
    MerchantExists {
        /// Id.
        id: String,
        /// First field that differs.
        field: &'static str,
    },
    /// No such plan.
    #[error("plan {0} does not exist; list the plans and choose one")]
    PlanNotFound(String),
    /// No such key.
    #[error("key {0} does not exist; list the keys of the merchant")]
    KeyNotFound(String),
    /// The feed cannot go on after this sequence without a gap.
    #[error("the feed has no sequence {0}; drop every cached credential and start at 0")]
    SequenceUnknown(i64),
    /// Too many watchers.
    #[error("the feed has too many watchers; try again later")]
    WatchersFull,
}

fn summary(violations: &[Violation]) -> String {
    let fields: Vec<_> =
        violations.iter().map(|v| format!("{} must be {}", v.field, v.description)).collect();
    fields.join("; ")
}
