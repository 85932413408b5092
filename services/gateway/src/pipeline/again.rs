//! Asking the model that has just answered once more: an attempt of its own, with its own hold, journal lines and charge.

use kaleem_proto::{
    chat::v1::{Message, Part, Role, part::Kind},
    redaction::v1::RedactRequest,
    router::v1::{PersonalDataClass, Step},
};
use kaleem_rpc::Fault;

use super::{Pipeline, Routed, Stages, invoke::Attempt};
use crate::fault;

/// What stands before the true values.
const REPROACH: &str = "Your first answer contradicted the facts of the shop. Answer again, and say only what agrees with these facts.";

impl Pipeline {
    /// Asks the model of `step` once more, with `truth` before the conversation. `None` wherever that cannot be (the quota has no room
    /// for it, the model fails, the hint may hold personal data): the answer in hand is as good as before.
    pub(super) async fn ask_again(
        &self,
        routed: &mut Routed,
        step: &Step,
        number: i32,
        truth: String,
        stages: &mut Stages,
    ) -> Option<Attempt> {
        let attempt = async {
            self.hint(routed, truth).await?;
            let (_, meter, grant) = stages.run("reserve", self.reserve(routed, &[step], number)).await?;
            self.attempt(routed, step, (number, meter, grant), stages).await
        };
        let attempt = attempt.await;
        let outcome = if attempt.is_ok() { "asked" } else { "refused" };
        metrics::counter!("kaleem_gateway_guard_retries_total", "outcome" => outcome).increment(1);
        attempt
            .inspect_err(|fault| tracing::info!(reason = %fault.reason, "a model was not asked again"))
            .ok()
    }

    /// Puts `truth` before the conversation. The model's own words may be in it, with values restored, so Redaction looks at it
    /// like at everything that leaves, and it leaves only if there is nothing to take out.
    async fn hint(&self, routed: &mut Routed, truth: String) -> Result<(), Fault> {
        let merchant_id = routed.caller.merchant_id.to_string();
        let known = self.policies.of(&merchant_id);
        let request = RedactRequest {
            conversation_id: routed.redacted.input.conversation_id.clone(),
            messages: vec![system(format!("{REPROACH} {truth}"))],
            tools: Vec::new(),
            known_policy_version: known.map_or(0, |known| known.version()),
            merchant_id,
        };
        let answer = self.peers.redact(&routed.ctx, request).await?;
        let clean = answer.residual() == PersonalDataClass::None && answer.messages.len() == 1;
        let hint = answer.messages.into_iter().next().filter(|_| clean);
        let hint = hint.ok_or_else(|| fault::redaction_failed("a hint may hold personal data"))?;
        routed.input_token_count += routed.redacted.precede(hint);
        Ok(())
    }
}

fn system(text: String) -> Message {
    let part = Part { kind: Some(Kind::Text(text)) };
    Message { role: Role::System.into(), parts: vec![part], name: String::new() }
}
