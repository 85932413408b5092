//! What a call between services costs: the generated client through the whole server stack, in this process and over TCP.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![expect(clippy::expect_used, reason = "a benchmark stops at its first surprise")]

use std::{pin::Pin, time::Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::{Stream, stream};
use kaleem_proto::{
    chat::v1::TextDelta,
    provider::v1::{
        CountTokensRequest, CountTokensResponse, EmbedRequest, EmbedResponse, ListModelsRequest,
        ListModelsResponse, StreamGenerateRequest, StreamGenerateResponse,
        provider_service_client::ProviderServiceClient,
        provider_service_server::{ProviderService, ProviderServiceServer},
        stream_generate_response::Event,
    },
};
use kaleem_rpc::{
    Mount, StackConfig, Transport, remote,
    server::{self, ListenerConfig},
};
use tokio::{net::TcpListener, runtime::Runtime, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Messages of one stream; the call itself is spread over them.
const STREAM_MESSAGES: u64 = 1_000;

/// Does nothing but answer.
struct Fast;

type Events = Pin<Box<dyn Stream<Item = Result<StreamGenerateResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ProviderService for Fast {
    type StreamGenerateStream = Events;

    async fn stream_generate(&self, _: Request<StreamGenerateRequest>) -> Result<Response<Events>, Status> {
        let text = || StreamGenerateResponse {
            event: Some(Event::Text(TextDelta { text: "كلمة ".to_owned() })),
        };
        let events = stream::iter((0..STREAM_MESSAGES).map(move |_| Ok(text())));
        Ok(Response::new(Box::pin(events)))
    }

    async fn count_tokens(
        &self,
        _: Request<CountTokensRequest>,
    ) -> Result<Response<CountTokensResponse>, Status> {
        Ok(Response::new(CountTokensResponse { input_count: 1, exact: true }))
    }

    async fn embed(&self, _: Request<EmbedRequest>) -> Result<Response<EmbedResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_models(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}

/// A listener with the mount behind it, and a client over loopback.
fn over_tcp(runtime: &Runtime, mount: &Mount, serving: &mut JoinSet<()>) -> Transport {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("a bound address"));
    let router = server::route(axum::Router::new(), std::slice::from_ref(mount));
    let served = server::serve(listener, router, None, ListenerConfig::default(), CancellationToken::new());
    serving.spawn_on(
        async move {
            served.await;
        },
        runtime.handle(),
    );
    let _entered = runtime.enter();
    remote("provider", &address, None).expect("an address")
}

async fn unary(client: &mut ProviderServiceClient<Transport>) {
    let request = CountTokensRequest { model: "bench".to_owned(), ..CountTokensRequest::default() };
    client.count_tokens(request).await.expect("an answer");
}

async fn streamed(client: &mut ProviderServiceClient<Transport>) {
    let request = StreamGenerateRequest { model: "bench".to_owned(), ..StreamGenerateRequest::default() };
    let mut events = client.stream_generate(request).await.expect("a stream").into_inner();
    let mut count = 0;
    while events.message().await.expect("a message").is_some() {
        count += 1;
    }
    assert_eq!(count, STREAM_MESSAGES);
}

fn hop(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mount = Mount::new(ProviderServiceServer::new(Fast), &StackConfig::default());
    let mut serving = JoinSet::new();
    let tcp = over_tcp(&runtime, &mount, &mut serving);
    let mut group = criterion.benchmark_group("hop");
    for (name, transport) in [("in process", mount.transport), ("tcp loopback", tcp)] {
        let mut client = ProviderServiceClient::new(transport);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("unary, {name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let started = Instant::now();
                    for _ in 0..rounds {
                        unary(&mut client).await;
                    }
                    started.elapsed()
                })
            });
        });
        group.throughput(Throughput::Elements(STREAM_MESSAGES));
        group.bench_function(format!("stream of {STREAM_MESSAGES} messages, {name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let started = Instant::now();
                    for _ in 0..rounds {
                        streamed(&mut client).await;
                    }
                    started.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hop);
criterion_main!(benches);
