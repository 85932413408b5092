//! A service on a store of its own.

use std::{sync::Arc, time::Duration};

use kaleem_domain::Timestamp;
use kaleem_proto::{
    chat::v1::{Message, Part, Role, part::Kind},
    redaction::v1::{
        GetPolicyRequest, GetPolicyResponse, PutPolicyRequest, RedactRequest, RedactResponse,
        RedactTextRequest, RedactTextResponse, redaction_service_client::RedactionServiceClient,
        redaction_service_server::RedactionServiceServer,
    },
};
use kaleem_redaction::{Config, Deps, Grpc, build};
use kaleem_rpc::Fault;
use kaleem_runtime::{Supervisor, config::Secret};
use kaleem_testkit::ManualClock;

pub use kaleem_testkit::{on_both_stores, store::Store};

pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub const MERCHANT: &str = "dukkan";

pub type Client = RedactionServiceClient<RedactionServiceServer<Grpc>>;

pub struct Service {
    pub client: Client,
    pub supervisor: Supervisor,
    pub folder: tempfile::TempDir,
    pub store: Store,
    config: Config,
}

async fn start(config: &Config) -> (Client, Supervisor) {
    let supervisor = Supervisor::new();
    let deps =
        Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: supervisor.clone(), master_key: [7; 32] };
    (RedactionServiceClient::new(build(config.clone(), deps).await.unwrap()), supervisor)
}

impl Service {
    pub async fn start(store: Store) -> Self {
        Self::start_with(store, |_| ()).await
    }

    pub async fn start_with(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_folder: folder.path().join("data"), ..Config::default() };
        change(&mut config);
        config.postgres_url = store.url().map(Secret::from);
        let (client, supervisor) = start(&config).await;
        Self { client, supervisor, folder, store, config }
    }

    /// Another process on the same database.
    pub async fn beside(&self) -> Self {
        let config = self.config.clone();
        Self::start_with(Store::Shared(self.store.url().unwrap()), |to| *to = config).await
    }

    /// Ends the service and starts it again on the same store.
    pub async fn restart(self) -> Self {
        let Self { client, supervisor, folder, store, config } = self;
        assert!(supervisor.drain(Duration::from_secs(5)).await.is_clean());
        drop(client);
        let (client, supervisor) = start(&config).await;
        Self { client, supervisor, folder, store, config }
    }

    pub async fn put(&mut self, document: &str) -> Result<i64, Fault> {
        self.put_for(MERCHANT, document, None).await
    }

    pub async fn put_for(
        &mut self,
        merchant: &str,
        document: &str,
        expected: Option<i64>,
    ) -> Result<i64, Fault> {
        let request = PutPolicyRequest {
            merchant_id: merchant.into(),
            document: document.into(),
            expected_version: expected,
        };
        let answer = self.client.put_policy(request).await;
        answer.map(|answer| answer.into_inner().version).map_err(|status| Fault::from_status(&status))
    }

    pub async fn get(&mut self, merchant: &str) -> GetPolicyResponse {
        let request = GetPolicyRequest { merchant_id: merchant.into() };
        self.client.get_policy(request).await.unwrap().into_inner()
    }

    pub async fn redact_text(&mut self, text: &str) -> Result<RedactTextResponse, Fault> {
        let request =
            RedactTextRequest { merchant_id: MERCHANT.into(), text: text.into(), ..Default::default() };
        let answer = self.client.redact_text(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }

    pub async fn redact(&mut self, request: RedactRequest) -> Result<RedactResponse, Fault> {
        let answer = self.client.redact(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }
}

pub fn text(text: &str) -> Part {
    Part { kind: Some(Kind::Text(text.to_owned())) }
}

/// A request of one message of a user.
pub fn question(words: &str) -> RedactRequest {
    let message = Message { role: Role::User.into(), parts: vec![text(words)], name: String::new() };
    RedactRequest { merchant_id: MERCHANT.into(), messages: vec![message], ..Default::default() }
}

/// All texts of a message, which `Debug` does not show.
pub fn shown(message: &impl prost::Message) -> String {
    String::from_utf8_lossy(&message.encode_to_vec()).into_owned()
}
