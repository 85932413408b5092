//! The fake collector, fed by the real exporter.

use kaleem_testkit::otlp::OtlpCollector;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_arrive_with_their_parents_and_attributes() {
    let collector = OtlpCollector::start();
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(collector.endpoint()).build().unwrap();
    let resource = Resource::builder_empty().with_service_name("quota").build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    let tracer = provider.tracer("testkit");
    tracer.in_span("reserve", |ctx| {
        let mut child = tracer.start_with_context("load", &ctx);
        child.set_attribute(KeyValue::new("rows", 3));
        child.set_status(Status::error("row missing"));
        child.end();
        assert!(ctx.span().span_context().is_valid());
    });
    let flushed = tokio::task::spawn_blocking(move || provider.shutdown());
    let spans = collector.wait_for(|spans| spans.len() == 2).await;
    flushed.await.unwrap().unwrap();
    let by_name = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (parent, child) = (by_name("reserve"), by_name("load"));
    assert_eq!(parent.parent_span_id, None);
    assert_eq!(child.parent_span_id.as_deref(), Some(parent.span_id.as_str()));
    assert_eq!(child.trace_id, parent.trace_id);
    assert_eq!((child.service.as_str(), child.scope.as_str()), ("quota", "testkit"));
    assert_eq!(child.attribute("rows"), Some("3"));
    assert_eq!((parent.status_code, child.status_code), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_arrive() {
    let collector = OtlpCollector::start();
    let exporter =
        MetricExporter::builder().with_tonic().with_endpoint(collector.endpoint()).build().unwrap();
    let provider = SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
    provider.meter("testkit").u64_counter("kaleem_quota_reservations_total").build().add(2, &[]);
    let flushed = tokio::task::spawn_blocking(move || provider.shutdown());
    let metric = collector.wait_for_metric("kaleem_quota_reservations_total").await;
    flushed.await.unwrap().unwrap();
    assert!(format!("{metric:?}").contains("AsInt(2)"), "{metric:?}");
}
