//! The fake worker's behaviour: gates, ends, recording, sleep, death.

use futures::StreamExt;
use kaleem_testkit::openai_upstream::{Engine, Health, LoadReply, OpenAiUpstream, Reply, Settings};
use kaleem_testkit::{End, Gate, http_client, transcript};
use reqwest::Response;
use serde_json::{Value, json};

async fn post(upstream: &OpenAiUpstream, request: &Value) -> reqwest::Result<Response> {
    http_client().post(format!("{}/v1/chat/completions", upstream.url())).json(request).send().await
}

fn ask(text: &str) -> Value {
    json!({"model": "tiny-llama", "stream": true, "messages": [{"role": "user", "content": text}]})
}

/// Reads until the stream has brought `piece`.
async fn read_until(response: &mut Response, piece: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(piece) {
        let chunk = response.chunk().await.unwrap().expect("the stream goes on");
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    seen
}

#[tokio::test]
async fn pieces_pass_one_by_one_through_their_gate() {
    let upstream = OpenAiUpstream::start();
    let gate = Gate::new();
    upstream.push(Reply::text(["one"]).paced(&gate, [" two", " three"]));
    let mut response = post(&upstream, &ask("count")).await.unwrap();
    let seen = read_until(&mut response, "one").await;
    gate.arrived(1).await;
    assert!(!seen.contains("two"));
    gate.open_once();
    assert!(!read_until(&mut response, "two").await.contains("three"));
    gate.arrived(2).await;
    assert_eq!(upstream.received().open(), 1);
    gate.open();
    read_until(&mut response, "[DONE]").await;
    assert_eq!(upstream.received().nth(0).await.exchange.ended().await, End::Completed);
    upstream.received().open_reaches(0).await;
}

#[tokio::test]
async fn headers_wait_for_the_first_output() {
    let upstream = OpenAiUpstream::start();
    let gate = Gate::new();
    upstream.push(Reply::new().wait(&gate).then_text(["late"]));
    let request = ask("x");
    let mut pending = Box::pin(post(&upstream, &request));
    tokio::select! {
        biased;
        _ = &mut pending => panic!("headers came before there was output"),
        () = gate.arrived(1) => {}
    }
    gate.open();
    assert!(pending.await.unwrap().text().await.unwrap().contains("late"));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_before_and_after_the_headers() {
    let upstream = OpenAiUpstream::start();
    let gate = Gate::new();
    upstream.push(Reply::text(["first"]).wait(&gate).then_text(["never"]));
    let mut response = post(&upstream, &ask("x")).await.unwrap();
    read_until(&mut response, "first").await;
    gate.arrived(1).await;
    let request = upstream.received().nth(0).await;
    assert_eq!(request.exchange.end(), None);
    drop(response);
    request.exchange.disconnected().await;

    upstream.push(Reply::new().stall());
    let request = ask("y");
    let mut pending = Box::pin(post(&upstream, &request));
    let stalled = tokio::select! {
        _ = &mut pending => panic!("a stalled worker answers nothing"),
        stalled = upstream.received().nth(1) => stalled,
    };
    drop(pending);
    stalled.exchange.disconnected().await;
    upstream.received().open_reaches(0).await;
}

#[tokio::test]
async fn a_cut_connection_ends_in_an_error_after_the_pieces_before_it() {
    let upstream = OpenAiUpstream::start();
    upstream.push(Reply::text(["kept"]).cut());
    let mut stream = post(&upstream, &ask("x")).await.unwrap().bytes_stream();
    let mut seen = String::new();
    let error = loop {
        match stream.next().await.expect("a cut is an error, not an end") {
            Ok(bytes) => seen.push_str(&String::from_utf8_lossy(&bytes)),
            Err(error) => break error,
        }
    };
    assert!(seen.contains("kept") && !seen.contains("[DONE]"), "{seen}: {error}");
    assert_eq!(upstream.received().nth(0).await.exchange.end(), Some(End::Cut));

    upstream.push(Reply::new().cut());
    assert!(post(&upstream, &ask("x")).await.is_err(), "cut before the headers");
    let unary = json!({"messages": [{"role": "user", "content": "x"}]});
    upstream.push(Reply::text(["lost"]).cut());
    assert!(post(&upstream, &unary).await.is_err(), "a unary answer is sent whole or not at all");
}

#[tokio::test]
async fn requests_are_recorded_and_echoed() {
    let upstream = OpenAiUpstream::start();
    let text = post(&upstream, &ask("هل يصل الطلب إلى جدة")).await.unwrap().text().await.unwrap();
    let events =
        text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|event| *event != "[DONE]");
    let pieces = events.map(|event| serde_json::from_str::<Value>(event).unwrap());
    let said: String = pieces
        .filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(said, "هل يصل الطلب إلى جدة");

    upstream.respond_with(|request| Reply::text([request.header("x-test").unwrap_or("none").to_owned()]));
    let url = format!("{}/v1/chat/completions", upstream.url());
    let answer = http_client().post(url).header("x-test", "seen").json(&ask("b")).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("seen"));
    let received = upstream.received().all();
    assert_eq!(received.iter().map(|request| request.number).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(received[1].json["messages"][0]["content"], "b");
    assert_eq!(received[1].header("x-test"), Some("seen"));
}

#[tokio::test]
async fn unknown_paths_and_methods_get_the_recorded_answers() {
    let upstream = OpenAiUpstream::start();
    for (case, path) in [("not_found", "/v1/nothing"), ("wrong_method", "/v1/chat/completions")] {
        let response = http_client().get(format!("{}{path}", upstream.url())).send().await.unwrap();
        let expected = transcript::error(case);
        assert_eq!(response.status(), expected.status);
        let allowed = response.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(allowed.as_deref(), expected.header("allow"));
        assert_eq!(response.text().await.unwrap(), expected.body);
    }
}

#[tokio::test]
async fn a_sleeping_engine_hangs_while_health_stays_good() {
    let upstream = OpenAiUpstream::start();
    let get = async |path: &str| http_client().get(format!("{}{path}", upstream.url())).send().await.unwrap();
    upstream.set_engine(Engine::Asleep { level: 1 });
    let request = ask("x");
    let mut pending = Box::pin(post(&upstream, &request));
    tokio::select! {
        _ = &mut pending => panic!("a sleeping engine answers nothing"),
        _ = upstream.received().nth(0) => {}
    }
    assert_eq!(get("/health").await.status(), 200);
    assert_eq!(get("/is_sleeping").await.text().await.unwrap(), r#"{"is_sleeping":true}"#);
    let metrics = get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("sleep_state=\"weights_offloaded\"} 1.0"));
    assert!(metrics.contains("vllm:num_requests_running{engine=\"0\",model_name=\"tiny-llama\"} 0.0"));
    let woken = http_client().post(format!("{}/wake_up", upstream.url())).send().await.unwrap();
    assert_eq!(woken.text().await.unwrap(), r#"{"status":"awake","tags":null}"#);
    assert!(pending.await.unwrap().text().await.unwrap().ends_with("data: [DONE]\n\n"));
    upstream.set_health(Health::EngineDead);
    assert_eq!(get("/health").await.status(), 503);
}

#[tokio::test]
async fn a_killed_worker_refuses_and_comes_back_on_its_port() {
    let mut upstream = OpenAiUpstream::start();
    upstream.push(Reply::text(["first"]).stall());
    let mut response = post(&upstream, &ask("x")).await.unwrap();
    read_until(&mut response, "first").await;
    upstream.kill().await;
    assert!(response.text().await.is_err(), "the open stream broke");
    assert!(post(&upstream, &ask("x")).await.unwrap_err().is_connect());
    upstream.revive();
    assert_eq!(post(&upstream, &ask("x")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn load_replies_are_whole_answers() {
    let upstream = OpenAiUpstream::start();
    upstream.serve_load(LoadReply::render(&Settings::default(), &Reply::text(["a", "b", "c"])));
    let stream = post(&upstream, &ask("x")).await.unwrap().text().await.unwrap();
    assert_eq!(stream.matches("data: ").count(), 6, "role, three pieces, usage, DONE: {stream}");
    let unary = post(&upstream, &json!({"messages": []})).await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(unary["choices"][0]["message"]["content"], "abc");
    assert_eq!(upstream.received().count(), 0);
}
