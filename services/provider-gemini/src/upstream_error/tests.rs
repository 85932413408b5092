use serde_json::{Value, json};

use super::*;

/// 2026-11-20T12:00:00Z, 20 hours before midnight in California.
const NOW: Timestamp = Timestamp::from_millis(1_795_176_000_000);

fn classify(status: u16, body: &Value) -> UpstreamError {
    UpstreamError::from_page(status, body.to_string().as_bytes(), &Limits::default(), NOW)
}

fn error(status: u16, name: &str, message: &str, details: &Value) -> UpstreamError {
    classify(
        status,
        &json!({"error": {"code": status, "status": name, "message": message, "details": details}}),
    )
}

fn error_info(reason: &str) -> Value {
    json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}])
}

fn quota(id: &str, retry: Option<&str>) -> Value {
    let quota = json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
        {"quotaId": id, "quotaDimensions": {"model": "m"}, "quotaValue": "4000"}
    ]});
    let retry =
        retry.map(|delay| json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}));
    json!(std::iter::once(quota).chain(retry).collect::<Vec<_>>())
}

fn fault(error: UpstreamError) -> Fault {
    crate::Error::from(error).into()
}

const LIMIT_TEXT: &str = "You exceeded your current quota.\nPlease retry in 51.38s.";

#[test]
fn the_retry_detail_beats_the_text_and_the_text_beats_the_default() {
    let wait = |message: &str, details: &Value| match error(429, "RESOURCE_EXHAUSTED", message, details).cause
    {
        Cause::RateLimited { retry_after, daily: false } => retry_after,
        other => panic!("{other:?}"),
    };
    let minute = "GenerateRequestsPerMinutePerProjectPerModel-PaidTier2";
    assert_eq!(wait(LIMIT_TEXT, &quota(minute, Some("14s"))), Duration::from_secs(14));
    assert_eq!(wait(LIMIT_TEXT, &quota(minute, Some("14.0071s"))), Duration::from_millis(14_008));
    assert_eq!(wait(LIMIT_TEXT, &quota(minute, None)), Duration::from_millis(51_380));
    assert_eq!(wait("Resource has been exhausted (e.g. check quota).", &json!([])), Duration::from_secs(10));
    assert_eq!(wait("Please retry in 99999s", &json!([])), Duration::from_mins(5), "bounded");
    assert_eq!(wait("Please retry in -5s, in forevers", &json!([])), Duration::from_secs(10));
}

#[test]
fn a_days_quota_lasts_until_midnight_pacific_whatever_the_detail_says() {
    let error = error(
        429,
        "RESOURCE_EXHAUSTED",
        LIMIT_TEXT,
        &quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", Some("14s")),
    );
    let fault = fault(error);
    assert_eq!((fault.code, fault.reason.as_str()), (Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"));
    assert_eq!(fault.retry_after, Some(Duration::from_hours(20)));
    assert_eq!(fault.metadata["window"], "day");
    assert_eq!(fault.quota_violations[0].subject, "GenerateRequestsPerDayPerProjectPerModel-FreeTier");
}

/// Pitfall 17: spent credit comes as 429 and no wait heals it.
#[test]
fn spent_credit_is_no_rate_limit() {
    let text =
        "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.";
    for text in [text, "Your project has exceeded its monthly spending cap."] {
        let fault = fault(error(429, "RESOURCE_EXHAUSTED", text, &json!([])));
        assert_eq!((fault.code, fault.reason.as_str()), (Code::FailedPrecondition, "UPSTREAM_BILLING"));
        assert_eq!(fault.retry_after, None);
    }
}

#[test]
fn a_bad_key_is_told_from_a_bad_request_by_its_reason() {
    let refused = [
        error(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            &error_info("API_KEY_INVALID"),
        ),
        error(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key.", &json!([])),
        error(
            401,
            "UNAUTHENTICATED",
            "Expected OAuth 2 access token",
            &error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ),
        error(403, "PERMISSION_DENIED", "Your API key was reported as leaked.", &json!([])),
        error(403, "PERMISSION_DENIED", "Requests are blocked.", &error_info("API_KEY_SERVICE_BLOCKED")),
    ];
    for refused in refused {
        let fault = fault(refused);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_REJECTED")
        );
        assert!(fault.message.contains("provider_gemini.api_key"));
    }
}

#[test]
fn every_other_refusal_has_its_code() {
    let of = |error: UpstreamError| {
        let fault = fault(error);
        (fault.code, fault.reason)
    };
    let invalid = |message: &str| of(error(400, "INVALID_ARGUMENT", message, &json!([])));
    let context = (Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED".to_owned());
    assert_eq!(
        invalid("The input token count exceeds the maximum number of tokens allowed (1048576)."),
        context
    );
    assert_eq!(
        invalid("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
        context
    );
    assert_eq!(invalid("Corrupted thought signature.").1, "REQUEST_INVALID");
    assert_eq!(
        invalid("Function call is missing a thought_signature in functionCall parts.").1,
        "REQUEST_INVALID"
    );
    assert_eq!(
        invalid("Please use a valid role: user, model."),
        (Code::Internal, "UPSTREAM_PROTOCOL_ERROR".to_owned())
    );
    let location =
        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", &json!([]));
    assert_eq!(of(location).1, "UPSTREAM_LOCATION_REJECTED");
    let gone = error(404, "NOT_FOUND", "This model is no longer available to new users.", &json!([]));
    assert_eq!(of(gone), (Code::NotFound, "MODEL_NOT_FOUND".to_owned()));
    for status in [408, 500, 502, 503, 504, 418, 301] {
        let unavailable = (Code::Unavailable, "UPSTREAM_UNAVAILABLE".to_owned());
        assert_eq!(of(error(status, "UNAVAILABLE", "The model is overloaded.", &json!([]))), unavailable);
        let page = UpstreamError::from_page(
            status,
            b"<html><h1>502 Bad Gateway</h1></html>",
            &Limits::default(),
            NOW,
        );
        assert_eq!(of(page), unavailable, "{status}");
    }
    let html_404 = UpstreamError::from_page(404, b"<html>", &Limits::default(), NOW);
    assert_eq!(of(html_404).1, "UPSTREAM_UNAVAILABLE", "a wrong base_url says nothing about the model");
}

#[test]
fn errors_of_a_stream_without_sse_come_in_a_list() {
    let body = json!([{"error": {"code": 404, "status": "NOT_FOUND", "message": "gone"}}]);
    assert_eq!(classify(404, &body).cause, Cause::ModelNotFound);
}

#[test]
fn nothing_of_the_request_is_passed_on() {
    let secret = "my number is 0551234567";
    let details = json!([{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [
        {"field": "contents[0].parts[0].text <0551234567>", "description": format!("Invalid value at 'x', \"{secret}\"")}
    ]}]);
    let fault = fault(error(400, "INVALID_ARGUMENT", &format!("Invalid value, \"{secret}\""), &details));
    assert_eq!(
        fault.metadata["upstream_fact"], "contents[0].parts[0].text0551234567",
        "paths only, and those come from us"
    );
    assert!(!fault.message.contains("number"));
    assert!(!format!("{fault:?}").contains("my number"));
}
