//! Messages → contents: roles merged, instructions collected, each result beside its call.
//!
//! The API wants turns that alternate, all results of a turn's calls in one content right after it, and no call at the opening.
//! Results are therefore put in order here by the id of their call, wherever the caller placed them.

use std::collections::HashMap;

use kaleem_proto::chat::v1::{Message, Reasoning, Role, ToolCall, ToolResult, part::Kind};

use super::{Warnings, parts};
use crate::config::ModelConfig;
use crate::error::Violations;
use crate::wire::request::{self as wire, Content, Part};

/// Tells generation 3 that a call comes from history that it did not sign. Sent as it stands, which is valid base64.
const FOREIGN_SIGNATURE: &str = "skip_thought_signature_validator";

/// Bytes of all pictures of a request.
const PICTURE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A translated conversation.
pub(super) struct Conversation {
    /// Instructions, in order.
    pub system: Vec<Part>,
    /// Turns.
    pub contents: Vec<Content>,
}

/// Translates `messages`; everything wrong is added to the violations.
pub(super) fn translate(
    messages: &[Message],
    model: &ModelConfig,
    (violations, warnings): (&mut Violations, &mut Warnings),
) -> Conversation {
    let mut history = History::new(model, violations);
    for (at, message) in messages.iter().enumerate() {
        if !message.name.is_empty() {
            warnings.push("participant names were left out: Gemini has no field for them");
        }
        history.message(message, &format!("messages[{at}]"));
    }
    history.finish(warnings)
}

/// A turn under construction. Calls and what belongs to them are the model's only.
struct Turn {
    role: wire::Role,
    parts: Vec<Part>,
    calls: Vec<Call>,
    /// Pictures that came with results: they have no place inside a response.
    pictures: Vec<Part>,
}

/// A call that waits for its result.
struct Call {
    name: String,
    field: String,
    result: Option<Part>,
}

struct History<'a> {
    model: &'a ModelConfig,
    violations: &'a mut Violations,
    system: Vec<Part>,
    turns: Vec<Turn>,
    /// Call id → turn and position in it; a repeated id means its latest call.
    calls: HashMap<String, (usize, usize)>,
    picture_bytes: usize,
}

impl<'a> History<'a> {
    fn new(model: &'a ModelConfig, violations: &'a mut Violations) -> Self {
        let (system, turns, calls) = (Vec::new(), Vec::new(), HashMap::new());
        Self { model, violations, system, turns, calls, picture_bytes: 0 }
    }

    fn message(&mut self, message: &Message, field: &str) {
        let role = message.role();
        for (at, part) in message.parts.iter().enumerate() {
            let field = format!("{field}.parts[{at}]");
            match (role, &part.kind) {
                (_, None) => self
                    .violations
                    .push(field, "is empty; set text, image, tool_call, tool_result or reasoning"),
                (Role::Unspecified, _) => {}
                (_, Some(Kind::Text(text))) if text.is_empty() => {}
                (Role::System, Some(Kind::Text(text))) => self.system.push(Part::text(text)),
                (Role::User, Some(Kind::Text(text))) => {
                    self.turn(wire::Role::User).parts.push(Part::text(text));
                }
                (Role::Assistant, Some(Kind::Text(text))) => {
                    self.turn(wire::Role::Model).parts.push(Part::text(text));
                }
                (Role::User, Some(Kind::Image(image))) => {
                    let part = self.picture(image, &field);
                    self.turn(wire::Role::User).parts.extend(part);
                }
                (Role::Assistant, Some(Kind::ToolCall(call))) => self.call(call, field),
                (Role::Assistant, Some(Kind::Reasoning(reasoning))) => self.reasoning(reasoning),
                (Role::User | Role::Tool, Some(Kind::ToolResult(result))) => self.result(result, &field),
                _ => self.violations.push(field, "is of a kind that this role cannot have"),
            }
        }
        if role == Role::Unspecified {
            self.violations.push(format!("{field}.role"), "must be SYSTEM, USER, ASSISTANT or TOOL");
        }
    }

    /// The turn of `role` to add to. A model's turn whose calls have results is over.
    fn turn(&mut self, role: wire::Role) -> &mut Turn {
        let is_open = self
            .turns
            .last()
            .is_some_and(|turn| turn.role == role && turn.calls.iter().all(|call| call.result.is_none()));
        if !is_open {
            self.turns.push(Turn { role, parts: Vec::new(), calls: Vec::new(), pictures: Vec::new() });
        }
        let last = self.turns.len() - 1;
        &mut self.turns[last]
    }

    fn picture(&mut self, image: &kaleem_proto::chat::v1::Image, field: &str) -> Option<Part> {
        let part = parts::picture(image, field, self.violations)?;
        self.take_picture_bytes(std::slice::from_ref(&part), field);
        Some(part)
    }

    fn take_picture_bytes(&mut self, pictures: &[Part], field: &str) {
        let before = self.picture_bytes;
        let encoded =
            pictures.iter().filter_map(|part| part.inline_data.as_ref()).map(|blob| blob.data.len());
        self.picture_bytes += encoded.map(|len| len / 4 * 3).sum::<usize>();
        if before <= PICTURE_BYTES_MAX && self.picture_bytes > PICTURE_BYTES_MAX {
            self.violations.push(field, format!("brings the pictures over {PICTURE_BYTES_MAX} bytes"));
        }
    }

    fn call(&mut self, call: &ToolCall, field: String) {
        let with_id = self.model.is_generation_3();
        let Some(part) = parts::call(call, with_id, &field, self.violations) else { return };
        let turn = self.turn(wire::Role::Model);
        turn.parts.push(part);
        let position = turn.calls.len();
        turn.calls.push(Call { name: call.name.clone(), field, result: None });
        self.calls.insert(call.id.clone(), (self.turns.len() - 1, position));
    }

    /// Reasoning goes back only with its signature: unsigned summaries mean nothing to the model.
    fn reasoning(&mut self, reasoning: &Reasoning) {
        let Some(signature) = parts::signature(&reasoning.provider_signature) else { return };
        let turn = self.turn(wire::Role::Model);
        if !reasoning.text.is_empty() {
            let part =
                Part { thought: true, thought_signature: Some(signature), ..Part::text(&reasoning.text) };
            turn.parts.push(part);
            return;
        }
        // A bare signature came with the text before it, or on an empty part of its own.
        match turn.parts.last_mut().filter(|part| part.text.is_some() && part.thought_signature.is_none()) {
            Some(part) => part.thought_signature = Some(signature),
            None => turn.parts.push(Part { thought_signature: Some(signature), ..Part::text("") }),
        }
    }

    fn result(&mut self, result: &ToolResult, field: &str) {
        let id_field = format!("{field}.tool_result.tool_call_id");
        let Some(&(turn, position)) = self.calls.get(&result.tool_call_id) else {
            self.violations.push(id_field, "names no tool call that an earlier assistant message made");
            return;
        };
        let turn = &mut self.turns[turn];
        let call = &mut turn.calls[position];
        if call.result.is_some() {
            self.violations.push(id_field, "has a result already");
            return;
        }
        let of_call = (call.name.as_str(), self.model.is_generation_3());
        let (part, pictures) = parts::response(result, of_call, field, self.violations);
        call.result = Some(part);
        turn.pictures.extend(pictures.iter().cloned());
        self.take_picture_bytes(&pictures, field);
    }

    fn finish(mut self, warnings: &mut Warnings) -> Conversation {
        self.leave_out_opening_calls(warnings);
        self.check_results();
        let is_generation_3 = self.model.is_generation_3();
        let mut contents = Vec::new();
        for turn in self.turns {
            match turn.role {
                wire::Role::User => push(&mut contents, turn.parts),
                wire::Role::Model => push_model_turn(&mut contents, turn, is_generation_3),
            }
        }
        match contents.last() {
            None => self.violations.push("messages", "must hold at least one user message that is not empty"),
            Some(last) if last.role == Some(wire::Role::Model) && is_generation_3 => {
                self.violations.push("messages", "must end with a user or tool message for this model");
            }
            Some(_) => {}
        }
        Conversation { system: self.system, contents }
    }

    /// A history that was cut to fit may open with a call, which the API refuses; the question behind it is gone anyway.
    fn leave_out_opening_calls(&mut self, warnings: &mut Warnings) {
        while self.turns.first().is_some_and(|turn| !turn.calls.is_empty()) {
            warnings.push("tool calls at the opening of the history were left out: Gemini wants a user turn before them");
            self.turns.remove(0);
        }
    }

    fn check_results(&mut self) {
        let calls = self.turns.iter().flat_map(|turn| &turn.calls);
        for call in calls.filter(|call| call.result.is_none()) {
            self.violations
                .push(format!("{}.tool_call", call.field), "has no result; add a tool message for each call");
        }
    }
}

/// Adds a user's parts, to the content before it where that is plain too.
fn push(contents: &mut Vec<Content>, parts: Vec<Part>) {
    let last = contents.last_mut().filter(|last| last.role == Some(wire::Role::User));
    match last.filter(|last| last.parts.iter().all(|part| part.function_response.is_none())) {
        Some(last) => last.parts.extend(parts),
        None => contents.push(Content { role: Some(wire::Role::User), parts }),
    }
}

fn push_model_turn(contents: &mut Vec<Content>, turn: Turn, is_generation_3: bool) {
    let Turn { mut parts, calls, pictures, .. } = turn;
    let first_call = parts.iter_mut().find(|part| part.function_call.is_some());
    if let Some(part) = first_call
        && is_generation_3
        && part.thought_signature.is_none()
    {
        part.thought_signature = Some(FOREIGN_SIGNATURE.to_owned());
    }
    contents.push(Content { role: Some(wire::Role::Model), parts });
    let results: Vec<Part> = calls.into_iter().filter_map(|call| call.result).collect();
    if !results.is_empty() {
        contents.push(Content { role: Some(wire::Role::User), parts: results });
    }
    if !pictures.is_empty() {
        push(contents, pictures);
    }
}
