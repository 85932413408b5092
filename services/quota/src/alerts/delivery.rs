//! Sends webhooks from the outbox until each is taken or given up; admission never waits for it.

use std::{sync::Arc, time::Duration};

use kaleem_domain::{Clock, Timestamp};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Webhook;
use crate::{
    Error,
    config::Alerts,
    store::{Store, StoredAlert},
};

/// Alerts taken from the outbox at once; few, as those of a process that dies wait until all of them could have timed out.
const BATCH: u32 = 4;

/// The task that sends webhooks, one after the other, so that a receiver sees them in order while it is well.
pub(crate) struct Delivery {
    pub(crate) webhook: Webhook,
    pub(crate) store: Store,
    /// Changes with each commit that has alerts.
    pub(crate) committed: watch::Receiver<u64>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Alerts,
}

impl Delivery {
    /// Delivers until the process stops. What is not delivered then stays in the outbox for the next start.
    pub(crate) async fn run(mut self, stopping: CancellationToken) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(self.config.poll_interval.get().max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                // The journal outlives this task, so its end is the end of the process.
                changed = self.committed.changed() => if changed.is_err() { return Ok(()) },
                _ = ticks.tick() => {}
            }
            let delivered = tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                delivered = self.deliver_due() => delivered,
            };
            // A try that is not noted is made again, which a receiver knows by the id.
            if let Err(error) = delivered {
                tracing::warn!(%error, "the outbox of alerts cannot be used for now");
            }
        }
    }

    async fn deliver_due(&self) -> Result<(), Error> {
        loop {
            let now = self.clock.now();
            let again = now.plus(self.config.webhook_timeout.get().saturating_mul(BATCH + 1));
            let due = self.store.take_due_alerts(now, again, BATCH).await?;
            if due.is_empty() {
                break;
            }
            for alert in &due {
                self.deliver(alert).await?;
            }
        }
        let pending = self.store.pending_alerts().await?;
        metrics::gauge!("kaleem_quota_alerts_pending").set(pending as f64);
        Ok(())
    }

    async fn deliver(&self, alert: &StoredAlert) -> Result<(), Error> {
        let now = self.clock.now();
        let outcome = if now > self.given_up_at(alert) {
            tracing::warn!(alert_id = alert.alert_id, tries = alert.tries, "an alert is given up");
            self.store.end_alert(alert.sequence, false).await?;
            "given_up"
        } else {
            match self.webhook.send(alert, now).await {
                Ok(()) => {
                    self.store.end_alert(alert.sequence, true).await?;
                    "delivered"
                }
                Err(error) => {
                    tracing::warn!(alert_id = alert.alert_id, error, "an alert is not delivered yet");
                    let next_try = now.plus(self.wait(alert.tries));
                    self.store.postpone_alert(alert.sequence, next_try).await?;
                    "failed"
                }
            }
        };
        metrics::counter!("kaleem_quota_alert_deliveries_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    fn given_up_at(&self, alert: &StoredAlert) -> Timestamp {
        alert.created_at.plus(self.config.webhook_give_up_after.get())
    }

    /// Wait from the start of the try that follows `tries` others: doubled each time, within bounds.
    fn wait(&self, tries: u32) -> Duration {
        let (first, longest) =
            (self.config.webhook_retry_wait.get(), self.config.webhook_retry_wait_max.get());
        let factor = 1_u32.checked_shl(tries).unwrap_or(u32::MAX);
        first.saturating_mul(factor).min(longest).max(Duration::from_millis(1))
    }
}
