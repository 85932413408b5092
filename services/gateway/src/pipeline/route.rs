//! Stage: where the request goes.

use kaleem_proto::router::v1::{
    ReportOutcomesRequest, RouteFeatures, SelectRouteRequest, SelectRouteResponse, Step,
    report_outcomes_request::Outcome,
};
use kaleem_proto::{chat::v1::part::Kind, chat::v1::response_format::Format};
use kaleem_rpc::{CallContext, Fault, convert};

use super::{Pipeline, Redacted, Routed, upstream};
use crate::{auth::Caller, fault};

impl Pipeline {
    pub(super) fn features(
        &self,
        caller: &Caller,
        redacted: &Redacted,
        posture: i32,
        (input_token_count, language): (i64, &str),
    ) -> RouteFeatures {
        let input = &redacted.input;
        let options = input.options.as_ref();
        let parts = input.messages.iter().flat_map(|message| &message.parts);
        let format = input.response_format.as_ref().and_then(|format| format.format.as_ref());
        RouteFeatures {
            merchant_id: caller.merchant_id.to_string(),
            model: input.model.clone(),
            task: input.task.clone(),
            metadata: input.metadata.clone(),
            input_token_count,
            max_output_token_count: options
                .and_then(|options| options.max_output_token_count)
                .unwrap_or(self.config.default_max_output_tokens),
            needs_tools: !input.tools.is_empty(),
            needs_json_schema: matches!(format, Some(Format::JsonSchema(_))),
            needs_vision: parts.into_iter().any(|part| matches!(part.kind, Some(Kind::Image(_)))),
            language: language.to_owned(),
            personal_data: redacted.residual.into(),
            posture,
            conversation_id: input.conversation_id.clone(),
            allowed_models: caller.allowed_models.clone(),
            external_providers_allowed: caller.external_providers_allowed,
            ..RouteFeatures::default()
        }
    }

    pub(super) async fn route(
        &self,
        ctx: &CallContext,
        features: RouteFeatures,
    ) -> Result<SelectRouteResponse, Fault> {
        let plan = self.peers.select_route(ctx, SelectRouteRequest { features: Some(features) }).await?;
        if plan.primary.is_none() {
            return Err(fault::upstream_protocol("the router made a plan without a step"));
        }
        Ok(plan)
    }

    /// Tells the router what went wrong, so that it holds an upstream that asked to wait. Its failure is not the caller's.
    pub(super) async fn report(&self, routed: &Routed, step: &Step, failed: &Fault) {
        let outcome = Outcome {
            decision_id: routed.plan.decision_id.clone(),
            target: step.target.clone(),
            model: step.model.clone(),
            reason: failed.reason.clone(),
            retry_after: upstream::hold(failed).map(convert::duration),
            ..Outcome::default()
        };
        let request = ReportOutcomesRequest { outcomes: vec![outcome] };
        if let Err(fault) = self.peers.report_outcomes(&routed.ctx, request).await {
            tracing::debug!(%fault, "an outcome was not reported");
        }
    }
}
