//! The recorder tells what was synced from what was not.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::{fs, path::Path, process::Command};

use kaleem_testkit::power::{Recorder, Unsynced};

/// Runs a shell script in `folder`, recorded.
fn run(recorder: &Recorder, folder: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(folder).envs(recorder.environment());
    assert!(shell.status().unwrap().success());
}

#[test]
fn what_was_not_synced_is_gone_when_the_power_fails() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let recorder = Recorder::of(&root);
    let files = root.display();
    run(
        &recorder,
        &root,
        &format!("printf one > {files}/a; sync {files}/a; printf two >> {files}/a; printf three > {files}/b"),
    );
    let synced = recorder.position();
    run(&recorder, &root, &format!("sync {files}/a {files}/b"));
    let log = recorder.read();
    let read = |name: &str| fs::read_to_string(root.join(name)).ok();

    log.disk_at(synced, Unsynced::Lost).restore();
    assert_eq!((read("a").as_deref(), read("b")), (Some("one"), None));
    log.disk_at(log.end(), Unsynced::Lost).restore();
    assert_eq!((read("a").as_deref(), read("b").as_deref()), (Some("onetwo"), Some("three")));
    log.without_syncs(|path| path.ends_with("a")).disk_at(log.end(), Unsynced::Lost).restore();
    assert_eq!((read("a"), read("b").as_deref()), (None, Some("three")));
    assert!(log.last_sync(log.end(), |path| path.ends_with("b")).unwrap() >= synced);
    assert_eq!(log.last_sync(synced, |path| path.ends_with("b")), None);
}

#[test]
fn of_what_was_not_synced_any_part_may_be_left() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let recorder = Recorder::of(&root);
    run(&recorder, &root, &format!("printf one > {0}/a; sync {0}/a; printf two >> {0}/a", root.display()));
    let log = recorder.read();
    let left = |seed| {
        log.disk_at(log.end(), Unsynced::Torn(seed)).restore();
        fs::read_to_string(root.join("a")).unwrap()
    };
    let mut seen: Vec<String> = (0..20).map(left).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, ["one", "onetwo"]);
}
