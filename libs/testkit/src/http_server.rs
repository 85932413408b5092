//! The loopback HTTP/1.1 server under the fake upstreams, which can also die and cut connections as real
//! servers do.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Marks a response that must never be sent: the connection is closed instead.
#[derive(Clone)]
struct CutConnection;

/// Returns a stand-in response that makes the server close the connection without an answer.
pub(crate) fn cut_connection() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(CutConnection);
    response
}

type Connections = Arc<Mutex<JoinSet<()>>>;

/// A server on one loopback port; dropping it closes the port and every connection.
pub(crate) struct HttpServer {
    address: SocketAddr,
    router: Router,
    accepting: JoinSet<()>,
    connections: Connections,
}

impl HttpServer {
    /// Serves `router` on `listener`, on the runtime of the caller.
    pub(crate) fn start(listener: TcpListener, router: Router) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let mut server =
            Self { address, router, accepting: JoinSet::new(), connections: Connections::default() };
        server.serve(listener);
        server
    }

    /// Returns the address that the server was bound to; it stays the same over [`HttpServer::kill`] and
    /// [`HttpServer::revive`].
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port and every connection, as the death of the process would.
    pub(crate) async fn kill(&mut self) {
        self.accepting.shutdown().await;
        let mut connections =
            std::mem::take(&mut *self.connections.lock().expect("no connection task panicked"));
        connections.shutdown().await;
    }

    /// Opens the same port again after [`HttpServer::kill`].
    pub(crate) fn revive(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the port of the killed server is free");
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).expect("a socket can be made non-blocking");
        let listener =
            tokio::net::TcpListener::from_std(listener).expect("the caller runs inside a Tokio runtime");
        self.accepting.spawn(accept(listener, self.router.clone(), Arc::clone(&self.connections)));
    }
}

async fn accept(listener: tokio::net::TcpListener, router: Router, connections: Connections) {
    // An accept error is a connection that its client has given up already, or the end of the test's file
    // descriptors.
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let mut connections = connections.lock().expect("no connection task panicked");
        while connections.try_join_next().is_some() {}
        connections.spawn(serve_connection(stream, router));
    }
}

async fn serve_connection(stream: tokio::net::TcpStream, router: Router) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            if response.extensions().get::<CutConnection>().is_some() {
                return Err(std::io::Error::other("the script cuts the connection"));
            }
            Ok(response)
        }
    });
    // An error here is a scripted cut or a client that left; both are recorded by the exchange.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
