//! Redaction on the wire.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use futures::Stream;
use kaleem_placeholder::{Encoding, IssuerKey, Placeholder, RestoreMap, Restorer};
use kaleem_proto::{
    redaction::v1::{
        self as wire, CheckAnswerRequest, CheckAnswerResponse, GetPolicyRequest, GetPolicyResponse,
        PutPolicyRequest, PutPolicyResponse, RedactRequest, RedactResponse, StreamRestoreRequest,
        StreamRestoreResponse, redaction_service_server::RedactionService, stream_restore_request::Step,
    },
    router::v1::PersonalDataClass,
};
use kaleem_rpc::{Code, Fault};
use tonic::{Request, Response, Status, Streaming};

use crate::{Error, Redactor, Residual, Session, answer, config::Config, conversation::instruction};

const DOMAIN: &str = "redaction.kaleem";
/// Lanes of one answer: text and its tool calls.
const LANES_MAX: usize = 129;

/// The service.
pub struct Grpc {
    redactor: Arc<Redactor>,
    master_key: Arc<[u8; 32]>,
    config: Arc<Config>,
}

impl Grpc {
    pub(crate) fn new(redactor: Redactor, master_key: [u8; 32], config: Config) -> Self {
        Self { redactor: Arc::new(redactor), master_key: Arc::new(master_key), config: Arc::new(config) }
    }
}

pub(crate) fn invalid(field: &str, description: &str) -> Fault {
    let message = format!("{field} {description}");
    Fault::new(Code::InvalidArgument, DOMAIN, "REQUEST_INVALID", message).violation(field, description)
}

impl From<Error> for Fault {
    /// After any of these the text must not be sent.
    fn from(error: Error) -> Self {
        match error {
            Error::TextTooLong { actual, limit } => {
                invalid("input.messages", "hold a text that is too long; split it")
                    .with("bytes", actual)
                    .with("bytes_max", limit)
            }
            other => {
                let message = format!("redaction cannot vouch for the text ({other}); it must not be sent");
                Self::new(Code::Internal, DOMAIN, "REDACTION_FAILED", message)
            }
        }
    }
}

fn not_built<T>(what: &str) -> Result<Response<T>, Status> {
    Err(Fault::new(Code::Unimplemented, DOMAIN, "NOT_IMPLEMENTED", format!("{what} is not built yet")).into())
}

fn residual(class: Residual) -> PersonalDataClass {
    match class {
        Residual::None => PersonalDataClass::None,
        Residual::Redacted => PersonalDataClass::Redacted,
        Residual::Sensitive => PersonalDataClass::Sensitive,
    }
}

/// A request long enough to hold up its thread is redacted on another one.
const INLINE_BYTES_MAX: usize = 64 * 1024;

#[tonic::async_trait]
impl RedactionService for Grpc {
    type StreamRestoreStream = Pin<Box<dyn Stream<Item = Result<StreamRestoreResponse, Status>> + Send>>;

    async fn redact(&self, request: Request<RedactRequest>) -> Result<Response<RedactResponse>, Status> {
        let request = request.into_inner();
        if request.merchant_id.is_empty() {
            return Err(invalid("merchant_id", "must be set").into());
        }
        if request.messages.is_empty() {
            return Err(invalid("messages", "must hold at least one message").into());
        }
        let long = prost::Message::encoded_len(&request) > INLINE_BYTES_MAX;
        let (redactor, key, config) =
            (Arc::clone(&self.redactor), Arc::clone(&self.master_key), Arc::clone(&self.config));
        let work = move || redact(&redactor, &key, &config, request);
        let redacted = if long {
            tokio::task::spawn_blocking(work).await.map_err(|_| Fault::from(Error::Stopped))?
        } else {
            work()
        };
        Ok(Response::new(redacted.map_err(Fault::from)?))
    }

    async fn stream_restore(
        &self,
        request: Request<Streaming<StreamRestoreRequest>>,
    ) -> Result<Response<Self::StreamRestoreStream>, Status> {
        let steps = request.into_inner();
        let restored =
            futures::stream::try_unfold((steps, None::<Lanes>), |(mut steps, mut lanes)| async move {
                loop {
                    let Some(message) = steps.message().await? else { return Ok(None) };
                    match message.step {
                        Some(Step::Open(open)) if lanes.is_none() => lanes = Some(Lanes::open(&open)?),
                        Some(Step::Piece(piece)) => {
                            let opened =
                                lanes.as_mut().ok_or_else(|| invalid("step", "must begin with open"))?;
                            let text = opened.push(&piece)?;
                            if !text.is_empty() {
                                let response = StreamRestoreResponse { lane: piece.lane, text };
                                return Ok(Some((response, (steps, lanes))));
                            }
                        }
                        _ => return Err(invalid("step", "must be one open and then pieces").into()),
                    }
                }
            });
        Ok(Response::new(Box::pin(restored)))
    }

    async fn check_answer(
        &self,
        request: Request<CheckAnswerRequest>,
    ) -> Result<Response<CheckAnswerResponse>, Status> {
        let request = request.into_inner();
        if request.facts_json.is_empty() {
            return not_built("the stored policy");
        }
        let long = prost::Message::encoded_len(&request) > INLINE_BYTES_MAX;
        let checked = if long {
            let work = move || answer::check(&request);
            tokio::task::spawn_blocking(work).await.map_err(|_| Fault::from(Error::Stopped))?
        } else {
            answer::check(&request)
        };
        Ok(Response::new(checked?))
    }

    async fn put_policy(&self, _: Request<PutPolicyRequest>) -> Result<Response<PutPolicyResponse>, Status> {
        not_built("PutPolicy")
    }

    async fn get_policy(&self, _: Request<GetPolicyRequest>) -> Result<Response<GetPolicyResponse>, Status> {
        not_built("GetPolicy")
    }
}

fn redact(
    redactor: &Redactor,
    master_key: &[u8; 32],
    config: &Config,
    request: RedactRequest,
) -> Result<RedactResponse, Error> {
    let key = IssuerKey::derive(master_key, &request.merchant_id, &request.conversation_id);
    let mut session = Session::new(&key);
    let (mut messages, mut tools) = (request.messages, request.tools);
    redactor.redact_messages(&mut messages, &mut session)?;
    redactor.redact_tools(&mut tools, &mut session)?;
    if !session.vault().is_empty() {
        messages.insert(0, instruction(&config.instruction));
    }
    let placeholders = session.vault().restorable();
    let placeholders = placeholders
        .map(|(token, value)| wire::Placeholder { token: token.to_string(), value: value.to_owned() });
    Ok(RedactResponse {
        messages,
        tools,
        placeholders: placeholders.collect(),
        residual: residual(session.residual()).into(),
        type_counts: counts(&session),
        policy_version: 0,
        answer_policy: None,
    })
}

fn counts(session: &Session) -> HashMap<String, i32> {
    let count = |(kind, count): (kaleem_placeholder::Kind, u32)| {
        (kind.to_string(), i32::try_from(count).unwrap_or(i32::MAX))
    };
    session.counts().iter().map(count).collect()
}

/// The restorers of one answer.
struct Lanes {
    values: Arc<RestoreMap>,
    lanes: HashMap<i32, Restorer>,
}

impl Lanes {
    fn open(open: &wire::stream_restore_request::Open) -> Result<Self, Fault> {
        let mut values = Vec::with_capacity(open.placeholders.len());
        for (index, placeholder) in open.placeholders.iter().enumerate() {
            let field = format!("open.placeholders[{index}].token");
            let token: Placeholder =
                placeholder.token.parse().map_err(|_| invalid(&field, "must look like [[PHONE:7QX2MA]]"))?;
            values.push((token, placeholder.value.as_str()));
        }
        Ok(Self { values: Arc::new(RestoreMap::new(values)), lanes: HashMap::new() })
    }

    fn push(&mut self, piece: &wire::stream_restore_request::Piece) -> Result<String, Fault> {
        if !self.lanes.contains_key(&piece.lane) && self.lanes.len() >= LANES_MAX {
            return Err(invalid("piece.lane", "is one lane too many for one answer"));
        }
        let values = &self.values;
        let encoding = if piece.lane == 0 { Encoding::Text } else { Encoding::JsonString };
        let lane =
            self.lanes.entry(piece.lane).or_insert_with(|| Restorer::new(Arc::clone(values), encoding));
        let mut out = String::new();
        lane.push(&piece.text, &mut out);
        if piece.last {
            lane.finish(&mut out);
        }
        Ok(out)
    }
}
