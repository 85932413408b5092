//! A collector that does not answer neither stops the process nor holds up its end.

use std::time::{Duration, Instant};

use kaleem_runtime::telemetry::{self, TelemetryConfig};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_silent_collector_costs_no_more_than_the_time_given() {
    // Accepts into its backlog and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let config = TelemetryConfig {
        log_filter: "off".to_owned(),
        otlp_endpoint: Some(endpoint),
        ..TelemetryConfig::default()
    };
    let guard = telemetry::init(&config).unwrap();
    tracing::info_span!(target: "kaleem_test", "lost").in_scope(|| ());
    metrics::counter!("kaleem_test_calls_total").increment(1);

    let begin = Instant::now();
    let limit = Duration::from_millis(300);
    let error = guard.shutdown(limit).await.unwrap_err();

    assert!(matches!(error, telemetry::Error::FlushTimeout(_)), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(guard.render_metrics().contains("kaleem_test_calls_total 1"));
}
