//! Reserve and Settle over gRPC on loopback, with the counters in Redis or in Postgres: verbs a second, and how long a Reserve takes.
//!
//! `cargo bench -p kaleem-quota --bench shared` runs callers that each wait for an answer before they ask again, so that with many
//! callers a percentile is that of a full queue. Callers, quota and the store share the machine's cores; what a core of Redis alone
//! would do is told by the CPU time of its process.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops on a failure and prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use kaleem_proto::quota::v1::{
    quota_service_client::QuotaServiceClient, quota_service_server::QuotaServiceServer,
};
use kaleem_quota::Grpc;
use kaleem_rpc::{Transport, remote};
use support::{
    Quota, plan, reserve, settle,
    stores::{Backend, Stores},
};
use tokio::task::JoinSet;

const PLENTY: i64 = 1_000_000_000_000;
const LENGTH: Duration = Duration::from_secs(5);
/// Callers at once, and merchants among whom they are spread.
const LOADS: [(usize, usize); 6] = [(1, 1), (4, 4), (16, 16), (64, 64), (64, 1), (256, 256)];

/// Serves quota on a port of its own, as a gateway of another machine would reach it.
async fn served(quota: &Quota) -> Transport {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = QuotaServiceServer::new(Grpc::new(quota.registry.clone()));
    // As the server of a node does: small answers go out at once.
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming);
    quota.supervisor.spawn("quota under load", kaleem_runtime::OnError::Log, serving);
    remote("quota", &url, None).unwrap()
}

/// One caller: reserves and settles until the time is up; how long each Reserve took, in nanoseconds.
async fn call(
    mut client: QuotaServiceClient<Transport>,
    merchant: String,
    quota_now: kaleem_domain::Timestamp,
) -> Vec<u64> {
    let mut taken = Vec::new();
    let started = Instant::now();
    while started.elapsed() < LENGTH {
        let request = reserve(&merchant, quota_now);
        let before = Instant::now();
        let admitted = client.reserve(request).await.unwrap().into_inner();
        taken.push(u64::try_from(before.elapsed().as_nanos()).unwrap());
        client.settle(settle(&admitted.reservation.unwrap(), 50, 2_500)).await.unwrap();
    }
    taken
}

async fn load(quota: &Quota, transport: &Transport, callers: usize, merchants: usize) -> Vec<u64> {
    let mut calls = JoinSet::new();
    for caller in 0..callers {
        let merchant = format!("shop-{}", caller % merchants);
        calls.spawn(call(QuotaServiceClient::new(transport.clone()), merchant, quota.now()));
    }
    let mut taken = calls.join_all().await.concat();
    taken.sort_unstable();
    taken
}

/// CPU time that a process has used.
fn cpu_time(process_id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap();
    // After the name, which may hold anything: user and system time, in hundredths of a second.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let hundredths = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(10 * hundredths)
}

async fn measure(backend: Backend) {
    let mut stores = Stores::start(backend);
    let redis = (backend == Backend::Redis).then(|| stores.redis().process_id());
    let quota = Quota::open_with(
        stores.config(),
        stores.clock.clone(),
        stores.accounts.clone(),
        stores.billing.clone(),
    )
    .await;
    for merchant in 0..256 {
        stores.accounts.put(&format!("shop-{merchant}"), plan(PLENTY, PLENTY, PLENTY, PLENTY));
    }
    let transport = served(&quota).await;
    for (callers, merchants) in LOADS {
        let before = redis.map(cpu_time);
        let taken = load(&quota, &transport, callers, merchants).await;
        let verbs = 2.0 * taken.len() as f64;
        let percentile = |per_mille: usize| Duration::from_nanos(taken[taken.len() * per_mille / 1_000]);
        let (p50, p99) = (percentile(500), percentile(990));
        print!(
            "{backend:?}: {callers} callers, {merchants} merchants: {:.0} verbs/s, ",
            verbs / LENGTH.as_secs_f64()
        );
        print!("Reserve p50 {p50:?}, p99 {p99:?}");
        if let Some((redis, before)) = redis.zip(before) {
            let used = cpu_time(redis).saturating_sub(before);
            print!(", {:.0} verbs a second of Redis' CPU", verbs / used.as_secs_f64());
        }
        println!();
    }
}

fn main() {
    // Told by cargo to list or to run in test mode, there is nothing to do.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    for backend in [Backend::Redis, Backend::Postgres] {
        runtime.block_on(measure(backend));
    }
}
