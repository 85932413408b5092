//! Generations through HTTP workers, over the generated clients.

use crate::support::{Answer, MODEL, next, start, user, worker};
use kaleem_proto::chat::v1::{FinishReason, Tool, UsageSource};
use kaleem_proto::pool::v1::WorkerState;
use kaleem_proto::provider::v1::stream_generate_response::Event;
use kaleem_proto::provider::v1::{CountTokensRequest, EmbedRequest, ListModelsRequest, ModelHealth};
use kaleem_rpc::{Code, Fault};
use kaleem_testkit::Gate;
use kaleem_testkit::openai_upstream::{Engine, OpenAiUpstream, Reply, Usage, WorkerError};
use serde_json::{Value, json};

#[tokio::test]
async fn a_stream_carries_text_usage_and_who_served() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())], "cache_salt_key": "k"})).await;
    let usage = Usage { cached_tokens: 4, ..Usage::new(10, 3) };
    upstream.push(Reply::text(["نعم، ", "نشحن إلى ", "جدة"]).usage(usage));
    let answer = service.generate(service.request(MODEL, "هل تشحنون إلى جدة؟")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.reason), ("نعم، نشحن إلى جدة", FinishReason::Stop));
    assert_eq!((answer.started.upstream.as_str(), answer.started.served_model.as_str()), ("w1", MODEL));
    assert_eq!(answer.started.provider_request_id, "chatcmpl-019a0000-0000-7000-8000-000000000001");
    let counts =
        (answer.usage.input_fresh_count, answer.usage.input_cache_read_count, answer.usage.output_text_count);
    assert_eq!((counts, answer.usage.source()), ((6, 4, 3), UsageSource::Provider));
    let sent = &upstream.received().nth(0).await.json;
    assert_eq!(
        (&sent["max_tokens"], &sent["stream_options"]["continuous_usage_stats"]),
        (&json!(1500), &json!(true))
    );
    assert_eq!(sent["cache_salt"].as_str().map(str::len), Some(32));
    assert_eq!(service.workers().await[0].in_flight_count, 0);
}

#[tokio::test]
async fn an_openai_worker_gets_no_vllm_extras_and_its_key() {
    let upstream = OpenAiUpstream::start();
    let config = json!({"name": "w1", "base_url": format!("{}/v1/", upstream.url()), "api_key": "sk-test"});
    let service = start(json!({"workers": [config]})).await;
    service.generate(service.request(MODEL, "hello")).await.unwrap();
    let sent = upstream.received().nth(0).await;
    assert_eq!(sent.header("authorization"), Some("Bearer sk-test"));
    assert_eq!(sent.header("x-request-id"), Some("019a0000-0000-7000-8000-000000000001"));
    assert_eq!(sent.json["stream_options"], json!({"include_usage": true}));
    assert_eq!(sent.json.get("cache_salt"), None);
}

#[tokio::test]
async fn a_caller_who_leaves_aborts_the_upstream() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    let gate = Gate::new();
    upstream.push(Reply::text(["first"]).wait(&gate).then_text(["never"]));
    let mut stream = service.open(service.request(MODEL, "hi")).await.unwrap();
    assert!(matches!(next(&mut stream).await, Ok(Some(Event::Started(_)))));
    gate.arrived(1).await;
    assert_eq!(service.workers().await[0].in_flight_count, 1);
    drop(stream);
    upstream.received().nth(0).await.exchange.disconnected().await;
    service.until_worker(|worker| worker.in_flight_count == 0).await;
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_first_byte_aborts_the_upstream() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    let gate = Gate::new();
    upstream.push(Reply::new().wait(&gate).then_text(["never"]));
    let mut opening = Box::pin(service.open(service.request(MODEL, "hi")));
    tokio::select! {
        _ = &mut opening => panic!("nothing was sent"),
        () = gate.arrived(1) => {}
    }
    drop(opening);
    upstream.received().nth(0).await.exchange.disconnected().await;
    service.until_worker(|worker| worker.in_flight_count == 0).await;
}

#[tokio::test]
async fn a_failure_before_the_first_byte_moves_to_the_other_worker_once() {
    for error in [WorkerError::QueueFull, WorkerError::EngineDead, WorkerError::ShuttingDown] {
        let (first, second) = (OpenAiUpstream::start(), OpenAiUpstream::start());
        let service =
            start(json!({"workers": [worker("w1", &first.url()), worker("w2", &second.url())]})).await;
        service.until("w1", WorkerState::Ready).await;
        service.until("w2", WorkerState::Ready).await;
        // Both would fail once, so whichever is picked first shows the move.
        first.push(Reply::error(error.clone()));
        second.push(Reply::error(error.clone()));
        let fault = service.generate(service.request(MODEL, "hi")).await.unwrap_err();
        assert_eq!(fault.code, Code::Unavailable);
        assert_eq!((first.received().count(), second.received().count()), (1, 1), "each was tried once");
        let answer = service.generate(service.request(MODEL, "salam")).await.unwrap();
        assert_eq!(answer.text.trim(), "salam");
    }
}

#[tokio::test]
async fn a_dead_port_is_passed_by() {
    let (mut dead, alive) = (OpenAiUpstream::start(), OpenAiUpstream::start());
    let mut first = worker("w1", &dead.url());
    // With a call held at the other one, the dead one is the less busy by share and picked first.
    first["max_in_flight"] = json!(100);
    let service = start(json!({"workers": [first, worker("w2", &alive.url())]})).await;
    service.until("w1", WorkerState::Ready).await;
    service.until("w2", WorkerState::Ready).await;
    let gate = Gate::new();
    alive.push(Reply::text(["held"]).wait(&gate));
    let mut held = None;
    while held.is_none() {
        let stream = service.open(service.request(MODEL, "hold")).await.unwrap();
        let on_alive = service
            .workers()
            .await
            .into_iter()
            .any(|worker| worker.name == "w2" && worker.in_flight_count == 1);
        held = on_alive.then_some(stream);
    }
    dead.kill().await;
    let answer = service.generate(service.request(MODEL, "salam")).await.unwrap();
    assert_eq!((answer.text.trim(), answer.started.upstream.as_str()), ("salam", "w2"));
    gate.open();
    Answer::read(held.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_stalled_worker_fails_after_the_first_token_limit() {
    let upstream = OpenAiUpstream::start();
    let mut config = json!({"workers": [worker("w1", &upstream.url())]});
    config["timeouts"] = json!({"first_token": "50ms"});
    let service = crate::support::start_with(serde_json::from_value(config).unwrap()).await;
    service.until("w1", WorkerState::Ready).await;
    upstream.push(Reply::new().stall());
    let fault = service.generate(service.request(MODEL, "hi")).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
    assert!(fault.message.contains("no answer within 50ms"), "{}", fault.message);
    upstream.received().nth(0).await.exchange.disconnected().await;
    service.until("w1", WorkerState::Degraded).await;
}

async fn broken_off(reply: Reply) -> (Vec<Event>, Fault) {
    let (first, second) = (OpenAiUpstream::start(), OpenAiUpstream::start());
    let service = start(json!({"workers": [worker("w1", &first.url()), worker("w2", &second.url())]})).await;
    first.push(reply.clone());
    second.push(reply);
    let mut stream = service.open(service.request(MODEL, "hi")).await.unwrap();
    let mut events = Vec::new();
    let fault = loop {
        match next(&mut stream).await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => panic!("a clean end after {events:?}"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(first.received().count() + second.received().count(), 1, "never moved after the first byte");
    (events, fault)
}

#[tokio::test]
async fn a_failure_after_the_first_byte_is_an_error_with_partial_usage() {
    let (events, fault) = broken_off(Reply::text(["one ", "two "]).fail(WorkerError::EngineDead)).await;
    assert_eq!((fault.code, fault.reason.as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
    let Some(Event::Usage(usage)) = events.last() else { panic!("{events:?}") };
    assert_eq!((usage.output_text_count, usage.source()), (2, UsageSource::Partial));
}

#[tokio::test]
async fn a_cut_connection_and_a_missing_finish_reason_are_no_clean_end() {
    let (_, fault) = broken_off(Reply::text(["one "]).cut()).await;
    assert_eq!(fault.reason, "UPSTREAM_UNAVAILABLE");
    let (_, fault) = broken_off(Reply::text(["one "]).unfinished()).await;
    assert_eq!(fault.reason, "UPSTREAM_PROTOCOL_ERROR");
    let (_, fault) = broken_off(Reply::text(["one "]).raw("data: {\"nonsense\n\n")).await;
    assert_eq!(fault.reason, "UPSTREAM_PROTOCOL_ERROR");
}

#[tokio::test]
async fn a_full_window_is_overloaded_and_frees_itself() {
    let upstream = OpenAiUpstream::start();
    let mut config = worker("w1", &upstream.url());
    config["max_in_flight"] = json!(1);
    let service = start(json!({"workers": [config]})).await;
    let gate = Gate::new();
    upstream.push(Reply::text(["a"]).wait(&gate).then_text(["b"]));
    let held = service.open(service.request(MODEL, "hi")).await.unwrap();
    let fault = service.generate(service.request(MODEL, "hi")).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    assert!(fault.retry_after.is_some());
    gate.open();
    assert_eq!(Answer::read(held).await.unwrap().text, "ab");
    service.generate(service.request(MODEL, "again")).await.unwrap();
}

#[tokio::test]
async fn tools_round_trip_and_cut_calls_fail() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    let request = || {
        let tool = Tool {
            name: "track".into(),
            parameters_json_schema: r#"{"type":"object"}"#.into(),
            ..Tool::default()
        };
        let mut request = service.request(MODEL, "where is order 9?");
        request.tools = vec![tool];
        request
    };
    upstream.push(Reply::new().tool_call_with_id("c1", "track", ["{\"order\"", ": 9}"]));
    let answer = service.generate(request()).await.unwrap();
    assert_eq!(answer.reason, FinishReason::ToolCalls);
    assert_eq!(upstream.received().nth(0).await.json["tools"][0]["function"]["strict"], Value::Bool(true));
    upstream.push(Reply::new().tool_call("track", ["{\"order\""]).finish("length"));
    let fault = service.generate(request()).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::FailedPrecondition, "TOOL_CALL_CUT"));
}

#[tokio::test]
async fn refusals_of_the_worker_and_ours_have_their_reasons() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    let fault = service.generate(service.request(MODEL, &"x".repeat(9000))).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED"));
    assert_eq!(
        (fault.metadata["prompt_tokens"].as_str(), fault.metadata["context_tokens"].as_str()),
        ("2049", "2048")
    );
    let fault = service.generate(service.request("gpt-99", "hi")).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::NotFound, "MODEL_NOT_FOUND"));
    assert!(fault.message.contains("local/faq, tiny-llama"), "{}", fault.message);
    let mut empty = service.request(MODEL, "hi");
    empty.messages.clear();
    let fault = service.generate(empty).await.unwrap_err();
    assert_eq!(
        (fault.reason.as_str(), fault.field_violations[0].field.as_str()),
        ("REQUEST_INVALID", "messages")
    );
    assert_eq!(upstream.received().count(), 1, "only the long prompt got there");
}

#[tokio::test]
async fn only_a_fitting_admission_is_served() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    let tokens = [
        Vec::new(),
        service.admission("local/faq", |_| {}),
        service.admission(MODEL, |admission| admission.target = "provider-gemini".into()),
        service.admission(MODEL, |admission| admission.redacted = false),
        service.admission(MODEL, |admission| admission.expire_time = None),
    ];
    for token in tokens {
        let mut request = service.request(MODEL, "hi");
        request.admission = token.into();
        let fault = service.generate(request).await.unwrap_err();
        assert_eq!((fault.code, fault.reason.as_str()), (Code::PermissionDenied, "ADMISSION_INVALID"));
    }
    assert_eq!(upstream.received().count(), 0);
    let mut request = service.request(MODEL, "hi");
    request.admission = service.admission(MODEL, |admission| admission.max_output_token_count = 5000).into();
    let answer = service.generate(request).await.unwrap();
    assert_eq!(upstream.received().nth(0).await.json["max_tokens"], json!(2048));
    assert!(answer.warnings[0].contains("2048"), "{:?}", answer.warnings);
}

#[tokio::test]
async fn models_and_workers_show_their_health() {
    let mut upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    assert!(service.readiness.is_ready(), "workers may come and go");
    let ready = service.until("w1", WorkerState::Ready).await;
    assert_eq!(
        (ready.models.len(), ready.window_count, ready.address.as_str()),
        (2, 32, upstream.url().as_str())
    );
    let models = async || {
        service.provider.clone().list_models(ListModelsRequest {}).await.unwrap().into_inner().models
    };
    let listed = models().await.into_iter().find(|model| model.id == MODEL).unwrap();
    assert_eq!(
        (listed.context_token_count, listed.region.as_str(), listed.health()),
        (2048, "local", ModelHealth::Ready)
    );
    assert!(listed.tools && listed.json_schema && !listed.vision);

    upstream.set_engine(Engine::Asleep { level: 1 });
    service.until("w1", WorkerState::Sleeping).await;
    assert_eq!(models().await[0].health(), ModelHealth::Asleep);
    let fault = service.generate(service.request(MODEL, "hi")).await.unwrap_err();
    assert!(fault.message.contains("w1 is sleeping"), "{}", fault.message);
    assert_eq!(upstream.received().count(), 0, "a sleeping engine would hang");

    upstream.set_engine(Engine::Awake);
    service.until("w1", WorkerState::Ready).await;
    upstream.kill().await;
    let stopped = service.until("w1", WorkerState::Stopped).await;
    assert!(stopped.detail.contains("does not accept connections"), "{}", stopped.detail);
    assert_eq!(models().await[0].health(), ModelHealth::Down);
    upstream.revive();
    service.until("w1", WorkerState::Ready).await;
}

#[tokio::test]
async fn tokens_are_counted_by_vllm_and_estimated_elsewhere() {
    let upstream = OpenAiUpstream::start();
    let openai = json!({"name": "other", "base_url": upstream.url(), "models": ["local/faq"]});
    let mut vllm = worker("w1", &upstream.url());
    vllm["models"] = json!([MODEL]);
    let service = start(json!({"workers": [vllm, openai]})).await;
    let count = async |model: &str| {
        let request = CountTokensRequest {
            model: model.into(),
            messages: vec![user("12345678")],
            ..Default::default()
        };
        service.provider.clone().count_tokens(request).await.unwrap().into_inner()
    };
    let exact = count(MODEL).await;
    assert_eq!((exact.input_count, exact.exact), (2, true));
    let estimate = count("local/faq").await;
    assert_eq!((estimate.input_count, estimate.exact), (8 + 8, false));
}

#[tokio::test]
async fn embedding_needs_a_worker_that_can() {
    let upstream = OpenAiUpstream::start();
    let service = start(json!({"workers": [worker("w1", &upstream.url())]})).await;
    let request = EmbedRequest {
        admission: service.admission(MODEL, |_| {}),
        model: MODEL.into(),
        texts: vec!["a".into()],
        dimension_count: 0,
    };
    let status = service.provider.clone().embed(request).await.unwrap_err();
    assert_eq!(Fault::from_status(&status).reason, "EMBEDDINGS_UNSUPPORTED");
}

#[tokio::test]
async fn with_nothing_configured_it_is_up_and_serves_no_model() {
    let service = start(json!({})).await;
    assert!(service.readiness.is_ready() && service.workers().await.is_empty());
    let fault = service.generate(service.request("any", "hi")).await.unwrap_err();
    assert_eq!(fault.reason, "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn a_slow_reader_stops_the_upstream() {
    // More than all socket buffers on the way can hold.
    let piece = "x".repeat(256 << 10);
    let pieces = 60;
    let upstream = OpenAiUpstream::start();
    let config = json!({"workers": [worker("w1", &upstream.url())]});
    let service = crate::support::start_with(serde_json::from_value(config).unwrap()).await;
    upstream.push(Reply::text(vec![piece.clone(); pieces]));
    let mut stream = service.open(service.request(MODEL, "hi")).await.unwrap();
    next(&mut stream).await.unwrap();
    let received = upstream.received().nth(0).await;
    // Other work goes on meanwhile; the answer must not have been taken in by anybody.
    service.generate(service.request(MODEL, "other")).await.unwrap();
    assert_eq!(received.exchange.end(), None, "the upstream waits for the reader");
    let mut length = 0;
    while let Some(event) = next(&mut stream).await.unwrap() {
        length += if let Event::Text(delta) = event { delta.text.len() } else { 0 };
    }
    assert_eq!(length, pieces * piece.len());
}
