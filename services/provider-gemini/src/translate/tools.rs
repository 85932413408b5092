//! Tools and tool choice.

use std::collections::HashSet;

use kaleem_proto::chat::v1::{Tool, ToolChoice, tool_choice::Mode};
use serde_json::Value;

use super::Warnings;
use crate::config::ModelConfig;
use crate::error::Violations;
use crate::wire::request::{FunctionCallingConfig, FunctionDeclaration, ToolConfig, ToolSet};

/// Longest function name.
const NAME_LEN_MAX: usize = 64;

/// Functions of a request.
pub(super) fn declarations(
    tools: &[Tool],
    model: &ModelConfig,
    (violations, warnings): (&mut Violations, &mut Warnings),
) -> Vec<ToolSet> {
    if tools.is_empty() {
        return Vec::new();
    }
    if !model.tools {
        violations.push("tools", "cannot be used with this model");
    }
    if tools.iter().any(|tool| tool.strict) {
        warnings.push("strict tools are not enforced: Gemini has no such setting");
    }
    let mut names = HashSet::new();
    let mut function_declarations = Vec::with_capacity(tools.len());
    for (at, tool) in tools.iter().enumerate() {
        if !is_function_name(&tool.name) {
            let why = "must start with a letter or underscore and hold at most 64 letters, digits, _ . : -";
            violations.push(format!("tools[{at}].name"), why);
        } else if !names.insert(tool.name.as_str()) {
            violations.push(format!("tools[{at}].name"), "is declared twice");
        }
        let schema = schema(&tool.parameters_json_schema);
        if schema.is_err() {
            violations.push(format!("tools[{at}].parameters_json_schema"), "must be a JSON Schema object");
        }
        function_declarations.push(FunctionDeclaration {
            name: tool.name.clone(),
            description: tool.description.clone(),
            parameters_json_schema: schema.unwrap_or_default(),
        });
    }
    vec![ToolSet { function_declarations }]
}

/// Tool choice, where the caller made one.
pub(super) fn config(
    choice: Option<&ToolChoice>,
    tools: &[Tool],
    violations: &mut Violations,
) -> Option<ToolConfig> {
    let choice = choice?;
    let must_call = matches!(choice.mode(), Mode::Required | Mode::Named);
    if tools.is_empty() {
        if must_call {
            violations.push("tool_choice.mode", "asks for a call, but no tools are declared");
        }
        return None;
    }
    let is_declared = tools.iter().any(|tool| tool.name == choice.name);
    if choice.mode() == Mode::Named && !is_declared {
        violations.push("tool_choice.name", "names no declared tool");
    }
    let (mode, allowed_function_names) = match choice.mode() {
        Mode::Unspecified | Mode::Auto => ("AUTO", Vec::new()),
        Mode::None => ("NONE", Vec::new()),
        Mode::Required => ("ANY", Vec::new()),
        Mode::Named => ("ANY", vec![choice.name.clone()]),
    };
    Some(ToolConfig { function_calling_config: FunctionCallingConfig { mode, allowed_function_names } })
}

/// A text that is no JSON object.
pub(super) struct NotASchema;

/// Reads a schema; none where it says nothing.
pub(super) fn schema(text: &str) -> Result<Option<Value>, NotASchema> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => Ok((!fields.is_empty()).then_some(Value::Object(fields))),
        _ => Err(NotASchema),
    }
}

fn is_function_name(name: &str) -> bool {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    starts_well && name.len() <= NAME_LEN_MAX && name.bytes().all(is_allowed)
}
