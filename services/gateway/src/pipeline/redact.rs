//! Stage: personal data leaves the prompt, or the prompt does not leave.

use std::sync::Arc;

use kaleem_guard::Policy;
use kaleem_placeholder::{Placeholder, RestoreMap};
use kaleem_proto::{
    chat::v1::{Message, Role},
    gateway::v1::ChatInput,
    quota::v1::GetUsageRequest,
    redaction::v1::RedactRequest,
    router::v1::PersonalDataClass,
};
use kaleem_rpc::{CallContext, Fault};

use super::{Pipeline, aside, ceiling, guard::Guardrails};
use crate::{auth::Caller, fault};

/// A request whose text redaction vouched for, with what restores its answer.
pub(super) struct Redacted {
    /// The request; its messages and tools are the redacted ones.
    pub(super) input: ChatInput,
    pub(super) residual: PersonalDataClass,
    /// Values by placeholder, for this answer only.
    pub(super) values: Arc<RestoreMap>,
    /// What the answer must respect, if there are facts.
    pub(super) guardrails: Option<Guardrails>,
    vouched_for: bool,
}

impl Redacted {
    /// Whether Redaction answered for this text; only [`Pipeline::redact`] sets it.
    pub(super) fn vouched_for(&self) -> bool {
        self.vouched_for
    }

    /// Puts `message`, for which Redaction answered too, behind the instructions and before the conversation; a ceiling of its tokens.
    pub(super) fn precede(&mut self, message: Message) -> i64 {
        let tokens = ceiling::of_message(&message);
        let of_system = |message: &Message| message.role() == Role::System;
        let at = self.input.messages.iter().take_while(|message| of_system(message)).count();
        self.input.messages.insert(at, message);
        tokens
    }

    /// A ceiling of the input tokens.
    pub(super) fn input_token_ceiling(&self) -> i64 {
        ceiling::of_input(&self.input)
    }
}

impl Pipeline {
    /// Replaces personal data, and learns what the answer must respect: `facts` of the request, or the merchant's. Every failure is a
    /// refusal: raw text goes nowhere.
    pub(super) async fn redact(
        &self,
        ctx: &CallContext,
        caller: &Caller,
        mut input: ChatInput,
        facts: Option<Arc<Policy>>,
    ) -> Result<Redacted, Fault> {
        let known = self.policies.of(caller.merchant_id.as_str());
        let has_aside = aside::append(&mut input);
        let request = RedactRequest {
            merchant_id: caller.merchant_id.to_string(),
            conversation_id: input.conversation_id.clone(),
            messages: std::mem::take(&mut input.messages),
            tools: std::mem::take(&mut input.tools),
            known_policy_version: known.as_ref().map_or(0, |known| known.version()),
        };
        let answer = self.peers.redact(ctx, request).await?;
        if answer.messages.is_empty() {
            return Err(fault::redaction_failed("it returned no messages"));
        }
        let mut values = Vec::with_capacity(answer.placeholders.len());
        for placeholder in answer.placeholders.iter().filter(|placeholder| !placeholder.value.is_empty()) {
            let token: Placeholder = placeholder
                .token
                .parse()
                .map_err(|_| fault::redaction_failed("it made a malformed placeholder"))?;
            values.push((token, placeholder.value.as_str()));
        }
        let residual = answer.residual();
        let values = Arc::new(RestoreMap::new(values));
        let merchant = caller.merchant_id.as_str();
        // What was stored may have been taken back, which is why it only corrects; an answer without any check would be worse.
        let held = known.as_ref().filter(|_| answer.policy_unknown).map(|known| known.named());
        let answer_policy = answer.answer_policy.or(held);
        let guardrails = self.policies.guardrails(merchant, facts, known, answer_policy).await?;
        input.messages = answer.messages;
        input.tools = answer.tools;
        if has_aside {
            aside::restore(&mut input)?;
        }
        Ok(Redacted { input, residual, values, guardrails, vouched_for: true })
    }

    /// How near its caps the merchant is, as last seen; unknown counts as normal, caps are enforced later.
    pub(super) async fn posture(&self, ctx: &CallContext, caller: &Caller) -> i32 {
        let merchant = caller.merchant_id.as_str();
        if let Some(posture) = self.standings.posture(merchant, self.clock.now()) {
            return posture;
        }
        let request = GetUsageRequest { merchant_id: merchant.to_owned() };
        let usage = self.peers.get_usage(&self.soon(ctx), request).await;
        let posture = usage.ok().map(|usage| usage.posture);
        self.standings.placed(merchant, posture, self.clock.now())
    }
}
