//! The sweep: holds that ran out are expired even where nobody calls, and the journal forgets what it may.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{Error, registry::Registry};

/// Sweeps every `interval`, from one interval after the start, until the process stops.
pub(crate) async fn sweep(
    registry: Arc<Registry>,
    interval: Duration,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let interval = interval.max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        registry.sweep().await?;
        // Remembering longer than need be is harmless, so the next sweep may do it.
        if let Err(error) = registry.prune().await {
            tracing::warn!(%error, "old tombstones stay in the quota journal for now");
        }
    }
}
