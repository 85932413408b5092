//! Bad input: bounded work, a clear error, and never raw text outward.

use kaleem_proto::{
    chat::v1::{Message, Part, Role, ToolResult, part::Kind},
    redaction::v1::{ExplainRedactionRequest, RedactRequest, RedactResponse},
    router::v1::PersonalDataClass,
};
use kaleem_redaction::MAX_TEXT_BYTES;
use kaleem_rpc::Fault;

use crate::harness::{MERCHANT, Service, Store, question, text};

/// What becomes of the result of a tool.
async fn result(service: &mut Service, json: &str) -> RedactResponse {
    let parts = vec![text(json)];
    let part = Part { kind: Some(Kind::ToolResult(ToolResult { parts, ..ToolResult::default() })) };
    let message = Message { role: Role::Tool.into(), parts: vec![part], name: String::new() };
    let request =
        RedactRequest { merchant_id: MERCHANT.into(), messages: vec![message], ..Default::default() };
    service.redact(request).await.unwrap()
}

#[tokio::test]
async fn a_text_over_a_mebibyte_is_refused_and_one_at_the_limit_is_not() {
    let mut service = Service::start(Store::Sqlite).await;
    for unit in ["1", "1 ", "@", "[", "[[PHONE:7QX2MA", "\u{301}", "جوال "] {
        let whole = unit.repeat(MAX_TEXT_BYTES / unit.len());
        assert!(service.redact(question(&whole)).await.is_ok(), "{unit}");
    }
    let fault = service.redact(question(&"1".repeat(MAX_TEXT_BYTES + 1))).await.unwrap_err();
    assert_eq!((fault.reason.as_str(), fault.metadata["bytes_max"].as_str()), ("REQUEST_INVALID", "1048576"));
}

#[tokio::test]
async fn ten_thousand_values_are_taken_out_and_one_more_is_refused_without_a_word_of_it() {
    let mut service = Service::start(Store::Sqlite).await;
    let phones = |count: u32| {
        let phones: Vec<String> =
            (0..count).map(|number| format!("05{:08}", 10_000_000 + number * 7)).collect();
        phones.join(" ، ")
    };
    let answer = service.redact_text(&phones(10_000)).await.unwrap();
    assert_eq!(answer.placeholders.len(), 10_000);
    assert!(answer.text.split(" ، ").all(|token| token.starts_with("[[PHONE:")), "{}", &answer.text[..200]);
    let fault = service.redact(question(&phones(10_001))).await.unwrap_err();
    assert_eq!(fault.reason, "REDACTION_FAILED");
    assert!(fault.message.contains("10000") && !fault.message.contains("051"), "{}", fault.message);
}

#[tokio::test]
async fn halves_of_pairs_and_escapes_hide_nothing() {
    let mut service = Service::start(Store::Sqlite).await;
    for json in [
        r#"{"note":"\ud800 \u0030\u0035\u0035\u0031\u0032\u0033\u0034\u0035\u0036\u0037"}"#,
        r#"{"note":"\u0660\u0665\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667 \udc00"}"#,
        r#"["{\"phone\":\"\\u0030551234567\"}"]"#,
    ] {
        let answer = result(&mut service, json).await;
        assert_eq!(answer.type_counts["PHONE"], 1, "{json} -> {answer:?}");
        assert_eq!(answer.residual(), PersonalDataClass::Redacted);
    }
}

#[tokio::test]
async fn deep_json_is_read_and_so_is_what_is_broken() {
    let mut service = Service::start(Store::Sqlite).await;
    let deep = |levels: usize, inner: &str| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
    let answer = result(&mut service, &deep(100_000, r#""\u0030551234567""#)).await;
    assert_eq!((answer.type_counts["PHONE"], answer.residual()), (1, PersonalDataClass::Redacted));
    // Strings in strings: each level is a string of the next, until its escapes are read as text.
    let mut nested = "{\"phone\":\"\\u0030551234567\"}".to_owned();
    for _ in 0..6 {
        nested = serde_json::json!([nested]).to_string();
    }
    let broken = r#"{"note":"\u0030551234567"#.to_owned();
    let logged = r#"HTTP 200 {"note":"\u0660\u0665\u06651234567"}"#.to_owned();
    for json in [nested, broken, logged] {
        let answer = result(&mut service, &json).await;
        let found = (answer.type_counts["PHONE"], answer.residual());
        assert_eq!(found, (1, PersonalDataClass::Redacted), "{json:.80}");
    }
}

#[tokio::test]
async fn forged_and_unfinished_placeholders_stay_and_hide_nothing() {
    let mut service = Service::start(Store::Sqlite).await;
    for forged in ["[[PHONE:7QX2MA]]", "[[PHONE:", "[[[[[[", "[[NOPE:123456]]"] {
        let answer = service.redact_text(forged).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.placeholders.len()), (forged, 0));
    }
    let smuggled = service.redact_text("[[PHONE:0551234567]]").await.unwrap();
    assert!(!smuggled.text.contains("0551234567"), "{smuggled:?}");
}

#[tokio::test]
async fn what_is_explained_is_short() {
    let mut service = Service::start(Store::Sqlite).await;
    let explain = |text: String| ExplainRedactionRequest {
        merchant_id: MERCHANT.into(),
        text,
        question: String::new(),
    };
    let fault = service.client.explain_redaction(explain("1".repeat(64 * 1024 + 1))).await.unwrap_err();
    assert_eq!(Fault::from_status(&fault).field_violations[0].field, "text");
    let many = service.client.explain_redaction(explain("0551234567 ، ".repeat(3_000))).await.unwrap();
    assert_eq!(many.into_inner().candidates.len(), 1_000);
}
