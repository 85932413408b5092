//! Opening the database: its address, settings and schema, and errors that never show the address, which may hold a password.

use std::time::Duration;

use kaleem_runtime::config::Span;
use kaleem_store::{
    Unready,
    postgres::{self, Timeouts, prepare},
};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Error, config, store::SCHEMA};

/// An idle connection is kept this long.
const IDLE: Duration = Duration::from_mins(10);

/// Reads an address; nothing of a wrong one is told.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, Error> {
    let form = |_| wrong("must be like postgres://user:password@host:5432/database".to_owned());
    postgres::parse(url).map_err(form)
}

fn wrong(why: String) -> Error {
    Error::Config { key: "quota.postgres_url".to_owned(), why }
}

/// Connects, brings the tables up to date, and keeps connections open.
pub(super) async fn pool(url: &str, bounds: &config::Shared) -> Result<PgPool, Error> {
    let unreachable = |error: sqlx::Error| {
        wrong(format!("cannot be used: {error}; start Postgres, or correct the address"))
    };
    let [acquire, wait] = [bounds.connect_timeout, bounds.wait].map(Span::get);
    let timeouts = Timeouts { acquire, lock: wait, statement: wait };
    let options = prepare(&SCHEMA, parse(url)?, &timeouts).await.map_err(|unready| match unready {
        Unready::Database(error) => unreachable(error),
        Unready::Version(error) => {
            wrong(format!("has tables of quota that cannot be brought up to date: {error}"))
        }
    })?;
    let pool = PgPoolOptions::new().max_connections(bounds.connections_max.max(1)).min_connections(1);
    let pool = pool.idle_timeout(IDLE).acquire_timeout(acquire);
    pool.connect_with(options).await.map_err(unreachable)
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
