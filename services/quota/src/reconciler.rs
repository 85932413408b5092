//! The loop that compares posted usage with the ledger.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    registry::{Registry, Rounds},
};

/// Compares every `interval` until the process stops, first after one interval: the process starts whether billing is there or not.
pub(crate) async fn reconcile(
    registry: Arc<Registry>,
    interval: Duration,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rounds = Rounds::default();
    loop {
        let round = async {
            ticks.tick().await;
            registry.reconcile(&mut rounds).await
        };
        // A round may be dropped anywhere: what it heals is one command that is applied whole or not at all.
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            outcome = round => {
                if let Err(error) = outcome {
                    tracing::warn!(%error, "posted usage could not be compared with the ledger; the next round tries again");
                }
            }
        }
    }
}
