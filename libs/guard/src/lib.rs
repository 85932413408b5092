//! Checks what a model tells customers against the facts of the shop: prices, fees, windows, percentages, coupons.
//!
//! Pure and synchronous. [`Policy::parse`] reads the facts once; [`check`] reads a whole answer, [`Gate`] one that is
//! streamed. Arabic first, then English and Persian: numbers in digits of any script or in words, dual forms, spoken forms.
//!
//! A sentence is folded and cut into tokens (`text`), each word gets its meaning from the word lists (`note`), numbers get
//! their units (`quantity`), values get the noun they are about (`topic`), and each is compared with the facts or what
//! follows from them (`judge`). No floats, no model, no network.

mod amount;
mod check;
mod correct;
mod filter;
mod gate;
mod hash;
mod inflect;
mod judge;
mod language;
mod lexicon;
mod note;
mod number;
mod policy;
mod product;
mod quantity;
mod report;
mod segment;
mod sentence;
mod size;
mod text;
mod topic;
mod unit;

pub use check::check;
pub use correct::amendment;
pub use gate::{Gate, HELD_CHARS_MAX, Piece};
pub use language::Language;
pub use policy::{POLICY_BYTES_MAX, PRODUCTS_MAX, Policy, PolicyError, PolicyFault};
pub use report::{Field, Finding, Report, Verdict};
