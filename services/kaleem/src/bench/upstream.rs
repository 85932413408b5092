//! An OpenAI-compatible worker that infers nothing: it sends the same rendered bytes to everybody at once, so that whatever time
//! is measured in front of it was spent in front of it. Only for load tests.

use std::{convert::Infallible, io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Name of the one model.
pub const MODEL: &str = "bench";
const WORD: &str = "كلمة ";
const PROMPT_TOKENS: u64 = 16;

/// An answer of `tokens` pieces, rendered once.
#[derive(Debug)]
struct Rendered {
    models: Bytes,
    unary: Bytes,
    events: Vec<Bytes>,
}

impl Rendered {
    fn new(tokens: u64) -> Self {
        let usage = json!({
            "prompt_tokens": PROMPT_TOKENS, "completion_tokens": tokens, "total_tokens": PROMPT_TOKENS + tokens,
        });
        let chunk = |choices: Value, usage: &Value| {
            let chunk = json!({
                "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
                "choices": choices, "usage": usage,
            });
            Bytes::from(format!("data: {chunk}\n\n"))
        };
        let choice =
            |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        let mut events =
            vec![chunk(choice(json!({"role": "assistant", "content": ""}), Value::Null), &Value::Null)];
        let word = chunk(choice(json!({"content": WORD}), Value::Null), &Value::Null);
        events.extend((0..tokens).map(|_| word.clone()));
        events.push(chunk(choice(json!({}), json!("stop")), &Value::Null));
        events.push(chunk(json!([]), &usage));
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        let text: String = (0..tokens).map(|_| WORD).collect();
        let unary = json!({
            "id": "chatcmpl-bench", "object": "chat.completion", "created": 0, "model": MODEL, "usage": usage,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        });
        let models = json!({
            "object": "list",
            "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "kaleem", "max_model_len": 32768}],
        });
        Self { models: models.to_string().into(), unary: unary.to_string().into(), events }
    }
}

fn json_body(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn chat(State(rendered): State<Arc<Rendered>>, body: Bytes) -> Response {
    // Enough of a parser for compact JSON and for JSON with a blank after the colon.
    let has = |needle: &[u8]| body.windows(needle.len()).any(|window| window == needle);
    if !has(br#""stream":true"#) && !has(br#""stream": true"#) {
        return json_body(rendered.unary.clone());
    }
    // One HTTP chunk an event, as workers send them.
    let events =
        (0..rendered.events.len()).map(move |index| Ok::<_, Infallible>(rendered.events[index].clone()));
    let body = Body::from_stream(futures::stream::iter(events));
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response()
}

/// Serves answers of `tokens` pieces on `listener` until `stop`.
pub async fn serve(listener: TcpListener, tokens: u64, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new()
        .route("/health", get(|| async { "" }))
        .route(
            "/v1/models",
            get(|State(rendered): State<Arc<Rendered>>| async move { json_body(rendered.models.clone()) }),
        )
        .route("/v1/chat/completions", post(chat))
        .with_state(Arc::new(Rendered::new(tokens)));
    let listener = listener.tap_io(|stream| {
        // Without it a small write may wait 40 ms for an acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(%error, "TCP_NODELAY cannot be set");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_its_tokens_its_usage_and_one_end() {
        let rendered = Rendered::new(3);
        let text = String::from_utf8(rendered.events.concat()).unwrap();
        assert_eq!(text.matches(WORD).count(), 3);
        assert_eq!(text.matches("\"finish_reason\":\"stop\"").count(), 1);
        assert!(text.contains("\"completion_tokens\":3") && text.ends_with("data: [DONE]\n\n"));
        let unary: Value = serde_json::from_slice(&rendered.unary).unwrap();
        assert_eq!(unary["choices"][0]["message"]["content"], WORD.repeat(3));
    }
}
