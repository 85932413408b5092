//! What must be true of the books after any death.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use kaleem_proto::{
    billing::v1::{ListUsageEventsRequest, UsageEvent, UsageStatus, VerifyLedgerRequest},
    quota::v1::GetUsageRequest,
};
use kaleem_rpc::convert;

use crate::{
    caller::Answered,
    child::PATIENCE,
    mesh::{HOLD_TTL, MERCHANT, Mesh},
};

/// Pico-US-dollars a nano.
const NANO_PICO: i64 = 1_000;
/// How much later than its expiry a hold may be gone: 31 s for the 30 s of production.
const FREED_AFTER: Duration = Duration::from_secs(1);

/// A charge in the ledger.
#[derive(Debug, Clone)]
pub struct Charge {
    pub request_id: String,
    pub status: UsageStatus,
    pub tokens: i64,
    pub output: i64,
    pub sell_pico: i64,
}

/// Requests, tokens and nano-US-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    pub requests: i64,
    pub tokens: i64,
    pub cost_nano: i64,
}

fn charge(event: &UsageEvent, sell_pico: i64) -> Charge {
    let usage = event.usage.as_ref().map(convert::from_usage).unwrap_or_default();
    let reservation = event.reservation.as_ref().unwrap();
    Charge {
        request_id: reservation.request_id.clone(),
        status: event.status(),
        tokens: usage.input() + usage.output(),
        output: usage.output(),
        sell_pico,
    }
}

impl Mesh {
    /// Every charge, after the ledger has proved itself (I8) and each attempt is there once (I3, I7).
    pub async fn charges(&self) -> Vec<Charge> {
        let mut billing = self.billing_client();
        let verdict = billing.verify_ledger(VerifyLedgerRequest {}).await.unwrap().into_inner();
        assert_eq!(verdict.faults, Vec::<String>::new());
        let request =
            ListUsageEventsRequest { merchant_id: MERCHANT.into(), page_size: 1_000, ..Default::default() };
        let page = billing.list_usage_events(request).await.unwrap().into_inner();
        let mut attempts: Vec<_> = page
            .events
            .iter()
            .map(|recorded| recorded.event.as_ref().unwrap().reservation.as_ref().unwrap().event_id.clone())
            .collect();
        attempts.sort_unstable();
        let count = attempts.len();
        attempts.dedup();
        assert_eq!(attempts.len(), count, "an attempt is charged twice");
        // A gateway may have told more between the two calls.
        assert!(verdict.event_count <= i64::try_from(count).unwrap());
        page.events.iter().map(|row| charge(row.event.as_ref().unwrap(), row.sell_pico_usd)).collect()
    }

    /// Posted usage and what is held, in calls.
    pub async fn posted(&self) -> (Sums, i64) {
        let request = GetUsageRequest { merchant_id: MERCHANT.into() };
        let usage = self.quota_client().get_usage(request).await.unwrap().into_inner();
        let of = |name: &str| usage.dimensions.iter().find(|found| found.name == name).unwrap().clone();
        let posted = Sums {
            requests: of("day_requests").posted,
            tokens: of("month_tokens").posted,
            cost_nano: of("month_cost_nano_usd").posted,
        };
        (posted, of("concurrent_requests").held)
    }

    /// Waits until no hold is left, no longer than the matrix allows after a death.
    pub async fn freed(&self, died: Instant) {
        while self.posted().await.1 > 0 {
            assert!(died.elapsed() <= HOLD_TTL + FREED_AFTER, "a hold outlived its gateway");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until quota and ledger agree to the nano and the ledger has at least `charges`; then reads the ledger.
    pub async fn settled(&self, charges: usize) -> Vec<Charge> {
        let until = Instant::now() + PATIENCE;
        loop {
            let (ledger, (posted, held)) = (self.charges().await, self.posted().await);
            if ledger.len() >= charges && held == 0 && posted == sums(&ledger) {
                return ledger;
            }
            let known = sums(&ledger);
            assert!(
                Instant::now() < until,
                "quota has {posted:?} and holds {held}, the ledger {known:?} of {charges} charges"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Sums as quota counts them. The prices here make every charge whole nanos, so nothing is rounded.
pub fn sums(charges: &[Charge]) -> Sums {
    let sell_pico: i64 = charges.iter().map(|charge| charge.sell_pico).sum();
    assert_eq!(sell_pico % NANO_PICO, 0, "the price of the worker's model is in whole nanos a token");
    Sums {
        requests: i64::try_from(charges.len()).unwrap(),
        tokens: charges.iter().map(|charge| charge.tokens).sum(),
        cost_nano: sell_pico / NANO_PICO,
    }
}

/// Whatever a caller was told is what the ledger says; returns the charges that nobody was told of.
pub fn told(answered: &[Answered], charges: &[Charge]) -> Vec<Charge> {
    let mut untold: HashMap<_, _> =
        charges.iter().map(|charge| (charge.request_id.clone(), charge.clone())).collect();
    for answer in answered {
        let charge = untold.remove(&answer.request_id);
        let charge = charge.unwrap_or_else(|| panic!("{} was answered and never charged", answer.request_id));
        assert_eq!((charge.status, charge.sell_pico), (UsageStatus::Ok, answer.cost_pico));
    }
    untold.into_values().collect()
}
