//! The power fails: what was not synced is gone or torn. An answer is safe once the gateway's journal was synced behind it, at most a
//! few milliseconds later; whatever is left, the books are exact.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use kaleem_proto::billing::v1::UsageStatus;
use kaleem_testkit::power::{Log, Unsynced};
use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    audit::{Charge, told},
    caller::{Answered, new_id},
    child::PATIENCE,
    mesh::{Mesh, Reconcile},
};

const CALLERS: usize = 3;
const QUESTIONS: usize = 8;
/// Moments at which the power fails, besides the last one, each with what is unsynced lost and torn.
const MOMENTS: u64 = 4;

/// An answer, and how far the recording had come when its caller had it.
struct Heard {
    answer: Answered,
    position: u64,
}

fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

/// Asks from several callers at once, then takes the power away once the journal was synced behind an answer.
async fn recorded() -> (Mesh, Vec<Heard>, Log) {
    let mesh = Mesh::start_recorded(Reconcile::On).await;
    let gateway = mesh.gateway("gateway-1", "").await;
    let (caller, shared) = (mesh.caller(), Arc::new(Mutex::new((mesh, Vec::new()))));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (caller, shared) = (caller.clone(), Arc::clone(&shared));
        callers.spawn(async move {
            for _ in 0..QUESTIONS {
                let answer = caller.ask(&new_id()).await.expect("nothing is wrong yet");
                let (mesh, heard) = &mut *shared.lock().await;
                heard.push(Heard { answer, position: mesh.position() });
            }
        });
    }
    callers.join_all().await;
    let (mut mesh, heard) = Arc::into_inner(shared).unwrap().into_inner();
    let first = heard.iter().map(|heard| heard.position).min().unwrap();
    let synced = async {
        while mesh.recording().last_sync(u64::MAX, is_journal).is_none_or(|synced| synced < first) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, synced).await.expect("the journal is synced");
    let log = mesh.power_fails(gateway);
    (mesh, heard, log)
}

/// Starts again on what is on the disks; the ledger once everything that is left was told.
async fn charges_after_restart(mesh: &mut Mesh) -> Vec<Charge> {
    mesh.respawn_billing("").await;
    mesh.respawn_quota("").await;
    let gateway = mesh.gateway("gateway-1", "").await;
    let answered = mesh.caller().insist().await;
    mesh.freed(Instant::now()).await;
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(1).await;
    assert_eq!(told(std::slice::from_ref(&answered), &charges).len(), charges.len() - 1);
    [mesh.quota.take(), mesh.billing.take()].into_iter().flatten().for_each(|process| {
        process.kill();
    });
    charges
}

/// The answers whose charge the ledger does not have as their callers were told.
fn lost<'a>(heard: &'a [Heard], charges: &[Charge]) -> Vec<&'a Heard> {
    let is_charged = |answer: &Answered| {
        let is_it = |charge: &&Charge| charge.request_id == answer.request_id;
        let charge = charges.iter().find(is_it).filter(|charge| charge.status == UsageStatus::Ok);
        // What is left of an outcome is the whole outcome.
        charge.inspect(|charge| assert_eq!(charge.sell_pico, answer.cost_pico)).is_some()
    };
    heard.iter().filter(|heard| !is_charged(&heard.answer)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_power_fails_and_no_answer_that_was_synced_is_lost() {
    let (mut mesh, heard, log) = recorded().await;
    let first = heard.iter().map(|heard| heard.position).min().unwrap();
    let moments = (1..=MOMENTS).map(|moment| first + (log.end() - first) * moment / MOMENTS);
    let mut lost_unsynced = 0;
    for (case, position) in moments.enumerate() {
        let unsynced = if case % 2 == 0 { Unsynced::Lost } else { Unsynced::Torn(position) };
        log.disk_at(position, unsynced).restore();
        let charges = charges_after_restart(&mut mesh).await;
        let synced = log.last_sync(position, is_journal).unwrap_or_default();
        let lost = lost(&heard, &charges);
        let (safe, told): (Vec<&Heard>, Vec<&Heard>) = lost
            .into_iter()
            .filter(|lost| lost.position <= position)
            .partition(|lost| lost.position <= synced);
        assert!(
            safe.is_empty(),
            "{} answers whose outcomes were synced are not charged, {unsynced:?}",
            safe.len()
        );
        lost_unsynced += told.len();
    }
    println!("{MOMENTS} power failures, {} answers: 0 lost once synced, {lost_unsynced} before", heard.len());
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_lies_about_syncs_is_noticed() {
    let (mut mesh, heard, log) = recorded().await;
    // The control of the test above: it must be able to see a loss.
    let deaf = log.without_syncs(|path| is_journal(path) || path.to_string_lossy().contains("/billing/"));
    deaf.disk_at(log.end(), Unsynced::Lost).restore();
    let charges = charges_after_restart(&mut mesh).await;
    let synced = log.last_sync(log.end(), is_journal).unwrap();
    assert!(lost(&heard, &charges).iter().any(|lost| lost.position <= synced));
    mesh.end().await;
}
