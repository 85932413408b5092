//! The pipeline that exports traces and metrics to an OTLP collector.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};

use super::mask::MaskedExporter;
use super::{Error, SERIES_PER_NAME_MAX, TelemetryConfig};

/// Name of the instrumentation scope of all spans and metrics.
const SCOPE: &str = "kaleem";

/// Longest time one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Finished spans that wait for export; further ones are dropped, and the drop is logged.
const SPAN_QUEUE_MAX: usize = 8192;

/// Spans in one export.
const SPAN_BATCH_MAX: usize = 1024;

/// The exporters with their queues and threads.
#[derive(Debug)]
pub(super) struct Pipeline {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Pipeline {
    /// Starts exporting; the connection is made by the first export and again whenever it is lost.
    pub(super) fn start(endpoint: &str, config: &TelemetryConfig) -> Result<Self, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::NoRuntime);
        }
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("kaleem").with_attribute(version).build();
        let build = || Ok((span_exporter(endpoint)?, metric_exporter(endpoint)?));
        let (spans, metrics) =
            build().map_err(|error: ExporterBuildError| Error::Endpoint(error.to_string()))?;

        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(SPAN_QUEUE_MAX)
            .with_max_export_batch_size(SPAN_BATCH_MAX)
            .build();
        let root = Sampler::TraceIdRatioBased(config.trace_sample_ratio);
        let traces = SdkTracerProvider::builder()
            .with_span_processor(
                BatchSpanProcessor::builder(MaskedExporter(spans)).with_batch_config(batches).build(),
            )
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_resource(resource.clone())
            .build();

        let reader = PeriodicReader::builder(metrics).with_interval(config.metric_interval.get()).build();
        let metrics = SdkMeterProvider::builder()
            .with_reader(reader)
            .with_view(bounded)
            .with_resource(resource)
            .build();
        Ok(Self { traces, metrics })
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.traces.tracer(SCOPE)
    }

    pub(super) fn meter(&self) -> Meter {
        self.metrics.meter(SCOPE)
    }

    /// Exports what is buffered; blocks until the collector has answered or an export has timed out.
    pub(super) fn flush(&self) -> Result<(), String> {
        let (traces, metrics) = (self.traces.force_flush(), self.metrics.force_flush());
        traces.and(metrics).map_err(|error| error.to_string())
    }
}

fn span_exporter(endpoint: &str) -> Result<SpanExporter, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT);
    if is_https(endpoint) { exporter.with_tls_config(system_roots()).build() } else { exporter.build() }
}

fn metric_exporter(endpoint: &str) -> Result<MetricExporter, ExporterBuildError> {
    let exporter =
        MetricExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT);
    if is_https(endpoint) { exporter.with_tls_config(system_roots()).build() } else { exporter.build() }
}

fn is_https(endpoint: &str) -> bool {
    endpoint.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

fn system_roots() -> ClientTlsConfig {
    ClientTlsConfig::new().with_enabled_roots()
}

/// Holds every instrument to the series that the recorder admits, instead of the exporter's own limit, for which it
/// would reserve memory in advance.
fn bounded(_: &Instrument) -> Option<Stream> {
    // One more for the overflow series.
    Stream::builder().with_cardinality_limit(SERIES_PER_NAME_MAX + 1).build().ok()
}
