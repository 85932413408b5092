//! Who may not connect, and what certificates that cannot be used are called.

use std::{fs, time::Duration};

use axum::Router;
use kaleem_domain::Clock as _;
use kaleem_proto::provider::v1::provider_service_client::ProviderServiceClient;
use kaleem_rpc::{
    Code, Fault, StackConfig,
    certs::{CertsError, DevAuthority, files_of},
    remote,
    server::{ListenerConfig, route},
    tls::{TlsError, TlsFiles},
};
use kaleem_runtime::SystemClock;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::transport::{Certificate, ClientTlsConfig};

use crate::{
    peer::{Served, Service, count, mesh_tls, soon},
    scripted::OK,
};

/// The scripted provider behind mutual TLS.
struct Guarded {
    served: Served,
    folder: TempDir,
    _service: Service,
}

impl Guarded {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a temp folder");
        let tls = mesh_tls(folder.path(), "provider");
        let service = Service::new(&StackConfig::default());
        let router = route(Router::new(), std::slice::from_ref(&service.mount));
        let served = Served::start(router, Some(tls.server), ListenerConfig::default()).await;
        Self { served, folder, _service: service }
    }

    fn ca(&self) -> Certificate {
        Certificate::from_pem(
            fs::read(self.folder.path().join("ca.pem")).expect("the authority's certificate"),
        )
    }

    fn https(&self) -> String {
        format!("https://{}", self.served.authority)
    }
}

/// The fault of a call to `address`.
async fn refused(address: &str, tls: Option<ClientTlsConfig>) -> Fault {
    let mut client = ProviderServiceClient::new(remote("provider", address, tls).expect("an address"));
    let answer = soon("a refusal", client.count_tokens(count(OK))).await;
    Fault::from_status(&answer.expect_err("a refusal"))
}

fn assert_unreachable(fault: &Fault, address: &str) {
    assert_eq!((fault.code, fault.reason.as_str()), (Code::Unavailable, "PEER_UNAVAILABLE"), "{fault}");
    assert!(
        fault.message.contains("provider") && fault.message.contains(address),
        "names target and address: {fault}"
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let guarded = Guarded::start().await;
    let fault = refused(&guarded.https(), Some(ClientTlsConfig::new().ca_certificate(guarded.ca()))).await;
    assert_unreachable(&fault, &guarded.https());
    assert!(fault.message.to_lowercase().contains("certificate"), "says why: {fault}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let guarded = Guarded::start().await;
    let elsewhere = TempDir::new().expect("a temp folder");
    let stranger = mesh_tls(elsewhere.path(), "gateway").client.ca_certificate(guarded.ca());
    let fault = refused(&guarded.https(), Some(stranger)).await;
    assert_unreachable(&fault, &guarded.https());
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let guarded = Guarded::start().await;
    let elsewhere = TempDir::new().expect("a temp folder");
    let fault = refused(&guarded.https(), Some(mesh_tls(elsewhere.path(), "gateway").client)).await;
    assert_unreachable(&fault, &guarded.https());
    assert!(fault.message.to_lowercase().contains("certificate"), "says why: {fault}");
}

#[tokio::test]
async fn a_plain_client_on_a_tls_port_is_told_where_it_failed() {
    let guarded = Guarded::start().await;
    let address = format!("http://{}", guarded.served.authority);
    assert_unreachable(&refused(&address, None).await, &address);
}

#[tokio::test]
async fn a_tls_client_on_a_plain_port_is_told_where_it_failed() {
    let folder = TempDir::new().expect("a temp folder");
    let plain = Served::start(Router::new(), None, ListenerConfig::default()).await;
    let address = format!("https://{}", plain.authority);
    let fault = refused(&address, Some(mesh_tls(folder.path(), "gateway").client)).await;
    assert_unreachable(&fault, &address);
}

/// The system takes connections of a bound port before anybody accepts them, so this peer connects and never says a word.
#[tokio::test]
async fn a_silent_peer_does_not_outlast_the_deadline() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let authority = format!("localhost:{}", silent.local_addr().expect("a bound address").port());
    let folder = TempDir::new().expect("a temp folder");
    let tls = mesh_tls(folder.path(), "gateway").client;
    for (address, tls) in [(format!("http://{authority}"), None), (format!("https://{authority}"), Some(tls))]
    {
        let mut client = ProviderServiceClient::new(remote("provider", &address, tls).expect("an address"));
        let mut request = count(OK);
        request.set_timeout(Duration::from_millis(250));
        let fault =
            Fault::from_status(&soon("a deadline", client.count_tokens(request)).await.expect_err("a fault"));
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            "{address}: {fault}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = format!("https://localhost:{}", silent.local_addr().expect("a bound address").port());
    let folder = TempDir::new().expect("a temp folder");
    assert_unreachable(&refused(&address, Some(mesh_tls(folder.path(), "gateway").client)).await, &address);
}

#[tokio::test]
async fn a_closed_port_is_told_from_a_slow_one() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("a bound address"));
    drop(listener);
    let fault = refused(&address, None).await;
    assert_unreachable(&fault, &address);
    assert!(fault.message.to_lowercase().contains("refused"), "says why: {fault}");
    assert!(fault.retry_after.is_some(), "{fault:?}");
}

#[test]
fn an_expired_certificate_is_named() {
    let folder = TempDir::new().expect("a temp folder");
    let authority = DevAuthority {
        folder: folder.path(),
        leaves: &["quota"],
        hosts: &[],
        days: -1,
        now: SystemClock.now(),
    };
    authority.create(false).expect("certificates");
    let expired = |files: &TlsFiles| match files.load(SystemClock.now()) {
        Err(error @ TlsError::NotValidNow { .. }) => error.to_string(),
        Err(other) => panic!("expected an expiry: {other}"),
        Ok(_) => panic!("an expired certificate was loaded"),
    };
    let files = files_of(folder.path(), "quota");
    assert!(expired(&files).contains("ca.pem"));
    // With a fresh authority it is the leaf that is named.
    let fresh = TempDir::new().expect("a temp folder");
    mesh_tls(fresh.path(), "quota");
    let message = expired(&TlsFiles { ca_file: fresh.path().join("ca.pem"), ..files });
    assert!(
        message.contains("quota.pem") && message.contains("kaleem certs dev"),
        "names the file and the way out: {message}"
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = TempDir::new().expect("a temp folder");
    mesh_tls(folder.path(), "quota");
    let files = files_of(folder.path(), "quota");
    let message = |files: &TlsFiles| files.load(SystemClock.now()).err().expect("an error").to_string();
    fs::write(&files.key_file, "no key").expect("writable");
    assert!(message(&files).contains("quota.key"), "{}", message(&files));
    fs::write(&files.cert_file, "no certificate").expect("writable");
    assert!(message(&files).contains("quota.pem"), "{}", message(&files));
    fs::remove_file(&files.ca_file).expect("it was there");
    let missing = message(&files);
    assert!(missing.contains("ca.pem") && missing.contains("kaleem certs dev"), "{missing}");
}

#[test]
fn development_certificates_are_not_replaced_by_accident_and_keys_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().expect("a temp folder");
    mesh_tls(folder.path(), "quota");
    let again = DevAuthority {
        folder: folder.path(),
        leaves: &["quota"],
        hosts: &[],
        days: 1,
        now: SystemClock.now(),
    };
    let ca = fs::read(folder.path().join("ca.pem")).expect("readable");
    assert!(matches!(again.create(false), Err(CertsError::Exists(_))));
    assert_eq!(fs::read(folder.path().join("ca.pem")).expect("readable"), ca);
    again.create(true).expect("--force replaces");
    assert_ne!(fs::read(folder.path().join("ca.pem")).expect("readable"), ca);
    let key = fs::metadata(files_of(folder.path(), "quota").key_file).expect("a key");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}
