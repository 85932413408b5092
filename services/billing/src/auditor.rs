//! Whoever reads the whole ledger: the audit of the books and their comparison with the providers' bills, one at a time, when they are
//! asked for and from time to time although nobody asks.

use std::{convert::Infallible, sync::Arc, time::Duration};

use kaleem_domain::{Clock, MerchantId, Timestamp};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    audit::{self, Verdict},
    period::Period,
    prices::Prices,
    reconciliation::{self, Difference},
    store::Store,
};

/// The first self-audit waits as long, so that a process that starts is not slowed down; and so does the next one after a failure.
const FIRST_AFTER: Duration = Duration::from_mins(5);

/// Audits the books.
pub struct Auditor {
    store: Arc<dyn Store>,
    prices: Arc<Prices>,
    clock: Arc<dyn Clock>,
    /// Both read much of the ledger; one at a time is enough.
    alone: Mutex<()>,
}

impl Auditor {
    /// An auditor of the books in `store`.
    pub fn new(store: Arc<dyn Store>, prices: Arc<Prices>, clock: Arc<dyn Clock>) -> Self {
        Self { store, prices, clock, alone: Mutex::default() }
    }

    /// Checks every invariant of the books, and shows what it found as metrics.
    #[expect(clippy::cast_precision_loss, reason = "for a metric")]
    pub async fn verify(&self) -> Result<Verdict, Error> {
        let _alone = self.alone.lock().await;
        let mut books = self.store.books().await?;
        let verdict = audit::audit(books.as_mut(), &self.prices).await?;
        if !verdict.faults.is_empty() {
            tracing::error!(faults = verdict.faults.len(), "the ledger breaks its invariants");
        }
        metrics::gauge!("kaleem_billing_ledger_faults_count").set(verdict.faults.len() as f64);
        metrics::gauge!("kaleem_billing_suspect_events_count").set(verdict.suspects as f64);
        let seconds = self.clock.now().as_millis() / 1_000;
        metrics::gauge!("kaleem_billing_ledger_verified_timestamp_seconds").set(seconds as f64);
        Ok(verdict)
    }

    /// Compares the ledger with the providers' bills of a month.
    pub async fn reconcile(
        &self,
        merchant: Option<MerchantId>,
        period: Period,
    ) -> Result<Vec<Difference>, Error> {
        let _alone = self.alone.lock().await;
        reconciliation::reconcile(self.store.as_ref(), merchant, period).await
    }

    /// Audits the books and compares the last two months every `interval`, until the process stops.
    pub async fn run(
        self: Arc<Self>,
        interval: Duration,
        stopping: CancellationToken,
    ) -> Result<(), Infallible> {
        repeat(interval, &stopping, || self.audit_all()).await;
        Ok(())
    }

    async fn audit_all(&self) -> Result<(), Error> {
        let verdict = self.verify().await?;
        // Each is a sentence of identifiers and amounts, and they are bounded.
        for fault in &verdict.faults {
            tracing::error!(fault, "the ledger breaks an invariant");
        }
        let mut differences = 0;
        for period in recent(self.clock.now()) {
            differences += self.reconcile(None, period).await?.len();
        }
        if differences > 0 {
            tracing::warn!(
                differences,
                "the ledger differs from the providers' bills; see kaleem ledger reconcile"
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "for a metric")]
        metrics::gauge!("kaleem_billing_bill_differences_count").set(differences as f64);
        tracing::info!(
            events = verdict.events,
            faults = verdict.faults.len(),
            suspects = verdict.suspects,
            differences,
            "the ledger was audited"
        );
        Ok(())
    }
}

/// Runs `audit` for the first time soon, then every `interval` and sooner after a failure, until `stopping` fires.
async fn repeat<A>(interval: Duration, stopping: &CancellationToken, audit: impl Fn() -> A)
where
    A: Future<Output = Result<(), Error>>,
{
    let mut wait = FIRST_AFTER.min(interval);
    let rounds = async {
        loop {
            tokio::time::sleep(wait).await;
            wait = match audit().await {
                Ok(()) => interval,
                Err(error) => {
                    tracing::error!(%error, "the ledger could not be audited; trying again soon");
                    FIRST_AFTER.min(interval)
                }
            };
        }
    };
    tokio::select! {
        () = stopping.cancelled() => (),
        () = rounds => (),
    }
}

/// The month of `now` and the one before, by which bills come.
fn recent(now: Timestamp) -> Vec<Period> {
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let first = now.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let months = [first.yesterday().ok(), Some(first)].into_iter().flatten();
    months.filter_map(|day| Period::parse(&day.strftime("%Y%m").to_string())).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_last_two_months_are_recent() {
        let names = |at: &str| {
            let at = Timestamp::from_millis(at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
            recent(at).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("2026-11-22T10:00:00Z"), ["202610", "202611"]);
        assert_eq!(names("2027-01-01T00:00:00Z"), ["202612", "202701"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_audit_is_repeated_and_sooner_after_a_failure_until_the_process_stops() {
        let (start, stopping) = (Instant::now(), CancellationToken::new());
        let audits = Mutex::new(Vec::new());
        let audit = || {
            let mut audits = audits.try_lock().unwrap();
            audits.push(start.elapsed().as_secs() / 60);
            let failed = audits.len() == 2;
            if audits.len() == 4 {
                stopping.cancel();
            }
            async move { if failed { Err(Error::Overloaded) } else { Ok(()) } }
        };
        repeat(Duration::from_hours(24), &stopping, audit).await;
        assert_eq!(*audits.lock().await, [5, 1_445, 1_450, 2_890]);
    }
}
