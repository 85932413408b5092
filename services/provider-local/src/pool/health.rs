//! What is known of a worker, and how one look at it changes that.

use std::time::Duration;

use kaleem_domain::Timestamp;
pub use kaleem_proto::pool::v1::WorkerState;
use tokio::time::Instant;

use crate::engine;
use crate::worker::{Probe, ServedModel};

/// Looks in a row that must fail before a worker that served counts as gone.
const FAILED_PROBES_MAX: u32 = 3;

/// How long a worker that failed a call is only used when no other can be.
const SHUN: Duration = Duration::from_secs(10);

/// What is known of a worker.
#[derive(Debug, Clone)]
pub struct Health {
    /// State as of the last look.
    state: WorkerState,
    /// Why it does not serve, one sentence.
    pub detail: String,
    /// Last sign of life.
    pub last_seen: Option<Timestamp>,
    /// Models that it lists; `None` before it has listed any.
    pub models: Option<Vec<ServedModel>>,
    failed_probes: u32,
    shunned_until: Option<Instant>,
}

impl Health {
    /// A worker that nobody has looked at.
    pub fn unseen() -> Self {
        Self {
            state: WorkerState::Registered,
            detail: "not seen yet".to_owned(),
            last_seen: None,
            models: None,
            failed_probes: 0,
            shunned_until: None,
        }
    }

    /// The state now; a worker that just failed a call is degraded, whatever its health endpoint says.
    pub fn state(&self, now: Instant) -> WorkerState {
        let is_shunned = self.shunned_until.is_some_and(|until| now < until);
        if is_shunned && self.state == WorkerState::Ready { WorkerState::Degraded } else { self.state }
    }

    /// Whether nobody has looked yet, so that it may serve in a moment.
    pub fn is_unseen(&self) -> bool {
        self.state == WorkerState::Registered
    }

    /// Takes in what a look showed.
    pub fn observe(&mut self, probe: Probe, now: Timestamp) {
        if let Probe::Failed(detail) = probe {
            self.failed_probes += 1;
            let served = matches!(self.state, WorkerState::Ready | WorkerState::Degraded);
            let is_slip = served && self.failed_probes < FAILED_PROBES_MAX;
            self.state = if is_slip { WorkerState::Degraded } else { WorkerState::Stopped };
            self.detail = detail;
            return;
        }
        self.failed_probes = 0;
        self.last_seen = Some(now);
        (self.state, self.detail) = match probe {
            Probe::Serving(models) if models.is_empty() => {
                (WorkerState::Degraded, "it lists no models".to_owned())
            }
            Probe::Serving(models) => {
                self.models = Some(models);
                (WorkerState::Ready, String::new())
            }
            Probe::Asleep => {
                (WorkerState::Sleeping, "its engine sleeps; wake it with POST /wake_up".to_owned())
            }
            Probe::Loading | Probe::Failed(_) => {
                (WorkerState::Starting, "it is loading its model".to_owned())
            }
        };
    }

    /// Takes in a change of the in-process engine, which serves `id`.
    pub fn observe_engine(
        &mut self,
        state: &engine::State,
        id: &str,
        context: Option<usize>,
        now: Timestamp,
    ) {
        self.last_seen = Some(now);
        (self.state, self.detail) = match state {
            engine::State::Starting => (WorkerState::Starting, "it is loading its model".to_owned()),
            engine::State::Failed(detail) => (WorkerState::Stopped, detail.clone()),
            engine::State::Ready => {
                let context = context.and_then(|tokens| u32::try_from(tokens).ok());
                self.models = Some(vec![ServedModel { id: id.to_owned(), context }]);
                (WorkerState::Ready, String::new())
            }
        };
    }

    /// Takes in a call that failed by the worker's fault.
    pub fn shun(&mut self, now: Instant) {
        self.shunned_until = Some(now + SHUN);
    }

    /// Takes in a call that went well.
    pub fn forgive(&mut self) {
        self.shunned_until = None;
    }

    /// Takes in that the worker does not know a model after all.
    pub fn forget_model(&mut self, id: &str) {
        if let Some(models) = &mut self.models {
            models.retain(|model| model.id != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(5);

    fn serving() -> Probe {
        Probe::Serving(vec![ServedModel { id: "m".into(), context: Some(2048) }])
    }

    fn after(probes: &[Probe]) -> Health {
        let mut health = Health::unseen();
        for probe in probes {
            health.observe(probe.clone(), NOW);
        }
        health
    }

    #[tokio::test(start_paused = true)]
    async fn one_slip_degrades_and_three_stop() {
        let slip = || Probe::Failed("no answer".into());
        let state = |probes: &[Probe]| after(probes).state(Instant::now());
        assert_eq!(state(&[]), WorkerState::Registered);
        assert_eq!(state(&[slip()]), WorkerState::Stopped, "it never served");
        assert_eq!(state(&[Probe::Loading]), WorkerState::Starting);
        assert_eq!(state(&[serving()]), WorkerState::Ready);
        assert_eq!(state(&[serving(), slip(), slip()]), WorkerState::Degraded);
        assert_eq!(state(&[serving(), slip(), slip(), slip()]), WorkerState::Stopped);
        assert_eq!(
            state(&[serving(), slip(), serving(), slip()]),
            WorkerState::Degraded,
            "the count starts again"
        );
        assert_eq!(state(&[serving(), Probe::Asleep]), WorkerState::Sleeping);
        assert_eq!(state(&[Probe::Serving(Vec::new())]), WorkerState::Degraded);
        assert_eq!(after(&[serving()]).last_seen, Some(NOW));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_counts_for_a_while() {
        let mut health = after(&[serving()]);
        health.shun(Instant::now());
        assert_eq!(health.state(Instant::now()), WorkerState::Degraded);
        health.observe(serving(), NOW);
        assert_eq!(
            health.state(Instant::now()),
            WorkerState::Degraded,
            "a fine health endpoint proves little"
        );
        tokio::time::advance(SHUN).await;
        assert_eq!(health.state(Instant::now()), WorkerState::Ready);
        health.shun(Instant::now());
        health.forgive();
        assert_eq!(health.state(Instant::now()), WorkerState::Ready);
    }
}
