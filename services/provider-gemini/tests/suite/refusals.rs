//! Calls that are refused, by the service or by Google, and what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use kaleem_domain::Timestamp;
use kaleem_proto::chat::v1::GenerationOptions;
use kaleem_proto::common::v1::Admission;
use kaleem_proto::provider::v1::{EmbedRequest, ModelHealth, StreamGenerateRequest};
use kaleem_provider_gemini::{Config, Deps, build};
use kaleem_rpc::admission::Key;
use kaleem_rpc::{Code, convert};
use kaleem_runtime::config::Secret;
use kaleem_testkit::ManualClock;
use kaleem_testkit::gemini_upstream::{API_KEY, ApiError, Reply};

use crate::builders::{ask, result};
use crate::mesh::{KEY, LITE, NEXT, mesh, mesh_with, question, reason};

#[tokio::test]
async fn without_a_valid_admission_nothing_reaches_google() {
    let mesh = mesh().await;
    let key = Key::new(&KEY);
    let good = mesh.admission();
    let expired =
        Admission { expire_time: Some(convert::timestamp(Timestamp::from_millis(1))), ..good.clone() };
    let tokens = [
        Vec::new(),
        Key::new(&[8; 32]).mint(&good),
        key.mint(&Admission { target: "provider-local".into(), ..good.clone() }),
        key.mint(&Admission { model: NEXT.into(), ..good.clone() }),
        key.mint(&Admission { redacted: false, ..good.clone() }),
        key.mint(&expired),
    ];
    for token in tokens {
        let request = StreamGenerateRequest { admission: token.clone().into(), ..question() };
        let fault = mesh.open(request).await.unwrap_err();
        assert_eq!((fault.code, fault.reason.as_str()), (Code::PermissionDenied, "ADMISSION_INVALID"));
        let texts = vec!["x".into()];
        let embed = EmbedRequest { admission: token, model: LITE.into(), texts, dimension_count: 0 };
        let status = mesh.client.clone().embed(embed).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::PermissionDenied);
    }
    let more = GenerationOptions { max_output_token_count: Some(257), ..GenerationOptions::default() };
    let fault = mesh.hear(StreamGenerateRequest { options: Some(more), ..question() }).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::PermissionDenied, "ADMISSION_INVALID"));
    assert_eq!(mesh.upstream.received().count(), 0);
}

#[tokio::test]
async fn without_a_key_the_service_is_up_and_says_what_is_missing() {
    let mesh = mesh_with(|config| config.api_key = Some(Secret::default())).await;
    let fault = mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_MISSING"));
    assert!(fault.message.contains("provider_gemini.api_key") && fault.message.contains("GEMINI_API_KEY"));
    assert!(mesh.health().await.iter().all(|(_, health)| *health == ModelHealth::Down));
    assert_eq!(mesh.upstream.received().count(), 0);
}

#[tokio::test]
async fn a_key_that_google_refuses_is_named_but_never_shown() {
    let mesh = mesh().await;
    mesh.upstream.revoke_key(API_KEY);
    let fault = mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_REJECTED"));
    assert_eq!(fault.metadata["upstream_fact"], "API_KEY_INVALID");
    assert!(!format!("{fault:?}").contains(API_KEY));
    assert!(mesh.health().await.iter().all(|(_, health)| *health == ModelHealth::Down));

    mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(mesh.upstream.received().count(), 1, "a refused key is not tried again at once");
    mesh.upstream.accept_key(API_KEY);
    mesh.clock.advance(Duration::from_mins(1));
    mesh.hear(question()).await.end.unwrap();
    assert_eq!(mesh.health().await[0].1, ModelHealth::Ready);
}

#[tokio::test]
async fn a_model_closed_to_the_project_falls_back_and_is_remembered() {
    let mesh = mesh().await;
    mesh.upstream.refuse_model(LITE, ApiError::closed_to_new_users(LITE, NEXT));
    let heard = mesh.hear(question()).await;
    assert_eq!(heard.started.unwrap().served_model, NEXT, "billed by what served");
    let expected = format!("{LITE} is not available to this Google project; {NEXT} answered");
    assert_eq!(heard.end.unwrap().warnings, [expected]);
    mesh.hear(question()).await.end.unwrap();
    assert_eq!(mesh.upstream.received().count(), 3, "the closed model was asked once");
    mesh.clock.advance(Duration::from_hours(24));
    mesh.hear(question()).await.end.unwrap();
    assert_eq!(mesh.upstream.received().count(), 5, "and again a day later");

    mesh.upstream.refuse_model(NEXT, ApiError::model_not_found(NEXT, "streamGenerateContent"));
    let fault = mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::NotFound, "MODEL_NOT_FOUND"));
    assert_eq!(fault.metadata["model"], LITE);
}

#[tokio::test]
async fn an_unknown_model_is_not_asked_for() {
    let mesh = mesh().await;
    let request = StreamGenerateRequest { model: "gpt-9".into(), ..question() };
    let fault = mesh.hear(request).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::NotFound, "MODEL_NOT_FOUND"));
    assert_eq!(mesh.upstream.received().count(), 0);
}

#[tokio::test]
async fn refusals_before_the_stream_have_their_codes() {
    let cases = [
        (ApiError::minute_quota_exceeded(LITE, 14), Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
        (ApiError::day_quota_exceeded(LITE), Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
        (ApiError::resource_exhausted(), Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"),
        (ApiError::prepayment_depleted(), Code::FailedPrecondition, "UPSTREAM_BILLING"),
        (ApiError::standard_key_rejected(), Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_REJECTED"),
        (ApiError::key_leaked(), Code::FailedPrecondition, "UPSTREAM_CREDENTIAL_REJECTED"),
        (ApiError::too_many_input_tokens(1_048_576), Code::InvalidArgument, "CONTEXT_LENGTH_EXCEEDED"),
        (ApiError::overloaded(), Code::Unavailable, "UPSTREAM_UNAVAILABLE"),
        (ApiError::internal(), Code::Unavailable, "UPSTREAM_UNAVAILABLE"),
        (ApiError::invalid_argument("Please use a valid role."), Code::Internal, "UPSTREAM_PROTOCOL_ERROR"),
    ];
    for (error, code, name) in cases {
        let mesh = mesh().await;
        let message = error.message.clone();
        mesh.upstream.push(Reply::error(error));
        let fault = mesh.open(mesh.admitted(question())).await.unwrap_err();
        assert_eq!(reason(&fault), (code, name), "{message}");
    }
}

#[tokio::test]
async fn a_minute_limit_says_how_long_and_a_days_limit_until_midnight_in_california() {
    let mesh = mesh().await;
    mesh.upstream.push(Reply::error(ApiError::minute_quota_exceeded(LITE, 14)));
    let fault = mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(fault.retry_after, Some(Duration::from_secs(14)), "RetryInfo, not the text");
    assert_eq!(mesh.health().await[0].1, ModelHealth::Degraded);

    mesh.upstream.push(Reply::error(ApiError::day_quota_exceeded(LITE)));
    let fault = mesh.hear(question()).await.end.unwrap_err();
    // The clock shows 09:00 UTC, 01:00 in California.
    assert_eq!(fault.retry_after, Some(Duration::from_hours(23)));
    let asked = mesh.upstream.received().count();
    mesh.clock.advance(Duration::from_hours(1));
    // Admissions live for a minute; the next one is minted at the new time.
    let fault = mesh.hear(question()).await.end.unwrap_err();
    assert_eq!(fault.retry_after, Some(Duration::from_hours(22)));
    assert_eq!(mesh.upstream.received().count(), asked, "the day's quota is not asked for again");
    assert_eq!(mesh.health().await[0].1, ModelHealth::Down);
}

#[tokio::test]
async fn a_malformed_request_names_its_fields_and_is_not_sent() {
    let mesh = mesh().await;
    let stop = (0..6).map(|n| n.to_string()).collect();
    let options = Some(GenerationOptions { stop, ..GenerationOptions::default() });
    let request = StreamGenerateRequest { options, ..ask(vec![result("gone", "secret text", false)]) };
    let fault = mesh.hear(request).await.end.unwrap_err();
    assert_eq!(reason(&fault), (Code::InvalidArgument, "REQUEST_INVALID"));
    let fields: Vec<_> = fault.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["messages[0].parts[0].tool_result.tool_call_id", "messages", "options.stop"]);
    assert!(!format!("{fault:?}").contains("secret"));
    assert_eq!(mesh.upstream.received().count(), 0);
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start_with_its_name() {
    let clock = Arc::new(ManualClock::default());
    let start = async |config| {
        let deps = Deps { clock: clock.clone(), admission: Key::new(&KEY) };
        build(config, deps).await.err().unwrap().to_string()
    };
    let error = start(Config { base_url: "gemini".into(), ..Config::default() }).await;
    assert!(error.contains("provider_gemini.base_url"), "{error}");
    let key = Secret::from("line\nbreak".to_owned());
    let error = start(Config { api_key: Some(key), ..Config::default() }).await;
    assert!(error.contains("provider_gemini.api_key") && !error.contains("break"), "{error}");
}
