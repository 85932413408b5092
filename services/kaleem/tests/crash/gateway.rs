//! Rows 1 to 9 and 24 of the crash matrix: the gateway dies, under a stream of questions.

use kaleem_proto::billing::v1::UsageStatus;
use kaleem_testkit::{Gate, openai_upstream::Reply};

use crate::{
    audit::{Charge, told},
    caller::{Answered, CALLERS, Caller, Heard, QUESTIONS, new_id},
    child::PATIENCE,
    mesh::{Mesh, Reconcile},
};

/// What becomes of a gateway that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It starts again on its journal.
    Returns,
    /// Its machine is gone with its disk, and another gateway takes its place.
    IsGone,
}

/// What is left of the attempts that died with it, once everything is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing: no provider had them.
    Nothing,
    /// For the provider's bill to confirm: cost in suspense, nothing to pay.
    Unconfirmed,
    /// All of it, although its caller was cut off.
    Whole,
    /// All of it, and its caller knows.
    Told,
}

/// One way of the gateway to die.
struct Case {
    point: &'static str,
    then: Then,
    left: Left,
    reconcile: Reconcile,
}

impl Case {
    async fn run(self) {
        let mesh = Mesh::start(self.reconcile, "", "").await;
        let gateway = mesh.gateway("gateway-1", self.point).await;
        let caller = mesh.caller();
        let (callers, questions) = self.asked();
        let (mut heard, died) = tokio::join!(caller.stream(callers, questions), gateway.died());
        assert!(self.left == Left::Told || !heard.unanswered.is_empty(), "somebody was cut off");
        let name = if self.then == Then::Returns { "gateway-1" } else { "gateway-2" };
        let gateway = mesh.gateway(name, "").await;
        // Those who were cut off ask again; others come.
        for id in std::mem::take(&mut heard.unanswered) {
            heard.answered.extend(self.asked_again(&caller, &id).await);
        }
        heard.answered.push(caller.insist().await);
        mesh.freed(died).await;
        assert!(gateway.stop().await.success(), "a gateway in order tells everything before it ends");
        self.check(&mesh, &heard).await;
        mesh.end().await;
    }

    /// How many ask how many questions each. Without reconciliation no other hold may be left without an intent: nobody asks beside
    /// the call that dies, and nobody after a call that was told, whose recorder dies beside whatever comes next.
    fn asked(&self) -> (usize, usize) {
        match (self.reconcile, self.left) {
            (Reconcile::On, _) => (CALLERS, QUESTIONS),
            (Reconcile::Off, Left::Told) => (1, 1),
            (Reconcile::Off, _) => (1, QUESTIONS),
        }
    }

    /// A question that was cut off is asked again under its own id where no provider had it, else as a new one.
    async fn asked_again(&self, caller: &Caller, id: &str) -> Option<Answered> {
        if self.left != Left::Nothing {
            return Some(caller.insist().await);
        }
        match caller.ask(id).await {
            Ok(answered) => Some(answered),
            Err(fault) => {
                // Another caller's question may have been further when the process died.
                assert_eq!(fault.reason, "REQUEST_ID_REUSED", "{fault}");
                None
            }
        }
    }

    async fn check(&self, mesh: &Mesh, heard: &Heard) {
        let dispatched = mesh.worker.received().count();
        if self.then == Then::IsGone {
            // What only the lost journal knew cannot be charged; whatever was, is charged once, and quota agrees with it.
            let charges = mesh.settled(1).await;
            assert!(charges.len() <= dispatched + CALLERS, "{} charges of {dispatched} calls", charges.len());
            return;
        }
        let charges = mesh.settled(dispatched).await;
        let untold = told(&heard.answered, &charges);
        assert!(charges.len() <= dispatched + CALLERS, "{} charges of {dispatched} calls", charges.len());
        assert!(untold.len() <= CALLERS, "{untold:?}");
        assert!(untold.is_empty() || untold.iter().any(|charge| self.expects(charge)), "{untold:?}");
        assert!(
            !untold.is_empty() || matches!(self.left, Left::Nothing | Left::Told),
            "who was cut off is charged"
        );
    }

    /// Whether `charge` is what is left of the attempt that died at the point; others died at other places.
    fn expects(&self, charge: &Charge) -> bool {
        match self.left {
            Left::Nothing | Left::Told => true,
            Left::Unconfirmed => {
                charge.status == UsageStatus::Unconfirmed && charge.sell_pico == 0 && charge.tokens > 0
            }
            Left::Whole => charge.status == UsageStatus::Ok && charge.sell_pico > 0,
        }
    }
}

macro_rules! rows {
    ($($name:ident: $point:literal, $then:ident, $left:ident, $reconcile:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (then, left, reconcile) = (Then::$then, Left::$left, Reconcile::$reconcile);
            Case { point: $point, then, left, reconcile }.run().await;
        }
    )+};
}

// Reconciliation is on only where the row says that it heals: elsewhere gateways alone must bring quota to the ledger's figures.
rows! {
    row_01_before_reserve_and_returns: "gateway::reserve::before=die@5", Returns, Nothing, On;
    row_01_before_reserve_and_is_gone: "gateway::reserve::before=die@5", IsGone, Nothing, On;
    row_02_after_reserve_and_returns: "gateway::intent::before=die@5", Returns, Nothing, On;
    row_02_after_reserve_and_is_gone: "gateway::intent::before=die@5", IsGone, Nothing, On;
    row_03_reserve_reply_lost_and_returns: "gateway::reserve::after=die@5", Returns, Nothing, On;
    row_03_reserve_reply_lost_and_is_gone: "gateway::reserve::after=die@5", IsGone, Nothing, On;
    row_04_intent_written_and_returns: "gateway::intent::after=die@5", Returns, Unconfirmed, Off;
    row_04_intent_written_and_is_gone: "gateway::intent::after=die@5", IsGone, Unconfirmed, On;
    row_04_dispatched_and_returns: "gateway::dispatch::after=die@5", Returns, Unconfirmed, Off;
    row_04_dispatched_and_is_gone: "gateway::dispatch::after=die@5", IsGone, Unconfirmed, On;
    row_05_text_not_journalled_and_returns: "gateway::stream::text=die@5", Returns, Unconfirmed, Off;
    row_05_text_not_journalled_and_is_gone: "gateway::stream::text=die@5", IsGone, Unconfirmed, On;
    row_06_before_outcome_and_returns: "gateway::outcome::before=die@5", Returns, Unconfirmed, Off;
    row_06_before_outcome_and_is_gone: "gateway::outcome::before=die@5", IsGone, Unconfirmed, On;
    row_07_after_outcome_and_returns: "gateway::outcome::after=die@5", Returns, Whole, Off;
    row_07_after_outcome_and_is_gone: "gateway::outcome::after=die@5", IsGone, Whole, On;
    row_08_settled_not_recorded_and_returns: "gateway::settle::after=die@5", Returns, Whole, Off;
    row_08_settled_not_recorded_and_is_gone: "gateway::settle::after=die@5", IsGone, Whole, On;
    row_08_about_to_record_and_returns: "gateway::record::before=die", Returns, Told, Off;
    row_08_about_to_record_and_is_gone: "gateway::record::before=die", IsGone, Told, On;
    row_11_recorded_not_acknowledged_and_returns: "gateway::record::after=die", Returns, Told, Off;
    row_11_recorded_not_acknowledged_and_is_gone: "gateway::record::after=die", IsGone, Told, On;
}

/// A question whose answer begins and then waits, until the gateway dies of `point`.
async fn dies_mid_stream(mesh: &Mesh, point: &str) -> std::time::Instant {
    let gateway = mesh.gateway("gateway-1", point).await;
    let gate = Gate::new();
    mesh.worker.push(Reply::text(["نعم", " نشحن", " إلى جدة"]).wait(&gate).then_text([" غدا"]));
    let (caller, id) = (mesh.caller(), new_id());
    let (asked, died) = tokio::join!(caller.ask(&id), gateway.died());
    assert!(asked.is_err(), "the answer was cut");
    died
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_05_progress_journalled_and_returns() {
    let mesh = Mesh::start(Reconcile::Off, "", "").await;
    let died = dies_mid_stream(&mesh, "gateway::progress::after=die").await;
    let gateway = mesh.gateway("gateway-1", "").await;
    mesh.freed(died).await;
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(1).await;
    assert_eq!((charges.len(), charges[0].status), (1, UsageStatus::Partial));
    assert!(charges[0].output > 0 && charges[0].sell_pico > 0, "{charges:?}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_05_progress_journalled_and_is_gone() {
    let mesh = Mesh::start(Reconcile::On, "", "").await;
    let died = dies_mid_stream(&mesh, "gateway::progress::after=die").await;
    mesh.freed(died).await;
    // Quota posts what it knows for a while, and then what the ledger says: nothing.
    assert_eq!(mesh.settled(0).await.len(), 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_24_a_full_disk_refuses_before_dispatch() {
    let mesh = Mesh::start(Reconcile::Off, "", "").await;
    // Three questions write an intent and an outcome each; then nothing can be written for a while.
    let gateway = mesh.gateway("gateway-1", "gateway::journal::write=6*off->4*return->off").await;
    let caller = mesh.caller();
    let mut answered = vec![caller.insist().await, caller.insist().await, caller.insist().await];
    for _ in 0..4 {
        let refused = caller.ask(&new_id()).await.unwrap_err();
        assert_eq!(refused.reason, "STORE_UNAVAILABLE", "{refused}");
    }
    assert_eq!(mesh.worker.received().count(), 3, "nothing was dispatched without its intent");
    answered.push(caller.ask(&new_id()).await.expect("freed space is noticed"));
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(4).await;
    assert!(told(&answered, &charges).is_empty());
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_24_a_disk_that_cannot_be_synced_refuses_before_dispatch() {
    let mesh = Mesh::start(Reconcile::Off, "", "").await;
    let gateway = mesh.gateway("gateway-1", "gateway::journal::sync=20*return->off").await;
    let caller = mesh.caller();
    let mut answered = vec![caller.insist().await];
    // What is written is synced a moment later.
    let refused = tokio::time::timeout(PATIENCE, async {
        loop {
            match caller.ask(&new_id()).await {
                Ok(more) => answered.push(more),
                Err(refused) => return refused,
            }
        }
    });
    assert_eq!(refused.await.expect("the failure is noticed").reason, "STORE_UNAVAILABLE");
    assert_eq!(
        mesh.worker.received().count(),
        answered.len(),
        "nothing was dispatched that may be forgotten"
    );
    answered.push(caller.insist().await);
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(answered.len()).await;
    assert_eq!((charges.len(), told(&answered, &charges).len()), (answered.len(), 0));
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_24_a_disk_that_fills_up_after_dispatch_cuts_no_answer() {
    let mesh = Mesh::start(Reconcile::Off, "", "").await;
    let gateway = mesh.gateway("gateway-1", "gateway::journal::write=5*off->4*return->off").await;
    let caller = mesh.caller();
    let mut answered = vec![caller.insist().await, caller.insist().await];
    answered.push(
        caller.ask(&new_id()).await.expect("its outcome cannot be written, and it is answered and charged"),
    );
    for _ in 0..3 {
        assert_eq!(caller.ask(&new_id()).await.unwrap_err().reason, "STORE_UNAVAILABLE");
    }
    assert_eq!(mesh.worker.received().count(), 3);
    answered.push(caller.ask(&new_id()).await.expect("freed space is noticed"));
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(4).await;
    assert!(told(&answered, &charges).is_empty());
    mesh.end().await;
}
