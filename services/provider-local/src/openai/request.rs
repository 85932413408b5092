//! The whole request body.

use kaleem_proto::chat::v1::{GenerationOptions, Message, ReasoningEffort, Tool};
use serde_json::{Map, Value, json};

use super::{message, tool};
use crate::call::Call;
use crate::config::WorkerKind;
use crate::error::CallError;

/// A body with what of the call was changed to make it.
#[derive(Debug)]
pub struct ChatBody {
    /// The JSON.
    pub json: Value,
    /// Output bound in it.
    pub max_output: u32,
    /// What was changed, one sentence each.
    pub warnings: Vec<String>,
}

/// Body of a streamed chat completion. `context` is the worker's bound where it is known; `salt` separates prefix caches.
pub fn chat_body(
    call: &Call,
    kind: WorkerKind,
    context: Option<u32>,
    salt: Option<String>,
) -> Result<ChatBody, CallError> {
    let mut warnings = Vec::new();
    // vLLM refuses a bound above its context instead of lowering it.
    let max_output = call.max_output.min(context.unwrap_or(u32::MAX));
    if max_output < call.max_output {
        warnings
            .push(format!("max_output_token_count was lowered to {max_output}, the context of the model"));
    }
    let mut body = json!({
        "model": call.model,
        "messages": message::messages(&call.messages)?,
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": max_output,
    });
    if kind == WorkerKind::Vllm {
        body["stream_options"]["continuous_usage_stats"] = json!(true);
    }
    if let Some(salt) = salt {
        body["cache_salt"] = json!(salt);
    }
    add_tools(&mut body, call, kind);
    if let Some(format) = call.response_format.as_ref().map(tool::format).transpose()?.flatten() {
        body["response_format"] = format;
    }
    for (field, value) in options(&call.options, kind) {
        body[field] = value;
    }
    Ok(ChatBody { json: body, max_output, warnings })
}

/// Body of vLLM's `/tokenize`, which lays the conversation out as a chat completion would.
pub fn tokenize_body(model: &str, messages: &[Message], tools: &[Tool]) -> Result<Value, CallError> {
    let mut body =
        json!({"model": model, "messages": message::messages(messages)?, "add_generation_prompt": true});
    if !tools.is_empty() {
        body["tools"] = tools.iter().map(|tool| tool::tool(tool, WorkerKind::Vllm)).collect();
    }
    Ok(body)
}

fn add_tools(body: &mut Value, call: &Call, kind: WorkerKind) {
    if call.tools.is_empty() {
        return;
    }
    body["tools"] = call.tools.iter().map(|tool| tool::tool(tool, kind)).collect();
    if let Some(choice) = &call.tool_choice {
        body["tool_choice"] = tool::choice(choice);
        if choice.parallel_disabled {
            body["parallel_tool_calls"] = json!(false);
        }
    }
}

/// Only what the caller set: the worker's defaults are the model's.
fn options(options: &GenerationOptions, kind: WorkerKind) -> Map<String, Value> {
    let numbers = [
        ("temperature", options.temperature.map(Value::from)),
        ("top_p", options.top_p.map(Value::from)),
        ("top_k", options.top_k.map(Value::from)),
        ("seed", options.seed.map(Value::from)),
    ];
    let set = numbers.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
    let mut fields: Map<String, Value> = set.collect();
    if !options.stop.is_empty() {
        fields.insert("stop".to_owned(), json!(options.stop));
    }
    let effort = match options.reasoning_effort() {
        ReasoningEffort::Unspecified => return fields,
        ReasoningEffort::None if kind == WorkerKind::Vllm => {
            fields.insert("chat_template_kwargs".to_owned(), json!({"enable_thinking": false}));
            return fields;
        }
        ReasoningEffort::None => "none",
        ReasoningEffort::Low => "low",
        ReasoningEffort::Medium => "medium",
        ReasoningEffort::High => "high",
    };
    fields.insert("reasoning_effort".to_owned(), json!(effort));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::tests::message;
    use kaleem_proto::chat::v1::{ResponseFormat, Role, ToolChoice, response_format, tool_choice};

    fn call() -> Call {
        Call {
            model: "m".into(),
            messages: vec![message(Role::User, "hi")],
            max_output: 100,
            ..Call::default()
        }
    }

    #[test]
    fn a_plain_call_says_only_what_it_must() {
        let body = chat_body(&call(), WorkerKind::Openai, None, None).unwrap();
        let expected = json!({
            "model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true,
            "stream_options": {"include_usage": true}, "max_tokens": 100,
        });
        assert_eq!(body.json, expected);
        assert!(body.warnings.is_empty());
    }

    #[test]
    fn vllm_gets_its_extras() {
        let tool = Tool {
            name: "track".into(),
            parameters_json_schema: r#"{"type":"object"}"#.into(),
            ..Tool::default()
        };
        let choice = ToolChoice {
            mode: tool_choice::Mode::Named.into(),
            name: "track".into(),
            parallel_disabled: true,
        };
        let options = GenerationOptions {
            temperature: Some(0.0),
            stop: vec!["END".into()],
            reasoning_effort: ReasoningEffort::None.into(),
            ..GenerationOptions::default()
        };
        let call = Call { tools: vec![tool], tool_choice: Some(choice), options, ..call() };
        let body = chat_body(&call, WorkerKind::Vllm, Some(64), Some("salt".into())).unwrap();
        let json = &body.json;
        assert_eq!(json["stream_options"], json!({"include_usage": true, "continuous_usage_stats": true}));
        assert_eq!(
            (&json["cache_salt"], &json["max_tokens"], &json["temperature"]),
            (&json!("salt"), &json!(64), &json!(0.0))
        );
        assert_eq!(json["tools"][0]["function"]["strict"], json!(true));
        assert_eq!(json["tool_choice"], json!({"type": "function", "function": {"name": "track"}}));
        assert_eq!(json["parallel_tool_calls"], json!(false));
        assert_eq!(
            (&json["stop"], &json["chat_template_kwargs"]),
            (&json!(["END"]), &json!({"enable_thinking": false}))
        );
        assert_eq!(body.warnings.len(), 1);
    }

    #[test]
    fn a_schema_must_be_json() {
        let schema = |text: &str| {
            let schema =
                response_format::JsonSchema { schema_json: text.into(), strict: true, ..Default::default() };
            Some(ResponseFormat { format: Some(response_format::Format::JsonSchema(schema)) })
        };
        let good = Call { response_format: schema(r#"{"type":"object"}"#), ..call() };
        let body = chat_body(&good, WorkerKind::Openai, None, None).unwrap().json;
        let expected = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": true}});
        assert_eq!(body["response_format"], expected);
        let bad = Call { response_format: schema("{"), ..call() };
        assert!(chat_body(&bad, WorkerKind::Openai, None, None).is_err());
    }
}
