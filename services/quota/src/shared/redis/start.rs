//! Connecting to Redis, and what a Redis must be to keep quota.

use std::{sync::Arc, time::Duration};

use redis::{
    Client, Cmd, IntoConnectionInfo as _, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use tokio::sync::Semaphore;

use super::Redis;
use crate::{Error, config};

const SCRIPT: &str = include_str!("commit.lua");
/// Longest wait between two tries to connect again.
const RECONNECT_WAIT_MAX: Duration = Duration::from_millis(250);

impl Redis {
    /// Connects to `url`; refuses a server that may evict what quota keeps in it.
    pub(crate) async fn connect(url: &str, bounds: &config::Shared) -> Result<Self, Error> {
        let wrong = |why: String| Error::Config { key: "quota.redis_url".to_owned(), why };
        // Errors go without the address, which may carry a password.
        let client = client(url).map_err(|error| {
            wrong(format!(
                "must be an address such as redis://host:6379/0 or rediss://host:6380/0 ({})",
                error.category()
            ))
        })?;
        // Without a provider TLS panics. A second installation answers Err with the one that is there, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(bounds.connect_timeout.get()))
            .set_response_timeout(Some(bounds.response_timeout.get()))
            .set_number_of_retries(1)
            .set_max_delay(RECONNECT_WAIT_MAX);
        let connection = ConnectionManager::new_with_config(client, settings).await.map_err(|error| {
            wrong(format!("cannot be reached: {error}; start Redis, or correct the address"))
        })?;
        let redis = Self {
            connection,
            script: Arc::new(Script::new(SCRIPT)),
            in_flight: Arc::new(Semaphore::new(bounds.in_flight_max.clamp(1, Semaphore::MAX_PERMITS))),
            timeout: bounds.response_timeout.get(),
        };
        redis.check().await?;
        Ok(redis)
    }

    /// An evicted hold or counter would admit past a cap without a trace.
    async fn check(&self) -> Result<(), Error> {
        // INFO and not CONFIG, which hosted servers forbid.
        let policy = self.info("memory", "maxmemory_policy").await?;
        if policy != "noeviction" {
            let why = format!(
                "is a Redis with maxmemory-policy {policy}, which may drop counters and so admit past a cap; run CONFIG SET \
                 maxmemory-policy noeviction (and set it in redis.conf), or use a Redis of its own for quota"
            );
            return Err(Error::Config { key: "quota.redis_url".to_owned(), why });
        }
        if self.info("persistence", "aof_enabled").await? != "1" {
            tracing::warn!(
                "Redis keeps no append-only file: a restart of it loses the counters, which then come back from quota processes \
                 and the ledger; set appendonly yes"
            );
        }
        Ok(())
    }

    async fn info(&self, section: &str, field: &str) -> Result<String, Error> {
        let mut command = Cmd::new();
        command.arg("INFO").arg(section);
        let text: String = self.ask_command(command).await?;
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let missing = || Error::Config {
            key: "quota.redis_url".to_owned(),
            why: format!("is a server that does not tell its {field}; use Redis 6 or newer, or Valkey"),
        };
        value.map(|value| value.trim().to_owned()).ok_or_else(missing)
    }
}

/// Commands are small and waited for: one that follows another must not be kept back until that is acknowledged, some 40 ms.
fn client(url: &str) -> RedisResult<Client> {
    let at_once = TcpSettings::default().set_nodelay(true);
    Client::open(url.into_connection_info()?.set_tcp_settings(at_once))
}
