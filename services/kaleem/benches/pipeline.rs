//! What the pipeline costs one caller: every service in one process behind its listener, a worker that answers at once, and one
//! request after the other over loopback. "direct" asks the worker itself; the difference is the pipeline's overhead, which here
//! includes the front door's own network hop. "guarded" has every answer held against the facts of a shop of as many
//! products, which come with each request.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![expect(clippy::expect_used, reason = "a benchmark stops at its first surprise")]

use std::{
    fs,
    hint::black_box,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kaleem::{
    Config, Node, NodeOptions,
    bench::{self, Caller, Endpoint, Protocol, Question, upstream},
};
use kaleem_guard::{Gate, Policy};
use kaleem_rpc::{Target, remote};
use tokio::{net::TcpListener, runtime::Runtime, task::JoinSet};
use tokio_util::sync::CancellationToken;

const TOKENS: u64 = 16;
const PROMPT: &str = "هل تشحنون إلى جدة؟ رقمي ٠٥٥١٢٣٤٥٦٧";
const PATIENCE: Duration = Duration::from_secs(10);

/// The mesh, the worker behind it, and who asks.
struct Bench {
    direct: Endpoint,
    kaleem: Endpoint,
    node: Node,
    _folder: tempfile::TempDir,
    _upstream: JoinSet<()>,
}

impl Bench {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let worker = listener.local_addr().expect("a bound address");
        let mut upstream = JoinSet::new();
        upstream.spawn(async move {
            upstream::serve(listener, TOKENS, CancellationToken::new()).await.expect("it serves");
        });
        let folder = tempfile::tempdir().expect("a folder");
        let node = Node::start(config(&folder, worker), NodeOptions::all_in_one()).await.expect("it starts");
        let server = format!("http://{}", node.addresses[&Target::Gateway]);
        let admin = fs::read_to_string(folder.path().join("admin.key")).expect("the operator's key");
        let transport = remote("the gateway", &server, None).expect("an address");
        let api_key = bench::prepare(transport, &admin).await.expect("a merchant");
        let direct = Endpoint { server: format!("http://{worker}"), api_key: String::new() };
        let kaleem = Endpoint { server, api_key };
        Self { direct, kaleem, node, _folder: folder, _upstream: upstream }
    }

    /// Waits until the pool has found the worker.
    async fn ready(&self) {
        let until = Instant::now() + PATIENCE;
        let mut caller = caller(Protocol::Grpc, &self.kaleem, false);
        while let Some(reason) = caller.call().await.failure().map(str::to_owned) {
            assert!(Instant::now() < until, "not ready: {reason}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn config(folder: &tempfile::TempDir, worker: SocketAddr) -> Config {
    let worker =
        serde_json::json!({"name": "bench", "base_url": format!("http://{worker}"), "max_in_flight": 256});
    let mut config = Config {
        data_dir: folder.path().to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    };
    config.provider_local.workers = vec![serde_json::from_value(worker).expect("a worker")];
    config
}

/// Facts of a shop with `products` products.
fn facts(products: usize) -> String {
    let product = |index: usize| {
        let (arabic, english) = (format!("عباية سوداء رقم {index}"), format!("Black Abaya {index}"));
        serde_json::json!({"sku": format!("AB-{index}"), "names": [arabic, english], "amount": format!("{}.00", 50 + index)})
    };
    let prices: Vec<serde_json::Value> = (0..products).map(product).collect();
    serde_json::json!({
        "currency": "SAR", "prices": prices, "shipping": {"fee": "25.00", "free_over": "200.00", "days": [2, 4]},
        "return_days": 14, "coupons": {"EID2026": 20},
    })
    .to_string()
}

fn caller(protocol: Protocol, endpoint: &Endpoint, stream: bool) -> Caller {
    asking(protocol, endpoint, (stream, String::new()))
}

fn asking(protocol: Protocol, endpoint: &Endpoint, (stream, facts): (bool, String)) -> Caller {
    let (prompt, model) = (PROMPT.to_owned(), upstream::MODEL.to_owned());
    let question = Arc::new(Question { prompt, model, facts, stream, timeout: PATIENCE });
    Caller::new(protocol, endpoint, &question).expect("a caller")
}

fn measure(runtime: &Runtime, caller: &mut Caller, rounds: u64) -> Duration {
    runtime.block_on(async {
        let started = Instant::now();
        for _ in 0..rounds {
            let failure = caller.call().await.failure().map(str::to_owned);
            assert_eq!(failure, None);
        }
        started.elapsed()
    })
}

fn pipeline(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let bench = runtime.block_on(async {
        let bench = Bench::start().await;
        bench.ready().await;
        bench
    });
    let paths = [
        ("direct http", Protocol::Http, &bench.direct),
        ("kaleem http", Protocol::Http, &bench.kaleem),
        ("kaleem grpc", Protocol::Grpc, &bench.kaleem),
    ];
    let mut group = criterion.benchmark_group("pipeline");
    for (name, protocol, endpoint) in paths {
        for (kind, stream) in [("unary", false), ("stream", true)] {
            let _entered = runtime.enter();
            let mut caller = caller(protocol, endpoint, stream);
            group.bench_function(BenchmarkId::new(kind, name), |bencher| {
                bencher.iter_custom(|rounds| measure(&runtime, &mut caller, rounds));
            });
        }
    }
    for (name, facts) in
        [("no facts", String::new()), ("facts of 20", facts(20)), ("facts of 500", facts(500))]
    {
        let _entered = runtime.enter();
        let mut caller = asking(Protocol::Grpc, &bench.kaleem, (false, facts));
        group.bench_function(BenchmarkId::new("guarded", name), |bencher| {
            bencher.iter_custom(|rounds| measure(&runtime, &mut caller, rounds));
        });
    }
    group.finish();
    runtime.block_on(async {
        let grace = Duration::from_secs(5);
        bench.node.stop(grace).await;
    });
}

/// What guardrails cost without a network: reading the facts of a request, and letting an answer of 16 tokens through.
fn guardrails(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guardrails");
    for products in [20, 500] {
        let facts = facts(products);
        group.bench_function(BenchmarkId::new("read facts", products), |bencher| {
            bencher.iter(|| Policy::parse(black_box(&facts)).is_ok());
        });
    }
    let policy = Arc::new(Policy::parse(&facts(20)).expect("facts"));
    for (name, token) in [("nothing stated", "كلمة "), ("prices", "السعر ٨٩ ريال. ")] {
        let mut pieces = Vec::new();
        group.bench_function(BenchmarkId::new("16 tokens", name), |bencher| {
            bencher.iter(|| {
                pieces.clear();
                let mut gate = Gate::new(Arc::clone(&policy));
                (0..TOKENS).for_each(|_| gate.push(black_box(token), &mut pieces));
                gate.finish(&mut pieces);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pipeline, guardrails);
criterion_main!(benches);
