//! The OpenAI surface over the same pipeline: shapes, streams, failures that show, and refusals that name the field.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use futures::StreamExt as _;
use kaleem_testkit::{Gate, openai_upstream as worker};
use kaleem_tests::{Mesh, in_both_shapes};
use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

async fn post(mesh: &Mesh, key: &str, body: &Value) -> Response {
    let client = kaleem_testkit::http_client();
    let url = format!("http://{}/v1/chat/completions", mesh.gateway);
    client.post(url).bearer_auth(key).json(body).send().await.unwrap()
}

fn ask(stream: bool) -> Value {
    json!({"model": "tiny-llama", "stream": stream, "messages": [{"role": "user", "content": "رقمي 0551234567"}]})
}

/// The data lines of a whole stream, without `[DONE]`, and whether `[DONE]` came.
fn frames(body: &str) -> (Vec<Value>, bool) {
    let lines: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let parsed =
        lines.iter().filter(|line| **line != "[DONE]").map(|line| serde_json::from_str(line).unwrap());
    (parsed.collect(), lines.last() == Some(&"[DONE]"))
}

async fn refused(mesh: &Mesh, key: &str, body: &Value) -> (StatusCode, Value, HeaderMap) {
    let response = post(mesh, key, body).await;
    let (status, headers) = (response.status(), response.headers().clone());
    (status, response.json::<Value>().await.unwrap()["error"].take(), headers)
}

in_both_shapes! {
    async fn a_whole_completion_has_its_usage_and_its_route(mesh) {
        mesh.worker.push(worker::Reply::echo().usage(worker::Usage::new(30, 12)));
        let response = post(&mesh, &mesh.demo_key(), &ask(false)).await;
        assert_eq!(response.headers()["x-kaleem-model"], "tiny-llama");
        let completion: Value = response.json().await.unwrap();
        let choice = &completion["choices"][0];
        assert_eq!((&choice["finish_reason"], &completion["usage"]["total_tokens"]), (&json!("stop"), &json!(42)));
        assert!(choice["message"]["content"].as_str().unwrap().contains("0551234567"), "{completion}");
        assert!(!mesh.worker.received().nth(0).await.json.to_string().contains("0551234567"));
        mesh.stop().await;
    }

    async fn a_stream_ends_with_usage_and_done(mesh) {
        mesh.worker.push(worker::Reply::echo());
        let mut body = ask(true);
        body["stream_options"] = json!({"include_usage": true});
        let response = post(&mesh, &mesh.demo_key(), &body).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        let (chunks, done) = frames(&response.text().await.unwrap());
        assert!(done);
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        let last = chunks.last().unwrap();
        assert_eq!(last["choices"], json!([]));
        assert!(last["usage"]["total_tokens"].as_i64().unwrap() > 0);
        let text: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
        assert!(text.contains("0551234567"), "{text}");
        mesh.stop().await;
    }

    async fn tool_calls_are_restored_as_json_and_keep_their_index(mesh) {
        mesh.worker.respond_with(|request| {
            let prompt = request.json.to_string();
            let start = prompt.find("[[PHONE:").unwrap();
            let token = &prompt[start..start + "[[PHONE:XXXXXX]]".len()];
            worker::Reply::new()
                .tool_call("call_back", [r#"{"phone":""#.to_owned(), token.to_owned(), r#""}"#.to_owned()])
                .finish("tool_calls")
        });
        let mut body = ask(true);
        body["tools"] = json!([{"type": "function", "function": {"name": "call_back", "parameters": {"type": "object"}}}]);
        let (chunks, done) = frames(&post(&mesh, &mesh.demo_key(), &body).await.text().await.unwrap());
        assert!(done, "{chunks:?}");
        let calls: Vec<_> = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["tool_calls"][0].as_object()).collect();
        assert!(calls.iter().all(|call| call["index"] == 0));
        let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
        assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({"phone": "0551234567"}));
        let reason = chunks.iter().filter_map(|c| c["choices"][0]["finish_reason"].as_str()).next_back();
        assert_eq!(reason, Some("tool_calls"));
        mesh.stop().await;
    }

    async fn a_failure_in_the_stream_is_an_error_frame_and_never_done(mesh) {
        mesh.worker.push(worker::Reply::text(["نصف "]).fail(worker::WorkerError::EngineDead));
        let (chunks, done) = frames(&post(&mesh, &mesh.demo_key(), &ask(true)).await.text().await.unwrap());
        assert!(!done);
        let error = &chunks.last().unwrap()["error"];
        assert_eq!(error["type"], "server_error", "{chunks:?}");
        mesh.stop().await;
    }

    async fn a_client_that_hangs_up_stops_the_upstream(mesh) {
        let gate = Gate::new();
        mesh.worker.push(worker::Reply::text(["أول "]).paced(&gate, ["ثان"]));
        let response = post(&mesh, &mesh.demo_key(), &ask(true)).await;
        let mut body = response.bytes_stream();
        body.next().await.unwrap().unwrap();
        drop(body);
        mesh.worker.received().nth(0).await.exchange.disconnected().await;
        mesh.nothing_held().await;
        mesh.stop().await;
    }

    async fn refusals_name_the_field_and_leave_nothing_behind(mesh) {
        let key = mesh.demo_key();
        let user = json!([{"role": "user", "content": "سؤال"}]);
        for (body, status, code, param) in [
            (json!({"messages": []}), 400, "request_invalid", Some("messages")),
            (json!({"messages": [{"role": "boss", "content": "x"}]}), 400, "request_invalid", Some("messages[0].role")),
            (json!({"messages": user, "temperature": 9}), 400, "request_invalid", Some("temperature")),
            (json!({"messages": user, "max_tokens": -1}), 400, "request_invalid", Some("max_completion_tokens")),
            (json!({"messages": user, "n": 3}), 400, "request_invalid", Some("n")),
            (json!({"messages": user, "model": "gpt-9"}), 404, "model_not_found", None),
            (
                json!({"model": "tiny-llama", "messages": [{"role": "user", "content": "طويل ".repeat(100_000)}]}),
                400, "context_length_exceeded", None,
            ),
        ] {
            let (got, error, _) = refused(&mesh, &key, &body).await;
            assert_eq!((got.as_u16(), error["code"].as_str()), (status, Some(code)), "{error}");
            assert_eq!(error["param"].as_str(), param, "{error}");
        }
        let (status, error, headers) = refused(&mesh, "klm_dev_nobody_nothing", &json!({"messages": user})).await;
        assert_eq!((status.as_u16(), error["type"].as_str()), (401, Some("authentication_error")));
        assert_eq!(headers["x-should-retry"], "false");
        assert_eq!(mesh.worker.received().count() + mesh.gemini.received().count(), 0, "nothing was sent to a model");
        assert_eq!(mesh.quota_of("day_requests").await.posted, 0);
        mesh.nothing_held().await;
        mesh.stop().await;
    }

    async fn a_body_over_the_limit_and_a_wrong_type_are_refused(mesh) {
        let client = kaleem_testkit::http_client();
        let url = format!("http://{}/v1/chat/completions", mesh.gateway);
        let send = |content_type: &'static str, body: Vec<u8>| {
            let request = client.post(&url).bearer_auth(mesh.demo_key()).header("content-type", content_type);
            async move { request.body(body).send().await.unwrap().status().as_u16() }
        };
        assert_eq!(send("application/json", vec![b'a'; 9 * 1024 * 1024]).await, 413);
        assert_eq!(send("text/plain", b"{}".to_vec()).await, 415);
        assert_eq!(send("application/json", vec![0xff, 0xfe]).await, 400);
        mesh.stop().await;
    }

    async fn models_are_listed(mesh) {
        let client = kaleem_testkit::http_client();
        let listed = client.get(format!("http://{}/v1/models", mesh.gateway)).bearer_auth(mesh.demo_key());
        let listed: Value = listed.send().await.unwrap().json().await.unwrap();
        let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
        assert!(ids.contains(&"auto") && ids.contains(&"tiny-llama") && ids.contains(&"gemini-2.5-flash-lite"), "{ids:?}");
        mesh.stop().await;
    }
}
