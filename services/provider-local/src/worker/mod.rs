//! One OpenAI-compatible worker over HTTP: probe, stream, count, embed.

mod answer;
mod assembler;
mod chunk;
mod connection;
mod embedding;
mod failure;
mod probe;
mod salt;
mod sse;

use std::sync::atomic::AtomicBool;

use kaleem_proto::chat::v1::{Message, Tool};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::call::{Call, EventStream, estimate_input};
use crate::config::{Timeouts, WorkerConfig, WorkerKind};
use crate::error::{CallError, Error};
use crate::openai;
use answer::Answer;
use assembler::{Assembler, Expectation};
use connection::{Connections, Reply, SendError};
use failure::Refusal;

pub use connection::Connector;
pub use probe::{Probe, ServedModel};
pub use salt::Salts;

/// Longest body that is read whole: error bodies, model lists, counts.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A worker that is reached over HTTP.
pub struct HttpWorker {
    name: String,
    base: Url,
    kind: WorkerKind,
    connections: Connections,
    timeouts: Timeouts,
    /// Only for vLLM.
    salts: Option<Salts>,
    /// The worker has no `/is_sleeping`, so asking again would only fill its log.
    never_sleeps: AtomicBool,
}

impl HttpWorker {
    /// A worker of `config`, whose address has been validated.
    pub fn new(
        config: &WorkerConfig,
        base: Url,
        connector: Connector,
        timeouts: &Timeouts,
        salts: Option<Salts>,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: config.name.clone(),
            kind: config.kind,
            connections: Connections::new(&base, &config.api_key, connector)?,
            base,
            timeouts: timeouts.clone(),
            salts: salts.filter(|_| config.kind == WorkerKind::Vllm),
            never_sleeps: AtomicBool::new(config.kind != WorkerKind::Vllm),
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address without credentials.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Sends a call and returns its answer once headers are there; nothing of it has been read. Dropping the future aborts it.
    pub async fn generate(&self, call: &Call, context: Option<u32>) -> Result<EventStream, CallError> {
        let salt = self.salts.as_ref().map(|salts| salts.of(&call.merchant_id));
        let body = openai::chat_body(call, self.kind, context, salt)?;
        let sent = self.post("/v1/chat/completions", &body.json, Some(&call.request_id)).await;
        let reply = self.accepted(sent, &call.model).await?;
        let expected = Expectation {
            worker: self.name.clone(),
            model: call.model.clone(),
            request_id: call.request_id.clone(),
            max_output: body.max_output,
            estimated_input: estimate_input(&call.messages, &call.tools),
        };
        let assembler = Assembler::new(expected, body.warnings);
        // Boxed, as the stream moves its state for every event.
        let answer = Box::new(Answer::new(&self.name, reply, assembler, self.timeouts.idle.get()));
        let events = futures::stream::unfold(answer, async |mut answer| {
            answer.next().await.map(|event| (event, answer))
        });
        Ok(Box::pin(events))
    }

    /// Exact number of prompt tokens, where the worker can count; `None` otherwise.
    pub async fn count(
        &self,
        model: &str,
        messages: &[Message],
        tools: &[Tool],
    ) -> Result<Option<i64>, CallError> {
        #[derive(Deserialize)]
        struct Counted {
            count: i64,
        }
        if self.kind != WorkerKind::Vllm {
            return Ok(None);
        }
        let body = openai::tokenize_body(model, messages, tools)?;
        let counted: Counted = self.unary("/tokenize", &body, model).await?;
        Ok(Some(counted.count))
    }

    async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        request_id: Option<&str>,
    ) -> Result<Reply, SendError> {
        let json = serde_json::to_vec(body).map_err(|_| SendError::Broken)?;
        self.connections.post(path, request_id, json.into()).await
    }

    /// Posts `body` and reads the whole answer, within the first-token limit.
    async fn unary<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        model: &str,
    ) -> Result<T, CallError> {
        let exchange = async {
            let reply = self.accepted(self.post(path, body, None).await, model).await?;
            let bytes = reply.bounded(UNARY_BYTES_MAX).await;
            let broken =
                |detail: &str| CallError::Protocol { worker: self.name.clone(), detail: detail.to_owned() };
            let bytes = bytes.ok_or_else(|| broken("its answer broke off or is longer than 64 MiB"))?;
            serde_json::from_slice(&bytes)
                .map_err(|_| broken("its answer is not the JSON that was asked for"))
        };
        let limit = self.timeouts.first_token.get();
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(self.unavailable(&format!("no answer within {limit:?}"))))
    }

    async fn accepted(&self, sent: Result<Reply, SendError>, model: &str) -> Result<Reply, CallError> {
        let reply = sent.map_err(|error| self.unavailable(&error.to_string()))?;
        let status = reply.status;
        if status.is_success() {
            return Ok(reply);
        }
        let retry_after =
            reply.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = reply.bounded(BODY_BYTES_MAX).await.unwrap_or_default();
        Err(Refusal { worker: &self.name, model, status, retry_after, body: &body }.to_error())
    }

    fn unavailable(&self, detail: &str) -> CallError {
        CallError::Unavailable { worker: self.name.clone(), detail: detail.to_owned() }
    }
}

/// Longest unary answer: 256 embeddings of 4096 numbers as text.
const UNARY_BYTES_MAX: usize = 64 << 20;
