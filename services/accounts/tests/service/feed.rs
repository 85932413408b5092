//! The revocation feed: order, resuming, heartbeats, end.

use std::time::Duration;

use futures::StreamExt as _;
use kaleem_proto::accounts::v1::{self as proto, MerchantState, watch_revocations_response::Subject};
use kaleem_rpc::{Code, Fault};
use tonic::Streaming;

use crate::harness::{Service, Store, assert_fault, assert_invalid, on_both_stores};

on_both_stores! {
    a_watcher_learns_where_it_stands_and_then_every_change_in_order,
    a_change_of_plan_announces_its_merchants_and_no_others,
    heartbeats_prove_that_the_feed_is_alive,
    a_watcher_resumes_without_a_gap_across_a_restart,
    a_sequence_that_never_was_is_refused,
    watchers_are_bounded_and_give_their_place_back,
    the_feed_ends_when_the_service_stops,
}

type Feed = Streaming<proto::WatchRevocationsResponse>;

async fn watch(service: &mut Service, from_sequence: i64) -> Result<Feed, Fault> {
    let answer = service.client.watch_revocations(proto::WatchRevocationsRequest { from_sequence }).await;
    answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
}

/// The next message, at most ten seconds away.
async fn next(feed: &mut Feed) -> proto::WatchRevocationsResponse {
    tokio::time::timeout(Duration::from_secs(10), feed.next()).await.unwrap().unwrap().unwrap()
}

async fn next_subject(feed: &mut Feed) -> (i64, Subject) {
    loop {
        let message = next(feed).await;
        if let Some(subject) = message.subject {
            return (message.sequence, subject);
        }
    }
}

async fn a_watcher_learns_where_it_stands_and_then_every_change_in_order(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (key, _) = service.chat_key("ward").await;
    let mut feed = watch(&mut service, 0).await.unwrap();
    let first = next(&mut feed).await;
    assert_eq!(first.subject, None);
    assert!(first.sequence > 0, "there is a sequence to resume after, also in a new store");
    service.revoke(&key.key_id).await.unwrap();
    service.revoke(&key.key_id).await.unwrap();
    service.set_state("ward", MerchantState::Suspended).await.unwrap();
    service.set_state("ward", MerchantState::Suspended).await.unwrap();
    service.set_state("ward", MerchantState::Active).await.unwrap();
    let ward = || Subject::MerchantId("ward".into());
    assert_eq!(next_subject(&mut feed).await, (first.sequence + 1, Subject::KeyId(key.key_id)));
    assert_eq!(next_subject(&mut feed).await, (first.sequence + 2, ward()));
    assert_eq!(
        next_subject(&mut feed).await,
        (first.sequence + 3, ward()),
        "what changed nothing is not announced"
    );
}

async fn a_change_of_plan_announces_its_merchants_and_no_others(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    service.merchant("hulm").await;
    let request = proto::CreateMerchantRequest {
        merchant_id: "other".into(),
        plan_id: "scale".into(),
        ..Default::default()
    };
    service.create(request).await.unwrap();
    let mut feed = watch(&mut service, 0).await.unwrap();
    let plans = service.client.list_plans(proto::ListPlansRequest {}).await.unwrap().into_inner().plans;
    let starter = plans.into_iter().find(|plan| plan.plan_id == "starter").unwrap();
    let plan = Some(proto::Plan { day_request_cap: 1, ..starter });
    service.client.put_plan(proto::PutPlanRequest { plan }).await.unwrap();
    service.set_state("other", MerchantState::Suspended).await.unwrap();
    let mut subjects = Vec::new();
    for _ in 0..3 {
        subjects.push(next_subject(&mut feed).await.1);
    }
    assert_eq!(subjects, ["hulm", "ward", "other"].map(|id| Subject::MerchantId(id.into())));
}

async fn heartbeats_prove_that_the_feed_is_alive(store: Store) {
    let mut service = Service::start(store).await;
    let mut feed = watch(&mut service, 0).await.unwrap();
    let first = next(&mut feed).await;
    for _ in 0..3 {
        assert_eq!(next(&mut feed).await, first);
    }
}

async fn a_watcher_resumes_without_a_gap_across_a_restart(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let mut keys = Vec::new();
    for _ in 0..600 {
        keys.push(service.chat_key("ward").await.0.key_id);
    }
    let mut feed = watch(&mut service, 0).await.unwrap();
    let start = next(&mut feed).await.sequence;
    drop(feed);
    for key in &keys {
        service.revoke(key).await.unwrap();
    }
    let mut service = service.restart().await;
    let mut feed = watch(&mut service, start).await.unwrap();
    for (offset, key) in (1..).zip(&keys) {
        let message = next(&mut feed).await;
        assert_eq!((message.sequence, message.subject), (start + offset, Some(Subject::KeyId(key.clone()))));
    }
}

async fn a_sequence_that_never_was_is_refused(store: Store) {
    let mut service = Service::start(store).await;
    let answer = watch(&mut service, 1_000).await;
    assert_fault(answer.map(|_| ()), Code::FailedPrecondition, "SEQUENCE_UNKNOWN");
    assert_invalid(watch(&mut service, -1).await.map(|_| ()), &["from_sequence"]);
}

async fn watchers_are_bounded_and_give_their_place_back(store: Store) {
    let mut service = Service::start_with(store, |config| config.watchers_max = 1).await;
    let feed = watch(&mut service, 0).await.unwrap();
    let fault = assert_fault(watch(&mut service, 0).await.map(|_| ()), Code::Unavailable, "OVERLOADED");
    assert!(fault.retry_after.is_some());
    drop(feed);
    watch(&mut service, 0).await.unwrap();
}

async fn the_feed_ends_when_the_service_stops(store: Store) {
    let mut service = Service::start(store).await;
    let mut feed = watch(&mut service, 0).await.unwrap();
    next(&mut feed).await;
    service.supervisor.stop();
    let end = async { while feed.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.unwrap();
}
