//! Leases of upstream projects: one lock, as a gateway asks about once a second for each model.

use std::sync::{Mutex, MutexGuard};

use kaleem_domain::Timestamp;

use super::{Registry, keeper::Keeper};
use crate::{
    Error,
    shared::Keep,
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
        let answer = match &self.keeper {
            Keeper::Journal(_) => lock(&self.upstreams)?.acquire(ask, self.clock.now()),
            Keeper::Shared(shared) => {
                let (domain, model) = (ask.quota_domain, ask.model);
                self.share(shared.keep(), domain, model, |upstreams, now| upstreams.acquire(ask, now)).await?
            }
        };
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
        metrics::counter!("kaleem_quota_upstream_refusals_total").increment(1);
        tracing::warn!(
            quota_domain,
            model,
            retry_after_ms,
            "an upstream was asked too often; its limits shrink"
        );
        let learn =
            |upstreams: &mut Upstreams, now| upstreams.refused(quota_domain, model, retry_after_ms, now);
        match &self.keeper {
            Keeper::Journal(_) => learn(&mut *lock(&self.upstreams)?, self.clock.now())?,
            Keeper::Shared(shared) => self.share(shared.keep(), quota_domain, model, learn).await??,
        }
        self.write_upstream(quota_domain, model).await
    }

    /// Runs `command` on a copy of a model as all processes left it, and keeps what it made of it unless another was faster, in which
    /// case it runs again. A store that lost the model gets back what this process remembers.
    async fn share<T>(
        &self,
        keep: &Keep,
        quota_domain: &str,
        model: &str,
        command: impl Fn(&mut Upstreams, Timestamp) -> Result<T, Refusal>,
    ) -> Result<Result<T, Refusal>, Error> {
        for _ in 0..self.config.shared.tries_max.max(1) {
            let stored = keep.upstream(quota_domain, model).await?;
            let now = self.clock.now();
            let mut copy = lock(&self.upstreams)?.copy_of(quota_domain, model);
            if let Some(stored) = &stored {
                copy.adopt(quota_domain, model, stored, now)?;
            }
            let outcome = command(&mut copy, now);
            // A refusal grants nothing, and without limits there is nothing to keep.
            let (Ok(_), Some(made)) = (&outcome, copy.exact(quota_domain, model)) else { return Ok(outcome) };
            let seen = stored.map(|stored| stored.version);
            if keep.swap_upstream(quota_domain, model, seen, &made).await? {
                copy.note_shared(quota_domain, model, &made);
                lock(&self.upstreams)?.take_over(copy, now);
                return Ok(outcome);
            }
        }
        Err(Error::StoreUnavailable("other processes use this upstream model all the time; try again"))
    }

    /// Writes to the durable store what it must know, mostly ahead; a shared database knows it already.
    async fn write_upstream(&self, quota_domain: &str, model: &str) -> Result<(), Error> {
        if matches!(&self.keeper, Keeper::Shared(shared) if shared.keep().is_durable()) {
            return Ok(());
        }
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
