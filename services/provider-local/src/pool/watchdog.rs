//! Keeps the health of the workers up to date until the process stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kaleem_domain::Clock;
use kaleem_runtime::{OnError, Supervisor};
use tokio::time::{MissedTickBehavior, interval};

use super::{Backend, Member, Pool};

/// Starts one task for each worker: HTTP workers are looked at every `every`, the engine tells its changes.
pub fn watch_members(pool: &Pool, every: Duration, clock: &Arc<dyn Clock>, supervisor: &Supervisor) {
    for member in pool.members() {
        let (member, clock) = (Arc::clone(member), Arc::clone(clock));
        let stopping = supervisor.stopping();
        supervisor.spawn("provider-local-health", OnError::Log, async move {
            let watched = async {
                match member.backend() {
                    Backend::Http(_) => look_again_and_again(&member, every, clock.as_ref()).await,
                    Backend::Engine(_) => follow_engine(&member, clock.as_ref()).await,
                }
            };
            stopping.run_until_cancelled(watched).await;
            Ok::<(), Infallible>(())
        });
    }
}

async fn look_again_and_again(member: &Member, every: Duration, clock: &dyn Clock) {
    let Backend::Http(worker) = member.backend() else { return };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        member.observe(worker.probe().await, clock);
    }
}

async fn follow_engine(member: &Member, clock: &dyn Clock) {
    let Backend::Engine(engine) = member.backend() else { return };
    let mut states = engine.states();
    loop {
        states.mark_unchanged();
        member.observe_engine(clock);
        if states.changed().await.is_err() {
            return;
        }
    }
}
