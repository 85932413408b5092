//! Finds personal data in chat: pure, synchronous, without any service.
//!
//! A text is folded once ([`fold::Folded`]), candidates are found and scored ([`Detector`]), and each finding maps back to
//! the bytes of the original. Used by the redaction service, the command line and whatever masks logs.

mod detect;
mod error;
pub mod fold;
mod thresholds;

pub use detect::{
    Detector, Evidence, Explanation, Findings, Points, REPORTED, Scratch, Span, Speaks, THRESHOLD,
};
pub use error::Error;
pub use kaleem_placeholder::Kind;
pub use thresholds::Thresholds;
