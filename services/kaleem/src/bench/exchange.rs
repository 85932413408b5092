//! One request and its answer, over either protocol, with the moments that are measured.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{grpc, http};

/// How the front door is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// kaleem.gateway.v1.GatewayService.
    Grpc,
    /// POST /v1/chat/completions.
    Http,
}

/// What every request asks.
#[derive(Debug, Clone)]
pub struct Question {
    /// Text of the user's message.
    pub prompt: String,
    /// Model; empty lets the router choose.
    pub model: String,
    /// Facts that the answer must respect, as JSON; empty brings none.
    pub facts: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Bound on one answer, from its first byte sent to its end.
    pub timeout: Duration,
}

/// Where requests go and who asks.
#[derive(Clone)]
pub struct Endpoint {
    /// Address, for example `http://127.0.0.1:8080`.
    pub server: String,
    /// API key; empty sends none, for a server that wants none.
    pub api_key: String,
}

/// What was seen of one answer.
#[derive(Debug)]
pub struct Exchange {
    /// When the request was sent.
    pub(super) sent: Instant,
    /// When the first text arrived; only of streams.
    pub(super) first_text: Option<Instant>,
    /// When the answer was complete.
    pub(super) ended: Instant,
    /// Times between two pieces of text.
    pub(super) gaps: Vec<Duration>,
    /// Where the gateway says its time went; only over gRPC.
    pub(super) stages: Vec<(String, Duration)>,
    /// Reason of the failure.
    pub(super) failure: Option<String>,
}

impl Exchange {
    pub(super) fn begin() -> Self {
        let sent = Instant::now();
        Self { sent, first_text: None, ended: sent, gaps: Vec::new(), stages: Vec::new(), failure: None }
    }

    /// Why the request failed; none of a good answer.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Notes a piece of text that came after `last`; gives its time.
    pub(super) fn text(&mut self, last: Option<Instant>) -> Instant {
        let now = Instant::now();
        match last {
            None => self.first_text = Some(now),
            Some(last) => self.gaps.push(now - last),
        }
        now
    }

    pub(super) fn end(mut self, failure: Option<String>) -> Self {
        self.ended = Instant::now();
        self.failure = failure;
        self
    }
}

/// Asks one question again and again over one connection; clones share the connection.
#[derive(Clone)]
pub enum Caller {
    /// Over gRPC.
    Grpc(Box<grpc::GrpcCaller>),
    /// Over HTTP.
    Http(http::HttpCaller),
}

impl Caller {
    /// A caller with a connection of its own.
    pub fn new(protocol: Protocol, endpoint: &Endpoint, question: &Arc<Question>) -> anyhow::Result<Self> {
        Ok(match protocol {
            Protocol::Grpc => Self::Grpc(Box::new(grpc::GrpcCaller::new(endpoint, question)?)),
            Protocol::Http => Self::Http(http::HttpCaller::new(endpoint, question)?),
        })
    }

    /// Asks and reads the answer to its end.
    pub async fn call(&mut self) -> Exchange {
        match self {
            Self::Grpc(caller) => caller.call().await,
            Self::Http(caller) => caller.call().await,
        }
    }
}
