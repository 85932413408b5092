//! Postgres: the durable store of several processes, behind Redis or alone.

mod alerts;
mod follow;
mod open;
mod policies;
mod read;
mod swap;
mod upstream;
mod write;

use sqlx::{PgPool, Row as _};

use crate::{Error, config};

pub(crate) use open::parse;
pub(crate) use swap::{Stored, Swapped};

/// An open database; cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    /// Connects to `url`, makes the schema where it is missing, and brings it up to date.
    pub(crate) async fn open(url: &str, bounds: &config::Shared) -> Result<Self, Error> {
        Ok(Self { pool: open::pool(url, bounds).await? })
    }

    /// Epoch of the counters.
    pub(crate) async fn epoch(&self) -> Result<i64, Error> {
        Ok(sqlx::query("SELECT epoch FROM meta WHERE id = 1").fetch_one(&self.pool).await?.try_get(0)?)
    }
}
