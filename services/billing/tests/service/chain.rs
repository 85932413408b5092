//! The chain finds what every other check lets through: rows that were changed, taken out, put in or swapped with care.

use kaleem_proto::billing::v1 as proto;

use crate::{
    backend::{Backend, on_both_stores},
    harness::{Service, event, reserved, statement_of},
};

/// Five events of `ward` and one of `hulm`, all with the same charge, and a payment between them.
async fn booked(backend: &Backend) -> Service {
    let mut service = Service::start(backend).await;
    service.record((0..3).map(|index| event(&format!("r-{index}"))).collect()).await.unwrap();
    let (payment_id, merchant_id) = ("pay-1".to_owned(), "ward".to_owned());
    let payment = proto::PostPaymentRequest {
        payment_id,
        merchant_id,
        amount_pico_usd: 5,
        ..proto::PostPaymentRequest::default()
    };
    service.client.post_payment(payment).await.unwrap();
    let other = reserved(event("x"), |reservation| reservation.merchant_id = "hulm".into());
    service.record(vec![event("r-3"), other, event("r-4")]).await.unwrap();
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
    service
}

/// Takes a transaction out.
fn without(transaction: i64) -> String {
    format!("DELETE FROM ledger WHERE txn_id = {transaction};")
}

const BROKEN: &str = "it does not follow from the transaction of ward before it";

async fn what_only_the_chain_can_see_is_found(backend: &Backend) {
    let cases = [
        ("a changed reporter", "UPDATE ledger SET gateway_id = 'gw-9' WHERE txn_id = 2".to_owned(), 2),
        ("a changed epoch", "UPDATE ledger SET epoch = 9 WHERE txn_id = 3".to_owned(), 3),
        ("a changed time", "UPDATE ledger SET create_time_ms = 0 WHERE txn_id = 1".to_owned(), 1),
        ("a changed payment id", "UPDATE ledger SET ref_id = 'pay-2' WHERE txn_id = 4".to_owned(), 4),
        (
            "a changed payment",
            "UPDATE ledger SET entries = replace(replace(entries, ',5]', ',6]'), ',-5]', ',-6]') WHERE txn_id = 4".to_owned(),
            4,
        ),
        (
            "two swapped events",
            "UPDATE ledger SET txn_id = 99 WHERE txn_id = 1; UPDATE ledger SET txn_id = 1, entry_seq = 1 WHERE txn_id = 2;
             UPDATE ledger SET txn_id = 2, entry_seq = 5 WHERE txn_id = 99"
                .to_owned(),
            1,
        ),
        (
            "an event moved into the place of one that was taken out",
            without(2) + "UPDATE ledger SET txn_id = 2, entry_seq = 5 WHERE txn_id = 7;",
            2,
        ),
        ("a link that was set", "UPDATE ledger SET chain_sha256 = zeroblob(32) WHERE txn_id = 5".to_owned(), 5),
    ];
    for (what, sql, transaction) in cases {
        let mut service = booked(backend).await;
        service.sql().await.tamper(&sql).await;
        let faults = service.verify().await.faults;
        let expected = format!("transaction {transaction}: {BROKEN}");
        assert!(faults.contains(&expected), "{what}: {faults:#?}");
        let others =
            faults.iter().filter(|fault| !fault.contains(BROKEN) && !fault.contains("chain of ward"));
        // Only the swapped events' own entries and the payment's shape could tell, and both are consistent.
        assert_eq!(others.count(), 0, "no other check sees {what}: {faults:#?}");
    }
}

async fn the_newest_event_cannot_be_taken_away(backend: &Backend) {
    let mut service = booked(backend).await;
    service.sql().await.tamper(&without(7)).await;
    let faults = service.verify().await.faults;
    assert_eq!(faults, ["chain of ward: it should end with transaction 7, not transaction 5"]);
}

async fn a_chain_cannot_lose_its_end_or_its_merchant(backend: &Backend) {
    let cases = [
        ("DELETE FROM chain_head WHERE merchant_id = 'ward'", "chain of ward: its end is missing"),
        (
            "UPDATE ledger SET merchant_id = 'hulm' WHERE txn_id = 5",
            "transaction 5: it does not follow from the transaction of hulm before it",
        ),
        (
            "INSERT INTO chain_head VALUES ('none', 8, zeroblob(32))",
            "chain of none: it should end with transaction 8, not nothing",
        ),
    ];
    for (sql, fault) in cases {
        let mut service = booked(backend).await;
        service.sql().await.tamper(sql).await;
        let faults = service.verify().await.faults;
        assert!(faults.iter().any(|found| found == fault), "{sql}: {faults:#?}");
    }
}

async fn an_event_that_was_put_in_is_found(backend: &Backend) {
    let mut service = booked(backend).await;
    let copy = "INSERT INTO ledger (txn_id, entry_seq, kind, merchant_id, create_time_ms, chain_sha256, ref_id, entries)
                SELECT 8, 27, kind, merchant_id, create_time_ms, chain_sha256, 'pay-9', entries FROM ledger WHERE txn_id = 4";
    service.sql().await.tamper(copy).await;
    let expected = [
        format!("transaction 8: {BROKEN}"),
        "chain of ward: it should end with transaction 7, not transaction 8".to_owned(),
    ];
    assert_eq!(service.verify().await.faults, expected);
}

async fn chains_go_on_after_a_restart_and_through_corrections_and_statements(backend: &Backend) {
    let service = booked(backend).await;
    let mut service = service.restart().await;
    service.record(vec![event("r-5")]).await.unwrap();
    let amendment = proto::AmendUsageRequest {
        op_id: "op-1".into(),
        merchant_id: "ward".into(),
        event_id: "202611/r-1/0".into(),
        replacement: Some(event("r-1")),
        reason: "test".into(),
    };
    service.client.amend_usage(amendment).await.unwrap();
    service.clock.advance(std::time::Duration::from_hours(24 * 60));
    let close = statement_of("ward", "202611");
    service.client.close_statement(close).await.unwrap();
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
    let sql = "SELECT count(*) FROM ledger WHERE merchant_id = 'ward' AND length(chain_sha256) = 32";
    let linked = service.sql().await.number(sql).await;
    assert_eq!(linked, 10, "six events, a payment, a reversal, a replacement and a closing");
}

on_both_stores!(
    what_only_the_chain_can_see_is_found,
    the_newest_event_cannot_be_taken_away,
    a_chain_cannot_lose_its_end_or_its_merchant,
    an_event_that_was_put_in_is_found,
    chains_go_on_after_a_restart_and_through_corrections_and_statements,
);
