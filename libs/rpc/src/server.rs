//! One listener for gRPC and HTTP: bounded connections and headers, optional TLS, and a graceful stop with a hard limit.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::{Mount, Transport, first_bytes::FirstBytes};

/// Bounds of a listener.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Connections at once; more wait in the accept queue of the system.
    pub connections_max: usize,
    /// Streams at once on one HTTP/2 connection.
    pub streams_per_connection_max: u32,
    /// Time for a connection to show its first bytes, its TLS handshake, and each HTTP/1 header block.
    pub header_timeout: Duration,
    /// Streams that a peer may reset before they were accepted (rapid reset).
    pub pending_resets_max: usize,
    /// Bytes of one header block.
    pub header_bytes_max: u32,
    /// Time for streams to end by themselves after the stop; what is left is cut.
    pub grace: Duration,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            streams_per_connection_max: 1_000,
            header_timeout: Duration::from_secs(30),
            pending_resets_max: 50,
            header_bytes_max: 64 * 1024,
            grace: Duration::from_secs(30),
        }
    }
}

/// Adds each mount under its gRPC path.
pub fn route(mut router: Router, mounts: &[Mount]) -> Router {
    for mount in mounts {
        router =
            router.route_service(&format!("/{}/{{*method}}", mount.name), Routed(mount.transport.clone()));
    }
    router
}

/// A mount as the router wants it. Its errors are statuses already and cannot reach the connection.
#[derive(Clone)]
struct Routed(Transport);

impl tower_service::Service<http::Request<axum::body::Body>> for Routed {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<axum::body::Body>) -> Self::Future {
        let transport = self.0.clone();
        Box::pin(async move {
            let answered = transport.oneshot(request.map(Body::new)).await;
            Ok(answered.unwrap_or_else(tonic::Status::into_http))
        })
    }
}

/// What a stop had to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stopped {
    /// Connections that were still busy when the grace was over.
    pub connections_cut: usize,
}

/// Serves `router` on `listener` until `stop`, then lets what runs end within the grace.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<rustls::ServerConfig>>,
    config: ListenerConfig,
    stop: CancellationToken,
) -> Stopped {
    let server = Server {
        builder: builder(&config),
        router,
        tls: tls.map(TlsAcceptor::from),
        graceful: GracefulShutdown::new(),
        connections: TaskTracker::new(),
        cut: CancellationToken::new(),
    };
    let permits = Arc::new(Semaphore::new(config.connections_max));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => server.connect(stream, permit, config.header_timeout),
            // Out of file descriptors and the like: the loop must not spin.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    server.stop(config.grace).await
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

fn builder(config: &ListenerConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.streams_per_connection_max)
        .max_pending_accept_reset_streams(config.pending_resets_max)
        .max_header_list_size(config.header_bytes_max)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

struct Server {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    tls: Option<TlsAcceptor>,
    graceful: GracefulShutdown,
    connections: TaskTracker,
    cut: CancellationToken,
}

impl Server {
    fn connect(&self, stream: TcpStream, permit: OwnedSemaphorePermit, patience: Duration) {
        let (builder, router) = (self.builder.clone(), self.router.clone());
        let (tls, watcher, cut) = (self.tls.clone(), self.graceful.watcher(), self.cut.clone());
        let connection = async move {
            // A connection that shows nothing holds a permit, so its patience is bounded, before TLS and after.
            match tls {
                None => drive(&builder, router, FirstBytes::new(stream, patience), watcher).await,
                Some(acceptor) => match tokio::time::timeout(patience, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        drive(&builder, router, FirstBytes::new(stream, patience), watcher).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake timed out"),
                },
            }
        };
        self.connections.spawn(async move {
            tokio::select! {
                () = connection => {}
                () = cut.cancelled() => {}
            }
            drop(permit);
        });
    }

    async fn stop(self, grace: Duration) -> Stopped {
        self.connections.close();
        let quiet = async {
            self.graceful.shutdown().await;
            self.connections.wait().await;
        };
        if tokio::time::timeout(grace, quiet).await.is_ok() {
            return Stopped::default();
        }
        let connections_cut = self.connections.len();
        self.cut.cancel();
        self.connections.wait().await;
        Stopped { connections_cut }
    }
}

async fn drive<I>(
    builder: &auto::Builder<TokioExecutor>,
    router: Router,
    io: I,
    watcher: hyper_util::server::graceful::Watcher,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection(TokioIo::new(io), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        // Peers that go away are no event; anything else shows at debug.
        tracing::debug!(%error, "connection ended");
    }
}
