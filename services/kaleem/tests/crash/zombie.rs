//! Row 22 of the crash matrix: a gateway that stands still until its holds have run out, and then goes on.

use kaleem_proto::{
    billing::v1::ListUsageEventsRequest,
    quota::v1::{ReservationState, SettleRequest},
};
use kaleem_testkit::{Gate, openai_upstream::Reply};

use crate::{
    audit::{Sums, told},
    caller::new_id,
    mesh::{HOLD_TTL, MERCHANT, Mesh, Reconcile},
};

/// An answer is streaming when its gateway stops; it ends after the hold did.
async fn stands_still(reconcile: Reconcile) {
    let mesh = Mesh::start(reconcile, "", "").await;
    let gateway = mesh.gateway("gateway-1", "").await;
    let gate = Gate::new();
    mesh.worker.push(Reply::text(["نعم"]).wait(&gate).then_text([" نشحن"]));
    let (caller, id) = (mesh.caller(), new_id());
    let asking = caller.ask(&id);
    let frozen = async {
        gate.arrived(1).await;
        gateway.signal("STOP");
        mesh.freed(std::time::Instant::now()).await;
        if reconcile == Reconcile::On {
            // The ledger knows nothing of it, so the charge of the expired hold goes.
            while mesh.posted().await.0 != Sums::default() {
                tokio::time::sleep(HOLD_TTL / 100).await;
            }
        } else {
            assert_eq!(mesh.posted().await.0.requests, 1, "an expired hold counts until the truth is known");
        }
        gateway.signal("CONT");
        gate.open();
    };
    let (answered, ()) = tokio::join!(asking, frozen);
    let answered = answered.expect("the caller waited");
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(1).await;
    assert!(told(&[answered], &charges).is_empty());
    assert_eq!(how_it_ended(&mesh).await, ReservationState::LateSettled);
    mesh.end().await;
}

/// Settles the only charge again with the same figures, which changes nothing and says how it ended.
async fn how_it_ended(mesh: &Mesh) -> ReservationState {
    let request = ListUsageEventsRequest { merchant_id: MERCHANT.into(), ..Default::default() };
    let page = mesh.billing_client().list_usage_events(request).await.unwrap().into_inner();
    let event = page.events[0].event.clone().unwrap();
    let again = SettleRequest {
        reservation: event.reservation,
        usage: event.usage,
        cost_nano_usd: page.events[0].sell_pico_usd / 1_000,
        ..SettleRequest::default()
    };
    mesh.quota_client().settle(again).await.unwrap().into_inner().state()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_22_settles_late_over_an_expired_hold() {
    stands_still(Reconcile::Off).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_22_settles_late_over_a_hold_whose_charge_was_taken_out() {
    stands_still(Reconcile::On).await;
}
