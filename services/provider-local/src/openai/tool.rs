//! Tools, tool choice and response format.

use kaleem_proto::chat::v1::{ResponseFormat, Tool, ToolChoice, response_format, tool_choice};
use serde_json::{Value, json};

use crate::config::WorkerKind;
use crate::error::CallError;

/// A tool. vLLM holds arguments to their schema only when it is asked to be strict, so it always is.
pub fn tool(tool: &Tool, kind: WorkerKind) -> Value {
    // Checked when the call came in.
    let parameters: Value = serde_json::from_str(&tool.parameters_json_schema)
        .unwrap_or_else(|_| json!({"type": "object", "properties": {}}));
    let mut function = json!({"name": tool.name, "description": tool.description, "parameters": parameters});
    if tool.strict || kind == WorkerKind::Vllm {
        function["strict"] = json!(true);
    }
    json!({"type": "function", "function": function})
}

/// The mode, or the function.
pub fn choice(choice: &ToolChoice) -> Value {
    match choice.mode() {
        tool_choice::Mode::Unspecified | tool_choice::Mode::Auto => json!("auto"),
        tool_choice::Mode::None => json!("none"),
        tool_choice::Mode::Required => json!("required"),
        tool_choice::Mode::Named => json!({"type": "function", "function": {"name": choice.name}}),
    }
}

/// The shape of the answer; `None` is text.
pub fn format(format: &ResponseFormat) -> Result<Option<Value>, CallError> {
    match &format.format {
        None => Ok(None),
        Some(response_format::Format::JsonObject(_)) => Ok(Some(json!({"type": "json_object"}))),
        Some(response_format::Format::JsonSchema(schema)) => {
            let parsed: Value = serde_json::from_str(&schema.schema_json).map_err(|_| {
                CallError::invalid("response_format.json_schema.schema_json", "must be a JSON schema")
            })?;
            let name = if schema.name.is_empty() { "answer" } else { &schema.name };
            Ok(Some(
                json!({"type": "json_schema", "json_schema": {"name": name, "schema": parsed, "strict": schema.strict}}),
            ))
        }
    }
}
