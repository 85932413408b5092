//! An answer against the facts of its shop, on the wire.

use std::sync::Arc;

use kaleem_guard::{Finding, Policy, PolicyError, PolicyFault, Verdict};
use kaleem_proto::redaction::v1::{CheckAnswerRequest, CheckAnswerResponse, check_answer_response};
use kaleem_rpc::Fault;

use crate::{
    MAX_TEXT_BYTES, Violation,
    grpc::{invalid, wrong_document},
    policy::Answer,
};

/// Checks the answer of a request against the facts that it brings, else against those that are `stored`.
///
/// Errors: as [`read`].
pub(crate) fn check(
    request: &CheckAnswerRequest,
    stored: Option<&Answer>,
) -> Result<CheckAnswerResponse, Fault> {
    let facts = read(&request.text, &request.facts_json, stored)?;
    let report = kaleem_guard::check(&facts, &request.text);
    Ok(CheckAnswerResponse { findings: report.findings.into_iter().map(finding).collect() })
}

/// The facts for an answer: those of `facts_json`, else those that are `stored`.
///
/// Errors: REQUEST_INVALID with every fault of the facts, if there are none, or if the answer is too long.
pub(crate) fn read(text: &str, facts_json: &str, stored: Option<&Answer>) -> Result<Arc<Policy>, Fault> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(invalid("text", "is too long; split it").with("bytes_max", MAX_TEXT_BYTES));
    }
    match (facts_json, stored) {
        ("", None) => Err(invalid("facts_json", "must be set: the merchant stored no facts")),
        ("", Some(stored)) => Ok(Arc::clone(&stored.facts)),
        (facts, _) => Policy::parse(facts).map(Arc::new).map_err(|error| wrong_facts(&error)),
    }
}

/// A failure that names every fault of the facts.
fn wrong_facts(error: &PolicyError) -> Fault {
    let violation =
        |fault: &PolicyFault| Violation { field: fault.path.clone(), description: fault.description.clone() };
    wrong_document("facts_json", &error.faults().iter().map(violation).collect::<Vec<_>>())
}

pub(crate) fn finding(finding: Finding) -> check_answer_response::Finding {
    check_answer_response::Finding {
        start: i32::try_from(finding.bytes.start).unwrap_or(i32::MAX),
        end: i32::try_from(finding.bytes.end).unwrap_or(i32::MAX),
        verdict: verdict(finding.verdict).into(),
        kind: finding.field.name().to_ascii_uppercase(),
        expected: finding.expected.unwrap_or_default(),
    }
}

pub(crate) fn verdict(verdict: Verdict) -> check_answer_response::Verdict {
    match verdict {
        Verdict::Pass => check_answer_response::Verdict::Pass,
        Verdict::Unsure => check_answer_response::Verdict::Unsure,
        Verdict::Violate => check_answer_response::Verdict::Violate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = r#"{"currency":"SAR","shipping":{"fee":"25.00"},"coupons":{"EID2026":20}}"#;

    fn request(text: &str, facts: &str) -> CheckAnswerRequest {
        CheckAnswerRequest { merchant_id: "dukkan".into(), text: text.into(), facts_json: facts.into() }
    }

    #[test]
    fn findings_say_where_what_and_what_would_be_right() {
        let text = "رسوم الشحن ٣٠ ريال، والضمان سنتان، وكود EID2026 يعمل.";
        let findings = check(&request(text, FACTS), None).unwrap().findings;
        let shown: Vec<_> = findings
            .iter()
            .map(|found| {
                let (start, end) =
                    (usize::try_from(found.start).unwrap(), usize::try_from(found.end).unwrap());
                (&text[start..end], found.kind.as_str(), found.verdict(), found.expected.as_str())
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("٣٠ ريال", "SHIPPING_FEE", check_answer_response::Verdict::Violate, "25"),
                ("سنتان", "WARRANTY_MONTHS", check_answer_response::Verdict::Unsure, ""),
                ("EID2026", "COUPON", check_answer_response::Verdict::Pass, ""),
            ]
        );
    }

    #[test]
    fn every_fault_of_the_facts_is_named() {
        let fault = check(&request("x", r#"{"currency":"riyal","return_days":-1}"#), None).unwrap_err();
        assert_eq!(fault.reason, "REQUEST_INVALID");
        let fields: Vec<&str> = fault.field_violations.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(fields, ["facts_json.currency", "facts_json.return_days"]);
        let long = check(&request(&"x".repeat(MAX_TEXT_BYTES + 1), FACTS), None).unwrap_err();
        assert_eq!(long.field_violations[0].field, "text");
        let none = check(&request("x", ""), None).unwrap_err();
        assert_eq!(none.field_violations[0].field, "facts_json");
    }
}
