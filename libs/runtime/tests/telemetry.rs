//! Traces and metrics reach an OTLP collector over real HTTP/2, and the page shows the same metrics.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaleem_runtime::config::Span;
use kaleem_runtime::telemetry::{self, LogFormat, TelemetryConfig};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span as Traced;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What a collector was sent: the path of the call and its message.
type Export = (String, Bytes);

/// A collector that accepts everything.
struct Collector {
    endpoint: String,
    exports: mpsc::UnboundedReceiver<Export>,
    _tasks: JoinSet<()>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (tx, exports) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let tx = tx.clone();
                let service = hyper::service::service_fn(move |call| answer(call, tx.clone()));
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let connection = http2.serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        Self { endpoint, exports, _tasks: tasks }
    }

    fn received(&mut self) -> Vec<Export> {
        std::iter::from_fn(|| self.exports.try_recv().ok()).collect()
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

async fn answer(
    call: Request<Incoming>,
    tx: mpsc::UnboundedSender<Export>,
) -> Result<Response<Body>, hyper::Error> {
    let path = call.uri().path().to_owned();
    let message = call.into_body().collect().await?.to_bytes().slice(5..);
    // The test may have ended.
    let _ = tx.send((path, message));
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    let empty_message = Full::new(Bytes::from_static(&[0; 5]));
    let body = empty_message.with_trailers(async { Some(Ok(trailers)) }).boxed();
    Ok(Response::builder().header("content-type", "application/grpc").body(body).unwrap())
}

fn traced(exports: &[Export]) -> Vec<Traced> {
    let calls = exports.iter().filter(|(path, _)| path.ends_with("TraceService/Export"));
    let requests = calls.map(|(_, bytes)| ExportTraceServiceRequest::decode(bytes.clone()).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans).inspect(|spans| {
        let attributes = &spans.resource.as_ref().unwrap().attributes;
        assert_eq!(text(attributes, "service.name"), Some("kaleem"));
        assert_eq!(text(attributes, "service.version"), Some(env!("CARGO_PKG_VERSION")));
    });
    resources.flat_map(|spans| spans.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn metrics(exports: &[Export]) -> Vec<Metric> {
    let calls = exports.iter().filter(|(path, _)| path.ends_with("MetricsService/Export"));
    let requests = calls.map(|(_, bytes)| ExportMetricsServiceRequest::decode(bytes.clone()).unwrap());
    let scopes = requests.flat_map(|request| request.resource_metrics).flat_map(|all| all.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).collect()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = &attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value;
    if let Some(Value::StringValue(text)) = value { Some(text) } else { None }
}

fn data(all: &[Metric], name: &str) -> Data {
    all.iter().find(|metric| metric.name == name).and_then(|metric| metric.data.clone()).unwrap()
}

fn record() {
    metrics::describe_counter!("kaleem_test_calls_total", "Calls so far.");
    metrics::counter!("kaleem_test_calls_total", "code" => "ok").increment(3);
    metrics::gauge!("kaleem_test_open_count").increment(2);
    metrics::gauge!("kaleem_test_open_count").decrement(0.5);
    metrics::histogram!("kaleem_test_wait_seconds", "store" => "memory").record(0.0002);
}

fn check_metrics(all: &[Metric]) {
    let Data::Sum(calls) = data(all, "kaleem_test_calls_total") else { panic!("not a counter") };
    assert!(calls.is_monotonic);
    assert_eq!(calls.data_points[0].value, Some(number_data_point::Value::AsInt(3)));
    assert_eq!(text(&calls.data_points[0].attributes, "code"), Some("ok"));
    let Data::Gauge(open) = data(all, "kaleem_test_open_count") else { panic!("not a gauge") };
    assert_eq!(open.data_points[0].value, Some(number_data_point::Value::AsDouble(1.5)));
    let Data::Histogram(wait) = data(all, "kaleem_test_wait_seconds") else { panic!("not a histogram") };
    let point = &wait.data_points[0];
    let bucket = point.bucket_counts.iter().position(|count| *count == 1).unwrap();
    assert_eq!((point.count, point.explicit_bounds[bucket]), (1, 0.000_25));
}

#[tokio::test]
async fn spans_and_metrics_are_exported_when_the_guard_flushes() {
    let mut collector = Collector::start().await;
    let config = TelemetryConfig {
        log_format: LogFormat::Json,
        log_filter: "off".to_owned(),
        otlp_endpoint: Some(collector.endpoint.clone()),
        metric_interval: Span::seconds(3600),
        ..TelemetryConfig::default()
    };
    let guard = telemetry::init(&config).unwrap();
    let again = telemetry::init(&TelemetryConfig::default()).unwrap();

    let stage =
        tracing::info_span!(target: "kaleem_test", "stage", merchant = "m-1", to = "sara@example.com");
    telemetry::set_parent(&stage, CALLER);
    let sent_on = stage.in_scope(|| {
        tracing::info_span!(target: "kaleem_test", "inner")
            .in_scope(|| telemetry::inject_traceparent().unwrap())
    });
    tracing::info_span!(target: "sqlx", "foreign").in_scope(|| ());
    let own = tracing::info_span!(target: "kaleem_test", "own");
    telemetry::set_parent(&own, "not a traceparent");
    drop((stage, own));
    record();
    guard.shutdown(Duration::from_secs(10)).await.unwrap();

    let exports = collector.received();
    let spans = traced(&exports);
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (stage, inner, own) = (find("stage"), find("inner"), find("own"));
    assert_eq!(spans.len(), 3, "spans of other crates are not exported");
    assert_eq!(hex(&stage.trace_id), &CALLER[3..35]);
    assert_eq!(hex(&stage.parent_span_id), &CALLER[36..52]);
    assert_eq!(text(&stage.attributes, "merchant"), Some("m-1"));
    assert_eq!(text(&stage.attributes, "to"), Some("s***@e***"), "personal data is masked");
    assert_eq!(inner.parent_span_id, stage.span_id);
    assert_eq!(sent_on, format!("00-{}-{}-01", &CALLER[3..35], hex(&inner.span_id)));
    assert!(own.parent_span_id.is_empty() && own.trace_id != stage.trace_id);
    check_metrics(&metrics(&exports));

    let page = again.render_metrics();
    for line in ["kaleem_test_calls_total{code=\"ok\"} 3", "kaleem_test_open_count 1.5"] {
        assert!(page.lines().any(|shown| shown == line), "{line} is missing in\n{page}");
    }
    again.shutdown(Duration::from_secs(10)).await.unwrap();
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
