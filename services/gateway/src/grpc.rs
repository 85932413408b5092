//! The gateway on the wire: thin, every chat goes through the same pipeline.

use std::{pin::Pin, sync::Arc, time::Instant};

use futures::Stream;
use kaleem_proto::{
    chat::v1::{Message, Part, Role, ToolCall, part::Kind},
    gateway::v1::{self as wire, gateway_service_server::GatewayService},
    provider::v1 as provider,
};
use kaleem_rpc::{CallContext, Fault};
use tonic::{Request, Response, Status};

use crate::{
    auth::Credential,
    fault,
    pipeline::{Answer, Ask, Event, Pipeline},
};

/// The service.
pub struct Grpc {
    pipeline: Arc<Pipeline>,
}

type EventStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Grpc {
    pub(crate) fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }

    /// Runs a chat up to its first content.
    async fn open(
        &self,
        headers: Headers,
        input: Option<wire::ChatInput>,
        whole: bool,
    ) -> Result<Box<Answer>, Status> {
        Ok(self.pipeline.open(headers.asking(input, whole)?).await?)
    }
}

/// What the pipeline takes from metadata.
struct Headers {
    credential: Result<Credential, Fault>,
    request_id: Option<String>,
    deadline: Option<Instant>,
}

impl Headers {
    fn split<T>(request: Request<T>) -> (Self, T) {
        let (metadata, _, message) = request.into_parts();
        let context = CallContext::from_metadata(&metadata);
        let credential = Credential::from_headers(&metadata.into_headers());
        (Self { credential, request_id: context.request_id, deadline: context.deadline }, message)
    }

    fn asking(self, input: Option<wire::ChatInput>, whole: bool) -> Result<Ask, Fault> {
        let input = input.ok_or_else(|| missing("input"))?;
        let Self { credential, request_id, deadline } = self;
        Ok(Ask { credential: credential?, request_id, deadline, input, whole })
    }
}

fn missing(field: &str) -> Fault {
    fault::request_invalid(format!("{field} is missing")).violation(field, "must be set")
}

fn not_built<T>(what: &str) -> Result<Response<T>, Status> {
    Err(fault::not_built(what).into())
}

/// Turns an answer into a stream of events; dropping the stream drops the answer.
fn events(answer: Box<Answer>) -> EventStream<wire::StreamChatResponse> {
    Box::pin(futures::stream::unfold(answer, |mut answer| async move {
        let event = answer.next().await?;
        let event = event.map(|event| wire::StreamChatResponse { event: Some(event) }).map_err(Status::from);
        Some((event, answer))
    }))
}

/// Gathers an answer into one message. One that contradicts the shop's facts is asked for once more where the merchant wants that.
pub(crate) async fn gather(mut answer: Box<Answer>) -> Result<wire::ChatResponse, Fault> {
    let request_id = answer.request_id();
    let mut first = wire::ChatResponse { request_id, ..wire::ChatResponse::default() };
    take_up(&mut answer, &mut first).await?;
    if !answer.is_contested() {
        return Ok(first);
    }
    let about_answer = |notice: &&wire::Notice| notice.reason.starts_with("GUARDRAIL");
    let mut second = wire::ChatResponse {
        request_id: first.request_id.clone(),
        served_model: first.served_model.clone(),
        route: first.route.clone(),
        notices: first.notices.iter().filter(|notice| !about_answer(notice)).cloned().collect(),
        ..wire::ChatResponse::default()
    };
    if answer.again().await && take_up(&mut answer, &mut second).await.is_ok() {
        return Ok(second);
    }
    first.notices.push(answer.stands());
    Ok(first)
}

/// Takes all events of an answer up.
async fn take_up(answer: &mut Answer, response: &mut wire::ChatResponse) -> Result<(), Fault> {
    let mut text = String::new();
    let mut reasoning = kaleem_proto::chat::v1::Reasoning::default();
    let mut calls: Vec<(i32, ToolCall)> = Vec::new();
    while let Some(event) = answer.next().await {
        match event? {
            Event::Started(started) => {
                response.served_model = started.served_model;
                response.route = started.route;
            }
            Event::Text(delta) => text.push_str(&delta.text),
            Event::Reasoning(delta) => {
                reasoning.text.push_str(&delta.text);
                reasoning.provider_signature.extend_from_slice(&delta.provider_signature);
            }
            Event::ToolCall(delta) => merge_call(&mut calls, delta),
            Event::Notice(notice) => response.notices.push(notice),
            Event::Finished(finished) => response.finished = Some(finished),
        }
    }
    let part = |kind| Part { kind: Some(kind) };
    let mut parts = Vec::new();
    if reasoning != kaleem_proto::chat::v1::Reasoning::default() {
        parts.push(part(Kind::Reasoning(reasoning)));
    }
    if !text.is_empty() {
        parts.push(part(Kind::Text(text)));
    }
    parts.extend(calls.into_iter().map(|(_, call)| part(Kind::ToolCall(call))));
    response.message = Some(Message { role: Role::Assistant.into(), parts, name: String::new() });
    Ok(())
}

/// Deltas of several calls interleave; the index tells them apart.
fn merge_call(calls: &mut Vec<(i32, ToolCall)>, delta: kaleem_proto::chat::v1::ToolCallDelta) {
    let position = calls.iter().position(|(index, _)| *index == delta.index);
    let position = position.unwrap_or_else(|| {
        calls.push((delta.index, ToolCall::default()));
        calls.len() - 1
    });
    let call = &mut calls[position].1;
    call.arguments_json.push_str(&delta.arguments_json_delta);
    call.provider_signature.extend_from_slice(&delta.provider_signature);
    if !delta.id.is_empty() {
        call.id = delta.id;
    }
    if !delta.name.is_empty() {
        call.name = delta.name;
    }
}

#[tonic::async_trait]
impl GatewayService for Grpc {
    type StreamChatStream = EventStream<wire::StreamChatResponse>;
    type ConverseStream = EventStream<wire::ConverseResponse>;
    type BatchChatStream = EventStream<wire::BatchChatResponse>;
    type WatchDeferredChatsStream = EventStream<wire::WatchDeferredChatsResponse>;

    async fn stream_chat(
        &self,
        request: Request<wire::StreamChatRequest>,
    ) -> Result<Response<Self::StreamChatStream>, Status> {
        let (headers, message) = Headers::split(request);
        let answer = self.open(headers, message.input, false).await?;
        Ok(Response::new(events(answer)))
    }

    async fn chat(
        &self,
        request: Request<wire::ChatRequest>,
    ) -> Result<Response<wire::ChatResponse>, Status> {
        let (headers, message) = Headers::split(request);
        let answer = self.open(headers, message.input, true).await?;
        Ok(Response::new(gather(answer).await?))
    }

    async fn count_tokens(
        &self,
        request: Request<wire::CountTokensRequest>,
    ) -> Result<Response<wire::CountTokensResponse>, Status> {
        let (headers, message) = Headers::split(request);
        Ok(Response::new(self.pipeline.count_tokens(headers.asking(message.input, true)?).await?))
    }

    async fn list_models(
        &self,
        request: Request<wire::ListModelsRequest>,
    ) -> Result<Response<wire::ListModelsResponse>, Status> {
        let (headers, _) = Headers::split(request);
        let models: Vec<provider::Model> =
            self.pipeline.list_models(&headers.credential?, headers.deadline).await?;
        Ok(Response::new(wire::ListModelsResponse { models }))
    }

    async fn converse(
        &self,
        _: Request<tonic::Streaming<wire::ConverseRequest>>,
    ) -> Result<Response<Self::ConverseStream>, Status> {
        not_built("Converse")
    }

    async fn batch_chat(
        &self,
        _: Request<wire::BatchChatRequest>,
    ) -> Result<Response<Self::BatchChatStream>, Status> {
        not_built("BatchChat")
    }

    async fn embed(&self, _: Request<wire::EmbedRequest>) -> Result<Response<wire::EmbedResponse>, Status> {
        not_built("Embed")
    }

    async fn submit_chat(
        &self,
        _: Request<wire::SubmitChatRequest>,
    ) -> Result<Response<wire::SubmitChatResponse>, Status> {
        not_built("SubmitChat")
    }

    async fn get_deferred_chat(
        &self,
        _: Request<wire::GetDeferredChatRequest>,
    ) -> Result<Response<wire::GetDeferredChatResponse>, Status> {
        not_built("GetDeferredChat")
    }

    async fn watch_deferred_chats(
        &self,
        _: Request<wire::WatchDeferredChatsRequest>,
    ) -> Result<Response<Self::WatchDeferredChatsStream>, Status> {
        not_built("WatchDeferredChats")
    }

    async fn get_conversation(
        &self,
        _: Request<wire::GetConversationRequest>,
    ) -> Result<Response<wire::GetConversationResponse>, Status> {
        not_built("GetConversation")
    }

    async fn delete_conversation(
        &self,
        _: Request<wire::DeleteConversationRequest>,
    ) -> Result<Response<wire::DeleteConversationResponse>, Status> {
        not_built("DeleteConversation")
    }
}
