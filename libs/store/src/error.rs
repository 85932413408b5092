//! Why a store cannot be opened, or does not answer: the file or the server, and the way out.

use std::{io, path::PathBuf, time::Duration};

use sqlx::migrate::MigrateError;

/// A store that cannot be opened, or does not answer. No message shows an address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or its files cannot be made, read or written.
    #[error("{} cannot be used; check that the folder is writable and the disk is not full", path.display())]
    Folder {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Another process holds the store.
    #[error("{} is in use by another kaleem process; stop it, or choose another data folder", path.display())]
    InUse {
        /// Lock file.
        path: PathBuf,
    },
    /// The file is no store, or is broken.
    #[error("{} is damaged or not a kaleem store; restore it from a backup, or move it away to start empty", path.display())]
    Damaged {
        /// Store file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The file was written by another version of kaleem.
    #[error("{} was written by another version of kaleem; start that version, or restore a backup", path.display())]
    Version {
        /// Store file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: MigrateError,
    },
    /// The text is no address of a Postgres database.
    #[error("postgres_url must be {0}")]
    Url(&'static str),
    /// The server of the shared store does not answer, or does not let us in.
    #[error(
        "the Postgres server at {server} cannot be used; check that it runs, and user, password and database"
    )]
    Server {
        /// Host and port, or the folder of its socket.
        server: String,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The tables of the shared store were made by another version of kaleem.
    #[error(
        "schema {schema} of the Postgres server at {server} was written by another version of kaleem; start that version, or restore a backup"
    )]
    Schema {
        /// Schema.
        schema: &'static str,
        /// Host and port, or the folder of its socket.
        server: String,
        /// Cause.
        #[source]
        source: MigrateError,
    },
    /// The server of the shared store said nothing for too long.
    #[error("{store} did not answer within {patience:?}")]
    Silent {
        /// What the store is called.
        store: &'static str,
        /// How long it was waited for.
        patience: Duration,
    },
}
