//! The worker's HTTP surface.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::json;

use super::check::{self, prompt_tokens};
use super::render::{Answer, Rendered};
use super::{Engine, Health, Settings, Worker, metrics};
use crate::http_server::cut_connection;
use crate::playback::{Action, CutEarly, End, InFlight, body, until_first_output};
use crate::recorder::ReceivedRequest;

/// Largest request body; the product's own limit lies far below.
const BODY_BYTES_MAX: usize = 64 << 20;

pub(crate) fn router(worker: Arc<Worker>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ping", get(health).post(health))
        .route("/version", get(async || json_response(200, r#"{"version":"0.32.0"}"#.to_owned())))
        .route("/load", get(load))
        .route("/v1/models", get(models))
        .route("/metrics", get(scrape))
        .route("/tokenize", post(tokenize))
        .route("/is_sleeping", get(is_sleeping))
        .route("/sleep", post(sleep))
        .route("/wake_up", post(wake_up))
        .route("/v1/chat/completions", post(chat))
        .fallback(async || json_response(404, r#"{"detail":"Not Found"}"#.to_owned()))
        .method_not_allowed_fallback(async || {
            json_response(405, r#"{"detail":"Method Not Allowed"}"#.to_owned())
        })
        .with_state(worker)
}

type Shared = State<Arc<Worker>>;

fn json_response(status: u16, body: String) -> Response {
    response(status, "application/json", None, Body::from(body))
}

fn response(status: u16, content_type: &str, request_id: Option<&str>, body: Body) -> Response {
    let mut builder = Response::builder().status(status).header("server", "uvicorn");
    builder = builder.header("content-type", content_type).header("vary", "Origin");
    if let Some(id) = request_id {
        builder = builder.header("x-request-id", id);
    }
    builder.body(body).expect("the request id came in as a header")
}

async fn health(State(worker): Shared) -> Response {
    let status = match *worker.health.borrow() {
        Health::Ok => StatusCode::OK,
        Health::EngineDead => StatusCode::SERVICE_UNAVAILABLE,
        Health::Hangs => StatusCode::REQUEST_TIMEOUT,
    };
    if status == StatusCode::REQUEST_TIMEOUT {
        return pending().await;
    }
    let empty = Response::builder().status(status).header("server", "uvicorn").header("vary", "Origin");
    empty.body(Body::empty()).expect("fixed headers are valid")
}

async fn load(State(worker): Shared) -> Response {
    json_response(200, format!(r#"{{"server_load":{}}}"#, worker.recorder.open()))
}

async fn models(State(worker): Shared) -> Response {
    json_response(200, models_body(&worker.settings, ["83d940cafc478003", "8d12aa9e7dd3ee28"]))
}

fn models_body(settings: &Settings, permission_ids: [&str; 2]) -> String {
    let Settings { models, max_model_len, created_epoch_s, .. } = settings;
    let entry = |(id, permission): (&String, &str)| {
        let id = crate::json_style::quote(id);
        format!(
            r#"{{"id":{id},"object":"model","created":{created_epoch_s},"owned_by":"vllm","root":"/models/tiny","parent":null,"max_model_len":{max_model_len},"permission":[{{"id":"modelperm-{permission}","object":"model_permission","created":{created_epoch_s},"allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,"allow_search_indices":false,"allow_view":true,"allow_fine_tuning":false,"organization":"*","group":null,"is_blocking":false}}]}}"#
        )
    };
    let entries = models.iter().zip(permission_ids.into_iter().cycle()).map(entry).collect::<Vec<_>>();
    format!(r#"{{"object":"list","data":[{}]}}"#, entries.join(","))
}

async fn scrape(State(worker): Shared) -> Response {
    let live = metrics::Live {
        model: &worker.settings.models[0],
        engine: *worker.engine.borrow(),
        running: worker.recorder.open(),
    };
    let text = metrics::exposition(&worker.gauges.lock().expect("no gauge change panicked"), &live);
    response(200, "text/plain; version=1.0.0; charset=utf-8", None, Body::from(text))
}

async fn tokenize(State(worker): Shared, request: Bytes) -> Response {
    let request: serde_json::Value = serde_json::from_slice(&request).unwrap_or_default();
    let count = match (request.as_object(), request["prompt"].as_str()) {
        (_, Some(prompt)) => u32::try_from(prompt.len().div_ceil(4)).unwrap_or(u32::MAX),
        (Some(request), None) => prompt_tokens(request),
        (None, None) => 0,
    };
    let tokens = (0..count).collect::<Vec<_>>();
    let max_model_len = worker.settings.max_model_len;
    let answer =
        json!({"count": count, "max_model_len": max_model_len, "tokens": tokens, "token_strs": null});
    json_response(200, answer.to_string())
}

async fn is_sleeping(State(worker): Shared) -> Response {
    let sleeps = *worker.engine.borrow() != Engine::Awake;
    json_response(200, format!(r#"{{"is_sleeping":{sleeps}}}"#))
}

async fn sleep(State(worker): Shared, request: Request) -> Response {
    let level = if request.uri().query().is_some_and(|query| query.contains("level=2")) { 2 } else { 1 };
    worker.engine.send_replace(Engine::Asleep { level });
    json_response(200, format!(r#"{{"status":"sleeping","level":{level}}}"#))
}

async fn wake_up(State(worker): Shared) -> Response {
    worker.engine.send_replace(Engine::Awake);
    json_response(200, r#"{"status":"awake","tags":null}"#.to_owned())
}

async fn chat(State(worker): Shared, request: Request) -> Response {
    let (parts, request_body) = request.into_parts();
    let Ok(request_body) = to_bytes(request_body, BODY_BYTES_MAX).await else {
        return json_response(413, r#"{"detail":"Request Entity Too Large"}"#.to_owned());
    };
    let load = worker.load.lock().expect("no handler panicked").clone();
    if let Some(load) = load {
        return load.respond(&request_body);
    }
    let (request, in_flight) = worker.recorder.record(parts, request_body);
    let checked = check::chat_request(&worker.settings, &request.headers, &request.body);
    let ids = Ids::of(&request);
    let echoed = worker.settings.echoes_request_id.then_some(ids.request.as_str());
    let fields = match checked {
        Ok(fields) => fields,
        Err((status, refusal)) => {
            in_flight.finish(End::Completed);
            return response(status, "application/json", echoed, Body::from(refusal));
        }
    };
    // A sleeping engine takes the request and never starts it.
    let mut engine = worker.engine.subscribe();
    let _ = engine.wait_for(|engine| *engine == Engine::Awake).await;
    let reply = worker.next_reply(&request);
    let rendered = Answer::new(&worker.settings, &ids.answer, &fields, reply).render();
    send(rendered, in_flight, echoed).await
}

async fn send(rendered: Rendered, in_flight: InFlight, request_id: Option<&str>) -> Response {
    let Rendered { status, is_stream, actions } = rendered;
    let mut actions = VecDeque::from(actions);
    if let Err(CutEarly) = until_first_output(&mut actions).await {
        in_flight.finish(End::Cut);
        return cut_connection();
    }
    if is_stream {
        let content_type = "text/event-stream; charset=utf-8";
        return response(status, content_type, request_id, body(actions, in_flight));
    }
    let whole = actions.pop_front().and_then(|action| match action {
        Action::Send(bytes) => Some(bytes),
        _ => None,
    });
    in_flight.finish(End::Completed);
    response(status, "application/json", request_id, Body::from(whole.unwrap_or_default()))
}

/// Names of one exchange.
struct Ids {
    /// Value of `x-request-id`.
    request: String,
    /// What follows `chatcmpl-`.
    answer: String,
}

impl Ids {
    fn of(request: &ReceivedRequest) -> Self {
        match request.header("x-request-id") {
            Some(given) => Self { request: given.to_owned(), answer: given.to_owned() },
            None => Self {
                request: format!("{:032x}", request.number),
                answer: format!("{:016x}", request.number),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{MODELS, Transcript, VERSION};

    #[test]
    fn the_model_list_is_the_recorded_bytes() {
        let settings = Settings { created_epoch_s: 1_795_216_360, ..Settings::default() };
        let expected = Transcript::parse_all(MODELS).remove(0);
        assert_eq!(models_body(&settings, ["83d940cafc478003", "8d12aa9e7dd3ee28"]), expected.body);
    }

    #[test]
    fn the_version_is_the_recorded_one() {
        assert_eq!(Transcript::parse_all(VERSION).remove(0).body, r#"{"version":"0.32.0"}"#);
    }
}
