//! Leases of upstream projects: one lock, as a gateway asks once a second and model.

use std::sync::{Mutex, MutexGuard};

use super::Registry;
use crate::{
    Error,
    upstream::{Ask, Grant, Refusal, Upstreams},
};

/// HTTP status by which an upstream says that it was asked too often.
const TOO_MANY_REQUESTS: i32 = 429;

impl Registry {
    /// Leases a share of an upstream project's rate, see [`Upstreams::acquire`].
    pub fn acquire_upstream(&self, ask: &Ask<'_>) -> Result<Grant, Error> {
        let now = self.clock.now();
        let answer = lock(&self.upstreams)?.acquire(ask, now);
        let outcome = match &answer {
            Ok(_) => "granted",
            Err(Refusal::Limited(limited)) => limited.limit.name(),
            Err(Refusal::TooLarge { .. } | Refusal::Full | Refusal::Calendar(_)) => "refused",
        };
        metrics::counter!("kaleem_quota_upstream_leases_total", "outcome" => outcome).increment(1);
        Ok(answer?)
    }

    /// Learns from an upstream's answer; only a 429 teaches anything.
    pub fn report_upstream(
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
        Ok(lock(&self.upstreams)?.refused(quota_domain, model, retry_after_ms, now)?)
    }
}

fn lock(upstreams: &Mutex<Upstreams>) -> Result<MutexGuard<'_, Upstreams>, Error> {
    upstreams
        .lock()
        .map_err(|_| Error::Damaged("a lease panicked; restart to start with fresh limits".to_owned()))
}
