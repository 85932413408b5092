//! What a request must look like; every fault is named at once.

use std::sync::Arc;

use kaleem_guard::{Policy, PolicyError, PolicyFault};
use kaleem_proto::{
    chat::v1::{
        GenerationOptions, Message, Part, Role, Tool, ToolCall, ToolResult, part::Kind,
        response_format::Format,
    },
    gateway::v1::ChatInput,
};
use kaleem_rpc::Fault;

use super::guard::Policies;
use crate::{config::Config, fault};

const METADATA_PAIRS_MAX: usize = 32;
const METADATA_BYTES_MAX: usize = 256;
const STOP_MAX: usize = 16;
const TOOLS_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 64;
const NAME_RULE: &str = "must be 1 to 64 letters, digits, underscores, dots, colons and dashes";
const PARTS_MAX: usize = 256;
const MAX_OUTPUT_TOKENS: i64 = 1_000_000;

/// Checks `input` and takes out the facts that it brings, read; the fault lists every wrong field.
pub(super) async fn input(
    input: &mut ChatInput,
    config: &Config,
    policies: &Policies,
) -> Result<Option<Arc<Policy>>, Fault> {
    let facts = policies.supplied(std::mem::take(&mut input.guardrail_policy_json)).await?;
    check(input, facts.as_ref().err(), config)?;
    Ok(facts.ok().flatten())
}

fn check(input: &ChatInput, facts: Option<&PolicyError>, config: &Config) -> Result<(), Fault> {
    let mut faults = Vec::new();
    let mut wrong = |field: String, description: &str| faults.push((field, description.to_owned()));
    if !input.conversation_id.is_empty() {
        wrong(
            "input.conversation_id".into(),
            "kept conversations are not built yet; send the history in messages",
        );
    }
    for PolicyFault { path, description } in facts.into_iter().flat_map(PolicyError::faults) {
        let dot = if path.is_empty() { "" } else { "." };
        wrong(format!("input.guardrail_policy_json{dot}{path}"), description);
    }
    if input.messages.is_empty() {
        wrong("input.messages".into(), "must hold at least one message");
    }
    if input.messages.len() > config.messages_max {
        wrong("input.messages".into(), &format!("must hold at most {} messages", config.messages_max));
    }
    if !input.messages.is_empty() && input.messages.iter().all(|message| message.role() == Role::System) {
        wrong("input.messages".into(), "must hold a message that is not of ROLE_SYSTEM");
    }
    for (index, said) in input.messages.iter().enumerate().take(config.messages_max) {
        message(said, &format!("input.messages[{index}]"), &mut wrong);
    }
    tools(&input.tools, &mut wrong);
    if input.tool_choice.as_ref().is_some_and(|choice| !is_name(&choice.name)) {
        wrong("input.tool_choice.name".into(), NAME_RULE);
    }
    if let Some(set) = &input.options {
        options(set, &mut wrong);
    }
    if let Some(Format::JsonSchema(schema)) =
        input.response_format.as_ref().and_then(|shape| shape.format.as_ref())
        && !is_name(&schema.name)
    {
        wrong("input.response_format.json_schema.name".into(), NAME_RULE);
    }
    let pair_too_long = |(key, value): (&String, &String)| key.len().max(value.len()) > METADATA_BYTES_MAX;
    if input.metadata.len() > METADATA_PAIRS_MAX || input.metadata.iter().any(pair_too_long) {
        wrong("input.metadata".into(), "must hold at most 32 pairs of at most 256 bytes each");
    }
    into_result(faults)
}

fn into_result(faults: Vec<(String, String)>) -> Result<(), Fault> {
    let Some((field, description)) = faults.first() else { return Ok(()) };
    let message = format!("{field} {description}");
    let invalid = fault::request_invalid(message);
    Err(faults.into_iter().fold(invalid, |fault, (field, description)| fault.violation(field, description)))
}

fn message(said: &Message, field: &str, wrong: &mut impl FnMut(String, &str)) {
    if said.role() == Role::Unspecified {
        wrong(format!("{field}.role"), "must be ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT or ROLE_TOOL");
    }
    if said.parts.is_empty() {
        wrong(format!("{field}.parts"), "must hold at least one part");
    }
    if said.parts.len() > PARTS_MAX {
        wrong(format!("{field}.parts"), "must hold at most 256 parts");
    }
    let speaks = said.role() != Role::Assistant;
    let mute =
        |part: &Part| part.kind.is_none() || matches!(&part.kind, Some(Kind::Text(text)) if text.is_empty());
    if speaks && !said.parts.is_empty() && said.parts.iter().all(mute) {
        wrong(format!("{field}.parts"), "must say something");
    }
    parts(&said.parts, field, wrong);
}

fn parts(parts: &[Part], holder: &str, wrong: &mut impl FnMut(String, &str)) {
    for (index, part) in parts.iter().enumerate().take(PARTS_MAX) {
        let field = format!("{holder}.parts[{index}]");
        match &part.kind {
            Some(Kind::Image(image)) if !is_image_type(&image.media_type) => {
                wrong(format!("{field}.image.media_type"), "must be a type such as image/png");
            }
            Some(Kind::ToolCall(call)) => tool_call(call, &field, wrong),
            Some(Kind::ToolResult(result)) => tool_result(result, &field, wrong),
            _ => {}
        }
    }
}

fn tool_call(call: &ToolCall, field: &str, wrong: &mut impl FnMut(String, &str)) {
    if call.name.is_empty() || !is_name(&call.name) {
        wrong(format!("{field}.tool_call.name"), NAME_RULE);
    }
    if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&call.arguments_json).is_err() {
        wrong(format!("{field}.tool_call.arguments_json"), "must be a JSON object");
    }
}

/// A result is of texts and pictures; a call in it would be looked at by nobody.
fn tool_result(result: &ToolResult, field: &str, wrong: &mut impl FnMut(String, &str)) {
    let field = format!("{field}.tool_result");
    let is_shown = |part: &Part| matches!(part.kind, Some(Kind::Text(_) | Kind::Image(_)));
    if result.parts.len() > PARTS_MAX || !result.parts.iter().all(is_shown) {
        wrong(format!("{field}.parts"), "must be at most 256 texts and images");
    }
    parts(&result.parts, &field, wrong);
}

/// Whether `text` names a type of pictures; it leaves with the picture, so nothing else may stand in it.
fn is_image_type(text: &str) -> bool {
    let letters = |name: &str| name.bytes().all(|b| b.is_ascii_alphabetic() || b"+.-".contains(&b));
    text.is_empty() || text.strip_prefix("image/").is_some_and(letters)
}

fn tools(tools: &[Tool], wrong: &mut impl FnMut(String, &str)) {
    if tools.len() > TOOLS_MAX {
        wrong("input.tools".into(), "must hold at most 128 tools");
    }
    for (index, tool) in tools.iter().enumerate().take(TOOLS_MAX) {
        if tool.name.is_empty() || !is_name(&tool.name) {
            wrong(format!("input.tools[{index}].name"), NAME_RULE);
        }
        let schema = &tool.parameters_json_schema;
        let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(schema);
        if !schema.is_empty() && parsed.is_err() {
            wrong(format!("input.tools[{index}].parameters_json_schema"), "must be a JSON object");
        }
    }
}

/// Names leave as they are.
fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b));
    letters && text.len() <= NAME_BYTES_MAX
}

fn options(options: &GenerationOptions, wrong: &mut impl FnMut(String, &str)) {
    let mut range = |field: &str, value: Option<f64>, valid: fn(f64) -> bool, description: &str| {
        if value.is_some_and(|value| !valid(value)) {
            wrong(format!("input.options.{field}"), description);
        }
    };
    range("temperature", options.temperature, |t| (0.0..=2.0).contains(&t), "must be between 0 and 2");
    range("top_p", options.top_p, |p| p > 0.0 && p <= 1.0, "must be above 0 and at most 1");
    if options.top_k.is_some_and(|k| k < 1) {
        wrong("input.options.top_k".into(), "must be at least 1");
    }
    if options.max_output_token_count.is_some_and(|count| !(1..=MAX_OUTPUT_TOKENS).contains(&count)) {
        wrong("input.options.max_output_token_count".into(), "must be between 1 and 1,000,000");
    }
    if options.stop.len() > STOP_MAX || options.stop.iter().any(String::is_empty) {
        wrong("input.options.stop".into(), "must hold at most 16 strings, none of them empty");
    }
}

#[cfg(test)]
mod tests {
    use kaleem_proto::chat::v1::{Image, ResponseFormat, ToolChoice, response_format::JsonSchema};

    use super::*;

    fn fields(bad: &ChatInput) -> Vec<String> {
        let facts = Policy::parse(r#"{"prices":[{"amount":"8,9"}],"return_days":-1}"#).unwrap_err();
        let fault = check(bad, Some(&facts), &Config::default()).unwrap_err();
        fault.field_violations.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let bad = ChatInput {
            messages: vec![Message::default()],
            options: Some(GenerationOptions {
                temperature: Some(f64::NAN),
                max_output_token_count: Some(-5),
                ..GenerationOptions::default()
            }),
            response_format: Some(ResponseFormat {
                format: Some(Format::JsonSchema(JsonSchema {
                    name: "two words".into(),
                    ..JsonSchema::default()
                })),
            }),
            ..ChatInput::default()
        };
        assert_eq!(
            fields(&bad),
            [
                "input.guardrail_policy_json.prices[0].amount",
                "input.guardrail_policy_json.return_days",
                "input.messages[0].role",
                "input.messages[0].parts",
                "input.options.temperature",
                "input.options.max_output_token_count",
                "input.response_format.json_schema.name"
            ]
        );
        assert_eq!(fields(&ChatInput::default())[2..], ["input.messages"]);
    }

    #[test]
    fn whatever_leaves_as_it_is_must_be_an_identifier() {
        const TOLD: &str = "call سارة on 0551234567";
        let call = |name: &str| {
            Kind::ToolCall(ToolCall { name: name.into(), arguments_json: "{}".into(), ..ToolCall::default() })
        };
        let picture = || Kind::Image(Image { media_type: TOLD.into(), ..Image::default() });
        let result = |kind| {
            let parts = vec![Part { kind: Some(kind) }];
            Kind::ToolResult(ToolResult { parts, ..ToolResult::default() })
        };
        let kinds = [
            call(TOLD),
            call(""),
            call("find_order"),
            picture(),
            result(picture()),
            result(call("find_order")),
        ];
        let parts = kinds.into_iter().map(|kind| Part { kind: Some(kind) }).collect();
        let bad = ChatInput {
            messages: vec![Message { role: Role::Assistant.into(), parts, name: String::new() }],
            tool_choice: Some(ToolChoice { name: TOLD.into(), ..ToolChoice::default() }),
            ..ChatInput::default()
        };
        let fault = check(&bad, None, &Config::default()).unwrap_err();
        assert!(!fault.message.contains("0551234567"), "{}", fault.message);
        assert_eq!(
            fields(&bad)[2..],
            [
                "input.messages[0].parts[0].tool_call.name",
                "input.messages[0].parts[1].tool_call.name",
                "input.messages[0].parts[3].image.media_type",
                "input.messages[0].parts[4].tool_result.parts[0].image.media_type",
                "input.messages[0].parts[5].tool_result.parts",
                "input.tool_choice.name",
            ]
        );
    }
}
