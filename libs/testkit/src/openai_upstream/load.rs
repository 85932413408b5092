//! Answers that cost nothing to make, for load tests of what stands before the worker.

use std::collections::VecDeque;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use serde_json::{Map, Value};

use super::render::Answer;
use super::{Reply, Settings};
use crate::playback::Action;

/// A stream and a unary answer, rendered once and sent to every request as they are.
#[derive(Debug, Clone)]
pub struct LoadReply {
    events: Vec<Bytes>,
    unary: Bytes,
}

impl LoadReply {
    /// Renders `reply` under `settings` with `include_usage`; its gates, stalls and cuts are left out.
    ///
    /// # Panics
    /// When the reply fails.
    pub fn render(settings: &Settings, reply: &Reply) -> Self {
        let request = |stream: bool| -> Map<String, Value> {
            let options = serde_json::json!({"stream": stream, "stream_options": {"include_usage": true}});
            options.as_object().expect("an object").clone()
        };
        let sent = |stream: bool| -> Vec<Bytes> {
            let rendered = Answer::new(settings, "load", &request(stream), reply.clone()).render();
            assert_eq!(rendered.status, 200, "a load reply does not fail");
            let sends = rendered.actions.into_iter().filter_map(|action| match action {
                Action::Send(bytes) => Some(bytes),
                _ => None,
            });
            sends.collect()
        };
        Self { events: sent(true), unary: sent(false).concat().into() }
    }

    pub(crate) fn respond(&self, body: &[u8]) -> Response {
        // Enough of a parser for clients that write compact JSON, and for those that put a space after the
        // colon.
        let has = |needle: &[u8]| body.windows(needle.len()).any(|window| window == needle);
        let (content_type, body) = if has(br#""stream":true"#) || has(br#""stream": true"#) {
            let events = VecDeque::from(self.events.clone()).into_iter().map(Ok::<_, std::io::Error>);
            ("text/event-stream; charset=utf-8", Body::from_stream(stream::iter(events)))
        } else {
            ("application/json", Body::from(self.unary.clone()))
        };
        let response = Response::builder().header("server", "uvicorn").header("content-type", content_type);
        response.body(body).expect("fixed headers are valid")
    }
}
