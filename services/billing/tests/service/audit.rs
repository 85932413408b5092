//! The audit finds what was tampered with, and the file refuses casual tampering.

use crate::{
    backend::{Backend, Sql, on_both_stores},
    harness::{Service, event},
};

/// Tables with a column that each has.
const TABLES: [(&str, &str); 5] = [
    ("price_version", "source"),
    ("usage_event", "key_id"),
    ("rated_line", "units"),
    ("ledger_txn", "kind"),
    ("ledger_entry", "account"),
];

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

async fn every_kind_of_tampering_is_found(backend: &Backend) {
    let cases = [
        (
            "UPDATE usage_event SET output_text = 1 WHERE seq = 3",
            "event 202611/r-2/0 of ward: its fields do not give its stored hash",
        ),
        ("UPDATE usage_event SET output_text = 1 WHERE seq = 3", "rating it again does not give its lines"),
        ("UPDATE usage_event SET sell_pico = 1 WHERE seq = 3", "its lines do not sum to its amounts"),
        (
            "UPDATE rated_line SET amount_pico = amount_pico + 1 WHERE event_seq = 3 AND side = 'sell'",
            "sell lines sum to",
        ),
        (
            "UPDATE rated_line SET amount_pico = amount_pico + 1 WHERE event_seq = 3 AND side = 'cost'",
            "cost lines sum to",
        ),
        ("DELETE FROM rated_line WHERE event_seq = 3", "rating it again does not give its lines"),
        (
            "UPDATE ledger_entry SET amount_pico = amount_pico + 1 WHERE seq = 1",
            "entries of transaction 1 sum to 1 pico-USD",
        ),
        (
            "UPDATE ledger_entry SET amount_pico = amount_pico + 1 WHERE seq = 1",
            "all entries sum to 1 pico-USD",
        ),
        (
            "UPDATE ledger_entry SET account = 'm:hulm:receivable' WHERE seq = 1",
            "its entries are not those of its amounts",
        ),
        ("DELETE FROM ledger_entry WHERE txn_id = 3", "4 entries are missing"),
        ("DELETE FROM ledger_txn WHERE txn_id = 3", "event 202611/r-2/0 of ward: it has no transaction"),
        ("DELETE FROM usage_event WHERE seq = 3", "1 usage events are missing"),
        ("DELETE FROM usage_event WHERE seq = 3", "1 transactions belong to no event"),
        ("DELETE FROM usage_event WHERE seq = 3", "4 lines belong to no event"),
        ("UPDATE price_version SET rates = '[]'", "rating it again does not give its lines"),
    ];
    for (sql, fault) in cases {
        let (service, mut file) = booked(backend).await;
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
    service.sql().await.tamper("UPDATE usage_event SET key_id = 'other'").await;
    let faults = service.verify().await.faults;
    assert_eq!((faults.len(), faults[100].as_str()), (101, "100 more faults are not shown"));
}

on_both_stores!(
    books_can_only_be_added_to,
    every_kind_of_tampering_is_found,
    the_verdict_is_of_one_instant_while_events_arrive,
    faults_are_bounded,
);
