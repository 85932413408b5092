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
    let mut wait = RETRY_WAIT.0;
    while !stopping.is_cancelled() {
        let Some(followed) = follow_once(&registry, &stopping).await else { break };
        let Err(error) = followed else {
            wait = RETRY_WAIT.0;
            continue;
        };
        metrics::counter!("kaleem_quota_follow_failures_total").increment(1);
        if wait == RETRY_WAIT.0 {
            tracing::warn!(%error, "the ledger cannot be followed; it is tried again until it can");
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(RETRY_WAIT.1);
    }
    if let Err(error) = registry.stop_following().await {
        tracing::warn!(%error, "how far the ledger was followed is not written down; some of it is told again");
    }
    Ok(())
}

/// Applies a page of the ledger, or waits for it; `None` if the process stopped meanwhile.
async fn follow_once(registry: &Registry, stopping: &CancellationToken) -> Option<Result<(), Error>> {
    // Never cut off: a claim that a server takes up after this process gave it back would keep the others from following.
    let leads = match registry.lead().await {
        Ok(leads) => leads,
        Err(error) => return Some(Err(error)),
    };
    // What was applied of a page that is dropped is known by its number when it comes again.
    tokio::select! {
        () = stopping.cancelled() => None,
        followed = registry.follow(leads) => Some(followed),
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
