//! Leases of upstream projects: one lock, as a gateway asks about once a second for each model.

use std::sync::{Mutex, MutexGuard};

use super::Registry;
use crate::{
    Error,
    upstream::{Ask, Grant, Refusal, Upstreams},
};

/// HTTP status by which an upstream says that it was asked too often.
const TOO_MANY_REQUESTS: i32 = 429;

/// No day of any zone is longer, in milliseconds; what was granted before is of no use.
const FORGOTTEN_AFTER_MS: i64 = 48 * 3_600_000;

impl Registry {
    /// Takes back what was granted before a restart.
    pub(super) async fn load_upstreams(&self) -> Result<(), Error> {
        let since = self.clock.now().plus_millis(-FORGOTTEN_AFTER_MS);
        let kept = self.store.upstreams(since, self.config.upstream.models_max).await?;
        let mut upstreams = lock(&self.upstreams)?;
        for (quota_domain, model, snapshot) in kept {
            upstreams.restore(&quota_domain, &model, &snapshot)?;
        }
        Ok(())
    }

    /// Leases a share of an upstream project's rate, see [`Upstreams::acquire`]. What is granted is committed before, mostly ahead.
    pub async fn acquire_upstream(&self, ask: &Ask<'_>) -> Result<Grant, Error> {
        let now = self.clock.now();
        let answer = lock(&self.upstreams)?.acquire(ask, now);
        let outcome = match &answer {
            Ok(_) => "granted",
            Err(Refusal::Limited(limited)) => limited.limit.name(),
            Err(Refusal::TooLarge { .. } | Refusal::Full | Refusal::Calendar(_)) => "refused",
        };
        metrics::counter!("kaleem_quota_upstream_leases_total", "outcome" => outcome).increment(1);
        let grant = answer?;
        self.write_upstream(ask.quota_domain, ask.model).await?;
        Ok(grant)
    }

    /// Learns from an upstream's answer; only a 429 teaches anything.
    pub async fn report_upstream(
        &self,
        quota_domain: &str,
        model: &str,
        http_status: i32,
        retry_after_ms: i64,
    ) -> Result<(), Error> {
        if http_status != TOO_MANY_REQUESTS {
            return Ok(());
        }
        let now = self.clock.now();
        metrics::counter!("kaleem_quota_upstream_refusals_total").increment(1);
        tracing::warn!(
            quota_domain,
            model,
            retry_after_ms,
            "an upstream was asked too often; its limits shrink"
        );
        lock(&self.upstreams)?.refused(quota_domain, model, retry_after_ms, now)?;
        self.write_upstream(quota_domain, model).await
    }

    async fn write_upstream(&self, quota_domain: &str, model: &str) -> Result<(), Error> {
        let unwritten = lock(&self.upstreams)?.unwritten(quota_domain, model);
        let Some(snapshot) = unwritten else { return Ok(()) };
        self.store.put_upstream(quota_domain, model, &snapshot).await?;
        lock(&self.upstreams)?.note_written(quota_domain, model, &snapshot);
        Ok(())
    }
}

fn lock(upstreams: &Mutex<Upstreams>) -> Result<MutexGuard<'_, Upstreams>, Error> {
    upstreams
        .lock()
        .map_err(|_| Error::Damaged("a lease panicked; restart to start with fresh limits".to_owned()))
}
