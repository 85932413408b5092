//! The one wrapper around every service, the same value for the port and for callers in this process.
//!
//! From the outside in: strip extensions (context crosses only in metadata), limit and shed (before anything costs), trace and
//! count (also what was shed), deadline (unary and stream body), catch panics (closest to the handler, so that everything
//! outside still runs), service.

mod body;
mod deadline;
mod observe;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::{Status, body::Body, codegen::Service, server::NamedService};
use tracing::Instrument as _;

use crate::{Code, Fault, Transport, context, transport};
use body::GuardedBody;
use observe::{CallRecord, Methods};

/// Bounds of one service.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// Calls and streams at once; more are shed with `OVERLOADED`.
    pub concurrent_calls_max: usize,
    /// Deadline of calls that bring none. The streams of methods called `Watch…` have none then.
    pub default_deadline: Duration,
    /// Longest deadline that is honoured.
    pub deadline_max: Duration,
}

impl Default for StackConfig {
    fn default() -> Self {
        Self {
            concurrent_calls_max: 4096,
            default_deadline: Duration::from_mins(2),
            deadline_max: Duration::from_mins(15),
        }
    }
}

/// A wrapped service with its gRPC name, ready for a port and for local callers.
#[derive(Clone)]
pub struct Mount {
    /// Full gRPC service name, for example `kaleem.quota.v1.QuotaService`.
    pub name: &'static str,
    /// The wrapped service.
    pub transport: Transport,
}

impl Mount {
    /// Wraps `service`.
    pub fn new<S>(service: S, config: &StackConfig) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self::named(S::NAME, service, config)
    }

    /// One transport to several services of one target, as a listener would have it: calls go by their path.
    pub fn combine(mounts: &[Self]) -> Transport {
        match mounts {
            [only] => only.transport.clone(),
            several => transport::by_path(
                several.iter().map(|mount| (mount.name, mount.transport.clone())).collect(),
            ),
        }
    }

    /// Wraps `service`, which answers for the gRPC service `name`.
    pub fn named<S>(name: &'static str, service: S, config: &StackConfig) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self { name, transport: transport::local(Guarded::new(service, name, config)) }
    }
}

/// A service inside the stack.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    name: &'static str,
    methods: Arc<Methods>,
    permits: Arc<Semaphore>,
    config: Arc<StackConfig>,
}

impl<S> Guarded<S> {
    /// Wraps `inner`, known as `name`.
    pub fn new(inner: S, name: &'static str, config: &StackConfig) -> Self {
        let permits = Arc::new(Semaphore::new(config.concurrent_calls_max));
        Self { inner, name, methods: Arc::new(Methods::of(name)), permits, config: Arc::new(config.clone()) }
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.extensions_mut().clear();
        let mut record = CallRecord::start(&self.methods, &request);
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            let response = overloaded(self.name).into_http();
            record.finish(Code::Unavailable);
            return Box::pin(std::future::ready(Ok(response)));
        };
        let (deadline, body_deadline) = self.deadlines(&request, record.method());
        // The clone keeps the instance that was polled ready for this call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let span = record.span();
        let call = async move {
            let handled =
                std::panic::AssertUnwindSafe(async move { inner.call(request).await }).catch_unwind();
            let response = match tokio::time::timeout_at(deadline.into(), handled).await {
                Ok(Ok(Ok(response))) => {
                    unnamed_refusal(response.headers()).map_or(response, Status::into_http)
                }
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(_panic)) => panicked(record.method()).into_http(),
                Err(_elapsed) => deadline_exceeded().into_http(),
            };
            record.headers(&response);
            Ok(response.map(|body| Body::new(GuardedBody::new(body, body_deadline, record, permit))))
        };
        Box::pin(call.instrument(span))
    }
}

impl<S> Guarded<S> {
    /// When the headers of the answer must be there, and when its body must be over. A watch lasts as long as its watcher wants.
    fn deadlines(&self, request: &Request<Body>, method: &str) -> (Instant, Option<Instant>) {
        let asked = context::timeout_of(request.headers());
        let deadline =
            Instant::now() + asked.unwrap_or(self.config.default_deadline).min(self.config.deadline_max);
        let unbounded = asked.is_none() && method.starts_with("Watch");
        (deadline, (!unbounded).then_some(deadline))
    }
}

/// The fault for an answer that the generated server gave by itself, before any handler: handlers always name a reason.
fn unnamed_refusal(headers: &http::HeaderMap) -> Option<Status> {
    if headers.get("grpc-status").is_none_or(|code| code == "0")
        || headers.contains_key("grpc-status-details-bin")
    {
        return None;
    }
    let status = Status::from_header_map(headers)?;
    let said = |what: &str| format!("{what}: {}", status.message()).trim_end_matches([':', ' ']).to_owned();
    let fault = match status.code() {
        tonic::Code::OutOfRange => {
            let message = said("the request is too large");
            Fault::new(Code::InvalidArgument, "rpc.kaleem", "REQUEST_TOO_LARGE", message)
        }
        tonic::Code::Unimplemented => {
            let message = said("the call is not served here");
            Fault::new(Code::Unimplemented, "rpc.kaleem", "METHOD_UNKNOWN", message)
        }
        _ => {
            let message = said("the request cannot be read");
            Fault::new(Code::InvalidArgument, "rpc.kaleem", "REQUEST_MALFORMED", message)
        }
    };
    Some(fault.into())
}

fn overloaded(name: &str) -> Status {
    let message = format!("{name} has as many calls as it may take; try again after the wait, with jitter");
    Fault::new(Code::Unavailable, "rpc.kaleem", "OVERLOADED", message)
        .retry_after(Duration::from_millis(250))
        .into()
}

pub(crate) fn deadline_exceeded() -> Status {
    let message = "the deadline passed before the answer was complete; ask with a longer deadline";
    Fault::new(Code::DeadlineExceeded, "rpc.kaleem", "DEADLINE_EXCEEDED", message).into()
}

/// The panic's text stays out of the answer: it may hold what the caller sent.
pub(crate) fn panicked(method: &str) -> Status {
    tracing::error!(rpc.method = method, "handler panicked");
    Fault::new(
        Code::Internal,
        "rpc.kaleem",
        "PANIC",
        "the call failed by a defect of the service; it was recorded",
    )
    .into()
}
