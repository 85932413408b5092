//! Events a second that RecordUsage makes durable, by events a call and by callers at once, and how long a call waits.
//!
//! Every iteration is a call of each caller through the generated client to a ledger on the machine's disk, acknowledged after its
//! commit: in SQLite, and in a Postgres beside it that syncs every commit. Callers do not wait for each other.
#![expect(clippy::unwrap_used, reason = "a step that fails must stop the measurement")]
#![expect(clippy::print_stdout, reason = "percentiles are no figure of criterion's")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kaleem_billing::{Config, Deps, Grpc, build};
use kaleem_domain::Timestamp;
use kaleem_proto::{
    billing::v1::{
        RecordUsageRequest, UsageEvent, UsageStatus, billing_service_client::BillingServiceClient,
        billing_service_server::BillingServiceServer,
    },
    chat::v1::TokenUsage,
    quota::v1::Reservation,
};
use kaleem_rpc::convert;
use kaleem_runtime::{Supervisor, config::Secret};
use kaleem_testkit::{ManualClock, postgres::Postgres};
use tokio::task::JoinSet;

type Client = BillingServiceClient<BillingServiceServer<Grpc>>;

const NOW: Timestamp = Timestamp::from_millis(1_795_170_000_000);

fn event(number: u64) -> UsageEvent {
    let request_id = format!("0199aa00-0000-7000-8000-{number:012x}");
    let reservation = Reservation {
        event_id: format!("202611/{request_id}/0"),
        request_id,
        merchant_id: format!("shop-{}", number % 10),
        admit_time: Some(convert::timestamp(NOW)),
        day_window_id: "d20261120".into(),
        month_window_id: "M202611".into(),
        price_version: "gemini-2.5-flash-lite@2026-10-07".into(),
        ..Reservation::default()
    };
    UsageEvent {
        reservation: Some(reservation),
        target: "provider-gemini".into(),
        model_served: "gemini-2.5-flash-lite".into(),
        usage: Some(TokenUsage { input_fresh_count: 300, output_text_count: 150, ..TokenUsage::default() }),
        status: UsageStatus::Ok.into(),
        ..UsageEvent::default()
    }
}

async fn open(folder: &Path, postgres_url: Option<Secret>) -> Client {
    let deps = Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: Supervisor::new() };
    let config = Config { data_folder: folder.to_owned(), postgres_url, ..Config::default() };
    BillingServiceClient::new(build(config, deps).await.unwrap())
}

/// What is recorded, and how long each call took.
#[derive(Clone)]
struct Load {
    client: Client,
    next: Arc<AtomicU64>,
    callers: u64,
    size: u64,
}

impl Load {
    /// Time in which each caller makes `rounds` calls; what each call took is added to `waits`.
    async fn run(&self, rounds: u64, waits: &mut Vec<Duration>) -> Duration {
        let start = Instant::now();
        let mut callers = JoinSet::new();
        for _ in 0..self.callers {
            let mut load = self.clone();
            callers.spawn(async move {
                let mut waits = Vec::new();
                for _ in 0..rounds {
                    waits.push(load.call().await);
                }
                waits
            });
        }
        while let Some(caller) = callers.join_next().await {
            waits.extend(caller.unwrap());
        }
        start.elapsed()
    }

    async fn call(&mut self) -> Duration {
        let first = self.next.fetch_add(self.size, Ordering::Relaxed);
        let events = (first..first + self.size).map(event).collect();
        let start = Instant::now();
        self.client.record_usage(RecordUsageRequest { events }).await.unwrap();
        start.elapsed()
    }
}

/// Callers at once, and events a call.
const LOADS: [(u64, u64); 7] = [(1, 1), (256, 1), (1, 256), (4, 256), (16, 256), (4, 1_024), (7, 1_024)];

fn measure(criterion: &mut Criterion, store: &str, postgres_url: Option<Secret>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = runtime.block_on(open(folder.path(), postgres_url));
    let next = Arc::new(AtomicU64::new(0));
    let mut group = criterion.benchmark_group(format!("record_usage_{store}"));
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (callers, size) in LOADS {
        let load = Load { client: client.clone(), next: Arc::clone(&next), callers, size };
        let mut waits = Vec::new();
        group.throughput(Throughput::Elements(callers * size));
        let name = format!("{callers}_callers_of_{size}_events");
        group.bench_function(BenchmarkId::from_parameter(&name), |bencher| {
            bencher.iter_custom(|rounds| runtime.block_on(load.run(rounds, &mut waits)));
        });
        waits.sort_unstable();
        let percentile =
            |hundredths: usize| waits.get(waits.len() * hundredths / 100).copied().unwrap_or_default();
        println!(
            "{store}, {name}: acknowledged after p50 {:.1?}, p99 {:.1?}",
            percentile(50),
            percentile(99)
        );
    }
    group.finish();
}

fn in_sqlite(criterion: &mut Criterion) {
    measure(criterion, "sqlite", None);
}

fn in_postgres(criterion: &mut Criterion) {
    let server = Postgres::start_synced();
    measure(criterion, "postgres", Some(Secret::from(server.create_database("ledger"))));
}

criterion_group!(benches, in_sqlite, in_postgres);
criterion_main!(benches);
