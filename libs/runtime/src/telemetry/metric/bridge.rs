//! A copy of every series for the OTLP export.
//!
//! Counters and gauges are atomics that the exporter reads when it collects, so recording into them never takes one of
//! its locks. Histograms are recorded into its own instruments.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, SharedString};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::buckets;

/// Makes the exported twin of each series.
pub(super) struct Bridge {
    meter: Meter,
    descriptions: Mutex<HashMap<String, SharedString>>,
    counters: Mutex<HashMap<String, Series>>,
    gauges: Mutex<HashMap<String, Series>>,
    histograms: Mutex<HashMap<String, opentelemetry::metrics::Histogram<f64>>>,
}

/// All series of one name, which grow while the exporter holds the list.
#[derive(Clone, Default)]
struct Series(Arc<Mutex<Vec<Point>>>);

/// One label set and its value: a count, or the bits of a gauge.
struct Point {
    attributes: Vec<KeyValue>,
    value: Arc<AtomicU64>,
}

impl Series {
    fn add(&self, key: &Key) -> Arc<AtomicU64> {
        let value = Arc::new(AtomicU64::new(0));
        lock(&self.0).push(Point { attributes: attributes(key), value: Arc::clone(&value) });
        value
    }

    fn observe<V>(&self, observer: &dyn AsyncInstrument<V>, read: impl Fn(u64) -> V) {
        for point in lock(&self.0).iter() {
            observer.observe(read(point.value.load(Ordering::Relaxed)), &point.attributes);
        }
    }
}

impl Bridge {
    pub(super) fn new(meter: Meter) -> Self {
        let (descriptions, counters, gauges, histograms) = Default::default();
        Self { meter, descriptions, counters, gauges, histograms }
    }

    /// Notes what `name` means; counts for instruments that are made later.
    pub(super) fn describe(&self, name: &str, text: &SharedString) {
        lock(&self.descriptions).entry(name.to_owned()).or_insert_with(|| text.clone());
    }

    fn description(&self, name: &str) -> String {
        lock(&self.descriptions).get(name).map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn counter(&self, key: &Key, page: Counter) -> Counter {
        let mut counters = lock(&self.counters);
        let series = counters.entry(key.name().to_owned()).or_insert_with(|| {
            let (series, name) = (Series::default(), key.name().to_owned());
            let source = series.clone();
            let instrument =
                self.meter.u64_observable_counter(name).with_description(self.description(key.name()));
            instrument.with_callback(move |observer| source.observe(observer, |value| value)).build();
            series
        });
        Counter::from_arc(Arc::new(Twin { page, exported: series.add(key) }))
    }

    pub(super) fn gauge(&self, key: &Key, page: Gauge) -> Gauge {
        let mut gauges = lock(&self.gauges);
        let series = gauges.entry(key.name().to_owned()).or_insert_with(|| {
            let (series, name) = (Series::default(), key.name().to_owned());
            let source = series.clone();
            let instrument =
                self.meter.f64_observable_gauge(name).with_description(self.description(key.name()));
            instrument.with_callback(move |observer| source.observe(observer, f64::from_bits)).build();
            series
        });
        Gauge::from_arc(Arc::new(Twin { page, exported: series.add(key) }))
    }

    pub(super) fn histogram(&self, key: &Key, page: Histogram) -> Histogram {
        let mut histograms = lock(&self.histograms);
        let exported = histograms.entry(key.name().to_owned()).or_insert_with(|| {
            let instrument = self.meter.f64_histogram(key.name().to_owned());
            let described = instrument.with_description(self.description(key.name()));
            described.with_boundaries(buckets(key.name()).to_vec()).build()
        });
        let twin = HistogramTwin { page, exported: exported.clone(), attributes: attributes(key) };
        Histogram::from_arc(Arc::new(twin))
    }
}

/// A series on the page and its exported copy.
struct Twin<H> {
    page: H,
    exported: Arc<AtomicU64>,
}

impl CounterFn for Twin<Counter> {
    fn increment(&self, value: u64) {
        self.page.increment(value);
        CounterFn::increment(self.exported.as_ref(), value);
    }

    fn absolute(&self, value: u64) {
        self.page.absolute(value);
        CounterFn::absolute(self.exported.as_ref(), value);
    }
}

impl GaugeFn for Twin<Gauge> {
    fn increment(&self, value: f64) {
        self.page.increment(value);
        GaugeFn::increment(self.exported.as_ref(), value);
    }

    fn decrement(&self, value: f64) {
        self.page.decrement(value);
        GaugeFn::decrement(self.exported.as_ref(), value);
    }

    fn set(&self, value: f64) {
        self.page.set(value);
        GaugeFn::set(self.exported.as_ref(), value);
    }
}

struct HistogramTwin {
    page: Histogram,
    exported: opentelemetry::metrics::Histogram<f64>,
    attributes: Vec<KeyValue>,
}

impl HistogramFn for HistogramTwin {
    fn record(&self, value: f64) {
        self.page.record(value);
        self.exported.record(value, &self.attributes);
    }
}

fn attributes(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
