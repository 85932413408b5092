//! The configured models, and what calls have shown of their health: nothing is probed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaleem_domain::Timestamp;
use kaleem_proto::provider::v1::ModelHealth;

use crate::Error;
use crate::config::{Config, EmbeddingModelConfig, Limits, ModelConfig};
use crate::upstream_error::{Cause, UpstreamError};

/// Failures in a row after which a model counts as degraded, and as down.
const DEGRADED_AFTER: u32 = 3;
const DOWN_AFTER: u32 = 10;
/// Time after the last failure when a model may be tried again.
const FAILURE_MEMORY_MILLIS: i64 = 30_000;

/// Models with their state.
#[derive(Debug)]
pub struct Catalogue {
    models: Vec<ModelConfig>,
    embedding_models: Vec<EmbeddingModelConfig>,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Beside `models`.
    models: Vec<Observed>,
    /// A refusal that holds for the whole project.
    project: Option<Pause>,
}

#[derive(Debug, Clone, Default)]
struct Observed {
    gone_until: Option<Timestamp>,
    /// A day's quota is spent.
    pause: Option<Pause>,
    /// A minute's quota is spent: calls are still let through, as others may fit.
    limited_until: Option<Timestamp>,
    failures_in_row: u32,
    last_failure: Timestamp,
}

/// A refusal that is believed until an instant.
#[derive(Debug, Clone)]
struct Pause {
    until: Timestamp,
    error: UpstreamError,
}

impl Pause {
    fn at(&self, now: Timestamp) -> Option<&Self> {
        (now < self.until).then_some(self)
    }

    /// The refusal as it would be answered now.
    fn error(&self, now: Timestamp) -> UpstreamError {
        let mut error = self.error.clone();
        if let Cause::RateLimited { retry_after, .. } = &mut error.cause {
            *retry_after = Duration::from_millis(u64::try_from(self.until.millis_since(now)).unwrap_or(0));
        }
        error
    }
}

impl Catalogue {
    /// The models of `config`, of which nothing is known yet.
    pub fn new(config: &Config) -> Self {
        let state = State { models: vec![Observed::default(); config.models.len()], project: None };
        Self {
            models: config.models.clone(),
            embedding_models: config.embedding_models.clone(),
            limits: config.limits,
            state: Mutex::new(state),
        }
    }

    /// All models for generation.
    pub fn models(&self) -> &[ModelConfig] {
        &self.models
    }

    /// The embedding model `id`.
    pub fn embedding_model(&self, id: &str) -> Result<&EmbeddingModelConfig, Error> {
        let found = self.embedding_models.iter().find(|model| model.id == id);
        found.ok_or_else(|| Error::ModelUnknown(id.to_owned()))
    }

    /// The model `id` and its fallbacks, in order, without those that the project is refused; never empty.
    pub fn chain(&self, id: &str, now: Timestamp) -> Result<Vec<&ModelConfig>, Error> {
        let first = self.position(id).ok_or_else(|| Error::ModelUnknown(id.to_owned()))?;
        let state = self.state();
        let fallbacks = self.models[first].fallbacks.iter().filter_map(|id| self.position(id));
        let is_there = |at: &usize| state.models[*at].gone_until.is_none_or(|until| until <= now);
        let chain: Vec<_> =
            std::iter::once(first).chain(fallbacks).filter(is_there).map(|at| &self.models[at]).collect();
        if chain.is_empty() { Err(Error::ModelGone(id.to_owned())) } else { Ok(chain) }
    }

    /// Refuses a call that Google would refuse for sure: the credit or the day's quota is spent, the key is refused.
    pub fn admit(&self, id: &str, now: Timestamp) -> Result<(), Error> {
        let state = self.state();
        let of_model = self.position(id).and_then(|at| state.models[at].pause.as_ref());
        let pause = state.project.iter().chain(of_model).find_map(|pause| pause.at(now));
        pause.map_or(Ok(()), |pause| Err(pause.error(now).into()))
    }

    /// Notes a good answer of `id`.
    pub fn succeeded(&self, id: &str) {
        let mut state = self.state();
        state.project = None;
        if let Some(at) = self.position(id) {
            state.models[at] = Observed::default();
        }
    }

    /// Notes a failure of `id`. Failures that the caller caused say nothing about it.
    pub fn failed(&self, id: &str, error: &Error, now: Timestamp) {
        let mut state = self.state();
        if let Error::Upstream(error) = error
            && is_of_project(error)
        {
            let until = now.plus_millis(millis(self.limits.refused_project.get()));
            state.project = Some(Pause { until, error: error.clone() });
            return;
        }
        let Some(at) = self.position(id) else { return };
        let model = &mut state.models[at];
        match error {
            Error::Upstream(error) => match &error.cause {
                Cause::ModelNotFound => {
                    model.gone_until = Some(now.plus_millis(millis(self.limits.gone_model.get())));
                }
                Cause::RateLimited { retry_after, daily } => {
                    let until = now.plus_millis(millis(*retry_after));
                    if *daily {
                        model.pause = Some(Pause { until, error: error.clone() });
                    } else {
                        model.limited_until = Some(until);
                    }
                }
                Cause::Unavailable { .. } | Cause::Lost { .. } | Cause::Rejected => model.fail(now),
                _ => {}
            },
            Error::Protocol { .. } => model.fail(now),
            _ => {}
        }
    }

    /// Health of `id`, and when it may serve better if that is known.
    pub fn health(&self, id: &str, now: Timestamp) -> (ModelHealth, Option<Timestamp>) {
        let state = self.state();
        if let Some(pause) = state.project.as_ref().and_then(|pause| pause.at(now)) {
            return (ModelHealth::Down, Some(pause.until));
        }
        let Some(at) = self.position(id) else { return (ModelHealth::Down, None) };
        let fallbacks = self.models[at].fallbacks.iter().filter_map(|id| self.position(id));
        let serving = std::iter::once(at).chain(fallbacks).map(|at| &state.models[at]);
        let serving = serving.into_iter().find(|model| model.gone_until.is_none_or(|until| until <= now));
        match serving {
            Some(model) => model.health(now),
            None => (ModelHealth::Down, state.models[at].gone_until),
        }
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.models.iter().position(|model| model.id == id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observed {
    fn fail(&mut self, now: Timestamp) {
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        self.last_failure = now;
    }

    fn health(&self, now: Timestamp) -> (ModelHealth, Option<Timestamp>) {
        if let Some(pause) = self.pause.as_ref().and_then(|pause| pause.at(now)) {
            return (ModelHealth::Down, Some(pause.until));
        }
        if let Some(until) = self.limited_until.filter(|until| now < *until) {
            return (ModelHealth::Degraded, Some(until));
        }
        let forgotten = self.last_failure.plus_millis(FAILURE_MEMORY_MILLIS);
        match self.failures_in_row {
            count if count >= DOWN_AFTER && now < forgotten => (ModelHealth::Down, Some(forgotten)),
            count if count >= DEGRADED_AFTER && now < forgotten => (ModelHealth::Degraded, Some(forgotten)),
            _ => (ModelHealth::Ready, None),
        }
    }
}

/// Whether a refusal holds for every call of the project. A key that is only barred from one method is none.
fn is_of_project(error: &UpstreamError) -> bool {
    match error.cause {
        Cause::Billing | Cause::LocationRejected => true,
        Cause::CredentialRejected => error.fact.as_deref() != Some("API_KEY_SERVICE_BLOCKED"),
        _ => false,
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
