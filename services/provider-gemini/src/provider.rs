//! The provider itself: picks the model that serves, sends, falls back, and notes what happened.

use std::sync::Arc;

use kaleem_domain::{Clock, TokenUsage, UsageSource};
use kaleem_proto::provider::v1::{CountTokensRequest, Model, StreamGenerateRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::catalogue::Catalogue;
use crate::config::{Config, ModelConfig, Thinking, Timeouts};
use crate::stream::Generation;
use crate::translate::{request, response};
use crate::upstream::{Upstream, encode};
use crate::upstream_error::{Cause, UpstreamError};
use crate::{Error, embedding, wire};

/// One Google project with its models.
pub struct Provider {
    upstream: Upstream,
    catalogue: Catalogue,
    permits: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    project: String,
    region: String,
    timeouts: Timeouts,
}

impl Provider {
    /// A provider that has called nobody yet. Works without a key; calls then say what is missing.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self {
            upstream: Upstream::new(config, Arc::clone(&clock))?,
            catalogue: Catalogue::new(config),
            permits: Arc::new(Semaphore::new(config.in_flight_max)),
            clock,
            project: config.project.clone(),
            region: config.region.clone(),
            timeouts: config.timeouts,
        })
    }

    /// Starts a generation of at most `max_output` tokens; returns when the first token is near.
    ///
    /// Where the project is refused the model, the next of its fallbacks answers. Dropping the future or the generation ends the
    /// call to Google at once.
    pub async fn generate(
        self: &Arc<Self>,
        request: &StreamGenerateRequest,
        max_output: i64,
    ) -> Result<Generation, Error> {
        self.upstream.access()?;
        let chain = self.catalogue.chain(&request.model, self.clock.now())?;
        let permit = self.permit()?;
        for model in chain {
            let translated = request::generate(request, model, max_output)?;
            let deadline = Instant::now() + self.timeouts.first_token.get();
            match self.open(model, &translated, deadline).await {
                Ok(response) => {
                    let context = self.context(request, model, translated);
                    return Ok(Generation::new(
                        Arc::clone(self),
                        (model.id.clone(), response),
                        context,
                        (deadline, permit),
                    ));
                }
                Err(error) if is_gone(&error) => self.note_failover(&model.id, &error),
                Err(error) => return Err(error),
            }
        }
        Err(Error::ModelGone(request.model.clone()))
    }

    /// Counts the input of a call exactly.
    pub async fn count(&self, count: &CountTokensRequest) -> Result<i64, Error> {
        self.upstream.access()?;
        let chain = self.catalogue.chain(&count.model, self.clock.now())?;
        let _permit = self.permit()?;
        for model in chain {
            let body = request::count(count, model)?;
            self.catalogue.admit(&model.id, self.clock.now())?;
            let answer =
                self.upstream.call::<wire::response::CountTokens>(&model.id, "countTokens", &body).await;
            match self.noted(&model.id, answer) {
                Ok(answer) => return Ok(answer.total_tokens),
                Err(error) if is_gone(&error) => self.note_failover(&model.id, &error),
                Err(error) => return Err(error),
            }
        }
        Err(Error::ModelGone(count.model.clone()))
    }

    /// Embeds `texts`, in order, as vectors of length one. There is no fallback: vectors of different models do not mix.
    pub async fn embed(
        &self,
        id: &str,
        texts: &[String],
        dimensions: i32,
    ) -> Result<(Vec<Vec<f32>>, TokenUsage), Error> {
        self.upstream.access()?;
        let model = self.catalogue.embedding_model(id)?;
        embedding::check(texts, dimensions, model)?;
        let _permit = self.permit()?;
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(embedding::BATCH_MAX) {
            self.catalogue.admit(id, self.clock.now())?;
            let body = embedding::request(id, batch, dimensions);
            let answer = self.upstream.call(id, "batchEmbedContents", &body).await;
            vectors.extend(embedding::vectors(self.noted(id, answer)?, batch.len())?);
        }
        // The API counts no tokens here, so they are estimated from above.
        let usage = TokenUsage {
            input_fresh: embedding::input_estimate(texts),
            source: UsageSource::Counted,
            ..TokenUsage::default()
        };
        Ok((vectors, usage))
    }

    /// All models for generation with their health.
    pub fn models(&self) -> Vec<Model> {
        let now = self.clock.now();
        let has_access = self.upstream.access().is_ok();
        let describe = |model: &ModelConfig| {
            use kaleem_proto::provider::v1::ModelHealth;
            let observed = self.catalogue.health(&model.id, now);
            let (health, ready_time) = if has_access { observed } else { (ModelHealth::Down, None) };
            Model {
                id: model.id.clone(),
                context_token_count: model.context,
                max_output_token_count: model.max_output,
                tools: model.tools,
                json_schema: model.json_schema,
                vision: model.vision,
                reasoning: model.thinking != Thinking::None,
                region: self.region.clone(),
                health: health.into(),
                ready_time: ready_time.map(kaleem_rpc::convert::timestamp),
            }
        };
        self.catalogue.models().iter().map(describe).collect()
    }

    /// The API, for a generation that reads from it.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Time limits, for a generation that waits.
    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Notes a generation that came to its end.
    pub(crate) fn note_success(&self, model: &str) {
        self.catalogue.succeeded(model);
    }

    /// Notes a failure.
    pub(crate) fn note_failure(&self, model: &str, error: &Error) {
        self.catalogue.failed(model, error, self.clock.now());
        let (_, reason) = error.class();
        metrics::counter!("kaleem_provider_gemini_failures_total", "model" => model.to_owned(), "reason" => reason)
            .increment(1);
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| Error::Overloaded)
    }

    async fn open(
        &self,
        model: &ModelConfig,
        translated: &request::Translated,
        deadline: Instant,
    ) -> Result<reqwest::Response, Error> {
        self.catalogue.admit(&model.id, self.clock.now())?;
        let opened = self.upstream.stream(&model.id, encode(&translated.body)?, deadline).await;
        opened.inspect_err(|error| self.note_failure(&model.id, error))
    }

    fn context(
        &self,
        request: &StreamGenerateRequest,
        model: &ModelConfig,
        translated: request::Translated,
    ) -> response::Context {
        let mut warnings = translated.warnings;
        if model.id != request.model {
            warnings.push(format!(
                "{} is not available to this Google project; {} answered",
                request.model, model.id
            ));
        }
        response::Context {
            model: model.id.clone(),
            upstream: self.project.clone(),
            input_estimate: translated.input_estimate,
            single_call: translated.single_call,
            warnings,
        }
    }

    fn noted<T>(&self, model: &str, answer: Result<T, Error>) -> Result<T, Error> {
        match &answer {
            Ok(_) => self.note_success(model),
            Err(error) => self.note_failure(model, error),
        }
        answer
    }

    /// Reports that a model is closed to this project: an operator should change the configuration.
    fn note_failover(&self, model: &str, error: &Error) {
        tracing::warn!(model, project = self.project, %error, "model is passed over for its fallbacks");
        metrics::counter!("kaleem_provider_gemini_failovers_total", "model" => model.to_owned()).increment(1);
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Upstream(UpstreamError { cause: Cause::ModelNotFound, .. }))
}
