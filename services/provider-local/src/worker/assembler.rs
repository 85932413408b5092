//! Chunks of one answer become provider events; only an answer that gave a finish reason ends well.

use std::collections::VecDeque;

use kaleem_domain::{Tally, estimate::input_token_ceiling, tally::Assumed};
use kaleem_proto::chat::v1::{
    FinishReason, ReasoningDelta, TextDelta, TokenUsage, ToolCallDelta, UsageSource,
};
use kaleem_rpc::convert;

use super::chunk::{Choice, Chunk, Delta, ToolCallPiece};
use crate::call::{Event, Finished, Started};
use crate::error::CallError;

/// Most tool calls of one answer.
const TOOL_CALLS_MAX: usize = 128;
/// Most bytes of tool arguments in one answer; they are kept to be checked at the end.
const ARGUMENT_BYTES_MAX: usize = 1 << 20;

/// What the assembler must know of the call.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Worker that answers.
    pub worker: String,
    /// Model that was asked for.
    pub model: String,
    /// Id where the worker gives none.
    pub request_id: String,
    /// Output bound that the worker got.
    pub max_output: u32,
    /// Input tokens by estimate, where the worker never counts.
    pub estimated_input: i64,
}

/// Whether the stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More may come.
    More,
    /// The worker said that nothing more comes.
    Done,
}

/// State of one answer.
#[derive(Debug)]
pub struct Assembler {
    expected: Expectation,
    has_started: bool,
    finish: Option<FinishReason>,
    /// Arguments so far of each call, by index.
    tool_arguments: Vec<String>,
    argument_bytes: usize,
    tally: Tally,
    warnings: Vec<String>,
}

impl Assembler {
    /// Starts with nothing.
    pub fn new(expected: Expectation, warnings: Vec<String>) -> Self {
        Self {
            expected,
            has_started: false,
            finish: None,
            tool_arguments: Vec::new(),
            argument_bytes: 0,
            tally: Tally::default(),
            warnings,
        }
    }

    /// Whether the answer is complete but for counts.
    pub fn has_finish(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether the worker has begun to answer.
    pub fn has_started(&self) -> bool {
        self.has_started
    }

    /// Takes the data of one event.
    pub fn accept(&mut self, data: &str, events: &mut VecDeque<Event>) -> Result<Step, CallError> {
        if data == "[DONE]" {
            return Ok(Step::Done);
        }
        let chunk: Chunk =
            serde_json::from_str(data).map_err(|_| self.broken("an event is not the JSON of a chunk"))?;
        let is_error_object = chunk.error.as_ref().is_some_and(|error| !error.is_null());
        // A failure that arrives as a bare error object has none of a chunk's fields.
        if is_error_object || (chunk.choices.is_empty() && chunk.usage.is_none() && chunk.id.is_none()) {
            return Err(self.failed("it reported a failure inside the stream"));
        }
        self.start(&chunk, events);
        // Counts are cumulative, so a newer one replaces what has not been passed on yet.
        if chunk.usage.is_some() && matches!(events.back(), Some(Event::Usage(_))) {
            events.pop_back();
        }
        for choice in chunk.choices.iter().filter(|choice| choice.index == 0) {
            self.accept_choice(choice, events)?;
        }
        if let Some(usage) = chunk.usage {
            let usage = usage.to_disjoint(UsageSource::Provider);
            self.tally.report(convert::from_usage(&usage));
            if !chunk.choices.is_empty() {
                events.push_back(Event::Usage(TokenUsage { source: UsageSource::Partial.into(), ..usage }));
            }
        }
        Ok(Step::More)
    }

    /// Ends the answer; an error unless it was complete.
    pub fn finish(&mut self, events: &mut VecDeque<Event>) -> Result<(), CallError> {
        let reason = self.finish.ok_or_else(|| self.broken("the stream ended without a finish reason"))?;
        if !self.tool_arguments.is_empty() && reason == FinishReason::Length {
            return Err(CallError::ToolCallCut { limit: self.expected.max_output });
        }
        for (index, arguments) in (0i32..).zip(&self.tool_arguments) {
            if arguments.trim().is_empty() {
                // Some servers send nothing for a function without parameters.
                let delta = ToolCallDelta {
                    index,
                    arguments_json_delta: "{}".to_owned(),
                    ..ToolCallDelta::default()
                };
                events.push_back(Event::ToolCall(delta));
            } else if !serde_json::from_str::<serde_json::Value>(arguments)
                .is_ok_and(|value| value.is_object())
            {
                return Err(self.broken("the arguments of a tool call are not a JSON object"));
            }
        }
        let usage = convert::usage(&self.tally.whole(self.assumed()));
        let warnings = std::mem::take(&mut self.warnings);
        events.push_back(Event::Finished(Finished { reason: reason.into(), usage: Some(usage), warnings }));
        Ok(())
    }

    /// What is known of the usage of an answer that broke off.
    pub fn partial_usage(&self) -> TokenUsage {
        let usage = convert::usage(&self.tally.so_far(self.assumed()));
        TokenUsage { source: UsageSource::Partial.into(), ..usage }
    }

    fn assumed(&self) -> Assumed {
        Assumed { input: self.expected.estimated_input, output_max: self.expected.max_output.into() }
    }

    fn start(&mut self, chunk: &Chunk, events: &mut VecDeque<Event>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let text = |given: &Option<String>, otherwise: &String| {
            given.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| otherwise.clone())
        };
        events.push_back(Event::Started(Started {
            served_model: text(&chunk.model, &self.expected.model),
            provider_request_id: text(&chunk.id, &self.expected.request_id),
            upstream: self.expected.worker.clone(),
        }));
    }

    fn accept_choice(&mut self, choice: &Choice, events: &mut VecDeque<Event>) -> Result<(), CallError> {
        if let Some(delta) = &choice.delta {
            self.accept_delta(delta, events)?;
        }
        match choice.finish_reason.as_deref() {
            Some(reason) => self.accept_finish(reason),
            None => Ok(()),
        }
    }

    fn accept_delta(&mut self, delta: &Delta, events: &mut VecDeque<Event>) -> Result<(), CallError> {
        let reasoning = delta.reasoning.as_ref().or(delta.reasoning_content.as_ref());
        if let Some(text) = reasoning.filter(|text| !text.is_empty()) {
            self.tally.reasoning(input_token_ceiling(text));
            events.push_back(Event::Reasoning(ReasoningDelta {
                text: text.clone(),
                ..ReasoningDelta::default()
            }));
        }
        if let Some(text) = delta.content.as_ref().filter(|text| !text.is_empty()) {
            self.tally.text(input_token_ceiling(text));
            // Text that is still here arrived together with this, and goes on together.
            match events.back_mut() {
                Some(Event::Text(before)) => before.text.push_str(text),
                _ => events.push_back(Event::Text(TextDelta { text: text.clone() })),
            }
        }
        for piece in delta.tool_calls.iter().flatten() {
            self.accept_tool_call(piece, events)?;
        }
        Ok(())
    }

    fn accept_tool_call(
        &mut self,
        piece: &ToolCallPiece,
        events: &mut VecDeque<Event>,
    ) -> Result<(), CallError> {
        let known = self.tool_arguments.len();
        // Without an index, an id opens a call and anything else goes on with the last one.
        let index = piece.index.unwrap_or(if piece.id.is_some() || known == 0 { known } else { known - 1 });
        if index > known || index >= TOOL_CALLS_MAX {
            return Err(self.broken("the indexes of its tool calls are not in order"));
        }
        let is_new = index == known;
        let function = piece.function.as_ref();
        let name = function.and_then(|function| function.name.clone()).unwrap_or_default();
        let arguments = function.and_then(|function| function.arguments.clone()).unwrap_or_default();
        if is_new && name.is_empty() {
            return Err(self.broken("a tool call has no function name"));
        }
        if is_new {
            self.tool_arguments.push(String::new());
        }
        self.argument_bytes += arguments.len();
        if self.argument_bytes > ARGUMENT_BYTES_MAX {
            return Err(self.broken("its tool arguments are longer than 1 MiB"));
        }
        self.tally.text(input_token_ceiling(&name) + input_token_ceiling(&arguments));
        self.tool_arguments[index].push_str(&arguments);
        let id = piece.id.clone().filter(|id| !id.is_empty());
        let id = if is_new {
            id.unwrap_or_else(|| format!("call-{}-{index}", self.expected.request_id))
        } else {
            String::new()
        };
        if !is_new && arguments.is_empty() {
            return Ok(());
        }
        events.push_back(Event::ToolCall(ToolCallDelta {
            index: i32::try_from(index).unwrap_or(i32::MAX),
            id,
            name: if is_new { name } else { String::new() },
            arguments_json_delta: arguments,
            provider_signature: Vec::new(),
        }));
        Ok(())
    }

    fn accept_finish(&mut self, reason: &str) -> Result<(), CallError> {
        let has_tools = !self.tool_arguments.is_empty();
        let reason = match reason {
            "length" => FinishReason::Length,
            "content_filter" => FinishReason::ContentFiltered,
            "abort" | "error" => return Err(self.failed("it gave the answer up")),
            // A named tool choice ends with "stop".
            _ if has_tools => FinishReason::ToolCalls,
            "stop" => FinishReason::Stop,
            other => {
                // "tool_calls" without a call, "repetition" and what servers may think of: the answer is whole.
                tracing::debug!(worker = self.expected.worker, reason = other, "unusual finish reason");
                FinishReason::Stop
            }
        };
        self.finish = Some(reason);
        Ok(())
    }

    fn broken(&self, detail: &str) -> CallError {
        CallError::Protocol { worker: self.expected.worker.clone(), detail: detail.to_owned() }
    }

    fn failed(&self, detail: &str) -> CallError {
        CallError::Unavailable { worker: self.expected.worker.clone(), detail: detail.to_owned() }
    }
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
