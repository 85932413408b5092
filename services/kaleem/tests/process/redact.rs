//! `kaleem redact`: findings by code points, in order, offline, whatever comes in.

use std::fs;

use serde_json::{Value, json};

use super::server::{Folder, Said, kaleem, kaleem_with_input};

fn lines(said: &Said) -> Vec<Value> {
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn messages_in_json_lines_give_one_line_each_in_order() {
    let folder = Folder::new();
    let input = [
        r#"{"id": "m1", "text": "😀 جوالي ٠٥٥١٢٣٤٥٦٧ وايميلي sara@example.com"}"#,
        r#"{"text": "متى يوصل الطلب؟", "id": 7, "lang": "ar"}"#,
        "",
        r#"{"id": 1e2, "text": "bad \ud800 half, call 0551234567"}"#,
    ];
    fs::write(folder.path().join("in.jsonl"), input.join("\n")).unwrap();
    let said = kaleem(&folder, &["redact", "in.jsonl"]);
    assert_eq!(said.code, 0, "{said:?}");
    let found = lines(&said);
    assert_eq!(
        found[0]["entities"],
        json!([
            {"type": "PHONE", "start": 8, "end": 18, "text": "٠٥٥١٢٣٤٥٦٧", "score": 1.0},
            {"type": "EMAIL", "start": 27, "end": 43, "text": "sara@example.com", "score": 0.95},
        ])
    );
    assert_eq!((&found[0]["id"], &found[1]), (&json!("m1"), &json!({"id": 7, "entities": []})));
    assert!(said.stdout.contains(r#"{"id":1e2,"#), "an id goes out as it came: {}", said.stdout);
    assert_eq!((found[2]["entities"][0]["start"].as_u64(), found.len()), (Some(17), 3));
}

#[test]
fn plain_lines_have_their_numbers_as_ids() {
    let folder = Folder::new();
    let said = kaleem_with_input(&folder, &["redact"], b"hello\n\ncall 0551234567\xff\n{not json}");
    assert_eq!(said.code, 0, "{said:?}");
    let found = lines(&said);
    assert_eq!(found.iter().map(|line| line["id"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(found[2]["entities"][0]["text"], "0551234567");
    let redacted =
        kaleem_with_input(&folder, &["redact", "-", "--redacted"], "رقمي 0551234567\nok".as_bytes());
    assert_eq!(redacted.stdout, "رقمي [[PHONE]]\nok\n");
}

#[test]
fn a_line_that_is_no_message_is_named_and_the_rest_is_read() {
    let folder = Folder::new();
    let input =
        "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\n{\"id\":3}\n{\"id\":4,\"text\":\"0551234567\"}\n";
    let said = kaleem_with_input(&folder, &["redact"], input.as_bytes());
    assert_eq!((said.code, lines(&said).len()), (65, 2), "{said:?}");
    assert!(
        said.stderr.contains("line 2: is not valid JSON") && said.stderr.contains("line 3: "),
        "{said:?}"
    );
    let strict = kaleem_with_input(&folder, &["redact", "--strict"], input.as_bytes());
    assert_eq!((strict.code, lines(&strict).len()), (65, 1), "{strict:?}");
    assert!(!strict.stderr.contains("line 3"), "{strict:?}");
}

#[test]
fn types_and_threshold_choose_what_is_reported() {
    let folder = Folder::new();
    let text = "call 0551234567 or sara@example.com".as_bytes();
    let types = |args: &[&str]| {
        let said = kaleem_with_input(&folder, args, text);
        assert_eq!(said.code, 0, "{said:?}");
        let entities = lines(&said)[0]["entities"].clone();
        entities.as_array().unwrap().iter().map(|entity| entity["type"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(types(&["redact", "--types", "email"]), ["\"EMAIL\""]);
    assert_eq!(types(&["redact", "--threshold", "0.97"]), ["\"PHONE\""]);
    let wrong = kaleem_with_input(&folder, &["redact", "--types", "FACE"], text);
    assert_eq!((wrong.code, wrong.stderr.contains("FACE")), (64, true), "{wrong:?}");
    let low = kaleem_with_input(&folder, &["redact", "--threshold", "0.1"], text);
    assert_eq!((low.code, low.stderr.contains("0.35")), (64, true), "{low:?}");
    let absent = kaleem(&folder, &["redact", "absent.txt"]);
    assert_eq!((absent.code, absent.stderr.contains("absent.txt")), (1, true), "{absent:?}");
}

#[test]
fn a_message_of_a_mebibyte_is_one_message() {
    let folder = Folder::new();
    let filler = "متى يوصل الطلب؟ ".repeat(36_000);
    let text = format!("{filler} جوالي 0551234567");
    let line = json!({"id": "big", "text": text}).to_string();
    let said = kaleem_with_input(&folder, &["redact"], line.as_bytes());
    let found = lines(&said);
    assert_eq!(found[0]["entities"][0]["end"].as_u64(), Some(text.chars().count() as u64));
}
