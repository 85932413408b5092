//! A model of names behind HTTP, which answers, hangs, lies, floods or fails: the engine's findings stand, and nobody waits.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, http::StatusCode, response::IntoResponse as _, response::Response, routing::post};
use kaleem_runtime::config::Span;
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Duration, Instant},
};

use crate::harness::{Service, Store, question, shown};

const TEXT: &str = "ياسمين تسأل متى يوصل الطلب، جوالها 0551234567";

/// What the model does with a question.
type Reply = Arc<dyn Fn() -> Response + Send + Sync>;

struct Model {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
    _serving: JoinSet<()>,
}

/// A model whose answers each wait for a permit.
async fn model(gate: &Arc<Semaphore>, reply: Reply) -> Model {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/names", listener.local_addr().unwrap());
    let asked = Arc::<Mutex<Vec<Value>>>::default();
    let (seen, gate) = (Arc::clone(&asked), Arc::clone(gate));
    let answer = move |Json(question): Json<Value>| {
        seen.lock().unwrap().push(question);
        let (gate, reply) = (Arc::clone(&gate), Arc::clone(&reply));
        async move {
            let _passed = gate.acquire().await.unwrap();
            reply()
        }
    };
    let router = Router::new().route("/names", post(answer));
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    Model { url, asked, _serving: serving }
}

async fn service(url: &str) -> Service {
    let url = url.to_owned();
    Service::start_with(Store::Sqlite, move |config| {
        config.name_model.url = url;
        // Long, as what is tested is not how fast a test machine is.
        config.name_model.deadline = Span::millis(50);
        config.name_model.requests_max = 1;
    })
    .await
}

fn open() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}

/// Waits until `done`.
async fn until(done: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < give_up, "not in time");
        tokio::task::yield_now().await;
    }
}

fn entity(start: usize, end: usize, text: &str) -> Value {
    json!({"entity_group": "PER", "start": start, "end": end, "score": 0.97, "text": text})
}

/// The text as it leaves, for whatever the model did.
async fn leaves(service: &mut Service) -> String {
    let answer = service.redact(question(TEXT)).await.unwrap();
    shown(answer.messages.last().unwrap())
}

#[tokio::test]
async fn names_that_a_model_finds_leave_as_placeholders() {
    let other = json!({"entity_group": "ORG", "start": 7, "end": 11, "score": 0.99, "text": "تسأل"});
    let found = json!([[entity(0, 6, "ياسمين"), other]]);
    let model = model(&open(), Arc::new(move || Json(found.clone()).into_response())).await;
    let mut service = service(&model.url).await;
    // Its first answer may be late, as the connection is made for it; it is kept for the next.
    let give_up = Instant::now() + Duration::from_secs(10);
    let left = loop {
        let left = leaves(&mut service).await;
        if left.contains("[[PERSON:") || Instant::now() > give_up {
            break left;
        }
    };
    assert!(left.contains("[[PERSON:") && left.contains("[[PHONE:"), "{left}");
    assert!(!left.contains("ياسمين") && left.contains("تسأل"), "{left}");
    let asked = model.asked.lock().unwrap()[0].clone();
    assert_eq!((&asked["inputs"], &asked["parameters"]["labels"]), (&json!([TEXT]), &json!(["person"])));
}

#[tokio::test]
async fn a_model_that_hangs_is_not_waited_for_and_soon_not_asked() {
    let gate = Arc::new(Semaphore::new(0));
    let model = model(&gate, Arc::new(|| Json(json!([[]])).into_response())).await;
    let mut service = service(&model.url).await;
    for _ in 0..3 {
        // The gate is shut, so nothing here waits for the model.
        let left = leaves(&mut service).await;
        assert!(
            left.contains("ياسمين") && left.contains("[[PHONE:") && !left.contains("0551234567"),
            "{left}"
        );
    }
    assert!(
        model.asked.lock().unwrap().len() <= 2,
        "its one place is taken until the first question is given up"
    );
    gate.add_permits(10);
}

#[tokio::test]
async fn a_model_that_lies_floods_or_fails_changes_nothing() {
    let lies = |entities: Value| -> Reply { Arc::new(move || Json(entities.clone()).into_response()) };
    let replies: [(&str, Reply); 8] = [
        ("beyond the text", lies(json!([[entity(0, 600, "ياسمين")]]))),
        ("bytes", lies(json!([[entity(0, 12, "ياسمين")]]))),
        ("halves", lies(json!([[{"entity_group": "PER", "start": 0.5, "end": 6, "score": 0.9}]]))),
        ("negative", lies(json!([[{"entity_group": "PER", "start": -1, "end": 6, "score": 0.9}]]))),
        ("of other texts", lies(json!([[entity(0, 6, "ياسمين")], []]))),
        ("a flood", Arc::new(|| "[".repeat(1 << 20).into_response())),
        ("not JSON", Arc::new(|| "ياسمين".into_response())),
        ("a failure", Arc::new(|| (StatusCode::INTERNAL_SERVER_ERROR, TEXT).into_response())),
    ];
    for (what, reply) in replies {
        let model = model(&open(), reply).await;
        let mut service = service(&model.url).await;
        let left = leaves(&mut service).await;
        assert!(left.contains("ياسمين") && left.contains("[[PHONE:"), "{what}: {left}");
        until(|| !model.asked.lock().unwrap().is_empty()).await;
    }
}

#[tokio::test]
async fn a_model_that_is_away_changes_nothing() {
    let nothing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut service = service(&format!("http://{nothing}/")).await;
    let left = leaves(&mut service).await;
    assert!(left.contains("ياسمين") && left.contains("[[PHONE:"), "{left}");
}
