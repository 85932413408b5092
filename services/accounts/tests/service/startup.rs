//! Starting on what cannot work: the error names the file or the option, and the way out.

use std::sync::Arc;

use kaleem_accounts::{Config, Deps, Error, build};
use kaleem_runtime::Supervisor;
use kaleem_testkit::ManualClock;

use crate::harness::{NOW, config};

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
    std::fs::write(folder.path().join("data/accounts.sqlite"), "not a database, ".repeat(500)).unwrap();
    assert_names(&failure(config(folder.path())).await, "accounts.sqlite", "restore it from a backup");
}

#[tokio::test]
async fn wrong_options() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Config { environment: "No".into(), ..config(folder.path()) };
    assert_names(&failure(wrong).await, "accounts.environment", "lower-case");
    let no_plan = Config { default_plan: "gold".into(), ..config(folder.path()) };
    assert_names(&failure(no_plan).await, "plan gold", "choose one");
}
