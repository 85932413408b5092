//! Messages: each part kind has its place in the OpenAI shape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaleem_proto::chat::v1::{Image, Message, Part, Role, ToolCall, ToolResult, image, part};
use serde_json::{Value, json};

use crate::error::{CallError, Violation};

/// Media type of pictures that name none.
const DEFAULT_IMAGE_TYPE: &str = "image/png";

/// The conversation. Pictures must come by value: an address would be fetched by the worker, past the gateway's rules.
pub fn messages(messages: &[Message]) -> Result<Vec<Value>, CallError> {
    let mut out = Vec::with_capacity(messages.len());
    let mut violations = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if has_image_address(&message.parts) {
            violations.push(Violation::new(
                format!("messages[{index}].parts"),
                "must hold pictures as data, not as an address",
            ));
        }
        // A tool result is a message of its own, and belongs right after the call.
        out.extend(message.parts.iter().filter_map(|part| match &part.kind {
            Some(part::Kind::ToolResult(result)) => Some(tool_result(result)),
            _ => None,
        }));
        out.extend(spoken(message));
    }
    if violations.is_empty() { Ok(out) } else { Err(CallError::Invalid(violations)) }
}

/// All text parts, one a line; the shape that every model template knows.
pub fn joined_text(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match &part.kind {
        Some(part::Kind::Text(text)) => Some(text.clone()),
        Some(part::Kind::ToolResult(result)) => Some(joined_text(&result.parts)),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn has_image_address(parts: &[Part]) -> bool {
    parts.iter().any(|part| match &part.kind {
        Some(part::Kind::Image(image)) => matches!(image.source, Some(image::Source::Uri(_))),
        Some(part::Kind::ToolResult(result)) => has_image_address(&result.parts),
        _ => false,
    })
}

/// The message without its tool results; `None` if nothing is left.
fn spoken(message: &Message) -> Option<Value> {
    let said: Vec<&Part> = message.parts.iter().filter(|part| is_spoken(part)).collect();
    let calls: Vec<Value> = message.parts.iter().filter_map(tool_call).collect();
    if said.is_empty() && calls.is_empty() && !message.parts.is_empty() {
        return None;
    }
    // Only a message of calls may say nothing.
    let nothing = if calls.is_empty() { json!("") } else { Value::Null };
    let content = if said.is_empty() { nothing } else { content(&said) };
    let mut value = json!({"role": role(message.role()), "content": content});
    if !calls.is_empty() {
        value["tool_calls"] = Value::Array(calls);
    }
    if !message.name.is_empty() {
        value["name"] = json!(message.name);
    }
    Some(value)
}

fn is_spoken(part: &Part) -> bool {
    matches!(part.kind, Some(part::Kind::Text(_) | part::Kind::Image(_)))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::User | Role::Unspecified => "user",
    }
}

/// A string where it can be one: not every server takes lists.
fn content(parts: &[&Part]) -> Value {
    match parts {
        [Part { kind: Some(part::Kind::Text(text)) }] => json!(text),
        parts => Value::Array(parts.iter().filter_map(|part| content_part(part)).collect()),
    }
}

fn content_part(part: &Part) -> Option<Value> {
    match part.kind.as_ref()? {
        part::Kind::Text(text) => Some(json!({"type": "text", "text": text})),
        part::Kind::Image(image) => {
            Some(json!({"type": "image_url", "image_url": {"url": data_url(image)?}}))
        }
        part::Kind::ToolCall(_) | part::Kind::ToolResult(_) | part::Kind::Reasoning(_) => None,
    }
}

fn data_url(image: &Image) -> Option<String> {
    let Some(image::Source::Data(bytes)) = &image.source else { return None };
    let media_type = if image.media_type.is_empty() { DEFAULT_IMAGE_TYPE } else { &image.media_type };
    Some(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
}

fn tool_call(part: &Part) -> Option<Value> {
    let Some(part::Kind::ToolCall(ToolCall { id, name, arguments_json, .. })) = &part.kind else {
        return None;
    };
    let arguments = if arguments_json.is_empty() { "{}" } else { arguments_json };
    Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
}

fn tool_result(result: &ToolResult) -> Value {
    let text = joined_text(&result.parts);
    // The shape has no flag for a failed tool.
    let text = if result.is_error { format!("error: {text}") } else { text };
    json!({"role": "tool", "tool_call_id": result.tool_call_id, "content": text})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::tests::message;

    fn part(kind: part::Kind) -> Part {
        Part { kind: Some(kind) }
    }

    fn text(text: &str) -> Part {
        part(part::Kind::Text(text.to_owned()))
    }

    #[test]
    fn one_text_is_a_string_and_mixed_parts_are_a_list() {
        let picture =
            Image { source: Some(image::Source::Data(vec![1, 2, 3])), media_type: "image/jpeg".into() };
        let mixed = Message {
            parts: vec![text("what is it?"), part(part::Kind::Image(picture))],
            ..message(Role::User, "")
        };
        let mapped = messages(&[message(Role::System, "be kind"), mixed]).unwrap();
        let expected = json!([
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AQID"}},
            ]},
        ]);
        assert_eq!(Value::Array(mapped), expected);
    }

    #[test]
    fn a_tool_round_keeps_its_order() {
        let call = ToolCall {
            id: "c1".into(),
            name: "track".into(),
            arguments_json: String::new(),
            ..ToolCall::default()
        };
        let asked = Message {
            role: Role::Assistant.into(),
            parts: vec![part(part::Kind::ToolCall(call))],
            name: String::new(),
        };
        let result = ToolResult { tool_call_id: "c1".into(), parts: vec![text("not found")], is_error: true };
        let answered = Message {
            role: Role::Tool.into(),
            parts: vec![part(part::Kind::ToolResult(result))],
            name: String::new(),
        };
        let mapped = messages(&[asked, answered]).unwrap();
        let expected = json!([
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "error: not found"},
        ]);
        assert_eq!(Value::Array(mapped), expected);
    }

    #[test]
    fn a_picture_by_address_is_refused() {
        let picture =
            Image { source: Some(image::Source::Uri("https://x/y.png".into())), media_type: String::new() };
        let message = Message { parts: vec![part(part::Kind::Image(picture))], ..message(Role::User, "") };
        assert!(
            matches!(messages(&[message]), Err(CallError::Invalid(violations)) if violations[0].field == "messages[0].parts")
        );
    }
}
