//! Why a detector could not be built.

/// A detector could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The built-in word lists do not compile.
    #[error("the word lists of the recogniser do not compile")]
    Lexicon(#[source] aho_corasick::BuildError),
}
