//! Stage: the provider is asked, up to its first content. Until then nothing is committed and another target may serve.

use std::{collections::VecDeque, time::Instant};

use kaleem_proto::{
    billing::v1::{UsageEvent, UsageStatus},
    chat::v1::{Message, Part, Role, part::Kind},
    provider::v1::{StreamGenerateRequest, stream_generate_response as provider},
    quota::v1::Reservation,
    router::v1::Step,
};
use kaleem_rpc::{Code, Fault};

use super::{Admission, Pipeline, Routed, Stages, reserve::Grant, upstream::QUOTA_DOMAIN};
use crate::{books::Meter, clients::Generation, fault};

/// Events before the first content that are kept; a provider that sends more without content is broken.
const OPENING_EVENTS_MAX: usize = 64;

/// A generation that has shown its first content.
pub(super) struct Started {
    pub(super) generation: Generation,
    /// What came up to and with the first content.
    pub(super) opening: VecDeque<provider::Event>,
    pub(super) served_model: String,
}

/// An attempt that has shown its first content.
pub(super) struct Attempt {
    /// Counted from 0 over the request.
    pub(super) number: i32,
    pub(super) step: Step,
    pub(super) started: Started,
    pub(super) meter: Meter,
    pub(super) grant: Grant,
}

/// Whether another target may serve after `fault`: what is the request's own fault stays it everywhere.
pub(super) fn another_may_serve(fault: &Fault) -> bool {
    match fault.code {
        Code::Unavailable
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::NotFound
        | Code::Internal => true,
        // Quota says it where the input is more than an upstream project's rate ever allows.
        Code::InvalidArgument => fault.reason == "CONTEXT_LENGTH_EXCEEDED" || fault.domain == QUOTA_DOMAIN,
        _ => false,
    }
}

/// Whether the provider may bill an attempt that failed with `fault` before it showed anything: it had the request, and was left or
/// broke off.
fn provider_may_bill(fault: &Fault) -> bool {
    match fault.reason.as_ref() {
        "UPSTREAM_TIMEOUT" | "DEADLINE_EXCEEDED" | "UPSTREAM_CONNECTION_LOST" => true,
        // Of a provider that found the request malformed it is INTERNAL, and nothing was done.
        "UPSTREAM_PROTOCOL_ERROR" => fault.code == Code::Unavailable,
        _ => false,
    }
}

/// Whether the attempt that failed with `failed` never left this gateway: no target is to blame, and no other would serve.
pub(super) fn stayed_here(failed: &Fault) -> bool {
    failed.domain == fault::DOMAIN && failed.reason == "STORE_UNAVAILABLE"
}

impl Routed {
    /// The usage event of an attempt, without its usage.
    pub(super) fn usage_event(&self, reservation: &Reservation, step: &Step, gateway_id: &str) -> UsageEvent {
        UsageEvent {
            reservation: Some(reservation.clone()),
            target: step.target.clone(),
            upstream: step.quota_domain.clone(),
            model_requested: self.redacted.input.model.clone(),
            model_served: step.model.clone(),
            gateway_id: gateway_id.to_owned(),
            key_id: self.caller.key_id.clone(),
            decision_id: self.plan.decision_id.clone(),
            ..UsageEvent::default()
        }
    }
}

impl Pipeline {
    /// Asks the provider of `step` under a hold that was taken for it. A failure leaves nothing held, and who is to know of it was
    /// told.
    pub(super) async fn attempt(
        &self,
        routed: &Routed,
        step: &Step,
        (number, mut meter, grant): (i32, Meter, Grant),
        stages: &mut Stages,
    ) -> Result<Attempt, Fault> {
        let failed = match stages.run("invoke", self.invoke(routed, step, &grant, &mut meter)).await {
            Ok(started) => return Ok(Attempt { number, step: step.clone(), started, meter, grant }),
            Err(failed) => failed,
        };
        if meter.has_started() || provider_may_bill(&failed) {
            meter.settle(UsageStatus::FailedBilled).await;
        } else {
            meter.release();
        }
        if !stayed_here(&failed) {
            self.report(routed, step, &failed).await;
            self.report_upstream(routed, step, &failed).await;
        }
        Err(failed)
    }

    /// Asks the provider of `step` and waits for its first content.
    async fn invoke(
        &self,
        routed: &Routed,
        step: &Step,
        grant: &Grant,
        meter: &mut Meter,
    ) -> Result<Started, Fault> {
        self.acquire_upstream(routed, step, grant).await?;
        let admission = Admission::new(&routed.redacted, grant, step, self.clock.now(), &self.key);
        let request = generate_request(routed, step, grant);
        let patience = Instant::now() + self.config.first_token_timeout.get();
        let deadline = routed.ctx.deadline.map_or(patience, |deadline| deadline.min(patience));
        if deadline <= Instant::now() {
            return Err(fault::deadline_exceeded());
        }
        meter.dispatch(routed.input_tokens(step), grant.output_token_count())?;
        let opened = async {
            let generation = self.peers.generate(&routed.ctx, admission, request).await?;
            fail::fail_point!("gateway::dispatch::after");
            first_content(generation, step, meter).await
        };
        match tokio::time::timeout_at(deadline.into(), opened).await {
            Ok(started) => started,
            Err(_) if deadline < patience => Err(fault::deadline_exceeded()),
            Err(_) => Err(fault::timed_out("no first token")),
        }
    }
}

async fn first_content(mut generation: Generation, step: &Step, meter: &mut Meter) -> Result<Started, Fault> {
    let mut opening = VecDeque::new();
    let mut served_model = step.model.clone();
    while opening.len() < OPENING_EVENTS_MAX {
        let event = generation.next().await?;
        let event =
            event.ok_or_else(|| fault::upstream_protocol("the model's answer ended before it began"))?;
        if let provider::Event::Started(started) = &event {
            if !started.served_model.is_empty() {
                served_model.clone_from(&started.served_model);
            }
            meter.started(started);
        }
        let content = !matches!(event, provider::Event::Started(_) | provider::Event::Usage(_));
        opening.push_back(event);
        if content {
            return Ok(Started { generation, opening, served_model });
        }
    }
    Err(fault::upstream_protocol("the model sent no content"))
}

fn generate_request(routed: &Routed, step: &Step, grant: &Grant) -> StreamGenerateRequest {
    let input = routed.redacted.input.clone();
    let mut options = input.options.unwrap_or_default();
    options.max_output_token_count = Some(grant.output_token_count());
    let mut messages = input.messages;
    if !step.system_prefix.is_empty() {
        let text = Part { kind: Some(Kind::Text(step.system_prefix.clone())) };
        messages.insert(0, Message { role: Role::System.into(), parts: vec![text], name: String::new() });
    }
    StreamGenerateRequest {
        admission: bytes::Bytes::new(),
        model: step.model.clone(),
        messages,
        tools: input.tools,
        tool_choice: input.tool_choice,
        response_format: input.response_format,
        options: Some(options),
        affinity_key: format!("{}/{}", routed.caller.merchant_id, input.conversation_id),
        priority: input.priority,
    }
}
