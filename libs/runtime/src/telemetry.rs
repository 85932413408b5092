//! Telemetry: logs on stderr, metrics as a Prometheus page, and traces and metrics over OTLP where a collector is named.
//!
//! **Metrics** are recorded through the macros of the `metrics` crate, the one instrument interface of kaleem:
//!
//! ```
//! use metrics::{Counter, counter, gauge, histogram};
//!
//! // Label values known in advance: keep the handle, then recording is one atomic addition.
//! struct Metrics { held: Counter }
//! let metrics = Metrics { held: counter!("kaleem_quota_reservations_total", "outcome" => "held") };
//! metrics.held.increment(1);
//!
//! // Label values known late: one look-up. Values come from a closed set, never from a request.
//! histogram!("kaleem_quota_reserve_duration_seconds", "store" => "sqlite").record(0.0004);
//! gauge!("kaleem_quota_held_count").increment(1.0);
//! ```
//!
//! Names are `kaleem_<service>_<noun>_<unit>`; counters end in `_total`. Histograms whose names end in `_seconds` or
//! `_bytes` get buckets of that unit, all others get buckets for counts. A name holds at most
//! [`SERIES_PER_NAME_MAX`] label sets; more are summed up under `overflow="true"`. Handles made before [`init`]
//! record nothing, so make them in a service's `build`.
//!
//! **Traces** consist of the spans of crates whose names start with `kaleem`. Spans are made with `debug_span!`: they cost
//! nothing unless a collector is named or the log filter asks for DEBUG, and only then do log lines name their spans.
//!
//! **Personal data** has no business in either. Should some get there all the same, every log line and every text of an exported
//! span is looked through by the engine that redacts prompts, masked, and counted in `kaleem_log_personal_data_masked_total`.

mod logs;
mod mask;
mod metric;
mod otlp;
mod panic;
mod propagation;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::config::Span;

pub use metric::SERIES_PER_NAME_MAX;
pub use panic::install_panic_hook;
pub use propagation::{inject_traceparent, set_parent};

/// Shortest interval between two exports of the metrics.
const METRIC_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Telemetry of this process; there is one however often [`init`] is called.
static INSTALLED: Mutex<Option<Guard>> = Mutex::new(None);

/// What a process tells about itself, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Form of the log lines on stderr. Default `pretty`.
    pub log_format: LogFormat,
    /// What is logged, as `tracing` filter directives such as `info,kaleem_router=debug`. Default `info`.
    pub log_filter: String,
    /// URL of an OTLP collector that speaks gRPC, such as `http://localhost:4317`; `https` trusts the system's
    /// certificate authorities. Absent by default, and then nothing is exported. Headers come from the standard
    /// variable `OTEL_EXPORTER_OTLP_HEADERS`.
    pub otlp_endpoint: Option<String>,
    /// Share of new traces that are exported, from 0 to 1; a trace begun elsewhere keeps its caller's decision.
    /// Default 1.
    pub trace_sample_ratio: f64,
    /// Time between two exports of the metrics over OTLP, at least 1s. Default 15s.
    pub metric_interval: Span,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Pretty,
            log_filter: "info".to_owned(),
            otlp_endpoint: None,
            trace_sample_ratio: 1.0,
            metric_interval: Span::seconds(15),
        }
    }
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line for people, coloured on a terminal.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Why telemetry cannot start or flush.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter is no filter.
    #[error("`telemetry.log_filter` is not a filter such as `info,kaleem_router=debug`: {0}")]
    Filter(String),
    /// The sample ratio is no share.
    #[error("`telemetry.trace_sample_ratio` must be between 0 and 1")]
    SampleRatio,
    /// The export interval is too short.
    #[error("`telemetry.metric_interval` must be at least 1s")]
    MetricInterval,
    /// The collector's address is unusable.
    #[error("`telemetry.otlp_endpoint` cannot be used: {0}")]
    Endpoint(String),
    /// OTLP needs an asynchronous runtime to send on.
    #[error("telemetry with `telemetry.otlp_endpoint` must be started inside a tokio runtime")]
    NoRuntime,
    /// Metrics cannot be recorded, for instance because something else in this process has taken them.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(String),
    /// A background thread cannot be started.
    #[error("cannot start a telemetry thread: {0}")]
    Thread(std::io::Error),
    /// The collector refused the last export.
    #[error("the last telemetry could not be sent: {0}")]
    Flush(String),
    /// The collector did not answer in time.
    #[error("the last telemetry could not be sent within {0:?}")]
    FlushTimeout(Duration),
}

/// Handle to the running telemetry; clones are the same telemetry.
#[derive(Debug, Clone)]
pub struct Guard {
    prometheus: PrometheusHandle,
    otlp: Option<Arc<otlp::Pipeline>>,
}

/// Starts telemetry for this process.
///
/// A later call changes nothing and returns a handle to what runs already, so that several meshes can live in one test
/// process. A foreign `tracing` subscriber is left in place.
pub fn init(config: &TelemetryConfig) -> Result<Guard, Error> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(guard) = installed.as_ref() {
        return Ok(guard.clone());
    }
    if !(0.0..=1.0).contains(&config.trace_sample_ratio) {
        return Err(Error::SampleRatio);
    }
    if config.metric_interval.get() < METRIC_INTERVAL_MIN {
        return Err(Error::MetricInterval);
    }
    let filter = logs::filter(&config.log_filter)?;
    let endpoint = config.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
    let otlp = endpoint.map(|endpoint| otlp::Pipeline::start(endpoint, config)).transpose()?.map(Arc::new);

    let prometheus = metric::install(otlp.as_deref().map(otlp::Pipeline::meter))?;
    logs::install(config.log_format, filter, otlp.as_deref().map(otlp::Pipeline::tracer));
    propagation::enable(otlp.is_some());
    metrics::gauge!("kaleem_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);

    let guard = Guard { prometheus, otlp };
    *installed = Some(guard.clone());
    Ok(guard)
}

impl Guard {
    /// All metrics in the Prometheus text format, for `GET /metrics` with content type `text/plain; version=0.0.4`.
    pub fn render_metrics(&self) -> String {
        self.prometheus.render()
    }

    /// Sends what is still buffered to the collector, for at most `timeout`. To be called last on every way out of the
    /// process, the failed ones too. Without a collector it returns at once.
    ///
    /// Telemetry goes on working afterwards, as other meshes of the process may still use it.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        let Some(otlp) = self.otlp.clone() else { return Ok(()) };
        let (tx, rx) = oneshot::channel();
        // Flushing blocks its thread until the runtime has sent: a runtime thread would wait for itself, and a blocking
        // task that hangs would hold up the end of the runtime.
        let flush = move || drop(tx.send(otlp.flush()));
        std::thread::Builder::new().name("telemetry-flush".to_owned()).spawn(flush).map_err(Error::Thread)?;
        match tokio::time::timeout(timeout, rx).await {
            Ok(Ok(flushed)) => flushed.map_err(Error::Flush),
            Ok(Err(_)) => Err(Error::Flush("the flush panicked".to_owned())),
            Err(_) => Err(Error::FlushTimeout(timeout)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: &TelemetryConfig) -> String {
        init(config).unwrap_err().to_string()
    }

    #[test]
    fn settings_out_of_bounds_are_named() {
        let base = TelemetryConfig::default();
        for ratio in [-0.1, 1.1, f64::NAN] {
            let config = TelemetryConfig { trace_sample_ratio: ratio, ..base.clone() };
            assert_eq!(refused(&config), "`telemetry.trace_sample_ratio` must be between 0 and 1");
        }
        let config = TelemetryConfig { metric_interval: Span::millis(10), ..base.clone() };
        assert_eq!(refused(&config), "`telemetry.metric_interval` must be at least 1s");
        let config = TelemetryConfig { log_filter: "kaleem=loud".to_owned(), ..base.clone() };
        assert!(refused(&config).starts_with("`telemetry.log_filter` is not a filter"));
        let config = TelemetryConfig { otlp_endpoint: Some("http://localhost:4317".to_owned()), ..base };
        assert!(matches!(init(&config), Err(Error::NoRuntime)));
    }

    #[tokio::test]
    async fn an_endpoint_that_is_no_url_is_named() {
        let endpoint = Some("not a url".to_owned());
        let config = TelemetryConfig { otlp_endpoint: endpoint, ..TelemetryConfig::default() };
        assert!(refused(&config).starts_with("`telemetry.otlp_endpoint` cannot be used: "));
    }
}
