//! The HTTPS client of the Gemini API.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kaleem_domain::Clock;
use reqwest::header::HeaderValue;
use reqwest::{Client, Response, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};

use crate::Error;
use crate::config::{Config, Limits, Timeouts};
use crate::upstream_error::UpstreamError;
use crate::wire::response::ErrorBody;

/// Bytes of an error page that are read.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer that does not stream: 100 vectors in JSON are about 7 MB.
const UNARY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Unread bytes of one HTTP/2 stream and of all on a connection: slow readers must not starve the others.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// The API as one project sees it.
pub struct Upstream {
    /// Or why there is none: a machine without CA certificates still serves everything else.
    client: Result<Client, String>,
    /// Sent in `x-goog-api-key` only; marked sensitive, so that nothing prints it.
    key: Option<HeaderValue>,
    base_url: String,
    timeouts: Timeouts,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl Upstream {
    /// Prepares the client. Nothing is connected yet.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let key = config.credential(|name| std::env::var(name).ok());
        let key = key.map(|key| {
            let mut value = HeaderValue::from_str(key.expose()).map_err(|_| Error::Config {
                key: crate::config::API_KEY_CONFIG.to_owned(),
                why: "holds characters that no key has".to_owned(),
            })?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        let client = client(config);
        if let Err(why) = &client {
            tracing::error!(why, "the Gemini API cannot be called");
        }
        Ok(Self {
            client,
            key: key.transpose()?,
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            timeouts: config.timeouts,
            limits: config.limits,
            clock,
        })
    }

    /// Whether calls can be made at all.
    pub fn access(&self) -> Result<(), Error> {
        self.parts().map(|_| ())
    }

    /// Starts a stream; the answer's headers come with its first token, and `deadline` bounds the wait for both.
    pub async fn stream(&self, model: &str, body: Vec<u8>, deadline: Instant) -> Result<Response, Error> {
        let path = format!("{model}:streamGenerateContent?alt=sse");
        let sent = timeout_at(deadline, self.post(&path, body)).await;
        sent.unwrap_or_else(|_| Err(UpstreamError::lost("it gave no first token in time").into()))
    }

    /// Calls a method that answers with one JSON object, within the time limit of such calls.
    pub async fn call<T: DeserializeOwned>(
        &self,
        model: &str,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = encode(body)?;
        let answer = async {
            let mut response = self.post(&format!("{model}:{method}"), body).await?;
            read(&mut response, UNARY_BYTES_MAX).await
        };
        let answered = timeout(self.timeouts.unary.get(), answer).await;
        let bytes =
            answered.unwrap_or_else(|_| Err(UpstreamError::lost("it gave no answer in time").into()))?;
        serde_json::from_slice(&bytes).map_err(|_| Error::protocol("its answer cannot be read"))
    }

    /// Reads the next bytes of a stream within `limit`; `None` at its end.
    pub async fn next_bytes(&self, response: &mut Response, limit: Duration) -> Result<Option<Bytes>, Error> {
        match timeout(limit, response.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(broken(&error).into()),
            Err(_) => Err(UpstreamError::lost("it stopped sending").into()),
        }
    }

    /// Classifies an error that came inside a stream.
    pub fn reported(&self, error: &ErrorBody) -> Error {
        let status = if error.code == 0 { 500 } else { error.code };
        UpstreamError::from_body(status, error, &self.limits, self.clock.now()).into()
    }

    fn parts(&self) -> Result<(&Client, &HeaderValue), Error> {
        let key = self.key.as_ref().ok_or(Error::CredentialMissing)?;
        let client = self.client.as_ref().map_err(|why| Error::Client(why.clone()))?;
        Ok((client, key))
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> Result<Response, Error> {
        let (client, key) = self.parts()?;
        let request = client
            .post(format!("{}/v1beta/models/{path}", self.base_url))
            .header("x-goog-api-key", key.clone())
            .header("content-type", "application/json")
            .body(body);
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // An error page that does not come in full is judged by its status.
        let page = timeout(self.timeouts.idle.get(), read(&mut response, ERROR_BYTES_MAX)).await;
        let page = page.ok().and_then(Result::ok).unwrap_or_default();
        Err(UpstreamError::from_page(status.as_u16(), &page, &self.limits, self.clock.now()).into())
    }
}

/// Writes a body.
pub fn encode(body: &impl Serialize) -> Result<Vec<u8>, Error> {
    // Cannot happen for these types: keys are strings and floats were checked to be finite.
    serde_json::to_vec(body).map_err(|_| Error::protocol("the request cannot be written"))
}

async fn read(response: &mut Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Err(Error::protocol(format!("its answer is longer than {limit} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn client(config: &Config) -> Result<Client, String> {
    // Without a provider the builder panics. A second installation answers Err with the one that is there, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("kaleem/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.timeouts.connect.get())
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // The key travels in a header of our own, which a redirect would carry to another host.
        .redirect(redirect::Policy::none())
        .referer(false);
    if !config.system_proxy {
        builder = builder.no_proxy();
    }
    if config.base_url.starts_with("http://") {
        tracing::warn!(
            base_url = config.base_url,
            "the Gemini API is called without TLS: the key and all texts are readable"
        );
        // Plain HTTP needs no CA certificates, and reading the system's costs time and memory.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| format!("{}; install the system's CA certificates", root_cause(&error)))
}

/// What broke, without the address. A request that found no connection was not sent.
fn broken(error: &reqwest::Error) -> UpstreamError {
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => UpstreamError::unreachable("connecting timed out"),
        (true, false) => UpstreamError::unreachable(format!("cannot connect: {}", root_cause(error))),
        (false, true) => UpstreamError::lost("it timed out"),
        (false, false) => UpstreamError::lost(format!("the connection broke: {}", root_cause(error))),
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
