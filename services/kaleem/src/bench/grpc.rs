//! The question over gRPC.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use kaleem_proto::{
    chat::v1::{Message, Part, Role, part::Kind},
    gateway::v1::{
        ChatInput, ChatRequest, Finished, StreamChatRequest, gateway_service_client::GatewayServiceClient,
        stream_chat_response::Event,
    },
};
use kaleem_rpc::{Fault, Transport, remote};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
};

use super::exchange::{Endpoint, Exchange, Question};

/// Asks over one HTTP/2 connection.
#[derive(Clone)]
pub struct GrpcCaller {
    client: GatewayServiceClient<Transport>,
    authorization: Option<MetadataValue<Ascii>>,
    input: ChatInput,
    question: Arc<Question>,
}

impl GrpcCaller {
    pub(super) fn new(endpoint: &Endpoint, question: &Arc<Question>) -> anyhow::Result<Self> {
        let bearer = format!("Bearer {}", endpoint.api_key);
        let authorization = if endpoint.api_key.is_empty() {
            None
        } else {
            Some(bearer.parse().context("the API key has characters that no key has")?)
        };
        let message = Message {
            role: Role::User.into(),
            parts: vec![Part { kind: Some(Kind::Text(question.prompt.clone())) }],
            name: String::new(),
        };
        Ok(Self {
            client: GatewayServiceClient::new(remote("the gateway", &endpoint.server, None)?),
            authorization,
            input: ChatInput {
                model: question.model.clone(),
                messages: vec![message],
                guardrail_policy_json: question.facts.clone(),
                ..ChatInput::default()
            },
            question: Arc::clone(question),
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.question.timeout);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    pub(super) async fn call(&mut self) -> Exchange {
        let mut exchange = Exchange::begin();
        let asked = if self.question.stream {
            self.stream(&mut exchange).await
        } else {
            self.whole(&mut exchange).await
        };
        exchange.end(asked.err().map(|status| reason(&status)))
    }

    async fn whole(&mut self, exchange: &mut Exchange) -> Result<(), Status> {
        let request = self.request(ChatRequest { input: Some(self.input.clone()) });
        let answer = self.client.chat(request).await?.into_inner();
        let finished = answer.finished.ok_or_else(|| Status::unknown("no end"))?;
        exchange.stages = stages(finished);
        Ok(())
    }

    async fn stream(&mut self, exchange: &mut Exchange) -> Result<(), Status> {
        let request = self.request(StreamChatRequest { input: Some(self.input.clone()) });
        let mut events = self.client.stream_chat(request).await?.into_inner();
        let (mut last, mut finished) = (None, None);
        while let Some(response) = events.message().await? {
            match response.event {
                Some(Event::Text(_)) => last = Some(exchange.text(last)),
                Some(Event::Finished(end)) => finished = Some(end),
                _ => {}
            }
        }
        exchange.stages = stages(finished.ok_or_else(|| Status::unknown("no end"))?);
        Ok(())
    }
}

fn stages(finished: Finished) -> Vec<(String, Duration)> {
    let duration = |timing: prost_types::Duration| Duration::try_from(timing).unwrap_or_default();
    finished
        .stages
        .into_iter()
        .map(|stage| (stage.stage, duration(stage.duration.unwrap_or_default())))
        .collect()
}

fn reason(status: &Status) -> String {
    let fault = Fault::from_status(status);
    if fault.reason.is_empty() { format!("{:?}", status.code()) } else { fault.reason }
}
