//! Rows 10, 11, 20 and 21 of the crash matrix: billing dies.

use std::time::Duration;

use kaleem_proto::{
    billing::v1::{
        CloseStatementRequest, GetStatementRequest, PostPaymentRequest, RecordUsageRequest,
        TailLedgerRequest, UsageEvent, UsageStatus, VerifyLedgerRequest,
        billing_service_client::BillingServiceClient,
    },
    chat::v1::{TokenUsage, UsageSource},
    quota::v1::Reservation,
};
use kaleem_rpc::Transport;
use prost_types::Timestamp;

use crate::{
    audit::told,
    caller::{CALLERS, QUESTIONS, new_id},
    child::PATIENCE,
    mesh::{MERCHANT, Mesh, Reconcile},
};

/// Billing dies of `point` under questions; callers do not notice, and the gateway tells again. Where it `stays_away`, the gateway
/// ends first and tells from its journal at its next start.
async fn billing_dies(point: &str, stays_away: bool) {
    let mut mesh = Mesh::start(Reconcile::Off, "", point).await;
    let mut gateway = mesh.gateway("gateway-1", "").await;
    let (caller, billing) = (mesh.caller(), mesh.billing.take().unwrap());
    let (mut heard, _) = tokio::join!(caller.stream(CALLERS, QUESTIONS), billing.died());
    assert!(heard.unanswered.is_empty(), "billing's death is no caller's affair");
    if stays_away {
        gateway.kill();
        mesh.respawn_billing("").await;
        gateway = mesh.gateway("gateway-1", "").await;
    } else {
        mesh.respawn_billing("").await;
    }
    heard.answered.push(caller.insist().await);
    let dispatched = mesh.worker.received().count();
    let charges = mesh.settled(dispatched).await;
    assert!(gateway.stop().await.success());
    assert_eq!(charges.len(), dispatched);
    assert!(told(&heard.answered, &charges).is_empty());
    mesh.end().await;
}

macro_rules! rows {
    ($($name:ident: $point:literal, $stays_away:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            billing_dies($point, $stays_away).await;
        }
    )+};
}

rows! {
    row_10_before_the_transaction: "billing::record::before=die@2", false;
    row_10_inside_the_transaction: "billing::record::inside=die@2", false;
    row_10_inside_and_away_until_the_gateway_returns: "billing::record::inside=die@2", true;
    row_11_after_the_commit: "billing::record::committed=die@2", false;
    row_11_after_the_commit_and_away_until_the_gateway_returns: "billing::record::committed=die@2", true;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn billing_that_stays_away_ends_admission_until_it_is_back() {
    let mut mesh = Mesh::start(Reconcile::Off, "", "").await;
    let gateway = mesh.impatient_gateway("gateway-1", Duration::from_secs(1)).await;
    let caller = mesh.caller();
    let mut heard = vec![caller.insist().await];
    mesh.billing.take().unwrap().kill();
    let asking = async {
        loop {
            match caller.ask(&new_id()).await {
                Ok(answered) => heard.push(answered),
                Err(fault) => return fault,
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, asking).await.expect("a refusal");
    assert_eq!((refused.reason.as_str(), refused.domain.as_str()), ("STORE_UNAVAILABLE", "gateway.kaleem"));
    mesh.respawn_billing("").await;
    heard.push(caller.insist().await);
    let dispatched = mesh.worker.received().count();
    let charges = mesh.settled(dispatched).await;
    assert!(gateway.stop().await.success());
    assert_eq!((charges.len(), heard.len()), (dispatched, dispatched));
    assert!(told(&heard, &charges).is_empty());
    mesh.end().await;
}

/// A month that is over.
const PERIOD: &str = "202603";

/// A call in the middle of that month.
fn past_call(number: i64) -> UsageEvent {
    let request_id = format!("past-{number}");
    let reservation = Reservation {
        event_id: format!("{PERIOD}/{request_id}/0"),
        request_id,
        merchant_id: MERCHANT.into(),
        admit_time: Some(Timestamp { seconds: 1_773_500_000, nanos: 0 }),
        day_window_id: "d20260314".into(),
        month_window_id: format!("M{PERIOD}"),
        price_version: "provider-local@2025-01-01".into(),
        epoch: 1,
        ..Reservation::default()
    };
    UsageEvent {
        reservation: Some(reservation),
        target: "provider-local".into(),
        model_requested: "auto".into(),
        model_served: "tiny-llama".into(),
        status: UsageStatus::Ok.into(),
        usage: Some(TokenUsage {
            input_fresh_count: 1_000 + number,
            output_text_count: 333 * number,
            source: UsageSource::Provider.into(),
            ..TokenUsage::default()
        }),
        ..UsageEvent::default()
    }
}

async fn verified(billing: &mut BillingServiceClient<Transport>) {
    let verdict = billing.verify_ledger(VerifyLedgerRequest {}).await.unwrap().into_inner();
    assert_eq!(verdict.faults, Vec::<String>::new());
}

fn close() -> CloseStatementRequest {
    CloseStatementRequest {
        merchant_id: MERCHANT.into(),
        period: PERIOD.into(),
        ..CloseStatementRequest::default()
    }
}

/// The job that closes a month dies of `point`; run again, it gives what a ledger gives that was never disturbed.
async fn closing_dies(point: &str) {
    let mut mesh = Mesh::start(Reconcile::Off, "", "").await;
    let mut billing = mesh.billing_client();
    let events = (1..=40).map(past_call).collect();
    billing.record_usage(RecordUsageRequest { events }).await.unwrap();
    assert!(mesh.billing.take().unwrap().stop().await.success());
    mesh.copy_billing_to("undisturbed");
    let undisturbed = mesh.billing_on("undisturbed").await;
    let expected = billing.close_statement(close()).await.unwrap().into_inner().statement.unwrap();
    undisturbed.kill();
    assert!(!expected.lines.is_empty());

    mesh.respawn_billing(point).await;
    let process = mesh.billing.take().unwrap();
    let (closing, _) = tokio::join!(billing.close_statement(close()), process.died());
    assert!(closing.is_err(), "the job was cut off");
    mesh.respawn_billing("").await;
    for _ in 0..2 {
        let again = billing.close_statement(close()).await.unwrap().into_inner().statement.unwrap();
        assert_eq!(prost::Message::encode_to_vec(&again), prost::Message::encode_to_vec(&expected));
    }
    let request = GetStatementRequest { merchant_id: MERCHANT.into(), period: PERIOD.into() };
    let read = billing.get_statement(request).await.unwrap().into_inner().statement.unwrap();
    assert_eq!(prost::Message::encode_to_vec(&read), prost::Message::encode_to_vec(&expected));
    verified(&mut billing).await;
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_20_closing_drawn_up() {
    closing_dies("billing::statement::drawn_up=die").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_20_closing_inside_the_transaction() {
    closing_dies("billing::statement::inside=die").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_20_closing_committed() {
    closing_dies("billing::statement::committed=die").await;
}

/// Entries of the payments account.
async fn cash(billing: &mut BillingServiceClient<Transport>) -> Vec<i64> {
    let request = TailLedgerRequest { from_sequence: 0 };
    let mut tail = billing.tail_ledger(request).await.unwrap().into_inner();
    let mut amounts = Vec::new();
    // A payment has two entries, and there is nothing else in this ledger.
    while amounts.len() < 2 {
        let entry = tail.message().await.unwrap().unwrap();
        amounts.push(entry.amount_pico_usd);
    }
    amounts
}

/// Billing dies of `point` while it takes a payment in; its notice comes again, twice.
async fn payment_dies(point: &str) {
    let mut mesh = Mesh::start(Reconcile::Off, "", point).await;
    let (mut billing, process) = (mesh.billing_client(), mesh.billing.take().unwrap());
    let payment = PostPaymentRequest {
        payment_id: "psp-evt-1".into(),
        merchant_id: MERCHANT.into(),
        amount_pico_usd: 25_000_000_000_000,
        ..PostPaymentRequest::default()
    };
    let mut first = billing.clone();
    let (posted, _) = tokio::join!(first.post_payment(payment.clone()), process.died());
    assert!(posted.is_err(), "the notice was not answered");
    mesh.respawn_billing("").await;
    let once = billing.post_payment(payment.clone()).await.unwrap().into_inner();
    let again = billing.post_payment(payment.clone()).await.unwrap().into_inner();
    assert_eq!(once, again);
    assert_eq!(cash(&mut billing).await, [25_000_000_000_000, -25_000_000_000_000]);
    let verdict = billing.verify_ledger(VerifyLedgerRequest {}).await.unwrap().into_inner();
    assert_eq!((verdict.faults.len(), verdict.entry_count), (0, 2), "one posting: {verdict:?}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_21_payment_inside_the_transaction() {
    payment_dies("billing::payment::inside=die").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_21_payment_committed() {
    payment_dies("billing::payment::committed=die").await;
}
