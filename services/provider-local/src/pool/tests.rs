//! Which worker is picked, and what is said when none can be.

use std::time::Duration;

use kaleem_testkit::ManualClock;

use super::*;
use crate::config::Config;
use crate::worker::{Connector, HttpWorker, Probe, ServedModel};

fn pool(workers: &str) -> Pool {
    let config: Config = serde_json::from_str(&format!(r#"{{"workers":{workers}}}"#)).unwrap();
    let connector = Connector::new(config.timeouts.connect.get(), kaleem_runtime::Supervisor::new()).unwrap();
    let changes = watch::Sender::new(0);
    let member = |settings: &crate::config::WorkerConfig| {
        let address = settings.address().unwrap();
        let worker = HttpWorker::new(settings, address, connector.clone(), &config.timeouts, None).unwrap();
        Arc::new(Member::http(worker, settings, changes.clone()))
    };
    Pool::new(config.workers.iter().map(member).collect(), changes.clone())
}

const TWO: &str = r#"[{"name":"a","base_url":"http://a","max_in_flight":2},{"name":"b","base_url":"http://b","max_in_flight":4}]"#;

fn see(pool: &Pool, worker: usize, models: &[&str]) {
    let models = models.iter().map(|id| ServedModel { id: (*id).to_owned(), context: Some(64) }).collect();
    pool.members()[worker].observe(Probe::Serving(models), &ManualClock::default());
}

async fn lease(pool: &Pool, model: &str) -> Result<Lease, CallError> {
    pool.lease(model, &[], Instant::now() + Duration::from_secs(5)).await
}

#[tokio::test(start_paused = true)]
async fn the_least_loaded_share_of_the_window_wins() {
    let pool = pool(TWO);
    see(&pool, 0, &["m"]);
    see(&pool, 1, &["m"]);
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(lease(&pool, "m").await.unwrap());
    }
    let by = |name: &str| held.iter().filter(|lease| lease.member().name() == name).count();
    assert_eq!((by("a"), by("b")), (2, 4), "both windows are full");
    assert_eq!(lease(&pool, "m").await.err(), Some(CallError::Overloaded { model: "m".into() }));
    held.pop();
    assert!(lease(&pool, "m").await.is_ok(), "a dropped lease is free at once");
}

#[tokio::test(start_paused = true)]
async fn a_tried_worker_and_one_in_trouble_come_last() {
    let pool = pool(TWO);
    see(&pool, 0, &["m"]);
    see(&pool, 1, &["m"]);
    pool.members()[1].note_failure(&CallError::Unavailable { worker: "b".into(), detail: "x".into() });
    for _ in 0..2 {
        assert_eq!(lease(&pool, "m").await.unwrap().member().name(), "a");
    }
    let other = pool.lease("m", &["a".to_owned()], Instant::now()).await.unwrap();
    assert_eq!(other.member().name(), "b", "in trouble is better than none");
    pool.members()[1].note_success();
    assert_eq!(pool.members()[1].state(), WorkerState::Ready);
}

#[tokio::test(start_paused = true)]
async fn unknown_not_ready_and_not_seen_are_told_apart() {
    let pool = pool(TWO);
    see(&pool, 0, &["m"]);
    let error = lease(&pool, "x").await.err().unwrap();
    assert!(matches!(error, CallError::NoneReady { .. }), "b may serve it, nobody knows: {error}");
    see(&pool, 1, &["n"]);
    assert_eq!(
        lease(&pool, "x").await.err(),
        Some(CallError::ModelNotFound { model: "x".into(), known: "m, n".into() })
    );
    pool.members()[1].observe(Probe::Asleep, &ManualClock::default());
    let error = lease(&pool, "n").await.err().unwrap().to_string();
    assert!(error.contains("b is sleeping"), "{error}");
    pool.members()[0].note_failure(&CallError::ModelGone { worker: "a".into(), model: "m".into() });
    assert!(matches!(lease(&pool, "m").await, Err(CallError::ModelNotFound { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_the_first_look() {
    let pool = Arc::new(pool(TWO));
    let mut waiting = Box::pin(lease(&pool, "m"));
    assert!(futures::poll!(&mut waiting).is_pending());
    see(&pool, 1, &["m"]);
    assert_eq!(waiting.await.unwrap().member().name(), "b");
}

#[tokio::test(start_paused = true)]
async fn configured_models_are_known_before_the_first_look_and_bound_what_is_served() {
    let pool = pool(r#"[{"name":"a","base_url":"http://a","models":["m"]}]"#);
    assert_eq!(pool.models(), ["m"]);
    assert!(matches!(lease(&pool, "x").await, Err(CallError::ModelNotFound { .. })));
    see(&pool, 0, &["m", "n"]);
    assert_eq!(pool.models(), ["m"]);
    see(&pool, 0, &["n"]);
    assert!(pool.models().is_empty());
}
