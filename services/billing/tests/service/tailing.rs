//! Following the ledger: every entry once, in order, to the end of the caller or of the service.

use std::time::Duration;

use kaleem_proto::billing::v1 as proto;
use kaleem_rpc::{Code, Fault};
use tonic::Streaming;

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Client, Service, assert_fault, assert_invalid, event},
};

/// Longer than a tail takes to look by itself.
const SOON: Duration = Duration::from_secs(10);

type Tail = Streaming<proto::TailLedgerResponse>;

async fn tail(client: &mut Client, from_sequence: i64) -> Result<Tail, Fault> {
    let answer = client.tail_ledger(proto::TailLedgerRequest { from_sequence }).await;
    answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
}

async fn take(tail: &mut Tail, count: usize) -> Vec<proto::TailLedgerResponse> {
    let mut entries = Vec::with_capacity(count);
    while entries.len() < count {
        let next = tokio::time::timeout(SOON, tail.message()).await.unwrap();
        entries.push(next.unwrap().unwrap());
    }
    entries
}

fn sequences(entries: &[proto::TailLedgerResponse]) -> Vec<i64> {
    entries.iter().map(|entry| entry.sequence).collect()
}

async fn what_there_is_comes_first_and_then_what_is_posted(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record(vec![event("a")]).await.unwrap();
    let mut from_start = tail(&mut service.client, 0).await.unwrap();
    let mut from_third = tail(&mut service.client, 3).await.unwrap();
    let entries = take(&mut from_start, 4).await;
    let shown: Vec<_> = entries.iter().map(|entry| (entry.account.as_str(), entry.amount_pico_usd)).collect();
    let expected = [
        ("m:ward:receivable", 90_000_000),
        ("rev:usage", -90_000_000),
        ("cogs:provider-gemini", 90_000_000),
        ("ap:provider-gemini", -90_000_000),
    ];
    assert_eq!((shown, sequences(&entries)), (expected.to_vec(), vec![1, 2, 3, 4]));
    assert!(entries.iter().all(|entry| entry.transaction_id == "1"));
    assert_eq!(sequences(&take(&mut from_third, 2).await), [3, 4]);

    let (payment_id, merchant_id) = ("pay-1".to_owned(), "ward".to_owned());
    let payment = proto::PostPaymentRequest {
        payment_id,
        merchant_id,
        amount_pico_usd: 5,
        ..proto::PostPaymentRequest::default()
    };
    service.client.post_payment(payment).await.unwrap();
    service.record(vec![event("b")]).await.unwrap();
    for tail in [&mut from_start, &mut from_third] {
        let entries = take(tail, 6).await;
        assert_eq!(sequences(&entries), (5..=10).collect::<Vec<_>>());
        assert_eq!((entries[0].account.as_str(), entries[0].amount_pico_usd), ("cash:psp", 5));
    }
}

async fn a_long_ledger_comes_whole_while_events_arrive(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record((0..1_000).map(|index| event(&format!("r-{index}"))).collect()).await.unwrap();
    let mut follower = tail(&mut service.client, 1).await.unwrap();
    let arrivals = async {
        for call in 0..10 {
            let events = (0..50).map(|index| event(&format!("c-{call}-{index}"))).collect();
            service.record(events).await.unwrap();
        }
    };
    let (entries, ()) = tokio::join!(take(&mut follower, 6_000), arrivals);
    assert_eq!(sequences(&entries), (1..=6_000).collect::<Vec<_>>());
    assert_eq!(entries.iter().map(|entry| i128::from(entry.amount_pico_usd)).sum::<i128>(), 0);
}

async fn a_sequence_that_is_not_there_yet_is_waited_for(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let mut follower = tail(&mut service.client, 6).await.unwrap();
    service.record(vec![event("a")]).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), follower.message()).await.is_err());
    service.record(vec![event("b")]).await.unwrap();
    assert_eq!(sequences(&take(&mut follower, 3).await), [6, 7, 8]);
}

async fn the_stream_ends_cleanly_when_the_service_stops(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let mut idle = tail(&mut service.client, 0).await.unwrap();
    service.record(vec![event("a")]).await.unwrap();
    take(&mut idle, 4).await;
    service.supervisor.stop();
    assert_eq!(tokio::time::timeout(SOON, idle.message()).await.unwrap().unwrap(), None);
}

async fn followers_are_bounded_and_who_leaves_makes_room(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let mut tails = Vec::new();
    for _ in 0..64 {
        tails.push(tail(&mut service.client, 0).await.unwrap());
    }
    let refused = tail(&mut service.client, 0).await.map(|_| ());
    let fault = assert_fault(refused, Code::Unavailable, "OVERLOADED");
    assert!(fault.retry_after.is_some() && fault.message.contains("followers"), "{fault:?}");
    tails.pop();
    assert!(tail(&mut service.client, 0).await.is_ok());
    assert_invalid(tail(&mut service.client, -1).await.map(|_| ()), &["from_sequence"]);
}

on_both_stores!(
    what_there_is_comes_first_and_then_what_is_posted,
    a_long_ledger_comes_whole_while_events_arrive,
    a_sequence_that_is_not_there_yet_is_waited_for,
    the_stream_ends_cleanly_when_the_service_stops,
    followers_are_bounded_and_who_leaves_makes_room,
);
