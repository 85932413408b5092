//! One request is one trace, and the trace shows every stage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::{collections::BTreeSet, time::Duration};

use kaleem_runtime::telemetry::{self, TelemetryConfig};
use kaleem_testkit::{openai_upstream as worker, otlp::OtlpCollector};
use kaleem_tests::{
    Mesh, Shape,
    ask::{question, whole},
};

const STAGES: [&str; 6] = ["authenticate", "redact", "route", "reserve", "invoke", "settle"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_shows_every_stage() {
    let collector = OtlpCollector::start();
    let config = TelemetryConfig { otlp_endpoint: Some(collector.endpoint()), ..TelemetryConfig::default() };
    let telemetry = telemetry::init(&config).unwrap();
    let mesh = Mesh::start(Shape::AllInOne).await;
    mesh.worker.push(worker::Reply::text(["نعم"]));
    mesh.client().chat(whole(question("tiny-llama", "هل تشحنون؟ رقمي 0551234567"))).await.unwrap();
    telemetry.shutdown(Duration::from_secs(5)).await.unwrap();
    let spans = collector
        .wait_for(|spans| STAGES.iter().all(|stage| spans.iter().any(|span| span.name == *stage)))
        .await;
    let traces: BTreeSet<_> = spans
        .iter()
        .filter(|span| STAGES.contains(&span.name.as_str()))
        .map(|span| span.trace_id.clone())
        .collect();
    assert_eq!(traces.len(), 1, "the stages of one request lie in one trace");
    let told = format!("{spans:?}");
    assert!(!told.contains("551234567") && !told.contains("تشحنون"), "no prompt reaches a span");
    mesh.stop().await;
}
