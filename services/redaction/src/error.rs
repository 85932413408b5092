//! What can go wrong; a text that was not redacted must not leave.

use kaleem_placeholder::Kind;

use crate::store;

/// A field that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, for example `allow[3]`; empty for the whole document.
    pub field: String,
    /// What would be right, in words that follow the name of the field.
    pub description: String,
}

/// A failure of redaction. No variant carries any part of a text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is longer than [`crate::MAX_TEXT_BYTES`].
    #[error("the text has {actual} bytes, the limit is {limit}: split it")]
    TextTooLong {
        /// Bytes of the text.
        actual: usize,
        /// Most bytes of one text.
        limit: usize,
    },
    /// The merchant's policy refuses requests with values of these types.
    #[error("the text holds what the merchant's policy blocks: {}", names(.kinds))]
    Blocked {
        /// The types, each once.
        kinds: Vec<Kind>,
    },
    /// The values of the request could not be kept.
    #[error(transparent)]
    Vault(#[from] kaleem_placeholder::Error),
    /// The recognisers do not compile.
    #[error(transparent)]
    Detector(#[from] kaleem_pii::Error),
    /// The work was stopped before its end.
    #[error("redaction was stopped before its end")]
    Stopped,
    /// Something was found however often the text was redacted.
    #[error("the text holds something new each time that it is redacted")]
    Unsettled,
    /// A policy has faults; all of them are listed.
    #[error("the policy has {} faults", .0.len())]
    PolicyInvalid(Vec<Violation>),
    /// Another version of the policy is in force than the one that was to be replaced.
    #[error("version {current} of the policy is in force, not the expected one; read it and try again")]
    PolicyChanged {
        /// The version in force, 0 for none.
        current: i64,
    },
    /// An option has a value that cannot work.
    #[error("redaction.{field} must be {rule}")]
    Config {
        /// Option.
        field: &'static str,
        /// What would be right.
        rule: &'static str,
    },
    /// The model of names cannot be asked: its HTTP client cannot be made.
    #[error("redaction.name_model cannot be asked: {0}")]
    NameModel(String),
    /// The store of policies failed or cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The names of types, for people and for metadata.
pub(crate) fn names(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}
