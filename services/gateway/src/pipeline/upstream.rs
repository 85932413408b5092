//! Stage: a place in the upstream project's rate. Quota leases a gateway a share for a second; most calls take theirs from the lease
//! in hand without asking.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kaleem_proto::{
    quota::v1::{AcquireUpstreamRequest, ReportUpstreamRequest},
    router::v1::Step,
};
use kaleem_rpc::{Code, Fault, convert};

use super::{Pipeline, Routed, reserve::Grant};

/// Models whose leases are kept in hand; beyond it leases are used once.
const MODELS_MAX: usize = 1_024;
/// Reason of a refusal for an upstream's rate, ours or the provider's own.
const RATE_LIMITED: &str = "UPSTREAM_RATE_LIMITED";
/// Reason of a refusal because nobody knows what may still be spent.
const SPEND_UNKNOWN: &str = "UPSTREAM_SPEND_UNKNOWN";
/// Who says it for a provider.
pub(super) const QUOTA_DOMAIN: &str = "quota.kaleem";
const TOO_MANY_REQUESTS: i32 = 429;

/// Reason of a refusal because the project has cost us what it may.
const SPEND_EXHAUSTED: &str = "UPSTREAM_SPEND_EXHAUSTED";
/// A project at its spend cap is passed over for at most this long at once, as a hold ends or an operator raises the cap at any moment.
const SPEND_HOLD_MAX: Duration = Duration::from_secs(2);

/// How long the router is to pass over the target that `failed`.
pub(super) fn hold(failed: &Fault) -> Option<Duration> {
    let asked = failed.retry_after?;
    Some(if failed.reason == SPEND_EXHAUSTED { asked.min(SPEND_HOLD_MAX) } else { asked })
}

/// What is left of one lease.
#[derive(Debug, Clone, Copy)]
struct Lease {
    request_count: i64,
    input_token_count: i64,
    until: Instant,
}

impl Lease {
    fn take(&mut self, input_token_count: i64, now: Instant) -> bool {
        let fits = now < self.until && self.request_count >= 1 && self.input_token_count >= input_token_count;
        if fits {
            self.request_count -= 1;
            self.input_token_count -= input_token_count;
        }
        fits
    }
}

/// Leases in hand, by quota domain and model.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<String, HashMap<String, Lease>>>);

impl Leases {
    /// Takes one call from the lease in hand, if it has room.
    fn take(&self, step: &Step, input_token_count: i64, now: Instant) -> bool {
        let mut domains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = domains.get_mut(&step.quota_domain).and_then(|models| models.get_mut(&step.model));
        lease.is_some_and(|lease| lease.take(input_token_count, now))
    }

    /// Keeps what is left of a new lease. A concurrent caller's lease is not lost: what it had is added while it lives.
    fn keep(&self, step: &Step, lease: Lease, now: Instant) {
        let mut domains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known: usize = domains.values().map(HashMap::len).sum();
        let models = domains.entry(step.quota_domain.clone()).or_default();
        if known >= MODELS_MAX && !models.contains_key(&step.model) {
            return;
        }
        let kept = models.entry(step.model.clone()).or_insert(lease);
        let other = std::mem::replace(kept, lease);
        if other.until != lease.until && other.until > now {
            kept.request_count = kept.request_count.saturating_add(other.request_count);
            kept.input_token_count = kept.input_token_count.saturating_add(other.input_token_count);
            kept.until = kept.until.min(other.until);
        }
    }
}

impl Pipeline {
    /// Takes a place in the rate of the project behind `step`, and where our spend there is capped, holds what the call may cost. Of the
    /// rate only a refusal stops the call: it is the provider's affair, which refuses by itself. Money that cannot be held does too.
    pub(super) async fn acquire_upstream(
        &self,
        routed: &Routed,
        step: &Step,
        grant: &Grant,
    ) -> Result<(), Fault> {
        let input_token_count = routed.input_tokens(step);
        // The lease lives from the asking on, so that no delay of the answer prolongs it.
        let asked = Instant::now();
        if self.leases.take(step, input_token_count, asked) {
            return Ok(());
        }
        let request = AcquireUpstreamRequest {
            quota_domain: step.quota_domain.clone(),
            model: step.model.clone(),
            gateway_id: self.config.gateway_id.clone(),
            request_count: 1,
            input_token_count,
            reservation: Some(grant.reservation().clone()),
            max_output_token_count: grant.output_token_count(),
            input_cost_pico_usd_per_token: step.input_cost_pico_usd_per_token,
            output_cost_pico_usd_per_token: step.output_cost_pico_usd_per_token,
            request_cost_pico_usd: step.request_cost_pico_usd,
        };
        match self.peers.acquire_upstream(&self.soon(&routed.ctx), request).await {
            Ok(granted) => {
                let ttl = granted.ttl.as_ref().and_then(convert::from_duration).unwrap_or(Duration::ZERO);
                let mut lease = Lease {
                    request_count: granted.request_count,
                    input_token_count: granted.input_token_count,
                    until: asked + ttl,
                };
                lease.request_count -= 1;
                lease.input_token_count -= input_token_count;
                self.leases.keep(step, lease, asked);
                Ok(())
            }
            Err(fault) if matches!(fault.code, Code::ResourceExhausted | Code::InvalidArgument) => Err(fault),
            Err(fault) if fault.reason == SPEND_UNKNOWN => Err(fault),
            Err(fault) => {
                tracing::warn!(%fault, "the rate of an upstream project is not known; the call goes on");
                Ok(())
            }
        }
    }

    /// Tells Quota that the provider itself refused for its rate.
    pub(super) async fn report_upstream(&self, routed: &Routed, step: &Step, failed: &Fault) {
        if failed.reason != RATE_LIMITED || failed.domain == QUOTA_DOMAIN {
            return;
        }
        let request = ReportUpstreamRequest {
            quota_domain: step.quota_domain.clone(),
            model: step.model.clone(),
            http_status: TOO_MANY_REQUESTS,
            retry_after: failed.retry_after.map(convert::duration),
            limit_count: 0,
        };
        if let Err(fault) = self.peers.report_upstream(&self.soon(&routed.ctx), request).await {
            tracing::debug!(%fault, "a refusal for the upstream's rate was not reported");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(model: &str) -> Step {
        Step { quota_domain: "project".into(), model: model.into(), ..Step::default() }
    }

    fn lease(request_count: i64, input_token_count: i64, until: Instant) -> Lease {
        Lease { request_count, input_token_count, until }
    }

    #[test]
    fn a_lease_gives_what_it_has_until_it_ends() {
        let (leases, now) = (Leases::default(), Instant::now());
        assert!(!leases.take(&step("a"), 1, now), "nothing in hand");
        leases.keep(&step("a"), lease(2, 100, now + Duration::from_secs(1)), now);
        assert!(!leases.take(&step("a"), 101, now) && !leases.take(&step("b"), 1, now));
        assert!(leases.take(&step("a"), 60, now) && !leases.take(&step("a"), 60, now));
        assert!(!leases.take(&step("a"), 1, now + Duration::from_secs(1)), "it has ended");
        assert!(leases.take(&step("a"), 40, now) && !leases.take(&step("a"), 0, now));
    }

    #[test]
    fn leases_of_concurrent_callers_add_up_and_end_with_the_first() {
        let (leases, now) = (Leases::default(), Instant::now());
        leases.keep(&step("a"), lease(1, 10, now + Duration::from_millis(900)), now);
        leases.keep(&step("a"), lease(1, 10, now + Duration::from_secs(1)), now);
        assert!(leases.take(&step("a"), 20, now + Duration::from_millis(899)));
        leases.keep(&step("a"), lease(5, 50, now + Duration::from_secs(3)), now + Duration::from_secs(2));
        let later = now + Duration::from_millis(2_500);
        assert!((0..5).all(|_| leases.take(&step("a"), 10, later)) && !leases.take(&step("a"), 0, later));
    }

    #[test]
    fn a_project_at_its_spend_cap_is_passed_over_for_a_moment_and_not_until_the_month_ends() {
        let month = Duration::from_hours(24 * 30);
        let refused = |reason: &'static str| {
            hold(&Fault::new(Code::ResourceExhausted, QUOTA_DOMAIN, reason, "full").retry_after(month))
        };
        assert_eq!(refused(SPEND_EXHAUSTED), Some(SPEND_HOLD_MAX));
        assert_eq!(refused(RATE_LIMITED), Some(month));
        assert_eq!(hold(&Fault::new(Code::Unavailable, QUOTA_DOMAIN, SPEND_UNKNOWN, "away")), None);
    }

    #[test]
    fn models_in_hand_are_bounded() {
        let (leases, now) = (Leases::default(), Instant::now());
        for model in 0..MODELS_MAX + 10 {
            leases.keep(&step(&model.to_string()), lease(1, 1, now + Duration::from_secs(1)), now);
        }
        let kept = leases.0.lock().unwrap().values().map(HashMap::len).sum::<usize>();
        assert_eq!(kept, MODELS_MAX);
    }
}
