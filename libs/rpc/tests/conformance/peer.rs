//! The scripted provider behind the server stack, reached over a chosen transport.

use std::{path::Path, sync::Arc, time::Duration};

use axum::Router;
use http_body_util::Full;
use kaleem_domain::Clock as _;
use kaleem_proto::provider::v1::{
    CountTokensRequest, StreamGenerateRequest, StreamGenerateResponse,
    provider_service_client::ProviderServiceClient, provider_service_server::ProviderServiceServer,
};
use kaleem_rpc::{
    CallContext, Fault, Mount, StackConfig, Transport,
    certs::{DevAuthority, files_of},
    remote,
    server::{self, ListenerConfig, Stopped},
    tls::MeshTls,
};
use kaleem_runtime::SystemClock;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming, body::Body};
use tower::ServiceExt as _;

use crate::scripted::{Scripted, Seen};

/// Longest wait for something that must happen; a wrong expectation fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Within this the work of a call whose caller left must be gone.
pub const CANCEL_MAX: Duration = Duration::from_millis(100);

/// How the caller reaches the service.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    InProcess,
    Tcp,
    MutualTls,
}

/// Waits for `what` for as long as [`PATIENCE`].
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Certificates of a fresh development authority for the leaf `name` in `folder`.
pub fn mesh_tls(folder: &Path, name: &str) -> MeshTls {
    DevAuthority { folder, leaves: &[name], hosts: &[], days: 1, now: SystemClock.now() }
        .create(false)
        .expect("certificates");
    files_of(folder, name).load(SystemClock.now()).expect("fresh certificates load")
}

/// A scripted provider in the stack, and what it tells of itself.
pub struct Service {
    pub mount: Mount,
    seen: mpsc::UnboundedReceiver<Seen>,
    pub gate: Arc<Notify>,
}

impl Service {
    pub fn new(stack: &StackConfig) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let gate = Arc::new(Notify::new());
        let scripted = Scripted { seen: sender, gate: Arc::clone(&gate) };
        Self { mount: Mount::new(ProviderServiceServer::new(scripted), stack), seen, gate }
    }

    /// The next call that reached a handler: its context, and whether the caller's extension did too.
    pub async fn called(&mut self) -> (CallContext, bool) {
        match soon("a call", self.seen.recv()).await {
            Some(Seen::Called { context, leaked }) => (context, leaked),
            other => panic!("expected a call, saw {other:?}"),
        }
    }

    /// The end of a call's work.
    pub async fn dropped(&mut self) {
        match soon("the end of a call's work", self.seen.recv()).await {
            Some(Seen::Dropped) => {}
            other => panic!("expected the end of a call's work, saw {other:?}"),
        }
    }

    /// The ends of the work of `calls` calls, whatever else is seen meanwhile.
    pub async fn all_dropped(&mut self, calls: usize) {
        let mut left = calls;
        while left > 0 {
            match soon("the end of every call's work", self.seen.recv()).await {
                Some(Seen::Dropped) => left -= 1,
                Some(Seen::Called { .. }) => {}
                None => panic!("the service is gone"),
            }
        }
    }
}

/// A listener that serves until it is stopped or dropped.
pub struct Served {
    pub authority: String,
    pub stop: CancellationToken,
    serving: JoinSet<Stopped>,
}

impl Served {
    pub async fn start(
        router: Router,
        tls: Option<Arc<rustls::ServerConfig>>,
        config: ListenerConfig,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let authority = format!("localhost:{}", listener.local_addr().expect("a bound address").port());
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(server::serve(listener, router, tls, config, stop.clone()));
        Self { authority, stop, serving }
    }

    pub async fn stopped(&mut self) -> Stopped {
        soon("the listener's end", self.serving.join_next())
            .await
            .expect("one listener")
            .expect("it does not panic")
    }
}

/// The service with a client over one transport.
pub struct Peer {
    pub client: ProviderServiceClient<Transport>,
    transport: Transport,
    pub service: Service,
    _served: Option<Served>,
    _certificates: Option<TempDir>,
}

impl Peer {
    pub async fn start(wire: Wire, stack: &StackConfig) -> Self {
        let service = Service::new(stack);
        let router = || server::route(Router::new(), std::slice::from_ref(&service.mount));
        let (transport, served, certificates) = match wire {
            Wire::InProcess => (service.mount.transport.clone(), None, None),
            Wire::Tcp => {
                let served = Served::start(router(), None, ListenerConfig::default()).await;
                let transport = remote("provider", &format!("http://{}", served.authority), None);
                (transport.expect("an address"), Some(served), None)
            }
            Wire::MutualTls => {
                let folder = TempDir::new().expect("a temp folder");
                let tls = mesh_tls(folder.path(), "provider");
                let served = Served::start(router(), Some(tls.server), ListenerConfig::default()).await;
                let transport =
                    remote("provider", &format!("https://{}", served.authority), Some(tls.client));
                (transport.expect("an address"), Some(served), Some(folder))
            }
        };
        let client = ProviderServiceClient::new(transport.clone());
        Self { client, transport, service, _served: served, _certificates: certificates }
    }

    /// The fault of a call of `method` with `body`, past the generated client.
    pub async fn raw(&mut self, method: &str, body: &'static [u8]) -> Fault {
        let path = format!("/{}/{method}", self.service.mount.name);
        let request =
            http::Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
        let request = request.body(Body::new(Full::from(body))).expect("a request");
        let answer = soon("an answer", self.transport.clone().oneshot(request)).await.expect("an answer");
        Fault::from_status(&Status::from_header_map(answer.headers()).expect("a status in the headers"))
    }

    /// Counts tokens with `request`.
    pub async fn count(&mut self, request: Request<CountTokensRequest>) -> Result<i64, Fault> {
        let answer = soon("a unary answer", self.client.count_tokens(request)).await;
        answer.map(|response| response.into_inner().input_count).map_err(|status| Fault::from_status(&status))
    }

    /// Opens a stream with `request`.
    pub async fn open(
        &mut self,
        request: Request<StreamGenerateRequest>,
    ) -> Result<Streaming<StreamGenerateResponse>, Fault> {
        let answer = soon("the headers of a stream", self.client.stream_generate(request)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }
}

/// A unary call of the script `model`.
pub fn count(model: &str) -> Request<CountTokensRequest> {
    Request::new(CountTokensRequest { model: model.into(), ..CountTokensRequest::default() })
}

/// A streamed call of the script `model`.
pub fn generate(model: &str) -> Request<StreamGenerateRequest> {
    Request::new(StreamGenerateRequest { model: model.into(), ..StreamGenerateRequest::default() })
}

/// The next message of a stream that must bring one.
pub async fn next(events: &mut Streaming<StreamGenerateResponse>) -> StreamGenerateResponse {
    soon("a message", events.message()).await.expect("no failure").expect("no end")
}

/// The failure that ends a stream.
pub async fn failure(events: &mut Streaming<StreamGenerateResponse>) -> Status {
    soon("the end of a stream", events.message()).await.expect_err("a failure")
}
