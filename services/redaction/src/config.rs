//! Configuration of redaction.

use serde::{Deserialize, Serialize};

/// Configuration of redaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The line that goes before a conversation with placeholders, so that the model keeps them.
    pub instruction: String,
    /// Pieces of an answer that wait for a slow reader of `StreamRestore`.
    pub restore_queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instruction: "Keep tokens of the form [[TYPE:XXXXXX]] unchanged.".to_owned(),
            restore_queue: 32,
        }
    }
}
