//! The Postgres server itself is killed under load: the service goes on by itself when it is back.

use std::time::{Duration, Instant};

use kaleem_billing::Config;
use kaleem_proto::billing::v1::record_usage_response::Outcome;
use kaleem_rpc::{Code, Fault};
use kaleem_runtime::config::{Secret, Span};
use kaleem_testkit::postgres::Postgres;
use tokio::{sync::watch, task::JoinSet};

use super::{Dice, check_books, numbered, open};
use crate::harness::{Client, assert_fault, config, record};

const CALLERS: u32 = 8;
const KILLS: u32 = 6;
/// Most events of the test, so that it ends though the server does not come back.
const EVENTS_MAX: u32 = 400_000;
const LIMIT: Duration = Duration::from_mins(1);

/// Records events `caller`, `caller + CALLERS`, …, each again until it is acknowledged, until `stop`; answers how many.
async fn load(mut client: Client, caller: u32, stop: watch::Receiver<bool>) -> (u32, u32) {
    let (mut recorded, mut refused) = (0, 0);
    while !*stop.borrow() && recorded * CALLERS < EVENTS_MAX {
        let event = numbered(caller + recorded * CALLERS);
        match record(&mut client, vec![event]).await {
            Ok(items) => {
                assert!(matches!(items[0].outcome(), Outcome::Recorded | Outcome::Duplicate), "{items:?}");
                recorded += 1;
            }
            Err(Fault { code: Code::Unavailable, reason, .. }) if reason == "STORE_UNAVAILABLE" => {
                refused += 1;
            }
            Err(fault) => panic!("{fault:?}"),
        }
    }
    (recorded, refused)
}

/// Waits until a caller of its own is served.
async fn until_served(client: &mut Client, index: u32) {
    let deadline = Instant::now() + LIMIT;
    while let Err(fault) = record(client, vec![numbered(index)]).await {
        assert!(fault.reason == "STORE_UNAVAILABLE" && Instant::now() < deadline, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Postgres::start();
    let postgres_url = Some(Secret::from(server.create_database("ledger")));
    let config = Config { postgres_url, ..config(folder.path()) };
    let mut client = open(config.clone()).await;
    let (stop, stopped) = watch::channel(false);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(load(client.clone(), caller, stopped.clone()));
    }
    let mut dice = Dice(11);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_micros(dice.below(60_000))).await;
        server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .unwrap();
        until_served(&mut client, 0).await;
    }
    stop.send(true).unwrap();
    let (mut counts, mut refused) = (Vec::new(), 0);
    while let Some(caller) = callers.join_next().await {
        let caller = caller.unwrap();
        counts.push(caller.0);
        refused += caller.1;
    }
    // Luck: a call that waits for others when the server dies finds it back.
    println!("{refused} calls met a server that was gone");
    // Fill up to the caller that came furthest, so that the ledger holds the first events without holes.
    let furthest = counts.into_iter().max().unwrap();
    let rest: Vec<_> = (0..furthest * CALLERS).map(numbered).collect();
    for events in rest.chunks(1_024) {
        record(&mut client, events.to_vec()).await.unwrap();
    }
    check_books(config, furthest * CALLERS).await;
}

#[tokio::test]
async fn while_the_server_is_gone_every_call_says_so_within_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Postgres::start();
    let postgres_url = Some(Secret::from(server.create_database("ledger")));
    let mut config = Config { postgres_url, ..config(folder.path()) };
    config.postgres.acquire_timeout = Span::millis(200);
    let mut client = open(config).await;
    record(&mut client, vec![numbered(0)]).await.unwrap();
    server.kill_hard();
    let start = Instant::now();
    for _ in 0..2 {
        let fault = assert_fault(
            record(&mut client, vec![numbered(1)]).await,
            Code::Unavailable,
            "STORE_UNAVAILABLE",
        );
        assert!(fault.retry_after.is_some());
    }
    let reading = kaleem_proto::billing::v1::GetUsageSummaryRequest {
        merchant_id: "ward".into(),
        ..Default::default()
    };
    let answer = client.get_usage_summary(reading).await.map_err(|status| Fault::from_status(&status));
    let fault = assert_fault(answer, Code::Unavailable, "STORE_UNAVAILABLE");
    assert!(!fault.message.contains("127.0.0.1"), "{}", fault.message);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.restart();
    until_served(&mut client, 1).await;
}
