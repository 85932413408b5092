//! Without a collector nothing is exported or propagated, and a second start is harmless.

use std::time::Duration;

use kaleem_runtime::telemetry::{self, TelemetryConfig};
use kaleem_runtime::{OnError, Readiness, Supervisor};

#[tokio::test]
async fn metrics_are_on_the_page_and_nothing_else_happens() {
    let config = TelemetryConfig { log_filter: "off".to_owned(), ..TelemetryConfig::default() };
    let guard = telemetry::init(&config).unwrap();
    telemetry::init(&config).unwrap();

    let supervisor = Supervisor::new();
    supervisor.spawn("refresh", OnError::Log, async { Err("no upstream") });
    supervisor.drain(Duration::from_secs(5)).await;
    let readiness = Readiness::new();
    readiness.set("quota", Ok(()));
    readiness.set("billing", Err("store is locked".to_owned()));

    let span = tracing::info_span!(target: "kaleem_test", "stage");
    telemetry::set_parent(&span, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_eq!(span.in_scope(telemetry::inject_traceparent), None);

    let page = guard.render_metrics();
    for line in [
        "kaleem_runtime_task_failures_total{task=\"refresh\"} 1",
        "kaleem_runtime_component_ready{component=\"quota\"} 1",
        "kaleem_runtime_component_ready{component=\"billing\"} 0",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} is missing in\n{page}");
    }
    assert!(page.contains("kaleem_build_info{version="));
    guard.shutdown(Duration::ZERO).await.unwrap();
}
