//! Where a trace crosses from one process into another, in the W3C `traceparent` form.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

/// Whether traces are exported. Without, both directions cost one load.
static ENABLED: AtomicBool = AtomicBool::new(false);

pub(super) fn enable(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// The `traceparent` of the current span, to send along with a call; none where nothing is traced.
pub fn inject_traceparent() -> Option<String> {
    if !ENABLED.load(Ordering::Relaxed) {
        return None;
    }
    let mut carrier = Carrier(None);
    let context = tracing::Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.0
}

/// Makes the caller's span the parent of `span`, which must not have been entered with children yet.
///
/// A malformed `traceparent` is ignored, as the standard asks, and `span` begins a trace of its own.
pub fn set_parent(span: &tracing::Span, traceparent: &str) {
    if !ENABLED.load(Ordering::Relaxed) {
        return;
    }
    let carrier = Carrier(Some(traceparent.to_owned()));
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    if parent.span().span_context().is_valid() {
        // Fails only for a span that is filtered out or already placed in a trace; both stay as they are.
        let _ = span.set_parent(parent);
    }
}

/// A set of headers that only knows `traceparent`.
struct Carrier(Option<String>);

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}
