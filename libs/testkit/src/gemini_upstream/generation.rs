//! The rules on generation settings, thinking and tools.

use serde_json::{Map, Value};

use super::errors::ApiError;
use super::models::{Model, Thinking};

/// Most stop sequences of a request.
const STOP_SEQUENCES_MAX: usize = 5;

type Fields = Map<String, Value>;

fn reject<T>(message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::invalid_argument(message))
}

/// Checks everything but the contents of a canonical generate request.
pub(crate) fn check(model: &Model, request: &Fields) -> Result<(), ApiError> {
    let none = Value::Null;
    let config = request.get("generationConfig").unwrap_or(&none);
    check_sampling(model, config)?;
    check_thinking(model, &config["thinkingConfig"])?;
    check_response_format(config)?;
    check_tools(model, request, config)?;
    check_cache(request)
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn check_sampling(model: &Model, config: &Value) -> Result<(), ApiError> {
    if config["temperature"].as_f64().is_some_and(|value| !(0.0..=2.0).contains(&value)) {
        return reject(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n",
        );
    }
    if config["topP"].as_f64().is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return reject(
            "* GenerateContentRequest.generation_config.top_p: top_p must be in the range [0.0, 1.0].\n",
        );
    }
    if config["stopSequences"].as_array().is_some_and(|sequences| sequences.len() > STOP_SEQUENCES_MAX) {
        return reject(format!(
            "* GenerateContentRequest.generation_config.stop_sequences: at most {STOP_SEQUENCES_MAX} stop sequences.\n"
        ));
    }
    let is_supported = |limit: &i64| (1..=i64::from(model.output_token_limit)).contains(limit);
    if let Some(limit) = integer(&config["maxOutputTokens"]).filter(|limit| !is_supported(limit)) {
        return reject(format!(
            "Unable to submit request because it has a maxOutputTokens value of {limit} but the supported range is from 1 \
                 (inclusive) to {} (exclusive). Update the value and try again.",
            model.output_token_limit + 1
        ));
    }
    let penalties = [&config["presencePenalty"], &config["frequencyPenalty"]];
    if penalties.into_iter().any(|penalty| penalty.as_f64().is_some_and(|value| value != 0.0)) {
        return reject(format!("Penalty is not enabled for models/{}", model.id));
    }
    if config["responseLogprobs"] == true || !config["logprobs"].is_null() {
        return reject(format!("Logprobs is not enabled for models/{}", model.id));
    }
    Ok(())
}

fn check_thinking(model: &Model, thinking: &Value) -> Result<(), ApiError> {
    let (budget, level) = (integer(&thinking["thinkingBudget"]), thinking["thinkingLevel"].as_str());
    if budget.is_some() && level.is_some() {
        return reject("You can only set only one of thinking budget and thinking level.");
    }
    match model.thinking {
        Thinking::Budget { .. } if level.is_some() => {
            reject("Thinking level is not supported for this model.")
        }
        Thinking::Budget { min, max, may_be_off } => match budget {
            None | Some(-1) => Ok(()),
            Some(0) if may_be_off => Ok(()),
            Some(0) => reject("Budget 0 is invalid. This model only works in thinking mode."),
            Some(budget) if (min..=max).contains(&budget) => Ok(()),
            Some(budget) => reject(format!(
                "The thinking budget {budget} is invalid. Please choose a value between {min} and {max}."
            )),
        },
        Thinking::Level if budget == Some(0) => {
            reject("Budget 0 is invalid. This model only works in thinking mode.")
        }
        Thinking::Level => Ok(()),
        Thinking::None if thinking.is_null() => Ok(()),
        Thinking::None => reject("Thinking is not enabled for this model."),
    }
}

fn check_response_format(config: &Value) -> Result<(), ApiError> {
    let mime = config["responseMimeType"].as_str().unwrap_or("text/plain");
    if !["text/plain", "application/json", "text/x.enum"].contains(&mime) {
        return reject(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, \
             `application/json`, `application/xml`, `application/yaml` and `text/x.enum`.\n",
        );
    }
    let (has_schema, has_json_schema) =
        (!config["responseSchema"].is_null(), !config["responseJsonSchema"].is_null());
    if has_schema && has_json_schema {
        return reject(
            "* GenerateContentRequest.generation_config: only one of response_schema and response_json_schema.\n",
        );
    }
    if (has_schema || has_json_schema) && mime == "text/plain" {
        return reject(
            "* GenerateContentRequest.generation_config.response_schema: only allowed when response_mime_type is \
             `application/json`.\n",
        );
    }
    check_schema(&config["responseSchema"], "generation_config.response_schema")
}

fn check_tools(model: &Model, request: &Fields, config: &Value) -> Result<(), ApiError> {
    let mut names: Vec<&str> = Vec::new();
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    for (tool_at, tool) in tools.enumerate() {
        let declarations = tool["functionDeclarations"].as_array().into_iter().flatten();
        for (at, declaration) in declarations.enumerate() {
            let path = format!("tools[{tool_at}].function_declarations[{at}]");
            let name = declaration["name"].as_str().unwrap_or_default();
            check_declaration(declaration, name, &path)?;
            if names.contains(&name) {
                return reject(format!("Duplicate function declaration found: {name}"));
            }
            names.push(name);
        }
    }
    let calls_json = config["responseMimeType"] == "application/json" && !names.is_empty();
    if calls_json && !model.is_third_generation() {
        return reject("Function calling with a response mime type: 'application/json' is unsupported");
    }
    let calling = request.get("toolConfig").map_or(&Value::Null, |config| &config["functionCallingConfig"]);
    check_calling_mode(calling, &names)
}

fn check_calling_mode(calling: &Value, names: &[&str]) -> Result<(), ApiError> {
    let is_forced = matches!(calling["mode"].as_str(), Some("ANY" | "VALIDATED"));
    if is_forced && names.is_empty() {
        return reject("Function calling config is set without function_declarations.");
    }
    let allowed = calling["allowedFunctionNames"].as_array().into_iter().flatten();
    let mut allowed = allowed.filter_map(Value::as_str).peekable();
    if allowed.peek().is_some() && !is_forced {
        return reject(
            "allowed_function_names is only supported when function calling mode is ANY or VALIDATED.",
        );
    }
    match allowed.find(|name| !names.contains(name)) {
        Some(name) => reject(format!("Function name `{name}` in allowed_function_names is not declared.")),
        None => Ok(()),
    }
}

fn check_declaration(declaration: &Value, name: &str, path: &str) -> Result<(), ApiError> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_rest = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if !name.starts_with(is_first) || !name.chars().all(is_rest) || name.len() > 64 {
        return reject(format!(
            "* GenerateContentRequest.{path}.name: [FIELD_INVALID] Invalid function name. Must start with a letter or an \
             underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a \
             maximum length of 64.\n"
        ));
    }
    if !declaration["parameters"].is_null() && !declaration["parametersJsonSchema"].is_null() {
        return reject(format!(
            "* GenerateContentRequest.{path}: only one of parameters and parameters_json_schema.\n"
        ));
    }
    if declaration["parameters"]["type"] == "OBJECT"
        && is_empty_object(&declaration["parameters"]["properties"])
    {
        return reject(format!(
            "* GenerateContentRequest.{path}.parameters.properties: should be non-empty for OBJECT type\n"
        ));
    }
    check_schema(&declaration["parameters"], &format!("{path}.parameters"))
}

fn is_empty_object(value: &Value) -> bool {
    value.as_object().is_none_or(Map::is_empty)
}

/// Checks what the API checks in its own schema dialect beyond the field names.
fn check_schema(schema: &Value, path: &str) -> Result<(), ApiError> {
    if schema.is_null() {
        return Ok(());
    }
    if let Some(values) = schema["enum"].as_array() {
        if schema["type"] != "STRING" {
            return reject(format!("* GenerateContentRequest.{path}.enum: only allowed for STRING type\n"));
        }
        if let Some(at) = values.iter().position(|value| value == "") {
            return reject(format!("* GenerateContentRequest.{path}.enum[{at}]: cannot be empty\n"));
        }
    }
    if schema["type"] == "ARRAY" && schema["items"].is_null() {
        return reject(format!("* GenerateContentRequest.{path}.items: missing field.\n"));
    }
    check_schema(&schema["items"], &format!("{path}.items"))?;
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        check_schema(property, &format!("{path}.properties[{name}]"))?;
    }
    for (at, branch) in schema["anyOf"].as_array().into_iter().flatten().enumerate() {
        if branch["type"].is_null() && branch["anyOf"].is_null() {
            return reject(format!("* GenerateContentRequest.{path}.any_of[{at}].type: must be specified\n"));
        }
        check_schema(branch, &format!("{path}.any_of[{at}]"))?;
    }
    Ok(())
}

fn check_cache(request: &Fields) -> Result<(), ApiError> {
    if !request.contains_key("cachedContent") {
        return Ok(());
    }
    if ["systemInstruction", "tools", "toolConfig"].into_iter().any(|field| request.contains_key(field)) {
        return reject(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.",
        );
    }
    // This double keeps no caches, so every name is one that has expired.
    Err(ApiError::new(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(model: &str, request: Value) -> Option<String> {
        let Value::Object(request) = request else { unreachable!("tests pass objects") };
        check(Model::find(model).unwrap(), &request).err().map(|error| error.message)
    }

    fn thinking(config: &Value) -> Value {
        json!({"generationConfig": {"thinkingConfig": config}})
    }

    #[test]
    fn thinking_is_controlled_as_the_model_wants_it() {
        let (lite, pro, third) = ("gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3.5-flash-lite");
        let budget = |budget: i64| thinking(&json!({"thinkingBudget": budget}));
        let level = || thinking(&json!({"thinkingLevel": "LOW"}));
        assert_eq!(refusal(lite, budget(0)), None);
        assert_eq!(refusal(lite, budget(-1)), None);
        assert_eq!(refusal(lite, budget(512)), None);
        assert!(refusal(lite, budget(511)).unwrap().contains("between 512 and 24576"));
        assert_eq!(refusal(lite, level()).unwrap(), "Thinking level is not supported for this model.");
        assert!(refusal(pro, budget(0)).unwrap().starts_with("Budget 0 is invalid"));
        assert_eq!(refusal(third, level()), None);
        assert!(refusal(third, budget(0)).unwrap().starts_with("Budget 0 is invalid"));
        let both = thinking(&json!({"thinkingLevel": "LOW", "thinkingBudget": 512}));
        assert!(refusal(third, both).unwrap().contains("only one of thinking budget and thinking level"));
    }

    #[test]
    fn penalties_and_logprobs_are_not_enabled() {
        let with = |config: Value| json!({"generationConfig": config});
        let model = "gemini-2.5-flash-lite";
        assert_eq!(refusal(model, with(json!({"presencePenalty": 0}))), None);
        assert_eq!(
            refusal(model, with(json!({"frequencyPenalty": 0.5}))).unwrap(),
            "Penalty is not enabled for models/gemini-2.5-flash-lite"
        );
        assert!(refusal(model, with(json!({"responseLogprobs": true}))).unwrap().starts_with("Logprobs"));
    }

    #[test]
    fn declarations_are_checked_where_the_error_points() {
        let declare = |declaration: Value| json!({"tools": [{"functionDeclarations": [declaration]}]});
        let model = "gemini-2.5-flash";
        assert!(
            refusal(model, declare(json!({"name": "9f"}))).unwrap().contains("[0].name: [FIELD_INVALID]")
        );
        assert_eq!(refusal(model, declare(json!({"name": "f", "parametersJsonSchema": {"const": 1}}))), None);
        let integer_enum = json!({"type": "OBJECT", "properties": {"x": {"type": "INTEGER", "enum": ["1"]}}});
        assert_eq!(
            refusal(model, declare(json!({"name": "f", "parameters": integer_enum}))).unwrap(),
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[x].enum: \
             only allowed for STRING type\n"
        );
        let forced = json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}});
        assert!(refusal(model, forced).unwrap().contains("without function_declarations"));
    }
}
