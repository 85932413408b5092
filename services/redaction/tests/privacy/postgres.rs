//! Several processes on one Postgres, and what holds while it is away.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kaleem_proto::{redaction::v1::RedactionAction, router::v1::PersonalDataClass};
use kaleem_runtime::config::Span;
use sqlx::Connection as _;

use crate::harness::{MERCHANT, Service, Store};

/// Within this time a change is in force on every process.
const IN_FORCE: Duration = Duration::from_secs(1);
/// Bound of waits that have no bound of their own to prove.
const LIMIT: Duration = Duration::from_secs(20);
const PHONE: &str = "رقمي 0551234567";

/// Asks until a telephone number is treated as wanted; how long it took. Panics after [`LIMIT`].
async fn until(service: &mut Service, action: RedactionAction, class: PersonalDataClass) -> Duration {
    let from = Instant::now();
    loop {
        let answer = service.redact_text(PHONE).await.unwrap();
        if (answer.spans[0].action(), answer.residual()) == (action, class) {
            return from.elapsed();
        }
        assert!(from.elapsed() < LIMIT, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_policy_is_in_force_on_every_process_within_a_second() {
    let mut one = Service::start(Store::postgres()).await;
    let mut other = one.beside().await;
    // With notifications, and when they do not come: then the poll is the bound.
    for silenced in [false, true] {
        if silenced {
            let mut session = sqlx::PgConnection::connect(&one.store.url().unwrap()).await.unwrap();
            sqlx::query("DROP TRIGGER policy_announced ON redaction.policy")
                .execute(&mut session)
                .await
                .unwrap();
        }
        one.put(r#"{"actions":{"PHONE":"allow"}}"#).await.unwrap();
        let took = until(&mut other, RedactionAction::Allow, PersonalDataClass::Sensitive).await;
        assert!(took < IN_FORCE, "{took:?}, silenced: {silenced}");
        other.put("").await.unwrap();
        let took = until(&mut one, RedactionAction::Redact, PersonalDataClass::Redacted).await;
        assert!(took < IN_FORCE, "{took:?}, silenced: {silenced}");
    }
}

#[tokio::test]
async fn racing_processes_never_give_a_version_twice() {
    let one = Service::start(Store::postgres()).await;
    let other = one.beside().await;
    let clients = [one.client.clone(), other.client.clone()];
    let puts = (0..24).map(|racer| {
        let mut client = clients[racer % 2].clone();
        let request = kaleem_proto::redaction::v1::PutPolicyRequest {
            merchant_id: format!("shop-{}", racer % 3),
            document: format!(r#"{{"deny":["round {racer}"]}}"#),
            expected_version: None,
        };
        async move { client.put_policy(request).await.unwrap().into_inner().version }
    });
    let mut versions = join_all(puts).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=24).collect::<Vec<_>>());
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_allowed_and_then_it_is_again() {
    let mut service = Service::start_with(Store::postgres(), |config| {
        config.postgres.poll_interval = Span::millis(50);
        config.staleness_max = Span::millis(400);
        config.postgres.acquire_timeout = Span::millis(300);
    })
    .await;
    service
        .put(r#"{"actions":{"PHONE":"allow"},"allow":["support@dukkan.example"],"deny":["Falcon"]}"#)
        .await
        .unwrap();
    until(&mut service, RedactionAction::Allow, PersonalDataClass::Sensitive).await;
    service.store.server().unwrap().kill_hard();
    until(&mut service, RedactionAction::Redact, PersonalDataClass::Sensitive).await;
    // What it takes out is still taken out, and what it allows no longer is.
    let answer = service.redact_text("falcon support@dukkan.example").await.unwrap();
    let taken: Vec<&str> = answer.spans.iter().map(|span| span.r#type.as_str()).collect();
    assert_eq!(taken, ["CUSTOM", "EMAIL"]);
    assert!(answer.policy_version > 0);
    // A merchant of whom nothing is remembered gets the built-in policy.
    let mut unknown = crate::harness::question(PHONE);
    unknown.merchant_id = "never-seen".into();
    let answer = service.redact(unknown).await.unwrap();
    assert_eq!((answer.placeholders.len(), answer.residual()), (1, PersonalDataClass::Sensitive));
    let fault = service.put("{}").await.unwrap_err();
    assert_eq!(fault.reason, "STORE_UNAVAILABLE");
    service.store.server().unwrap().restart();
    until(&mut service, RedactionAction::Allow, PersonalDataClass::Sensitive).await;
    assert_eq!(service.get(MERCHANT).await.version, 1);
}
