//! Redaction on the wire.

mod explain;
mod fault;
mod redact;
mod restore;

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use kaleem_domain::MerchantId;
use kaleem_proto::redaction::v1::{
    CheckAnswerRequest, CheckAnswerResponse, ExplainRedactionRequest, ExplainRedactionResponse,
    GetPolicyRequest, GetPolicyResponse, InspectAnswerRequest, InspectAnswerResponse, PutPolicyRequest,
    PutPolicyResponse, RedactRequest, RedactResponse, RedactTextRequest, RedactTextResponse,
    StreamRestoreRequest, StreamRestoreResponse, redaction_service_server::RedactionService,
};
use kaleem_rpc::Fault;
use tonic::{Request, Response, Status, Streaming};

use crate::{Config, Error, Redactor, answer, inspect, names::NameStage, policies::Policies};
use explain::EXPLAINED_BYTES_MAX;
pub(crate) use fault::{invalid, wrong_document};
use redact::Engine;

/// A request long enough to hold up its thread is worked on by another one.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The service.
pub struct Grpc {
    engine: Engine,
    policies: Policies,
    names: NameStage,
}

impl Grpc {
    pub(crate) fn new(
        redactor: Arc<Redactor>,
        policies: Policies,
        names: NameStage,
        (master_key, config): ([u8; 32], Config),
    ) -> Self {
        let engine = Engine { redactor, master_key: Arc::new(master_key), config: Arc::new(config) };
        Self { engine, policies, names }
    }
}

/// Runs `work`, on another thread if it is `long`.
async fn run<T: Send + 'static>(
    long: bool,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    if !long {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::from(Error::Stopped))?
}

fn is_long(request: &impl prost::Message) -> bool {
    request.encoded_len() > INLINE_BYTES_MAX
}

/// A merchant that a request names; `or_all` takes the empty id for the default of all.
fn merchant(id: &str, or_all: bool) -> Result<(), Fault> {
    if (or_all && id.is_empty()) || MerchantId::parse(id).is_ok() {
        return Ok(());
    }
    let rule = "must be 3 to 40 lower-case letters, digits and dashes, starting with a letter";
    Err(invalid("merchant_id", rule))
}

#[tonic::async_trait]
impl RedactionService for Grpc {
    type StreamRestoreStream = Pin<Box<dyn Stream<Item = Result<StreamRestoreResponse, Status>> + Send>>;

    async fn redact(&self, request: Request<RedactRequest>) -> Result<Response<RedactResponse>, Status> {
        let request = request.into_inner();
        merchant(&request.merchant_id, false)?;
        if request.messages.is_empty() {
            return Err(invalid("messages", "must hold at least one message").into());
        }
        let long = is_long(&request);
        let policy = self.policies.in_force(&request.merchant_id);
        let (policy, names) = futures::join!(policy, self.names.in_messages(&request.messages));
        let engine = self.engine.clone();
        let work = move || engine.messages(request, &policy, names).map_err(Fault::from);
        Ok(Response::new(run(long, work).await?))
    }

    async fn redact_text(
        &self,
        request: Request<RedactTextRequest>,
    ) -> Result<Response<RedactTextResponse>, Status> {
        let request = request.into_inner();
        merchant(&request.merchant_id, false)?;
        let long = is_long(&request);
        let policy = self.policies.in_force(&request.merchant_id);
        let (policy, names) = futures::join!(policy, self.names.in_text(&request.text));
        let engine = self.engine.clone();
        let work = move || engine.text(&request, &policy, names).map_err(Fault::from);
        Ok(Response::new(run(long, work).await?))
    }

    async fn stream_restore(
        &self,
        request: Request<Streaming<StreamRestoreRequest>>,
    ) -> Result<Response<Self::StreamRestoreStream>, Status> {
        Ok(Response::new(Box::pin(restore::restored(request.into_inner()))))
    }

    async fn check_answer(
        &self,
        request: Request<CheckAnswerRequest>,
    ) -> Result<Response<CheckAnswerResponse>, Status> {
        let request = request.into_inner();
        merchant(&request.merchant_id, false)?;
        let stored = match request.facts_json.as_str() {
            "" => self.policies.in_force(&request.merchant_id).await.policy.answer().cloned(),
            _ => None,
        };
        let long = is_long(&request);
        let work = move || answer::check(&request, stored.as_deref());
        Ok(Response::new(run(long, work).await?))
    }

    async fn inspect_answer(
        &self,
        request: Request<InspectAnswerRequest>,
    ) -> Result<Response<InspectAnswerResponse>, Status> {
        let request = request.into_inner();
        merchant(&request.merchant_id, false)?;
        let (long, policy) = (is_long(&request), self.policies.in_force(&request.merchant_id).await);
        let work =
            move || inspect::inspect(&request, policy.policy.answer().map(AsRef::as_ref), policy.version);
        Ok(Response::new(run(long, work).await?))
    }

    async fn explain_redaction(
        &self,
        request: Request<ExplainRedactionRequest>,
    ) -> Result<Response<ExplainRedactionResponse>, Status> {
        let request = request.into_inner();
        merchant(&request.merchant_id, false)?;
        if request.text.len() > EXPLAINED_BYTES_MAX {
            let fault = invalid("text", "is too long to explain; ask for a part of it");
            return Err(fault.with("bytes_max", EXPLAINED_BYTES_MAX).into());
        }
        let policy = self.policies.in_force(&request.merchant_id).await;
        Ok(Response::new(self.engine.explain(&request, &policy).map_err(Fault::from)?))
    }

    async fn put_policy(
        &self,
        request: Request<PutPolicyRequest>,
    ) -> Result<Response<PutPolicyResponse>, Status> {
        let PutPolicyRequest { merchant_id, document, expected_version } = request.into_inner();
        merchant(&merchant_id, true)?;
        let version =
            self.policies.put(merchant_id, document, expected_version).await.map_err(Fault::from)?;
        Ok(Response::new(PutPolicyResponse { version }))
    }

    async fn get_policy(
        &self,
        request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        let merchant_id = request.into_inner().merchant_id;
        merchant(&merchant_id, true)?;
        let found = self.policies.document(&merchant_id).await.map_err(Fault::from)?;
        let response = found.map_or_else(GetPolicyResponse::default, |(merchant_id, stored)| {
            GetPolicyResponse { version: stored.version, document: stored.document, merchant_id }
        });
        Ok(Response::new(response))
    }
}
