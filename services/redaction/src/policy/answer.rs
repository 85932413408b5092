//! What a merchant's answers must respect.

use std::sync::Arc;

use kaleem_guard::Policy as Facts;
use kaleem_proto::redaction::v1::AnswerAction;

/// The facts of a shop, and what happens to an answer that breaks them.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The facts as the merchant wrote them, a JSON object.
    pub(crate) facts_json: String,
    /// The facts, ready to check with.
    pub(crate) facts: Arc<Facts>,
    /// What happens to a statement that contradicts them.
    pub(crate) on_violation: AnswerAction,
    /// What happens to a statement that they say nothing about.
    pub(crate) on_unsure: AnswerAction,
}

/// The actions by their names in a document.
pub(super) const ACTIONS: [(&str, AnswerAction); 6] = [
    ("pass", AnswerAction::Pass),
    ("annotate", AnswerAction::Annotate),
    ("append", AnswerAction::Append),
    ("correct", AnswerAction::Correct),
    ("retry", AnswerAction::Retry),
    ("block", AnswerAction::Block),
];
