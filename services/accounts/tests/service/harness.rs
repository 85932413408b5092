//! A service on a store of its own, with a clock that only the test moves.

use std::{fs, path::Path, sync::Arc, time::Duration};

use kaleem_accounts::{Config, Deps, Grpc, build};
use kaleem_domain::Timestamp;
use kaleem_proto::accounts::v1::{
    self as proto, accounts_service_client::AccountsServiceClient,
    accounts_service_server::AccountsServiceServer,
};
use kaleem_rpc::{Code, Fault};
use kaleem_runtime::{Supervisor, config::Secret};
use kaleem_testkit::ManualClock;
use sqlx::Connection as _;

pub use kaleem_testkit::{on_both_stores, store::Store};

pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

pub type Client = AccountsServiceClient<AccountsServiceServer<Grpc>>;

pub struct Service {
    pub client: Client,
    pub clock: ManualClock,
    pub supervisor: Supervisor,
    pub folder: tempfile::TempDir,
    pub store: Store,
    config: Config,
}

pub fn config(folder: &Path) -> Config {
    Config {
        data_folder: folder.join("data"),
        heartbeat: kaleem_runtime::config::Span::millis(20),
        ..Config::default()
    }
}

async fn start(config: &Config, clock: &ManualClock) -> (Client, Supervisor) {
    let supervisor = Supervisor::new();
    let deps = Deps { clock: Arc::new(clock.clone()), supervisor: supervisor.clone() };
    (AccountsServiceClient::new(build(config.clone(), deps).await.unwrap()), supervisor)
}

impl Service {
    pub async fn start(store: Store) -> Self {
        Self::start_with(store, |_| ()).await
    }

    pub async fn start_with(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        config.postgres_url = store.url().map(Secret::from);
        change(&mut config);
        let clock = ManualClock::at(NOW);
        let (client, supervisor) = start(&config, &clock).await;
        Self { client, clock, supervisor, folder, store, config }
    }

    /// Another process on the same database.
    pub async fn beside(&self) -> Self {
        let change = |config: &mut Config| config.clone_from(&self.config);
        Self::start_with(Store::Shared(self.store.url().unwrap()), change).await
    }

    /// Ends the service and starts it again on the same store.
    pub async fn restart(self) -> Self {
        let Self { client, clock, supervisor, folder, store, config } = self;
        assert!(supervisor.drain(Duration::from_secs(5)).await.is_clean());
        drop(client);
        let (client, supervisor) = start(&config, &clock).await;
        Self { client, clock, supervisor, folder, store, config }
    }

    /// What this store has on disk.
    pub async fn bytes_on_disk(&self) -> Vec<u8> {
        let folder = match &self.store {
            Store::Postgres(server) => {
                let mut session = sqlx::PgConnection::connect(&server.url()).await.unwrap();
                sqlx::query("CHECKPOINT").execute(&mut session).await.unwrap();
                server.socket_folder()
            }
            Store::Sqlite | Store::Shared(_) => self.folder.path(),
        };
        files_below(folder)
    }

    pub async fn create(&mut self, request: proto::CreateMerchantRequest) -> Result<proto::Merchant, Fault> {
        let answer = self.client.create_merchant(request).await;
        answer
            .map(|answer| answer.into_inner().merchant.unwrap())
            .map_err(|status| Fault::from_status(&status))
    }

    pub async fn merchant(&mut self, id: &str) -> proto::Merchant {
        self.create(proto::CreateMerchantRequest { merchant_id: id.into(), ..Default::default() })
            .await
            .unwrap()
    }

    pub async fn set_state(
        &mut self,
        id: &str,
        state: proto::MerchantState,
    ) -> Result<proto::Merchant, Fault> {
        let request = proto::SetMerchantStateRequest { merchant_id: id.into(), state: state.into() };
        let answer = self.client.set_merchant_state(request).await;
        answer
            .map(|answer| answer.into_inner().merchant.unwrap())
            .map_err(|status| Fault::from_status(&status))
    }

    pub async fn issue(&mut self, request: proto::IssueKeyRequest) -> Result<(proto::ApiKey, String), Fault> {
        let answer =
            self.client.issue_key(request).await.map_err(|status| Fault::from_status(&status))?.into_inner();
        Ok((answer.key.unwrap(), answer.api_key))
    }

    pub async fn chat_key(&mut self, merchant: &str) -> (proto::ApiKey, String) {
        let scopes = vec![proto::Scope::Chat.into()];
        self.issue(proto::IssueKeyRequest { merchant_id: merchant.into(), scopes, ..Default::default() })
            .await
            .unwrap()
    }

    pub async fn revoke(&mut self, id: &str) -> Result<proto::ApiKey, Fault> {
        let answer = self.client.revoke_key(proto::RevokeKeyRequest { key_id: id.into() }).await;
        answer.map(|answer| answer.into_inner().key.unwrap()).map_err(|status| Fault::from_status(&status))
    }

    pub async fn authenticate(
        &mut self,
        key: &str,
        act_as: &str,
    ) -> Result<proto::AuthenticateResponse, Fault> {
        let request = proto::AuthenticateRequest { api_key: key.into(), act_as_merchant_id: act_as.into() };
        let answer = self.client.authenticate(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }
}

fn files_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            bytes.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            bytes.extend(fs::read(entry.path()).unwrap());
        }
    }
    bytes
}

#[track_caller]
pub fn assert_fault<T: std::fmt::Debug>(answer: Result<T, Fault>, code: Code, reason: &str) -> Fault {
    let fault = answer.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (code, reason), "{fault:?}");
    assert_eq!(fault.domain, "accounts.kaleem");
    fault
}

#[track_caller]
pub fn assert_invalid<T: std::fmt::Debug>(answer: Result<T, Fault>, fields: &[&str]) {
    let fault = assert_fault(answer, Code::InvalidArgument, "REQUEST_INVALID");
    let named: Vec<_> = fault.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, fields, "{fault:?}");
}
