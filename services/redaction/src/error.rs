//! Why a text could not be redacted; a text that was not redacted must not leave.

/// Redaction failed. No variant carries any part of the text.
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
    /// The values of the request could not be kept.
    #[error(transparent)]
    Vault(#[from] kaleem_placeholder::Error),
    /// The recognisers do not compile.
    #[error(transparent)]
    Detector(#[from] kaleem_pii::Error),
    /// The work was stopped before its end.
    #[error("redaction was stopped before its end")]
    Stopped,
}
