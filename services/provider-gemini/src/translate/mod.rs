//! Between kaleem's chat messages and Gemini's, both ways, without IO.

mod conversation;
mod finish;
mod generation;
mod parts;
pub mod request;
pub mod response;
mod tools;
mod usage;

/// Sentences about parameters that were dropped or changed, each said once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings(Vec<String>);

/// Warnings that are kept; more are dropped.
const WARNINGS_MAX: usize = 16;

impl Warnings {
    /// Adds a sentence that quotes nothing of the content.
    pub fn push(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if self.0.len() < WARNINGS_MAX && !self.0.contains(&sentence) {
            self.0.push(sentence);
        }
    }

    /// The sentences, in order.
    pub fn into_sentences(self) -> Vec<String> {
        self.0
    }
}
