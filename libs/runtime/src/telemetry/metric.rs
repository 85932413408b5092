//! The recorder behind the `metrics` macros: bounded series, shown as a Prometheus page and exported over OTLP.

mod bridge;
mod recorder;

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::metrics::Meter;

use super::Error;
use bridge::Bridge;
use recorder::BoundedRecorder;

pub use recorder::SERIES_PER_NAME_MAX;

/// Time between two sweeps that fold recorded histogram values into their buckets; values wait in memory till then.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Buckets of durations in seconds: from a call inside the process to a long stream.
const SECONDS: [f64; 21] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// Buckets of sizes in bytes: from a short message to the largest body.
const BYTES: [f64; 8] = [256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 8_388_608.0];

/// Buckets of counts, such as tokens of a request.
const COUNTS: [f64; 18] = [
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    1_000.0,
    2_000.0,
    5_000.0,
    10_000.0,
    20_000.0,
    50_000.0,
    100_000.0,
    200_000.0,
    1_000_000.0,
];

/// Upper bounds of the buckets of the histogram `name`, by its unit.
fn buckets(name: &str) -> &'static [f64] {
    if name.ends_with("_seconds") {
        &SECONDS
    } else if name.ends_with("_bytes") {
        &BYTES
    } else {
        &COUNTS
    }
}

/// Makes the macros record, and starts the thread that keeps the histograms small.
pub(super) fn install(meter: Option<Meter>) -> Result<PrometheusHandle, Error> {
    let recorder = recorder(meter)?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| Error::Metrics(error.to_string()))?;
    let upkeep = handle.clone();
    let sweep = move || {
        loop {
            std::thread::park_timeout(UPKEEP_INTERVAL);
            upkeep.run_upkeep();
        }
    };
    std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(sweep).map_err(Error::Thread)?;
    Ok(handle)
}

fn recorder(meter: Option<Meter>) -> Result<BoundedRecorder, Error> {
    let suffix = |suffix: &str| Matcher::Suffix(suffix.to_owned());
    let prometheus = PrometheusBuilder::new()
        .set_buckets(&COUNTS)
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_seconds"), &SECONDS))
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_bytes"), &BYTES))
        .map_err(|error| Error::Metrics(error.to_string()))?
        .build_recorder();
    Ok(BoundedRecorder::new(prometheus, meter.map(Bridge::new)))
}
