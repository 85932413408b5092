//! What was granted of upstream projects, shared: two processes must not grant the same minute twice.

use super::Keep;
use crate::{Error, upstream::Snapshot};

impl Keep {
    /// What was granted of a model, as the last of all processes left it; `None` where the store has nothing.
    pub(crate) async fn upstream(&self, quota_domain: &str, model: &str) -> Result<Option<Snapshot>, Error> {
        match self {
            Self::Redis(redis) => redis.upstream(quota_domain, model).await,
            Self::Postgres(postgres) => postgres.upstream(quota_domain, model).await,
        }
    }

    /// Keeps `snapshot` if the store has the version `seen`, or nothing where that is `None`; says whether it is kept.
    pub(crate) async fn swap_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        seen: Option<i64>,
        snapshot: &Snapshot,
    ) -> Result<bool, Error> {
        match self {
            Self::Redis(redis) => redis.swap_upstream(quota_domain, model, seen, snapshot).await,
            Self::Postgres(postgres) => postgres.swap_upstream(quota_domain, model, seen, snapshot).await,
        }
    }
}
