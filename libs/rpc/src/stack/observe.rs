//! One span and one measurement a call, from its start to the end of its body.

use std::time::Instant;

use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tracing::{Span, field, span::Entered};

use crate::Code;

/// What is known of a running call.
pub(super) struct CallRecord {
    service: &'static str,
    method: Box<str>,
    span: Span,
    started: Instant,
    finished: bool,
}

impl CallRecord {
    /// Opens the span of `request`, as a child of the caller's where it names one.
    pub(super) fn start(service: &'static str, request: &Request<Body>) -> Self {
        let method: Box<str> = request.uri().path().rsplit('/').next().unwrap_or_default().into();
        let span = tracing::debug_span!(
            "rpc",
            otel.name = field::Empty,
            rpc.system = "grpc",
            rpc.service = service,
            rpc.method = &*method,
            rpc.grpc.status_code = field::Empty,
        );
        if !span.is_disabled() {
            span.record("otel.name", request.uri().path().trim_start_matches('/'));
            if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
                crate::trace::set_parent(&span, parent);
            }
        }
        Self { service, method, span, started: Instant::now(), finished: false }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        (!self.span.is_disabled()).then(|| self.span.enter())
    }

    pub(super) fn method(&self) -> &str {
        &self.method
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
        // Code 12 is a method that nobody knows: its name is the caller's, not ours, and must not become a label.
        let method = if status == "12" { "(unknown)" } else { &*self.method };
        let labels = [
            ("service", metrics::SharedString::const_str(self.service)),
            ("method", metrics::SharedString::from(method.to_owned())),
            ("code", metrics::SharedString::from(status.to_owned())),
        ];
        metrics::histogram!("kaleem_rpc_duration_seconds", &labels)
            .record(self.started.elapsed().as_secs_f64());
    }
}
