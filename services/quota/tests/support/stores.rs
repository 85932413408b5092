//! Each back end of quota, and quota processes that share one.

use std::path::PathBuf;

use kaleem_domain::Timestamp;
use kaleem_quota::Config;
use kaleem_runtime::config::{Secret, Span};
use kaleem_testkit::{
    ManualClock,
    postgres::Postgres,
    redis::{Durability, Redis},
};

use super::{FakeAccounts, FakeBilling, Quota};

/// What keeps the state of quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Memory with a SQLite journal behind it; for one process.
    Embedded,
    /// Redis, with SQLite for what must survive it.
    Redis,
    /// Postgres alone.
    Postgres,
    /// Redis, with Postgres for what must survive it.
    RedisOnPostgres,
}

impl Backend {
    /// The back end that a test's module names.
    pub fn named(name: &str) -> Self {
        match name {
            "redis" => Self::Redis,
            "postgres" => Self::Postgres,
            "redisonpostgres" | "redis_on_postgres" => Self::RedisOnPostgres,
            _ => Self::Embedded,
        }
    }

    pub fn is_shared(self) -> bool {
        self != Self::Embedded
    }
}

/// A throw-away store, with the clock, accounts and ledger of all quota processes on it.
pub struct Stores {
    pub backend: Backend,
    pub clock: ManualClock,
    pub accounts: FakeAccounts,
    pub billing: FakeBilling,
    redis: Option<Redis>,
    redis_url: Option<String>,
    postgres: Option<Postgres>,
    postgres_url: Option<String>,
    path: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Stores {
    pub fn start(backend: Backend) -> Self {
        Self::durable(backend, Durability::Memory)
    }

    pub fn durable(backend: Backend, durability: Durability) -> Self {
        let redis =
            matches!(backend, Backend::Redis | Backend::RedisOnPostgres).then(|| Redis::start(durability));
        let postgres = matches!(backend, Backend::Postgres | Backend::RedisOnPostgres).then(Postgres::start);
        let folder = tempfile::tempdir().unwrap();
        Self {
            backend,
            redis_url: redis.as_ref().map(Redis::url),
            postgres_url: postgres.as_ref().map(Postgres::url),
            postgres,
            path: folder.path().join("quota.db"),
            _folder: Some(folder),
            clock: ManualClock::default(),
            accounts: FakeAccounts::new(),
            billing: FakeBilling::default(),
            redis,
        }
    }

    /// How a child process finds this store, with a number to begin from; see [`Stores::joined`].
    pub fn place(&self, number: u64) -> String {
        let [redis, postgres] =
            [&self.redis_url, &self.postgres_url].map(|url| url.as_deref().unwrap_or("-"));
        format!("{number} {:?} {redis} {postgres} {}", self.backend, self.path.display())
    }

    /// The store of a parent process, and the number that it gave.
    pub fn joined(place: &str) -> (Self, u64) {
        let mut parts = place.splitn(5, ' ');
        let number = parts.next().unwrap().parse().unwrap();
        let backend = Backend::named(&parts.next().unwrap().to_lowercase());
        let mut url = || parts.next().map(str::to_owned).filter(|url| url != "-");
        let (redis_url, postgres_url) = (url(), url());
        let joined = Self {
            backend,
            clock: ManualClock::default(),
            accounts: FakeAccounts::new(),
            billing: FakeBilling::default(),
            redis: None,
            redis_url,
            postgres: None,
            postgres_url,
            path: parts.next().unwrap().into(),
            _folder: None,
        };
        (joined, number)
    }

    pub fn config(&self) -> Config {
        Config {
            path: self.path.clone(),
            redis_url: self.redis_url.clone().map(Secret::from),
            postgres_url: self.postgres_url.clone().map(Secret::from),
            // Rounds and sweeps are the test's own.
            reconcile_interval: Span::seconds(0),
            sweep_interval: Span::seconds(3_600),
            ..Config::default()
        }
    }

    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("the back end is Redis")
    }

    pub fn postgres(&mut self) -> &mut Postgres {
        self.postgres.as_mut().expect("the back end has a Postgres")
    }

    /// Runs SQL in the shared database, behind quota's back.
    pub async fn database(&self, sql: &'static str) {
        use sqlx::{Connection as _, PgConnection};
        let url = self.postgres_url.as_deref().expect("the back end has a Postgres");
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// A quota process on this store.
    pub async fn open(&self) -> Quota {
        self.open_as(|_| {}).await
    }

    pub async fn open_as(&self, adjust: impl FnOnce(&mut Config)) -> Quota {
        let mut config = self.config();
        adjust(&mut config);
        Quota::open_with(config, self.clock.clone(), self.accounts.clone(), self.billing.clone()).await
    }

    /// Sets the clock of all processes.
    pub fn set_clock(&self, now: Timestamp) {
        self.clock.set(now);
    }
}
