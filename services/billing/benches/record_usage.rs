//! Events a second that RecordUsage makes durable, by events a call and by callers at once.
//!
//! Every iteration is a call through the generated client to a ledger on the machine's disk, acknowledged after its commit: in SQLite,
//! and in a Postgres beside it that syncs every commit.
#![expect(clippy::unwrap_used, reason = "a step that fails must stop the measurement")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
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

/// Time in which `callers` make `rounds` calls each, of `size` events each.
async fn run(client: &Client, next: &mut u64, callers: u64, rounds: u64, size: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        let calls = (0..callers).map(|_| {
            let events = (*next..*next + size).map(event).collect();
            *next += size;
            let mut client = client.clone();
            async move { client.record_usage(RecordUsageRequest { events }).await.unwrap() }
        });
        join_all(calls.collect::<Vec<_>>()).await;
    }
    start.elapsed()
}

/// Callers at once, and events a call.
const LOADS: [(u64, u64); 7] = [(1, 1), (256, 1), (1, 32), (1, 256), (4, 256), (1, 1_024), (4, 1_024)];

fn measure(criterion: &mut Criterion, store: &str, postgres_url: Option<Secret>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = runtime.block_on(open(folder.path(), postgres_url));
    let mut next = 0;
    let mut group = criterion.benchmark_group(format!("record_usage_{store}"));
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (callers, size) in LOADS {
        group.throughput(Throughput::Elements(callers * size));
        let id = BenchmarkId::from_parameter(format!("{callers}_callers_of_{size}_events"));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|rounds| runtime.block_on(run(&client, &mut next, callers, rounds, size)));
        });
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
