//! The guardrails of an answer: what it must respect, and what becomes on its way to the caller of a statement that does not.

mod facts;
mod words;

use std::{collections::VecDeque, ops::ControlFlow};

use kaleem_guard::{Finding, Gate, Language, Piece, Verdict, amendment};
use kaleem_proto::{
    chat::v1::TextDelta,
    gateway::v1::{Notice, stream_chat_response::Event},
};

use facts::Action;
pub(super) use facts::{Guardrails, Policies, read_supplied};

/// Notices of one answer; what more is found is counted and acted on, but not told.
const NOTICES_MAX: usize = 16;
/// Wrong statements that the sentence at the end of an answer may set right.
const AMENDED_MAX: usize = 16;
/// Bytes of an answer by which its language is known.
const SAMPLE_BYTES_MAX: usize = 512;

/// The text lane of one answer under guardrails. Text waits here for at most the end of its sentence.
pub(super) struct Guard {
    gate: Gate,
    judge: Judge,
    /// What the gate has just let out; kept for its capacity.
    pieces: Vec<Piece>,
}

/// For whom an answer is, and in what form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Audience {
    /// Language of the request, for notices.
    pub(super) language: &'static str,
    /// Whether the answer is to be a JSON document, which no sentence can be appended to.
    pub(super) json: bool,
}

/// Decides about statements, one after the other.
struct Judge {
    rails: Guardrails,
    audience: Audience,
    told: usize,
    /// What the sentence at the end sets right.
    amended: Vec<Finding>,
    /// How the answer begins.
    sample: String,
}

impl Guard {
    pub(super) fn new(rails: &Guardrails, audience: Audience) -> Self {
        let judge =
            Judge { rails: rails.clone(), audience, told: 0, amended: Vec::new(), sample: String::new() };
        Self { gate: Gate::new(rails.policy()), judge, pieces: Vec::new() }
    }

    /// Takes the next text of the answer and gives what may be shown; a break ends the answer here.
    pub(super) fn push(&mut self, text: &str, out: &mut VecDeque<Event>) -> ControlFlow<()> {
        self.gate.push(text, &mut self.pieces);
        self.judge.show(&mut self.pieces, out)
    }

    /// Ends the answer: gives what was held, and sets right what was let out wrong. A break ends the answer before what was held.
    pub(super) fn finish(self, out: &mut VecDeque<Event>) -> ControlFlow<()> {
        let Self { gate, mut judge, mut pieces } = self;
        gate.finish(&mut pieces);
        judge.show(&mut pieces, out)?;
        out.extend(judge.amendment().map(text_event));
        ControlFlow::Continue(())
    }
}

impl Judge {
    /// Shows `pieces` as one text with the notices behind it, up to the first that must not be shown.
    fn show(&mut self, pieces: &mut Vec<Piece>, out: &mut VecDeque<Event>) -> ControlFlow<()> {
        let (mut text, mut notices) = (String::new(), Vec::new());
        let flow = pieces.drain(..).try_for_each(|piece| {
            let shown = self.piece(&piece, &mut notices)?;
            text.push_str(shown.as_deref().unwrap_or(piece.text()));
            ControlFlow::Continue(())
        });
        let missing = SAMPLE_BYTES_MAX.saturating_sub(self.sample.len());
        self.sample.push_str(&text[..text.floor_char_boundary(missing)]);
        if !text.is_empty() {
            out.push_back(text_event(text));
        }
        out.extend(notices.into_iter().map(Event::Notice));
        flow
    }

    /// Decides about all statements of a piece: what stands in its place, nothing if it stays as it is.
    fn piece(&mut self, piece: &Piece, notices: &mut Vec<Notice>) -> ControlFlow<(), Option<String>> {
        let corrects = self.rails.action(Verdict::Violate) == Action::Correct;
        let violates = piece.findings().iter().any(|finding| finding.verdict == Verdict::Violate);
        let corrected = if corrects && violates { piece.corrected() } else { None };
        let mut blocked = false;
        for finding in piece.findings() {
            let action = self.action(finding, corrected.is_some());
            count(finding, action);
            let reason = match (action, finding.verdict) {
                (_, Verdict::Pass) | (Action::Pass, _) => continue,
                (Action::Annotate, Verdict::Unsure) => "GUARDRAIL_UNSURE",
                (Action::Annotate, Verdict::Violate) => "GUARDRAIL_VIOLATION",
                (Action::Append, _) => "GUARDRAIL_APPENDED",
                (Action::Correct, _) => "GUARDRAIL_CORRECTED",
                (Action::Block, _) => "GUARDRAIL_BLOCKED",
            };
            blocked |= action == Action::Block;
            if action == Action::Append && self.amended.len() < AMENDED_MAX {
                self.amended.push(finding.clone());
            }
            if self.told < NOTICES_MAX {
                self.told += 1;
                notices.push(words::notice(reason, finding, self.audience.language));
            }
        }
        if blocked { ControlFlow::Break(()) } else { ControlFlow::Continue(corrected) }
    }

    /// What is done about a statement, where the merchant's wish is not possible the next stricter or milder thing.
    fn action(&self, finding: &Finding, correctable: bool) -> Action {
        match self.rails.action(finding.verdict) {
            // Of what the facts say nothing about, nothing is true.
            Action::Correct if finding.verdict != Verdict::Violate || !correctable => Action::Block,
            Action::Append if finding.verdict != Verdict::Violate || self.audience.json => Action::Annotate,
            action => action,
        }
    }

    /// The sentence that sets right what was let out wrong.
    fn amendment(&self) -> Option<String> {
        let said = amendment(&self.rails.policy(), &self.amended, Language::of(&self.sample))?;
        Some(format!("\n\n{said}"))
    }
}

fn text_event(text: String) -> Event {
    Event::Text(TextDelta { text })
}

fn count(finding: &Finding, action: Action) {
    metrics::counter!(
        "kaleem_gateway_guard_statements_total",
        "verdict" => finding.verdict.name(),
        "field" => finding.field.name(),
        "action" => action.name(),
    )
    .increment(1);
}

#[cfg(test)]
mod tests;
