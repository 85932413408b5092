//! Groups of events that Postgres writes one beside the other.

use std::time::Duration;

use kaleem_proto::billing::v1::record_usage_response::{Outcome, Result as Item};
use kaleem_rpc::{Code, Fault};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, Sql},
    harness::{Client, Service, event, record, reserved},
};

/// How long a state of the server may take to come about.
const LIMIT: Duration = Duration::from_secs(30);
/// What sessions of the service are at, by `pg_stat_activity`.
const COMMITTING: &str = "query LIKE 'INSERT INTO chain_head %' AND wait_event_type = 'Lock'";
const WRITTEN: &str = "query LIKE 'INSERT INTO ledger %' AND state = 'idle in transaction'";
const ALONE: &str = "query LIKE '%pg_advisory_xact_lock%' AND wait_event_type = 'Lock'";
const OWNING: &str = "query LIKE '%chain_head AS h %' AND state = 'idle in transaction'";

type Outcomes = Result<Vec<Outcome>, Fault>;

async fn outcomes(mut client: Client, requests: &[&str]) -> Outcomes {
    let events = requests.iter().map(|request| event(request)).collect();
    Ok(record(&mut client, events).await?.iter().map(Item::outcome).collect())
}

/// Two groups beside each other: `a` and `b`, kept from committing, and what was sent after them.
struct Groups {
    service: Service,
    /// Keeps the first group from committing.
    barrier: Sql,
    watch: Sql,
    first: JoinSet<Outcomes>,
    second: JoinSet<Outcomes>,
}

impl Groups {
    async fn start(second: &'static [&'static str]) -> Self {
        let mut service = Service::start_with(&Backend::postgres(), |config| config.commit_events = 1).await;
        // A process looks for the events of its first recording, and so it is alone.
        service.record_one(event("before")).await;
        let (mut barrier, watch) = (service.sql().await, service.sql().await);
        barrier.run("BEGIN; LOCK TABLE chain_head IN SHARE MODE").await.unwrap();
        let mut groups = Self { service, barrier, watch, first: JoinSet::new(), second: JoinSet::new() };
        groups.first.spawn(outcomes(groups.service.client.clone(), &["a", "b"]));
        groups.until(COMMITTING).await;
        groups.second.spawn(outcomes(groups.service.client.clone(), second));
        groups
    }

    /// Waits until a session is at that.
    async fn until(&mut self, what: &str) {
        let sql =
            format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {what}");
        let seen = async { while self.watch.number(&sql).await == 0 {} };
        tokio::time::timeout(LIMIT, seen).await.unwrap();
    }

    /// Ends the sessions that are at that.
    async fn terminate(&mut self, what: &str) {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND {what}"
        );
        assert_eq!(self.watch.number(&sql).await, 1, "{what}");
    }

    /// Lets both groups commit, and says what became of them.
    async fn finish(mut self) -> (Service, Outcomes, Outcomes) {
        self.barrier.run("COMMIT").await.unwrap();
        let first = self.first.join_next().await.unwrap().unwrap();
        let second = self.second.join_next().await.unwrap().unwrap();
        (self.service, first, second)
    }
}

async fn assert_whole(service: &mut Service, events: i64) {
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.faults), (events, vec![]));
}

#[tokio::test]
async fn a_group_is_written_while_the_one_before_it_commits() {
    let mut groups = Groups::start(&["c"]).await;
    groups.until(WRITTEN).await;
    let (mut service, first, second) = groups.finish().await;
    assert_eq!(first.unwrap(), [Outcome::Recorded; 2]);
    assert_eq!(second.unwrap(), [Outcome::Recorded]);
    assert_whole(&mut service, 4).await;
}

#[tokio::test]
async fn a_group_after_one_that_was_lost_is_recorded_alone() {
    let mut groups = Groups::start(&["c"]).await;
    groups.until(WRITTEN).await;
    groups.terminate(COMMITTING).await;
    let (mut service, first, second) = groups.finish().await;
    assert_eq!(first.unwrap_err().code, Code::Unavailable);
    assert_eq!(second.unwrap(), [Outcome::Recorded]);
    assert_whole(&mut service, 2).await;
    let again = outcomes(service.client.clone(), &["a", "b", "c"]).await.unwrap();
    assert_eq!(again, [Outcome::Recorded, Outcome::Recorded, Outcome::Duplicate]);
    assert_whole(&mut service, 4).await;
}

#[tokio::test]
async fn an_event_of_the_group_before_is_known() {
    let mut groups = Groups::start(&["c", "b"]).await;
    groups.until(ALONE).await;
    let (mut service, first, second) = groups.finish().await;
    assert_eq!(first.unwrap(), [Outcome::Recorded; 2]);
    assert_eq!(second.unwrap(), [Outcome::Recorded, Outcome::Duplicate]);
    assert_whole(&mut service, 4).await;
}

#[tokio::test]
async fn a_run_that_loses_its_owner_ends_well() {
    let mut groups = Groups::start(&["c"]).await;
    groups.until(WRITTEN).await;
    groups.terminate(OWNING).await;
    let (mut service, first, second) = groups.finish().await;
    assert_eq!(first.unwrap(), [Outcome::Recorded; 2]);
    assert_eq!(second.unwrap(), [Outcome::Recorded]);
    assert_eq!(service.record_one(event("d")).await.outcome(), Outcome::Recorded);
    assert_whole(&mut service, 5).await;
}

#[tokio::test]
async fn callers_of_two_services_whose_sessions_die_record_each_event_once() {
    const CALLERS: usize = 4;
    const CALLS: usize = 30;
    let mut service = Service::start_with(&Backend::postgres(), |config| config.commit_events = 8).await;
    let beside = service.beside().await;
    let mut callers = JoinSet::new();
    for caller in 0..2 * CALLERS {
        let client = if caller % 2 == 0 { service.client.clone() } else { beside.client.clone() };
        callers.spawn(async move {
            for call in 0..CALLS {
                record_at_last(client.clone(), caller, call).await;
            }
        });
    }
    let mut sql = service.sql().await;
    let writing = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                   WHERE datname = current_database() AND query ~ '^(INSERT|COMMIT|BEGIN)' AND pid <> pg_backend_pid()
                   ORDER BY random() LIMIT 1) AS one";
    let mut killed = 0;
    while !callers.is_empty() {
        tokio::select! {
            ended = callers.join_next() => ended.into_iter().for_each(|ended| ended.unwrap()),
            () = tokio::time::sleep(Duration::from_millis(20)) => killed += sql.number(writing).await,
        }
    }
    assert!(killed > 0);
    assert_whole(&mut service, i64::try_from(2 * CALLERS * CALLS * 20).unwrap()).await;
}

/// Records 20 events of three shops, again and again until it is told that they are there.
async fn record_at_last(mut client: Client, caller: usize, call: usize) {
    let of = |index: usize| {
        reserved(event(&format!("r-{caller}-{call}-{index}")), |reservation| {
            reservation.merchant_id = format!("shop-{}", index % 3);
        })
    };
    loop {
        match record(&mut client, (0..20).map(of).collect()).await {
            Ok(results) => {
                let is_there = |item: &Item| matches!(item.outcome(), Outcome::Recorded | Outcome::Duplicate);
                return assert!(results.iter().all(is_there), "{results:?}");
            }
            Err(fault) => assert_eq!(fault.code, Code::Unavailable, "{fault:?}"),
        }
    }
}
