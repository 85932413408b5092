//! The audit finds what was tampered with, and the file refuses casual tampering.

use crate::harness::{Service, event};

const TABLES: [&str; 5] = ["price_version", "usage_event", "rated_line", "ledger_txn", "ledger_entry"];

async fn booked() -> (Service, sqlx::SqlitePool) {
    let mut service = Service::start().await;
    let events = (0..10).map(|index| event(&format!("r-{index}"))).collect();
    service.record(events).await.unwrap();
    let file = service.file().await;
    (service, file)
}

async fn run(file: &sqlx::SqlitePool, sql: impl Into<String>) -> Result<(), sqlx::Error> {
    sqlx::query(sqlx::AssertSqlSafe(sql.into())).execute(file).await.map(|_| ())
}

#[tokio::test]
async fn books_can_only_be_added_to() {
    let (mut service, file) = booked().await;
    for table in TABLES {
        let column = if table == "ledger_entry" { "account" } else { "rowid" };
        let column = if matches!(table, "price_version") { "source" } else { column };
        let column = if matches!(table, "rated_line") { "units" } else { column };
        let update = run(&file, format!("UPDATE {table} SET {column} = {column}")).await.unwrap_err();
        let delete = run(&file, format!("DELETE FROM {table}")).await.unwrap_err();
        for error in [update, delete] {
            assert!(error.to_string().contains("append-only"), "{table}: {error}");
        }
    }
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.entry_count, verdict.faults), (10, 40, vec![]));
}

#[tokio::test]
async fn every_kind_of_tampering_is_found() {
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
        let (service, file) = booked().await;
        for table in TABLES {
            run(&file, format!("DROP TRIGGER {table}_update")).await.unwrap();
            run(&file, format!("DROP TRIGGER {table}_delete")).await.unwrap();
        }
        let mut connection = file.acquire().await.unwrap();
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *connection).await.unwrap();
        sqlx::query(sql).execute(&mut *connection).await.unwrap();
        drop(connection);
        file.close().await;
        // Prices are kept in memory; only a restart reads them from the file.
        let faults = service.restart().await.verify().await.faults;
        assert!(faults.iter().any(|found| found.contains(fault)), "{sql}: {faults:#?}");
    }
}

#[tokio::test]
async fn the_verdict_is_of_one_instant_while_events_arrive() {
    let (service, _) = booked().await;
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

#[tokio::test]
async fn faults_are_bounded() {
    let mut service = Service::start().await;
    service.record((0..200).map(|index| event(&format!("r-{index}"))).collect()).await.unwrap();
    let file = service.file().await;
    run(&file, "DROP TRIGGER usage_event_update").await.unwrap();
    run(&file, "UPDATE usage_event SET key_id = 'other'").await.unwrap();
    let faults = service.verify().await.faults;
    assert_eq!((faults.len(), faults[100].as_str()), (101, "100 more faults are not shown"));
}
