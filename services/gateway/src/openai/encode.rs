//! Answers in OpenAI's shape: a state machine from events to chunks, and a whole answer to a completion.

use bytes::Bytes;
use kaleem_proto::{
    chat::v1::{FinishReason, ServiceTier, TokenUsage, part::Kind},
    gateway::v1::{ChatResponse, Finished, Notice},
    provider::v1::Model,
};
use kaleem_rpc::convert;
use serde_json::{Value, json};

use crate::pipeline::Event;

/// How the caller wants the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

/// Encodes the events of one answer as server-sent events.
pub(super) struct Encoder {
    id: String,
    created: u64,
    model: String,
    shape: Shape,
    /// Remarks so far; the protocol has no place for them but fields of ours in the last chunk.
    notices: Vec<Notice>,
}

impl Encoder {
    pub(super) fn new(request_id: &str, shape: Shape) -> Self {
        Self {
            id: completion_id(request_id),
            created: created(request_id),
            model: String::new(),
            shape,
            notices: Vec::new(),
        }
    }

    /// The frames of one event, possibly none, and whether more may follow.
    pub(super) fn event(&mut self, event: Event) -> (Bytes, bool) {
        let frame = match event {
            Event::Started(started) => {
                self.model = started.served_model;
                self.delta(&json!({"role": "assistant", "content": ""}))
            }
            Event::Text(delta) => self.delta(&json!({"content": delta.text})),
            Event::Reasoning(delta) => self.delta(&json!({"reasoning": delta.text})),
            Event::ToolCall(delta) => {
                let mut function = json!({"arguments": delta.arguments_json_delta});
                let mut call = json!({"index": delta.index});
                if !delta.id.is_empty() {
                    call["id"] = delta.id.into();
                    call["type"] = "function".into();
                    function["name"] = delta.name.into();
                }
                call["function"] = function;
                self.delta(&json!({"tool_calls": [call]}))
            }
            Event::Notice(notice) => {
                self.notices.push(notice);
                Bytes::new()
            }
            Event::Finished(finished) => return (self.finished(&finished), false),
        };
        (frame, true)
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn delta(&self, delta: &Value) -> Bytes {
        frame(&self.chunk(&json!([{"index": 0, "delta": delta, "finish_reason": null}])))
    }

    fn finished(&self, finished: &Finished) -> Bytes {
        let reason = finish_reason(finished.reason());
        let mut last = self.chunk(&json!([{"index": 0, "delta": {}, "finish_reason": reason}]));
        put_notices(&mut last, &self.notices);
        last["service_tier"] = service_tier(finished.usage.as_ref()).into();
        let usage = usage(finished.usage.as_ref());
        let mut frames = Vec::new();
        if self.shape.include_usage {
            frames.extend_from_slice(&frame(&last));
            let mut counted = self.chunk(&json!([]));
            counted["usage"] = usage;
            frames.extend_from_slice(&frame(&counted));
        } else {
            // Callers that did not ask for a chunk of its own still learn what they used.
            last["usage"] = usage;
            frames.extend_from_slice(&frame(&last));
        }
        frames.extend_from_slice(b"data: [DONE]\n\n");
        frames.into()
    }
}

/// Remarks are a field of ours, which is there only if there are any.
fn put_notices(answer: &mut Value, notices: &[Notice]) {
    let shown = |notice: &Notice| json!({"reason": notice.reason, "message": notice.message});
    if !notices.is_empty() {
        answer["notices"] = notices.iter().map(shown).collect();
    }
}

fn frame(chunk: &Value) -> Bytes {
    format!("data: {chunk}\n\n").into()
}

fn completion_id(request_id: &str) -> String {
    format!("chatcmpl-{request_id}")
}

/// The Unix second inside a request id of version 7.
fn created(request_id: &str) -> u64 {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    u64::from_str_radix(&hex, 16).map_or(0, |millis| millis / 1000)
}

fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFiltered => "content_filter",
        FinishReason::Stop | FinishReason::Unspecified => "stop",
    }
}

fn usage(usage: Option<&TokenUsage>) -> Value {
    let usage = convert::from_usage(&usage.copied().unwrap_or_default());
    json!({
        "prompt_tokens": usage.input(),
        "completion_tokens": usage.output(),
        "total_tokens": usage.total(),
        "prompt_tokens_details": {"cached_tokens": usage.input_cache_read, "audio_tokens": usage.input_audio},
        "completion_tokens_details": {"reasoning_tokens": usage.output_reasoning},
    })
}

/// The tier that served, in OpenAI's words.
fn service_tier(usage: Option<&TokenUsage>) -> &'static str {
    match usage.map(TokenUsage::service_tier) {
        Some(ServiceTier::Batch) => "flex",
        _ => "default",
    }
}

/// A whole answer.
pub(super) fn completion(response: &ChatResponse) -> Value {
    let parts = response.message.iter().flat_map(|message| &message.parts);
    let (mut content, mut calls) = (None::<String>, Vec::new());
    for part in parts {
        match &part.kind {
            Some(Kind::Text(text)) => content.get_or_insert_default().push_str(text),
            Some(Kind::ToolCall(call)) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_json},
            })),
            _ => {}
        }
    }
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let finished = response.finished.as_ref();
    let reason = finish_reason(finished.map_or(FinishReason::Stop, Finished::reason));
    let mut completion = json!({
        "id": completion_id(&response.request_id),
        "object": "chat.completion",
        "created": created(&response.request_id),
        "model": response.served_model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}],
        "usage": usage(finished.and_then(|finished| finished.usage.as_ref())),
        "service_tier": service_tier(finished.and_then(|finished| finished.usage.as_ref())),
    });
    put_notices(&mut completion, &response.notices);
    completion
}

/// What is left of the quota, as headers.
pub(super) fn quota_headers(finished: &Finished) -> Vec<(&'static str, String)> {
    let Some(left) = &finished.quota_left else { return Vec::new() };
    vec![
        ("x-quota-day-requests-remaining", left.day_request_count.to_string()),
        ("x-quota-month-tokens-remaining", left.month_token_count.to_string()),
        ("x-quota-month-cost-nano-remaining", (left.month_cost_pico_usd / 1000).to_string()),
    ]
}

/// Models as `GET /v1/models` lists them.
pub(super) fn model_list(models: &[Model]) -> Value {
    let entry = |model: &Model| {
        json!({
            "id": model.id,
            "object": "model",
            "created": 0,
            "owned_by": "kaleem",
            "max_model_len": model.context_token_count,
        })
    };
    json!({"object": "list", "data": models.iter().map(entry).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use kaleem_proto::{
        chat::v1::{TextDelta, ToolCallDelta},
        gateway::v1::Started,
    };

    use super::*;

    fn encoder(include_usage: bool) -> Encoder {
        Encoder::new("01946dc3-0c00-7000-8000-000000000000", Shape { stream: true, include_usage })
    }

    fn chunks(frames: &[u8]) -> Vec<Value> {
        let text = std::str::from_utf8(frames).unwrap();
        let lines = text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
        lines.filter(|line| *line != "[DONE]").map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn finished() -> Event {
        let usage = TokenUsage { input_fresh_count: 7, output_text_count: 3, ..TokenUsage::default() };
        Event::Finished(Finished {
            reason: FinishReason::ToolCalls.into(),
            usage: Some(usage),
            ..Finished::default()
        })
    }

    #[test]
    fn the_first_chunk_has_the_role_and_the_model() {
        let mut encoder = encoder(false);
        let started = Started { served_model: "demo".into(), ..Started::default() };
        let (frame, more) = encoder.event(Event::Started(started));
        let chunk = &chunks(&frame)[0];
        assert!(more);
        assert_eq!(chunk["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
        assert_eq!((&chunk["model"], &chunk["created"]), (&json!("demo"), &json!(1_737_008_286)));
    }

    #[test]
    fn usage_comes_in_a_chunk_of_its_own_only_when_asked_for() {
        let (asked, more) = encoder(true).event(finished());
        assert!(!more && asked.ends_with(b"data: [DONE]\n\n"));
        let asked = chunks(&asked);
        assert_eq!(
            (asked.len(), &asked[1]["choices"], &asked[1]["usage"]["total_tokens"]),
            (2, &json!([]), &json!(10))
        );
        let (silent, _) = encoder(false).event(finished());
        let silent = chunks(&silent);
        assert_eq!((silent.len(), &silent[0]["usage"]["prompt_tokens"]), (1, &json!(7)));
        assert_eq!(silent[0]["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn remarks_come_with_the_last_chunk() {
        let mut encoder = encoder(true);
        let notice = Notice { reason: "GUARDRAIL_BLOCKED".into(), message: "ended".into() };
        let (frame, more) = encoder.event(Event::Notice(notice));
        assert!(frame.is_empty() && more);
        let (last, _) = encoder.event(finished());
        let last = chunks(&last);
        assert_eq!(last[0]["notices"], json!([{"reason": "GUARDRAIL_BLOCKED", "message": "ended"}]));
        assert_eq!(last[1].get("notices"), None);
    }

    #[test]
    fn interleaved_calls_keep_their_index() {
        let mut encoder = encoder(false);
        let mut call = |index, id: &str, arguments: &str| {
            let delta = ToolCallDelta {
                index,
                id: id.into(),
                name: if id.is_empty() { String::new() } else { "track".into() },
                arguments_json_delta: arguments.into(),
                ..ToolCallDelta::default()
            };
            let (frame, _) = encoder.event(Event::ToolCall(delta));
            chunks(&frame)[0]["choices"][0]["delta"]["tool_calls"][0].clone()
        };
        assert_eq!(call(1, "b", "")["function"]["name"], "track");
        let piece = call(0, "", "{\"a\"");
        assert_eq!(
            (&piece["index"], piece.get("id"), &piece["function"]["arguments"]),
            (&json!(0), None, &json!("{\"a\""))
        );
    }

    #[test]
    fn arabic_text_is_not_escaped_away() {
        let (frame, _) = encoder(false).event(Event::Text(TextDelta { text: "نعم".into() }));
        assert!(std::str::from_utf8(&frame).unwrap().contains("نعم"));
    }
}
