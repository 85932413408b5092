//! Webhooks of alerts: signed, delivered at least once with one id, and not lost when the process is killed before it sent them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use axum::http::StatusCode;
use kaleem_runtime::{Supervisor, config::Span};
use kaleem_testkit::{ManualClock, bound_listener};
use support::{
    FakeAccounts, Quota,
    kill::{JOURNAL, run_and_kill},
    plan,
    receiver::{Receiver, to},
    reserve, settle,
    stores::{Backend, Stores},
    until,
};

/// Raises an alert at 60 % of the month's tokens and returns its id.
async fn raise(quota: &Quota, id: &str) -> String {
    quota.accounts.put(id, plan(100, 1_000, 100_000, 9));
    let mut client = support::client(quota);
    let call = client.reserve(reserve(id, quota.now())).await.unwrap().into_inner().reservation.unwrap();
    client.settle(settle(&call, 500, 1)).await.unwrap();
    quota.registry.flushed().await.unwrap();
    format!("{id}/month_tokens/M202603/60/1")
}

#[tokio::test]
async fn an_alert_is_posted_with_a_signature_that_the_receiver_can_check() {
    let outside = Supervisor::new();
    let receiver = Receiver::start(&outside);
    let quota = Quota::start(|config| to(&receiver.url, config)).await;
    let alert_id = raise(&quota, "dukkan").await;
    until(|| !receiver.ids().is_empty()).await;
    let (id, message) = receiver.got.lock().unwrap()[0].clone();
    assert_eq!(id, alert_id);
    let expected = serde_json::json!({
        "type": "quota.alert",
        "timestamp": "2026-03-01T09:00:00Z",
        "data": {
            "alert_id": alert_id, "merchant_id": "dukkan", "dimension": "month_tokens", "window_id": "M202603",
            "percent": 60, "cap_version": 1, "posted": 600, "cap": 1_000,
        },
    });
    assert_eq!(message, expected);
    // Delivered is delivered: the next one that comes is another.
    let other = raise(&quota, "bazaar").await;
    until(|| receiver.ids().len() > 1).await;
    assert_eq!(receiver.ids(), [alert_id, other]);
}

#[tokio::test]
async fn a_receiver_that_fails_is_asked_again_later_and_later_and_then_no_more() {
    let outside = Supervisor::new();
    let receiver = Receiver::start(&outside);
    receiver.set_answer(StatusCode::SERVICE_UNAVAILABLE);
    let quota = Quota::start(|config| {
        to(&receiver.url, config);
        config.alerts.webhook_give_up_after = Span::seconds(60);
    })
    .await;
    let alert_id = raise(&quota, "dukkan").await;
    let tried = || receiver.ids().iter().filter(|id| **id == alert_id).count();
    // Tries at 0, 1, 3 and 7 s: each wait is twice the one before.
    for (tries, wait_ms) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        until(|| tried() == tries).await;
        quota.clock.advance(Duration::from_millis(wait_ms - 1));
        // A newer alert comes after all that are due, so this one is not due yet.
        let newer = raise(&quota, &format!("shop-{tries}")).await;
        until(|| receiver.ids().contains(&newer)).await;
        assert_eq!(tried(), tries);
        quota.clock.advance(Duration::from_millis(1));
    }
    until(|| tried() == 4).await;
    quota.clock.advance(Duration::from_secs(61));
    let newer = raise(&quota, "bazaar").await;
    until(|| receiver.ids().contains(&newer)).await;
    assert_eq!(tried(), 4, "it is given up by its age");
}

async fn open(path: &Path, url: &str) -> Quota {
    let mut config = support::config(path);
    to(url, &mut config);
    Quota::open(config, ManualClock::default(), FakeAccounts::new()).await
}

/// What a child's journal starts with where it is a place of [`Stores`].
const SHARED: &str = "shared ";
/// So long that a try of the child lasts until it is killed.
const TIMEOUT: Span = Span::seconds(60);

/// Raises an alert whose webhook is on its way for as long as what is returned lives; the receiver has its first byte.
async fn deliver_without_end(place: &str) -> (Quota, TcpStream) {
    let (stores, _) = Stores::joined(place);
    let (listener, address) = bound_listener();
    let quota = stores.open_as(|config| {
        to(&format!("http://{address}/alerts"), config);
        config.alerts.webhook_timeout = TIMEOUT;
    });
    let quota = quota.await;
    raise(&quota, "dukkan").await;
    let (mut connection, _) = tokio::task::spawn_blocking(move || listener.accept()).await.unwrap().unwrap();
    connection.read_exact(&mut [0]).unwrap();
    (quota, connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_took_and_died_over_is_delivered_by_another_once_it_could_have_ended() {
    let stores = Stores::start(Backend::Postgres);
    let place = format!("{SHARED}{}", stores.place(0));
    tokio::task::spawn_blocking(move || run_and_kill(place.as_ref(), 1)).await.unwrap();
    let outside = Supervisor::new();
    let receiver = Receiver::start(&outside);
    let quota = stores.open_as(|config| {
        to(&receiver.url, config);
        config.alerts.webhook_timeout = TIMEOUT;
    });
    let quota = quota.await;
    // It is taken, so a newer one passes it: five tries could still be on their way.
    let newer = raise(&quota, "bazaar").await;
    until(|| !receiver.ids().is_empty()).await;
    assert_eq!(receiver.ids(), [newer.as_str()]);
    quota.clock.advance(Duration::from_millis(5 * 60_000 - 1));
    let newest = raise(&quota, "souk").await;
    until(|| receiver.ids().len() == 2).await;
    assert_eq!(receiver.ids(), [newer.as_str(), &newest]);
    quota.clock.advance(Duration::from_millis(1));
    until(|| receiver.ids().len() == 3).await;
    assert_eq!(receiver.ids()[2], "dukkan/month_tokens/M202603/60/1");
}

/// Raises alerts that nobody takes, and says when they are committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that a_kill_before_delivery_loses_no_alert starts and kills"]
async fn child() {
    let Some(path) = std::env::var_os(JOURNAL) else { return };
    if let Some(place) = path.to_str().and_then(|path| path.strip_prefix(SHARED)) {
        let _delivering = deliver_without_end(place).await;
        println!("committed 1");
        std::io::stdout().flush().unwrap();
        return std::future::pending().await;
    }
    // A port that is bound and never answers: each try hangs until the process dies.
    let (_listener, address) = bound_listener();
    let quota = open(Path::new(&path), &format!("http://{address}/alerts")).await;
    for number in 0.. {
        raise(&quota, &format!("shop-{number}")).await;
        println!("committed {}", number + 1);
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_delivery_loses_no_alert() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quota.db");
    let file = path.clone();
    let covered = tokio::task::spawn_blocking(move || run_and_kill(&file, 20)).await.unwrap();
    let covered = usize::try_from(covered).unwrap();
    let outside = Supervisor::new();
    let receiver = Receiver::start(&outside);
    let quota = open(&path, &receiver.url).await;
    // The first try may have been noted as failed before the kill, and is due again later.
    quota.clock.advance(Duration::from_mins(1));
    until(|| receiver.ids().len() >= covered).await;
    let mut ids = receiver.ids();
    ids.sort();
    ids.dedup();
    let expected = (0..covered).map(|number| format!("shop-{number}/month_tokens/M202603/60/1"));
    let missing: Vec<_> = expected.filter(|id| !ids.contains(id)).collect();
    assert_eq!(missing, Vec::<String>::new());
    drop(quota);
}

#[tokio::test]
async fn a_webhook_without_a_secret_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = support::config(&folder.path().join("quota.db"));
    config.alerts.webhook_url = "https://example.com/alerts".into();
    assert!(config.check().is_err());
    let refused = Quota::try_open(config, &FakeAccounts::new()).await.err().unwrap().to_string();
    assert!(refused.starts_with("quota.alerts.webhook_secret must be set"), "{refused}");
}
