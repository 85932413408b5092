//! Failures in OpenAI's shape.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use kaleem_rpc::{Code, Fault};
use serde_json::{Value, json};

/// The HTTP status of a failure. A spent quota is 403, because SDKs retry a 429.
fn status(fault: &Fault) -> StatusCode {
    if let Some(status) = fault.metadata.get("http_status").and_then(|text| text.parse().ok()) {
        return StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    }
    match fault.code {
        Code::InvalidArgument | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted if fault.reason == "QUOTA_EXCEEDED" => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

fn body(fault: &Fault, status: StatusCode) -> Value {
    let param = fault.field_violations.first().map(|violation| as_asked(&violation.field));
    json!({"error": {
        "message": as_asked(&fault.message),
        "type": kind(status),
        "param": param,
        "code": fault.reason.to_ascii_lowercase(),
        "metadata": fault.metadata,
        "localized_message": fault.localized.as_ref().map(|said| json!({"locale": said.locale, "message": said.message})),
    }})
}

/// Fields as the caller wrote them: without the names of the gRPC messages around them.
fn as_asked(text: &str) -> String {
    text.replace("input.options.max_output_token_count", "max_completion_tokens")
        .replace("input.guardrail_policy_json", "guardrail_policy")
        .replace("input.options.", "")
        .replace("input.", "")
}

/// A refusal before anything was sent.
pub(super) fn refusal(fault: &Fault) -> Response {
    let status = status(fault);
    let mut response = (status, Json(body(fault, status))).into_response();
    let headers = response.headers_mut();
    if let Some(wait) = fault.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // The official SDKs obey this header before their own rules.
    let retry = matches!(status.as_u16(), 429 | 503 | 504);
    headers.insert("x-should-retry", HeaderValue::from_static(if retry { "true" } else { "false" }));
    response
}

/// A failure inside a stream that has begun; no `[DONE]` follows, so it cannot be taken for a clean end.
pub(super) fn stream_frame(fault: &Fault) -> Bytes {
    format!("data: {}\n\n", body(fault, status(fault))).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_spent_quota_is_not_retried_and_a_rate_is() {
        let spent = Fault::new(Code::ResourceExhausted, "quota.kaleem", "QUOTA_EXCEEDED", "spent");
        let response = refusal(&spent);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-should-retry"]),
            (403, &HeaderValue::from_static("false"))
        );
        let rate = Fault::new(Code::ResourceExhausted, "quota.kaleem", "RATE_LIMITED", "too fast");
        let response = refusal(&rate.retry_after(Duration::from_millis(1_200)));
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (429, &HeaderValue::from_static("2"))
        );
    }

    #[test]
    fn params_are_named_as_the_caller_wrote_them() {
        assert_eq!(as_asked("input.messages[0].role"), "messages[0].role");
        assert_eq!(as_asked("input.options.temperature"), "temperature");
        assert_eq!(as_asked("input.guardrail_policy_json.prices[0].sku"), "guardrail_policy.prices[0].sku");
        assert_eq!(as_asked("input.options.max_output_token_count"), "max_completion_tokens");
    }
}
