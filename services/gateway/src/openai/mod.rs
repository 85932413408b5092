//! The OpenAI HTTP surface: `POST /v1/chat/completions` and `GET /v1/models` over the same pipeline as gRPC.

mod encode;
mod error;
mod request;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kaleem_rpc::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    auth::Credential,
    fault,
    grpc::gather,
    pipeline::{Answer, Ask, Pipeline},
};
use encode::{Encoder, Shape};
use error::refusal;

#[derive(Clone)]
struct Surface {
    pipeline: Arc<Pipeline>,
    permits: Arc<Semaphore>,
}

/// The routes.
pub(crate) fn router(pipeline: Arc<Pipeline>) -> Router {
    let permits = Arc::new(Semaphore::new(pipeline.config().http_requests_max));
    Router::new()
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/models", get(models))
        .route("/v1/{*path}", any(unknown))
        .method_not_allowed_fallback(unknown)
        .with_state(Surface { pipeline, permits })
}

async fn chat_completions(State(surface): State<Surface>, headers: HeaderMap, body: Body) -> Response {
    let answered = async {
        let permit = Arc::clone(&surface.permits).try_acquire_owned().map_err(|_| overloaded())?;
        let body = readable(&headers, body, surface.pipeline.config().body_bytes_max.as_usize()).await?;
        let (asked, shape) = request::parse(&body)?;
        let ask = Ask {
            credential: Credential::from_headers(&headers)?,
            request_id: text(&headers, "x-kaleem-request-id"),
            deadline: deadline(&headers),
            input: asked,
            whole: !shape.stream,
        };
        let answer = surface.pipeline.open(ask).await?;
        if shape.stream { Ok(stream(answer, shape, permit)) } else { unary(answer).await }
    };
    answered.await.unwrap_or_else(|fault: Fault| refusal(&fault))
}

async fn models(State(surface): State<Surface>, headers: HeaderMap) -> Response {
    let listed = async {
        let credential = Credential::from_headers(&headers)?;
        surface.pipeline.list_models(&credential, deadline(&headers)).await
    };
    match listed.await {
        Ok(models) => Json(encode::model_list(&models)).into_response(),
        Err(fault) => refusal(&fault),
    }
}

/// What the SDKs could ask for and is not served yet gets a reason, not an empty body.
async fn unknown() -> Response {
    // Without the path, which is the caller's own words.
    let message = "this path or method is not served; POST /v1/chat/completions and GET /v1/models are";
    refusal(&Fault::new(kaleem_rpc::Code::NotFound, fault::DOMAIN, "PATH_UNKNOWN", message))
}

fn overloaded() -> Fault {
    let message = "the gateway has as many requests as it may take; try again after the wait, with jitter";
    Fault::new(kaleem_rpc::Code::Unavailable, fault::DOMAIN, "OVERLOADED", message)
        .retry_after(Duration::from_millis(250))
}

/// Time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A body that is too large is still read up to this many times the limit, because a client that is cut off while it sends does
/// not see why.
const DRAIN_FACTOR: usize = 4;

/// The body, if it is JSON of a permitted size.
async fn readable(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let refuse = |message: &str, status: StatusCode| {
        Err(fault::request_invalid(message).with("http_status", status.as_u16()))
    };
    let content_type = text(headers, "content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        let message = "the body must be JSON; send `content-type: application/json`";
        return refuse(message, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    match tokio::time::timeout(BODY_TIMEOUT, gather_body(body, bytes_max)).await {
        Ok(Ok(Some(body))) => Ok(body),
        Ok(Ok(None)) => {
            let message = "the body is larger than the gateway takes (8 MiB unless configured); send less history or smaller pictures";
            refuse(message, StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => refuse("the body could not be read to its end", StatusCode::BAD_REQUEST),
        Err(_) => refuse("the body did not arrive in time", StatusCode::REQUEST_TIMEOUT),
    }
}

/// The whole body, or nothing if it is larger than `bytes_max`.
async fn gather_body(body: Body, bytes_max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut pieces = body.into_data_stream();
    let (mut gathered, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(piece) = pieces.try_next().await? {
        seen = seen.saturating_add(piece.len());
        if seen <= bytes_max {
            gathered.extend_from_slice(&piece);
        } else if seen > bytes_max.saturating_mul(DRAIN_FACTOR) {
            break;
        }
    }
    Ok((seen <= bytes_max).then(|| gathered.freeze()))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The official SDKs say how long they wait in `x-stainless-timeout`, in seconds.
fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let seconds: u64 = text(headers, "x-stainless-timeout")?.parse().ok()?;
    Some(Instant::now() + Duration::from_secs(seconds.clamp(1, 900)))
}

async fn unary(answer: Box<Answer>) -> Result<Response, Fault> {
    let response = gather(answer).await?;
    let mut answered = Json(encode::completion(&response)).into_response();
    let headers = answered.headers_mut();
    put(headers, "x-request-id", &response.request_id);
    put(headers, "x-kaleem-model", &response.served_model);
    if !response.notices.is_empty() {
        let reasons: Vec<&str> = response.notices.iter().map(|notice| notice.reason.as_str()).collect();
        put(headers, "x-kaleem-notices", &reasons.join(","));
    }
    if let Some(finished) = &response.finished {
        put(headers, "x-kaleem-cost-pico-usd", &finished.cost_pico_usd.to_string());
        for (name, value) in encode::quota_headers(finished) {
            put(headers, name, &value);
        }
    }
    Ok(answered)
}

fn stream(answer: Box<Answer>, shape: Shape, permit: OwnedSemaphorePermit) -> Response {
    let request_id = answer.request_id();
    let encoder = Encoder::new(&request_id, shape);
    let frames = futures::stream::unfold(
        (Some(answer), encoder, permit),
        |(answer, mut encoder, permit)| async move {
            let mut answer = answer?;
            loop {
                let (frame, more) = match answer.next().await {
                    None => return None,
                    Some(Ok(event)) => encoder.event(event),
                    Some(Err(fault)) => (error::stream_frame(&fault), false),
                };
                if !frame.is_empty() || !more {
                    return Some((Ok::<_, Infallible>(frame), (more.then_some(answer), encoder, permit)));
                }
            }
        },
    );
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that buffer would delay tokens.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    put(headers, "x-request-id", &request_id);
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
