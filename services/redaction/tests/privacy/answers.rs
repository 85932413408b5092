//! Answers with everything done to them that a policy says.

use kaleem_proto::redaction::v1::{
    AnswerAction, InspectAnswerRequest, InspectAnswerResponse, check_answer_response::Verdict,
};
use kaleem_rpc::Fault;

use crate::harness::{MERCHANT, Service, Store};

const FACTS: &str = r#"{"currency":"SAR","shipping":{"fee":"25.00"},"return_days":14}"#;
const WRONG: &str = "أهلاً بك. رسوم الشحن ٣٠ ريال. شكراً لك.";

async fn inspect(
    service: &mut Service,
    text: &str,
    on_violation: AnswerAction,
) -> Result<InspectAnswerResponse, Fault> {
    let request = InspectAnswerRequest {
        merchant_id: MERCHANT.into(),
        text: text.into(),
        facts_json: FACTS.into(),
        on_violation: on_violation.into(),
        on_unsure: AnswerAction::Unspecified.into(),
    };
    let answer = service.client.inspect_answer(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
}

#[tokio::test]
async fn each_action_does_what_it_says() {
    let mut service = Service::start(Store::Sqlite).await;
    let corrected = WRONG.replace("٣٠", "٢٥");
    for (asked, done, shown) in [
        (AnswerAction::Pass, AnswerAction::Pass, WRONG),
        (AnswerAction::Annotate, AnswerAction::Annotate, WRONG),
        (AnswerAction::Correct, AnswerAction::Correct, &corrected),
        (AnswerAction::Unspecified, AnswerAction::Correct, &corrected),
        (AnswerAction::Retry, AnswerAction::Retry, &corrected),
    ] {
        let answer = inspect(&mut service, WRONG, asked).await.unwrap();
        assert_eq!((answer.action(), answer.text.as_str()), (done, shown), "{asked:?}");
        assert_eq!((answer.verdict(), answer.findings[0].expected.as_str()), (Verdict::Violate, "25"));
        assert!(answer.amendment.contains("٢٥"), "{}", answer.amendment);
    }
    let appended = inspect(&mut service, WRONG, AnswerAction::Append).await.unwrap();
    assert_eq!(appended.text, format!("{WRONG}\n{}", appended.amendment));
    let blocked = inspect(&mut service, WRONG, AnswerAction::Block).await.unwrap();
    assert_eq!(blocked.action(), AnswerAction::Block);
    assert!(WRONG.starts_with(&blocked.text) && !blocked.text.contains("٣٠"), "{}", blocked.text);
}

#[tokio::test]
async fn a_right_answer_stays_and_what_is_stored_counts() {
    let mut service = Service::start(Store::Sqlite).await;
    let right = "رسوم الشحن ٢٥ ريال.";
    let answer = inspect(&mut service, right, AnswerAction::Block).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.action()), (right, AnswerAction::Pass));
    assert_eq!((answer.verdict(), answer.amendment.as_str()), (Verdict::Pass, ""));
    let stored =
        InspectAnswerRequest { merchant_id: MERCHANT.into(), text: WRONG.into(), ..Default::default() };
    let fault = service.client.inspect_answer(stored.clone()).await.unwrap_err();
    assert_eq!(Fault::from_status(&fault).field_violations[0].field, "facts_json");
    let document =
        format!(r#"{{"answer":{{"facts":{FACTS},"on_violation":"annotate","on_unsure":"block"}}}}"#);
    let version = service.put(&document).await.unwrap();
    let answer = service.client.inspect_answer(stored.clone()).await.unwrap().into_inner();
    assert_eq!((answer.policy_version, answer.action()), (version, AnswerAction::Annotate));
    // The facts say nothing about a warranty.
    let unsure = InspectAnswerRequest { text: "أهلاً. الضمان سنتان.".into(), ..stored };
    let answer = service.client.inspect_answer(unsure).await.unwrap().into_inner();
    assert_eq!((answer.action(), answer.verdict()), (AnswerAction::Block, Verdict::Unsure));
    assert!(!answer.text.contains("سنتان"), "{}", answer.text);
}
