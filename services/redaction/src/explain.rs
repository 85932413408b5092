//! Why a text is treated as it is: what the engine makes of it, and what the policy makes of that.

use std::{ops::Range, sync::Arc};

use kaleem_pii::{Explanation, Points, Span};

use crate::{
    Redactor, Session,
    policy::{Action, Rule},
    redact::hint,
};

/// Why something in a text is treated as it is.
pub(crate) struct Reason {
    /// What the engine makes of it; a listed value has no evidence and is certain.
    pub(crate) found: Explanation,
    /// From which score on it counts.
    pub(crate) threshold: Points,
    /// What happens to it.
    pub(crate) action: Action,
    /// What decided.
    pub(crate) rule: Rule,
}

impl Redactor {
    /// Explains a text that answers `question`, in order of place.
    pub(crate) fn explain(&self, question: &str, text: &str, session: &mut Session) -> Vec<Reason> {
        let policy = Arc::clone(&session.policy);
        let Session { folded, scratch, .. } = session;
        folded.refill(&hint(question), text, &[]);
        let mut listed = Vec::new();
        policy.add_listed(folded, &mut listed);
        let found = self.detector.explain(policy.thresholds(), text, folded, scratch);
        let covered = |range: &Range<usize>| {
            listed.iter().any(|span| span.range.start < range.end && range.start < span.range.end)
        };
        let mut reasons: Vec<Reason> = found
            .into_iter()
            .map(|found| {
                let threshold = policy.thresholds().of(found.kind);
                let (action, rule) = match found.taken {
                    _ if covered(&found.range) => (Action::Allow, Rule::Overlapped),
                    true => policy.decide(found.kind, &text[found.range.clone()], &found.normal),
                    false if found.points < threshold => (Action::Allow, Rule::BelowThreshold),
                    false => (Action::Allow, Rule::Overlapped),
                };
                Reason { found, threshold, action, rule }
            })
            .collect();
        reasons.extend(listed.into_iter().map(|span| {
            let (action, rule) = policy.decide(span.kind, "", &span.normal);
            let Span { kind, range, points, normal } = span;
            let found = Explanation { kind, range, normal, points, check: None, evidence: None, taken: true };
            Reason { found, threshold: points, action, rule }
        }));
        reasons.sort_by_key(|reason| reason.found.range.start);
        reasons
    }
}
