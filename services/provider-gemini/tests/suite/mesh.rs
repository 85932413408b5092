//! The service over its generated client, against a strict double of the API.

use std::sync::Arc;

use futures::StreamExt as _;
use kaleem_domain::Clock as _;
use kaleem_proto::chat::v1::ToolCallDelta;
use kaleem_proto::common::v1::Admission;
use kaleem_proto::provider::v1::provider_service_client::ProviderServiceClient;
use kaleem_proto::provider::v1::provider_service_server::ProviderServiceServer;
use kaleem_proto::provider::v1::stream_generate_response::{Event, Finished, Started};
use kaleem_proto::provider::v1::{
    ListModelsRequest, ModelHealth, StreamGenerateRequest, StreamGenerateResponse,
};
use kaleem_provider_gemini::{Config, DOMAIN, Deps, Grpc, TARGET, build};
use kaleem_rpc::admission::Key;
use kaleem_rpc::{Code, Fault, convert};
use kaleem_runtime::config::Secret;
use kaleem_testkit::ManualClock;
use kaleem_testkit::gemini_upstream::{API_KEY, GeminiUpstream};

use crate::builders::{ask, system, user};

pub const LITE: &str = "gemini-2.5-flash-lite";
pub const NEXT: &str = "gemini-3.5-flash-lite";
pub const KEY: [u8; 32] = [7; 32];

/// The service over its double.
pub struct Mesh {
    pub upstream: GeminiUpstream,
    pub client: ProviderServiceClient<ProviderServiceServer<Grpc>>,
    pub clock: ManualClock,
}

pub async fn mesh() -> Mesh {
    mesh_with(|_| {}).await
}

/// The service with a changed configuration.
pub async fn mesh_with(change: impl FnOnce(&mut Config)) -> Mesh {
    let upstream = GeminiUpstream::start();
    let mut config = Config {
        base_url: upstream.url(),
        api_key: Some(Secret::from(format!("{API_KEY}\n"))),
        project: "shop-project".into(),
        system_proxy: false,
        ..Config::default()
    };
    change(&mut config);
    let clock = ManualClock::default();
    let deps = Deps { clock: Arc::new(clock.clone()), admission: Key::new(&KEY) };
    let client = ProviderServiceClient::new(build(config, deps).await.unwrap());
    Mesh { upstream, client, clock }
}

/// An answer as far as it came, and how it ended.
pub struct Heard {
    pub started: Option<Started>,
    pub text: String,
    pub calls: Vec<ToolCallDelta>,
    pub end: Result<Finished, Fault>,
}

impl Mesh {
    /// An admission that covers [`question`].
    pub fn admission(&self) -> Admission {
        Admission {
            request_id: "0198".into(),
            target: TARGET.into(),
            model: LITE.into(),
            max_output_token_count: 256,
            redacted: true,
            expire_time: Some(convert::timestamp(self.clock.now().plus_millis(60_000))),
            ..Admission::default()
        }
    }

    /// `request` with an admission that covers it.
    pub fn admitted(&self, request: StreamGenerateRequest) -> StreamGenerateRequest {
        let admission = Admission { model: request.model.clone(), ..self.admission() };
        StreamGenerateRequest { admission: Key::new(&KEY).mint(&admission).into(), ..request }
    }

    pub async fn open(
        &self,
        request: StreamGenerateRequest,
    ) -> Result<tonic::Streaming<StreamGenerateResponse>, Fault> {
        let opened = self.client.clone().stream_generate(request).await;
        opened.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }

    /// Asks with a good admission and listens to the end.
    pub async fn hear(&self, request: StreamGenerateRequest) -> Heard {
        let lost = Fault::new(Code::Internal, "test", "NO_END", "neither Finished nor a status came");
        let mut heard = Heard { started: None, text: String::new(), calls: Vec::new(), end: Err(lost) };
        let mut stream = match self.open(self.admitted(request)).await {
            Ok(stream) => stream,
            Err(fault) => return Heard { end: Err(fault), ..heard },
        };
        while let Some(event) = stream.next().await {
            match event.map(|event| event.event.unwrap()) {
                Err(status) => heard.end = Err(Fault::from_status(&status)),
                Ok(Event::Started(started)) => assert!(heard.started.replace(started).is_none()),
                Ok(Event::Text(delta)) => heard.text.push_str(&delta.text),
                Ok(Event::ToolCall(delta)) => heard.calls.push(delta),
                Ok(Event::Finished(finished)) => heard.end = Ok(finished),
                Ok(Event::Usage(_) | Event::Reasoning(_)) => {}
            }
        }
        heard
    }

    /// All models with their health.
    pub async fn health(&self) -> Vec<(String, ModelHealth)> {
        let answer = self.client.clone().list_models(ListModelsRequest {}).await.unwrap().into_inner();
        answer.models.iter().map(|model| (model.id.clone(), model.health())).collect()
    }
}

pub fn question() -> StreamGenerateRequest {
    ask(vec![system("You answer for a shop."), user("هل تشحنون إلى جدة؟")])
}

/// What callers branch on, of a fault of this service.
pub fn reason(fault: &Fault) -> (Code, &str) {
    assert_eq!(fault.domain, DOMAIN, "{fault}");
    (fault.code, fault.reason.as_str())
}
