//! The audit finds what was tampered with, and the file refuses casual tampering.

use kaleem_proto::billing::v1 as proto;

use crate::{
    backend::{Backend, Sql, on_both_stores},
    harness::{Service, event},
};

/// Tables with a column that each has.
const TABLES: [(&str, &str); 2] = [("price_version", "source"), ("ledger", "key_id")];

fn payment() -> proto::PostPaymentRequest {
    proto::PostPaymentRequest {
        payment_id: "pay-1".into(),
        merchant_id: "ward".into(),
        amount_pico_usd: 5,
        tops_up_month_cap: false,
    }
}

async fn booked(backend: &Backend) -> (Service, Sql) {
    let mut service = Service::start(backend).await;
    let events = (0..10).map(|index| event(&format!("r-{index}"))).collect();
    service.record(events).await.unwrap();
    let file = service.sql().await;
    (service, file)
}

async fn books_can_only_be_added_to(backend: &Backend) {
    let (mut service, mut file) = booked(backend).await;
    for (table, column) in TABLES {
        for sql in [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")] {
            let error = file.run(&sql).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{table}: {error}");
        }
    }
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (10, 40, vec![]));
}

/// A payment of 5 of which one more came in.
const SHORT_PAYMENT: &str = "UPDATE ledger SET entries = replace(entries, ',5]', ',6]') WHERE txn_id = 11";

async fn every_kind_of_tampering_is_found(backend: &Backend) {
    let cases = [
        (
            "UPDATE ledger SET output_text = 1 WHERE txn_id = 3",
            "event 202611/r-2/0 of ward: its fields do not give its stored hash",
        ),
        ("UPDATE ledger SET output_text = 1 WHERE txn_id = 3", "rating it again does not give its lines"),
        ("UPDATE ledger SET sell_pico = 1 WHERE txn_id = 3", "its lines do not sum to its amounts"),
        ("UPDATE ledger SET sell_output_text = sell_output_text + 1 WHERE txn_id = 3", "sell lines sum to"),
        ("UPDATE ledger SET cost_output_text = cost_output_text + 1 WHERE txn_id = 3", "cost lines sum to"),
        (
            "UPDATE ledger SET sell_output_text = NULL WHERE txn_id = 3",
            "rating it again does not give its lines",
        ),
        (SHORT_PAYMENT, "transaction 11: its entries sum to 1 pico-USD and not to 0"),
        (SHORT_PAYMENT, "all entries sum to 1 pico-USD"),
        (
            "UPDATE ledger SET entry_seq = entry_seq + 1 WHERE txn_id = 11",
            "transaction 11: its entries are not numbered on from those before",
        ),
        ("UPDATE ledger SET sell_pico = sell_pico + 1 WHERE txn_id = 3", "sell lines sum to"),
        ("UPDATE ledger SET merchant_id = 'hulm' WHERE txn_id = 3", "its fields do not give its stored hash"),
        (
            "UPDATE ledger SET status = 'unconfirmed' WHERE txn_id = 3",
            "its fields do not give its stored hash",
        ),
        ("DELETE FROM ledger WHERE txn_id = 3", "1 transactions are missing"),
        (
            "DELETE FROM ledger WHERE txn_id = 3",
            "transaction 4: its entries are not numbered on from those before",
        ),
        ("UPDATE price_version SET rates = '[]'", "rating it again does not give its lines"),
    ];
    for (sql, fault) in cases {
        let (mut service, mut file) = booked(backend).await;
        service.client.post_payment(payment()).await.unwrap();
        file.tamper(sql).await;
        drop(file);
        // Prices are kept in memory; only a restart reads them from the file.
        let faults = service.restart().await.verify().await.faults;
        assert!(faults.iter().any(|found| found.contains(fault)), "{sql}: {faults:#?}");
    }
}

async fn the_verdict_is_of_one_instant_while_events_arrive(backend: &Backend) {
    let (service, _) = booked(backend).await;
    let mut recording = service.client.clone();
    let arrivals = async {
        for call in 0..20 {
            let events = (0..50).map(|index| event(&format!("c-{call}-{index}"))).collect();
            crate::harness::record(&mut recording, events).await.unwrap();
        }
    };
    let mut service = service;
    let audits = async {
        for _ in 0..10 {
            let verdict = service.verify().await;
            assert_eq!(verdict.faults, Vec::<String>::new());
            assert_eq!(verdict.entry_count, verdict.event_count * 4);
        }
    };
    tokio::join!(arrivals, audits);
    assert_eq!(service.verify().await.event_count, 1_010);
}

async fn faults_are_bounded(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record((0..200).map(|index| event(&format!("r-{index}"))).collect()).await.unwrap();
    service.sql().await.tamper("UPDATE ledger SET key_id = 'other'").await;
    let faults = service.verify().await.faults;
    assert_eq!((faults.len(), faults[100].as_str()), (101, "100 more faults are not shown"));
}

async fn the_store_refuses_entries_that_do_not_balance(backend: &Backend) {
    let (service, mut file) = booked(backend).await;
    let row = |entries: &str| {
        format!(
            "INSERT INTO ledger (txn_id, entry_seq, kind, merchant_id, create_time_ms, chain_sha256, ref_id, entries)
             SELECT 11, 41, 'topup', 'ward', 0, chain_sha256, 'pay-1', '{entries}' FROM ledger WHERE txn_id = 1"
        )
    };
    let error = file.run(&row(r#"[["cash:psp", 5], ["m:ward:prepaid", -4]]"#)).await.unwrap_err();
    assert!(error.to_string().contains("do not sum to zero"), "{error}");
    file.run(&row(r#"[["cash:psp", 5], ["m:ward:prepaid", -5]]"#)).await.unwrap();
    drop(service);
}

async fn people_read_the_books_row_by_row(backend: &Backend) {
    let (mut service, mut file) = booked(backend).await;
    service.client.post_payment(payment()).await.unwrap();
    let numbers = [
        ("SELECT count(*) FROM usage_event WHERE sell_pico = 90000000", 10),
        ("SELECT count(*) FROM rated_line", 40),
        (
            "SELECT CAST(sum(units) AS BIGINT) FROM rated_line WHERE side = 'sell' AND component = 'output_text'",
            1_500,
        ),
        ("SELECT count(*) FROM ledger_txn WHERE kind = 'usage' AND event_seq = txn_id", 10),
        (
            "SELECT count(*) FROM (SELECT 1 AS one FROM ledger_entry GROUP BY txn_id HAVING sum(amount_pico) = 0) AS balanced",
            11,
        ),
        (
            "SELECT CAST(sum(amount_pico) AS BIGINT) FROM ledger_entry WHERE account = 'm:ward:receivable'",
            900_000_000,
        ),
        ("SELECT amount_pico FROM ledger_entry WHERE account = 'm:ward:prepaid' AND seq = 42", -5),
        ("SELECT max(seq) - count(DISTINCT seq) FROM ledger_entry", 0),
    ];
    for (sql, number) in numbers {
        assert_eq!(file.number(sql).await, number, "{sql}");
    }
}

on_both_stores!(
    the_store_refuses_entries_that_do_not_balance,
    people_read_the_books_row_by_row,
    books_can_only_be_added_to,
    every_kind_of_tampering_is_found,
    the_verdict_is_of_one_instant_while_events_arrive,
    faults_are_bounded,
);
