//! One generation as the backends take it: checked, and bounded by what quota granted.

use std::pin::Pin;

use futures::Stream;
use kaleem_domain::estimate::{MESSAGE_OVERHEAD_TOKENS, input_token_ceiling};
use kaleem_proto::chat::v1::{
    GenerationOptions, Message, ResponseFormat, Role, Tool, ToolChoice, part, tool_choice,
};
use kaleem_proto::common::v1::Admission;
use kaleem_proto::provider::v1::StreamGenerateRequest;
pub use kaleem_proto::provider::v1::stream_generate_response::{Event, Finished, Started};

use crate::error::{CallError, Violation};

/// Most stop strings of a call.
const STOPS_MAX: usize = 16;
/// Longest stop string in bytes; so much text may be held back while it could still be one.
const STOP_BYTES_MAX: usize = 256;

/// The events of one answer. Dropping it aborts the generation.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, CallError>> + Send>>;

/// A generation that may run.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Request it belongs to.
    pub request_id: String,
    /// Merchant that pays.
    pub merchant_id: String,
    /// Model.
    pub model: String,
    /// The conversation, never empty.
    pub messages: Vec<Message>,
    /// Tools.
    pub tools: Vec<Tool>,
    /// Tool choice.
    pub tool_choice: Option<ToolChoice>,
    /// Shape of the answer.
    pub response_format: Option<ResponseFormat>,
    /// Sampling.
    pub options: GenerationOptions,
    /// Output tokens, at least 1: the smaller of what quota granted and what was asked.
    pub max_output: u32,
}

impl Call {
    /// Takes a request apart; every wrong field is named at once.
    pub fn new(request: StreamGenerateRequest, admission: &Admission) -> Result<Self, CallError> {
        let options = request.options.unwrap_or_default();
        let mut violations = Vec::new();
        check_messages(&request.messages, &mut violations);
        check_tools(&request.tools, request.tool_choice.as_ref(), &mut violations);
        check_options(&options, &mut violations);
        let asked = options.max_output_token_count.unwrap_or(i64::MAX);
        let max_output = asked.min(admission.max_output_token_count).min(i64::from(u32::MAX));
        if max_output < 1 {
            violations.push(Violation::new(
                "options.max_output_token_count",
                "must be at least 1, as must the granted count",
            ));
        }
        if !violations.is_empty() {
            return Err(CallError::Invalid(violations));
        }
        Ok(Self {
            request_id: admission.request_id.clone(),
            merchant_id: admission.merchant_id.clone(),
            model: request.model,
            messages: request.messages,
            tools: request.tools,
            tool_choice: request.tool_choice,
            response_format: request.response_format,
            options,
            max_output: u32::try_from(max_output).unwrap_or(1),
        })
    }

    /// Whether the caller insists on a tool call.
    pub fn demands_tool(&self) -> bool {
        let mode = self.tool_choice.as_ref().map(ToolChoice::mode);
        matches!(mode, Some(tool_choice::Mode::Required | tool_choice::Mode::Named))
    }
}

/// Checks a conversation; used for counting, too.
pub fn check_messages(messages: &[Message], violations: &mut Vec<Violation>) {
    if messages.is_empty() {
        violations.push(Violation::new("messages", "must not be empty"));
    }
    for (index, message) in messages.iter().enumerate() {
        let field = |name: &str| format!("messages[{index}].{name}");
        if message.role() == Role::Unspecified {
            violations.push(Violation::new(field("role"), "must be system, user, assistant or tool"));
        }
        if message.parts.is_empty() && message.role() != Role::Assistant {
            violations.push(Violation::new(field("parts"), "must not be empty"));
        }
        if message.parts.iter().any(|part| part.kind.is_none()) {
            violations.push(Violation::new(field("parts"), "must each have a kind"));
        }
    }
}

fn check_tools(tools: &[Tool], choice: Option<&ToolChoice>, violations: &mut Vec<Violation>) {
    for (index, tool) in tools.iter().enumerate() {
        if tool.name.is_empty() {
            violations.push(Violation::new(format!("tools[{index}].name"), "must not be empty"));
        }
        let schema = &tool.parameters_json_schema;
        let is_object =
            serde_json::from_str::<serde_json::Value>(schema).is_ok_and(|schema| schema.is_object());
        if !schema.is_empty() && !is_object {
            violations.push(Violation::new(
                format!("tools[{index}].parameters_json_schema"),
                "must be a JSON object",
            ));
        }
    }
    let named = choice.filter(|choice| choice.mode() == tool_choice::Mode::Named);
    if named.is_some_and(|choice| !tools.iter().any(|tool| tool.name == choice.name)) {
        violations.push(Violation::new("tool_choice.name", "must be the name of a tool of the request"));
    }
}

fn check_options(options: &GenerationOptions, violations: &mut Vec<Violation>) {
    let mut check = |valid: bool, field: &str, rule: &str| {
        if !valid {
            violations.push(Violation::new(format!("options.{field}"), rule));
        }
    };
    check(
        options.temperature.is_none_or(|value| (0.0..=2.0).contains(&value)),
        "temperature",
        "must be 0 to 2",
    );
    check(
        options.top_p.is_none_or(|value| value > 0.0 && value <= 1.0),
        "top_p",
        "must be above 0 and at most 1",
    );
    check(options.top_k.is_none_or(|value| value >= 1), "top_k", "must be at least 1");
    check(options.stop.len() <= STOPS_MAX, "stop", "must hold at most 16 strings");
    let usable = |stop: &String| (1..=STOP_BYTES_MAX).contains(&stop.len());
    check(options.stop.iter().all(usable), "stop", "must hold strings of 1 to 256 bytes");
}

/// Text of a message's parts: text, tool arguments and results; pictures have none.
pub fn text_of(message: &Message) -> String {
    let mut text = String::new();
    append_text(&message.parts, &mut text);
    text
}

fn append_text(parts: &[kaleem_proto::chat::v1::Part], text: &mut String) {
    for part in parts {
        match &part.kind {
            Some(part::Kind::Text(piece)) => text.push_str(piece),
            Some(part::Kind::ToolCall(call)) => text.push_str(&call.arguments_json),
            Some(part::Kind::ToolResult(result)) => append_text(&result.parts, text),
            Some(part::Kind::Image(_) | part::Kind::Reasoning(_)) | None => {}
        }
    }
}

/// Tokens that the conversation and the tools may need at most, for where nobody can count exactly.
pub fn estimate_input(messages: &[Message], tools: &[Tool]) -> i64 {
    let of_message = |message: &Message| input_token_ceiling(&text_of(message)) + MESSAGE_OVERHEAD_TOKENS;
    let of_tool = |tool: &Tool| {
        [&tool.name, &tool.description, &tool.parameters_json_schema]
            .into_iter()
            .map(|text| input_token_ceiling(text))
            .sum::<i64>()
    };
    messages.iter().map(of_message).sum::<i64>() + tools.iter().map(of_tool).sum::<i64>()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use kaleem_proto::chat::v1::Part;

    /// A text message.
    pub(crate) fn message(role: Role, text: &str) -> Message {
        let part = Part { kind: Some(part::Kind::Text(text.to_owned())) };
        Message { role: role.into(), parts: vec![part], name: String::new() }
    }

    fn admission(granted: i64) -> Admission {
        Admission { max_output_token_count: granted, ..Admission::default() }
    }

    #[test]
    fn the_smaller_bound_wins() {
        let request = |asked: Option<i64>| StreamGenerateRequest {
            messages: vec![message(Role::User, "hi")],
            options: Some(GenerationOptions {
                max_output_token_count: asked,
                ..GenerationOptions::default()
            }),
            ..StreamGenerateRequest::default()
        };
        assert_eq!(Call::new(request(None), &admission(50)).unwrap().max_output, 50);
        assert_eq!(Call::new(request(Some(7)), &admission(50)).unwrap().max_output, 7);
        assert_eq!(Call::new(request(Some(70)), &admission(50)).unwrap().max_output, 50);
        assert!(Call::new(request(Some(-1)), &admission(50)).is_err());
        assert!(Call::new(request(None), &admission(0)).is_err());
    }

    #[test]
    fn every_wrong_field_is_named() {
        let request = StreamGenerateRequest {
            messages: vec![Message::default()],
            tools: vec![Tool { parameters_json_schema: "[1".into(), ..Tool::default() }],
            tool_choice: Some(ToolChoice {
                mode: tool_choice::Mode::Named.into(),
                name: "x".into(),
                ..ToolChoice::default()
            }),
            options: Some(GenerationOptions {
                temperature: Some(3.0),
                top_p: Some(0.0),
                top_k: Some(0),
                stop: vec![String::new()],
                ..GenerationOptions::default()
            }),
            ..StreamGenerateRequest::default()
        };
        let Err(CallError::Invalid(violations)) = Call::new(request, &admission(1)) else {
            panic!("must be refused")
        };
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let expected = [
            "messages[0].role",
            "messages[0].parts",
            "tools[0].name",
            "tools[0].parameters_json_schema",
            "tool_choice.name",
            "options.temperature",
            "options.top_p",
            "options.top_k",
            "options.stop",
        ];
        assert_eq!(fields, expected);
    }
}
