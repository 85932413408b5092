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
pub(super) use facts::{Guardrails, Policies};
pub(super) use words::{asked_again, not_asked_again};

/// Notices of one answer; what more is found is counted and acted on, but not told.
const NOTICES_MAX: usize = 16;
/// Wrong statements that the sentence at the end of an answer, or the hint to a model that is asked again, may set right.
const NOTED_MAX: usize = 16;
/// Bytes of an answer by which its language is known.
const SAMPLE_BYTES_MAX: usize = 512;

/// The text lane of one answer under guardrails. Text waits here for at most the end of its sentence.
pub(super) struct Guard {
    /// Absent once the answer has ended.
    gate: Option<Gate>,
    judge: Judge,
    /// What the gate has just let out. Empty but while the model may be asked again because of it.
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

/// When the model may be asked once more, where the merchant wants that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// As long as the caller, who reads along, has seen nothing.
    Unseen,
    /// Once the answer has ended: its caller gets it whole.
    AtTheEnd,
    /// Not any more: something was seen, or it cannot be asked.
    Missed,
    /// Not any more: this is its second answer.
    Taken,
}

/// Why an answer does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It ends before what it states.
    Block,
    /// The model may be asked again in its place. Else [`Guard::go_on`] shows what waits.
    AskAgain,
}

/// Decides about statements, one after the other.
struct Judge {
    rails: Guardrails,
    audience: Audience,
    chance: Chance,
    told: usize,
    /// What the sentence at the end sets right, or the hint to a model that is asked again.
    noted: Vec<Finding>,
    /// How the answer begins.
    sample: String,
}

impl Guard {
    pub(super) fn new(rails: &Guardrails, audience: Audience, chance: Chance) -> Self {
        let (noted, sample) = (Vec::new(), String::new());
        let judge = Judge { rails: rails.clone(), audience, chance, told: 0, noted, sample };
        Self { gate: Some(Gate::new(rails.policy())), judge, pieces: Vec::new() }
    }

    /// Takes the next text of the answer and gives what may be shown; a break stops the answer here.
    pub(super) fn push(&mut self, text: &str, out: &mut VecDeque<Event>) -> ControlFlow<Halt> {
        if let Some(gate) = self.gate.as_mut() {
            gate.push(text, &mut self.pieces);
        }
        self.show(out)
    }

    /// Ends the answer: gives what was held, and sets right what was let out wrong. A break stops the answer before what was held.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Event>) -> ControlFlow<Halt> {
        if let Some(gate) = self.gate.take() {
            gate.finish(&mut self.pieces);
        }
        self.show(out)?;
        out.extend(self.judge.amendment().map(text_event));
        ControlFlow::Continue(())
    }

    /// Gives what waits after [`Halt::AskAgain`], corrected: the model could not be asked.
    pub(super) fn go_on(&mut self, out: &mut VecDeque<Event>) -> ControlFlow<Halt> {
        self.judge.chance = Chance::Missed;
        self.show(out)
    }

    /// Notes that the caller has seen something of the answer.
    pub(super) fn seen(&mut self) {
        if self.judge.chance == Chance::Unseen {
            self.judge.chance = Chance::Missed;
        }
    }

    /// Whether the model is to be asked again because of the whole answer, which has ended.
    pub(super) fn asks_again_at_the_end(&self) -> bool {
        self.judge.chance == Chance::AtTheEnd && !self.judge.noted.is_empty()
    }

    /// What a model that is asked again is to know: the true values, in the language of the answer. `None` if it is not to be asked.
    pub(super) fn hint(&self) -> Option<String> {
        matches!(self.judge.chance, Chance::Unseen | Chance::AtTheEnd).then(|| self.judge.truth())?
    }

    fn show(&mut self, out: &mut VecDeque<Event>) -> ControlFlow<Halt> {
        if self.judge.asks_again(&self.pieces) {
            return ControlFlow::Break(Halt::AskAgain);
        }
        self.judge.show(&mut self.pieces, out)
    }
}

impl Judge {
    /// Whether the model is to be asked again because of what `pieces` state, of which nothing was shown.
    fn asks_again(&mut self, pieces: &[Piece]) -> bool {
        if self.chance != Chance::Unseen || self.rails.action(Verdict::Violate) != Action::Retry {
            return false;
        }
        let wrong = |finding: &&Finding| finding.verdict == Verdict::Violate;
        let wrong = pieces.iter().flat_map(Piece::findings).filter(wrong);
        self.noted.extend(wrong.take(NOTED_MAX).cloned());
        if self.noted.is_empty() {
            return false;
        }
        for piece in pieces {
            self.sample(piece.text());
        }
        // Without anything true to tell it, the model would say the same again.
        let hinted = self.truth().is_some();
        if !hinted {
            self.chance = Chance::Missed;
        }
        hinted
    }

    /// Shows `pieces` as one text with the notices behind it, up to the first that must not be shown.
    fn show(&mut self, pieces: &mut Vec<Piece>, out: &mut VecDeque<Event>) -> ControlFlow<Halt> {
        let (mut text, mut notices) = (String::new(), Vec::new());
        let flow = pieces.drain(..).try_for_each(|piece| {
            let shown = self.piece(&piece, &mut notices)?;
            text.push_str(shown.as_deref().unwrap_or(piece.text()));
            ControlFlow::Continue(())
        });
        self.sample(&text);
        if !text.is_empty() {
            if self.chance == Chance::Unseen {
                self.chance = Chance::Missed;
            }
            out.push_back(text_event(text));
        }
        out.extend(notices.into_iter().map(Event::Notice));
        flow
    }

    /// Remembers how the answer begins.
    fn sample(&mut self, text: &str) {
        let missing = SAMPLE_BYTES_MAX.saturating_sub(self.sample.len());
        self.sample.push_str(&text[..text.floor_char_boundary(missing)]);
    }

    /// Decides about all statements of a piece: what stands in its place, nothing if it stays as it is.
    fn piece(&mut self, piece: &Piece, notices: &mut Vec<Notice>) -> ControlFlow<Halt, Option<String>> {
        let wanted = self.rails.action(Verdict::Violate);
        let corrects = matches!(wanted, Action::Correct | Action::Retry);
        let violates = piece.findings().iter().any(|finding| finding.verdict == Verdict::Violate);
        let corrected = if corrects && violates { piece.corrected() } else { None };
        if violates && wanted == Action::Retry && self.chance == Chance::Missed {
            notices.push(words::not_asked_again(self.audience.language));
            self.chance = Chance::Taken;
        }
        let mut blocked = false;
        for finding in piece.findings() {
            let action = self.action(finding, corrected.is_some());
            count(finding, action);
            let reason = match (action, finding.verdict) {
                (_, Verdict::Pass) | (Action::Pass, _) => continue,
                (Action::Annotate, Verdict::Unsure) => "GUARDRAIL_UNSURE",
                (Action::Annotate, Verdict::Violate) => "GUARDRAIL_VIOLATION",
                (Action::Append, _) => "GUARDRAIL_APPENDED",
                (Action::Correct | Action::Retry, _) => "GUARDRAIL_CORRECTED",
                (Action::Block, _) => "GUARDRAIL_BLOCKED",
            };
            blocked |= action == Action::Block;
            self.note(finding, action);
            if self.told < NOTICES_MAX {
                self.told += 1;
                notices.push(words::notice(reason, finding, self.audience.language));
            }
        }
        if blocked { ControlFlow::Break(Halt::Block) } else { ControlFlow::Continue(corrected) }
    }

    /// What is done about a statement, where the merchant's wish is not possible the next stricter or milder thing.
    fn action(&self, finding: &Finding, correctable: bool) -> Action {
        match self.rails.action(finding.verdict) {
            // Of what the facts say nothing about, nothing is true.
            Action::Correct | Action::Retry if finding.verdict != Verdict::Violate || !correctable => {
                Action::Block
            }
            Action::Retry => Action::Correct,
            Action::Append if finding.verdict != Verdict::Violate || self.audience.json => Action::Annotate,
            action => action,
        }
    }

    /// Notes a statement that the end of the answer, or a model that is asked again, sets right.
    fn note(&mut self, finding: &Finding, action: Action) {
        let again = self.chance == Chance::AtTheEnd && self.rails.action(finding.verdict) == Action::Retry;
        if (action == Action::Append || again) && self.noted.len() < NOTED_MAX {
            self.noted.push(finding.clone());
        }
    }

    /// The true values of what was noted, in one sentence.
    fn truth(&self) -> Option<String> {
        amendment(&self.rails.policy(), &self.noted, Language::of(&self.sample))
    }

    /// The sentence that sets right what was let out wrong.
    fn amendment(&self) -> Option<String> {
        let appends = self.rails.action(Verdict::Violate) == Action::Append;
        Some(format!("\n\n{}", appends.then(|| self.truth())??))
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
