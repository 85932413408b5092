//! A provider whose behaviour the caller chooses by the name of the model, and which tells the test what happens to it.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, future, stream};
use kaleem_proto::{
    chat::v1::{FinishReason, TextDelta},
    provider::v1::{
        CountTokensRequest, CountTokensResponse, EmbedRequest, EmbedResponse, ListModelsRequest,
        ListModelsResponse, StreamGenerateRequest, StreamGenerateResponse,
        provider_service_server::ProviderService,
        stream_generate_response::{Event, Finished, Started},
    },
};
use kaleem_rpc::{CallContext, Code, Fault};
use tokio::sync::{Notify, mpsc};
use tonic::{Request, Response, Status};

/// What `Script::Fault` answers with: every kind of detail, and text that must be escaped on the wire.
pub fn fault() -> Fault {
    Fault::new(
        Code::ResourceExhausted,
        "provider.kaleem",
        "UPSTREAM_RATE_LIMITED",
        "the model «دكّان» is busy: 100 % of 5/s",
    )
    .with("limit", 5)
    .with("model", "دكّان")
    .retry_after(Duration::from_millis(1_250))
    .violation("messages[0].text", "must not be empty")
    .violation("options.temperature", "must lie in 0..=2")
    .quota_violation("merchant:dukkan/minute", "5 of 5; resets in 1.25 s")
}

/// More wrong fields than the headers of an HTTP/2 answer usually hold.
pub fn long_fault() -> Fault {
    let fault = Fault::new(
        Code::InvalidArgument,
        "provider.kaleem",
        "REQUEST_INVALID",
        "400 fields are wrong; mend all of them",
    );
    (0..400).fold(fault, |fault, n| {
        fault.violation(
            format!("messages[{n}].content"),
            "must hold text of 1 to 100000 characters that is not blank",
        )
    })
}

/// Model names, which are the script.
pub const OK: &str = "ok";
pub const FAULT: &str = "fault";
pub const LONG_FAULT: &str = "long-fault";
pub const PANIC: &str = "panic";
/// Never answers.
pub const HANG: &str = "hang";
/// Sends [`TRICKLE_LEN`] texts, each by itself.
pub const TRICKLE: &str = "trickle";
/// Texts of [`TRICKLE`].
pub const TRICKLE_LEN: usize = 200;
/// Sends one text when the test opens the gate, and ends well.
pub const GATED: &str = "gated";

/// What happened inside the service.
#[derive(Debug)]
pub enum Seen {
    /// A handler began.
    Called {
        /// What the metadata said.
        context: CallContext,
        /// Whether the caller's [`Leaked`] reached the handler.
        leaked: bool,
    },
    /// The work of a call was dropped or has ended.
    Dropped,
}

/// What a caller in this process might smuggle in beside the message.
#[derive(Clone)]
pub struct Leaked;

pub struct Scripted {
    pub seen: mpsc::UnboundedSender<Seen>,
    pub gate: Arc<Notify>,
}

struct Work(mpsc::UnboundedSender<Seen>);

impl Drop for Work {
    fn drop(&mut self) {
        // Nobody listens any more when the test has ended first.
        let _ = self.0.send(Seen::Dropped);
    }
}

impl Scripted {
    fn begin<T>(&self, request: &Request<T>) -> Work {
        let context = CallContext::from_metadata(request.metadata());
        let leaked = request.extensions().get::<Leaked>().is_some();
        let _ = self.seen.send(Seen::Called { context, leaked });
        Work(self.seen.clone())
    }
}

pub fn started() -> StreamGenerateResponse {
    let started =
        Started { served_model: OK.into(), provider_request_id: "1".into(), upstream: "here".into() };
    StreamGenerateResponse { event: Some(Event::Started(started)) }
}

pub fn text(text: &str) -> StreamGenerateResponse {
    StreamGenerateResponse { event: Some(Event::Text(TextDelta { text: text.into() })) }
}

pub fn finished() -> StreamGenerateResponse {
    let finished = Finished { reason: FinishReason::Stop.into(), ..Finished::default() };
    StreamGenerateResponse { event: Some(Event::Finished(finished)) }
}

type Events = Pin<Box<dyn Stream<Item = Result<StreamGenerateResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ProviderService for Scripted {
    type StreamGenerateStream = Events;

    async fn stream_generate(
        &self,
        request: Request<StreamGenerateRequest>,
    ) -> Result<Response<Self::StreamGenerateStream>, Status> {
        let work = self.begin(&request);
        let gate = Arc::clone(&self.gate);
        let tail: Events = match request.into_inner().model.as_str() {
            OK => Box::pin(stream::iter([text("مر"), text("حبا"), finished()].map(Ok))),
            FAULT => Box::pin(stream::iter([Err(fault().into())])),
            PANIC => Box::pin(stream::once(async {
                // Messages that are ready together are sent together: without a pause the panic would take the first with it.
                tokio::task::yield_now().await;
                panic!("scripted panic in a stream")
            })),
            HANG => Box::pin(stream::pending()),
            // Messages that are ready together would share a frame.
            TRICKLE => Box::pin(stream::iter(0..TRICKLE_LEN).then(|n| async move {
                tokio::task::yield_now().await;
                Ok(text(&n.to_string()))
            })),
            GATED => Box::pin(
                stream::once(async move { gate.notified().await })
                    .flat_map(|()| stream::iter([text("later"), finished()].map(Ok))),
            ),
            other => return Err(unknown(other)),
        };
        let events = stream::iter([Ok(started())]).chain(tail).inspect(move |_| {
            let _held = &work;
        });
        Ok(Response::new(Box::pin(events)))
    }

    async fn count_tokens(
        &self,
        request: Request<CountTokensRequest>,
    ) -> Result<Response<CountTokensResponse>, Status> {
        let _work = self.begin(&request);
        let request = request.into_inner();
        match request.model.as_str() {
            OK => {
                let input_count = i64::try_from(request.messages.len()).expect("a count of messages");
                Ok(Response::new(CountTokensResponse { input_count, exact: true }))
            }
            FAULT => Err(fault().into()),
            LONG_FAULT => Err(long_fault().into()),
            PANIC => panic!("scripted panic"),
            HANG => future::pending().await,
            other => Err(unknown(other)),
        }
    }

    async fn embed(&self, _: Request<EmbedRequest>) -> Result<Response<EmbedResponse>, Status> {
        Err(unknown("embed"))
    }

    async fn list_models(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        Err(unknown("list-models"))
    }
}

fn unknown(what: &str) -> Status {
    Fault::new(Code::NotFound, "provider.kaleem", "MODEL_NOT_FOUND", format!("no script is called {what}"))
        .into()
}
