//! What a caller can learn without a generation: token counts and models.

use std::{sync::Arc, time::Instant};

use kaleem_domain::{Pico, RequestId};
use kaleem_proto::{
    gateway::v1::CountTokensResponse,
    provider::v1::{CountTokensRequest, Model},
    router::v1::Step,
};
use kaleem_rpc::{CallContext, Fault};

use super::{Ask, Pipeline, Redacted, Routed, ceiling, language, validate};
use crate::{
    auth::{Caller, Credential},
    fault,
};

impl Pipeline {
    /// Counts input tokens at the model that the router would choose. The text is redacted like that of a generation.
    pub(crate) async fn count_tokens(&self, mut ask: Ask) -> Result<CountTokensResponse, Fault> {
        let (ctx, request_id) = self.context(ask.request_id.as_deref(), ask.deadline)?;
        let caller = self.authenticator.caller(&ctx, &ask.credential).await?;
        let facts = validate::input(&mut ask.input, &self.config, &self.policies).await?;
        let language = language::of(&ask.input.messages);
        let redacted = self.redact(&ctx, &caller, ask.input, facts).await?;
        let routed = self.dry_route((ctx, request_id), caller, redacted, language).await?;
        let step =
            routed.plan.primary.clone().ok_or_else(|| fault::upstream_protocol("the plan has no step"))?;
        let request = CountTokensRequest {
            model: step.model.clone(),
            messages: routed.redacted.input.messages.clone(),
            tools: routed.redacted.input.tools.clone(),
        };
        let counted = self.peers.count_tokens(&routed.ctx, &step.target, request).await?;
        // Providers count messages and tools alone.
        let beside = ceiling::of_shape(&routed.redacted.input) + ceiling::of_prefix(&step.system_prefix);
        let max_cost_pico_usd = self.ceiling(&routed, &step, counted.input_count.saturating_add(beside));
        Ok(CountTokensResponse { input_count: counted.input_count, exact: counted.exact, max_cost_pico_usd })
    }

    async fn dry_route(
        &self,
        (ctx, request_id): (CallContext, RequestId),
        caller: Arc<Caller>,
        redacted: Redacted,
        language: &'static str,
    ) -> Result<Routed, Fault> {
        let input_token_count = redacted.input_token_ceiling();
        let posture = self.posture(&ctx, &caller).await;
        let features = self.features(&caller, &redacted, posture, (input_token_count, language));
        let plan = self.route(&ctx, features).await?;
        Ok(Routed {
            ctx,
            caller,
            request_id,
            is_named: false,
            redacted,
            plan,
            input_token_count,
            language,
            whole: true,
        })
    }

    fn ceiling(&self, routed: &Routed, step: &Step, input_count: i64) -> i64 {
        let asked = routed.redacted.input.options.as_ref().and_then(|options| options.max_output_token_count);
        let output = asked.unwrap_or(self.config.default_max_output_tokens);
        let price = |pico: i64, units| Pico::new(i128::from(pico)).checked_mul(units);
        let parts = [
            (step.request_pico_usd, 1),
            (step.input_pico_usd_per_token, input_count),
            (step.output_pico_usd_per_token, output),
        ];
        let sum =
            parts.into_iter().try_fold(Pico::ZERO, |sum, (pico, units)| sum.checked_add(price(pico, units)?));
        sum.and_then(Pico::to_i64).unwrap_or(i64::MAX)
    }

    /// Models that the caller may ask for by name, and `auto`, which lets the router choose.
    pub(crate) async fn list_models(
        &self,
        credential: &Credential,
        deadline: Option<Instant>,
    ) -> Result<Vec<Model>, Fault> {
        let (ctx, _) = self.context(None, deadline)?;
        let caller = self.authenticator.caller(&ctx, credential).await?;
        let allowed =
            |model: &Model| caller.allowed_models.is_empty() || caller.allowed_models.contains(&model.id);
        let external = |model: &Model| caller.external_providers_allowed || model.region == "local";
        let listed = self.peers.list_models(&ctx).await;
        let models = listed.into_iter().flat_map(|(_, listed)| listed.models);
        let auto = Model { id: "auto".to_owned(), ..Model::default() };
        Ok(std::iter::once(auto).chain(models.filter(|model| allowed(model) && external(model))).collect())
    }
}
