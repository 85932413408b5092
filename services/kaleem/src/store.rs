//! The databases that the services of a deployment share, instead of files of their own.

use kaleem_runtime::config::Secret;
use serde::{Deserialize, Serialize};

/// Addresses of shared stores; without any, every service keeps files in the data folder.
///
/// An address holds a password, so neither errors nor dumps show it. Give it by the environment or as
/// `{ file = "…" }`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stores {
    /// Postgres of every service that names none itself: `postgres://user:password@host:5432/database`.
    pub postgres_url: Option<Secret>,
    /// Redis of every service that names none itself: `redis://:password@host:6379/0`, or `rediss://` for TLS.
    pub redis_url: Option<Secret>,
}

impl Stores {
    /// Checks what serde cannot; the error names the key and not its value.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let addresses = [
            (
                "postgres_url",
                &self.postgres_url,
                ["postgres", "postgresql"],
                "postgres://user:password@host:5432/database",
            ),
            ("redis_url", &self.redis_url, ["redis", "rediss"], "redis://:password@host:6379/0"),
        ];
        for (key, url, schemes, like) in addresses {
            let Some(url) = url else { continue };
            let scheme = url.expose().split_once("://").map(|(scheme, _)| scheme);
            anyhow::ensure!(
                scheme.is_some_and(|scheme| schemes.contains(&scheme)),
                "{key} must be like {like}"
            );
        }
        Ok(())
    }
}

/// Gives a service the shared address where it has none of its own.
pub(crate) fn share(own: &mut Option<Secret>, shared: Option<&Secret>) {
    if own.is_none() {
        *own = shared.cloned();
    }
}

/// What a service keeps its state in, for operators: `Postgres` or `SQLite`.
pub(crate) fn kind(postgres_url: Option<&Secret>) -> &'static str {
    if postgres_url.is_some() { "Postgres" } else { "SQLite" }
}
