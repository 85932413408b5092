//! The figures of a run.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    exchange::{Protocol, Question},
    load::Plan,
    process::Usage,
    tally::Tally,
};

/// Quantiles that are drawn.
const CURVE: [f64; 17] =
    [0.0, 0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];

/// Usage before and after the measured time.
#[derive(Clone, Copy)]
pub(super) struct Machine {
    pub(super) server: Option<(Usage, Usage)>,
    pub(super) generator: Option<(Usage, Usage)>,
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Percentiles {
    /// Number of values.
    pub count: u64,
    /// Least.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// Most.
    pub max: f64,
    /// (Quantile, microseconds) from the least to the most; what the plot draws.
    pub curve: Vec<(f64, f64)>,
}

impl Percentiles {
    pub(super) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        // Beyond one in the count there is only the largest value again.
        let seen = |quantile: &&f64| 1.0 - **quantile >= 1.0 / histogram.len() as f64;
        Some(Self {
            count: histogram.len(),
            min: histogram.min() as f64 / 1_000.0,
            mean: histogram.mean() / 1_000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1_000.0,
            curve: CURVE.iter().filter(seen).map(|quantile| (*quantile, at(*quantile))).collect(),
        })
    }
}

/// What a process used in the measured time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerUse {
    /// Processor time for each good answer, in microseconds, over all threads.
    pub cpu_us_per_request: f64,
    /// Processors that were busy on average.
    pub cpu_cores: f64,
    /// Resident memory at the end, in KiB.
    pub resident_kib: u64,
    /// Most resident memory since the process began, in KiB.
    pub resident_peak_kib: u64,
}

impl ServerUse {
    fn between((before, after): (Usage, Usage), completed: u64, duration: Duration) -> Self {
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        Self {
            cpu_us_per_request: cpu * 1e6 / completed.max(1) as f64,
            cpu_cores: cpu / duration.as_secs_f64(),
            resident_kib: after.resident_kib,
            resident_peak_kib: after.peak_kib,
        }
    }
}

/// The figures of a run; durations in microseconds unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How the front door was asked.
    pub protocol: Protocol,
    /// Whether answers were streamed.
    pub stream: bool,
    /// Wanted requests a second; none is a closed loop.
    pub rate: Option<f64>,
    /// Requests at once, at most.
    pub concurrency: usize,
    /// Measured time in seconds.
    pub duration_s: f64,
    /// Good answers a second that were complete within the measured time.
    pub achieved_rate: f64,
    /// Requests that were due and sent in the measured time.
    pub sent: u64,
    /// Those that were answered well.
    pub ok: u64,
    /// Requests that were due in the measured time and never sent, as every caller was still busy: the server did not keep up.
    pub unsent: u64,
    /// Failures by reason.
    pub errors: BTreeMap<String, u64>,
    /// From the moment a request was due to the end of its answer, or to the end of the run if it was never sent.
    pub latency: Option<Percentiles>,
    /// From the moment a request was sent to the end of its answer.
    pub service: Option<Percentiles>,
    /// From the moment a request was due to its first text; only of streams.
    pub ttft: Option<Percentiles>,
    /// Between two pieces of text; only of streams.
    pub gap: Option<Percentiles>,
    /// Where the gateway says its time went; only over gRPC.
    pub stages: BTreeMap<String, Percentiles>,
    /// The server process, where its pid was given.
    pub server: Option<ServerUse>,
    /// The load generator itself.
    pub generator: Option<ServerUse>,
}

impl Report {
    pub(super) fn new(plan: &Plan, question: &Question, tally: &Tally, used: Machine) -> Self {
        let stages = tally.stages.iter();
        let usage = |pair| ServerUse::between(pair, tally.completed, plan.duration);
        Self {
            protocol: plan.protocol,
            stream: question.stream,
            rate: plan.rate,
            concurrency: plan.concurrency,
            duration_s: plan.duration.as_secs_f64(),
            achieved_rate: tally.completed as f64 / plan.duration.as_secs_f64(),
            sent: tally.sent,
            ok: tally.ok,
            unsent: tally.unsent,
            errors: tally.errors.clone(),
            latency: Percentiles::of(&tally.latency),
            service: Percentiles::of(&tally.service),
            ttft: Percentiles::of(&tally.ttft),
            gap: Percentiles::of(&tally.gap),
            stages: stages
                .filter_map(|(name, taken)| Some((name.clone(), Percentiles::of(taken)?)))
                .collect(),
            server: used.server.map(usage),
            generator: used.generator.map(usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_microseconds_and_end_where_the_data_do() {
        let mut histogram = super::super::tally::histogram().unwrap();
        assert_eq!(Percentiles::of(&histogram), None);
        for micros in 1..=100_u64 {
            histogram.record(micros * 1_000).unwrap();
        }
        let figures = Percentiles::of(&histogram).unwrap();
        assert!((figures.p50 - 50.0).abs() < 0.2, "{figures:?}");
        assert!((figures.p99 - 99.0).abs() < 0.2 && (figures.max - 100.0).abs() < 0.2);
        assert!(figures.curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        assert!(figures.curve.last().is_some_and(|(quantile, _)| *quantile <= 0.99));
    }

    #[test]
    fn server_use_is_the_difference() {
        let at =
            |millis, resident_kib| Usage { cpu: Duration::from_millis(millis), resident_kib, peak_kib: 9 };
        let used = ServerUse::between((at(100, 5), at(1_100, 7)), 10_000, Duration::from_secs(2));
        assert!((used.cpu_us_per_request - 100.0).abs() < 1e-9 && (used.cpu_cores - 0.5).abs() < 1e-9);
        assert_eq!((used.resident_kib, used.resident_peak_kib), (7, 9));
    }
}
