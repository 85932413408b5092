//! One OpenAI-compatible worker over HTTP: probe, stream, count, embed.

mod answer;
mod assembler;
mod chunk;
mod embedding;
mod failure;
mod probe;
mod salt;
mod sse;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kaleem_proto::chat::v1::{Message, Tool};
use reqwest::{Client, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::call::{Call, EventStream, estimate_input};
use crate::config::{Timeouts, WorkerConfig, WorkerKind};
use crate::error::{CallError, Error};
use crate::openai;
use answer::Answer;
use assembler::{Assembler, Expectation};
use failure::Refusal;

pub use probe::{Probe, ServedModel};
pub use salt::Salts;

/// Longest body that is read whole: error bodies, model lists, counts.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How long an idle connection is kept: shorter than the 5 s after which uvicorn closes it under our hands.
const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(4);

/// A worker that is reached over HTTP.
pub struct HttpWorker {
    name: String,
    base: Url,
    kind: WorkerKind,
    api_key: Option<SecretString>,
    client: Client,
    timeouts: Timeouts,
    /// Only for vLLM.
    salts: Option<Salts>,
    /// The worker has no `/is_sleeping`, so asking again would only fill its log.
    never_sleeps: AtomicBool,
}

/// The HTTP client of all workers: no proxy and no redirect, as a prompt goes to the configured address or nowhere.
pub fn http_client(timeouts: &Timeouts) -> Result<Client, Error> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Installing is idempotent; whoever came first decides.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .http1_only()
        .connect_timeout(timeouts.connect)
        .pool_idle_timeout(IDLE_CONNECTION_MAX);
    builder.build().map_err(|error| Error::HttpClient(error.to_string()))
}

impl HttpWorker {
    /// A worker of `config`, whose address has been validated.
    pub fn new(
        config: &WorkerConfig,
        base: Url,
        client: Client,
        timeouts: &Timeouts,
        salts: Option<Salts>,
    ) -> Self {
        Self {
            name: config.name.clone(),
            base,
            kind: config.kind,
            api_key: config.api_key.clone(),
            client,
            timeouts: timeouts.clone(),
            salts: salts.filter(|_| config.kind == WorkerKind::Vllm),
            never_sleeps: AtomicBool::new(config.kind != WorkerKind::Vllm),
        }
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
        let request = self.post("/v1/chat/completions", &body.json).header("x-request-id", &call.request_id);
        let response = self.accepted(request.send().await, &call.model).await?;
        let expected = Expectation {
            worker: self.name.clone(),
            model: call.model.clone(),
            request_id: call.request_id.clone(),
            max_output: body.max_output,
            estimated_input: estimate_input(&call.messages, &call.tools),
        };
        let assembler = Assembler::new(expected, body.warnings);
        let answer = Answer::new(&self.name, response, assembler, self.timeouts.idle);
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

    fn get(&self, path: &str) -> RequestBuilder {
        self.authorised(self.client.get(self.url(path)))
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.authorised(self.client.post(self.url(path))).json(body)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address())
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.api_key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    /// Posts `body` and reads the whole answer, within the first-token limit.
    async fn unary<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        model: &str,
    ) -> Result<T, CallError> {
        let exchange = async {
            let response = self.accepted(self.post(path, body).send().await, model).await?;
            let bytes = read_bounded(response, UNARY_BYTES_MAX).await;
            let broken =
                |detail: &str| CallError::Protocol { worker: self.name.clone(), detail: detail.to_owned() };
            let bytes = bytes.ok_or_else(|| broken("its answer broke off or is longer than 64 MiB"))?;
            serde_json::from_slice(&bytes)
                .map_err(|_| broken("its answer is not the JSON that was asked for"))
        };
        let limit = self.timeouts.first_token;
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(self.unavailable(&format!("no answer within {limit:?}"))))
    }

    async fn accepted(&self, sent: reqwest::Result<Response>, model: &str) -> Result<Response, CallError> {
        let response = sent.map_err(|error| self.unavailable(describe(&error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = read_bounded(response, BODY_BYTES_MAX).await.unwrap_or_default();
        Err(Refusal { worker: &self.name, model, status, retry_after, body: &body }.to_error())
    }

    fn unavailable(&self, detail: &str) -> CallError {
        CallError::Unavailable { worker: self.name.clone(), detail: detail.to_owned() }
    }
}

/// Longest unary answer: 256 embeddings of 4096 numbers as text.
const UNARY_BYTES_MAX: usize = 64 << 20;

/// The kind of a transport failure; the library's own text names the address, which may hold a password.
fn describe(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "its port does not accept connections"
    } else {
        "the connection broke before it answered"
    }
}

/// The whole body; `None` if it breaks off or is longer than `limit`.
async fn read_bounded(mut response: Response, limit: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        if body.len() + piece.len() > limit {
            return None;
        }
        body.extend_from_slice(&piece);
    }
    Some(body)
}
