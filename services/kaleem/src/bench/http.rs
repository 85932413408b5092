//! The question over OpenAI HTTP.

use std::{sync::Arc, time::Instant};

use anyhow::Context as _;
use axum::body::Bytes;
use reqwest::{Client, RequestBuilder, Response, header};
use serde::Deserialize;
use serde_json::json;

use super::exchange::{Endpoint, Exchange, Question};

/// Longest event of a stream that is read; the server's own events are far shorter.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Asks over a pool of HTTP/1.1 connections.
#[derive(Clone)]
pub struct HttpCaller {
    client: Client,
    url: Arc<str>,
    bearer: Option<header::HeaderValue>,
    body: Bytes,
    question: Arc<Question>,
}

/// What is read of one event; anything else is ignored.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    /// A reason, or a number with some servers.
    code: Option<serde_json::Value>,
}

impl ErrorBody {
    fn reason(&self) -> String {
        match &self.code {
            Some(serde_json::Value::String(code)) => code.to_ascii_uppercase(),
            Some(code) => format!("code {code}"),
            None => "error without a code".to_owned(),
        }
    }
}

/// How an event of a stream ends it.
enum Progress {
    More,
    Done,
}

impl HttpCaller {
    pub(super) fn new(endpoint: &Endpoint, question: &Arc<Question>) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().tcp_nodelay(true).http1_only().timeout(question.timeout);
        let mut body = json!({
            "model": if question.model.is_empty() { "auto" } else { &question.model },
            "messages": [{"role": "user", "content": question.prompt}],
        });
        if !question.facts.is_empty() {
            let facts: serde_json::Value =
                serde_json::from_str(&question.facts).context("the facts are no JSON")?;
            body["guardrail_policy"] = facts;
        }
        if question.stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        let mut bearer = header::HeaderValue::from_str(&format!("Bearer {}", endpoint.api_key))
            .context("the API key has characters that no key has")?;
        bearer.set_sensitive(true);
        Ok(Self {
            client: client.build()?,
            url: format!("{}/v1/chat/completions", endpoint.server.trim_end_matches('/')).into(),
            bearer: (!endpoint.api_key.is_empty()).then_some(bearer),
            body: serde_json::to_vec(&body)?.into(),
            question: Arc::clone(question),
        })
    }

    fn post(&self) -> RequestBuilder {
        let request = self.client.post(&*self.url).header(header::CONTENT_TYPE, "application/json");
        let request = match &self.bearer {
            Some(bearer) => request.header(header::AUTHORIZATION, bearer),
            None => request,
        };
        request.body(self.body.clone())
    }

    pub(super) async fn call(&mut self) -> Exchange {
        let mut exchange = Exchange::begin();
        let failure = self.ask(&mut exchange).await.err();
        exchange.end(failure)
    }

    async fn ask(&self, exchange: &mut Exchange) -> Result<(), String> {
        let response = self.post().send().await.map_err(|error| transport(&error))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.bytes().await.map_err(|error| transport(&error))?;
            let refusal = serde_json::from_slice::<Refusal>(&body);
            return Err(refusal
                .map_or_else(|_| format!("HTTP {}", status.as_u16()), |refusal| refusal.error.reason()));
        }
        if self.question.stream {
            return read_stream(response, exchange).await;
        }
        response.bytes().await.map(|_| ()).map_err(|error| transport(&error))
    }
}

async fn read_stream(mut response: Response, exchange: &mut Exchange) -> Result<(), String> {
    let (mut pending, mut last) = (Vec::new(), None);
    while let Some(bytes) = response.chunk().await.map_err(|error| transport(&error))? {
        pending.extend_from_slice(&bytes);
        let mut read = 0;
        while let Some(length) = pending[read..].windows(2).position(|pair| pair == b"\n\n") {
            let event = &pending[read..read + length];
            read += length + 2;
            if let Progress::Done = take(event, exchange, &mut last)? {
                // Reading on to the end keeps the connection for the next request.
                while response.chunk().await.map_err(|error| transport(&error))?.is_some() {}
                return Ok(());
            }
        }
        pending.drain(..read);
        if pending.len() > EVENT_BYTES_MAX {
            return Err("event too long".to_owned());
        }
    }
    Err("stream without an end".to_owned())
}

fn take(event: &[u8], exchange: &mut Exchange, last: &mut Option<Instant>) -> Result<Progress, String> {
    let Some(data) = event.strip_prefix(b"data: ") else { return Ok(Progress::More) };
    if data == b"[DONE]" {
        return Ok(Progress::Done);
    }
    let chunk: Chunk = serde_json::from_slice(data).map_err(|_| "event that is no JSON".to_owned())?;
    if let Some(error) = chunk.error {
        return Err(error.reason());
    }
    let text = chunk.choices.into_iter().find_map(|choice| choice.delta?.content);
    if text.is_some_and(|text| !text.is_empty()) {
        *last = Some(exchange.text(*last));
    }
    Ok(Progress::More)
}

fn transport(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no connection"
    } else {
        "connection lost"
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_counts_as_text() {
        let (mut exchange, mut last) = (Exchange::begin(), None);
        let mut feed = |event: &str| take(event.as_bytes(), &mut exchange, &mut last);
        let role = r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
        let text = r#"data: {"choices":[{"delta":{"content":"مرحبا"}}]}"#;
        let usage = r#"data: {"choices":[],"usage":{"prompt_tokens":1}}"#;
        for event in [": ping", role, text, text, usage] {
            assert!(matches!(feed(event), Ok(Progress::More)), "{event}");
        }
        assert!(matches!(feed("data: [DONE]"), Ok(Progress::Done)));
        assert!(exchange.first_text.is_some());
        assert_eq!(exchange.gaps.len(), 1);
    }

    #[test]
    fn a_failure_in_a_stream_is_a_failure() {
        let (mut exchange, mut last) = (Exchange::begin(), None);
        let event = r#"data: {"error":{"code":"upstream_unavailable","message":"x"}}"#;
        assert_eq!(
            take(event.as_bytes(), &mut exchange, &mut last).err().as_deref(),
            Some("UPSTREAM_UNAVAILABLE")
        );
    }
}
