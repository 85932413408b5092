//! What leaves for a provider was answered for by Redaction; where that fails in any way, nothing leaves.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at its first surprise")]

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use kaleem_gateway::{Config, Deps, Grpc, PeerTransports, build};
use kaleem_proto::{
    accounts::v1::{AuthenticateResponse, Merchant, Principal, Scope},
    billing::v1::ListPricesResponse,
    chat::v1::{Message, Part, Role, Tool, part::Kind},
    gateway::v1::{
        ChatInput, ChatRequest, CountTokensRequest, StreamChatRequest,
        gateway_service_client::GatewayServiceClient, gateway_service_server::GatewayServiceServer,
    },
    provider::v1 as provider,
    redaction::v1::{Placeholder, RedactRequest, RedactResponse},
    router::v1::{PersonalDataClass, SelectRouteResponse, Step},
};
use kaleem_rpc::{Code, Fault, Mount, StackConfig, Transport, admission, remote};
use kaleem_runtime::Supervisor;
use kaleem_testkit::ManualClock;
use prost::Message as _;
use tonic::{Status, body::Body};

const PHONE: &str = "0551234567";
const TOKEN: &str = "[[PHONE:7QX2MA]]";
const TARGET: &str = "provider-local";

/// How the double of Redaction answers.
#[derive(Debug, Clone, Copy)]
enum Redaction {
    Works,
    Panics,
    Hangs,
    Unreachable,
    Refuses,
    LosesMessages,
    BreaksPlaceholders,
}

/// Calls that a double was asked for: method and message.
type Calls = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A call of one message, without its frame.
async fn read(request: Request<Body>) -> (String, Vec<u8>) {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(axum::body::Body::new(request.into_body()), usize::MAX).await.unwrap();
    (method, body[5..].to_vec())
}

/// An answer of one message.
fn answer(message: &impl prost::Message) -> Response<Body> {
    let message = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let body = Body::new(axum::body::Body::from(frame));
    Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "0")
        .body(body)
        .unwrap()
}

/// A peer whose methods answer as `respond` says, in the stack of the mesh.
fn peer(name: &'static str, calls: &Calls, respond: fn(&str) -> Response<Body>) -> Transport {
    let calls = Arc::clone(calls);
    let service = tower::service_fn(move |request| {
        let calls = Arc::clone(&calls);
        async move {
            let (method, message) = read(request).await;
            let answer = respond(&method);
            calls.lock().unwrap().push((method, message));
            Ok::<_, Infallible>(answer)
        }
    });
    Mount::named(name, service, &StackConfig::default()).transport
}

fn unknown(method: &str) -> Response<Body> {
    Status::unimplemented(format!("{method} is not needed")).into_http()
}

fn accounts(_: &str) -> Response<Body> {
    let scopes = vec![Scope::Chat.into()];
    let principal = Principal { key_id: "key-1".into(), scopes, ..Principal::default() };
    let merchant =
        Merchant { merchant_id: "dukkan".into(), external_providers_allowed: true, ..Merchant::default() };
    answer(&AuthenticateResponse { principal: Some(principal), merchant: Some(merchant), plan: None })
}

fn router(_: &str) -> Response<Body> {
    let primary = Step { target: TARGET.into(), model: "tiny-llama".into(), ..Step::default() };
    answer(&SelectRouteResponse { primary: Some(primary), ..SelectRouteResponse::default() })
}

fn counting(method: &str) -> Response<Body> {
    assert_eq!(method, "CountTokens");
    answer(&provider::CountTokensResponse { input_count: 7, exact: true })
}

/// Redaction as it works, or does not.
async fn redact(how: Redaction, request: Request<Body>) -> Response<Body> {
    let (_, message) = read(request).await;
    let mut request = RedactRequest::decode(&*message).unwrap();
    for text in request.messages.iter_mut().flat_map(|message| &mut message.parts).filter_map(text_of) {
        *text = text.replace(PHONE, TOKEN);
    }
    let mut redacted = RedactResponse {
        messages: request.messages,
        tools: request.tools,
        placeholders: vec![Placeholder { token: TOKEN.into(), value: PHONE.into() }],
        ..RedactResponse::default()
    };
    redacted.set_residual(PersonalDataClass::Redacted);
    match how {
        Redaction::Works | Redaction::Unreachable => {}
        Redaction::Panics => panic!("a detector met what it did not expect"),
        Redaction::Hangs => std::future::pending().await,
        Redaction::Refuses => {
            let fault = Fault::new(
                Code::Internal,
                "redaction.kaleem",
                "REDACTION_FAILED",
                "it cannot vouch for the text",
            );
            return Status::from(fault).into_http();
        }
        Redaction::LosesMessages => redacted.messages.clear(),
        Redaction::BreaksPlaceholders => redacted.placeholders[0].token = "[[PHONE".into(),
    }
    answer(&redacted)
}

fn text_of(part: &mut Part) -> Option<&mut String> {
    match &mut part.kind {
        Some(Kind::Text(text)) => Some(text),
        _ => None,
    }
}

/// A gateway between doubles.
struct Mesh {
    client: GatewayServiceClient<GatewayServiceServer<Grpc>>,
    /// What reached the provider.
    sent: Calls,
    /// What reached quota.
    held: Calls,
    _folder: tempfile::TempDir,
}

impl Mesh {
    fn start(how: Redaction) -> Self {
        let (sent, held, others) = (Calls::default(), Calls::default(), Calls::default());
        let redaction =
            tower::service_fn(move |request| async move { Ok::<_, Infallible>(redact(how, request).await) });
        let redaction = match how {
            // A port that was free a moment ago; nobody listens there.
            Redaction::Unreachable => {
                let (listener, address) = kaleem_testkit::bound_listener();
                drop(listener);
                remote("redaction", &format!("http://{address}"), None).unwrap()
            }
            _ => {
                Mount::named("kaleem.redaction.v1.RedactionService", redaction, &StackConfig::default())
                    .transport
            }
        };
        let peers = PeerTransports {
            accounts: peer("kaleem.accounts.v1.AccountsService", &others, accounts),
            quota: peer("kaleem.quota.v1.QuotaService", &held, unknown),
            router: peer("kaleem.router.v1.RouterService", &others, router),
            redaction,
            billing: peer("kaleem.billing.v1.BillingService", &others, |_| {
                answer(&ListPricesResponse::default())
            }),
            providers: HashMap::from([(
                TARGET.to_owned(),
                peer("kaleem.provider.v1.ProviderService", &sent, counting),
            )]),
        };
        let folder = tempfile::tempdir().unwrap();
        let config = Config { journal_dir: folder.path().to_owned(), ..Config::default() };
        let deps = Deps {
            clock: Arc::new(ManualClock::default()),
            supervisor: Supervisor::new(),
            admission_key: admission::Key::new(&[7; 32]),
            peers,
            admin: Vec::new(),
            stack: StackConfig::default(),
        };
        let client = GatewayServiceClient::new(build(config, deps).unwrap().grpc);
        Self { client, sent, held, _folder: folder }
    }

    fn sent(&self) -> Vec<(String, Vec<u8>)> {
        self.sent.lock().unwrap().clone()
    }

    /// How often quota was asked for a hold.
    fn holds(&self) -> usize {
        self.held.lock().unwrap().iter().filter(|(method, _)| method == "Reserve").count()
    }
}

fn asked<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", "Bearer klm_test".parse().unwrap());
    request.set_timeout(Duration::from_millis(400));
    request
}

fn input() -> ChatInput {
    let part = Part { kind: Some(Kind::Text(format!("جوالي {PHONE} متى يوصل طلبي؟"))) };
    let message = Message { role: Role::User.into(), parts: vec![part], name: String::new() };
    let tool = Tool { name: "find_order".into(), ..Tool::default() };
    ChatInput { messages: vec![message], tools: vec![tool], ..ChatInput::default() }
}

#[tokio::test]
async fn where_redaction_fails_nothing_leaves() {
    for how in [
        Redaction::Panics,
        Redaction::Hangs,
        Redaction::Unreachable,
        Redaction::Refuses,
        Redaction::LosesMessages,
        Redaction::BreaksPlaceholders,
    ] {
        let mut mesh = Mesh::start(how);
        let failures = [
            mesh.client.chat(asked(ChatRequest { input: Some(input()) })).await.unwrap_err(),
            match mesh.client.stream_chat(asked(StreamChatRequest { input: Some(input()) })).await {
                Ok(stream) => stream.into_inner().message().await.unwrap_err(),
                Err(status) => status,
            },
            mesh.client.count_tokens(asked(CountTokensRequest { input: Some(input()) })).await.unwrap_err(),
        ];
        for status in failures {
            let fault = Fault::from_status(&status);
            assert!(!fault.reason.is_empty() && !format!("{fault:?}").contains(PHONE), "{how:?}: {fault:?}");
        }
        assert_eq!(mesh.sent(), [], "{how:?}");
        assert_eq!(mesh.holds(), 0, "{how:?}: nothing is held for what does not leave");
    }
    // The same request goes on to quota where redaction works.
    let mut mesh = Mesh::start(Redaction::Works);
    mesh.client.chat(asked(ChatRequest { input: Some(input()) })).await.unwrap_err();
    assert_eq!(mesh.holds(), 1);
}

#[tokio::test]
async fn tokens_are_counted_in_the_redacted_text() {
    let mut mesh = Mesh::start(Redaction::Works);
    let counted = mesh.client.count_tokens(asked(CountTokensRequest { input: Some(input()) })).await.unwrap();
    assert_eq!((counted.get_ref().input_count, counted.get_ref().exact), (7, true));
    let sent = mesh.sent();
    let [(_, message)] = &sent[..] else { panic!("one call, not {}", sent.len()) };
    let text = String::from_utf8_lossy(message);
    assert!(text.contains(TOKEN) && !text.contains(PHONE), "{text}");
    let request = provider::CountTokensRequest::decode(&**message).unwrap();
    assert_eq!((request.model.as_str(), request.tools.len()), ("tiny-llama", 1));
}
