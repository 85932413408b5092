//! Making a schema and bringing its tables up to date.

use std::{io, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::Timeouts;
use crate::{Schema, Unready, migrator};

/// Longest that migrations may take, and wait for those of another process.
const MIGRATION_TIMEOUT: &str = "600s";

/// Makes the schema in the database at `address` where it is missing, and brings its tables up to date; several processes that start at
/// once do it one after another. Answers what further connections are opened with: they see only the schema, and commit durably.
pub async fn prepare(
    schema: &Schema,
    address: PgConnectOptions,
    timeouts: &Timeouts,
) -> Result<PgConnectOptions, Unready> {
    let options = session(schema, address, timeouts);
    let patient = [("statement_timeout", MIGRATION_TIMEOUT), ("lock_timeout", MIGRATION_TIMEOUT)];
    let patient = options.clone().options(patient);
    let connecting = tokio::time::timeout(timeouts.acquire, PgConnection::connect_with(&patient));
    let silent = |_| Err(sqlx::Error::Io(io::Error::from(io::ErrorKind::TimedOut)));
    let mut connection = connecting.await.unwrap_or_else(silent)?;
    let mut migrator = migrator(schema.postgres);
    // Looked for first: a role that may not make schemas can be given one.
    let found = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL").bind(schema.name);
    if !found.fetch_one(&mut connection).await? {
        migrator.create_schema(schema.name);
    }
    migrator.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(options)
}

/// What every connection sets; it has a name that the address may choose.
fn session(schema: &Schema, address: PgConnectOptions, timeouts: &Timeouts) -> PgConnectOptions {
    // Zero would be no bound.
    let millis = |timeout: Duration| format!("{}ms", timeout.as_millis().max(1));
    let statement_timeout = millis(timeouts.statement);
    let settings = [
        ("search_path", schema.name.to_owned()),
        // What was acknowledged must not be lost.
        ("synchronous_commit", "on".to_owned()),
        ("lock_timeout", millis(timeouts.lock)),
        // A process that stops in the middle of a write must not keep the others from theirs.
        ("idle_in_transaction_session_timeout", statement_timeout.clone()),
        ("statement_timeout", statement_timeout),
    ];
    let named = match address.get_application_name() {
        Some(_) => address,
        None => address.application_name(&format!("kaleem-{}", schema.name)),
    };
    named.options(settings).disable_statement_logging()
}
