//! Starting on folders that cannot work: the error names the file and the way out.

use std::sync::Arc;

use kaleem_accounts::{Config, Deps, Error, build};
use kaleem_runtime::Supervisor;
use kaleem_testkit::ManualClock;

use crate::harness::{NOW, Service, Store, config};

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
async fn a_folder_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    assert_names(&failure(config(folder.path())).await, "/data", "check that the folder is writable");
}

#[tokio::test]
async fn a_store_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data/accounts.sqlite")).unwrap();
    assert_names(
        &failure(config(folder.path())).await,
        "accounts.sqlite",
        "check that the folder is writable",
    );
}

#[tokio::test]
async fn a_file_that_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/accounts.sqlite"), "not a database, ".repeat(500)).unwrap();
    assert_names(&failure(config(folder.path())).await, "accounts.sqlite", "restore it from a backup");
}

#[tokio::test]
async fn a_store_of_another_version() {
    let service = Service::start(Store::Sqlite).await;
    let path = service.folder.path().join("data/accounts.sqlite");
    let pool = sqlx::SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 99").execute(&pool).await.unwrap();
    pool.close().await;
    let Service { client, supervisor, folder, .. } = service;
    drop((client, supervisor));
    assert_names(&failure(config(folder.path())).await, "accounts.sqlite", "another version of kaleem");
}

#[tokio::test]
async fn a_store_in_use() {
    let service = Service::start(Store::Sqlite).await;
    // The second start waits for the lock; nothing else runs, so that time can jump.
    tokio::time::pause();
    assert_names(&failure(config(service.folder.path())).await, "accounts.lock", "another data folder");
}

#[tokio::test]
async fn wrong_options() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Config { environment: "No".into(), ..config(folder.path()) };
    assert_names(&failure(wrong).await, "accounts.environment", "lower-case");
    let no_plan = Config { default_plan: "gold".into(), ..config(folder.path()) };
    assert_names(&failure(no_plan).await, "plan gold", "choose one");
}
