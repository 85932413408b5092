//! Why a text is treated as it is.

use kaleem_proto::redaction::v1::{
    ExplainRedactionRequest, RedactionAction,
    explain_redaction_response::{Candidate, Check, Decision, evidence},
};

use crate::harness::{MERCHANT, Service, Store};

async fn explained(service: &mut Service, text: &str) -> Vec<Candidate> {
    let request =
        ExplainRedactionRequest { merchant_id: MERCHANT.into(), text: text.into(), question: String::new() };
    service.client.explain_redaction(request).await.unwrap().into_inner().candidates
}

#[tokio::test]
async fn every_decision_has_its_reason() {
    let mut service = Service::start(Store::Sqlite).await;
    service
        .put(r#"{"actions":{"IBAN":"block"},"thresholds":{"EMAIL":1},"allow":["0550001111"],"deny":["falcon"]}"#)
        .await
        .unwrap();
    for (text, kind, decision, action) in [
        ("جوالي 0551234567", "PHONE", Decision::Default, RedactionAction::Redact),
        ("جوالي 0550001111", "PHONE", Decision::AllowList, RedactionAction::Allow),
        ("SA0380000000608010167519", "IBAN", Decision::Action, RedactionAction::Block),
        ("Project Falcon", "CUSTOM", Decision::Listed, RedactionAction::Redact),
        ("جوالي 1 2 345 6 789", "PHONE", Decision::BelowThreshold, RedactionAction::Allow),
    ] {
        let candidates = explained(&mut service, text).await;
        let one = candidates.iter().find(|one| one.r#type == kind).unwrap();
        assert_eq!((one.decision(), one.action()), (decision, action), "{text}: {candidates:?}");
    }
}

#[tokio::test]
async fn the_word_counts_in_code_points_and_adds_up() {
    let mut service = Service::start(Store::Sqlite).await;
    let candidates = explained(&mut service, "🙂 هويتي 1088888886").await;
    let one = candidates.iter().find(|one| one.r#type == "SA_NATIONAL_ID").unwrap();
    assert_eq!((one.start, one.end, one.check()), (8, 18, Check::Passed));
    let word = one.evidence.unwrap();
    assert_eq!((word.kind(), word.start, word.end), (evidence::Kind::Cue, 2, 7));
    assert!((one.structure_score + word.score - one.score).abs() < 0.001 || one.score > 0.999, "{one:?}");
}
