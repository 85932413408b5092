//! HTTP/1.1 connections to one worker. Each is driven by the task that reads its answer: a connection with a task of its own hands
//! every token over between two threads, and nothing could see that several have arrived.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use futures::Future as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{TrySendError, http1},
};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use kaleem_runtime::{Supervisor, config::Secret};
use tokio::net::TcpStream;
use tower_service::Service as _;
use url::Url;

use crate::error::Error;

/// How long an idle connection is kept: shorter than the 5 s after which uvicorn closes it under our hands.
const IDLE_AGE_MAX: Duration = Duration::from_secs(4);
/// Idle connections that are kept at most.
const IDLE_MAX: usize = 1_024;
/// Bytes that are taken in before what arrived is passed on.
const ARRIVED_BYTES_MAX: usize = 64 * 1024;
/// Time for an answer that is over to reach the end of its body, so that its connection can be used again.
const REST_MAX: Duration = Duration::from_secs(1);

/// How connections are made; cloning shares the TLS configuration.
#[derive(Clone)]
pub struct Connector {
    https: HttpsConnector<HttpConnector>,
    timeout: Duration,
    /// Waits for what is read beside the calls.
    supervisor: Supervisor,
}

impl Connector {
    /// Connects within `timeout`, over TLS with the system's authorities where the address says so. No proxy and no redirect: a
    /// prompt goes to the configured address or nowhere.
    pub fn new(timeout: Duration, supervisor: Supervisor) -> Result<Self, Error> {
        let tls = |error: rustls::Error| Error::HttpClient(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(
                rustls_platform_verifier::Verifier::new(provider).map_err(tls)?,
            ))
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        Ok(Self { https: HttpsConnector::from((http, config)), timeout, supervisor })
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody listens there.
    #[error("its port does not accept connections")]
    Refused,
    /// No connection in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// The connection ended before the answer began.
    #[error("the connection broke before it answered")]
    Broken,
}

/// The connections to one worker; cloning shares them.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    connector: Connector,
    target: Uri,
    /// Path before `/v1/…`, without a slash at its end.
    prefix: String,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    idle: Mutex<VecDeque<Idle>>,
}

struct Idle {
    link: Link,
    since: Instant,
}

type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// One connection with the means to use it.
struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    connection: http1::Connection<Io, Full<Bytes>>,
    closed: bool,
}

impl Connections {
    /// No connections to `base` yet; `api_key` may be empty. An address or a key that HTTP cannot carry is an error.
    pub fn new(base: &Url, api_key: &Secret, connector: Connector) -> Result<Self, Error> {
        let unusable = |what: &str| Error::HttpClient(format!("{what} of {base} cannot be sent over HTTP"));
        let target = base.as_str().parse().map_err(|_| unusable("the address"))?;
        let host = base.host_str().unwrap_or_default();
        let host = base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let bearer = |key: &Secret| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))?;
            value.set_sensitive(true);
            Ok::<_, http::header::InvalidHeaderValue>(value)
        };
        Ok(Self(Arc::new(Inner {
            connector,
            target,
            prefix: base.path().trim_end_matches('/').to_owned(),
            host: HeaderValue::from_str(&host).map_err(|_| unusable("the host"))?,
            authorization: (!api_key.is_empty())
                .then(|| bearer(api_key))
                .transpose()
                .map_err(|_| unusable("the API key"))?,
            idle: Mutex::default(),
        })))
    }

    /// Asks for `path`.
    pub async fn get(&self, path: &str) -> Result<Reply, SendError> {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    /// Sends JSON to `path`; `request_id` finds the request again in the worker's log.
    pub async fn post(&self, path: &str, request_id: Option<&str>, json: Bytes) -> Result<Reply, SendError> {
        self.send(Method::POST, path, request_id, json).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        request_id: Option<&str>,
        body: Bytes,
    ) -> Result<Reply, SendError> {
        let mut request = self.0.request(method, path, request_id, body)?;
        while let Some(mut link) = self.0.take_idle() {
            match link.exchange(request).await {
                Ok(response) => return Ok(Reply::new(response, link, Arc::clone(&self.0))),
                // The worker closed it meanwhile; nothing was sent.
                Err(mut unsent) => request = unsent.take_message().ok_or(SendError::Broken)?,
            }
        }
        let mut link = self.0.connect().await?;
        let response = link.exchange(request).await.map_err(|_| SendError::Broken)?;
        Ok(Reply::new(response, link, Arc::clone(&self.0)))
    }
}

impl Inner {
    fn request(
        &self,
        method: Method,
        path: &str,
        request_id: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, SendError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, &self.host)
            .header(header::USER_AGENT, "kaleem");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(id) = request_id {
            request = request.header("x-request-id", id);
        }
        request.body(Full::new(body)).map_err(|_| SendError::Broken)
    }

    async fn connect(&self) -> Result<Link, SendError> {
        let mut https = self.connector.https.clone();
        let connecting = async {
            poll_fn(|cx| https.poll_ready(cx)).await.map_err(|_| SendError::Refused)?;
            let io = https.call(self.target.clone()).await.map_err(|_| SendError::Refused)?;
            http1::handshake(io).await.map_err(|_| SendError::Broken)
        };
        let connected = tokio::time::timeout(self.connector.timeout, connecting).await;
        let (sender, connection) = connected.map_err(|_| SendError::TimedOut)??;
        Ok(Link { sender, connection, closed: false })
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last, if it is still good.
    fn take_idle(&self) -> Option<Link> {
        loop {
            let Idle { mut link, since } = self.idle().pop_back()?;
            if since.elapsed() < IDLE_AGE_MAX && link.is_usable() {
                return Some(link);
            }
        }
    }

    /// Keeps a connection whose answer was read to its end, and lets go of those that nobody used for long.
    fn keep(&self, mut link: Link) {
        if !link.is_usable() {
            return;
        }
        let mut idle = self.idle();
        while idle.front().is_some_and(|oldest| oldest.since.elapsed() >= IDLE_AGE_MAX)
            || idle.len() >= IDLE_MAX
        {
            idle.pop_front();
        }
        idle.push_back(Idle { link, since: Instant::now() });
    }
}

impl Link {
    /// Lets the connection read and write what it can.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.closed {
            // Why it ended is told to whoever waits for the answer.
            self.closed = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
    }

    /// Whether another request can be sent; notices a worker that has closed its end.
    fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.closed && self.sender.is_ready()
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let mut answered = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            self.drive(cx);
            answered.as_mut().poll(cx)
        })
        .await
    }
}

/// An answer whose body is read as fast as it is asked for. Dropped before its end it closes the connection, and the worker aborts.
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
    link: Option<Link>,
    home: Arc<Inner>,
    broken: bool,
}

/// The connection ended inside the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl Reply {
    fn new(response: Response<Incoming>, link: Link, home: Arc<Inner>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, body, link: Some(link), home, broken: false }
    }

    /// Waits for more of the body and adds all of it that has arrived to `pieces`; without any, the body is over.
    pub async fn read(&mut self, pieces: &mut Vec<Bytes>) -> Result<(), Lost> {
        poll_fn(|cx| self.poll_read(cx, pieces)).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, pieces: &mut Vec<Bytes>) -> Poll<Result<(), Lost>> {
        let (before, mut bytes) = (pieces.len(), 0);
        while bytes < ARRIVED_BYTES_MAX && !self.broken {
            match self.poll_piece(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    bytes += piece.len();
                    pieces.push(piece);
                }
                Poll::Ready(Some(Err(Lost))) => self.broken = true,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending if pieces.len() > before => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        // What came before the connection broke is passed on first.
        Poll::Ready(if pieces.len() > before { Ok(()) } else { Err(Lost) })
    }

    /// The next piece; at the end of the body the connection goes back to the others.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Lost>>> {
        loop {
            let Some(link) = self.link.as_mut() else { return Poll::Ready(None) };
            link.drive(cx);
            let mut polled = Pin::new(&mut self.body).poll_frame(cx);
            if polled.is_pending() {
                // Asking for a piece is what lets the connection read.
                link.drive(cx);
                polled = Pin::new(&mut self.body).poll_frame(cx);
            }
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    Ok(_) | Err(_) => {}
                },
                Some(Err(_)) => return Poll::Ready(Some(Err(Lost))),
                None => {
                    self.link.take().into_iter().for_each(|link| self.home.keep(link));
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// The whole body; `None` if it breaks off or is longer than `limit`.
    pub async fn bounded(mut self, limit: usize) -> Option<Vec<u8>> {
        let (mut body, mut pieces) = (Vec::new(), Vec::new());
        loop {
            self.read(&mut pieces).await.ok()?;
            if pieces.is_empty() {
                return Some(body);
            }
            for piece in pieces.drain(..) {
                if body.len() + piece.len() > limit {
                    return None;
                }
                body.extend_from_slice(&piece);
            }
        }
    }

    /// Lets the connection of an answer that is over be used again: reads the end of the body where it has arrived, or waits for it
    /// beside everything else.
    pub fn finish(mut self) {
        let read = self.poll_read(&mut Context::from_waker(Waker::noop()), &mut Vec::new());
        if self.link.is_none() || matches!(read, Poll::Ready(Err(Lost))) {
            return;
        }
        let supervisor = self.home.connector.supervisor.clone();
        supervisor.spawn_detached("provider-local rest of an answer", async move {
            // A worker that goes on talking after its end loses the connection.
            let _ = tokio::time::timeout(REST_MAX, self.bounded(ARRIVED_BYTES_MAX)).await;
        });
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
