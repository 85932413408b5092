//! The tasks that keep quota and the ledger one: quota follows the ledger, and tells it what it seems to have missed.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    registry::{Registry, Round},
};

/// First and longest wait before a ledger that could not be followed is asked again.
const RETRY_WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Follows the ledger until the process stops.
pub(crate) async fn follow(registry: Arc<Registry>, stopping: CancellationToken) -> Result<(), Error> {
    // What was applied of a page that is dropped is known by its number when it comes again.
    tokio::select! {
        () = stopping.cancelled() => {}
        () = follow_on(&registry) => {}
    }
    if let Err(error) = registry.stop_following().await {
        tracing::warn!(%error, "how far the ledger was followed is not written down; some of it is told again");
    }
    Ok(())
}

async fn follow_on(registry: &Registry) {
    let mut wait = RETRY_WAIT.0;
    loop {
        let Err(error) = registry.follow().await else {
            wait = RETRY_WAIT.0;
            continue;
        };
        metrics::counter!("kaleem_quota_follow_failures_total").increment(1);
        if wait == RETRY_WAIT.0 {
            tracing::warn!(%error, "the ledger cannot be followed; it is tried again until it can");
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_WAIT.1);
    }
}

/// Tells billing every `interval`, until the process stops, of the settled calls that it is not known to have.
pub(crate) async fn tell(
    registry: Arc<Registry>,
    interval: Duration,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = Round::default();
    loop {
        let told = async {
            ticks.tick().await;
            while registry.tell(&mut round).await? {}
            Ok::<_, Error>(())
        };
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            told = told => {
                if let Err(error) = told {
                    tracing::warn!(%error, "billing could not be told of settled calls that it may not have; the next round tries again");
                }
            }
        }
    }
}
