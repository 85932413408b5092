//! The stores that every test runs on, and the way around the service into each.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use kaleem_billing::Config;
use kaleem_runtime::config::Secret;
use kaleem_testkit::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// Makes a test of each function for each store: `sqlite::<name>` and `postgres::<name>`.
macro_rules! on_both_stores {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::backend::Backend::Sqlite).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::backend::Backend::postgres()).await;
            })+
        }
    };
}
pub(crate) use on_both_stores;

/// Where the ledgers of a test are.
#[derive(Clone)]
pub enum Backend {
    /// Each in a folder of its own.
    Sqlite,
    /// Each in a database of its own, on one throw-away server.
    Postgres(Arc<Postgres>),
}

impl Backend {
    /// Starts a server.
    pub fn postgres() -> Self {
        Self::Postgres(Arc::new(Postgres::start()))
    }

    /// Gives a service a ledger of its own.
    pub fn place(&self, config: &mut Config) {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        if let Self::Postgres(server) = self {
            let name = format!("ledger_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
            config.postgres_url = Some(Secret::from(server.create_database(&name)));
        }
    }
}

/// A connection of its own to a ledger.
pub enum Sql {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Sql {
    pub async fn open(config: &Config) -> Self {
        if let Some(url) = &config.postgres_url {
            let mut connection = PgConnection::connect(url.expose()).await.unwrap();
            sqlx::raw_sql("SET search_path = billing").execute(&mut connection).await.unwrap();
            return Self::Postgres(connection);
        }
        let path = config.data_folder.join("billing.sqlite");
        Self::Sqlite(SqliteConnection::connect(path.to_str().unwrap()).await.unwrap())
    }

    /// Runs statements.
    pub async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(|_| ()),
            Self::Postgres(connection) => sql.execute(connection).await.map(|_| ()),
        }
    }

    /// Runs statements past every trigger and key, as one can who owns the disk.
    pub async fn tamper(&mut self, sql: &str) {
        let (open, sql) = match self {
            Self::Sqlite(connection) => {
                let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
                let triggers: Vec<String> = sqlx::query_scalar(triggers).fetch_all(connection).await.unwrap();
                let drops = triggers.iter().map(|name| format!("DROP TRIGGER {name};"));
                (drops.collect::<String>() + "PRAGMA foreign_keys = OFF", sql.to_owned())
            }
            Self::Postgres(_) => (
                "SET session_replication_role = replica".to_owned(),
                sql.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')"),
            ),
        };
        self.run(&open).await.unwrap();
        self.run(&sql).await.unwrap();
    }

    /// Makes every entry a failure of the store, until [`Sql::accept_entries`].
    pub async fn refuse_entries(&mut self) {
        let sql = match self {
            Self::Sqlite(_) => {
                "CREATE TRIGGER broken BEFORE INSERT ON ledger BEGIN SELECT raise(ABORT, 'disk'); END"
            }
            Self::Postgres(_) => "ALTER TABLE ledger ADD CONSTRAINT broken CHECK (false) NOT VALID",
        };
        self.run(sql).await.unwrap();
    }

    pub async fn accept_entries(&mut self) {
        let sql = match self {
            Self::Sqlite(_) => "DROP TRIGGER broken",
            Self::Postgres(_) => "ALTER TABLE ledger DROP CONSTRAINT broken",
        };
        self.run(sql).await.unwrap();
    }

    /// The one number of a query.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let query = sqlx::AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_one(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(query).fetch_one(connection).await.unwrap(),
        }
    }

    /// Accounts with their balances, in order.
    pub async fn balances(&mut self) -> Vec<(String, i64)> {
        let sql = "SELECT account, CAST(sum(amount_pico) AS BIGINT) FROM ledger_entry GROUP BY account ORDER BY account";
        match self {
            Self::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_as(sql).fetch_all(connection).await.unwrap(),
        }
    }
}
