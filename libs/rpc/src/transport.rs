//! One client type for a peer in this process and for a peer over TCP; callers cannot tell.

use std::{
    convert::Infallible,
    error::Error as _,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tonic::{
    Status,
    body::Body,
    codegen::Service,
    transport::{Channel, ClientTlsConfig, Endpoint},
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use crate::{Code, Fault, ResolverError, context, stack::deadline_exceeded};

/// An erased client transport; cloning is cheap. Its error is a [`Status`]: with a boxed error the call future of generated
/// clients is not `Send`.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// Time to connect, and again for the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes that a peer may send on one connection before they are read. Half of it is also the budget of the HTTP/2 library for small
/// frames that wait unread, at up to 256 bytes a frame: here 64 Ki frames. Its end is the end of every stream of the connection, and
/// a token is a frame, so the window that it would find by itself, which begins at 64 KiB, is far too small for a mesh.
const CONNECTION_WINDOW: u32 = 32 << 20;
/// Bytes that a peer may send on one stream before they are read.
const STREAM_WINDOW: u32 = 1 << 20;

/// A transport to a service in this process.
pub(crate) fn local<S>(service: S) -> Transport
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service.map_err(|never: Infallible| match never {}))
}

/// A transport to several services, told apart by the first part of the path.
pub(crate) fn by_path(services: Vec<(&'static str, Transport)>) -> Transport {
    let services: std::sync::Arc<[_]> = services.into();
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Body>| {
        let name = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        let found = services.iter().find(|(known, _)| *known == name).map(|(_, transport)| transport.clone());
        let unknown = found.is_none().then(|| format!("no service {name:?} runs here"));
        async move {
            if let Some(transport) = found {
                return transport.oneshot(request).await;
            }
            let message = unknown.unwrap_or_default();
            Err(Fault::new(Code::Unimplemented, "rpc.kaleem", "NOT_IMPLEMENTED", message).into())
        }
    }))
}

/// A transport to `address` (`http://host:port` or `https://…`) that connects on first use and again after a loss.
pub fn remote(target: &str, address: &str, tls: Option<ClientTlsConfig>) -> Result<Transport, ResolverError> {
    let wrong = |detail: String| ResolverError::Address {
        target: target.to_owned(),
        address: address.to_owned(),
        detail,
    };
    let mut endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|error| wrong(error.to_string()))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW);
    if let Some(tls) = tls {
        endpoint =
            endpoint.tls_config(tls.timeout(CONNECT_TIMEOUT)).map_err(|error| wrong(error.to_string()))?;
    }
    let peer = Arc::new(Peer { target: target.to_owned(), address: address.to_owned() });
    Ok(BoxCloneSyncService::new(Remote { channel: endpoint.connect_lazy(), peer }))
}

/// A channel that keeps the caller's deadline also while it connects, and whose failures are faults that name the peer.
#[derive(Clone)]
struct Remote {
    channel: Channel,
    peer: Arc<Peer>,
}

impl Service<Request<Body>> for Remote {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.channel.poll_ready(cx).map_err(|error| self.peer.unreachable(&error))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let timeout = context::timeout_of(request.headers());
        let (call, peer) = (self.channel.call(request), Arc::clone(&self.peer));
        Box::pin(async move {
            let answered = match timeout {
                Some(left) => {
                    tokio::time::timeout(left, call).await.map_err(|_elapsed| deadline_exceeded())?
                }
                None => call.await,
            };
            let response = answered.map_err(|error| peer.unreachable(&error))?;
            Ok(response.map(|body| Body::new(body.map_err(move |status| peer.lost(status)))))
        })
    }
}

/// Whom a remote transport calls.
struct Peer {
    target: String,
    address: String,
}

impl Peer {
    fn unreachable(&self, error: &tonic::transport::Error) -> Status {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // The channel keeps the deadline too, and may be the first to see it pass.
            if cause.is::<tonic::TimeoutExpired>() {
                return deadline_exceeded();
            }
            detail = cause.to_string();
            source = cause.source();
        }
        self.unavailable(format!("{} is not reachable at {}: {detail}", self.target, self.address))
    }

    /// A service's own failure comes in trailers; a body that fails is a connection that broke.
    fn lost(&self, status: Status) -> Status {
        match status.code() {
            tonic::Code::Cancelled | tonic::Code::DeadlineExceeded => status,
            _ => {
                let Self { target, address } = self;
                let detail = status.message();
                self.unavailable(format!(
                    "{target} at {address} was lost before its answer was complete: {detail}"
                ))
            }
        }
    }

    fn unavailable(&self, message: String) -> Status {
        Fault::new(Code::Unavailable, "rpc.kaleem", "PEER_UNAVAILABLE", message)
            .with("target", &self.target)
            .retry_after(Duration::from_secs(1))
            .into()
    }
}
