//! Each back end of quota, and quota processes that share one.

use std::path::PathBuf;

use kaleem_domain::Timestamp;
use kaleem_quota::Config;
use kaleem_runtime::config::{Secret, Span};
use kaleem_testkit::{
    ManualClock,
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
}

impl Backend {
    /// The back end that a test's module names.
    pub fn named(name: &str) -> Self {
        match name {
            "redis" => Self::Redis,
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
    path: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Stores {
    pub fn start(backend: Backend) -> Self {
        Self::durable(backend, Durability::Memory)
    }

    pub fn durable(backend: Backend, durability: Durability) -> Self {
        let redis = (backend == Backend::Redis).then(|| Redis::start(durability));
        let folder = tempfile::tempdir().unwrap();
        Self {
            backend,
            redis_url: redis.as_ref().map(Redis::url),
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
        let url = self.redis_url.as_deref().unwrap_or_default();
        format!("{number} {:?} {url} {}", self.backend, self.path.display())
    }

    /// The store of a parent process, and the number that it gave.
    pub fn joined(place: &str) -> (Self, u64) {
        let mut parts = place.splitn(4, ' ');
        let number = parts.next().unwrap().parse().unwrap();
        let backend = Backend::named(&parts.next().unwrap().to_lowercase());
        let url = Some(parts.next().unwrap().to_owned()).filter(|url| !url.is_empty());
        let joined = Self {
            backend,
            clock: ManualClock::default(),
            accounts: FakeAccounts::new(),
            billing: FakeBilling::default(),
            redis: None,
            redis_url: url,
            path: parts.next().unwrap().into(),
            _folder: None,
        };
        (joined, number)
    }

    pub fn config(&self) -> Config {
        Config {
            path: self.path.clone(),
            redis_url: self.redis_url.clone().map(Secret::from),
            // Rounds and sweeps are the test's own.
            reconcile_interval: Span::seconds(0),
            sweep_interval: Span::seconds(3_600),
            ..Config::default()
        }
    }

    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("the back end is Redis")
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
