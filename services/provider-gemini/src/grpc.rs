//! The gRPC face: checks the admission, calls the provider, maps.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use kaleem_domain::Clock;
use kaleem_proto::common::v1::Admission;
use kaleem_proto::provider::v1::{
    CountTokensRequest, CountTokensResponse, EmbedRequest, EmbedResponse, ListModelsRequest,
    ListModelsResponse, StreamGenerateRequest, StreamGenerateResponse, embed_response::Embedding,
    provider_service_server::ProviderService,
};
use kaleem_rpc::{Fault, admission::Key, convert};
use tonic::{Request, Response, Status};

use crate::provider::Provider;
use crate::{Error, admission};

/// `ProviderService` over one Google project.
pub struct Grpc {
    provider: Arc<Provider>,
    admission: Key,
    clock: Arc<dyn Clock>,
}

impl Grpc {
    /// Puts `provider` behind the admissions of `admission`.
    pub(crate) fn new(provider: Arc<Provider>, admission: Key, clock: Arc<dyn Clock>) -> Self {
        Self { provider, admission, clock }
    }

    fn verify(&self, token: &[u8], model: &str) -> Result<Admission, Error> {
        let verified = self.admission.verify(token, self.clock.now()).map_err(Error::Admission)?;
        admission::covers(&verified, model)?;
        Ok(verified)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Fault::from(error).into()
    }
}

#[tonic::async_trait]
impl ProviderService for Grpc {
    type StreamGenerateStream = Pin<Box<dyn Stream<Item = Result<StreamGenerateResponse, Status>> + Send>>;

    async fn stream_generate(
        &self,
        request: Request<StreamGenerateRequest>,
    ) -> Result<Response<Self::StreamGenerateStream>, Status> {
        let request = request.into_inner();
        let admitted = self.verify(&request.admission, &request.model)?;
        let wanted = request.options.as_ref().and_then(|options| options.max_output_token_count);
        let max_output = admission::max_output(&admitted, wanted)?;
        let generation = self.provider.generate(&request, max_output).await?;
        let events = generation.into_stream().map(|event| {
            let event = event.map_err(Status::from)?;
            Ok(StreamGenerateResponse { event: Some(event) })
        });
        Ok(Response::new(Box::pin(events)))
    }

    async fn count_tokens(
        &self,
        request: Request<CountTokensRequest>,
    ) -> Result<Response<CountTokensResponse>, Status> {
        let input_count = self.provider.count(request.get_ref()).await?;
        Ok(Response::new(CountTokensResponse { input_count, exact: true }))
    }

    async fn embed(&self, request: Request<EmbedRequest>) -> Result<Response<EmbedResponse>, Status> {
        let request = request.into_inner();
        self.verify(&request.admission, &request.model)?;
        let (vectors, usage) =
            self.provider.embed(&request.model, &request.texts, request.dimension_count).await?;
        let embeddings = vectors.into_iter().map(|values| Embedding { values }).collect();
        Ok(Response::new(EmbedResponse { embeddings, usage: Some(convert::usage(&usage)) }))
    }

    async fn list_models(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        Ok(Response::new(ListModelsResponse { models: self.provider.models() }))
    }
}
