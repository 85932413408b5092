//! A recorder that bounds the series of each name and keeps a ready handle for each of them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};

use super::bridge::Bridge;

/// Most label sets of one metric name; further ones share the series `overflow="true"`.
pub const SERIES_PER_NAME_MAX: usize = 1000;

/// Records into the Prometheus page and, where a collector is configured, into the OTLP export.
pub(super) struct BoundedRecorder {
    prometheus: PrometheusRecorder,
    bridge: Option<Bridge>,
    counters: Table<Counter>,
    gauges: Table<Gauge>,
    histograms: Table<Histogram>,
}

impl BoundedRecorder {
    pub(super) fn new(prometheus: PrometheusRecorder, bridge: Option<Bridge>) -> Self {
        let (counters, gauges, histograms) = Default::default();
        Self { prometheus, bridge, counters, gauges, histograms }
    }

    pub(super) fn handle(&self) -> PrometheusHandle {
        self.prometheus.handle()
    }

    fn describe(&self, name: &KeyName, text: &SharedString) {
        if let Some(bridge) = &self.bridge {
            bridge.describe(name.as_str(), text);
        }
    }
}

impl Recorder for BoundedRecorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, &text);
        self.prometheus.describe_counter(name, unit, text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, &text);
        self.prometheus.describe_gauge(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, &text);
        self.prometheus.describe_histogram(name, unit, text);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.counters.get(key, |key| {
            let page = self.prometheus.register_counter(key, metadata);
            match &self.bridge {
                Some(bridge) => bridge.counter(key, page),
                None => page,
            }
        })
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.gauges.get(key, |key| {
            let page = self.prometheus.register_gauge(key, metadata);
            match &self.bridge {
                Some(bridge) => bridge.gauge(key, page),
                None => page,
            }
        })
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.histograms.get(key, |key| {
            let page = self.prometheus.register_histogram(key, metadata);
            match &self.bridge {
                Some(bridge) => bridge.histogram(key, page),
                None => page,
            }
        })
    }
}

/// The handles of one kind of metric.
struct Table<H>(RwLock<Rows<H>>);

struct Rows<H> {
    handles: HashMap<Key, H>,
    /// How many series each name has, without its overflow series.
    series: HashMap<KeyName, usize>,
}

impl<H> Default for Table<H> {
    fn default() -> Self {
        Self(RwLock::new(Rows { handles: HashMap::new(), series: HashMap::new() }))
    }
}

impl<H: Clone> Table<H> {
    /// The handle of `key`, made by `make` when the key is new, or the overflow handle when its name is full.
    fn get(&self, key: &Key, make: impl FnOnce(&Key) -> H) -> H {
        if let Some(handle) = self.0.read().unwrap_or_else(PoisonError::into_inner).find(key) {
            return handle;
        }
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have added the key, or filled the name, between the two locks.
        if let Some(handle) = rows.find(key) {
            return handle;
        }
        let mut key = key.to_retained();
        if rows.is_full(&key) {
            tracing::warn!(
                metric = key.name(),
                "a metric has too many label sets, further ones are summed up"
            );
            key = overflow(&key);
        } else {
            *rows.series.entry(key.name_shared()).or_default() += 1;
        }
        let handle = make(&key);
        rows.handles.insert(key, handle.clone());
        handle
    }
}

impl<H: Clone> Rows<H> {
    fn find(&self, key: &Key) -> Option<H> {
        let known = self.handles.get(key);
        known.or_else(|| self.handles.get(&overflow(key)).filter(|_| self.is_full(key))).cloned()
    }

    fn is_full(&self, key: &Key) -> bool {
        self.series.get(key.name()).is_some_and(|count| *count >= SERIES_PER_NAME_MAX)
    }
}

fn overflow(key: &Key) -> Key {
    Key::from_parts(key.name_shared(), vec![Label::from_static_parts("overflow", "true")])
}

#[cfg(test)]
mod tests {
    use metrics::{counter, gauge, histogram};

    use super::super::recorder;
    use super::*;

    #[test]
    fn the_page_shows_every_kind_with_buckets_by_unit() {
        let recorder = recorder(None).unwrap();
        let page = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_counter!("kaleem_test_calls_total", "Calls so far.");
            counter!("kaleem_test_calls_total", "code" => "ok").increment(2);
            counter!("kaleem_test_calls_total", "code" => "ok").increment(3);
            gauge!("kaleem_test_open_count").set(7);
            histogram!("kaleem_test_wait_seconds").record(0.0002);
            histogram!("kaleem_test_body_bytes").record(300);
            histogram!("kaleem_test_tokens").record(3);
        });
        let text = page.render();
        for line in [
            "# HELP kaleem_test_calls_total Calls so far.",
            "# TYPE kaleem_test_calls_total counter",
            "kaleem_test_calls_total{code=\"ok\"} 5",
            "kaleem_test_open_count 7",
            "kaleem_test_wait_seconds_bucket{le=\"0.0001\"} 0",
            "kaleem_test_wait_seconds_bucket{le=\"0.00025\"} 1",
            "kaleem_test_body_bytes_bucket{le=\"1024\"} 1",
            "kaleem_test_tokens_bucket{le=\"2\"} 0",
            "kaleem_test_tokens_bucket{le=\"5\"} 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn series_beyond_the_bound_are_summed_up() {
        let recorder = recorder(None).unwrap();
        let page = recorder.handle();
        let more = 50;
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..2 {
                for merchant in 0..SERIES_PER_NAME_MAX + more {
                    counter!("kaleem_test_leaks_total", "merchant" => merchant.to_string()).increment(1);
                }
            }
            counter!("kaleem_test_other_total", "a" => "b").increment(1);
        });
        let text = page.render();
        let series = text.lines().filter(|line| line.starts_with("kaleem_test_leaks_total{")).count();
        assert_eq!(series, SERIES_PER_NAME_MAX + 1);
        assert!(
            text.contains(&format!("kaleem_test_leaks_total{{overflow=\"true\"}} {}", 2 * more)),
            "{text}"
        );
        assert!(text.contains("kaleem_test_leaks_total{merchant=\"0\"} 2"));
        assert!(text.contains("kaleem_test_other_total{a=\"b\"} 1"), "other names are not affected");
    }
}
