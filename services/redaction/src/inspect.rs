//! An answer with everything done to it that a policy says.

use std::sync::Arc;

use kaleem_guard::{Finding, Gate, Language, Piece, Policy, Verdict, amendment};
use kaleem_proto::redaction::v1::{AnswerAction, InspectAnswerRequest, InspectAnswerResponse};
use kaleem_rpc::Fault;

use crate::{
    answer::{finding, read, verdict},
    policy::Answer,
};

/// What happens to statements.
#[derive(Debug, Clone, Copy)]
struct Actions {
    violation: AnswerAction,
    unsure: AnswerAction,
}

impl Actions {
    /// Those of the request, else those that are stored, else the defaults.
    fn of(request: &InspectAnswerRequest, stored: Option<&Answer>) -> Self {
        let or = |asked: AnswerAction, stored: Option<AnswerAction>, default| match asked {
            AnswerAction::Unspecified => stored.unwrap_or(default),
            asked => asked,
        };
        Self {
            violation: or(
                request.on_violation(),
                stored.map(|stored| stored.on_violation),
                AnswerAction::Correct,
            ),
            unsure: or(request.on_unsure(), stored.map(|stored| stored.on_unsure), AnswerAction::Pass),
        }
    }

    /// What happens to a statement.
    fn to(self, finding: &Finding) -> AnswerAction {
        match finding.verdict {
            Verdict::Pass => AnswerAction::Pass,
            Verdict::Violate => self.violation,
            // Nothing true is known that could stand in its place.
            Verdict::Unsure if matches!(self.unsure, AnswerAction::Correct | AnswerAction::Retry) => {
                AnswerAction::Block
            }
            Verdict::Unsure => self.unsure,
        }
    }
}

/// What may be shown of an answer, and the strictest thing that was done to it.
struct Shown {
    text: String,
    action: AnswerAction,
}

/// Inspects the answer of a request, by the facts that it brings or those that are `stored`.
///
/// Errors: as [`read`](crate::answer::read).
pub(crate) fn inspect(
    request: &InspectAnswerRequest,
    stored: Option<&Answer>,
    policy_version: i64,
) -> Result<InspectAnswerResponse, Fault> {
    let facts = read(&request.text, &request.facts_json, stored)?;
    let pieces = pieces(&facts, &request.text);
    let findings: Vec<Finding> = pieces.iter().flat_map(Piece::findings).cloned().collect();
    let mut shown = shown(&pieces, Actions::of(request, stored));
    let amendment = amendment(&facts, &findings, Language::of(&request.text)).unwrap_or_default();
    if shown.action == AnswerAction::Append && !amendment.is_empty() {
        shown.text.push('\n');
        shown.text.push_str(&amendment);
    }
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or_default();
    Ok(InspectAnswerResponse {
        text: shown.text,
        verdict: verdict(worst).into(),
        findings: findings.into_iter().map(finding).collect(),
        action: shown.action.into(),
        amendment,
        policy_version: stored.map_or(0, |_| policy_version),
    })
}

/// Cuts an answer as one that is streamed is cut, so that both are treated alike.
fn pieces(facts: &Arc<Policy>, text: &str) -> Vec<Piece> {
    let mut gate = Gate::new(Arc::clone(facts));
    let mut pieces = Vec::new();
    gate.push(text, &mut pieces);
    gate.finish(&mut pieces);
    pieces
}

fn shown(pieces: &[Piece], actions: Actions) -> Shown {
    let mut shown = Shown { text: String::new(), action: AnswerAction::Pass };
    for piece in pieces {
        // From pass to block, each is stricter than the one before.
        let action = piece.findings().iter().map(|finding| actions.to(finding)).max();
        let action = action.unwrap_or(AnswerAction::Pass);
        let text = match action {
            AnswerAction::Block => None,
            AnswerAction::Correct | AnswerAction::Retry => piece.corrected(),
            _ => Some(piece.text().to_owned()),
        };
        let Some(text) = text else {
            // Where no single value is true, a correction ends the answer too.
            shown.action = AnswerAction::Block;
            return shown;
        };
        shown.text.push_str(&text);
        shown.action = shown.action.max(action);
    }
    shown
}
