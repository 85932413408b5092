//! JSON hides nothing that would be found in it as text, and stays JSON.

#![expect(clippy::unwrap_used, reason = "a redaction that fails fails the test")]

use std::sync::{Arc, LazyLock};

use kaleem_placeholder::{Encoding, IssuerKey, Kind, restore};
use kaleem_redaction::{Redactor, Session};
use proptest::prelude::*;
use serde_json::Value;

fn redactor() -> &'static Redactor {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new().unwrap());
    &REDACTOR
}

fn session() -> Session {
    Session::new(&IssuerKey::new([5; 32]))
}

/// What becomes of a JSON text, which is JSON still.
fn redacted(json: &str) -> (String, Session) {
    let mut session = session();
    let text = redactor().redact_json(json, &mut session).unwrap().text.into_owned();
    serde_json::from_str::<serde::de::IgnoredAny>(&text).unwrap();
    (text, session)
}

fn restored(text: &str, encoding: Encoding, session: &Session) -> String {
    restore(&Arc::new(session.restore_map()), encoding, text)
}

#[test]
fn what_one_value_says_of_another_counts() {
    for (json, left) in [
        (r#"[{"label":"رقم الجوال","value":"551234567"}]"#, "551234567"),
        (r#"[{"name":"otp","value":"4821"}]"#, "4821"),
        (r#"[{"name":"national_id","value":"1088888881"}]"#, "1088888881"),
        (r#"{"field":"phone","value":551234567}"#, "551234567"),
        (r#"{"lat":24.713612,"lng":46.675296}"#, "46.675296"),
        (r#"{"phones":{"551234567":"home"}}"#, "551234567"),
        // The value lies in JSON of its own.
        (r#"{"field":"phone","payload":"{\"value\":551234567}"}"#, "551234567"),
    ] {
        assert!(json.contains(left), "{json}");
        let (text, _) = redacted(json);
        assert!(!text.contains(left), "{json} -> {text}");
    }
}

#[test]
fn a_label_is_the_name_of_the_value_beside_it() {
    for (json, left) in [
        (r#"{"label":"كلمة المرور","value":"Tr0ub;4dor"}"#, "4dor"),
        (r#"[{"name":"password","required":true,"value":"Tr0ub4dor"}]"#, "Tr0ub"),
        (r#"{"id":"f7","label":"الاسم الكامل","type":"text","value":"سارة العتيبي"}"#, "العتيبي"),
        (r#"{"label":"تاريخ انتهاء البطاقة","value":"12/27"}"#, "12/27"),
        (
            r#"{"question":"What is your phone number?","hint":"digits only, as in the app and not in any other form","answer":551234567}"#,
            "551234567",
        ),
        (r#"{"name":"phone","values":["551234567","551234568"]}"#, "551234568"),
    ] {
        assert!(json.contains(left), "{json}");
        let (text, _) = redacted(json);
        assert!(!text.contains(left), "{json} -> {text}");
    }
    let order = r#"[{"label":"phone","value":null},{"label":"رقم الطلب","value":"551234567"}]"#;
    assert_eq!(redacted(order).0, order);
}

#[test]
fn numbers_are_read_in_every_spelling() {
    for json in [
        r#"{"phone":551234567.0}"#,
        r#"{"phone":551234567.00,"qty":1}"#,
        r#"{"phone":5.51234567e8}"#,
        r#"{"phone":551234567E0}"#,
    ] {
        let (text, session) = redacted(json);
        assert!(text.contains(r#"":"[[PHONE:"#), "{json} -> {text}");
        assert_eq!(session.counts().get(Kind::Phone), 1);
    }
    for json in
        [r#"{"total":1088888888.50}"#, r#"{"price":551234567.5}"#, r#"{"qty":2e3,"order_id":551234567.0}"#]
    {
        assert_eq!(redacted(json).0, json);
    }
}

#[test]
fn the_head_of_a_table_speaks_for_its_columns() {
    let numbers: Vec<u32> = (0..20).map(|row| 551_234_567 + row).collect();
    let single: Vec<[u32; 1]> = numbers.iter().map(|number| [*number]).collect();
    let beside: Vec<(u32, u32, u32)> = numbers
        .iter()
        .enumerate()
        .map(|(row, number)| (u32::try_from(row).unwrap(), *number, 599_000_000 + number % 97))
        .collect();
    for (table, found) in [
        (serde_json::json!({ "columns": ["phone"], "rows": single }), 20),
        (serde_json::json!({ "columns": ["qty", "phone", "order_id"], "rows": beside }), 20),
        (serde_json::json!([["qty", "phone", "order_id"], beside[0], beside[1]]), 2),
        (serde_json::json!({ "head": ["national_id"], "row": [1_088_888_881] }), 1),
    ] {
        let (text, session) = redacted(&table.to_string());
        assert_eq!(session.counts().total(), found, "{text}");
        assert!(!text.contains("5512345") && !text.contains("1088888881"), "{text}");
    }
}

#[test]
fn a_finding_over_several_values_leaves_each_in_its_place() {
    let json = r#"{"point":[24.713612,46.675296],"at":"here"}"#;
    let (text, session) = redacted(json);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert!(value["point"][0].as_str().unwrap().starts_with("[[ADDRESS:"), "{text}");
    assert!(value["point"][1].as_str().unwrap().starts_with("[[ADDRESS:"), "{text}");
    assert_eq!(
        restored(&text, Encoding::JsonString, &session),
        r#"{"point":["24.713612","46.675296"],"at":"here"}"#
    );
}

#[test]
fn the_same_words_in_json_of_goods_stay() {
    for json in [
        r#"[{"sku":"T-1","name":"Walnut tray","price":45.00,"stock":3},{"sku":"T-2","name":"Walnut bowl","price":310.0}]"#,
        r#"{"columns":["sku","name","price"],"rows":[["T-1","Walnut tray",45.0],["T-2","Walnut bowl",310]]}"#,
        r#"{"order_id":1088888888,"items":[{"sku":"551234567","qty":2}],"total":245.75,"currency":"SAR"}"#,
        r#"{"sizes":[38,39,40,41,42,43,44,45],"rating":4.713612}"#,
        r#"{"tracking":"551234567","status":"shipped","eta":"2026-03-05"}"#,
    ] {
        let (text, session) = redacted(json);
        assert_eq!((text.as_str(), session.residual()), (json, kaleem_redaction::Residual::None));
    }
}

#[test]
fn json_is_redacted_inside_its_strings_and_numbers() {
    let mut session = session();
    let json = r#"{ "customer": {"phone": "551234567", "n\u0061me": "سارة"}, "order_id": "1088888888",
        "national_id": 1088888881, "note": "راسلني \"sara@example.com\"", "qty": 2, "total": 1088888888.50 }"#;
    let redaction = redactor().redact_json(json, &mut session).unwrap();
    let text = redaction.text.as_ref();
    let counts: Vec<_> = redaction.counts.iter().collect();
    assert_eq!(
        counts,
        [(Kind::Email, 1), (Kind::SaNationalId, 1), (Kind::Phone, 1), (Kind::Person, 1)],
        "{text}"
    );
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["order_id"], "1088888888");
    assert!(value["national_id"].as_str().unwrap().starts_with("[[SA_NATIONAL_ID:"));
    let back: serde_json::Value =
        serde_json::from_str(&restored(text, Encoding::JsonString, &session)).unwrap();
    let mut expected: serde_json::Value = serde_json::from_str(json).unwrap();
    expected["national_id"] = "1088888881".into();
    assert_eq!(back, expected);
}

#[test]
fn text_that_is_not_json_is_redacted_as_text() {
    for text in ["{\"phone\": 0551234567", "0551234567", "[0551234567", "\"0551234567"] {
        let redaction = redactor().redact_json(text, &mut session()).unwrap().text.into_owned();
        assert!(!redaction.contains("0551234567") && redaction.contains("[[PHONE:"), "{redaction}");
    }
}

/// Words, values and what stands between them.
fn words(others: &[&'static str]) -> impl Strategy<Value = String> {
    let others = others.to_vec();
    let piece = prop_oneof![
        2 => "[0-9٠-٩]{1,10}",
        3 => prop::sample::select(vec![
            "0551234567", "551234567", "1088888881", "4821", "sara@example.com", "محمد العتيبي", "24.713612", "حي النرجس", "شارع 5",
            "[[PHONE:7QX2MA]]", "John Smith",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned),
        1 => prop::sample::select(others).prop_map(str::to_owned),
        2 => prop::sample::select(vec![" ", ": ", ", ", "-", "\u{200f}"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

const MARKS: [&str; 6] = ["\"", "\\", "\n", "[\"", "{\"phone\":\"551234567\"}", "\u{1}"];

const KEYS: [&str; 16] = [
    "phone",
    "otp",
    "label",
    "value",
    "name",
    "رقم الجوال",
    "order_id",
    "national_id",
    "عنواني",
    "lat",
    "lng",
    "columns",
    "rows",
    "total",
    "iban",
    "note",
];

/// Documents such as tools give.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => words(&["{", "1 2 3"]).prop_map(Value::from),
        3 => prop::sample::select(KEYS.to_vec()).prop_map(Value::from),
        2 => prop::sample::select(vec![551_234_567_u64, 1_088_888_881, 4821, 42, 966_551_234_567]).prop_map(Value::from),
        1 => prop::sample::select(vec![24.713_612, 46.675_296, 551_234_567.0, 12.5]).prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS.to_vec()), inner), 0..5)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_found_in_it_as_text_stays(document in document()) {
        let json = Value::from(vec![document]).to_string();
        let (text, mut session) = redacted(&json);
        let again = redactor().redact(&text, &mut session).unwrap();
        prop_assert_eq!(again.counts.total(), 0, "{} -> {} -> {}", json, text, again.text);
    }

    #[test]
    fn json_stays_json(values in prop::collection::hash_map(words(&MARKS), words(&MARKS), 0..4)) {
        let mut session = session();
        let json = serde_json::to_string(&values).unwrap();
        let redaction = redactor().redact_json(&json, &mut session).unwrap();
        prop_assume!(session.counts().iter().all(|(kind, _)| kind.restorable()));
        let back = restored(&redaction.text, Encoding::JsonString, &session);
        prop_assert_eq!(
            serde_json::from_str::<serde_json::Value>(&back).unwrap(),
            serde_json::from_str::<serde_json::Value>(&json).unwrap()
        );
    }
}
