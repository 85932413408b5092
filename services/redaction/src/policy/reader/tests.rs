use super::*;

fn faults(document: &str) -> Vec<Violation> {
    read(document, &Detector::new().unwrap()).unwrap_err()
}

#[test]
fn every_fault_is_named_with_its_path() {
    let found = faults(
        r#"{"actions":{"PHONE":"keep","SECRET":"allow","NOPE":"mask","EMAIL":1},"thresholds":{"PHONE":0.2,"CUSTOM":0.5},
            "allow":["\u200f",7],"deny":["a","ok then"],"patterns":["[0-9]+","x{1,20}","("],"more":1,
            "answer":{"facts":{"currency":"riyal","shipping":{"fee":"x"}},"on_violation":"shout","more":1}}"#,
    );
    let paths: Vec<&str> = found.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        paths,
        [
            "more",
            "actions.PHONE",
            "actions.SECRET",
            "actions.NOPE",
            "actions.EMAIL",
            "thresholds.PHONE",
            "thresholds.CUSTOM",
            "allow[1]",
            "allow[0]",
            "deny[0]",
            "patterns[0]",
            "patterns[2]",
            "answer.more",
            "answer.on_violation",
            "answer.facts.currency",
            "answer.facts.shipping.fee",
        ]
    );
}

#[test]
fn documents_of_the_wrong_shape_are_refused() {
    for (document, path) in [
        ("", ""),
        ("[]", ""),
        (r#"{"actions":[]}"#, "actions"),
        (r#"{"allow":"0551234567"}"#, "allow"),
        (r#"{"answer":{}}"#, "answer.facts"),
        (r#"{"answer":7}"#, "answer"),
    ] {
        assert_eq!(faults(document)[0].field, path, "{document}");
    }
    let too_long = format!(r#"{{"deny":["{}"]}}"#, "x".repeat(POLICY_BYTES_MAX));
    assert!(faults(&too_long)[0].description.contains("4194304"));
}

#[test]
fn bounds_hold() {
    let list = |count: usize, text: &str| serde_json::to_string(&vec![text; count]).unwrap();
    for (document, path) in [
        (format!(r#"{{"allow":{}}}"#, list(LISTED_MAX + 1, "ab")), "allow"),
        (format!(r#"{{"deny":{}}}"#, list(LISTED_MAX, &"y".repeat(100))), "deny"),
        (format!(r#"{{"patterns":{}}}"#, list(PATTERNS_MAX + 1, "ab")), "patterns"),
        (format!(r#"{{"patterns":{}}}"#, list(1, &"y".repeat(257))), "patterns[0]"),
    ] {
        assert_eq!(faults(&document)[0].field, path);
    }
    let wrong = format!(r#"{{"allow":[{}]}}"#, vec!["1"; LISTED_MAX].join(","));
    assert_eq!(faults(&wrong).len(), FAULTS_MAX);
}

#[test]
fn everything_may_be_left_out() {
    let detector = Detector::new().unwrap();
    for document in ["{}", r#"{"actions":{},"allow":null,"answer":null}"#] {
        assert!(read(document, &detector).unwrap().answer().is_none());
    }
    let policy =
        read(r#"{"answer":{"facts":{"return_days":14},"on_unsure":"annotate"}}"#, &detector).unwrap();
    let answer = policy.answer().unwrap();
    assert_eq!(answer.facts_json, r#"{"return_days":14}"#);
    assert_eq!((answer.on_violation, answer.on_unsure), (AnswerAction::Correct, AnswerAction::Annotate));
}

#[test]
fn the_document_of_the_guide_is_read() {
    let guide = include_str!("../../../../../docs/guides/privacy-policy.md");
    let (_, json) = guide.split_once("```json").unwrap();
    let (json, _) = json.split_once("```").unwrap();
    let policy = read(json, &Detector::new().unwrap()).unwrap();
    assert!(policy.answer().is_some());
    assert_eq!(policy.actions[Kind::Iban as usize], Some(Action::Block));
}
