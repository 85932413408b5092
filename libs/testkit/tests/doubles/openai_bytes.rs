//! The fake worker's answers against the recorded bytes of the real one.

use kaleem_testkit::openai_upstream::{OpenAiUpstream, Reply, Settings, Usage, WorkerError};
use kaleem_testkit::transcript::{self, Transcript};
use kaleem_testkit::{bound_listener, http_client};
use serde_json::{Value, json};

/// Answers `request` with `reply` under the identity of the recorded answer, and compares every byte and the
/// headers that matter.
async fn assert_same_bytes(recorded: &Transcript, request: &Value, reply: Reply) {
    let first: Value = match recorded.events().first() {
        Some(event) => serde_json::from_str(event).unwrap(),
        None => serde_json::from_str(&recorded.body).unwrap(),
    };
    let fingerprint =
        recorded.body.split("system_fingerprint\":\"").nth(1).unwrap().split('"').next().unwrap();
    let settings = Settings {
        created_epoch_s: first["created"].as_i64().unwrap(),
        fingerprint: fingerprint.to_owned(),
        echoes_request_id: recorded.header("x-request-id").is_some(),
        ..Settings::default()
    };
    let upstream = OpenAiUpstream::start_with(settings, bound_listener().0);
    upstream.push(reply);
    let id = first["id"].as_str().unwrap().strip_prefix("chatcmpl-").unwrap();
    let url = format!("{}/v1/chat/completions", upstream.url());
    let response = http_client().post(url).header("x-request-id", id).json(request).send().await.unwrap();
    assert_eq!(response.status(), recorded.status);
    for name in ["content-type", "content-length", "transfer-encoding", "server", "vary"] {
        let sent = response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(sent, recorded.header(name), "{name}");
    }
    assert_eq!(response.headers().contains_key("x-request-id"), recorded.header("x-request-id").is_some());
    assert_eq!(response.text().await.unwrap(), recorded.body);
}

fn ask(stream_options: Option<Value>) -> Value {
    let mut request =
        json!({"model": "tiny-llama", "messages": [{"role": "user", "content": "هل تشحنون إلى جدة؟"}]});
    if let Some(options) = stream_options {
        request["stream"] = json!(true);
        request["stream_options"] = options;
    }
    request
}

/// Collects the texts at `pointer` inside the first choice's delta of every recorded event.
fn pieces(recorded: &Transcript, pointer: &str) -> Vec<String> {
    let deltas = recorded.events().into_iter().filter_map(|event| {
        let event: Value = serde_json::from_str(event).unwrap();
        let text = event.pointer("/choices/0/delta")?.pointer(pointer)?.as_str()?;
        Some(text.to_owned())
    });
    deltas.collect()
}

#[tokio::test]
async fn a_stream_with_usage() {
    let recorded = Transcript::parse_all(transcript::CHAT_STREAM).remove(0);
    let request: Value = serde_json::from_str(transcript::CHAT_STREAM.lines().nth(1).unwrap()).unwrap();
    let reply = Reply::text(["\n"; 12]).finish("length").usage(Usage::new(32, 12));
    assert_same_bytes(&recorded, &request, reply).await;
}

#[tokio::test]
async fn a_stream_with_continuous_usage() {
    let recorded = Transcript::parse_all(transcript::CHAT_STREAM_CONTINUOUS_USAGE).remove(0);
    let reply = Reply::text(["\n"; 4]).finish("length").usage(Usage::new(32, 4));
    let request = ask(Some(json!({"include_usage": true, "continuous_usage_stats": true})));
    assert_same_bytes(&recorded, &request, reply).await;
}

#[tokio::test]
async fn a_unary_answer() {
    let recorded = Transcript::parse_all(transcript::CHAT_UNARY).remove(0);
    let reply = Reply::text(["\n"; 12]).finish("length").usage(Usage::new(32, 12));
    assert_same_bytes(&recorded, &ask(None), reply).await;
}

#[tokio::test]
async fn tool_calls_that_were_cut_by_length() {
    let recorded = Transcript::parse_all(transcript::TOOL_CALLS);
    let streams = recorded.iter().filter(|response| response.body.contains("[DONE]")).collect::<Vec<_>>();
    let named = Reply::new().tool_call_with_id(
        "chatcmpl-tool-a8887da865e121d2",
        "get_order",
        ["f", "a", "l", "s", "e"],
    );
    assert_same_bytes(streams[0], &ask(Some(json!({}))), named.finish("length")).await;
    let required = Reply::new()
        .tool_call_with_id("chatcmpl-tool-a3ae777bdeb47d4e", "get_order", ["t", "r", "u", "e"])
        .tool_call_with_id("chatcmpl-tool-b4459f16d9d102ca", "get_order", Vec::<String>::new());
    assert_same_bytes(streams[1], &ask(Some(json!({}))), required.finish("length")).await;
}

#[tokio::test]
async fn strict_tool_calls() {
    let recorded = Transcript::parse_all(transcript::TOOL_CALLS_STRICT);
    let mut request = ask(Some(json!({})));
    request["tool_choice"] = json!({"type": "function", "function": {"name": "get_order"}});
    let arguments = pieces(&recorded[0], "/tool_calls/0/function/arguments");
    let reply = Reply::new().tool_call_with_id("chatcmpl-tool-aef4fb2f9da06292", "get_order", arguments);
    assert_same_bytes(&recorded[0], &request, reply).await;

    request["stream"] = json!(false);
    request["stream_options"] = Value::Null;
    let arguments = [r#"{"order_id": 9, "city": "Jeddah"}"#];
    let reply = Reply::new().tool_call_with_id("chatcmpl-tool-b7826298f8866584", "get_order", arguments);
    assert_same_bytes(&recorded[1], &request, reply.usage(Usage::new(17, 131))).await;
}

#[tokio::test]
async fn reasoning() {
    let recorded = Transcript::parse_all(transcript::REASONING);
    let thoughts = pieces(&recorded[0], "/reasoning");
    assert_eq!(thoughts.len(), 4);
    let usage = |reasoning| Usage { reasoning_tokens: Some(reasoning), ..Usage::new(14, 5) };
    let reply = |reasoning| Reply::new().reasoning(thoughts.clone()).finish("length").usage(usage(reasoning));
    assert_same_bytes(&recorded[0], &ask(Some(json!({"include_usage": true}))), reply(4)).await;
    assert_same_bytes(&recorded[1], &ask(None), reply(5)).await;
}

#[tokio::test]
async fn a_killed_engine() {
    let upstream = OpenAiUpstream::start();
    let url = format!("{}/v1/chat/completions", upstream.url());
    let post = async |request: &Value| http_client().post(&url).json(request).send().await.unwrap();
    let recorded = Transcript::parse_all(transcript::ENGINE_KILLED).remove(0);
    let (_, tail) = transcript::ENGINE_KILLED.split_once("## stream tail\n").unwrap();
    let (tail, _) = tail.split_once("## unary").unwrap();

    upstream.push(Reply::text(["مرحبا", " بك"]).fail(WorkerError::EngineDead));
    let stream = post(&ask(Some(json!({})))).await;
    assert_eq!(stream.status(), 200, "the status was sent before the engine died");
    let body = stream.text().await.unwrap();
    assert!(body.contains("مرحبا") && body.ends_with(tail), "{body}");

    upstream.push(Reply::text(["مرحبا"]).fail(WorkerError::EngineDead));
    let unary = post(&ask(None)).await;
    assert_eq!((unary.status().as_u16(), unary.text().await.unwrap()), (recorded.status, recorded.body));
}

#[tokio::test]
async fn a_full_queue() {
    let upstream = OpenAiUpstream::start();
    let recorded = Transcript::parse_all(transcript::QUEUE_FULL);
    for (request, recorded) in [ask(Some(json!({}))), ask(None)].into_iter().zip(recorded) {
        upstream.push(Reply::error(WorkerError::QueueFull));
        let url = format!("{}/v1/chat/completions", upstream.url());
        let response = http_client().post(url).json(&request).send().await.unwrap();
        assert_eq!(response.status(), recorded.status);
        assert!(!response.headers().contains_key("retry-after"));
        assert_eq!(response.text().await.unwrap(), recorded.body);
    }
}
