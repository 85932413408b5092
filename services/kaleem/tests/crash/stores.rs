//! What quota and billing keep their books in.

use kaleem::Config;
use kaleem_rpc::Target;
use kaleem_runtime::config::Secret;
use kaleem_testkit::{
    postgres::Postgres,
    redis::{Durability, Redis},
};

/// Set to `production`, quota and billing of every mesh are on servers.
const VARIABLE: &str = "KALEEM_TEST_STORES";
/// Database of the billing whose data folder is called so.
const LEDGER: &str = "billing";

pub enum Stores {
    /// Files in the folder of each process.
    Files,
    Servers(Box<Servers>),
}

/// Servers of one mesh, which die with it.
pub struct Servers {
    postgres: Postgres,
    redis: Redis,
}

impl Stores {
    /// What the environment asks for; without a word, files.
    pub fn of_environment() -> Self {
        match std::env::var(VARIABLE).as_deref() {
            Ok("production") => {
                let (postgres, redis) = (Postgres::start(), Redis::start(Durability::AppendOnly));
                postgres.create_database(LEDGER);
                Self::Servers(Box::new(Servers { postgres, redis }))
            }
            Err(_) | Ok("embedded" | "") => Self::Files,
            Ok(other) => panic!("{VARIABLE} is `embedded` or `production`, not `{other}`"),
        }
    }

    /// Points a process to its books. Each billing has a database of its own, so that it can be copied.
    pub fn settings(&self, target: Target, name: &str) -> Vec<String> {
        let Self::Servers(servers) = self else { return Vec::new() };
        match target {
            Target::Quota => vec![
                format!("quota.postgres_url={}", servers.postgres.url()),
                format!("quota.redis_url={}", servers.redis.url()),
            ],
            Target::Billing => {
                vec![format!("billing.postgres_url={}", servers.postgres.database_url(name))]
            }
            _ => Vec::new(),
        }
    }

    /// Points a quota in the test's own process to its books.
    pub fn enter(&self, config: &mut Config) {
        if let Self::Servers(servers) = self {
            config.quota.postgres_url = Some(Secret::from(servers.postgres.url()));
            config.quota.redis_url = Some(Secret::from(servers.redis.url()));
        }
    }

    /// Copies the ledger that nobody has open, if it is not in files.
    pub fn copy_ledger(&self, to: &str) -> bool {
        let Self::Servers(servers) = self else { return false };
        servers.postgres.copy_database(LEDGER, to);
        true
    }
}
