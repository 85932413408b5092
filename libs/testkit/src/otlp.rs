//! A telemetry collector that keeps what it receives over OTLP/gRPC.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::bound_listener;

/// Most spans, and most metrics, that are kept; a test that exports more is told by a panic.
const KEPT_MAX: usize = 100_000;

/// A span as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedSpan {
    /// `service.name` of the resource.
    pub service: String,
    /// Name of the instrumentation scope.
    pub scope: String,
    /// Name.
    pub name: String,
    /// Trace id, 32 hex digits.
    pub trace_id: String,
    /// Span id, 16 hex digits.
    pub span_id: String,
    /// Span id of the parent, `None` for a root.
    pub parent_span_id: Option<String>,
    /// Attributes, values as text.
    pub attributes: BTreeMap<String, String>,
    /// Names of the events, in order.
    pub events: Vec<String>,
    /// Status code: 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    /// Duration in nanoseconds.
    pub duration_ns: u64,
}

impl ReceivedSpan {
    /// Returns the attribute `name` as text.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

#[derive(Clone)]
struct Store {
    spans: watch::Sender<Vec<ReceivedSpan>>,
    metrics: watch::Sender<Vec<Metric>>,
}

/// A running collector; dropping it closes its port.
pub struct OtlpCollector {
    address: SocketAddr,
    store: Store,
    _serving: JoinSet<()>,
}

impl OtlpCollector {
    /// Starts a collector on a free loopback port, on the caller's Tokio runtime.
    pub fn start() -> Self {
        Self::start_on(bound_listener().0)
    }

    /// Starts a collector on `listener`.
    pub fn start_on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        listener.set_nonblocking(true).expect("a socket can be made non-blocking");
        let listener =
            tokio::net::TcpListener::from_std(listener).expect("the caller runs inside a Tokio runtime");
        let store = Store { spans: watch::Sender::new(Vec::new()), metrics: watch::Sender::new(Vec::new()) };
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(store.clone()))
            .add_service(MetricsServiceServer::new(store.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("the collector serves");
        });
        Self { address, store, _serving: serving }
    }

    /// Returns `http://127.0.0.1:<port>`, the endpoint for an exporter.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the spans received so far, in order of arrival.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.store.spans.borrow().clone()
    }

    /// Returns the metrics received so far, in order of arrival; one entry a metric and export.
    pub fn metrics(&self) -> Vec<Metric> {
        self.store.metrics.borrow().clone()
    }

    /// Waits until `condition` holds for the spans received so far, and returns them.
    ///
    /// # Panics
    /// When that takes longer than [`crate::WAIT_LIMIT`]; the message names the spans that did arrive.
    pub async fn wait_for(&self, mut condition: impl FnMut(&[ReceivedSpan]) -> bool) -> Vec<ReceivedSpan> {
        let mut spans = self.store.spans.subscribe();
        let found = tokio::time::timeout(crate::WAIT_LIMIT, spans.wait_for(|spans| condition(spans))).await;
        if let Ok(found) = found {
            return found.expect("this collector holds the sender").clone();
        }
        let names = self.spans().into_iter().map(|span| span.name).collect::<Vec<_>>();
        panic!("the expected spans did not arrive; received were {names:?}")
    }

    /// Waits until a metric named `name` has arrived, and returns its latest export.
    pub async fn wait_for_metric(&self, name: &str) -> Metric {
        let mut metrics = self.store.metrics.subscribe();
        let is_there = |metrics: &Vec<Metric>| metrics.iter().any(|metric| metric.name == name);
        let found = crate::bounded(&format!("the metric {name}"), metrics.wait_for(is_there)).await;
        let found = found.expect("this collector holds the sender");
        found.iter().rfind(|metric| metric.name == name).expect("the condition held").clone()
    }
}

#[tonic::async_trait]
impl TraceService for Store {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut received = Vec::new();
        for resource_spans in request.into_inner().resource_spans {
            let attributes =
                resource_spans.resource.map(|resource| text_map(resource.attributes)).unwrap_or_default();
            let service = attributes.get("service.name").cloned().unwrap_or_default();
            for scope_spans in resource_spans.scope_spans {
                let scope = scope_spans.scope.map(|scope| scope.name).unwrap_or_default();
                received
                    .extend(scope_spans.spans.into_iter().map(|span| received_span(&service, &scope, span)));
            }
        }
        keep(&self.spans, received);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Store {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        keep(&self.metrics, scopes.flat_map(|scope| scope.metrics).collect());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn keep<T>(kept: &watch::Sender<Vec<T>>, received: Vec<T>) {
    kept.send_modify(|kept| {
        assert!(kept.len() + received.len() <= KEPT_MAX, "the collector keeps {KEPT_MAX} items at most");
        kept.extend(received);
    });
}

fn received_span(service: &str, scope: &str, span: Span) -> ReceivedSpan {
    let parent = hex(&span.parent_span_id);
    ReceivedSpan {
        service: service.to_owned(),
        scope: scope.to_owned(),
        name: span.name,
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: (!parent.is_empty()).then_some(parent),
        attributes: text_map(span.attributes),
        events: span.events.into_iter().map(|event| event.name).collect(),
        status_code: span.status.map_or(0, |status| status.code),
        duration_ns: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn text_map(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|KeyValue { key, value, .. }| (key, text(value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    use any_value::Value;
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BytesValue(bytes)) => hex(&bytes),
        Some(Value::ArrayValue(array)) => {
            array.values.into_iter().map(|value| text(Some(value))).collect::<Vec<_>>().join(",")
        }
        Some(Value::KvlistValue(list)) => format!("{:?}", text_map(list.values)),
        Some(Value::StringValueStrindex(_)) | None => String::new(),
    }
}
