//! Opening the ledger in Postgres: connections, schema, migrations, and errors that name the server and never a password.

use std::time::Duration;

use kaleem_store::{
    Unready,
    postgres::{Timeouts, prepare},
};
use sqlx::{
    PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    super::{Error, SCHEMA},
    pipeline,
};
use crate::config::Postgres as Options;

/// Writes of this process queue for one connection as they would queue for the lock; the second serves while one is replaced.
const WRITERS_MAX: u32 = 2;
/// An idle connection is kept this long.
const IDLE: Duration = Duration::from_mins(10);

/// What every connection is set to, beside what every store's are.
const SETTINGS: [(&str, &str); 3] = [
    // The tables grow by orders of magnitude while a connection lives, so a plan must not be kept.
    ("plan_cache_mode", "force_custom_plan"),
    // The rows of a commit are one value, which would go through a file beyond the 4 MB that a server allows by itself.
    ("work_mem", "32MB"),
    // Compiling a query takes longer than any of these runs.
    ("jit", "off"),
];

/// Reads a URL; nothing about a wrong one is told, as it may hold a password.
pub fn parse(url: &str) -> Option<PgConnectOptions> {
    kaleem_store::postgres::parse(url).ok()
}

/// Host, port and database.
fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

/// The connections of a ledger.
pub struct Pools {
    /// Of transactions that hold the lock.
    pub writers: PgPool,
    /// Of recordings under another's lock; apart, so that they never wait for one who waits for that lock.
    pub groups: PgPool,
    /// Of everybody else.
    pub readers: PgPool,
}

/// Opens the connections and brings the tables up to date.
pub async fn pools(url: &PgConnectOptions, limits: &Options) -> Result<Pools, Error> {
    let place = place(url);
    let refuse = |source| Error::Server { place: place.clone(), source };
    let acquire = limits.acquire_timeout.get();
    let timeouts =
        Timeouts { acquire, lock: limits.lock_timeout.get(), statement: limits.statement_timeout.get() };
    let options = prepare(&SCHEMA, url.clone(), &timeouts).await.map_err(|unready| match unready {
        Unready::Database(source) => refuse(source),
        Unready::Version(source) => Error::ServerVersion { place: place.clone(), source },
    })?;
    let options = options.options(SETTINGS);
    let pool = |size| {
        let pool = PgPoolOptions::new().max_connections(size).min_connections(1).idle_timeout(IDLE);
        pool.acquire_timeout(acquire)
    };
    let durable = |size| {
        let pool = pool(size).after_connect(|connection, _| Box::pin(check_durability(connection)));
        pool.connect_with(options.clone())
    };
    let writers = durable(WRITERS_MAX).await.map_err(refuse)?;
    let groups = durable(pipeline::AT_ONCE).await.map_err(refuse)?;
    warn_of_lost_commits(&writers).await.map_err(refuse)?;
    let readers = options.options([("default_transaction_read_only", "on")]);
    let readers = pool(limits.readers_max).connect_with(readers).await.map_err(refuse)?;
    Ok(Pools { writers, groups, readers })
}

/// Warns once of a server that may lose what it acknowledged.
async fn warn_of_lost_commits(writers: &PgPool) -> Result<(), sqlx::Error> {
    let sql = "SELECT current_setting('fsync')";
    if sqlx::query_scalar::<_, String>(sql).fetch_one(writers).await? != "on" {
        tracing::warn!(
            "the ledger's Postgres runs with fsync off: a crash of its machine loses money that was acknowledged"
        );
    }
    Ok(())
}

/// Refuses a connection whose commits would not be on disk, for example because a pooler drops its settings.
async fn check_durability(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "SELECT current_setting('synchronous_commit') = 'on' AND current_schema() = 'billing'";
    if sqlx::query_scalar::<_, bool>(sql).fetch_one(connection).await? {
        return Ok(());
    }
    let rule = "the connection lost its settings: synchronous_commit must be on and search_path billing; a pooler between must keep them";
    Err(sqlx::Error::Configuration(rule.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_neither_role_nor_password() {
        let place = place(&parse("postgres://role:secret@db:5433/shop").unwrap());
        assert_eq!(place, "db:5433/shop");
    }
}
