//! The listener: two protocols on one port, a stop that is graceful and bounded, and patience that ends.

use std::time::Duration;

use axum::{Router, routing::get};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use kaleem_proto::provider::v1::provider_service_client::ProviderServiceClient;
use kaleem_rpc::{
    Code, Fault, StackConfig, Transport, remote,
    server::{ListenerConfig, Stopped, route},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    peer::{Served, Service, count, failure, generate, next, soon},
    scripted::{GATED, HANG, OK, finished, started, text},
};

async fn serve(config: ListenerConfig) -> (Service, Served, ProviderServiceClient<Transport>) {
    let service = Service::new(&StackConfig::default());
    let router = Router::new().route("/hello", get(|| async { "marhaba" }));
    let served = Served::start(route(router, std::slice::from_ref(&service.mount)), None, config).await;
    let transport = remote("provider", &format!("http://{}", served.authority), None).expect("an address");
    (service, served, ProviderServiceClient::new(transport))
}

fn socket(served: &Served) -> String {
    served.authority.replace("localhost", "127.0.0.1")
}

#[tokio::test]
async fn http1_and_grpc_share_the_port() {
    let (_service, served, mut client) = serve(ListenerConfig::default()).await;
    assert!(client.count_tokens(count(OK)).await.is_ok());

    let stream = TcpStream::connect(socket(&served)).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1");
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = http::Request::get("/hello")
        .header("host", &served.authority)
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let answer = soon("an HTTP/1 answer", sender.send_request(request)).await.expect("an answer");
    assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_11));
    assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "marhaba");
}

#[tokio::test]
async fn a_stop_lets_a_running_stream_end() {
    let (mut service, mut served, mut client) = serve(ListenerConfig::default()).await;
    let mut events = client.stream_generate(generate(GATED)).await.expect("a stream").into_inner();
    assert_eq!(next(&mut events).await, started());
    service.called().await;

    served.stop.cancel();
    let closed = async { while TcpStream::connect(socket(&served)).await.is_ok() {} };
    soon("the port to close", closed).await;

    service.gate.notify_one();
    assert_eq!(next(&mut events).await, text("later"));
    assert_eq!(next(&mut events).await, finished());
    assert_eq!(soon("the end", events.message()).await.expect("a clean end"), None);
    assert_eq!(served.stopped().await, Stopped { connections_cut: 0 });
}

#[tokio::test]
async fn a_stream_that_outlasts_the_grace_is_cut() {
    let grace = Duration::from_millis(100);
    let (mut service, mut served, mut client) =
        serve(ListenerConfig { grace, ..ListenerConfig::default() }).await;
    let mut events = client.stream_generate(generate(HANG)).await.expect("a stream").into_inner();
    assert_eq!(next(&mut events).await, started());
    service.called().await;

    served.stop.cancel();
    assert_eq!(served.stopped().await, Stopped { connections_cut: 1 });
    service.dropped().await;
    let end = Fault::from_status(&failure(&mut events).await);
    assert_eq!(end.code, Code::Unavailable, "whoever was cut off may try elsewhere: {end}");
}

/// What a peer may show without being understood: nothing, or the beginning of either protocol.
#[tokio::test]
async fn a_connection_that_shows_no_request_is_closed() {
    let header_timeout = Duration::from_millis(100);
    let (_service, served, mut client) =
        serve(ListenerConfig { header_timeout, ..ListenerConfig::default() }).await;
    for shown in ["", "P", "PRI * HTTP/2.0\r\n", "GET /hello HTTP/1.1\r\nHost: a"] {
        let mut idle = TcpStream::connect(socket(&served)).await.expect("a connection");
        idle.write_all(shown.as_bytes()).await.expect("it is open");
        // Whether it is closed or reset, or told so first, is the system's and the protocol's choice.
        let _ = soon("the idle connection to be closed", idle.read_to_end(&mut Vec::new())).await;
    }
    assert!(client.count_tokens(count(OK)).await.is_ok());
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let config = ListenerConfig {
        connections_max: 1,
        header_timeout: Duration::from_millis(100),
        ..ListenerConfig::default()
    };
    let (_service, served, mut client) = serve(config).await;
    let idle = TcpStream::connect(socket(&served)).await.expect("a connection");
    // The only place is held by the idle connection until its patience ends.
    let answer = soon("the place of the idle connection", client.count_tokens(count(OK))).await;
    assert_eq!(answer.expect("an answer").into_inner().input_count, 0);
    drop(idle);
}
