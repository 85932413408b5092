//! One span and one measurement a call, from its start to the end of its body.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use http::{HeaderMap, Request, Response};
use metrics::{Histogram, SharedString};
use tonic::body::Body;
use tracing::{Span, field, span::Entered};

use crate::Code;

/// The methods of one service that have answered well, so that most calls find their histogram without building its labels.
#[derive(Debug)]
pub(super) struct Methods {
    service: &'static str,
    known: RwLock<HashMap<Arc<str>, Arc<Method>>>,
}

/// A method and where the durations of its good calls go. Without a histogram the name is the caller's and may be anything.
#[derive(Debug)]
struct Method {
    name: Arc<str>,
    good: Option<Histogram>,
}

impl Methods {
    pub(super) fn of(service: &'static str) -> Self {
        Self { service, known: RwLock::default() }
    }

    fn find(&self, name: &str) -> Arc<Method> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(name).map(Arc::clone);
        found.unwrap_or_else(|| Arc::new(Method { name: name.into(), good: None }))
    }

    /// Remembers a method that has answered well. Only names that the service knows come here, so there are few.
    fn remember(&self, name: &Arc<str>, good: Histogram) {
        let method = Arc::new(Method { name: Arc::clone(name), good: Some(good) });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(name), method);
    }
}

/// What is known of a running call.
pub(super) struct CallRecord {
    methods: Arc<Methods>,
    method: Arc<Method>,
    span: Span,
    started: Instant,
    finished: bool,
}

impl CallRecord {
    /// Opens the span of `request`, as a child of the caller's where it names one.
    pub(super) fn start(methods: &Arc<Methods>, request: &Request<Body>) -> Self {
        let method = methods.find(request.uri().path().rsplit('/').next().unwrap_or_default());
        let span = tracing::debug_span!(
            "rpc",
            otel.name = field::Empty,
            rpc.system = "grpc",
            rpc.service = methods.service,
            rpc.method = &*method.name,
            rpc.grpc.status_code = field::Empty,
        );
        if !span.is_disabled() {
            span.record("otel.name", request.uri().path().trim_start_matches('/'));
            if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
                crate::trace::set_parent(&span, parent);
            }
        }
        Self { methods: Arc::clone(methods), method, span, started: Instant::now(), finished: false }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        (!self.span.is_disabled()).then(|| self.span.enter())
    }

    pub(super) fn method(&self) -> &str {
        &self.method.name
    }

    /// Notes an answer that is a failure from its headers on.
    pub(super) fn headers(&mut self, response: &Response<Body>) {
        if response.headers().contains_key("grpc-status") {
            self.trailers(response.headers());
        }
    }

    /// Notes the status in `trailers`.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        let number = trailers.get("grpc-status").map_or("0", |value| value.to_str().unwrap_or("2"));
        self.record(number);
    }

    pub(super) fn finish(&mut self, code: Code) {
        self.record(&code.number().to_string());
    }

    /// Notes a body that was dropped; one that had ended is left as it was recorded.
    pub(super) fn abandon(&mut self) {
        if !self.finished {
            self.finish(Code::Cancelled);
        }
    }

    /// Notes a body that ended without trailers.
    pub(super) fn end_of_body(&mut self) {
        self.record("0");
    }

    fn record(&mut self, status: &str) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.span.record("rpc.grpc.status_code", status);
        let elapsed = self.started.elapsed().as_secs_f64();
        match &self.method.good {
            Some(good) if status == "0" => good.record(elapsed),
            _ => self.histogram(status).record(elapsed),
        }
    }

    fn histogram(&self, status: &str) -> Histogram {
        // Code 12 is a method that nobody knows: its name is the caller's, not ours, and must not become a label.
        let method = if status == "12" { "(unknown)" } else { &*self.method.name };
        let labels = [
            ("service", SharedString::const_str(self.methods.service)),
            ("method", SharedString::from(method.to_owned())),
            ("code", SharedString::from(status.to_owned())),
        ];
        let histogram = metrics::histogram!("kaleem_rpc_duration_seconds", &labels);
        if status == "0" {
            self.methods.remember(&self.method.name, histogram.clone());
        }
        histogram
    }
}
