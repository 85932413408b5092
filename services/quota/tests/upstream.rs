//! Leases of upstream projects on the wire.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_quota::{UpstreamLimits, UpstreamProject};
use kaleem_rpc::{Code, Transport};
use kaleem_runtime::config::Span;
use support::{FakeAccounts, Quota, fault};

fn ask(quota_domain: &str, request_count: i64, input_token_count: i64) -> wire::AcquireUpstreamRequest {
    wire::AcquireUpstreamRequest {
        quota_domain: quota_domain.into(),
        model: "gemini-2.5-flash-lite".into(),
        gateway_id: "gateway-1".into(),
        request_count,
        input_token_count,
        ..wire::AcquireUpstreamRequest::default()
    }
}

fn limits() -> UpstreamLimits {
    UpstreamLimits {
        minute_requests: Some(10),
        minute_input_tokens: Some(1_000),
        ..UpstreamLimits::default()
    }
}

async fn limited() -> (Quota, QuotaServiceClient<Transport>) {
    let project = UpstreamProject { quota_domain: "project-1".into(), model: None, limits: limits() };
    let quota = Quota::start(|config| config.upstream.projects = vec![project]).await;
    let client = support::client(&quota);
    (quota, client)
}

#[tokio::test]
async fn a_lease_is_granted_until_the_limit_and_again_when_it_says() {
    let (quota, mut client) = limited().await;
    for _ in 0..10 {
        let granted = client.acquire_upstream(ask("project-1", 1, 100)).await.unwrap().into_inner();
        assert_eq!((granted.request_count, granted.input_token_count), (1, 100));
        assert_eq!(granted.ttl, Some(prost_types::Duration { seconds: 1, nanos: 0 }));
    }
    let refused = fault(client.acquire_upstream(ask("project-1", 1, 0)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"));
    let facts =
        ["quota_domain", "limit", "spent", "cap", "needed"].map(|fact| refused.metadata[fact].as_str());
    assert_eq!(facts, ["project-1", "minute_requests", "10", "10", "1"]);
    let wait = refused.retry_after.unwrap();
    assert_eq!(wait, Duration::from_secs(62));
    quota.clock.advance(wait.checked_sub(Duration::from_millis(1)).unwrap());
    let early = fault(client.acquire_upstream(ask("project-1", 1, 0)).await);
    assert_eq!(early.retry_after, Some(Duration::from_millis(1)));
    quota.clock.advance(Duration::from_millis(1));
    client.acquire_upstream(ask("project-1", 1, 0)).await.unwrap();
    // Another domain has no limits here.
    let free = client.acquire_upstream(ask("project-2", 1_000_000, 1)).await.unwrap().into_inner();
    assert_eq!(free.request_count, (1 << 53) - 1);
}

#[tokio::test]
async fn a_429_is_learned_from_and_other_answers_are_not() {
    let (quota, mut client) = limited().await;
    let report = |http_status, seconds| wire::ReportUpstreamRequest {
        quota_domain: "project-1".into(),
        model: "gemini-2.5-flash-lite".into(),
        http_status,
        retry_after: Some(prost_types::Duration { seconds, nanos: 500_000_000 }),
        limit_count: 0,
    };
    client.report_upstream(report(503, 9)).await.unwrap();
    client.acquire_upstream(ask("project-1", 1, 1)).await.unwrap();
    client.report_upstream(report(429, 9)).await.unwrap();
    let refused = fault(client.acquire_upstream(ask("project-1", 1, 1)).await);
    assert_eq!(
        (refused.metadata["limit"].as_str(), refused.retry_after),
        ("retry_after", Some(Duration::from_millis(9_500)))
    );
    quota.clock.advance(Duration::from_millis(9_500));
    // Half of 10, of which one is used.
    client.acquire_upstream(ask("project-1", 4, 1)).await.unwrap();
    let refused = fault(client.acquire_upstream(ask("project-1", 1, 1)).await);
    assert_eq!(refused.metadata["cap"], "5");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_or_never_fits_is_said() {
    let (_quota, mut client) = limited().await;
    let wrong = fault(client.acquire_upstream(wire::AcquireUpstreamRequest::default()).await);
    let fields: Vec<_> = wrong.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(
        (wrong.reason.as_str(), fields),
        ("REQUEST_INVALID", vec!["quota_domain", "model", "gateway_id", "request_count"])
    );
    let large = fault(client.acquire_upstream(ask("project-1", 1, 1_001)).await);
    assert_eq!(
        (large.code, large.field_violations[0].field.as_str()),
        (Code::InvalidArgument, "input_token_count")
    );
    let wrong = fault(client.report_upstream(wire::ReportUpstreamRequest::default()).await);
    let fields: Vec<_> = wrong.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["quota_domain", "model", "http_status"]);
}

#[tokio::test]
async fn limits_that_cannot_be_enforced_stop_the_start_by_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let row = |limits| UpstreamProject { quota_domain: "project-1".into(), model: None, limits };
    let zero = UpstreamLimits { day_requests: Some(0), ..limits() };
    let nowhere = UpstreamLimits { day_zone: Some("Asia/Atlantis".into()), ..limits() };
    let cases = [
        (vec![row(limits()), row(zero)], 1, "quota.upstream.projects[1].limits.day_requests must be between"),
        (vec![row(nowhere)], 1, "quota.upstream.projects[0].limits.day_zone time zone"),
        (vec![row(limits()), row(limits())], 1, "quota.upstream.projects[1] names a quota_domain and model"),
        (Vec::new(), 11, "quota.upstream.lease must be 1 to 10"),
    ];
    for (projects, lease, expected) in cases {
        let mut config = support::config(&folder.path().join("quota.db"));
        config.upstream.projects = projects;
        config.upstream.lease = Span::seconds(lease);
        let checked = config.check().unwrap_err().to_string();
        let refused = Quota::try_open(config, &FakeAccounts::new()).await.err().unwrap().to_string();
        assert!(refused.starts_with(expected) && refused == checked, "{refused}");
    }
}

#[tokio::test]
async fn a_restart_grants_no_minute_twice() {
    let (quota, mut client) = limited().await;
    client.acquire_upstream(ask("project-1", 10, 1)).await.unwrap();
    quota.clock.advance(Duration::from_secs(2));
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    let refused = fault(client.acquire_upstream(ask("project-1", 1, 1)).await);
    assert_eq!(
        (refused.metadata["spent"].as_str(), refused.retry_after),
        ("10", Some(Duration::from_mins(1)))
    );
    quota.clock.advance(Duration::from_mins(1));
    client.acquire_upstream(ask("project-1", 10, 1)).await.unwrap();
}
