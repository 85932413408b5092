//! The services of one test over the generated clients, in this process.

use std::sync::Arc;

use kaleem_domain::{Clock, Timestamp};
use kaleem_proto::chat::v1::{FinishReason, Message, Part, Role, TokenUsage, part};
use kaleem_proto::common::v1::Admission;
use kaleem_proto::pool::v1::pool_service_client::PoolServiceClient;
use kaleem_proto::pool::v1::pool_service_server::PoolServiceServer;
use kaleem_proto::pool::v1::{ListWorkersRequest, Worker, WorkerState};
use kaleem_proto::provider::v1::provider_service_client::ProviderServiceClient;
use kaleem_proto::provider::v1::provider_service_server::ProviderServiceServer;
use kaleem_proto::provider::v1::stream_generate_response::{Event, Started};
use kaleem_proto::provider::v1::{StreamGenerateRequest, StreamGenerateResponse};
use kaleem_provider_local::{Config, Deps, Grpc, Servers, build};
use kaleem_rpc::{Fault, admission, convert};
use kaleem_runtime::{Readiness, Supervisor};
use kaleem_testkit::ManualClock;
use serde_json::{Value, json};
use tonic::{Status, Streaming};

/// Model that the double of an upstream serves.
pub const MODEL: &str = "tiny-llama";

/// A running service with its clients.
pub struct Service {
    pub provider: ProviderServiceClient<ProviderServiceServer<Grpc>>,
    pub pool: PoolServiceClient<PoolServiceServer<Grpc>>,
    pub readiness: Readiness,
    key: admission::Key,
    clock: ManualClock,
}

/// A config in JSON with probes that come often, so that no test waits for one.
pub async fn start(mut config: Value) -> Service {
    config["timeouts"] = json!({"probe_interval": "20ms", "first_token": "2s", "idle": "2s"});
    start_with(serde_json::from_value(config).unwrap()).await
}

/// Starts the service with exactly this config.
pub async fn start_with(config: Config) -> Service {
    let (clock, supervisor, readiness) = (ManualClock::default(), Supervisor::new(), Readiness::new());
    let key = admission::Key::new(&[7; 32]);
    let deps = Deps {
        clock: Arc::new(clock.clone()),
        supervisor,
        readiness: readiness.clone(),
        admission: key.clone(),
    };
    let Servers { provider, pool } = build(config, deps).await.unwrap();
    Service {
        provider: ProviderServiceClient::new(provider),
        pool: PoolServiceClient::new(pool),
        readiness,
        key,
        clock,
    }
}

/// A vLLM worker of the config.
pub fn worker(name: &str, url: &str) -> Value {
    json!({"name": name, "base_url": url, "kind": "vllm"})
}

impl Service {
    /// An admission for `model`, changed by `change`.
    pub fn admission(&self, model: &str, change: impl FnOnce(&mut Admission)) -> Vec<u8> {
        let mut admission = Admission {
            request_id: "019a0000-0000-7000-8000-000000000001".into(),
            merchant_id: "dukkan".into(),
            target: "provider-local".into(),
            model: model.to_owned(),
            max_output_token_count: 1500,
            redacted: true,
            expire_time: Some(convert::timestamp(self.now().plus_millis(60_000))),
            ..Admission::default()
        };
        change(&mut admission);
        self.key.mint(&admission)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A request for `model` that says `text`.
    pub fn request(&self, model: &str, text: &str) -> StreamGenerateRequest {
        StreamGenerateRequest {
            admission: self.admission(model, |_| {}).into(),
            model: model.to_owned(),
            messages: vec![user(text)],
            ..StreamGenerateRequest::default()
        }
    }

    /// Starts a generation.
    pub async fn open(
        &self,
        request: StreamGenerateRequest,
    ) -> Result<Streaming<StreamGenerateResponse>, Fault> {
        let opened = self.provider.clone().stream_generate(request).await;
        opened.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }

    /// Runs a generation to its end.
    pub async fn generate(&self, request: StreamGenerateRequest) -> Result<Answer, Fault> {
        Answer::read(self.open(request).await?).await
    }

    /// All workers.
    pub async fn workers(&self) -> Vec<Worker> {
        self.pool.clone().list_workers(ListWorkersRequest {}).await.unwrap().into_inner().workers
    }

    /// Waits until a worker has a state.
    pub async fn until(&self, name: &str, state: WorkerState) -> Worker {
        self.until_worker(|worker| worker.name == name && worker.state() == state).await
    }

    /// Waits until a worker is as `expected`.
    pub async fn until_worker(&self, expected: impl Fn(&Worker) -> bool) -> Worker {
        let wait = async {
            loop {
                if let Some(worker) = self.workers().await.into_iter().find(|worker| expected(worker)) {
                    return worker;
                }
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(10), wait).await;
        waited.expect("a worker as expected within 10 s")
    }
}

/// What the user says.
pub fn user(text: &str) -> Message {
    let part = Part { kind: Some(part::Kind::Text(text.to_owned())) };
    Message { role: Role::User.into(), parts: vec![part], name: String::new() }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub started: Started,
    pub text: String,
    pub events: Vec<Event>,
    pub reason: FinishReason,
    pub usage: TokenUsage,
    pub warnings: Vec<String>,
}

impl Answer {
    /// Reads to the end, and checks that there is one start and one end.
    pub async fn read(mut stream: Streaming<StreamGenerateResponse>) -> Result<Self, Fault> {
        let mut events = Vec::new();
        while let Some(event) = next(&mut stream).await? {
            events.push(event);
        }
        let Some(Event::Started(started)) = events.first().cloned() else { panic!("no start: {events:?}") };
        let Some(Event::Finished(end)) = events.last().cloned() else { panic!("no end: {events:?}") };
        assert_eq!(
            events.iter().filter(|event| matches!(event, Event::Started(_) | Event::Finished(_))).count(),
            2
        );
        let texts = events.iter().filter_map(|event| {
            if let Event::Text(delta) = event { Some(delta.text.as_str()) } else { None }
        });
        let text = texts.collect();
        Ok(Self {
            started,
            text,
            reason: end.reason(),
            usage: end.usage.unwrap(),
            warnings: end.warnings,
            events,
        })
    }
}

/// The next event.
pub async fn next(stream: &mut Streaming<StreamGenerateResponse>) -> Result<Option<Event>, Fault> {
    let message = stream.message().await.map_err(|status: Status| Fault::from_status(&status))?;
    Ok(message.map(|message| message.event.expect("an event")))
}
