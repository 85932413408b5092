use super::*;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, thiserror::Error)]
#[error("port is taken")]
struct Taken(#[source] std::fmt::Error);

#[tokio::test(start_paused = true)]
async fn a_clean_drain_waits_for_tasks_and_cuts_nothing() {
    let supervisor = Supervisor::new();
    let stopping = supervisor.stopping();
    let flushed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flushed);
    supervisor.spawn("loop", OnError::Shutdown, async move {
        stopping.cancelled().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        seen.store(true, Ordering::SeqCst);
        Ok::<_, Infallible>(())
    });
    assert_eq!(supervisor.running(), BTreeMap::from([("loop", 1)]));

    let report = supervisor.drain(Duration::from_secs(10)).await;

    assert!(report.is_clean());
    assert!(flushed.load(Ordering::SeqCst));
    assert!(supervisor.running().is_empty());
    assert_eq!(supervisor.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_outlives_the_grace_is_dropped_and_named() {
    let supervisor = Supervisor::new();
    let held = Arc::new(());
    for _ in 0..2 {
        let held = Arc::clone(&held);
        supervisor.spawn_detached("stuck", async move {
            std::future::pending::<()>().await;
            drop(held);
        });
    }
    let begin = tokio::time::Instant::now();

    let report = supervisor.drain(Duration::from_secs(30)).await;

    assert_eq!(report.cut, [Cut { task: "stuck", count: 2 }]);
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
    assert_eq!(Arc::strong_count(&held), 1, "the futures are dropped");
}

#[tokio::test(start_paused = true)]
async fn a_fatal_error_asks_for_a_stop_and_keeps_its_causes() {
    let supervisor = Supervisor::new();
    supervisor.spawn("server", OnError::Shutdown, async { Err(Taken(std::fmt::Error)) });

    supervisor.stop_requested().await;

    assert_eq!(supervisor.exit_code(), 70);
    let failures = supervisor.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].task, "server");
    assert!(failures[0].fatal);
    assert!(failures[0].message.starts_with("port is taken: an error occurred"), "{failures:?}");
    assert!(!supervisor.stopping().is_cancelled(), "the drain sequence decides when to stop");
}

#[tokio::test(start_paused = true)]
async fn a_logged_error_leaves_the_process_running() {
    let supervisor = Supervisor::new();
    supervisor.spawn("refresh", OnError::Log, async { Err(Taken(std::fmt::Error)) });

    assert!(supervisor.drain(Duration::from_secs(1)).await.is_clean());

    assert_eq!(supervisor.failure_count(), 1);
    assert_eq!(supervisor.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_and_never_quotes_data() {
    let supervisor = Supervisor::new();
    let prompt = String::from("هل تشحنون");
    supervisor.spawn("slice", OnError::Shutdown, async move {
        std::hint::black_box(&prompt[..1]);
        Ok::<_, Infallible>(())
    });
    supervisor.stop_requested().await;
    supervisor.spawn_detached("literal", async { panic!("ring is full") });
    supervisor.drain(Duration::from_secs(1)).await;

    let failures = supervisor.failures();
    assert_eq!(supervisor.exit_code(), 70);
    assert_eq!(failures[0].message, "panicked (text withheld: it may quote data)");
    assert_eq!(failures[1].message, "panicked: ring is full");
    assert!(!failures[1].fatal);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_beyond_those_kept() {
    let supervisor = Supervisor::new();
    for _ in 0..FAILURES_KEPT_MAX + 3 {
        supervisor.spawn("flaky", OnError::Log, async { Err("no") });
    }
    supervisor.drain(Duration::from_secs(1)).await;

    assert_eq!(supervisor.failures().len(), FAILURES_KEPT_MAX);
    assert_eq!(supervisor.failure_count(), FAILURES_KEPT_MAX as u64 + 3);
}

#[tokio::test(start_paused = true)]
async fn tasks_begun_while_draining_are_waited_for() {
    let supervisor = Supervisor::new();
    let settled = Arc::new(AtomicBool::new(false));
    let (seen, spawner) = (Arc::clone(&settled), supervisor.clone());
    supervisor.spawn_detached("request", async move {
        spawner.stopping().cancelled().await;
        spawner.spawn_detached("settle", async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            seen.store(true, Ordering::SeqCst);
        });
    });

    assert!(supervisor.drain(Duration::from_secs(5)).await.is_clean());

    assert!(settled.load(Ordering::SeqCst));
}

#[tokio::test]
async fn cancelling_a_handed_out_token_stops_only_its_holder() {
    let supervisor = Supervisor::new();
    supervisor.stopping().cancel();
    assert!(!supervisor.stopping().is_cancelled());
}
