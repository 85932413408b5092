//! Generations by the model in this process, over the generated clients.

use crate::support::{Service, next, start, user};
use crate::tiny::{self, Family, Shape};
use kaleem_proto::chat::v1::{FinishReason, UsageSource};
use kaleem_proto::pool::v1::WorkerState;
use kaleem_proto::provider::v1::stream_generate_response::Event;
use kaleem_proto::provider::v1::{CountTokensRequest, ListModelsRequest, ModelHealth};
use kaleem_provider_local::{Config, Deps, build};
use kaleem_rpc::{Code, Fault, admission};
use kaleem_runtime::{Readiness, Supervisor};
use kaleem_testkit::ManualClock;
use kaleem_testkit::openai_upstream::{OpenAiUpstream, Reply};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), Shape::Successor, Family::Llama);
    folder
}

fn engine(folder: &TempDir) -> Value {
    json!({"enabled": true, "model_dir": folder.path(), "model_id": "tiny", "slots": 1, "queue": 1})
}

async fn service(folder: &TempDir) -> Service {
    start(json!({"engine": engine(folder)})).await
}

#[tokio::test]
async fn the_first_call_waits_for_the_model_and_streams() {
    let folder = folder();
    let service = service(&folder).await;
    let answer = service.generate(service.request("tiny", "from 4")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.reason), ("56789", FinishReason::Stop));
    assert_eq!((answer.started.upstream.as_str(), answer.started.served_model.as_str()), ("engine", "tiny"));
    assert_eq!((answer.usage.input_fresh_count, answer.usage.output_text_count), (6, 6));
    assert_eq!(answer.usage.source(), UsageSource::Provider);
    let running: Vec<i64> = answer
        .events
        .iter()
        .filter_map(
            |event| if let Event::Usage(usage) = event { Some(usage.output_text_count) } else { None },
        )
        .collect();
    assert_eq!(running, [1, 2, 3, 4, 5], "exact at every moment a caller may leave");
    service.readiness.ready().await;
}

#[tokio::test]
async fn it_is_listed_as_a_worker_and_a_model() {
    let folder = folder();
    let service = service(&folder).await;
    let worker = service.until("engine", WorkerState::Ready).await;
    assert_eq!(
        (worker.address.as_str(), worker.models.as_slice(), worker.window_count),
        ("engine", ["tiny".to_owned()].as_slice(), 2)
    );
    let model = service
        .provider
        .clone()
        .list_models(ListModelsRequest {})
        .await
        .unwrap()
        .into_inner()
        .models
        .remove(0);
    assert_eq!(
        (model.id.as_str(), model.context_token_count, model.health()),
        ("tiny", 2048, ModelHealth::Ready)
    );
    assert!(!model.tools && !model.json_schema && model.region == "local");
    let count = CountTokensRequest {
        model: "tiny".into(),
        messages: vec![user("قهوة"), user("x")],
        ..Default::default()
    };
    let counted = service.provider.clone().count_tokens(count).await.unwrap().into_inner();
    assert_eq!((counted.input_count, counted.exact), (9, true));
}

#[tokio::test]
async fn a_caller_who_leaves_frees_the_only_slot() {
    let folder = folder();
    let service = service(&folder).await;
    let mut endless = service.open(service.request("tiny", "a")).await.unwrap();
    assert!(matches!(next(&mut endless).await, Ok(Some(Event::Started(_)))));
    drop(endless);
    let answer = service.generate(service.request("tiny", "7")).await.unwrap();
    assert_eq!(answer.text, "89");
    assert_eq!(service.workers().await[0].in_flight_count, 0);
}

#[tokio::test]
async fn a_full_engine_is_overloaded() {
    let folder = folder();
    let service = service(&folder).await;
    let running = service.open(service.request("tiny", "a")).await.unwrap();
    // The second call waits for the slot, and its opening for its first token.
    let mut waiting = Box::pin(service.open(service.request("tiny", "7")));
    assert!(futures::poll!(&mut waiting).is_pending());
    let fault = service.generate(service.request("tiny", "7")).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    drop(running);
    assert_eq!(crate::support::Answer::read(waiting.await.unwrap()).await.unwrap().text, "89");
}

#[tokio::test]
async fn bounds_are_named() {
    let folder = folder();
    let service = service(&folder).await;
    let fault = service.generate(service.request("tiny", &"a".repeat(3000))).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED"));
    assert!(fault.message.contains("3000") && fault.message.contains("2048"), "{}", fault.message);
    let status = service
        .provider
        .clone()
        .embed(kaleem_proto::provider::v1::EmbedRequest {
            admission: service.admission("tiny", |_| {}),
            model: "tiny".into(),
            texts: vec!["a".into()],
            dimension_count: 0,
        })
        .await
        .unwrap_err();
    assert_eq!(Fault::from_status(&status).code, Code::Unimplemented);
}

#[tokio::test]
async fn engine_and_worker_share_one_pool() {
    let (folder, upstream) = (folder(), OpenAiUpstream::start());
    let mut engine = engine(&folder);
    engine["model_id"] = json!(crate::support::MODEL);
    let service =
        start(json!({"engine": engine, "workers": [crate::support::worker("w1", &upstream.url())]})).await;
    service.until("engine", WorkerState::Ready).await;
    service.until("w1", WorkerState::Ready).await;
    upstream.respond_with(|_| Reply::text(["from the worker"]));
    let mut served = Vec::new();
    for _ in 0..4 {
        served.push(
            service.generate(service.request(crate::support::MODEL, "7")).await.unwrap().started.upstream,
        );
    }
    served.sort();
    served.dedup();
    assert_eq!(served, ["engine", "w1"]);
}

fn deps(supervisor: &Supervisor, readiness: &Readiness) -> Deps {
    Deps {
        clock: Arc::new(ManualClock::default()),
        supervisor: supervisor.clone(),
        readiness: readiness.clone(),
        admission: admission::Key::new(&[7; 32]),
    }
}

#[tokio::test]
async fn a_broken_folder_stops_the_start_or_the_process() {
    let folder = folder();
    let config: Config = serde_json::from_value(json!({"engine": engine(&folder)})).unwrap();
    let (supervisor, readiness) = (Supervisor::new(), Readiness::new());

    // Found only by reading the weights, beside the start.
    let weights = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    assert!(build(config.clone(), deps(&supervisor, &readiness)).await.is_ok());
    supervisor.stop_requested().await;
    let failure = supervisor.failures().remove(0);
    assert!(failure.fatal && failure.message.contains("model.safetensors is damaged"), "{failure:?}");
    assert!(!readiness.is_ready() && readiness.failing()[0].1.contains("model.safetensors"));

    // Found at once.
    std::fs::remove_file(&weights).unwrap();
    let error = build(config, deps(&supervisor, &readiness)).await.err().unwrap().to_string();
    assert!(error.contains("model.safetensors is missing"), "{error}");
}
