//! Opening the ledger in Postgres: connections, schema, migrations, and errors that name the server and never a password.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{super::Error, LOCK, pipeline};
use crate::config::Postgres as Options;

/// Holds every object of the ledger, so that one database can serve several services.
const SCHEMA: &str = "billing";
/// Writes of this process queue for one connection as they would queue for the lock; the second serves while one is replaced.
const WRITERS_MAX: u32 = 2;
/// Longest that migrations may take, and wait for those of another process.
const MIGRATION_LIMIT: Duration = Duration::from_mins(10);
/// An idle connection is kept this long.
const IDLE: Duration = Duration::from_mins(10);

/// What can stand in the query of a URL; anything else is a mistake, and the driver would log it with its value.
const PARAMETERS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Reads a URL; nothing about a wrong one is told, as it may hold a password.
pub fn parse(url: &str) -> Option<PgConnectOptions> {
    let url = url.trim();
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return None;
    }
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let mut names = parameters.split('&').filter(|pair| !pair.is_empty());
    let is_known = names.all(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        PARAMETERS.contains(&name)
    });
    is_known.then(|| PgConnectOptions::from_str(url).ok()).flatten()
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
    let options = session(url, limits);
    let connecting = PgConnection::connect_with(&options);
    let connected = tokio::time::timeout(limits.acquire_timeout.get(), connecting).await;
    let mut connection = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(refuse)?;
    prepare(&mut connection).await.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => refuse(source),
        source => Error::ServerVersion { place: place.clone(), source },
    })?;
    connection.close().await.map_err(refuse)?;
    let pool = |size| {
        let pool = PgPoolOptions::new().max_connections(size).min_connections(1).idle_timeout(IDLE);
        pool.acquire_timeout(limits.acquire_timeout.get())
    };
    let durable = |size| {
        let pool = pool(size).after_connect(|connection, _| Box::pin(check_durability(connection)));
        pool.connect_with(options.clone())
    };
    let writers = durable(WRITERS_MAX).await.map_err(refuse)?;
    let groups = durable(pipeline::AT_ONCE).await.map_err(refuse)?;
    let readers = options.options([("default_transaction_read_only", "on")]);
    let readers = pool(limits.readers_max).connect_with(readers).await.map_err(refuse)?;
    Ok(Pools { writers, groups, readers })
}

/// What every session of the ledger is set to.
fn session(url: &PgConnectOptions, limits: &Options) -> PgConnectOptions {
    let millis = |limit: Duration| limit.as_millis().to_string();
    let statement_limit = millis(limits.statement_timeout.get());
    let settings = [
        ("search_path", SCHEMA.to_owned()),
        // Anything less may lose the last commits, and those are money that was acknowledged.
        ("synchronous_commit", "on".to_owned()),
        ("lock_timeout", millis(limits.lock_timeout.get())),
        // A writer that stopped in the middle of a transaction holds up the others.
        ("idle_in_transaction_session_timeout", statement_limit.clone()),
        ("statement_timeout", statement_limit),
        // The tables grow by orders of magnitude while a connection lives, so a plan must not be kept.
        ("plan_cache_mode", "force_custom_plan".to_owned()),
        // The rows of a commit are one value, which would go through a file beyond the 4 MB that a server allows by itself.
        ("work_mem", "32MB".to_owned()),
        // Compiling a query takes longer than any of these runs.
        ("jit", "off".to_owned()),
    ];
    url.clone().options(settings).disable_statement_logging()
}

/// Makes schema and tables, and warns once of a server that may lose what it acknowledged.
async fn prepare(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let limit = format!("SET statement_timeout = {0}; SET lock_timeout = {0}", MIGRATION_LIMIT.as_millis());
    sqlx::raw_sql(sqlx::AssertSqlSafe(limit)).execute(&mut *connection).await?;
    // Looked for first: a role that may not make schemas can be given one. Two processes that start at once take turns.
    sqlx::raw_sql(LOCK).execute(&mut *connection).await?;
    let sql = "SELECT to_regnamespace($1) IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(sql).bind(SCHEMA).fetch_one(&mut *connection).await? {
        sqlx::raw_sql("CREATE SCHEMA billing").execute(&mut *connection).await?;
    }
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    migrator().run(&mut *connection).await?;
    let sql = "SELECT current_setting('fsync')";
    if sqlx::query_scalar::<_, String>(sql).fetch_one(&mut *connection).await? != "on" {
        tracing::warn!(
            "the ledger's Postgres runs with fsync off: a crash of its machine loses money that was acknowledged"
        );
    }
    Ok(())
}

fn migrator() -> Migrator {
    let sql = include_str!("../../../migrations/postgres/0001_billing.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(1, "billing".into(), MigrationType::Simple, sql, false)])
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
    fn what_is_no_postgres_url_is_refused() {
        let good = ["postgres://u:p@db:5433/shop?sslmode=require", "postgresql://db", " postgres://db/x\n"];
        assert!(good.iter().all(|url| parse(url).is_some()));
        let wrong = [
            "",
            "mysql://db",
            "db",
            "postgres://db/x?pasword=secret",
            "postgres://db:port/x",
            "postgres://[/",
        ];
        for url in wrong {
            assert!(parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_place_has_neither_role_nor_password() {
        let place = place(&parse("postgres://role:secret@db:5433/shop").unwrap());
        assert_eq!(place, "db:5433/shop");
    }
}
