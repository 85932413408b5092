//! Turns a script into the bytes of an answer.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::models::Model;
use super::reply::{CallStyle, Reply, Step, Usage};
use super::turns::signature;
use crate::json_style::JsonStyle;
use crate::playback::Action;

/// How the caller asked for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `generateContent`: one indented object.
    Whole,
    /// `streamGenerateContent?alt=sse`.
    Events,
    /// `streamGenerateContent`: one JSON array.
    Array,
}

/// Status and script of an answer.
pub(crate) struct Rendered {
    pub(crate) status: u16,
    pub(crate) actions: Vec<Action>,
}

/// Writes a refusal as the framing wants it.
pub(crate) fn error_body(error: &ApiError, framing: Framing) -> String {
    match framing {
        Framing::Array => format!("[{}\n]", indented(&error.body())),
        Framing::Whole | Framing::Events => format!("{}\n", indented(&error.body())),
    }
}

pub(crate) fn indented(value: &Value) -> String {
    format!("{value:#}")
}

/// Counts one token for four bytes of text in the contents and the system instruction, at least one.
pub(crate) fn prompt_tokens(request: &Map<String, Value>) -> u32 {
    let contents = request.get("contents").and_then(Value::as_array).into_iter().flatten();
    let parts =
        contents.chain(request.get("systemInstruction")).filter_map(|content| content["parts"].as_array());
    let bytes: usize = parts.flatten().map(|part| part["text"].as_str().map_or(0, str::len)).sum();
    u32::try_from(bytes.div_ceil(4).max(1)).unwrap_or(u32::MAX)
}

/// One answer being written.
pub(crate) struct Answer<'a> {
    model: &'a Model,
    number: usize,
    reply: Reply,
    usage: Usage,
    style: CallStyle,
    pieces: u32,
    /// Tier that was asked for.
    service_tier: Option<String>,
}

impl<'a> Answer<'a> {
    /// Prepares the answer to request `number`.
    pub(crate) fn new(
        model: &'a Model,
        number: usize,
        request: &Map<String, Value>,
        mut reply: Reply,
    ) -> Self {
        reply.steps = reply.steps.into_iter().flat_map(|step| expand_echo(step, request)).collect();
        let count = |is_wanted: fn(&Step) -> bool| {
            u32::try_from(reply.steps.iter().filter(|step| is_wanted(step)).count()).unwrap_or(u32::MAX)
        };
        let pieces = count(|step| matches!(step, Step::Text(_) | Step::Call { .. }));
        let thoughts = count(|step| matches!(step, Step::Thought(_)));
        let counted = Usage { thoughts, ..Usage::new(prompt_tokens(request), pieces) };
        let own_style = if model.is_third_generation() { CallStyle::Third } else { CallStyle::Second };
        let (usage, style) = (reply.usage.unwrap_or(counted), reply.call_style.unwrap_or(own_style));
        let service_tier = request.get("serviceTier").and_then(Value::as_str).map(ToOwned::to_owned);
        Self { model, number, reply, usage, style, pieces, service_tier }
    }

    /// Renders the answer in `framing`.
    pub(crate) fn render(&self, framing: Framing) -> Rendered {
        if let Some(error) = self.failure_before_output(framing) {
            let waits = self.reply.steps.iter().filter_map(|step| match step {
                Step::Wait(gate) => Some(Action::Wait(gate.clone())),
                _ => None,
            });
            let body = Action::Send(Bytes::from(error_body(error, framing)));
            return Rendered { status: error.code, actions: waits.chain([body]).collect() };
        }
        let actions = match framing {
            Framing::Whole => self.whole(),
            Framing::Events | Framing::Array => Stream::new(self, framing).render(),
        };
        Rendered { status: 200, actions }
    }

    fn failure_before_output(&self, framing: Framing) -> Option<&ApiError> {
        let mut steps = self.reply.steps.iter();
        let decisive = steps.find(|step| match step {
            Step::Fail(_) | Step::Stall | Step::Cut => true,
            Step::FailBare(_) => framing == Framing::Whole,
            Step::Wait(_) => false,
            _ => framing != Framing::Whole,
        });
        match decisive {
            Some(Step::Fail(error) | Step::FailBare(error)) => Some(error),
            _ => None,
        }
    }

    fn finish_reason(&self) -> &str {
        self.reply.finish.as_deref().unwrap_or("STOP")
    }

    fn part(&self, step: &Step, calls_before: usize) -> Option<Value> {
        match step {
            Step::Text(text) => Some(json!({"text": text})),
            Step::Thought(text) => Some(json!({"text": text, "thought": true})),
            Step::Call { name, args } => {
                let mut part = json!({"functionCall": {"name": name, "args": args}});
                if self.style == CallStyle::Third {
                    let id = format!("call{:04}{calls_before:04}", self.number);
                    part["functionCall"] = json!({"id": id, "name": name, "args": args});
                    if calls_before == 0 {
                        part["thoughtSignature"] = Value::from(signature(self.number));
                    }
                }
                Some(part)
            }
            _ => None,
        }
    }

    /// Wraps a candidate, or none for a blocked prompt, into a response with the usage after `pieces_done`
    /// pieces.
    fn response(&self, candidate: Option<Value>, pieces_done: u32, is_last: bool) -> Value {
        let mut response = json!({});
        match (&self.reply.block_reason, candidate) {
            (Some(reason), _) => response["promptFeedback"] = json!({"blockReason": reason}),
            (None, Some(candidate)) => response["candidates"] = json!([candidate]),
            (None, None) => {}
        }
        response["usageMetadata"] = self.usage_metadata(pieces_done, is_last);
        let version = self.reply.model_version.as_deref().unwrap_or(self.model.id);
        response["modelVersion"] = Value::from(version);
        response["responseId"] = Value::from(format!("testkit{:017}", self.number));
        response
    }

    fn usage_metadata(&self, pieces_done: u32, is_last: bool) -> Value {
        let Usage { prompt, cached, thoughts, candidates, image, audio, unexplained } = self.usage;
        let share = u64::from(candidates) * u64::from(pieces_done) / u64::from(self.pieces.max(1));
        let done = if is_last { u64::from(candidates) } else { share };
        let shown = if is_last || !self.reply.counts_candidates_last { done } else { 0 };
        let mut metadata = json!({"promptTokenCount": prompt});
        // Fields that are zero are left out.
        let optional = [("candidatesTokenCount", shown), ("cachedContentTokenCount", u64::from(cached))];
        for (name, count) in optional.into_iter().chain([("thoughtsTokenCount", u64::from(thoughts))]) {
            if count > 0 {
                metadata[name] = Value::from(count);
            }
        }
        let total = u64::from(prompt) + shown + u64::from(thoughts) + u64::from(unexplained);
        metadata["totalTokenCount"] = Value::from(total);
        let text = prompt.saturating_sub(image).saturating_sub(audio);
        let details = [("TEXT", text), ("IMAGE", image), ("AUDIO", audio)];
        let details = details.into_iter().filter(|(modality, count)| *count > 0 || *modality == "TEXT");
        metadata["promptTokensDetails"] =
            details.map(|(modality, count)| json!({"modality": modality, "tokenCount": count})).collect();
        if let Some(tier) = &self.service_tier {
            metadata["serviceTier"] = Value::from(tier.as_str());
        }
        metadata
    }

    fn candidate(parts: &[Value], finish: Option<&str>) -> Value {
        let content = if parts.is_empty() { json!({}) } else { json!({"parts": parts, "role": "model"}) };
        let mut candidate = json!({"content": content});
        if let Some(reason) = finish {
            candidate["finishReason"] = Value::from(reason);
        }
        candidate["index"] = Value::from(0);
        candidate
    }

    fn whole(&self) -> Vec<Action> {
        let (mut actions, mut parts, mut calls) = (Vec::new(), Vec::<Value>::new(), 0);
        for step in &self.reply.steps {
            match step {
                Step::Wait(gate) => actions.push(Action::Wait(gate.clone())),
                Step::Stall => actions.push(Action::Stall),
                Step::Cut => actions.push(Action::Cut),
                _ => {}
            }
            let Some(part) = self.part(step, calls) else { continue };
            calls += usize::from(matches!(step, Step::Call { .. }));
            append(&mut parts, part);
        }
        let finish = (!self.reply.is_unfinished).then(|| self.finish_reason());
        let response = self.response(Some(Self::candidate(&parts, finish)), self.pieces, true);
        actions.push(Action::Send(Bytes::from(format!("{}\n", indented(&response)))));
        actions
    }
}

/// Adds `part`, joined to the last one where both are text of the same kind.
fn append(parts: &mut Vec<Value>, part: Value) {
    let same_kind = parts.last_mut().filter(|last| last.get("thought") == part.get("thought"));
    if let (Some(last), Some(text)) = (same_kind, part["text"].as_str())
        && let Some(before) = last["text"].as_str()
    {
        last["text"] = Value::from(format!("{before}{text}"));
        return;
    }
    parts.push(part);
}

/// Replaces an echo by the last user text, one piece a word.
fn expand_echo(step: Step, request: &Map<String, Value>) -> Vec<Step> {
    let Step::Echo = step else { return vec![step] };
    let contents = request.get("contents").and_then(Value::as_array);
    let user = contents.into_iter().flatten().rev().find(|content| content["role"] != "model");
    let parts = user.and_then(|content| content["parts"].as_array()).into_iter().flatten();
    let text: String = parts.filter_map(|part| part["text"].as_str()).collect();
    text.split_inclusive(' ').map(|word| Step::Text(word.to_owned())).collect()
}

/// A stream being written.
struct Stream<'a> {
    answer: &'a Answer<'a>,
    framing: Framing,
    pieces_done: u32,
    chunks: usize,
    calls: usize,
    actions: Vec<Action>,
}

impl<'a> Stream<'a> {
    fn new(answer: &'a Answer<'a>, framing: Framing) -> Self {
        Self { answer, framing, pieces_done: 0, chunks: 0, calls: 0, actions: Vec::new() }
    }

    fn render(mut self) -> Vec<Action> {
        let steps = &self.answer.reply.steps;
        let mut is_finished = self.answer.reply.is_unfinished;
        for (at, step) in steps.iter().enumerate() {
            if let Step::Fail(error) = step {
                let body = JsonStyle::GOOGLE.render(&error.body());
                self.chunk(&body);
                return self.close();
            }
            let carries_finish = match step {
                Step::Text(_) | Step::Thought(_) => true,
                Step::Call { .. } => self.answer.style == CallStyle::Second,
                _ => false,
            };
            let closes = carries_finish && !is_finished && at + 1 == steps.len();
            self.play(step, closes);
            is_finished |= closes;
        }
        if !is_finished {
            self.finish_apart();
        }
        self.close()
    }

    fn play(&mut self, step: &Step, closes: bool) {
        match step {
            Step::Wait(gate) => self.actions.push(Action::Wait(gate.clone())),
            Step::Stall => self.actions.push(Action::Stall),
            Step::Cut => self.actions.push(Action::Cut),
            Step::Raw(bytes) => self.actions.push(Action::Send(bytes.clone())),
            Step::FailBare(error) => {
                self.actions.push(Action::Send(Bytes::from(error_body(error, Framing::Whole))));
            }
            Step::Text(_) | Step::Thought(_) | Step::Call { .. } => self.part(step, closes),
            // Echoes were expanded, failures end the loop above.
            Step::Echo | Step::Fail(_) => {}
        }
    }

    fn part(&mut self, step: &Step, closes: bool) {
        let mut part = self.answer.part(step, self.calls);
        self.calls += usize::from(matches!(step, Step::Call { .. }));
        self.pieces_done += u32::from(!matches!(step, Step::Thought(_)));
        if let Some(part) = part.as_mut().filter(|_| closes && self.answer.model.is_third_generation()) {
            part["thoughtSignature"] = Value::from(signature(self.answer.number));
        }
        let finish = closes.then(|| self.answer.finish_reason());
        let candidate = Answer::candidate(part.as_slice(), finish);
        self.response(Some(candidate), closes);
    }

    /// Ends with a chunk of its own: an empty text, or an empty content where there was no output at all.
    fn finish_apart(&mut self) {
        let ends_early =
            matches!(self.answer.reply.steps.last(), Some(Step::Stall | Step::Cut | Step::FailBare(_)));
        if ends_early {
            return;
        }
        let parts = if self.chunks == 0 { Vec::new() } else { vec![json!({"text": ""})] };
        let candidate = Answer::candidate(&parts, Some(self.answer.finish_reason()));
        self.response(Some(candidate), true);
    }

    fn response(&mut self, candidate: Option<Value>, is_last: bool) {
        let response = self.answer.response(candidate, self.pieces_done, is_last);
        self.chunk(&JsonStyle::GOOGLE.render(&response));
    }

    fn chunk(&mut self, json: &str) {
        let text = match (self.framing, self.chunks) {
            (Framing::Array, 0) => format!("[{json}\n"),
            (Framing::Array, _) => format!(",\r\n{json}\n"),
            (Framing::Events | Framing::Whole, _) => format!("data: {json}\r\n\r\n"),
        };
        self.chunks += 1;
        self.actions.push(Action::Send(Bytes::from(text)));
    }

    fn close(mut self) -> Vec<Action> {
        if self.framing == Framing::Array {
            self.actions.push(Action::Send(Bytes::from_static(b"]")));
        }
        self.actions
    }
}
