//! Where the time of a request goes: a span and a duration a stage.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use kaleem_proto::gateway::v1::StageTiming;
use kaleem_rpc::{Fault, convert};
use metrics::Histogram;
use tracing::Instrument as _;

/// Every stage there is.
const STAGES: [&str; 7] = ["authenticate", "redact", "route", "reserve", "invoke", "stream", "settle"];

/// Where the durations of all requests go.
#[derive(Debug)]
pub(crate) struct StageHistograms([Histogram; STAGES.len()]);

impl StageHistograms {
    pub(crate) fn new() -> Self {
        Self(
            STAGES
                .map(|stage| metrics::histogram!("kaleem_gateway_stage_duration_seconds", "stage" => stage)),
        )
    }

    fn record(&self, stage: &str, duration: Duration) {
        let found = STAGES.iter().position(|known| *known == stage);
        debug_assert!(found.is_some(), "{stage} is not in the list of stages");
        if let Some(index) = found {
            self.0[index].record(duration.as_secs_f64());
        }
    }
}

/// Durations of the stages that ran, in order.
#[derive(Debug, Clone)]
pub(crate) struct Stages {
    histograms: Arc<StageHistograms>,
    taken: Vec<(&'static str, Duration)>,
}

impl Stages {
    pub(crate) fn start(histograms: &Arc<StageHistograms>) -> Self {
        Self { histograms: Arc::clone(histograms), taken: Vec::with_capacity(STAGES.len()) }
    }

    /// Runs `stage`; its failure says where it happened.
    pub(crate) async fn run<T>(
        &mut self,
        name: &'static str,
        stage: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let started = Instant::now();
        let span = tracing::debug_span!("stage", otel.name = name, stage = name);
        let result = stage.instrument(span).await;
        self.add(name, started.elapsed());
        result.map_err(|fault| crate::fault::at(name, fault))
    }

    /// Adds time to `name`, which may run more than once.
    pub(crate) fn add(&mut self, name: &'static str, duration: Duration) {
        self.histograms.record(name, duration);
        match self.taken.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += duration,
            None => self.taken.push((name, duration)),
        }
    }

    pub(crate) fn timings(&self) -> Vec<StageTiming> {
        let timing = |(stage, duration): &(&'static str, Duration)| StageTiming {
            stage: (*stage).to_owned(),
            duration: Some(convert::duration(*duration)),
        };
        self.taken.iter().map(timing).collect()
    }
}
