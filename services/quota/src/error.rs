//! Why quota cannot do what it was asked.

use std::path::PathBuf;

use kaleem_domain::MerchantId;

use crate::{
    machine::{Damage, Refusal},
    upstream,
};

/// Why quota cannot do what it was asked, by cause.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state machine refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Neither accounts nor an operator knows the merchant.
    #[error("merchant {0} is unknown; create it in accounts")]
    MerchantNotFound(MerchantId),
    /// Accounts cannot be asked, and what is known of the merchant is too old.
    #[error("accounts cannot be asked for the merchant's plan: {0}")]
    AccountsUnavailable(String),
    /// Billing cannot be asked for the ledger's sums.
    #[error("billing cannot be asked for the ledger: {0}; nothing was changed, try again when it answers")]
    BillingUnavailable(String),
    /// Accounts answers with a plan that cannot be enforced.
    #[error("accounts has a plan that quota cannot enforce: {0}")]
    PolicyInvalid(String),
    /// The journal cannot take more now.
    #[error("the quota journal cannot take more: {0}")]
    StoreUnavailable(&'static str),
    /// Reading or writing the journal failed.
    #[error("the quota journal failed: {0}")]
    Store(#[from] sqlx::Error),
    /// Redis refused a command or could not be reached.
    #[error("the shared store failed: {0}")]
    Redis(#[from] redis::RedisError),
    /// The journal holds a row that is not what was written.
    #[error("the quota journal is damaged: {0}")]
    Damaged(String),
    /// An upstream project has no room.
    #[error(transparent)]
    Upstream(#[from] upstream::Refusal),
    /// The cost of a call cannot be held for its upstream project.
    #[error("the money of the upstream project cannot be held: {0}")]
    Spend(#[source] Box<Self>),
    /// A call of a project with a spend cap does not say which it is.
    #[error("reservation must be set, as the project has a spend cap")]
    SpendUnnamed,
    /// No alert has this id any more, or ever had.
    #[error("no alert with this id is kept; watch without from_alert_id to start now")]
    AlertUnknown,
    /// As many watch as may.
    #[error("as many watch as {0} allows; try again")]
    WatchersFull(&'static str),
    /// A setting cannot work.
    #[error("{key} {why}")]
    Config {
        /// Dotted key.
        key: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The journal could not be opened at start.
    #[error("cannot open the quota journal {}: {source}; check that its folder exists and can be written", path.display())]
    Open {
        /// File.
        path: PathBuf,
        /// Cause.
        source: sqlx::Error,
    },
    /// The journal could not be brought to the current schema at start.
    #[error("cannot migrate the quota journal {}: {source}", path.display())]
    Migrate {
        /// File.
        path: PathBuf,
        /// Cause.
        source: sqlx::migrate::MigrateError,
    },
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // The category and position, not the text of the row.
        Self::Damaged(format!("a row is not the JSON that was written ({:?} error)", error.classify()))
    }
}
