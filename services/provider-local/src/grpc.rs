//! ProviderService and PoolService over the pool: check, call, map.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kaleem_domain::Clock;
use kaleem_proto::common::v1::Admission;
use kaleem_proto::pool::v1 as pool_v1;
use kaleem_proto::pool::v1::pool_service_server::PoolService;
use kaleem_proto::provider::v1 as provider_v1;
use kaleem_proto::provider::v1::embed_response::Embedding;
use kaleem_proto::provider::v1::provider_service_server::ProviderService;
use kaleem_rpc::{Code, Fault, admission};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use crate::call::{self, Call};
use crate::config::Config;
use crate::error::{CallError, DOMAIN};
use crate::pool::{Backend, Pool};
use crate::{dispatch, listing};

/// Most texts of one embedding call.
const TEXTS_MAX: usize = 256;

/// Domain of the faults of the pool.
const POOL_DOMAIN: &str = "pool.kaleem";

/// The gRPC side of ProviderLocal.
#[derive(Clone)]
pub struct Grpc {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    target: String,
    region: String,
    first_token: Duration,
    admission: admission::Key,
    clock: Arc<dyn Clock>,
}

type EventResponses = Pin<Box<dyn Stream<Item = Result<provider_v1::StreamGenerateResponse, Status>> + Send>>;

impl Grpc {
    /// Services over `pool`.
    pub(crate) fn new(
        pool: Arc<Pool>,
        config: &Config,
        admission: admission::Key,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                pool,
                target: config.target.clone(),
                region: config.region.clone(),
                first_token: config.timeouts.first_token.get(),
                admission,
                clock,
            }),
        }
    }
}

impl Inner {
    /// Checks that the gateway allowed this target and this model.
    fn admit(&self, token: &[u8], model: &str) -> Result<Admission, Fault> {
        let admission = self.admission.verify(token, self.clock.now())?;
        for (field, admitted, asked) in
            [("target", &admission.target, self.target.as_str()), ("model", &admission.model, model)]
        {
            if admitted != asked {
                let message = format!(
                    "the admission is for {field} {admitted:?}, not {asked:?}; ask the gateway for one of its own"
                );
                return Err(Fault::new(Code::PermissionDenied, DOMAIN, "ADMISSION_INVALID", message));
            }
        }
        Ok(admission)
    }

    async fn count(
        &self,
        request: provider_v1::CountTokensRequest,
    ) -> Result<provider_v1::CountTokensResponse, CallError> {
        let provider_v1::CountTokensRequest { model, messages, tools } = request;
        let mut violations = Vec::new();
        call::check_messages(&messages, &mut violations);
        if !violations.is_empty() {
            return Err(CallError::Invalid(violations));
        }
        let lease = self.pool.lease(&model, &[], Instant::now() + self.first_token).await?;
        let estimate = call::estimate_input(&messages, &tools);
        let counted = match lease.member().backend() {
            Backend::Engine(engine) => Some(i64::try_from(engine.count(messages).await?).unwrap_or(i64::MAX)),
            Backend::Http(worker) => worker.count(&model, &messages, &tools).await?,
        };
        Ok(provider_v1::CountTokensResponse {
            input_count: counted.unwrap_or(estimate),
            exact: counted.is_some(),
        })
    }

    async fn embed(
        &self,
        request: provider_v1::EmbedRequest,
    ) -> Result<provider_v1::EmbedResponse, CallError> {
        let provider_v1::EmbedRequest { model, texts, dimension_count, .. } = request;
        if !(1..=TEXTS_MAX).contains(&texts.len()) || texts.iter().any(String::is_empty) {
            return Err(CallError::invalid("texts", "must be 1 to 256 texts that are not empty"));
        }
        let dimensions = u32::try_from(dimension_count)
            .map_err(|_| CallError::invalid("dimension_count", "must not be negative"))?;
        let lease = self.pool.lease(&model, &[], Instant::now() + self.first_token).await?;
        let Backend::Http(worker) = lease.member().backend() else {
            return Err(CallError::NoEmbeddings { model });
        };
        let embedded = worker.embed(&model, &texts, dimensions).await?;
        let embeddings = embedded.vectors.into_iter().map(|values| Embedding { values }).collect();
        Ok(provider_v1::EmbedResponse { embeddings, usage: embedded.usage })
    }
}

fn status(error: CallError) -> Status {
    Fault::from(error).into()
}

#[tonic::async_trait]
impl ProviderService for Grpc {
    type StreamGenerateStream = EventResponses;

    async fn stream_generate(
        &self,
        request: Request<provider_v1::StreamGenerateRequest>,
    ) -> Result<Response<EventResponses>, Status> {
        let request = request.into_inner();
        let admission = self.inner.admit(&request.admission, &request.model)?;
        let call = Call::new(request, &admission).map_err(status)?;
        let events = dispatch::generate(&self.inner.pool, Arc::new(call), self.inner.first_token)
            .await
            .map_err(status)?;
        let responses = events.map(|item| match item {
            Ok(event) => Ok(provider_v1::StreamGenerateResponse { event: Some(event) }),
            Err(error) => Err(status(error)),
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn count_tokens(
        &self,
        request: Request<provider_v1::CountTokensRequest>,
    ) -> Result<Response<provider_v1::CountTokensResponse>, Status> {
        self.inner.count(request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn embed(
        &self,
        request: Request<provider_v1::EmbedRequest>,
    ) -> Result<Response<provider_v1::EmbedResponse>, Status> {
        let request = request.into_inner();
        self.inner.admit(&request.admission, &request.model)?;
        self.inner.embed(request).await.map(Response::new).map_err(status)
    }

    async fn list_models(
        &self,
        _: Request<provider_v1::ListModelsRequest>,
    ) -> Result<Response<provider_v1::ListModelsResponse>, Status> {
        let models = listing::models(&self.inner.pool, &self.inner.region);
        Ok(Response::new(provider_v1::ListModelsResponse { models }))
    }
}

fn not_implemented(rpc: &str) -> Status {
    let message =
        format!("{rpc} is not available yet; list the workers in the configuration of provider-local");
    Fault::new(Code::Unimplemented, POOL_DOMAIN, "NOT_IMPLEMENTED", message).into()
}

#[tonic::async_trait]
impl PoolService for Grpc {
    type RegisterWorkerStream =
        Pin<Box<dyn Stream<Item = Result<pool_v1::RegisterWorkerResponse, Status>> + Send>>;

    async fn list_workers(
        &self,
        _: Request<pool_v1::ListWorkersRequest>,
    ) -> Result<Response<pool_v1::ListWorkersResponse>, Status> {
        let workers = listing::workers(&self.inner.pool);
        Ok(Response::new(pool_v1::ListWorkersResponse { workers }))
    }

    async fn register_worker(
        &self,
        _: Request<Streaming<pool_v1::RegisterWorkerRequest>>,
    ) -> Result<Response<Self::RegisterWorkerStream>, Status> {
        Err(not_implemented("RegisterWorker"))
    }

    async fn drain_worker(
        &self,
        _: Request<pool_v1::DrainWorkerRequest>,
    ) -> Result<Response<pool_v1::DrainWorkerResponse>, Status> {
        Err(not_implemented("DrainWorker"))
    }

    async fn get_scaling_hint(
        &self,
        _: Request<pool_v1::GetScalingHintRequest>,
    ) -> Result<Response<pool_v1::GetScalingHintResponse>, Status> {
        Err(not_implemented("GetScalingHint"))
    }
}
