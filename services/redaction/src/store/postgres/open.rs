//! Opening the database: its address, settings, schema, and errors that name the server and never the URL.

use std::{io, str::FromStr as _, time::Duration};

use kaleem_runtime::config::Secret;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};

use super::super::Error;
use crate::config::PostgresConfig;

/// What an address must look like.
const FORM: &str = "like postgres://user:password@host:5432/database";
const SCHEMA: &str = "redaction";
/// How long another process may take to bring the tables up to date while this one waits.
const MIGRATION_TIMEOUT: &str = "60s";

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

/// The rule that `url` breaks, if any.
pub fn broken_rule(url: &Secret) -> Option<&'static str> {
    let Ok(parsed) = url::Url::parse(url.expose()) else { return Some(FORM) };
    if !["postgres", "postgresql"].contains(&parsed.scheme()) {
        return Some(FORM);
    }
    if parsed.query_pairs().any(|(key, _)| !PARAMETERS.contains(&key.as_ref())) {
        return Some(
            "without parameters other than sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password and application_name",
        );
    }
    match PgConnectOptions::from_str(url.expose()) {
        Ok(options) if options.get_database().is_some() => None,
        _ => Some(FORM),
    }
}

/// Reads `url` and adds what every connection sets.
pub fn options(url: &Secret, config: &PostgresConfig) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url.expose()).map_err(|_| Error::Url(FORM))?;
    let millis = |timeout: Duration| format!("{}ms", timeout.as_millis());
    let statement_timeout = millis(config.statement_timeout.get());
    let settings = [
        ("search_path", SCHEMA.to_owned()),
        // An acknowledged policy must not be lost.
        ("synchronous_commit", "on".to_owned()),
        ("lock_timeout", millis(config.lock_timeout.get())),
        // A process that stops in the middle of a write must not keep the others from theirs.
        ("idle_in_transaction_session_timeout", statement_timeout.clone()),
        ("statement_timeout", statement_timeout),
    ];
    Ok(options.application_name("kaleem-redaction").options(settings).disable_statement_logging())
}

/// Makes the schema and brings its tables up to date; several processes that start at once do it one after another.
pub async fn migrate(options: &PgConnectOptions, patience: Duration) -> Result<(), Error> {
    let server = server(options);
    let unusable = |source| Error::Server { server: server.clone(), source };
    let patient = [("statement_timeout", MIGRATION_TIMEOUT), ("lock_timeout", MIGRATION_TIMEOUT)];
    let options = options.clone().options(patient);
    let connecting = tokio::time::timeout(patience, PgConnection::connect_with(&options));
    let silent = |_| Err(sqlx::Error::Io(io::Error::from(io::ErrorKind::TimedOut)));
    let mut connection = connecting.await.unwrap_or_else(silent).map_err(unusable)?;
    // Looked for first: a role that may not make schemas can be given one.
    let found = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL").bind(SCHEMA);
    let found: bool = found.fetch_one(&mut connection).await.map_err(unusable)?;
    migrator(found).run_direct(None, &mut connection, false).await.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => unusable(source),
        source => Error::Schema { schema: SCHEMA, server: server.clone(), source },
    })?;
    connection.close().await.map_err(unusable)
}

fn migrator(schema_exists: bool) -> Migrator {
    let sql = include_str!("../../../migrations/postgres/0001_redaction.sql").into_sql_str();
    let tables = Migration::new(1, "redaction".into(), MigrationType::Simple, sql, false);
    let mut migrator = Migrator::with_migrations(vec![tables]);
    if !schema_exists {
        migrator.create_schema(SCHEMA);
    }
    migrator
}

/// Where the server is, without user and password.
pub fn server(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}
