//! Turns a script into the bytes of a vLLM answer.

use std::fmt::Write;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::check::{prompt_tokens, text_of};
use super::reply::{Reply, Step, Usage};
use super::{Settings, WorkerError};
use crate::json_style::{JsonStyle, quote};
use crate::playback::Action;

/// Status, rest of the script, and whether the answer is a stream.
pub(crate) struct Rendered {
    pub(crate) status: u16,
    pub(crate) is_stream: bool,
    pub(crate) actions: Vec<Action>,
}

/// One answer being written.
pub(crate) struct Answer<'a> {
    settings: &'a Settings,
    id: &'a str,
    request: &'a Map<String, Value>,
    reply: Reply,
}

impl<'a> Answer<'a> {
    /// Prepares the answer `chatcmpl-<id>` to `request`.
    pub(crate) fn new(
        settings: &'a Settings,
        id: &'a str,
        request: &'a Map<String, Value>,
        mut reply: Reply,
    ) -> Self {
        reply.steps = reply.steps.into_iter().flat_map(|step| expand_echo(step, request)).collect();
        Self { settings, id, request, reply }
    }

    /// Renders the answer as the request asked for it.
    pub(crate) fn render(&self) -> Rendered {
        if let Some(error) = self.failure_before_output() {
            let (status, body) = error.status_and_body();
            let waits = self.reply.steps.iter().filter_map(|step| match step {
                Step::Wait(gate) => Some(Action::Wait(gate.clone())),
                _ => None,
            });
            let actions = waits.chain([Action::Send(Bytes::from(body))]).collect();
            return Rendered { status, is_stream: false, actions };
        }
        let is_stream = self.request.get("stream") == Some(&Value::Bool(true));
        let actions = if is_stream { Stream::new(self).render() } else { self.unary() };
        Rendered { status: 200, is_stream, actions }
    }

    /// Returns the failure that the client sees as an HTTP status: any in a unary answer, the first step's in
    /// a stream.
    fn failure_before_output(&self) -> Option<&WorkerError> {
        let is_stream = self.request.get("stream") == Some(&Value::Bool(true));
        let mut steps = self.reply.steps.iter();
        let decisive = steps.find(|step| match step {
            Step::Fail(_) | Step::Stall | Step::Cut => true,
            Step::Wait(_) => false,
            _ => is_stream,
        });
        match decisive {
            Some(Step::Fail(error)) => Some(error),
            _ => None,
        }
    }

    fn usage(&self) -> Usage {
        let is_piece =
            |step: &&Step| matches!(step, Step::Text(_) | Step::Reasoning(_) | Step::ToolArguments(_));
        let pieces = u32::try_from(self.reply.steps.iter().filter(is_piece).count()).unwrap_or(u32::MAX);
        self.reply.usage.unwrap_or_else(|| Usage::new(prompt_tokens(self.request), pieces))
    }

    fn finish_reason(&self) -> &str {
        let has_call = self.reply.steps.iter().any(|step| matches!(step, Step::ToolCall { .. }));
        // A call that the request named ends with `stop`; one that the model chose, with `tool_calls`.
        let is_named = self.request.get("tool_choice").is_some_and(Value::is_object);
        let by_content = if has_call && !is_named { "tool_calls" } else { "stop" };
        self.reply.finish.as_deref().unwrap_or(by_content)
    }

    fn tool_call_id(&self, given: Option<&str>, index: usize) -> String {
        given.map_or_else(|| format!("chatcmpl-tool-{:016x}", fingerprint(self.id, index)), str::to_owned)
    }

    fn unary(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for step in &self.reply.steps {
            match step {
                Step::Wait(gate) => actions.push(Action::Wait(gate.clone())),
                Step::Stall => actions.push(Action::Stall),
                Step::Cut => actions.push(Action::Cut),
                _ => {}
            }
        }
        actions.push(Action::Send(Bytes::from(self.unary_body())));
        actions
    }

    fn unary_body(&self) -> String {
        let (mut content, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
        for step in &self.reply.steps {
            match step {
                Step::Text(piece) => content.push_str(piece),
                Step::Reasoning(piece) => reasoning.push_str(piece),
                Step::ToolCall { name, id } => {
                    calls.push((self.tool_call_id(id.as_deref(), calls.len()), name, String::new()));
                }
                Step::ToolArguments(piece) => {
                    calls.last_mut().expect("arguments follow the opening of a call").2.push_str(piece);
                }
                _ => {}
            }
        }
        let is_all_reasoning = content.is_empty() && !reasoning.is_empty();
        let content = if is_all_reasoning { "null".to_owned() } else { quote(&content) };
        let reasoning = if reasoning.is_empty() { "null".to_owned() } else { quote(&reasoning) };
        let calls = calls.iter().map(|(id, name, arguments)| {
            let (id, name, arguments) = (quote(id), quote(name), quote(arguments));
            format!(r#"{{"id":{id},"type":"function","function":{{"name":{name},"arguments":{arguments}}}}}"#)
        });
        let calls = calls.collect::<Vec<_>>().join(",");
        let calls = if calls.is_empty() { calls } else { format!(r#""tool_calls":[{calls}],"#) };
        let finish = if self.reply.is_unfinished { "null".to_owned() } else { quote(self.finish_reason()) };
        let Usage { prompt_tokens, completion_tokens, cached_tokens, created_cache_tokens, reasoning_tokens } =
            self.usage();
        let total = prompt_tokens + completion_tokens;
        let reasoned = reasoning_tokens
            .map_or_else(|| "null".to_owned(), |count| format!(r#"{{"reasoning_tokens":{count}}}"#));
        let Settings { created_epoch_s, fingerprint, models, .. } = self.settings;
        let (id, model) = (self.id, quote(&models[0]));
        format!(
            r#"{{"id":"chatcmpl-{id}","object":"chat.completion","created":{created_epoch_s},"model":{model},"choices":[{{"index":0,"message":{{"role":"assistant","content":{content},"refusal":null,"annotations":null,"audio":null,"function_call":null,{calls}"reasoning":{reasoning}}},"logprobs":null,"finish_reason":{finish},"stop_reason":null,"token_ids":null,"routed_experts":null}}],"service_tier":null,"system_fingerprint":"{fingerprint}","usage":{{"prompt_tokens":{prompt_tokens},"total_tokens":{total},"completion_tokens":{completion_tokens},"prompt_tokens_details":{{"cached_tokens":{cached_tokens},"created_cache_tokens":{created_cache_tokens},"multimodal_tokens":null}},"completion_tokens_details":{reasoned}}},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}}"#
        )
    }
}

/// Replaces an echo by the last user text, one piece a word.
fn expand_echo(step: Step, request: &Map<String, Value>) -> Vec<Step> {
    let Step::Echo = step else { return vec![step] };
    let messages = request.get("messages").and_then(Value::as_array);
    let user = messages.into_iter().flatten().rev().find(|message| message["role"] == "user");
    let text = user.map(|message| text_of(&message["content"])).unwrap_or_default();
    text.split_inclusive(' ').map(|word| Step::Text(word.to_owned())).collect()
}

/// Derives a stable number from an id and a position, so that repeated runs give the same tool-call ids.
fn fingerprint(id: &str, index: usize) -> u64 {
    // FNV-1a.
    let bytes = id.bytes().chain(index.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A stream being written.
struct Stream<'a> {
    answer: &'a Answer<'a>,
    usage: Usage,
    includes_usage: bool,
    is_continuous: bool,
    pieces: u32,
    pieces_done: u32,
    opened: usize,
    actions: Vec<Action>,
}

impl<'a> Stream<'a> {
    fn new(answer: &'a Answer<'a>) -> Self {
        let option = |name| answer.request.get("stream_options").is_some_and(|options| options[name] == true);
        let is_piece =
            |step: &&Step| matches!(step, Step::Text(_) | Step::Reasoning(_) | Step::ToolArguments(_));
        let pieces = answer.reply.steps.iter().filter(is_piece).count();
        Self {
            answer,
            usage: answer.usage(),
            includes_usage: option("include_usage"),
            is_continuous: option("include_usage") && option("continuous_usage_stats"),
            pieces: u32::try_from(pieces).unwrap_or(u32::MAX),
            pieces_done: 0,
            opened: 0,
            actions: Vec::new(),
        }
    }

    fn render(mut self) -> Vec<Action> {
        let steps = &self.answer.reply.steps;
        let waits = steps.iter().take_while(|step| matches!(step, Step::Wait(_))).count();
        let (before_headers, steps) = steps.split_at(waits);
        for step in before_headers {
            self.play(step, false);
        }
        if !matches!(steps.first(), Some(Step::Stall | Step::Cut)) {
            self.chunk(
                r#"{"role":"assistant","content":""}"#,
                None,
                r#","prompt_token_ids":null,"prompt_text":null"#,
            );
        }
        let mut is_finished = self.answer.reply.is_unfinished;
        for (at, step) in steps.iter().enumerate() {
            if let Step::Fail(error) = step {
                self.fail(error);
                return self.actions;
            }
            // The last piece of text carries the finish reason itself; a call ends with an empty delta.
            let closes =
                !is_finished && at + 1 == steps.len() && matches!(step, Step::Text(_) | Step::Reasoning(_));
            self.play(step, closes);
            is_finished |= closes;
        }
        if !is_finished {
            self.content("{}", true);
        }
        self.end();
        self.actions
    }

    fn play(&mut self, step: &Step, closes: bool) {
        match step {
            Step::Text(piece) => self.piece(&format!(r#"{{"content":{}}}"#, quote(piece)), closes),
            Step::Reasoning(piece) => self.piece(&format!(r#"{{"reasoning":{}}}"#, quote(piece)), closes),
            Step::ToolCall { name, id } => self.open_call(name, id.as_deref()),
            Step::ToolArguments(piece) => {
                let (index, piece) = (self.opened.saturating_sub(1), quote(piece));
                let call = format!(r#"{{"index":{index},"function":{{"arguments":{piece}}}}}"#);
                self.piece(&format!(r#"{{"content":null,"tool_calls":[{call}]}}"#), closes);
            }
            Step::Raw(bytes) => self.actions.push(Action::Send(bytes.clone())),
            Step::Wait(gate) => self.actions.push(Action::Wait(gate.clone())),
            Step::Stall => self.actions.push(Action::Stall),
            Step::Cut => self.actions.push(Action::Cut),
            // Echoes were expanded, failures end the loop above.
            Step::Echo | Step::Fail(_) => {}
        }
    }

    fn open_call(&mut self, name: &str, id: Option<&str>) {
        let index = self.opened;
        self.opened += 1;
        let (id, name) = (quote(&self.answer.tool_call_id(id, index)), quote(name));
        let call = format!(r#"{{"id":{id},"type":"function","index":{index},"function":{{"name":{name}}}}}"#);
        self.content(&format!(r#"{{"content":null,"tool_calls":[{call}]}}"#), false);
    }

    fn piece(&mut self, delta: &str, closes: bool) {
        self.pieces_done += 1;
        self.content(delta, closes);
    }

    fn content(&mut self, delta: &str, closes: bool) {
        let has_fingerprint = closes && !self.includes_usage;
        let tail = if has_fingerprint { self.fingerprint() } else { String::new() };
        self.chunk(delta, Some(closes), &tail);
    }

    /// Adds a chunk; `closes` is `None` for the opening one, which has no `token_ids`.
    fn chunk(&mut self, delta: &str, closes: Option<bool>, tail: &str) {
        let rest = match closes {
            None => r#""finish_reason":null"#.to_owned(),
            Some(false) => r#""finish_reason":null,"token_ids":null"#.to_owned(),
            Some(true) => {
                let reason = quote(self.answer.finish_reason());
                format!(r#""finish_reason":{reason},"stop_reason":null,"token_ids":null"#)
            }
        };
        let usage = if self.is_continuous { self.running_usage() } else { String::new() };
        self.event(&format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,{rest}}}]{usage}{tail}"#));
    }

    fn running_usage(&self) -> String {
        let prompt = self.usage.prompt_tokens;
        let done = u64::from(self.usage.completion_tokens) * u64::from(self.pieces_done);
        let done = done / u64::from(self.pieces.max(1));
        let total = u64::from(prompt) + done;
        format!(
            r#","usage":{{"prompt_tokens":{prompt},"total_tokens":{total},"completion_tokens":{done},"completion_tokens_details":null}}"#
        )
    }

    fn fingerprint(&self) -> String {
        format!(r#","system_fingerprint":"{}""#, self.answer.settings.fingerprint)
    }

    fn end(&mut self) {
        if self.includes_usage {
            let Usage {
                prompt_tokens,
                completion_tokens,
                cached_tokens,
                created_cache_tokens,
                reasoning_tokens,
            } = self.usage;
            let total = prompt_tokens + completion_tokens;
            let mut rest = String::new();
            if let Some(count) = reasoning_tokens {
                let _ = write!(rest, r#","completion_tokens_details":{{"reasoning_tokens":{count}}}"#);
            }
            let fingerprint = self.fingerprint();
            self.event(&format!(
                r#"[],"usage":{{"prompt_tokens":{prompt_tokens},"total_tokens":{total},"completion_tokens":{completion_tokens},"prompt_tokens_details":{{"cached_tokens":{cached_tokens},"created_cache_tokens":{created_cache_tokens}}}{rest}}}{fingerprint}"#
            ));
        }
        self.send("data: [DONE]\n\n".to_owned());
    }

    /// Adds the error event, which the server follows with `[DONE]` as if all were well.
    fn fail(&mut self, error: &WorkerError) {
        let (_, body) = error.status_and_body();
        let body: Value = serde_json::from_str(&body).expect("an error inside a stream is JSON");
        self.send(format!("data: {}\n\n", JsonStyle::PYTHON.render(&body)));
        self.send("data: [DONE]\n\n".to_owned());
    }

    fn event(&mut self, choices_and_rest: &str) {
        let Settings { created_epoch_s, models, .. } = self.answer.settings;
        let (id, model) = (self.answer.id, quote(&models[0]));
        self.send(format!(
            "data: {{\"id\":\"chatcmpl-{id}\",\"object\":\"chat.completion.chunk\",\"created\":{created_epoch_s},\"model\":{model},\"choices\":{choices_and_rest}}}\n\n"
        ));
    }

    fn send(&mut self, text: String) {
        self.actions.push(Action::Send(Bytes::from(text)));
    }
}
