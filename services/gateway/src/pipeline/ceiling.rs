//! How many input tokens a request needs at most: all that leaves for the provider is counted, as all of it may be billed.

use kaleem_domain::estimate::{self, MESSAGE_OVERHEAD_TOKENS};
use kaleem_proto::{
    chat::v1::{Message, Part, Tool, part::Kind, response_format::Format},
    gateway::v1::ChatInput,
    router::v1::Step,
};

use super::Routed;

/// Tokens that a picture costs in estimates.
const IMAGE_TOKENS: i64 = 300;

impl Routed {
    /// A ceiling of the input tokens that `step` sends.
    pub(super) fn input_tokens(&self, step: &Step) -> i64 {
        self.input_token_count + of_prefix(&step.system_prefix)
    }
}

/// A ceiling of the tokens of `input`.
pub(super) fn of_input(input: &ChatInput) -> i64 {
    let messages: i64 = input.messages.iter().map(of_message).sum();
    let tools: i64 = input.tools.iter().map(of_tool).sum();
    messages + tools + of_shape(input)
}

/// A ceiling of the tokens of what stands in no message and is no tool: stop strings, the shape of the answer, the tool to be called.
pub(super) fn of_shape(input: &ChatInput) -> i64 {
    let stop = input.options.iter().flat_map(|options| &options.stop);
    let choice = input.tool_choice.iter().map(|choice| &choice.name);
    let texts: i64 = stop.chain(choice).map(|text| of_text(text)).sum();
    let format = input.response_format.as_ref().and_then(|format| format.format.as_ref());
    texts
        + match format {
            Some(Format::JsonSchema(schema)) => {
                of_text(&schema.name) + of_text(&schema.schema_json) + MESSAGE_OVERHEAD_TOKENS
            }
            Some(Format::JsonObject(_)) => MESSAGE_OVERHEAD_TOKENS,
            None => 0,
        }
}

/// A ceiling of the tokens of one message.
pub(super) fn of_message(message: &Message) -> i64 {
    let parts: i64 = message.parts.iter().map(of_part).sum();
    parts + of_text(&message.name) + MESSAGE_OVERHEAD_TOKENS
}

/// A ceiling of the tokens of the system message that a step puts before the others.
pub(super) fn of_prefix(prefix: &str) -> i64 {
    if prefix.is_empty() { 0 } else { of_text(prefix) + MESSAGE_OVERHEAD_TOKENS }
}

fn of_part(part: &Part) -> i64 {
    match &part.kind {
        Some(Kind::Text(text)) => of_text(text),
        Some(Kind::Image(_)) => IMAGE_TOKENS,
        Some(Kind::ToolCall(call)) => {
            let texts: i64 =
                [&call.id, &call.name, &call.arguments_json].map(|text| of_text(text)).iter().sum();
            texts + of_signature(&call.provider_signature)
        }
        Some(Kind::ToolResult(result)) => {
            of_text(&result.tool_call_id) + result.parts.iter().map(of_part).sum::<i64>()
        }
        Some(Kind::Reasoning(reasoning)) => {
            of_text(&reasoning.text) + of_signature(&reasoning.provider_signature)
        }
        None => 0,
    }
}

fn of_tool(tool: &Tool) -> i64 {
    let texts = [&tool.name, &tool.description, &tool.parameters_json_schema];
    texts.map(|text| of_text(text)).iter().sum::<i64>() + MESSAGE_OVERHEAD_TOKENS
}

fn of_text(text: &str) -> i64 {
    estimate::input_token_ceiling(text)
}

/// Opaque state goes back as base64, of which a token is seldom more than three bytes before encoding and sometimes one.
fn of_signature(signature: &[u8]) -> i64 {
    i64::try_from(signature.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use kaleem_proto::chat::v1::{
        GenerationOptions, Reasoning, ResponseFormat, ToolCall, ToolChoice, ToolResult,
        response_format::JsonSchema,
    };

    use super::*;

    /// Needs more than a thousand tokens.
    fn long() -> String {
        "كلمة ".repeat(1_000)
    }

    fn part(kind: Kind) -> ChatInput {
        let message = Message { parts: vec![Part { kind: Some(kind) }], ..Message::default() };
        ChatInput { messages: vec![message], ..ChatInput::default() }
    }

    #[test]
    fn every_text_that_is_sent_counts() {
        let call = |call: ToolCall| part(Kind::ToolCall(call));
        let result = |result: ToolResult| part(Kind::ToolResult(result));
        let shape = |schema: JsonSchema| ChatInput {
            response_format: Some(ResponseFormat { format: Some(Format::JsonSchema(schema)) }),
            ..ChatInput::default()
        };
        let tool = |tool: Tool| ChatInput { tools: vec![tool], ..ChatInput::default() };
        let text = Part { kind: Some(Kind::Text(long())) };
        let places = [
            ("text", part(Kind::Text(long()))),
            ("reasoning", part(Kind::Reasoning(Reasoning { text: long(), ..Reasoning::default() }))),
            (
                "a signature",
                part(Kind::Reasoning(Reasoning {
                    provider_signature: long().into(),
                    ..Reasoning::default()
                })),
            ),
            ("the id of a call", call(ToolCall { id: long(), ..ToolCall::default() })),
            ("the name of a call", call(ToolCall { name: long(), ..ToolCall::default() })),
            ("arguments", call(ToolCall { arguments_json: long(), ..ToolCall::default() })),
            (
                "the signature of a call",
                call(ToolCall { provider_signature: long().into(), ..ToolCall::default() }),
            ),
            ("the id of a result", result(ToolResult { tool_call_id: long(), ..ToolResult::default() })),
            ("a result", result(ToolResult { parts: vec![text], ..ToolResult::default() })),
            ("a schema", shape(JsonSchema { schema_json: long(), ..JsonSchema::default() })),
            ("the name of a schema", shape(JsonSchema { name: long(), ..JsonSchema::default() })),
            ("the name of a tool", tool(Tool { name: long(), ..Tool::default() })),
            ("what a tool does", tool(Tool { description: long(), ..Tool::default() })),
            ("parameters", tool(Tool { parameters_json_schema: long(), ..Tool::default() })),
            (
                "a stop string",
                ChatInput {
                    options: Some(GenerationOptions {
                        stop: vec!["x".into(), long()],
                        ..GenerationOptions::default()
                    }),
                    ..ChatInput::default()
                },
            ),
            (
                "the tool to be called",
                ChatInput {
                    tool_choice: Some(ToolChoice { name: long(), ..ToolChoice::default() }),
                    ..ChatInput::default()
                },
            ),
            (
                "a speaker",
                ChatInput {
                    messages: vec![Message { name: long(), ..Message::default() }],
                    ..ChatInput::default()
                },
            ),
        ];
        for (place, input) in places {
            assert!(of_input(&input) > 1_000, "{place}: {}", of_input(&input));
        }
        assert_eq!(of_input(&ChatInput::default()), 0);
        assert_eq!((of_prefix(""), of_prefix(&long()) > 1_000), (0, true));
    }
}
