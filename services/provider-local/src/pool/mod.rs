//! The workers behind this provider, and which of them takes the next call.

mod health;
mod member;
mod watchdog;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::CallError;
pub use health::WorkerState;
pub use member::{Backend, Lease, Member};
pub use watchdog::watch_members;

/// All workers.
pub struct Pool {
    members: Vec<Arc<Member>>,
    changes: watch::Sender<u64>,
    /// Moves on with every pick, so that equals take turns.
    turn: AtomicUsize,
}

/// Why no worker was picked.
#[derive(Debug, PartialEq, Eq)]
enum NoPick {
    /// A worker may serve the model in a moment: nobody has looked at it, or the engine loads.
    NotYet,
    /// The call fails.
    Never(CallError),
}

impl Pool {
    /// A pool of `members`, which report changes to `changes`.
    pub fn new(members: Vec<Arc<Member>>, changes: watch::Sender<u64>) -> Self {
        Self { members, changes, turn: AtomicUsize::new(0) }
    }

    /// All workers, in the order of the configuration.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// Ids of all models that are served, each once.
    pub fn models(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.members.iter().flat_map(|member| member.models()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Takes a place at the least loaded ready worker that serves `model` and is not in `tried`. A pool that has just started
    /// gets until `patience` for the first look at its workers.
    pub async fn lease(&self, model: &str, tried: &[String], patience: Instant) -> Result<Lease, CallError> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            match self.pick(model, tried) {
                Ok(lease) => return Ok(lease),
                Err(NoPick::Never(error)) => return Err(error),
                Err(NoPick::NotYet) => {}
            }
            if tokio::time::timeout_at(patience, changes.changed()).await.is_err() {
                return Err(self.none_ready(model));
            }
        }
    }

    fn pick(&self, model: &str, tried: &[String]) -> Result<Lease, NoPick> {
        let serving = |member: &&Arc<Member>| member.serves(model) == Some(true);
        let serving: Vec<&Arc<Member>> = self.members.iter().filter(serving).collect();
        let open = |member: &&&Arc<Member>| !tried.iter().any(|name| name == member.name());
        let mut is_full = false;
        // A worker in trouble is better than none.
        for wanted in [WorkerState::Ready, WorkerState::Degraded] {
            let mut usable: Vec<&Arc<Member>> =
                serving.iter().filter(open).copied().filter(|member| member.state() == wanted).collect();
            self.order(&mut usable);
            if let Some(lease) = usable.iter().find_map(|member| member.lease()) {
                return Ok(lease);
            }
            is_full |= !usable.is_empty();
        }
        if is_full {
            return Err(NoPick::Never(CallError::Overloaded { model: model.to_owned() }));
        }
        if self.members.iter().any(|member| may_serve_soon(member, model)) {
            return Err(NoPick::NotYet);
        }
        let is_unknown =
            serving.is_empty() && self.members.iter().all(|member| member.serves(model).is_some());
        Err(NoPick::Never(if is_unknown { self.unknown(model) } else { self.none_ready(model) }))
    }

    /// Least loaded first, in shares of the window; equals take turns.
    fn order(&self, members: &mut [&Arc<Member>]) {
        if members.len() < 2 {
            return;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % members.len();
        members.rotate_left(turn);
        members.sort_by(|left, right| {
            let ((left_now, left_window), (right_now, right_window)) = (left.load(), right.load());
            left_now.saturating_mul(right_window).cmp(&right_now.saturating_mul(left_window))
        });
    }

    fn unknown(&self, model: &str) -> CallError {
        let known = self.models().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        CallError::ModelNotFound { model: model.to_owned(), known }
    }

    fn none_ready(&self, model: &str) -> CallError {
        let concerned = self.members.iter().filter(|member| member.serves(model) != Some(false));
        let states = concerned.map(|member| {
            let state = member.state().as_str_name().trim_start_matches("WORKER_STATE_").to_lowercase();
            let detail = member.health().detail;
            if detail.is_empty() {
                format!("{} is {state}", member.name())
            } else {
                format!("{} is {state} ({detail})", member.name())
            }
        });
        CallError::NoneReady { model: model.to_owned(), detail: states.collect::<Vec<_>>().join(", ") }
    }
}

fn may_serve_soon(member: &Member, model: &str) -> bool {
    if member.serves(model) == Some(false) {
        return false;
    }
    let is_loading_engine =
        matches!(member.backend(), Backend::Engine(_)) && member.state() == WorkerState::Starting;
    is_loading_engine || member.health().is_unseen()
}
