//! Quota in the test's process, with accounts and billing as doubles that the test steers.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    collections::HashMap,
    convert::Infallible,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
};

pub mod billing;
pub mod kill;
pub mod receiver;
pub mod stores;

use futures::{Stream, StreamExt as _};
use kaleem_domain::{Clock, MerchantId, RequestId, Timestamp};
use kaleem_proto::{
    accounts::v1::{
        self as accounts, BillingMode, CapAction, GetMerchantRequest, GetMerchantResponse, Merchant, Plan,
        WatchRevocationsRequest, WatchRevocationsResponse,
        accounts_service_client::AccountsServiceClient,
        accounts_service_server::{AccountsService, AccountsServiceServer},
        watch_revocations_response::Subject,
    },
    quota::v1::{
        self as wire, quota_service_client::QuotaServiceClient, quota_service_server::QuotaServiceServer,
    },
};
use kaleem_quota::{
    Config, Deps, Grpc, Registry,
    machine::{
        self, Amount, Candidate, Fingerprint, Key, MerchantState, Mode, Policy, Profile, Reserve,
        TTL_DEFAULT_MS,
    },
};
use kaleem_rpc::{Fault, Transport};
use kaleem_runtime::{Readiness, Supervisor};
use kaleem_testkit::ManualClock;
use tokio::sync::broadcast;
use tonic::{Request, Response, Status};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

pub use billing::FakeBilling;

/// What each call holds: 1 request, 3 tokens and 7 nano.
pub const CALL: Amount = Amount { requests: 1, tokens: 3, cost_nano: 7 };

/// A call that holds exactly that.
pub fn call(now: Timestamp) -> Reserve {
    let candidate = Candidate {
        price_version: Arc::from("p@1"),
        input_tokens: 2,
        max_output_tokens: 1,
        min_output_tokens: 1,
        input_pico: 3_000,
        output_pico: 1_000,
        request_pico: 0,
    };
    let key = Key { request_id: RequestId::new(now), attempt: 0 };
    Reserve {
        key,
        mode: Mode::Normal,
        candidates: vec![candidate],
        ttl_ms: TTL_DEFAULT_MS,
        fingerprint: Fingerprint(1, 1),
    }
}

/// Accounts that says what the test tells it to.
#[derive(Clone)]
pub struct FakeAccounts {
    merchants: Arc<Mutex<HashMap<String, GetMerchantResponse>>>,
    down: Arc<Mutex<bool>>,
    news: broadcast::Sender<WatchRevocationsResponse>,
    asked: Arc<Mutex<usize>>,
}

impl FakeAccounts {
    pub fn new() -> Self {
        Self {
            merchants: Arc::default(),
            down: Arc::default(),
            news: broadcast::Sender::new(64),
            asked: Arc::default(),
        }
    }

    pub fn put(&self, merchant_id: &str, plan: Plan) {
        let merchant = Merchant {
            merchant_id: merchant_id.into(),
            time_zone: "Asia/Riyadh".into(),
            ..Merchant::default()
        };
        let answer = GetMerchantResponse { merchant: Some(merchant), plan: Some(plan) };
        self.merchants.lock().unwrap().insert(merchant_id.into(), answer);
    }

    /// Makes a merchant with a plan and zone that quota reads as `profile`.
    pub fn put_profile(&self, merchant_id: &str, profile: &Profile) {
        let Policy { caps, on_cap, billing_mode, .. } = &profile.policy;
        let mut plan = plan(caps.day_requests, caps.month_tokens, caps.month_cost_nano, caps.concurrency);
        plan.plan_id.clone_from(&profile.policy.plan_id);
        plan.version = profile.policy.plan_version;
        plan.alert_percents.clone_from(&profile.policy.alert_percents);
        plan.on_cap = match on_cap {
            machine::CapAction::Degrade => CapAction::Degrade.into(),
            machine::CapAction::Suspend => CapAction::Suspend.into(),
        };
        plan.billing_mode = match billing_mode {
            machine::BillingMode::Postpaid => BillingMode::Postpaid.into(),
            machine::BillingMode::Prepaid => BillingMode::Prepaid.into(),
        };
        self.put(merchant_id, plan);
        if let Some(answer) = self.merchants.lock().unwrap().get_mut(merchant_id) {
            answer.merchant.get_or_insert_default().time_zone.clone_from(&profile.time_zone);
        }
    }

    pub fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    /// How often it was asked for a merchant.
    pub fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    pub fn announce(&self, merchant_id: Option<&str>) {
        let subject = merchant_id.map(|id| Subject::MerchantId(id.into()));
        self.news.send(WatchRevocationsResponse { sequence: 1, subject }).unwrap();
    }

    /// Waits until quota listens to the news.
    pub async fn listened(&self) {
        until(|| self.news.receiver_count() > 0).await;
    }

    fn client(&self) -> AccountsServiceClient<Transport> {
        AccountsServiceClient::new(transport(AccountsServiceServer::new(self.clone())))
    }
}

/// Lets other tasks run until `condition` holds.
pub async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait)
        .await
        .expect("the condition holds within 10 s");
}

/// A service of this process as a client sees it.
pub fn transport<S>(service: S) -> Transport
where
    S: tower::Service<
            http::Request<tonic::body::Body>,
            Response = http::Response<tonic::body::Body>,
            Error = Infallible,
        > + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service.map_err(|never: Infallible| match never {}))
}

/// Writes the whole service: the verbs that quota uses by hand, the others as refusals.
macro_rules! accounts_double {
    ($($method:ident($request:ty) -> $response:ty;)+) => {
        #[tonic::async_trait]
        impl AccountsService for FakeAccounts {
            type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

            async fn get_merchant(&self, request: Request<GetMerchantRequest>) -> Result<Response<GetMerchantResponse>, Status> {
                *self.asked.lock().unwrap() += 1;
                if *self.down.lock().unwrap() {
                    return Err(Status::unavailable("accounts is down"));
                }
                let found = self.merchants.lock().unwrap().get(&request.get_ref().merchant_id).cloned();
                found.map(Response::new).ok_or_else(|| Status::not_found("no such merchant"))
            }

            async fn watch_revocations(
                &self,
                _request: Request<WatchRevocationsRequest>,
            ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
                let news = tokio_stream::wrappers::BroadcastStream::new(self.news.subscribe());
                Ok(Response::new(news.map(|message| message.map_err(|_| Status::data_loss("lagged"))).boxed()))
            }

            $(async fn $method(&self, _request: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Status::unimplemented("the test does not need it"))
            })+
        }
    };
}

accounts_double! {
    authenticate(accounts::AuthenticateRequest) -> accounts::AuthenticateResponse;
    create_merchant(accounts::CreateMerchantRequest) -> accounts::CreateMerchantResponse;
    list_merchants(accounts::ListMerchantsRequest) -> accounts::ListMerchantsResponse;
    set_merchant_state(accounts::SetMerchantStateRequest) -> accounts::SetMerchantStateResponse;
    put_plan(accounts::PutPlanRequest) -> accounts::PutPlanResponse;
    list_plans(accounts::ListPlansRequest) -> accounts::ListPlansResponse;
    issue_key(accounts::IssueKeyRequest) -> accounts::IssueKeyResponse;
    revoke_key(accounts::RevokeKeyRequest) -> accounts::RevokeKeyResponse;
    list_keys(accounts::ListKeysRequest) -> accounts::ListKeysResponse;
}

/// Quota on a journal of its own.
pub struct Quota {
    pub config: Config,
    pub clock: ManualClock,
    pub accounts: FakeAccounts,
    pub billing: FakeBilling,
    pub supervisor: Supervisor,
    pub readiness: Readiness,
    pub registry: Arc<Registry>,
    folder: Option<tempfile::TempDir>,
}

/// A configuration for tests: as the default, with a journal at `path`.
pub fn config(path: &Path) -> Config {
    Config { path: path.to_owned(), ..Config::default() }
}

impl Quota {
    pub async fn start(adjust: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder.path().join("quota.db"));
        adjust(&mut config);
        let quota = Self::open(config, ManualClock::default(), FakeAccounts::new()).await;
        Self { folder: Some(folder), ..quota }
    }

    pub async fn open(config: Config, clock: ManualClock, accounts: FakeAccounts) -> Self {
        Self::open_with(config, clock, accounts, FakeBilling::default()).await
    }

    /// A process that shares its clock, accounts and ledger with others.
    pub async fn open_with(
        config: Config,
        clock: ManualClock,
        accounts: FakeAccounts,
        billing: FakeBilling,
    ) -> Self {
        let (supervisor, readiness) = (Supervisor::new(), Readiness::new());
        let deps = Deps {
            clock: Arc::new(clock.clone()),
            supervisor: supervisor.clone(),
            readiness: readiness.clone(),
            accounts: accounts.client(),
            billing: Some(billing.client()),
        };
        let registry = kaleem_quota::open(config.clone(), deps).await.unwrap();
        Self { config, clock, accounts, billing, supervisor, readiness, registry, folder: None }
    }

    /// What opening a journal comes to.
    pub async fn try_open(
        config: Config,
        accounts: &FakeAccounts,
    ) -> Result<Arc<Registry>, kaleem_quota::Error> {
        let deps = Deps {
            clock: Arc::new(ManualClock::default()),
            supervisor: Supervisor::new(),
            readiness: Readiness::new(),
            accounts: accounts.client(),
            billing: None,
        };
        kaleem_quota::open(config, deps).await
    }

    /// Stops, and starts again on the same journal.
    pub async fn restart(self) -> Self {
        let report = self.supervisor.drain(std::time::Duration::from_secs(10)).await;
        assert!(report.is_clean(), "{report:?}");
        let again = Self::open_with(self.config, self.clock, self.accounts, self.billing).await;
        Self { folder: self.folder, ..again }
    }

    /// Stops, and starts again on an older copy of the journal, as after a kill that lost the commits since.
    pub async fn restart_from(self, journal: &Path) -> Self {
        let report = self.supervisor.drain(std::time::Duration::from_secs(10)).await;
        assert!(report.is_clean(), "{report:?}");
        let path = self.config.path.with_file_name("older.db");
        std::fs::copy(journal, &path).unwrap();
        let config = Config { path, ..self.config };
        let again = Self::open_with(config, self.clock, self.accounts, self.billing).await;
        Self { folder: self.folder, ..again }
    }

    pub fn path(&self) -> PathBuf {
        self.config.path.clone()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What SQL says of the journal, or does to it, behind quota's back.
pub async fn journal(quota: &Quota, sql: &'static str) -> Option<i64> {
    use sqlx::{Connection as _, Row as _, sqlite::SqliteConnectOptions};
    let options = SqliteConnectOptions::new().filename(quota.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let row = sqlx::query(sql).fetch_optional(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    row.map(|row| row.get(0))
}

/// Waits until SQL says `wanted` of the journal.
pub async fn journal_says(quota: &Quota, sql: &'static str, wanted: i64) {
    let wait = async {
        while journal(quota, sql).await != Some(wanted) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait)
        .await
        .expect("the journal says so within 10 s");
}

/// Waits until quota knows where the ledger ends.
pub async fn following(quota: &Quota) {
    journal_says(quota, "SELECT count(*) FROM ledger_position", 1).await;
}

/// Compares with the ledger until something is healed; how many windows were. Quota learns where it stands shortly after its journal
/// says so, and what differs is healed in the second round that sees it.
pub async fn heals(quota: &Quota, rounds: &mut kaleem_quota::Rounds) -> usize {
    let comparing = async {
        loop {
            match quota.registry.reconcile(rounds).await.unwrap() {
                0 => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
                healed => return healed,
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), comparing).await.unwrap()
}

/// Waits until the ledger is counted up to its end, which must be a transaction of `id`.
pub async fn followed(quota: &Quota, id: &str) {
    let end = quota.billing.end();
    until(|| quota.registry.inspect(&merchant(id), MerchantState::followed).unwrap() == Some(end)).await;
}

pub fn merchant(id: &str) -> MerchantId {
    MerchantId::parse(id).unwrap()
}

/// A plan with these caps in requests, tokens, nano-US-dollars and calls at once.
pub fn plan(day_requests: i64, month_tokens: i64, month_cost_nano: i64, concurrency: i64) -> Plan {
    Plan {
        plan_id: "starter".into(),
        version: 1,
        day_request_cap: day_requests,
        month_token_cap: month_tokens,
        month_cost_nano_usd_cap: month_cost_nano,
        concurrent_request_cap: concurrency,
        on_cap: CapAction::Suspend.into(),
        alert_percents: vec![60, 80, 90, 95],
        billing_mode: BillingMode::Postpaid.into(),
    }
}

/// A plan whose merchants pay ahead.
pub fn prepaid(plan: Plan) -> Plan {
    Plan { billing_mode: BillingMode::Prepaid.into(), ..plan }
}

/// 100 tokens in, 50 out, at 10,000 and 30,000 pico: 150 tokens and 2,500 nano.
pub fn candidate() -> wire::Candidate {
    wire::Candidate {
        target: "provider-gemini".into(),
        model: "gemini-2.5-flash-lite".into(),
        quota_domain: "project-1".into(),
        price_version: "gemini-2.5-flash-lite@1".into(),
        input_token_count: 100,
        max_output_token_count: 50,
        min_output_token_count: 1,
        input_pico_usd_per_token: 10_000,
        output_pico_usd_per_token: 30_000,
        request_pico_usd: 0,
    }
}

pub fn reserve(merchant_id: &str, now: Timestamp) -> wire::ReserveRequest {
    wire::ReserveRequest {
        merchant_id: merchant_id.into(),
        request_id: RequestId::new(now).to_string(),
        attempt: 0,
        gateway_id: "gateway-1".into(),
        mode: wire::ReserveMode::Normal.into(),
        candidates: vec![candidate()],
        ..wire::ReserveRequest::default()
    }
}

pub fn settle(reservation: &wire::Reservation, output: i64, cost_nano: i64) -> wire::SettleRequest {
    let usage = kaleem_proto::chat::v1::TokenUsage {
        input_fresh_count: 100,
        output_text_count: output,
        ..kaleem_proto::chat::v1::TokenUsage::default()
    };
    wire::SettleRequest {
        reservation: Some(reservation.clone()),
        usage: Some(usage),
        cost_nano_usd: cost_nano,
        usage_event: b"event".to_vec(),
        ..wire::SettleRequest::default()
    }
}

pub fn client(quota: &Quota) -> QuotaServiceClient<Transport> {
    QuotaServiceClient::new(transport(QuotaServiceServer::new(Grpc::new(quota.registry.clone()))))
}

pub async fn seated() -> (Quota, QuotaServiceClient<Transport>) {
    let quota = Quota::start(|_| {}).await;
    quota.accounts.put("dukkan", plan(3, 1_000, 100_000, 2));
    let client = client(&quota);
    (quota, client)
}

pub fn fault<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Fault {
    Fault::from_status(&answer.unwrap_err())
}

pub async fn usage(client: &mut QuotaServiceClient<Transport>, id: &str) -> wire::GetUsageResponse {
    client.get_usage(wire::GetUsageRequest { merchant_id: id.into() }).await.unwrap().into_inner()
}

/// `(posted, held, cap)` of each dimension.
pub async fn numbers(client: &mut QuotaServiceClient<Transport>, id: &str) -> Vec<(i64, i64, i64)> {
    usage(client, id).await.dimensions.iter().map(|of| (of.posted, of.held, of.cap)).collect()
}
