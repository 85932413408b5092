//! Why a text is treated as it is, on the wire.

use kaleem_pii::{Points, Speaks};
use kaleem_proto::redaction::v1::{
    ExplainRedactionRequest, ExplainRedactionResponse,
    explain_redaction_response::{Candidate, Check, Decision, Evidence, evidence},
};

use super::redact::{Engine, class};
use crate::{Error, explain::Reason, policies::InForce, policy::Rule};

/// Bytes of the longest text that is explained.
pub(super) const EXPLAINED_BYTES_MAX: usize = 64 * 1024;
/// Most candidates of an answer.
const CANDIDATES_MAX: usize = 1_000;

impl Engine {
    /// Explains one text.
    pub(super) fn explain(
        &self,
        request: &ExplainRedactionRequest,
        policy: &InForce,
    ) -> Result<ExplainRedactionResponse, Error> {
        let mut session = self.session(&request.merchant_id, "", policy);
        let reasons = self.redactor.explain(&request.question, &request.text, &mut session);
        let points = CodePoints::of(&request.text);
        let candidates =
            reasons.iter().take(CANDIDATES_MAX).map(|reason| candidate(reason, &points)).collect();
        // What would be left; a blocked text leaves nothing.
        let residual = match self.redactor.redact_after(&request.question, &request.text, &mut session) {
            Ok(_) | Err(Error::Blocked { .. }) => class(&session, policy),
            Err(error) => return Err(error),
        };
        Ok(ExplainRedactionResponse { candidates, policy_version: policy.version, residual: residual.into() })
    }
}

/// The number of code points before each byte of a short text.
struct CodePoints(Vec<i32>);

impl CodePoints {
    fn of(text: &str) -> Self {
        let mut points = Vec::with_capacity(text.len() + 1);
        for (index, character) in (0..).zip(text.chars()) {
            points.extend(std::iter::repeat_n(index, character.len_utf8()));
        }
        points.push(points.last().map_or(0, |last| last + 1));
        Self(points)
    }

    fn at(&self, byte: usize) -> i32 {
        self.0.get(byte).copied().unwrap_or(-1)
    }
}

fn candidate(reason: &Reason, points: &CodePoints) -> Candidate {
    let found = &reason.found;
    let word = found.evidence.as_ref();
    Candidate {
        r#type: found.kind.name().to_owned(),
        start: points.at(found.range.start),
        end: points.at(found.range.end),
        score: score(found.points),
        threshold: score(reason.threshold),
        structure_score: score(found.points - word.map_or(0, |word| word.points)),
        check: match found.check {
            None => Check::Unspecified,
            Some(true) => Check::Passed,
            Some(false) => Check::Failed,
        }
        .into(),
        evidence: word.map(|word| Evidence {
            kind: match word.speaks {
                Speaks::For => evidence::Kind::Cue,
                Speaks::Against => evidence::Kind::Decoy,
                Speaks::OtherKind => evidence::Kind::OtherType,
            }
            .into(),
            start: word.range.as_ref().map_or(-1, |range| points.at(range.start)),
            end: word.range.as_ref().map_or(-1, |range| points.at(range.end)),
            score: score(word.points),
        }),
        decision: decision(reason.rule).into(),
        action: reason.action.wire().into(),
    }
}

const fn decision(rule: Rule) -> Decision {
    match rule {
        Rule::Default => Decision::Default,
        Rule::Action => Decision::Action,
        Rule::AllowList => Decision::AllowList,
        Rule::Listed => Decision::Listed,
        Rule::BelowThreshold => Decision::BelowThreshold,
        Rule::Overlapped => Decision::Overlapped,
    }
}

fn score(points: Points) -> f64 {
    f64::from(points) / 100.0
}
