//! A worker in the pool: its backend, its health, and the ledger of its calls in flight.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaleem_domain::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::health::{Health, WorkerState};
use crate::call::{Call, EventStream};
use crate::config::{Capability, ENGINE_NAME, WorkerConfig};
use crate::engine::Engine;
use crate::error::CallError;
use crate::worker::{HttpWorker, Probe};

/// Where the tokens come from.
pub enum Backend {
    /// A worker over HTTP.
    Http(Box<HttpWorker>),
    /// The model in this process.
    Engine(Engine),
}

/// A worker in the pool.
pub struct Member {
    backend: Backend,
    /// Models that the configuration names, if it does.
    allowed: Option<Vec<String>>,
    capabilities: BTreeSet<Capability>,
    /// Most calls at once.
    window: usize,
    in_flight: AtomicUsize,
    health: Mutex<Health>,
    /// Counts changes of health in the whole pool, for those who wait.
    changes: watch::Sender<u64>,
}

impl Member {
    /// A worker over HTTP.
    pub fn http(worker: HttpWorker, config: &WorkerConfig, changes: watch::Sender<u64>) -> Self {
        Self {
            backend: Backend::Http(Box::new(worker)),
            allowed: config.models.clone(),
            capabilities: config.capabilities.clone(),
            window: config.max_in_flight,
            in_flight: AtomicUsize::new(0),
            health: Mutex::new(Health::unseen()),
            changes,
        }
    }

    /// The in-process engine, which takes `window` calls, the waiting ones included.
    pub fn engine(engine: Engine, window: usize, changes: watch::Sender<u64>) -> Self {
        Self {
            allowed: Some(vec![engine.model_id().to_owned()]),
            backend: Backend::Engine(engine),
            capabilities: BTreeSet::new(),
            window,
            in_flight: AtomicUsize::new(0),
            health: Mutex::new(Health::unseen()),
            changes,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match &self.backend {
            Backend::Http(worker) => worker.name(),
            Backend::Engine(_) => ENGINE_NAME,
        }
    }

    /// The address without credentials.
    pub fn address(&self) -> &str {
        match &self.backend {
            Backend::Http(worker) => worker.address(),
            Backend::Engine(_) => ENGINE_NAME,
        }
    }

    /// The backend.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Whether its models can do this.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Calls in flight, and most at once.
    pub fn load(&self) -> (usize, usize) {
        (self.in_flight.load(Ordering::Relaxed), self.window)
    }

    /// A copy of what is known of it.
    pub fn health(&self) -> Health {
        self.lock().clone()
    }

    /// The state now.
    pub fn state(&self) -> WorkerState {
        self.lock().state(Instant::now())
    }

    /// Models that it serves: those it lists, where the configuration names some only those of them; before it has listed any,
    /// those that the configuration names.
    pub fn models(&self) -> Vec<String> {
        match (&self.lock().models, &self.allowed) {
            (Some(listed), allowed) => {
                let is_allowed = |id: &String| allowed.as_ref().is_none_or(|allowed| allowed.contains(id));
                listed.iter().map(|model| model.id.clone()).filter(is_allowed).collect()
            }
            (None, Some(allowed)) => allowed.clone(),
            (None, None) => Vec::new(),
        }
    }

    /// Whether it serves `model`; `None` if nobody can know yet.
    pub fn serves(&self, model: &str) -> Option<bool> {
        if self.lock().models.is_none() && self.allowed.is_none() {
            return None;
        }
        Some(self.models().iter().any(|id| id == model))
    }

    /// Longest prompt plus answer of `model`, where it is known.
    pub fn context(&self, model: &str) -> Option<u32> {
        let health = self.lock();
        health.models.iter().flatten().find(|listed| listed.id == model).and_then(|listed| listed.context)
    }

    /// Takes a place for one call; `None` at the window.
    pub fn lease(self: &Arc<Self>) -> Option<Lease> {
        let taken = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < self.window).then_some(count + 1)
        });
        taken.ok().map(|_| Lease { member: Arc::clone(self) })
    }

    /// Starts a generation; nothing has been read of its answer.
    pub async fn generate(&self, call: &Arc<Call>) -> Result<EventStream, CallError> {
        match &self.backend {
            Backend::Http(worker) => worker.generate(call, self.context(&call.model)).await,
            Backend::Engine(engine) => engine.generate(Arc::clone(call)).await,
        }
    }

    /// Takes in what a look showed.
    pub fn observe(&self, probe: Probe, clock: &dyn Clock) {
        self.change(|health| health.observe(probe, clock.now()));
    }

    /// Takes in the state of the engine; does nothing for other workers.
    pub fn observe_engine(&self, clock: &dyn Clock) {
        let Backend::Engine(engine) = &self.backend else { return };
        let state = engine.states().borrow().clone();
        self.change(|health| health.observe_engine(&state, engine.model_id(), engine.context(), clock.now()));
    }

    /// Takes in how a call failed.
    pub fn note_failure(&self, error: &CallError) {
        match error {
            CallError::ModelGone { model, .. } => self.change(|health| health.forget_model(model)),
            CallError::Unavailable { .. }
            | CallError::Protocol { .. }
            | CallError::NoEndpoint { .. }
            | CallError::Engine { .. } => {
                self.change(|health| health.shun(Instant::now()));
            }
            // A full queue, a limit or a refusal says nothing about its health.
            _ => {}
        }
    }

    /// Takes in that a call went well.
    pub fn note_success(&self) {
        self.lock().forgive();
    }

    fn change(&self, change: impl FnOnce(&mut Health)) {
        let (before, after) = {
            let mut health = self.lock();
            let before = health.state(Instant::now());
            change(&mut health);
            (before, health.state(Instant::now()))
        };
        if before != after {
            tracing::info!(
                worker = self.name(),
                from = before.as_str_name(),
                to = after.as_str_name(),
                "worker changed"
            );
        }
        self.changes.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place at a worker, given back on drop.
pub struct Lease {
    member: Arc<Member>,
}

impl Lease {
    /// The worker.
    pub fn member(&self) -> &Arc<Member> {
        &self.member
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.member.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
