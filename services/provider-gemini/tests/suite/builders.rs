//! Short ways to write chat messages.

use kaleem_proto::chat::v1::{Message, Part, Reasoning, Role, Tool, ToolCall, ToolResult, part::Kind};
use kaleem_proto::provider::v1::StreamGenerateRequest;

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role: role.into(), parts, name: String::new() }
}

pub fn text(text: &str) -> Part {
    Part { kind: Some(Kind::Text(text.to_owned())) }
}

pub fn system(content: &str) -> Message {
    message(Role::System, vec![text(content)])
}

pub fn user(content: &str) -> Message {
    message(Role::User, vec![text(content)])
}

pub fn say(content: &str) -> Message {
    assistant(vec![text(content)])
}

pub fn assistant(parts: Vec<Part>) -> Message {
    message(Role::Assistant, parts)
}

pub fn call(id: &str, name: &str, arguments: &str, signature: &[u8]) -> Part {
    let call = ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments_json: arguments.to_owned(),
        provider_signature: signature.to_vec(),
    };
    Part { kind: Some(Kind::ToolCall(call)) }
}

pub fn reasoning(content: &str, signature: &[u8]) -> Part {
    let reasoning = Reasoning { text: content.to_owned(), provider_signature: signature.to_vec() };
    Part { kind: Some(Kind::Reasoning(reasoning)) }
}

pub fn result(id: &str, content: &str, is_error: bool) -> Message {
    let result = ToolResult { tool_call_id: id.to_owned(), parts: vec![text(content)], is_error };
    message(Role::Tool, vec![Part { kind: Some(Kind::ToolResult(result)) }])
}

pub fn tool(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: "Looks something up".to_owned(),
        parameters_json_schema: r#"{"type":"object","properties":{"order":{"type":"string"}}}"#.to_owned(),
        strict: false,
    }
}

pub fn ask(messages: Vec<Message>) -> StreamGenerateRequest {
    StreamGenerateRequest {
        model: "gemini-2.5-flash-lite".to_owned(),
        messages,
        ..StreamGenerateRequest::default()
    }
}
