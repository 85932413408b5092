//! The fake Gemini API: what it refuses, and how its answers look.

use kaleem_testkit::gemini_upstream::{API_KEY, ApiError, GeminiUpstream, Reply, Usage};
use kaleem_testkit::{End, Gate, http_client};
use reqwest::Response;
use serde_json::{Value, json};

const LITE: &str = "gemini-2.5-flash-lite";
const THIRD: &str = "gemini-3.5-flash-lite";

async fn post(upstream: &GeminiUpstream, call: &str, request: &Value) -> Response {
    let url = format!("{}/v1beta/models/{call}", upstream.url());
    http_client().post(url).header("x-goog-api-key", API_KEY).json(request).send().await.unwrap()
}

async fn stream(upstream: &GeminiUpstream, model: &str, request: &Value) -> Response {
    post(upstream, &format!("{model}:streamGenerateContent?alt=sse"), request).await
}

fn ask(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

async fn events(response: Response) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("\r\n\r\n"), "an event ends with an empty line");
    let events = text.split("\r\n\r\n").filter(|event| !event.is_empty());
    events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], status);
    (status, body["error"]["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn usage_is_cumulative_and_the_end_is_the_finish_reason() {
    let upstream = GeminiUpstream::start();
    let usage = Usage { cached: 4, thoughts: 7, ..Usage::new(20, 6) };
    upstream.push(Reply::text(["### Two", " lines"]).usage(usage));
    let events = events(stream(&upstream, LITE, &ask("x")).await).await;
    let counts = events.iter().map(|event| event["usageMetadata"]["candidatesTokenCount"].as_u64());
    assert_eq!(counts.collect::<Vec<_>>(), [Some(3), Some(6)]);
    assert_eq!(events[1]["usageMetadata"]["totalTokenCount"], 33);
    assert_eq!(events[1]["usageMetadata"]["cachedContentTokenCount"], 4);
    assert!(events[0]["candidates"][0].get("finishReason").is_none());
    assert_eq!(events[1]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(events[1]["modelVersion"], LITE);
    upstream.received().open_reaches(0).await;
    assert_eq!(upstream.received().all()[0].exchange.end(), Some(End::Completed));
}

#[tokio::test]
async fn events_have_the_spacing_of_the_real_ones() {
    let upstream = GeminiUpstream::start();
    upstream.push(Reply::text(["### Two", "b"]));
    let text = stream(&upstream, LITE, &ask("x")).await.text().await.unwrap();
    let start = r####"data: {"candidates": [{"content": {"parts": [{"text": "### Two"}],"role": "model"},"index": 0}],"usageMetadata": {"####;
    assert!(text.starts_with(start), "{text}");
}

#[tokio::test]
async fn the_second_generation_ends_with_its_call() {
    let upstream = GeminiUpstream::start();
    upstream.push(
        Reply::call("get_order", json!({"order_id": 9})).then_call("get_order", json!({"order_id": 10})),
    );
    let events = events(stream(&upstream, LITE, &ask("x")).await).await;
    assert_eq!(events.len(), 2);
    let last = &events[1]["candidates"][0];
    assert_eq!(last["finishReason"], "STOP");
    assert_eq!(
        last["content"]["parts"][0],
        json!({"functionCall": {"name": "get_order", "args": {"order_id": 10}}})
    );
}

#[tokio::test]
async fn the_third_generation_ends_after_its_call_and_takes_its_signature_back() {
    let upstream = GeminiUpstream::start();
    upstream.push(
        Reply::call("get_order", json!({"order_id": 9})).then_call("get_order", json!({"order_id": 10})),
    );
    let events = events(stream(&upstream, THIRD, &ask("x")).await).await;
    assert_eq!(events.len(), 3);
    assert!(events.iter().take(2).all(|event| event["candidates"][0].get("finishReason").is_none()));
    let parts = events.iter().take(2).map(|event| event["candidates"][0]["content"]["parts"][0].clone());
    let parts = parts.collect::<Vec<_>>();
    assert!(parts[0]["functionCall"]["id"].is_string() && parts[0]["thoughtSignature"].is_string());
    assert!(parts[1].get("thoughtSignature").is_none(), "only the first of parallel calls has one");
    assert_eq!(
        events[2]["candidates"][0],
        json!({
            "content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0
        })
    );

    let result = json!({"functionResponse": {"name": "get_order", "response": {"result": "shipped"}}});
    let mut next = ask("x");
    let contents = next["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": parts}));
    contents.push(json!({"role": "user", "parts": [result, result]}));
    assert_eq!(stream(&upstream, THIRD, &next).await.status(), 200);
    next["contents"][1]["parts"][0]["thoughtSignature"] = json!("bm90IG91cnM=");
    let refused = error(stream(&upstream, THIRD, &next).await).await;
    assert_eq!(refused, (400, "Corrupted thought signature.".to_owned()));
}

#[tokio::test]
async fn degenerate_answers() {
    let upstream = GeminiUpstream::start();
    upstream.push(Reply::blocked("SAFETY"));
    let blocked = events(stream(&upstream, LITE, &ask("x")).await).await;
    assert_eq!(blocked[0]["promptFeedback"]["blockReason"], "SAFETY");
    assert!(blocked[0].get("candidates").is_none());

    upstream.push(Reply::empty().finish("MAX_TOKENS").usage(Usage { thoughts: 3, ..Usage::new(6, 0) }));
    let empty =
        post(&upstream, &format!("{THIRD}:generateContent"), &ask("x")).await.json::<Value>().await.unwrap();
    assert_eq!(empty["candidates"][0], json!({"content": {}, "finishReason": "MAX_TOKENS", "index": 0}));
    assert_eq!(empty["usageMetadata"]["totalTokenCount"], 9);
    assert!(empty["usageMetadata"].get("candidatesTokenCount").is_none());

    upstream.push(Reply::text(["half"]).unfinished());
    let unfinished = events(stream(&upstream, LITE, &ask("x")).await).await;
    assert!(unfinished[0]["candidates"][0].get("finishReason").is_none());

    upstream.push(Reply::empty().thought("plan").then_text(["a", "b"]));
    let whole =
        post(&upstream, &format!("{THIRD}:generateContent"), &ask("x")).await.json::<Value>().await.unwrap();
    let parts = &whole["candidates"][0]["content"]["parts"];
    assert_eq!(*parts, json!([{"text": "plan", "thought": true}, {"text": "ab"}]));
}

#[tokio::test]
async fn errors_come_before_the_headers_or_inside_the_stream() {
    let upstream = GeminiUpstream::start();
    upstream.push(Reply::error(ApiError::minute_quota_exceeded(LITE, 14)));
    let response = stream(&upstream, LITE, &ask("x")).await;
    assert_eq!(response.status(), 429);
    let body: Value = response.json().await.unwrap();
    let details = body["error"]["details"].as_array().unwrap();
    assert_eq!(details[0]["violations"][0]["quotaId"], "GenerateRequestsPerMinutePerProjectPerModel");
    assert_eq!(details[2]["retryDelay"], "14s");

    upstream.push(Reply::text(["half"]).fail(ApiError::overloaded()));
    let inside = events(stream(&upstream, LITE, &ask("x")).await).await;
    assert_eq!(inside[1]["error"]["status"], "UNAVAILABLE");

    upstream.push(Reply::text(["half"]).fail_bare(ApiError::overloaded()));
    let text = stream(&upstream, LITE, &ask("x")).await.text().await.unwrap();
    assert!(text.contains("\r\n\r\n{\n  \"error\": {\n    \"code\": 503"), "{text}");

    upstream.refuse_model(LITE, ApiError::closed_to_new_users(LITE, THIRD));
    let (status, message) = error(stream(&upstream, LITE, &ask("x")).await).await;
    assert!(status == 404 && message.contains("no longer available to new users"));
    let (status, message) = error(stream(&upstream, "gemini-1.0-pro", &ask("x")).await).await;
    assert!(status == 404 && message.contains("is not found for API version v1beta"));
}

#[tokio::test]
async fn keys_are_taken_from_the_header_only() {
    let upstream = GeminiUpstream::start();
    let url = format!("{}/v1beta/models/{LITE}:generateContent", upstream.url());
    let send = async |query: &str, headers: &[(&str, &str)]| {
        let request = http_client().post(format!("{url}{query}")).json(&ask("x"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    };
    let in_query = format!("?key={API_KEY}");
    assert_eq!(error(send(&in_query, &[]).await).await.0, 403);
    let both = [("x-goog-api-key", API_KEY), ("authorization", "Bearer x")];
    assert!(error(send("", &both).await).await.1.starts_with("Multiple authentication credentials received"));
    let wrong: Value = send("", &[("x-goog-api-key", "AQ.other")]).await.json().await.unwrap();
    assert_eq!(wrong["error"]["details"][0]["reason"], "API_KEY_INVALID");
    upstream.accept_key("AQ.other");
    assert_eq!(send("", &[("x-goog-api-key", "AQ.other")]).await.status(), 200);
    upstream.revoke_key("AQ.other");
    assert_eq!(error(send("", &[("x-goog-api-key", "AQ.other")]).await).await.0, 400);
}

#[tokio::test]
async fn unknown_names_are_refused_in_body_and_query() {
    let upstream = GeminiUpstream::start();
    let mut request = ask("x");
    request["max_tokens"] = json!(5);
    let refused = error(stream(&upstream, LITE, &request).await).await;
    assert_eq!(refused.1, r#"Invalid JSON payload received. Unknown name "max_tokens": Cannot find field."#);
    let refused =
        error(post(&upstream, &format!("{LITE}:generateContent?stream=true"), &ask("x")).await).await;
    assert!(refused.1.contains(r#"Unknown name "stream": Cannot bind query parameter."#));
    assert_eq!(upstream.received().count(), 2, "refused requests are recorded too");
}

#[tokio::test]
async fn without_alt_sse_the_stream_is_one_array() {
    let upstream = GeminiUpstream::start();
    let call = format!("{LITE}:streamGenerateContent");
    upstream.push(Reply::text(["a", "b"]));
    let chunks = post(&upstream, &call, &ask("x")).await.json::<Value>().await.unwrap();
    assert_eq!(chunks.as_array().unwrap().len(), 2);
    upstream.push(Reply::error(ApiError::overloaded()));
    let failed = post(&upstream, &call, &ask("x")).await.json::<Value>().await.unwrap();
    assert_eq!(failed[0]["error"]["code"], 503);
}

#[tokio::test]
async fn gates_hold_a_stream_and_a_client_that_leaves_is_noticed() {
    let upstream = GeminiUpstream::start();
    let gate = Gate::new();
    upstream.push(Reply::text(["first"]).paced(&gate, ["second"]));
    let mut response = stream(&upstream, LITE, &ask("x")).await;
    let first = response.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("first"));
    gate.arrived(1).await;
    drop(response);
    upstream.received().nth(0).await.exchange.disconnected().await;

    upstream.push(Reply::text(["kept"]).cut());
    let cut = stream(&upstream, LITE, &ask("x")).await;
    assert!(cut.text().await.is_err());
    assert_eq!(upstream.received().nth(1).await.exchange.end(), Some(End::Cut));
}

#[tokio::test]
async fn an_echo_shows_what_arrived() {
    let upstream = GeminiUpstream::start();
    let answer = post(&upstream, &format!("{LITE}:generateContent"), &ask("رقم الطلب ٩")).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["candidates"][0]["content"]["parts"][0]["text"], "رقم الطلب ٩");
}

#[tokio::test]
async fn tokens_are_counted_with_the_system_instruction_only_inside_the_request() {
    let upstream = GeminiUpstream::start();
    let call = format!("{LITE}:countTokens");
    let plain = post(&upstream, &call, &ask("12345678")).await.json::<Value>().await.unwrap();
    assert_eq!(plain["totalTokens"], 2);
    let mut nested = ask("12345678");
    nested["systemInstruction"] = json!({"parts": [{"text": "1234"}]});
    assert_eq!(
        error(post(&upstream, &call, &nested).await).await.0,
        400,
        "systemInstruction is no field of this request"
    );
    nested["model"] = json!(format!("models/{LITE}"));
    let counted = post(&upstream, &call, &json!({"generateContentRequest": nested}))
        .await
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(counted["totalTokens"], 3);
}

#[tokio::test]
async fn embeddings_of_like_texts_lie_close() {
    let upstream = GeminiUpstream::start();
    let model = "gemini-embedding-001";
    let entry = |text: &str| json!({"model": format!("models/{model}"), "content": {"parts": [{"text": text}]}, "taskType": "SEMANTIC_SIMILARITY"});
    let requests =
        [entry("do you ship to Jeddah"), entry("do you ship to Riyadh"), entry("cancel my order please")];
    let call = format!("{model}:batchEmbedContents");
    let answer = post(&upstream, &call, &json!({"requests": requests})).await.json::<Value>().await.unwrap();
    let vector = |at: usize| -> Vec<f64> {
        let values = answer["embeddings"][at]["values"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let cosine = |a: usize, b: usize| -> f64 { vector(a).iter().zip(vector(b)).map(|(x, y)| x * y).sum() };
    assert_eq!(vector(0).len(), 3_072);
    assert!((cosine(0, 0) - 1.0).abs() < 1e-9);
    assert!(cosine(0, 1) > 0.6 && cosine(0, 2) < 0.3, "{} {}", cosine(0, 1), cosine(0, 2));
    let mut wrong = entry("x");
    wrong["model"] = json!("models/gemini-embedding-2");
    assert_eq!(error(post(&upstream, &call, &json!({"requests": [wrong]})).await).await.0, 400);
}

#[tokio::test]
async fn models_are_listed_in_pages() {
    let upstream = GeminiUpstream::start();
    let get = async |path: &str| {
        let url = format!("{}/v1beta/models{path}", upstream.url());
        let response = http_client().get(url).header("x-goog-api-key", API_KEY).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let (mut token, mut names) = (String::new(), Vec::new());
    loop {
        let page =
            get(&format!("?pageSize=4&pageToken={}", if token.is_empty() { "0" } else { &token })).await;
        names.extend(page["models"].as_array().unwrap().iter().map(|model| model["name"].clone()));
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(names.len(), 9);
    assert_eq!(get("/gemini-2.5-flash-lite").await["inputTokenLimit"], 1_048_576);
}
