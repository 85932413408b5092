//! What the server refuses, with the messages of the recorded errors.

use axum::body::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::Settings;
use crate::json_style::quote;

/// HTTP status and body of a refusal.
pub(crate) type Refusal = (u16, String);

/// Builds an error body.
pub(crate) fn error_body(message: &str, kind: &str, param: Option<&str>, code: u16) -> String {
    let param = param.map_or_else(|| "null".to_owned(), quote);
    let (message, kind) = (quote(message), quote(kind));
    format!(r#"{{"error":{{"message":{message},"type":{kind},"param":{param},"code":{code}}}}}"#)
}

fn malformed(message: &str, param: Option<&str>) -> Refusal {
    (400, error_body(&format!("1 validation error:\n  {message}"), "Bad Request", param, 400))
}

fn bad_request(message: &str, param: Option<&str>) -> Refusal {
    (400, error_body(message, "BadRequestError", param, 400))
}

/// Checks a chat request in the server's order and returns its body.
pub(crate) fn chat_request(
    settings: &Settings,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Map<String, Value>, Refusal> {
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err(malformed("Unsupported Media Type: Only 'application/json' is allowed", None));
    }
    let request = serde_json::from_slice(body).map_err(|error| {
        let location = format!("body.{}", error.column());
        let message = format!(
            "{{'type': 'json_invalid', 'loc': '{location}', 'msg': 'JSON decode error', \
             'input': '<dict of 0 items>', 'ctx': {{'error': 'Expecting value'}}}}"
        );
        malformed(&message, Some(&location))
    })?;
    let Value::Object(request) = request else {
        return Err(malformed("{'type': 'model_attributes_type', 'loc': 'body'}", Some("body")));
    };
    check_messages(&request)?;
    check_model(settings, &request)?;
    check_options(settings, &request)?;
    check_content(settings, &request)?;
    Ok(request)
}

fn check_messages(request: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(messages) = request.get("messages") else {
        let message = format!(
            "{{'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of {} items>'}}",
            request.len()
        );
        return Err(malformed(&message, Some("body.messages")));
    };
    match messages.as_array() {
        None => {
            let message =
                "{'type': 'list_type', 'loc': 'body.messages', 'msg': 'Input should be a valid list'}";
            Err(malformed(message, Some("body.messages")))
        }
        Some(messages) if messages.is_empty() => {
            let message =
                "Cannot apply chat template to an empty conversation. Provide at least one message.";
            Err(bad_request(message, None))
        }
        Some(_) => Ok(()),
    }
}

fn check_model(settings: &Settings, request: &Map<String, Value>) -> Result<(), Refusal> {
    // A request without a model gets the first one.
    let model = request.get("model").and_then(Value::as_str).unwrap_or(&settings.models[0]);
    if settings.models.iter().any(|known| known == model) {
        return Ok(());
    }
    let message =
        format!("The model `{model}` does not exist. Valid aliases: {}.", settings.models.join(", "));
    Err((404, error_body(&message, "NotFoundError", Some("model"), 404)))
}

fn check_options(settings: &Settings, request: &Map<String, Value>) -> Result<(), Refusal> {
    let has_stream_options = request.get("stream_options").is_some_and(|options| !options.is_null());
    if has_stream_options && request.get("stream") != Some(&Value::Bool(true)) {
        let message = "Stream options can only be defined when `stream=True`. (parameter=stream_options)";
        return Err(bad_request(message, Some("stream_options")));
    }
    if let Some(temperature) = request.get("temperature").and_then(Value::as_f64).filter(|value| *value < 0.0)
    {
        let message = format!(
            "temperature must be non-negative, got {temperature:?}. (parameter=temperature, value={temperature:?})"
        );
        return Err(bad_request(&message, Some("temperature")));
    }
    let limit = settings.max_model_len;
    let max_tokens =
        ["max_completion_tokens", "max_tokens"].into_iter().find_map(|name| request.get(name)?.as_u64());
    if let Some(max_tokens) = max_tokens.filter(|value| *value > u64::from(limit)) {
        let message = format!(
            "max_tokens={max_tokens} cannot be greater than max_model_len={limit}. Please request fewer output tokens. \
             (parameter=max_tokens, value={max_tokens})"
        );
        return Err(bad_request(&message, Some("max_tokens")));
    }
    Ok(())
}

fn check_content(settings: &Settings, request: &Map<String, Value>) -> Result<(), Refusal> {
    let messages = request.get("messages").and_then(Value::as_array);
    let mut parts =
        messages.into_iter().flatten().filter_map(|message| message["content"].as_array()).flatten();
    if parts.any(|part| part["type"] == "image_url") {
        return Err(bad_request(&format!("{} is not a multimodal model", settings.models[0]), None));
    }
    let limit = settings.max_model_len;
    if prompt_tokens(request) > limit {
        // The real server stops counting one past its limit, so this is a lower bound as well.
        let least = limit + 1;
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your prompt contains at least {least} input tokens, \
             which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. \
             (parameter=input_tokens, value={least})"
        );
        return Err(bad_request(&message, Some("input_tokens")));
    }
    Ok(())
}

/// Counts one token for four bytes of message text, at least one.
pub(crate) fn prompt_tokens(request: &Map<String, Value>) -> u32 {
    let messages = request.get("messages").and_then(Value::as_array);
    let bytes: usize = messages.into_iter().flatten().map(|message| text_of(&message["content"]).len()).sum();
    u32::try_from(bytes.div_ceil(4).max(1)).unwrap_or(u32::MAX)
}

/// Returns the text of a message content, be it a string or a list of parts.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript;

    /// Takes the request body out of the curl line of a recorded error.
    fn recorded_request(case: &str) -> String {
        let (_, recording) = transcript::ERRORS.into_iter().find(|(name, _)| *name == case).unwrap();
        let line = recording.lines().nth(1).unwrap();
        let (_, rest) = line.split_once(" -d ").unwrap();
        rest.rsplit_once(" http://").unwrap().0.to_owned()
    }

    #[test]
    fn refusals_are_the_recorded_bytes() {
        let cases =
            ["bad_json", "bad_temp", "empty_messages", "image_input", "max_tokens_over", "missing_messages"];
        for case in cases.into_iter().chain(["stream_opts_without_stream", "unknown_model", "wrong_ctype"]) {
            let content_type = if case == "wrong_ctype" { "text/plain" } else { "application/json" };
            let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, content_type.parse().unwrap())]);
            let refusal = chat_request(&Settings::default(), &headers, &Bytes::from(recorded_request(case)));
            let expected = transcript::error(case);
            assert_eq!(refusal.unwrap_err(), (expected.status, expected.body), "{case}");
        }
    }

    #[test]
    fn a_long_prompt_is_refused_with_the_recorded_bytes() {
        let request =
            serde_json::json!({"messages": [{"role": "user", "content": "x".repeat(4 * 2048 + 1)}]});
        let headers =
            HeaderMap::from_iter([(http::header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        let refusal = chat_request(&Settings::default(), &headers, &Bytes::from(request.to_string()));
        let expected = transcript::error("ctx_too_long");
        assert_eq!(refusal.unwrap_err(), (expected.status, expected.body));
    }
}
