//! Policies: what they change in a request, and how they are kept.

use kaleem_proto::{
    redaction::v1::{AnswerAction, CheckAnswerRequest, RedactionAction},
    router::v1::PersonalDataClass,
};
use kaleem_rpc::{Code, Fault};

use crate::harness::{MERCHANT, Service, Store, on_both_stores, question, shown};

on_both_stores! {
    a_policy_is_kept_and_in_force_at_once,
    a_lost_answer_and_a_lost_race_are_told_apart,
    the_default_holds_for_all_that_have_none,
}

async fn a_policy_is_kept_and_in_force_at_once(store: Store) {
    let mut service = Service::start(store).await;
    let phone = "رقمي 0551234567";
    assert_eq!(service.redact_text(phone).await.unwrap().policy_version, 0);
    let mut before = 0;
    for (document, action) in [
        (r#"{"actions":{"PHONE":"allow"}}"#, Some(RedactionAction::Allow)),
        (r#"{"actions":{"PHONE":"mask"}}"#, Some(RedactionAction::Mask)),
        (r#"{"actions":{"PHONE":"block"}}"#, None),
        ("{}", Some(RedactionAction::Redact)),
    ] {
        let version = service.put(document).await.unwrap();
        assert!(version > before);
        before = version;
        match (service.redact_text(phone).await, action) {
            (Ok(answer), Some(action)) => {
                assert_eq!(
                    (answer.policy_version, answer.spans[0].action()),
                    (version, action),
                    "{document}"
                );
            }
            (Err(fault), None) => assert_eq!(fault.reason, "CONTENT_BLOCKED"),
            (answer, _) => panic!("{document}: {answer:?}"),
        }
    }
    let mut service = service.restart().await;
    let kept = service.get(MERCHANT).await;
    assert_eq!((kept.version, kept.document.as_str(), kept.merchant_id.as_str()), (before, "{}", MERCHANT));
}

async fn a_lost_answer_and_a_lost_race_are_told_apart(store: Store) {
    let mut service = Service::start(store).await;
    let first = service.put_for(MERCHANT, r#"{"deny":["ab"]}"#, Some(0)).await.unwrap();
    // Sent again because the answer was lost.
    assert_eq!(service.put_for(MERCHANT, r#"{"deny":["ab"]}"#, Some(0)).await.unwrap(), first);
    let fault = service.put_for(MERCHANT, "{}", Some(first + 1)).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::Aborted, "POLICY_CHANGED"));
    assert_eq!(fault.metadata["version"], first.to_string());
    let second = service.put_for(MERCHANT, "{}", Some(first)).await.unwrap();
    assert!(second > first);
    // Many changes later the newest is still there, and versions go on.
    for round in 0..20 {
        service.put(&format!(r#"{{"deny":["round {round}"]}}"#)).await.unwrap();
    }
    assert_eq!(service.get(MERCHANT).await.version, second + 20);
}

async fn the_default_holds_for_all_that_have_none(store: Store) {
    let mut service = Service::start(store).await;
    let all = service.put_for("", r#"{"actions":{"EMAIL":"mask"}}"#, None).await.unwrap();
    let answer = service.redact_text("sara@example.com").await.unwrap();
    assert_eq!((answer.policy_version, answer.placeholders.len()), (all, 0));
    assert_eq!(service.get(MERCHANT).await.merchant_id, "");
    let own = service.put("{}").await.unwrap();
    assert!(own > all, "a version is never that of another merchant's policy");
    assert_eq!(service.redact_text("sara@example.com").await.unwrap().placeholders.len(), 1);
    // Taken away, the default is in force again, under its own version.
    service.put("").await.unwrap();
    assert_eq!(service.redact_text("sara@example.com").await.unwrap().policy_version, all);
    service.put_for("", "", None).await.unwrap();
    let builtin = service.get(MERCHANT).await;
    assert_eq!((builtin.version, builtin.document.as_str()), (0, ""));
    assert_eq!(service.redact_text("sara@example.com").await.unwrap().policy_version, 0);
}

/// What a text becomes, with its class.
async fn redacted(service: &mut Service, text: &str) -> (String, PersonalDataClass) {
    let answer = service.redact_text(text).await.unwrap();
    let residual = answer.residual();
    (answer.text, residual)
}

#[tokio::test]
async fn own_values_stay_and_others_of_the_type_do_not() {
    let mut service = Service::start(Store::Sqlite).await;
    let allow = r#"{"allow":["+966 55 000 1111","support@dukkan.example","1010123456","300012345600003"]}"#;
    service.put(allow).await.unwrap();
    for text in [
        "واتساب المتجر ٠٥٥٠٠٠١١١١",
        "راسلنا على Support@Dukkan.example",
        "السجل التجاري 1010123456 والرقم الضريبي 300012345600003",
    ] {
        let (stays, class) = redacted(&mut service, text).await;
        assert_eq!((stays.as_str(), class), (text, PersonalDataClass::None));
    }
    let (mixed, class) = redacted(&mut service, "المتجر 0550001111 وأنا 0551234567").await;
    assert!(mixed.contains("0550001111") && !mixed.contains("0551234567"), "{mixed}");
    assert_eq!(class, PersonalDataClass::Redacted);
}

#[tokio::test]
async fn what_a_policy_leaves_in_a_text_keeps_the_text_in_the_region() {
    let mut service = Service::start(Store::Sqlite).await;
    let document =
        r#"{"actions":{"PHONE":"allow","SA_CR":"allow"},"thresholds":{"SA_NATIONAL_ID":0.9,"EMAIL":1}}"#;
    service.put(document).await.unwrap();
    for (text, class) in [
        ("رقمي 0551234567", PersonalDataClass::Sensitive),
        // The merchant is less careful than usual.
        ("1088888886", PersonalDataClass::Sensitive),
        // A registration is a business's.
        ("السجل التجاري 1010123456", PersonalDataClass::None),
        ("متى يوصل الطلب؟", PersonalDataClass::None),
    ] {
        assert_eq!(redacted(&mut service, text).await, (text.to_owned(), class));
    }
}

#[tokio::test]
async fn a_lower_threshold_takes_out_more() {
    let mut service = Service::start(Store::Sqlite).await;
    let doubtful = "جوالي 1 2 345 6 789";
    assert_eq!(redacted(&mut service, doubtful).await, (doubtful.to_owned(), PersonalDataClass::Sensitive));
    service.put(r#"{"thresholds":{"PHONE":0.35}}"#).await.unwrap();
    let (text, class) = redacted(&mut service, doubtful).await;
    assert!(text.starts_with("جوالي [[PHONE:"), "{text}");
    assert_eq!(class, PersonalDataClass::Redacted);
}

#[tokio::test]
async fn blocked_types_are_named_and_their_values_are_not() {
    let mut service = Service::start(Store::Sqlite).await;
    service.put(r#"{"actions":{"IBAN":"block","CREDIT_CARD":"block","CUSTOM":"block"},"deny":["Project Falcon"]}"#).await.unwrap();
    let text = "ايباني SA0380000000608010167519 وبطاقتي 4111 1111 1111 1111 وايباني SA0380000000608010167519 project falcon";
    let fault = service.redact(question(text)).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::FailedPrecondition, "CONTENT_BLOCKED"));
    assert_eq!(fault.metadata["types"], "IBAN, CREDIT_CARD, CUSTOM");
    let shown = format!("{fault:?}").to_lowercase();
    for value in ["sa03", "4111", "falcon"] {
        assert!(!shown.contains(value), "{shown}");
    }
    assert!(service.redact(question("رقمي 0551234567")).await.is_ok());
}

#[tokio::test]
async fn masked_values_get_a_placeholder_that_never_comes_back() {
    let mut service = Service::start(Store::Sqlite).await;
    service.put(r#"{"actions":{"EMAIL":"mask"}}"#).await.unwrap();
    let answer =
        service.redact(question("sara@example.com أو SARA@example.com أو 0551234567")).await.unwrap();
    assert_eq!(answer.placeholders.len(), 1);
    assert_eq!(answer.placeholders[0].value, "0551234567");
    let left = shown(&answer.messages[1]);
    assert_eq!((left.matches("[[EMAIL:").count(), left.matches("[[PHONE:").count()), (2, 1), "{left}");
    assert_eq!((answer.type_counts["EMAIL"], answer.residual()), (2, PersonalDataClass::Redacted));
}

#[tokio::test]
async fn listed_words_and_patterns_are_taken_out_whatever_is_around() {
    let mut service = Service::start(Store::Sqlite).await;
    service
        .put(r#"{"deny":["مشروع الصقر","0551234567 ext"],"patterns":["DK-[0-9]{6,8}"],"actions":{"SECRET":"block"}}"#)
        .await
        .unwrap();
    let (text, class) = redacted(&mut service, "تفاصيل بمشروع الصَّقر وبطاقة dk-٠١٢٣٤٥٦").await;
    assert_eq!((text.matches("[[CUSTOM:").count(), class), (2, PersonalDataClass::Redacted), "{text}");
    // A literal that a number overlaps goes out with it, in one piece.
    let answer = service.redact_text("call 0551234567 EXT 4").await.unwrap();
    assert_eq!(answer.spans.len(), 1, "{answer:?}");
    assert_eq!((answer.spans[0].start, answer.spans[0].end), (5, 19));
    assert_eq!(answer.placeholders[0].value, "0551234567 EXT");
    assert_eq!(answer.text, format!("call {} 4", answer.placeholders[0].token));
}

#[tokio::test]
async fn every_fault_of_a_document_is_named_and_nothing_changes() {
    let mut service = Service::start(Store::Sqlite).await;
    let version = service.put(r#"{"actions":{"PHONE":"mask"}}"#).await.unwrap();
    let wrong =
        r#"{"actions":{"PHON":"mask"},"patterns":["(a{1,99}){1,99}"],"answer":{"facts":{"currency":"x"}}}"#;
    let fault = service.put(wrong).await.unwrap_err();
    assert_eq!((fault.code, fault.reason.as_str()), (Code::InvalidArgument, "REQUEST_INVALID"));
    let fields: Vec<&str> = fault.field_violations.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(fields, ["document.actions.PHON", "document.patterns[0]", "document.answer.facts.currency"]);
    assert_eq!(service.get(MERCHANT).await.version, version);
    let fault = service.put_for("No Such", "{}", None).await.unwrap_err();
    assert_eq!(fault.field_violations[0].field, "merchant_id");
}

#[tokio::test]
async fn facts_come_once_a_version_and_serve_checks() {
    let mut service = Service::start(Store::Sqlite).await;
    assert_eq!(service.redact(question("كم التوصيل؟")).await.unwrap().answer_policy, None);
    let facts = r#"{"currency":"SAR","shipping":{"fee":"25.00"}}"#;
    let document =
        format!(r#"{{"answer":{{"facts":{facts},"on_violation":"block","on_unsure":"annotate"}}}}"#);
    let version = service.put(&document).await.unwrap();
    let first = service.redact(question("كم التوصيل؟")).await.unwrap().answer_policy.unwrap();
    assert_eq!((first.version, first.facts_json.as_str()), (version, facts));
    assert_eq!((first.on_violation(), first.on_unsure()), (AnswerAction::Block, AnswerAction::Annotate));
    let mut again = question("كم التوصيل؟");
    again.known_policy_version = version;
    let again = service.redact(again).await.unwrap().answer_policy.unwrap();
    assert_eq!((again.version, again.facts_json.as_str()), (version, ""));
    let check = CheckAnswerRequest {
        merchant_id: MERCHANT.into(),
        text: "رسوم الشحن ٣٠ ريال".into(),
        facts_json: String::new(),
    };
    let findings = service.client.check_answer(check).await.unwrap().into_inner().findings;
    assert_eq!(findings[0].expected, "25");
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_takes_everything_out() {
    let mut service = Service::start(Store::Sqlite).await;
    service.put(r#"{"actions":{"PHONE":"allow"},"deny":["falcon"]}"#).await.unwrap();
    let folder = service.folder.path().join("data");
    let mut service = service.restart().await;
    let store =
        sqlx::SqlitePool::connect(&format!("sqlite:{}/redaction.sqlite", folder.display())).await.unwrap();
    sqlx::query("UPDATE policy SET document = '{\"actions\":'").execute(&store).await.unwrap();
    let answer = service.redact_text("رقمي 0551234567").await.unwrap();
    assert!(answer.text.contains("[[PHONE:"), "{answer:?}");
    assert_eq!((answer.residual(), answer.policy_version), (PersonalDataClass::Sensitive, 0));
    let answer = service.redact(question("متى يصل الطلب؟")).await.unwrap();
    assert!(answer.policy_unknown && answer.answer_policy.is_none(), "{answer:?}");
    let fault = service
        .client
        .get_policy(kaleem_proto::redaction::v1::GetPolicyRequest { merchant_id: "X".into() })
        .await;
    assert_eq!(Fault::from_status(&fault.unwrap_err()).reason, "REQUEST_INVALID");
}
