//! The harness of the scenarios: the same mesh all in one process's memory, or each target on its own port with mutual TLS.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a broken fixture must stop the test"
)]

pub mod ask;
mod layout;

pub use layout::{Databases, Layout, Shape, Stores};

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use kaleem::{Config, Node, NodeOptions};
use kaleem_domain::Clock as _;
use kaleem_proto::{
    accounts::v1::accounts_service_client::AccountsServiceClient,
    billing::v1::{
        GetUsageSummaryRequest, GetUsageSummaryResponse, billing_service_client::BillingServiceClient,
    },
    gateway::v1::gateway_service_client::GatewayServiceClient,
    quota::v1::{GetUsageRequest, get_usage_response::Dimension, quota_service_client::QuotaServiceClient},
};
use kaleem_rpc::{Target, Transport, certs, remote};
use kaleem_runtime::{SystemClock, config::Span};
use kaleem_testkit::{bound_listener, gemini_upstream::GeminiUpstream, openai_upstream::OpenAiUpstream};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
};

/// The merchant that every mesh has from its first start.
pub const MERCHANT: &str = "demo-shop";
const READY_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What a mesh leaves behind for the next one.
pub struct Kept {
    folder: TempDir,
    databases: Option<Databases>,
}

impl Kept {
    fn new(stores: Stores) -> Self {
        let folder = tempfile::Builder::new().prefix("kaleem-mesh-").tempdir().unwrap();
        Self { folder, databases: stores.start() }
    }
}

/// A running mesh with doubles behind its providers.
pub struct Mesh {
    nodes: Vec<(Target, Node)>,
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// The double of a local worker, serving `tiny-llama`.
    pub worker: OpenAiUpstream,
    /// The double of Gemini.
    pub gemini: GeminiUpstream,
    kept: Kept,
}

/// Puts a key on every call.
#[derive(Clone)]
pub struct Bearer(String);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.0).parse().unwrap());
        Ok(request)
    }
}

/// A connection with a key.
pub type Connection = InterceptedService<Transport, Bearer>;

impl Mesh {
    /// Starts a mesh with fresh stores.
    pub async fn start(layout: impl Into<Layout>) -> Self {
        Self::start_with(layout, |_| {}).await
    }

    /// Starts a mesh whose configuration `change` has adapted.
    pub async fn start_with(layout: impl Into<Layout>, change: impl Fn(&mut Config)) -> Self {
        let Layout { shape, stores } = layout.into();
        Self::start_in(Kept::new(stores), shape, change).await
    }

    /// Starts a mesh on what another one left.
    pub async fn start_in(kept: Kept, shape: Shape, change: impl Fn(&mut Config)) -> Self {
        let (worker, gemini) = (OpenAiUpstream::start(), GeminiUpstream::start());
        let folder = kept.folder.path();
        let base = |name: &str| {
            let mut config = config(folder.join(name), &worker, &gemini);
            kept.databases.iter().for_each(|databases| databases.enter(&mut config));
            change(&mut config);
            config
        };
        let mut nodes = Vec::new();
        match shape {
            Shape::AllInOne => {
                let (listener, _) = bound_listener();
                let listeners = HashMap::from([(Target::Gateway, listener)]);
                let options = NodeOptions { listeners, ..NodeOptions::all_in_one() };
                let node = Node::start(base("all"), options).await.unwrap_or_else(|error| panic!("{error}"));
                nodes.push((Target::Gateway, node));
            }
            Shape::Split => split(folder, base, &mut nodes).await,
        }
        let gateway =
            nodes.iter().find_map(|(_, node)| node.addresses.get(&Target::Gateway)).copied().unwrap();
        let mesh = Self { nodes, gateway, worker, gemini, kept };
        mesh.ready().await;
        mesh
    }

    /// Waits until every node is ready and the router sees a serving model.
    async fn ready(&self) {
        for (target, node) in &self.nodes {
            let ready = tokio::time::timeout(READY_WITHIN, node.readiness.ready()).await;
            ready.unwrap_or_else(|_| panic!("{target} is not ready: {:?}", node.readiness.failing()));
        }
        let seen = async {
            use kaleem_proto::router::v1::{ListTargetsRequest, router_service_client::RouterServiceClient};
            let mut router = RouterServiceClient::new(self.connection(&self.admin_key()));
            loop {
                let listed = router.list_targets(ListTargetsRequest {}).await;
                let serving = |targets: &[kaleem_proto::router::v1::list_targets_response::TargetState]| {
                    ["provider-local/", "provider-gemini/"].iter().all(|name| {
                        targets
                            .iter()
                            .any(|target| target.candidate.starts_with(name) && target.breaker == "closed")
                    })
                };
                if listed.is_ok_and(|listed| serving(&listed.into_inner().targets)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, seen).await.expect("the router sees both providers in time");
    }

    /// Starts one more gateway beside the first, with a journal of its own; only in [`Shape::Split`]. Where it listens.
    pub async fn another_gateway(&mut self) -> SocketAddr {
        let name = format!("gateway-{}", self.nodes.len());
        let mut config = config(self.kept.folder.path().join(&name), &self.worker, &self.gemini);
        config.gateway.gateway_id = name;
        config.mesh.tls = Some(certs::files_of(&self.kept.folder.path().join("certs"), "gateway"));
        config.mesh.secret_file = Some(self.kept.folder.path().join("mesh.secret"));
        for (target, node) in &self.nodes {
            let port = node.addresses[target].port();
            config.mesh.peers.entry(*target).or_insert_with(|| format!("https://localhost:{port}"));
        }
        let (listener, address) = bound_listener();
        let options = NodeOptions {
            targets: vec![Target::Gateway],
            expose: true,
            listeners: HashMap::from([(Target::Gateway, listener)]),
            ..NodeOptions::all_in_one()
        };
        let node = Node::start(config, options).await.unwrap_or_else(|error| panic!("{error}"));
        self.nodes.push((Target::Gateway, node));
        address
    }

    /// Stops every node, the gateway first, and gives the stores back.
    pub async fn stop(self) -> Kept {
        for (target, node) in self.nodes.into_iter().rev() {
            let report = node.stop(STOP_WITHIN).await;
            assert!(report.is_clean(), "{target} left something behind: {report:?}");
        }
        self.kept
    }

    /// The servers that the mesh keeps its state in; only on [`Stores::Production`].
    pub fn databases(&mut self) -> &mut Databases {
        self.kept.databases.as_mut().expect("the mesh is on production stores")
    }

    /// The folder of the stores of `target`.
    pub fn data_of(&self, target: Target) -> PathBuf {
        let all = self.kept.folder.path().join("all");
        if all.exists() { all } else { self.kept.folder.path().join(target.name()) }
    }

    /// The demonstration merchant's key.
    pub fn demo_key(&self) -> String {
        fs::read_to_string(self.data_of(Target::Accounts).join("demo.key")).unwrap()
    }

    /// The operator's key.
    pub fn admin_key(&self) -> String {
        fs::read_to_string(self.data_of(Target::Accounts).join("admin.key")).unwrap()
    }

    /// A connection that shows `key`.
    pub fn connection(&self, key: &str) -> Connection {
        self.connection_to(self.gateway, key)
    }

    /// A connection to one of several gateways that shows `key`.
    pub fn connection_to(&self, gateway: SocketAddr, key: &str) -> Connection {
        let transport = remote("the gateway", &format!("http://{gateway}"), None).unwrap();
        InterceptedService::new(transport, Bearer(key.to_owned()))
    }

    /// A transport to the port of `target` with a certificate of the mesh; only in [`Shape::Split`].
    pub fn peer(&self, target: Target) -> Transport {
        let files = certs::files_of(&self.kept.folder.path().join("certs"), "gateway");
        let tls = files.load(SystemClock.now()).unwrap();
        let address = self.nodes.iter().find_map(|(_, node)| node.addresses.get(&target)).unwrap();
        remote(target.name(), &format!("https://localhost:{}", address.port()), Some(tls.client)).unwrap()
    }

    /// A gateway client with the demonstration merchant's key.
    pub fn client(&self) -> GatewayServiceClient<Connection> {
        GatewayServiceClient::new(self.connection(&self.demo_key()))
    }

    /// An operator's client of Accounts.
    pub fn accounts(&self) -> AccountsServiceClient<Connection> {
        AccountsServiceClient::new(self.connection(&self.admin_key()))
    }

    /// An operator's client of Quota.
    pub fn quota(&self) -> QuotaServiceClient<Connection> {
        QuotaServiceClient::new(self.connection(&self.admin_key()))
    }

    /// An operator's client of Billing.
    pub fn billing(&self) -> BillingServiceClient<Connection> {
        BillingServiceClient::new(self.connection(&self.admin_key()))
    }

    /// Spent and held of one dimension of the demonstration merchant.
    pub async fn quota_of(&self, dimension: &str) -> Dimension {
        self.quota_of_merchant(MERCHANT, dimension).await
    }

    /// Spent and held of one dimension of a merchant.
    pub async fn quota_of_merchant(&self, merchant: &str, dimension: &str) -> Dimension {
        let request = GetUsageRequest { merchant_id: merchant.into() };
        let usage = self.quota().get_usage(request).await.unwrap().into_inner();
        usage.dimensions.into_iter().find(|found| found.name == dimension).unwrap()
    }

    /// The ledger of the demonstration merchant once it has `requests` events.
    pub async fn ledger_with(&self, requests: i64) -> GetUsageSummaryResponse {
        self.ledger_of_merchant_with(MERCHANT, requests).await
    }

    /// The ledger of a merchant once it has `requests` events.
    pub async fn ledger_of_merchant_with(&self, merchant: &str, requests: i64) -> GetUsageSummaryResponse {
        let read = async {
            loop {
                let request = GetUsageSummaryRequest { merchant_id: merchant.into(), ..Default::default() };
                let summary = self.billing().get_usage_summary(request).await.unwrap().into_inner();
                if summary.request_count >= requests {
                    return summary;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, read)
            .await
            .unwrap_or_else(|_| panic!("the ledger never had {requests} events"))
    }

    /// Waits until nothing of the demonstration merchant is held.
    pub async fn nothing_held(&self) {
        let read = async {
            while self.quota_of("concurrent_requests").await.held != 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, read).await.expect("every hold ends");
    }
}

fn config(data_dir: PathBuf, worker: &OpenAiUpstream, gemini: &GeminiUpstream) -> Config {
    let mut config = Config { data_dir, demo: true, ..Config::default() };
    let workers = format!(
        "[[workers]]\nname = 'double'\nbase_url = '{}'\nkind = 'vllm'\n[timeouts]\nprobe_interval = '100ms'",
        worker.url()
    );
    config.provider_local = toml::from_str(&workers).unwrap();
    config.provider_gemini = toml::from_str(&format!(
        "base_url = '{}'\napi_key = '{}'",
        gemini.url(),
        kaleem_testkit::gemini_upstream::API_KEY
    ))
    .unwrap();
    config.router.refresh_interval = Span::millis(50);
    config
}

async fn split(folder: &Path, base: impl Fn(&str) -> Config, nodes: &mut Vec<(Target, Node)>) {
    let certificates = folder.join("certs");
    let leaves = Target::ALL.map(Target::name);
    let authority = certs::DevAuthority {
        folder: &certificates,
        leaves: &leaves,
        hosts: &[],
        days: 1,
        now: SystemClock.now(),
    };
    // A mesh that starts again has them.
    if !certificates.exists() {
        authority.create(false).unwrap();
    }
    let mut listeners: HashMap<Target, _> =
        Target::ALL.iter().map(|target| (*target, bound_listener())).collect();
    let peers: std::collections::BTreeMap<_, _> = listeners
        .iter()
        .map(|(target, (_, address))| (*target, format!("https://localhost:{}", address.port())))
        .collect();
    for target in Target::ALL {
        let mut config = base(target.name());
        config.mesh.tls = Some(certs::files_of(&certificates, target.name()));
        config.mesh.secret_file = Some(folder.join("mesh.secret"));
        config.mesh.peers.clone_from(&peers);
        let (listener, _) = listeners.remove(&target).unwrap();
        let options = NodeOptions {
            targets: vec![target],
            expose: true,
            listeners: HashMap::from([(target, listener)]),
            ..NodeOptions::all_in_one()
        };
        let node = Node::start(config, options).await.unwrap_or_else(|error| panic!("{target}: {error}"));
        nodes.push((target, node));
    }
}
