//! Starting on stores that cannot work: the error names the file or the server, and the way out.

use std::sync::Arc;

use kaleem_billing::{Config, Deps, Error, build};
use kaleem_proto::billing::v1::{ListPricesRequest, record_usage_response::Outcome};
use kaleem_runtime::{Supervisor, config::Secret};
use kaleem_testkit::ManualClock;
use sqlx::Connection as _;

use crate::{
    backend::Backend,
    harness::{NOW, Service, config, event},
};

async fn failure(config: Config) -> Error {
    let deps = Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: Supervisor::new() };
    build(config, deps).await.err().unwrap()
}

#[track_caller]
fn assert_names(error: &Error, file: &str, way_out: &str) {
    let message = error.to_string();
    assert!(message.contains(file) && message.contains(way_out), "{message}");
}

#[tokio::test]
async fn a_file_that_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/billing.sqlite"), "not a database, ".repeat(500)).unwrap();
    assert_names(&failure(config(folder.path())).await, "billing.sqlite", "restore it from a backup");
}

#[tokio::test]
async fn wrong_options() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Config { queued_events_max: 1, ..config(folder.path()) };
    assert_names(&failure(wrong).await, "billing.queued_events_max", "at least 1024");
}

/// A configuration for Postgres on a port where nobody listens.
fn nowhere(folder: &std::path::Path) -> Config {
    let url = "postgres://role:hunter2@127.0.0.1:1/shop".to_owned();
    Config { postgres_url: Some(Secret::from(url)), ..config(folder) }
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = failure(nowhere(folder.path())).await;
    assert_names(&error, "127.0.0.1:1/shop", "check that it runs");
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!folder.path().join("data").exists(), "the folder is SQLite's");
}

#[tokio::test]
async fn a_ledger_of_another_version_in_postgres() {
    let service = Service::start(&Backend::postgres()).await;
    let sql = "UPDATE _sqlx_migrations SET version = 99 WHERE version = 1";
    service.sql().await.run(sql).await.unwrap();
    assert_names(&failure(service.config.clone()).await, "127.0.0.1:", "another version of kaleem");
}

#[tokio::test]
async fn a_role_without_a_schema_is_told_what_it_needs_and_with_one_it_serves() {
    let backend = Backend::postgres();
    let Backend::Postgres(server) = &backend else { unreachable!() };
    let database = server.create_database("shop");
    let folder = tempfile::tempdir().unwrap();
    let mut admin = sqlx::PgConnection::connect(&database).await.unwrap();
    sqlx::raw_sql("CREATE ROLE clerk LOGIN").execute(&mut admin).await.unwrap();
    let postgres_url = Some(Secret::from(database.replace("postgres@", "clerk@")));
    let config = Config { postgres_url, ..config(folder.path()) };
    assert_names(&failure(config.clone()).await, "/shop", "its role may create the schema billing");
    sqlx::raw_sql("CREATE SCHEMA billing AUTHORIZATION clerk").execute(&mut admin).await.unwrap();
    let deps = Deps { clock: Arc::new(ManualClock::at(NOW)), supervisor: Supervisor::new() };
    build(config, deps).await.map(|_| ()).unwrap();
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'billing')";
    let elsewhere: i64 = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
    assert_eq!(elsewhere, 0, "everything is in the schema, the migrations' table too");
}

#[tokio::test]
async fn services_that_start_at_once_on_an_empty_database_take_turns() {
    let service = Service::start(&Backend::postgres()).await;
    service.sql().await.run("DROP SCHEMA billing CASCADE").await.unwrap();
    let starts = (0..4).map(|_| service.beside());
    let mut services = futures::future::join_all(starts).await;
    let page = services[3].client.list_prices(ListPricesRequest { include_superseded: true }).await.unwrap();
    assert_eq!(page.into_inner().versions.len(), 7, "the shipped prices came once");
}

#[tokio::test]
async fn synchronous_commit_is_on_whatever_the_database_says() {
    let backend = Backend::postgres();
    let service = Service::start(&backend).await;
    let mut sql = service.sql().await;
    let off = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
    sql.run(off).await.unwrap();
    let check = "CREATE FUNCTION durable() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     IF current_setting('synchronous_commit') <> 'on' THEN RAISE EXCEPTION 'not durable'; END IF;
                     RETURN NULL;
                 END $$;
                 CREATE TRIGGER durable AFTER INSERT ON ledger EXECUTE FUNCTION durable()";
    sql.run(check).await.unwrap();
    let setting = "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'";
    assert_eq!(service.sql().await.number(setting).await, 1, "others have it off");
    let mut service = service.beside().await;
    assert_eq!(service.record_one(event("a")).await.outcome(), Outcome::Recorded);
}
