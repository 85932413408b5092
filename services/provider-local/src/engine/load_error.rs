//! Why a model folder cannot be used. Every message names the file and the way out.

use std::path::{Path, PathBuf};

/// Why the engine cannot load its model.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder is not there.
    #[error("{file} is missing; {way_out}")]
    Missing {
        /// What was looked for.
        file: PathBuf,
        /// What to do.
        way_out: &'static str,
    },
    /// A file cannot be read.
    #[error("{file} cannot be read: {source}; check its permissions and the disk")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what its name says.
    #[error("{file} is damaged or of another format: {detail}; copy or export the model folder again")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What the reader says.
        detail: String,
    },
    /// The model needs something that the engine has not.
    #[error(
        "{file} asks for {what}, which the in-process engine does not have; serve this model with an OpenAI-compatible worker"
    )]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// What it asks for.
        what: String,
    },
    /// Several files could be meant.
    #[error("{folder} holds several models ({found}); leave one")]
    Ambiguous {
        /// The folder.
        folder: PathBuf,
        /// Their names.
        found: String,
    },
    /// The chat template does not work.
    #[error(
        "the chat template in {file} does not work: {detail}; put a corrected chat_template.jinja into the folder"
    )]
    Template {
        /// The file.
        file: PathBuf,
        /// What the template engine says.
        detail: String,
    },
    /// The weights do not make a working model.
    #[error("the weights in {folder} do not work: {detail}; copy or export the model folder again")]
    Weights {
        /// The folder.
        folder: PathBuf,
        /// What went wrong.
        detail: String,
    },
    /// The device cannot be used.
    #[error("the inference device cannot be used: {0}; build without the cuda feature to run on the CPU")]
    Device(String),
    /// A thread cannot be started.
    #[error("an engine thread cannot be started: {0}; raise the limit of threads of this process")]
    Thread(std::io::Error),
}

impl LoadError {
    /// A damaged `file`.
    pub(crate) fn malformed(file: &Path, detail: &dyn std::fmt::Display) -> Self {
        Self::Malformed { file: file.to_owned(), detail: detail.to_string() }
    }

    /// Something in `file` that the engine has not.
    pub(crate) fn unsupported(file: &Path, what: impl Into<String>) -> Self {
        Self::Unsupported { file: file.to_owned(), what: what.into() }
    }

    /// Weights of `folder` that do not work.
    pub(crate) fn weights(folder: &Path, detail: &dyn std::fmt::Display) -> Self {
        Self::Weights { folder: folder.to_owned(), detail: detail.to_string() }
    }
}
