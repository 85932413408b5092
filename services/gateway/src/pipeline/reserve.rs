//! Stage: quota is held before anything is sent.

use std::time::Instant;

use kaleem_domain::RequestId;
use kaleem_proto::{
    quota::v1::{Candidate, Decision, Remaining, Reservation, ReserveMode, ReserveRequest, ReserveResponse},
    router::v1::Step,
};
use kaleem_rpc::{CallContext, Fault, convert};

use super::{Pipeline, Routed, credit};
use crate::{books::Meter, fault};

/// Less output than this is no answer.
const MIN_OUTPUT_TOKENS: i64 = 16;

/// A held reservation. Only [`Pipeline::reserve`] makes one.
pub(super) struct Grant {
    reservation: Reservation,
    output_token_count: i64,
    pub(super) decision: Decision,
    pub(super) remaining: Option<Remaining>,
}

impl Grant {
    pub(super) fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// Output tokens that may be asked of the provider.
    pub(super) fn output_token_count(&self) -> i64 {
        self.output_token_count
    }
}

impl Pipeline {
    /// Holds quota for the first of `steps` that fits; its index, the meter that gives it back or settles it, and the grant.
    pub(super) async fn reserve(
        &self,
        routed: &Routed,
        steps: &[&Step],
        attempt: i32,
    ) -> Result<(usize, Meter, Grant), Fault> {
        let mut meter = self.books.meter()?;
        // Callers may use an id twice; the gateway's own ids come once.
        let admission = routed.is_named.then(|| RequestId::new(self.clock.now()).to_string());
        let request = || ReserveRequest {
            merchant_id: routed.caller.merchant_id.to_string(),
            request_id: routed.request_id.to_string(),
            attempt,
            gateway_id: self.config.gateway_id.clone(),
            mode: ReserveMode::Shrink.into(),
            candidates: steps.iter().map(|step| self.candidate(routed, step)).collect(),
            ttl: Some(convert::duration(self.config.hold_ttl.get())),
            admission_id: admission.clone().unwrap_or_default(),
        };
        let held = self.hold(routed, request).await?;
        let decision = held.decision();
        let reservation = held
            .reservation
            .ok_or_else(|| fault::upstream_protocol("quota granted without a reservation"))?;
        let index = usize::try_from(held.candidate_index).ok().filter(|index| *index < steps.len());
        let index = index.ok_or_else(|| fault::upstream_protocol("quota granted an unknown candidate"))?;
        meter.reserved(routed.usage_event(&reservation, steps[index], &self.config.gateway_id));
        let output_token_count = held.granted_output_token_count;
        Ok((index, meter, Grant { reservation, output_token_count, decision, remaining: held.remaining }))
    }

    /// Asks quota, and admits the call on credit where quota is away.
    async fn hold(
        &self,
        routed: &Routed,
        request: impl Fn() -> ReserveRequest,
    ) -> Result<ReserveResponse, Fault> {
        fail::fail_point!("gateway::reserve::before");
        let answered = self.peers.reserve(&self.soon(&routed.ctx), request()).await;
        fail::fail_point!("gateway::reserve::after");
        let (merchant, now) = (routed.caller.merchant_id.as_str(), self.clock.now());
        let away = match answered {
            Ok(held) => {
                self.standings.heard(merchant, &held, now);
                if routed.is_named {
                    self.standings.admitted(&held);
                }
                return Ok(held);
            }
            Err(fault) if credit::is_away(&fault) => fault,
            Err(fault) => {
                self.standings.refused(merchant);
                return Err(fault);
            }
        };
        if routed.ctx.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(away);
        }
        let lent = self.standings.lend(&request(), &routed.caller.plan, now);
        let outcome = if lent.is_some() { "is served on credit" } else { "gets no credit" };
        tracing::warn!(fault = %away, merchant, "quota is away, and the merchant {outcome}");
        lent.ok_or_else(|| fault::quota_away(away))
    }

    /// The context of a call to quota, which is fast or away.
    pub(super) fn soon(&self, ctx: &CallContext) -> CallContext {
        let patience = Instant::now() + self.config.quota_timeout.get();
        let deadline = ctx.deadline.map_or(patience, |deadline| deadline.min(patience));
        CallContext { deadline: Some(deadline), ..ctx.clone() }
    }

    fn candidate(&self, routed: &Routed, step: &Step) -> Candidate {
        let asked = routed.redacted.input.options.as_ref().and_then(|options| options.max_output_token_count);
        let mut wanted = asked.unwrap_or(self.config.default_max_output_tokens);
        for bound in [step.max_output_token_count, step.model_max_output_token_count] {
            if bound > 0 {
                wanted = wanted.min(bound);
            }
        }
        Candidate {
            target: step.target.clone(),
            model: step.model.clone(),
            quota_domain: step.quota_domain.clone(),
            price_version: step.price_version.clone(),
            input_token_count: routed.input_tokens(step),
            max_output_token_count: wanted,
            min_output_token_count: wanted.min(MIN_OUTPUT_TOKENS),
            input_pico_usd_per_token: step.input_pico_usd_per_token,
            output_pico_usd_per_token: step.output_pico_usd_per_token,
            request_pico_usd: step.request_pico_usd,
        }
    }
}
