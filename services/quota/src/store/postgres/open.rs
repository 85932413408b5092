//! Opening the database: its address, settings and schema, and errors that never show the address, which may hold a password.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Error, config};

/// Schema that all tables are in, so that one database can serve several services.
const SCHEMA: &str = "quota";
/// Longest that migrations may take, and wait for those of another process.
const MIGRATION_LIMIT: &str = "600s";
/// An idle connection is kept this long.
const IDLE: Duration = Duration::from_mins(10);

/// Steps from an empty schema to today's tables, numbered from 1; a step never changes once a database was made with it.
const MIGRATIONS: [(&str, &str); 2] = [
    ("quota", include_str!("../../../migrations/postgres/0001_quota.sql")),
    ("policy_change", include_str!("../../../migrations/postgres/0002_policy_change.sql")),
];

/// Parameters of an address that the driver knows; it would log others with their values, which may be secrets.
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

/// Reads an address; nothing of a wrong one is told.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, Error> {
    let url = url.trim();
    let has_scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let mut names = parameters.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next());
    let is_known = names.all(|name| name.is_some_and(|name| PARAMETERS.contains(&name)));
    let options = PgConnectOptions::from_str(url).ok().filter(|_| has_scheme && is_known);
    options.ok_or_else(|| wrong("must be like postgres://user:password@host:5432/database".to_owned()))
}

fn wrong(why: String) -> Error {
    Error::Config { key: "quota.postgres_url".to_owned(), why }
}

/// Connects, brings the tables up to date, and keeps connections open.
pub(super) async fn pool(url: &str, bounds: &config::Shared) -> Result<PgPool, Error> {
    let unreachable = |error: sqlx::Error| {
        wrong(format!("cannot be used: {error}; start Postgres, or correct the address"))
    };
    let options = session(parse(url)?, bounds);
    let timeout = bounds.connect_timeout.get().max(Duration::from_millis(1));
    let patient = [("statement_timeout", MIGRATION_LIMIT), ("lock_timeout", MIGRATION_LIMIT)];
    let patient = options.clone().options(patient);
    let connecting = tokio::time::timeout(timeout, PgConnection::connect_with(&patient)).await;
    let mut connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unreachable)?;
    migrate(&mut connection).await.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => unreachable(source),
        error => wrong(format!("has tables of quota that cannot be brought up to date: {error}")),
    })?;
    connection.close().await.map_err(unreachable)?;
    let pool = PgPoolOptions::new().max_connections(bounds.connections_max.max(1)).min_connections(1);
    let pool = pool.idle_timeout(IDLE).acquire_timeout(timeout);
    pool.connect_with(options).await.map_err(unreachable)
}

/// What every session is set to.
fn session(url: PgConnectOptions, bounds: &config::Shared) -> PgConnectOptions {
    let limit = format!("{}ms", bounds.wait.get().as_millis().max(1));
    let settings = [
        ("search_path", SCHEMA.to_owned()),
        // A top-up that was answered must not be lost.
        ("synchronous_commit", "on".to_owned()),
        ("lock_timeout", limit.clone()),
        // A process that stops in the middle of a commit must not keep the others from theirs.
        ("idle_in_transaction_session_timeout", limit.clone()),
        ("statement_timeout", limit),
    ];
    url.application_name("kaleem-quota").options(settings).disable_statement_logging()
}

/// Makes schema and tables; several processes that start at once do it one after another.
async fn migrate(connection: &mut PgConnection) -> Result<(), MigrateError> {
    // Looked for first: a role that may not make schemas can be given one.
    let found = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL").bind(SCHEMA);
    let found: bool = found.fetch_one(&mut *connection).await?;
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations((1..).zip(MIGRATIONS).map(migration).collect());
    if !found {
        migrator.create_schema(SCHEMA);
    }
    migrator.run_direct(None, connection, false).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_postgres_url_is_refused_without_showing_it() {
        for good in ["postgres://u:p@db:5433/shop?sslmode=require", "postgresql://db/x", " postgres://db/x\n"]
        {
            parse(good).unwrap();
        }
        for wrong in
            ["", "mysql://db", "db", "postgres://u:secret@db/x?pasword=secret", "postgres://db:port/x"]
        {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("quota.postgres_url must be like"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
