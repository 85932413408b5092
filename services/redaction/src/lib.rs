//! Redaction: takes personal data out of a request before it leaves, and says what may be left.
//!
//! The core is pure and synchronous. A text is folded once (`fold`), candidates are found and scored (`detect`), and
//! each finding is replaced by a placeholder whose value the [`Session`] keeps. Restoring the streamed answer is
//! `kaleem_placeholder::Restorer`, which the gateway runs on the same values.
//!
//! In scope: e-mail addresses, telephone numbers of the Gulf and its neighbours, Saudi identity and residence numbers,
//! IBANs, payment cards; in Arabic-Indic, Persian, fullwidth and other digits, spaced, separated or spread over a
//! sentence. Not found: digits spelled in words, names and addresses, values encoded in base64 or shown in pictures.
//!
//! Redaction fails closed: after an [`Error`] a text must not be sent.

mod detect;
mod error;
mod fold;
mod json;
mod redact;

pub use error::Error;
pub use redact::{Counts, MAX_TEXT_BYTES, Redaction, Redactor, Residual, Session};
