//! Rows 9, 12, 13 and 19 of the crash matrix: quota dies, under a stream of questions.

use kaleem_testkit::{Gate, openai_upstream::Reply};

use crate::{
    audit::told,
    caller::{CALLERS, QUESTIONS, new_id},
    mesh::{Mesh, Reconcile},
};

/// Quota dies of `point` under questions and starts again; gateways tell again what it did not hear, and what it forgot without
/// anybody's notice is healed from the ledger.
async fn quota_dies_and_returns(point: &str) {
    let mut mesh = Mesh::start(Reconcile::On, point, "").await;
    let gateway = mesh.gateway("gateway-1", "").await;
    let (caller, quota) = (mesh.caller(), mesh.quota.take().unwrap());
    let (mut heard, _) = tokio::join!(caller.stream(CALLERS, QUESTIONS), quota.died());
    mesh.respawn_quota("").await;
    for id in std::mem::take(&mut heard.unanswered) {
        match caller.ask(&id).await {
            Ok(answered) => heard.answered.push(answered),
            // It was held, or it had ended, when quota died.
            Err(fault) => assert_eq!(fault.reason, "REQUEST_ID_REUSED", "{fault}"),
        }
    }
    heard.answered.push(caller.insist().await);
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(mesh.worker.received().count()).await;
    assert!(told(&heard.answered, &charges).is_empty(), "each call that reached a provider was answered");
    mesh.end().await;
}

macro_rules! rows {
    ($($name:ident: $point:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            quota_dies_and_returns($point).await;
        }
    )+};
}

rows! {
    row_09_before_settle: "quota::settle::before=die@4";
    row_13_reserve_applied_not_committed: "quota::reserve::applied=die@4";
    row_13_settle_applied_not_committed: "quota::settle::applied=die@4";
    row_13_before_a_commit: "quota::commit::before=die@3";
    row_13_after_a_commit: "quota::commit::after=die@3";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_09_recorded_and_the_gateway_that_could_settle_is_gone() {
    let mut mesh = Mesh::start(Reconcile::On, "quota::settle::before=die", "").await;
    let gateway = mesh.gateway("gateway-1", "").await;
    let (caller, quota) = (mesh.caller(), mesh.quota.take().unwrap());
    let (answered, _) = tokio::join!(caller.insist(), quota.died());
    while mesh.charges().await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let died = gateway.kill();
    mesh.respawn_quota("").await;
    mesh.freed(died).await;
    let charges = mesh.settled(1).await;
    assert!(told(&[answered], &charges).is_empty());
    mesh.end().await;
}

/// Leaves a hold whose gateway is gone for good, so that something expires and is healed.
async fn leave_a_hold(mesh: &Mesh) -> std::time::Instant {
    let gateway = mesh.gateway("gateway-1", "").await;
    mesh.worker.push(Reply::text(["نعم"]).wait(&Gate::new()));
    let (caller, id) = (mesh.caller(), new_id());
    let asking = caller.ask(&id);
    let killed = async {
        mesh.worker.received().nth(0).await;
        gateway.kill()
    };
    let (asked, died) = tokio::join!(asking, killed);
    assert!(asked.is_err());
    died
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_12_dies_while_it_heals_from_the_ledger() {
    let mut mesh = Mesh::start(Reconcile::On, "quota::reconcile::healed=die", "").await;
    leave_a_hold(&mesh).await;
    mesh.quota.take().unwrap().died().await;
    mesh.respawn_quota("").await;
    assert_eq!(mesh.settled(0).await.len(), 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_19_the_sweeper_never_works() {
    let mesh = Mesh::start(Reconcile::On, "quota::sweep::before=return", "").await;
    let died = leave_a_hold(&mesh).await;
    mesh.freed(died).await;
    assert_eq!(mesh.settled(0).await.len(), 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_19_dies_while_it_sweeps() {
    let mut mesh = Mesh::start(Reconcile::On, "quota::sweep::applied=die", "").await;
    let died = leave_a_hold(&mesh).await;
    mesh.quota.take().unwrap().died().await;
    mesh.respawn_quota("").await;
    mesh.freed(died).await;
    assert_eq!(mesh.settled(0).await.len(), 0);
    mesh.end().await;
}
