//! `kaleem policy` as a process: a policy is put, read, explained, changed by version and taken away; what is wrong is named.

use std::fs;

use serde_json::{Value, json};

use super::server::{Folder, Said, Server, kaleem, kaleem_with_input};

const PHONE: &str = "0551234567";
const POLICY: &str = r#"{"actions":{"PHONE":"mask","SA_CR":"allow"},"thresholds":{"PERSON":0.6},"allow":["+966550001111"],"deny":["Project Falcon"],"patterns":["DK-[0-9]{8}"],"answer":{"facts":{"return_days":14},"on_violation":"retry"}}"#;

/// A policy command on the demonstration merchant.
fn policy(folder: &Folder, args: &[&str]) -> Said {
    kaleem(folder, &[&["policy"], args, &["--merchant", "demo-shop"]].concat())
}

/// Puts a document from a file.
fn put(folder: &Folder, document: &str, more: &[&str]) -> Said {
    fs::write(folder.path().join("policy.json"), document).unwrap();
    policy(folder, &[&["put", "policy.json"], more].concat())
}

fn version(folder: &Folder) -> i64 {
    policy(folder, &["get", "--json"]).json()["version"].as_i64().unwrap()
}

/// The candidates of an explained text.
fn explained(folder: &Folder, text: &str) -> Vec<Value> {
    let said = policy(folder, &["explain", text, "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.json()["candidates"].as_array().unwrap().clone()
}

/// One server for both, as its start is most of the time.
#[test]
fn a_policy_is_put_read_explained_replaced_by_version_and_taken_away() {
    let folder = Folder::new();
    let server = Server::up(&folder);
    let built_in = policy(&folder, &["get"]);
    assert_eq!((built_in.code, built_in.stdout.contains("the built-in policy")), (0, true), "{built_in:?}");
    assert_eq!(policy(&folder, &["get", "--json"]).json()["document"], Value::Null);
    assert_eq!(explained(&folder, PHONE)[0]["action"], "REDACTION_ACTION_REDACT");

    let written = put(&folder, POLICY, &["--expect", "0"]);
    assert_eq!((written.code, written.stdout.contains("demo-shop: version ")), (0, true), "{written:?}");
    let shown = policy(&folder, &["get"]).stdout;
    for part in [
        "PHONE",
        "mask",
        "PERSON",
        "0.6",
        "1 values allowed, 1 literals denied, 1 patterns; answers are checked",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(
        policy(&folder, &["get", "--document"]).stdout.trim_end(),
        POLICY,
        "as it was put, to be changed"
    );
    let masked = &explained(&folder, &format!("جوالي {PHONE}"))[0];
    assert_eq!(
        (&masked["action"], &masked["decision"]),
        (&json!("REDACTION_ACTION_MASK"), &json!("DECISION_ACTION"))
    );
    let listed = &explained(&folder, "about project falcon")[0];
    assert_eq!((&listed["type"], &listed["decision"]), (&json!("CUSTOM"), &json!("DECISION_LISTED")));
    let table = policy(&folder, &["explain", &format!("جوالي {PHONE}")]);
    assert!(table.stdout.contains("جوال (+0.40)") && table.stdout.contains("mask"), "{}", table.stdout);

    let first = version(&folder);
    assert_eq!(put(&folder, POLICY, &[]).code, 0, "the same again changes nothing");
    assert_eq!(version(&folder), first);
    let stale = put(&folder, r#"{"actions":{"PHONE":"allow"}}"#, &["--expect", &(first - 1).to_string()]);
    assert_eq!((stale.code, stale.stderr.contains(&format!("version {first} "))), (65, true), "{stale:?}");
    assert_eq!(version(&folder), first, "nothing was changed");
    let replaced = kaleem_with_input(
        &folder,
        &["policy", "put", "-", "--merchant", "demo-shop", "--expect", &first.to_string()],
        br#"{"actions":{"PHONE":"allow"}}"#,
    );
    assert_eq!(replaced.code, 0, "{replaced:?}");
    assert!(version(&folder) > first);
    assert_eq!(explained(&folder, PHONE)[0]["action"], "REDACTION_ACTION_ALLOW");

    refusals(&folder);

    assert_eq!(policy(&folder, &["remove"]).code, 0);
    assert_eq!(version(&folder), 0);
    assert_eq!(explained(&folder, PHONE)[0]["action"], "REDACTION_ACTION_REDACT");
    assert_eq!(server.terminate(), Some(0));
}

/// What is refused changes nothing and says by its path what is wrong.
fn refusals(folder: &Folder) {
    let before = version(folder);
    for (document, named) in [
        (
            r#"{"patterns":["(a{1,9}){1,9}{1,9}"]}"#,
            vec!["document.patterns[0]: must match at most 256 bytes"],
        ),
        (
            r#"{"patterns":["[\\p{L}]{60}","(x+)+$"]}"#,
            vec!["document.patterns[1]: must match at most 256 bytes"],
        ),
        (r#"{"patterns":["(\\p{L}|\\p{N}){1,60}"]}"#, vec!["document.patterns[0]: must be simpler"]),
        (r#"{"patterns":["("]}"#, vec!["document.patterns[0]: must be a regular expression"]),
        (r#"{"actions":{"FACE":"redact"}}"#, vec!["document.actions.FACE"]),
        (r#"{"actions":{"SECRET":"allow"}}"#, vec!["document.actions.SECRET", "never leaves"]),
        (
            r#"{"thresholds":{"PHONE":0.2,"EMAIL":1.5}}"#,
            vec!["document.thresholds.PHONE", "document.thresholds.EMAIL", "0.35"],
        ),
        (r#"{"allow":7,"denied":[]}"#, vec!["document.allow", "document.denied"]),
        (
            r#"{"answer":{"facts":{"return_days":-1},"on_violation":"shout"}}"#,
            vec!["document.answer.facts.return_days", "document.answer.on_violation"],
        ),
        ("{\"actions\":", vec!["document: must be JSON"]),
    ] {
        let said = put(folder, document, &[]);
        assert_eq!(said.code, 65, "{document}: {said:?}");
        for part in named {
            assert!(said.stderr.contains(part), "{document}: {part} in {said:?}");
        }
    }
    assert_eq!(version(folder), before);
    for (args, code, named) in [
        (vec!["put", "absent.json"], 1, "absent.json"),
        (vec!["put", "policy.json", "--expect", "soon"], 64, "--expect"),
        (vec!["explain", &"x".repeat(70_000)], 65, "too long to explain"),
    ] {
        let said = policy(folder, &args);
        assert_eq!((said.code, said.stderr.contains(named)), (code, true), "{named}: {said:?}");
    }
    let nobody = kaleem(folder, &["policy", "get"]);
    assert_eq!((nobody.code, nobody.stderr.contains("--merchant")), (64, true), "{nobody:?}");
    let no_id = kaleem(folder, &["policy", "get", "--merchant", "No Shop"]);
    assert_eq!((no_id.code, no_id.stderr.contains("merchant_id")), (65, true), "{no_id:?}");
    let empty = kaleem_with_input(folder, &["policy", "put", "-", "--merchant", "demo-shop"], b"");
    assert_eq!((empty.code, empty.stderr.contains("kaleem policy remove")), (1, true), "{empty:?}");
}
