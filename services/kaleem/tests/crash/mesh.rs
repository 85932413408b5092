//! A mesh in which whatever keeps money can be killed.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Duration};

use kaleem::{Config, Node, NodeOptions};
use kaleem_proto::{
    billing::v1::billing_service_client::BillingServiceClient,
    quota::v1::quota_service_client::QuotaServiceClient,
    router::v1::{ListTargetsRequest, router_service_client::RouterServiceClient},
};
use kaleem_rpc::{Target, Transport, remote};
use kaleem_runtime::config::Span;
use kaleem_testkit::{
    ManualClock,
    openai_upstream::{OpenAiUpstream, Reply},
    power::{Log, Recorder},
    server_port,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    caller::Caller,
    child::{PATIENCE, Process, Start},
    stores::Stores,
};

/// The merchant of every mesh.
pub const MERCHANT: &str = "demo-shop";
/// Life of a hold that nobody hears of; 30 s in production.
pub const HOLD_TTL: Duration = Duration::from_secs(1);
/// Targets without money of their own, in the test's process.
const HERE: [Target; 4] = [Target::Accounts, Target::Redaction, Target::Router, Target::ProviderLocal];
/// Targets that may be killed.
const APART: [Target; 3] = [Target::Quota, Target::Billing, Target::Gateway];

/// Whether quota compares itself with the ledger. Where it does not, every figure of quota has come from the gateways alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconcile {
    On,
    Off,
}

pub struct Mesh {
    folder: TempDir,
    stores: Stores,
    ports: BTreeMap<Target, u16>,
    reconcile: Reconcile,
    /// Records what the processes do to their disks.
    recorder: Option<Recorder>,
    node: Node,
    pub worker: OpenAiUpstream,
    pub quota: Option<Process>,
    /// Quota on a clock of the test's, which no child process can have.
    timed_quota: Option<Node>,
    pub billing: Option<Process>,
}

impl Mesh {
    /// Starts everything but the gateway; quota and billing with these failpoints.
    pub async fn start(reconcile: Reconcile, quota: &str, billing: &str) -> Self {
        let mut mesh = Self::here(reconcile).await;
        mesh.serve_money(quota, billing).await;
        mesh
    }

    /// Starts everything but the gateway, on disks that are recorded.
    pub async fn start_recorded(reconcile: Reconcile) -> Self {
        let mut mesh = Self::here(reconcile).await;
        mesh.stores = Stores::Files;
        mesh.recorder = Some(Recorder::of(mesh.folder.path()));
        mesh.serve_money("", "").await;
        mesh
    }

    async fn serve_money(&mut self, quota: &str, billing: &str) {
        self.serve_ledger(billing).await;
        self.respawn_quota(quota).await;
    }

    /// Starts everything but the gateway, with quota on `clock` in the test's own process.
    pub async fn start_timed(clock: &ManualClock) -> Self {
        let mut mesh = Self::here(Reconcile::Off).await;
        mesh.serve_ledger("").await;
        let mut config = config(&mesh.folder, &mesh.ports, "quota");
        config.quota.reconcile_interval = Span::ZERO;
        config.quota.sweep_interval = Span::millis(50);
        mesh.stores.enter(&mut config);
        let clock = Arc::new(clock.clone());
        mesh.timed_quota = Some(start_node(config, NodeOptions { clock, ..options(&[Target::Quota]) }).await);
        mesh
    }

    /// Starts what keeps no money.
    async fn here(reconcile: Reconcile) -> Self {
        let folder = tempfile::Builder::new().prefix("kaleem-crash-").tempdir().unwrap();
        let worker = OpenAiUpstream::start();
        worker.respond_with(|_| Reply::text(["نعم", " نشحن"]));
        let ports: BTreeMap<_, _> =
            HERE.into_iter().chain(APART).map(|target| (target, server_port())).collect();
        let mut config = config(&folder, &ports, "base");
        let double = json!({"name": "double", "base_url": worker.url(), "kind": "vllm"});
        let pool = json!({"workers": [double], "timeouts": {"probe_interval": "50ms"}});
        config.provider_local = serde_json::from_value(pool).unwrap();
        config.router.refresh_interval = Span::millis(50);
        let node = start_node(config, options(&HERE)).await;
        let stores = Stores::of_environment();
        let (recorder, quota, timed_quota, billing) = (None, None, None, None);
        Self { folder, stores, ports, reconcile, recorder, node, worker, quota, timed_quota, billing }
    }

    async fn serve_ledger(&mut self, failpoints: &str) {
        self.respawn_billing(failpoints).await;
        self.routed().await;
    }

    /// Waits until the router sees a model and its price.
    async fn routed(&self) {
        let mut router = RouterServiceClient::new(self.transport(Target::Router));
        let seen = async {
            loop {
                let listed =
                    router.list_targets(ListTargetsRequest {}).await.map(tonic::Response::into_inner);
                let serves = |listed: kaleem_proto::router::v1::ListTargetsResponse| {
                    listed.targets.iter().any(|target| target.breaker == "closed")
                };
                if listed.is_ok_and(serves) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("the router sees the worker");
    }

    /// Starts a gateway whose journal lies in a folder called `name`.
    pub async fn gateway(&self, name: &str, failpoints: &str) -> Process {
        self.spawn(Target::Gateway, name, failpoints, None).await
    }

    /// The same, which lets billing be away for no longer than `patience`.
    pub async fn impatient_gateway(&self, name: &str, patience: Duration) -> Process {
        let setting = format!("gateway.billing_away_max={}ms", patience.as_millis());
        self.spawn(Target::Gateway, name, "", Some(setting)).await
    }

    pub async fn respawn_quota(&mut self, failpoints: &str) {
        self.quota = Some(self.spawn(Target::Quota, "quota", failpoints, None).await);
    }

    pub async fn respawn_billing(&mut self, failpoints: &str) {
        self.billing = Some(self.spawn(Target::Billing, "billing", failpoints, None).await);
    }

    async fn spawn(&self, target: Target, name: &str, failpoints: &str, setting: Option<String>) -> Process {
        let is_on = self.reconcile == Reconcile::On;
        let interval = if is_on { "150ms" } else { "0s" };
        // As long as a gateway that returns may take, and longer than any batch gathers.
        let push_after = if is_on { "1s" } else { "5m" };
        let mut settings = vec![
            format!("mesh.secret_file={}", self.folder.path().join("mesh.secret").display()),
            format!("listen=127.0.0.1:{}", self.ports[&Target::Gateway]),
            format!("gateway.gateway_id={name}"),
            format!("gateway.hold_ttl={}ms", HOLD_TTL.as_millis()),
            format!("quota.reconcile_interval={interval}"),
            format!("quota.follow.push_after={push_after}"),
            "quota.follow.push_interval=100ms".to_owned(),
            "quota.sweep_interval=50ms".to_owned(),
        ];
        for (target, port) in self.ports.iter().filter(|(target, _)| **target != Target::Gateway) {
            settings.push(format!("mesh.listen.{target}=127.0.0.1:{port}"));
            settings.push(format!("mesh.peers.{target}=http://localhost:{port}"));
        }
        settings.extend(self.stores.settings(target, name));
        settings.extend(setting);
        let data_dir = self.data_of(name);
        let recorded = self.recorder.as_ref().map(Recorder::environment);
        let start = Start {
            target: target.name(),
            data_dir,
            settings,
            failpoints: failpoints.to_owned(),
            environment: recorded.into_iter().flatten().collect(),
        };
        Process::start(&start, self.ports[&target]).await
    }

    /// How far the recording has come.
    pub fn position(&self) -> u64 {
        self.recorder.as_ref().map_or(0, Recorder::position)
    }

    /// Kills all that writes; what was recorded of it. What is started from here on is not recorded.
    pub fn power_fails(&mut self, gateway: Process) -> Log {
        gateway.kill();
        [self.quota.take(), self.billing.take()].into_iter().flatten().for_each(|process| {
            process.kill();
        });
        let log = self.recording();
        self.recorder = None;
        log
    }

    /// What was recorded so far.
    pub fn recording(&self) -> Log {
        self.recorder.as_ref().expect("a mesh that is recorded").read()
    }

    /// Copies the ledger of a billing that does not run.
    pub fn copy_billing_to(&self, name: &str) {
        if self.stores.copy_ledger(name) {
            return;
        }
        let (from, to) = (self.data_of("billing/billing"), self.data_of(name).join("billing"));
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }

    /// A billing on the copy called `name`.
    pub async fn billing_on(&self, name: &str) -> Process {
        self.spawn(Target::Billing, name, "", None).await
    }

    /// Where the stores of a process lie.
    fn data_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn transport(&self, target: Target) -> Transport {
        remote(target.name(), &format!("http://localhost:{}", self.ports[&target]), None).unwrap()
    }

    pub fn quota_client(&self) -> QuotaServiceClient<Transport> {
        QuotaServiceClient::new(self.transport(Target::Quota))
    }

    pub fn billing_client(&self) -> BillingServiceClient<Transport> {
        BillingServiceClient::new(self.transport(Target::Billing))
    }

    /// A caller of the front door.
    pub fn caller(&self) -> Caller {
        let key = fs::read_to_string(self.data_of("base").join("demo.key")).unwrap();
        Caller::new(self.transport(Target::Gateway), &key)
    }

    /// Ends what runs in the test's process.
    pub async fn end(self) {
        drop((self.quota, self.billing));
        for node in self.timed_quota.into_iter().chain([self.node]) {
            let report = node.stop(Duration::from_secs(5)).await;
            assert!(report.is_clean(), "something was left behind: {report:?}");
        }
    }
}

fn config(folder: &TempDir, ports: &BTreeMap<Target, u16>, name: &str) -> Config {
    let mut config = Config { data_dir: folder.path().join(name), demo: true, ..Config::default() };
    config.mesh.secret_file = Some(folder.path().join("mesh.secret"));
    for (target, port) in ports {
        config.mesh.peers.insert(*target, format!("http://localhost:{port}"));
        config.mesh.listen.insert(*target, ([127, 0, 0, 1], *port).into());
    }
    config
}

fn options(targets: &[Target]) -> NodeOptions {
    NodeOptions { targets: targets.to_vec(), expose: true, ..NodeOptions::all_in_one() }
}

async fn start_node(config: Config, options: NodeOptions) -> Node {
    Node::start(config, options).await.unwrap_or_else(|error| panic!("{error}"))
}
