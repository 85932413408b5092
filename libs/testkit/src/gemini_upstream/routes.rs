//! The API's HTTP surface.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::Method;
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::fields::{BATCH_EMBED_REQUEST, COUNT_REQUEST, EMBED_REQUEST, GENERATE_REQUEST};
use super::models::{MODELS, Model};
use super::render::{Answer, Framing, Rendered, error_body, indented, prompt_tokens};
use super::{Api, embed, generation, shape, turns};
use crate::http_server::cut_connection;
use crate::playback::{Action, CutEarly, End, InFlight, body, until_first_output};
use crate::recorder::ReceivedRequest;

/// Largest request body, a little above the API's 20 MB.
const BODY_BYTES_MAX: usize = 24 << 20;
/// Query names that the API knows.
const QUERY_NAMES: [&str; 7] = ["alt", "$alt", "key", "prettyPrint", "fields", "pageSize", "pageToken"];
/// Models on a page that asks for no size.
const PAGE_SIZE_DEFAULT: usize = 50;

pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new().fallback(handle).with_state(api)
}

async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (parts, request_body) = request.into_parts();
    let Ok(request_body) = to_bytes(request_body, BODY_BYTES_MAX).await else {
        let message = "Request payload size exceeds the limit: 20971520 bytes.";
        return refuse(&ApiError::invalid_argument(message), Framing::Whole);
    };
    let (request, in_flight) = api.recorder.record(parts, request_body);
    match answer(&api, &request) {
        Ok(Answered::Now(value)) => {
            in_flight.finish(End::Completed);
            json_response(200, format!("{}\n", indented(&value)))
        }
        Ok(Answered::Played(framing, rendered)) => send(framing, rendered, in_flight).await,
        Err(error) => {
            in_flight.finish(End::Completed);
            refuse(&error, framing_of(&request))
        }
    }
}

/// What an accepted request gets.
enum Answered {
    Now(Value),
    Played(Framing, Rendered),
}

fn answer(api: &Api, request: &ReceivedRequest) -> Result<Answered, ApiError> {
    authenticate(api, request)?;
    check_query(request)?;
    let path = request.uri.path();
    if request.method == Method::GET && path == "/v1beta/models" {
        return list_models(request).map(Answered::Now);
    }
    let not_found = || ApiError::new(404, "NOT_FOUND", "Requested entity was not found.");
    let call = path.strip_prefix("/v1beta/models/").ok_or_else(not_found)?;
    if request.method == Method::GET {
        let model = find_model(api, call, "getModel")?;
        return Ok(Answered::Now(model.resource()));
    }
    let (id, method) = call.split_once(':').ok_or_else(not_found)?;
    let model = find_model(api, id, method)?;
    match method {
        "generateContent" | "streamGenerateContent" => generate(api, model, request),
        "countTokens" => {
            count_tokens(model, &shape::parse(&request.body, &COUNT_REQUEST)?).map(Answered::Now)
        }
        "embedContent" => embed::single(&shape::parse(&request.body, &EMBED_REQUEST)?).map(Answered::Now),
        _ => embed::batch(model, &shape::parse(&request.body, &BATCH_EMBED_REQUEST)?).map(Answered::Now),
    }
}

fn authenticate(api: &Api, request: &ReceivedRequest) -> Result<(), ApiError> {
    let key = request.header("x-goog-api-key");
    if key.is_some() && request.header("authorization").is_some() {
        let message = "Multiple authentication credentials received. Please pass only one.";
        return Err(ApiError::invalid_argument(message));
    }
    let key = key.ok_or_else(ApiError::unregistered_caller)?;
    if api.keys.lock().expect("no key change panicked").contains(key) {
        return Ok(());
    }
    Err(ApiError::api_key_invalid())
}

fn query_pairs(request: &ReceivedRequest) -> impl Iterator<Item = (&str, &str)> {
    let query = request.uri.query().unwrap_or_default();
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn check_query(request: &ReceivedRequest) -> Result<(), ApiError> {
    let unknown = query_pairs(request).find(|(name, _)| !QUERY_NAMES.contains(name));
    let Some((name, _)) = unknown else { return Ok(()) };
    let line = format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. \
         Field '{name}' could not be found in request message."
    );
    Err(ApiError::invalid_payload(&[(String::new(), line)]))
}

fn list_models(request: &ReceivedRequest) -> Result<Value, ApiError> {
    let number = |wanted: &str| {
        query_pairs(request).find(|(name, _)| *name == wanted).map(|(_, value)| value.parse::<usize>())
    };
    let invalid = || ApiError::invalid_argument("* ListModelsRequest.page_token: invalid page token\n");
    let start = number("pageToken").unwrap_or(Ok(0)).map_err(|_| invalid())?;
    let size = number("pageSize").unwrap_or(Ok(PAGE_SIZE_DEFAULT)).map_err(|_| invalid())?.max(1);
    let page = MODELS.iter().skip(start).take(size).map(Model::resource).collect::<Vec<_>>();
    let mut answer = json!({"models": page});
    if start + size < MODELS.len() {
        answer["nextPageToken"] = Value::from((start + size).to_string());
    }
    Ok(answer)
}

/// Finds a model that has `method` and is not refused.
fn find_model(api: &Api, id: &str, method: &str) -> Result<&'static Model, ApiError> {
    if let Some(error) = api.refused_models.lock().expect("no model change panicked").get(id) {
        return Err(error.clone());
    }
    // Methods come in pairs that the model list names once.
    let listed = match method {
        "streamGenerateContent" => "generateContent",
        "batchEmbedContents" => "embedContent",
        other => other,
    };
    let has_method = |model: &&Model| method == "getModel" || model.methods.contains(&listed);
    let is_served = ["getModel", "generateContent", "countTokens", "embedContent"].contains(&listed);
    Model::find(id)
        .filter(has_method)
        .filter(|_| is_served)
        .ok_or_else(|| ApiError::model_not_found(id, method))
}

fn framing_of(request: &ReceivedRequest) -> Framing {
    if !request.uri.path().ends_with(":streamGenerateContent") {
        return Framing::Whole;
    }
    let is_sse = query_pairs(request).any(|pair| pair == ("alt", "sse") || pair == ("$alt", "sse"));
    if is_sse { Framing::Events } else { Framing::Array }
}

fn check_generate(model: &Model, request: &Map<String, Value>) -> Result<(), ApiError> {
    turns::check(model, request)?;
    generation::check(model, request)?;
    if prompt_tokens(request) > model.input_token_limit {
        return Err(ApiError::too_many_input_tokens(model.input_token_limit));
    }
    Ok(())
}

fn generate(api: &Api, model: &Model, request: &ReceivedRequest) -> Result<Answered, ApiError> {
    let fields = shape::parse(&request.body, &GENERATE_REQUEST)?;
    check_generate(model, &fields)?;
    let framing = framing_of(request);
    let reply = api.next_reply(request);
    Ok(Answered::Played(framing, Answer::new(model, request.number, &fields, reply).render(framing)))
}

fn count_tokens(model: &Model, request: &Map<String, Value>) -> Result<Value, ApiError> {
    let nested = request.get("generateContentRequest").and_then(Value::as_object);
    let total = match (nested, request.contains_key("contents")) {
        (Some(_), true) => {
            let message = "* CountTokensRequest: only one of contents and generate_content_request\n";
            return Err(ApiError::invalid_argument(message));
        }
        (Some(nested), false) => {
            if nested.get("model").and_then(Value::as_str) != Some(&format!("models/{}", model.id)) {
                let message =
                    "* CountTokensRequest.generate_content_request.model: unexpected model name format\n";
                return Err(ApiError::invalid_argument(message));
            }
            check_generate(model, nested)?;
            prompt_tokens(nested)
        }
        (None, _) => {
            turns::check(model, request)?;
            prompt_tokens(request)
        }
    };
    Ok(json!({"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}))
}

fn json_response(status: u16, body: String) -> Response {
    response(status, "application/json; charset=UTF-8", Body::from(body))
}

fn refuse(error: &ApiError, framing: Framing) -> Response {
    json_response(error.code, error_body(error, framing))
}

fn response(status: u16, content_type: &str, body: Body) -> Response {
    let builder = Response::builder().status(status).header("content-type", content_type);
    let builder = builder.header("vary", "Origin").header("vary", "X-Origin").header("vary", "Referer");
    builder.header("server", "scaffolding on HTTPServer2").body(body).expect("fixed headers are valid")
}

async fn send(framing: Framing, rendered: Rendered, in_flight: InFlight) -> Response {
    let Rendered { status, actions } = rendered;
    let mut actions = VecDeque::from(actions);
    if let Err(CutEarly) = until_first_output(&mut actions).await {
        in_flight.finish(End::Cut);
        return cut_connection();
    }
    if framing == Framing::Events && status == 200 {
        return response(status, "text/event-stream", body(actions, in_flight));
    }
    if framing == Framing::Array && status == 200 {
        return response(status, "application/json; charset=UTF-8", body(actions, in_flight));
    }
    let whole = actions.pop_front().and_then(|action| match action {
        Action::Send(bytes) => Some(bytes),
        _ => None,
    });
    in_flight.finish(End::Completed);
    response(status, "application/json; charset=UTF-8", Body::from(whole.unwrap_or_default()))
}
