//! Checks a payload against the message definitions and brings it into canonical form.

use serde_json::{Map, Value};

use super::errors::ApiError;
use super::fields::{Kind, Message};

/// Package of the API's enums, as its error texts name them.
const PACKAGE: &str = "type.googleapis.com/google.ai.generativelanguage.v1beta";

/// Parses `body` as `message`.
///
/// The result is canonical: camelCase names, upper-case enum values, lists where lists belong, no unset
/// fields. Every violation of the payload is reported at once, each on its line.
pub(crate) fn parse(body: &[u8], message: &Message) -> Result<Map<String, Value>, ApiError> {
    let payload: Value = serde_json::from_slice(body)
        .map_err(|_| ApiError::invalid_argument("Invalid JSON payload received. Unexpected token.\n\n^"))?;
    let mut check = Check { violations: Vec::new() };
    let canonical = check.message("", &payload, message);
    match canonical {
        Some(Value::Object(fields)) if check.violations.is_empty() => Ok(fields),
        _ => Err(ApiError::invalid_payload(&check.violations)),
    }
}

struct Check {
    violations: Vec<(String, String)>,
}

impl Check {
    fn reject(&mut self, path: &str, line: String) -> Option<Value> {
        self.violations.push((path.to_owned(), line));
        None
    }

    fn unknown_name(&mut self, path: &str, name: &str, why: &str) -> Option<Value> {
        let at = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
        self.reject(path, format!(r#"Invalid JSON payload received. Unknown name "{name}"{at}: {why}"#))
    }

    fn message(&mut self, path: &str, value: &Value, message: &Message) -> Option<Value> {
        let Some(fields) = value.as_object() else {
            return self.invalid(path, "type.googleapis.com/google.protobuf.Message", value);
        };
        let mut canonical = Map::new();
        for (given, value) in fields {
            // Both spellings of a field are accepted, and null is an unset field.
            let known = message.0.iter().find(|(name, _)| name == given || snake_case(name) == *given);
            match known {
                None => _ = self.unknown_name(path, given, "Cannot find field."),
                Some(_) if value.is_null() => {}
                Some((name, kind)) => {
                    let inner = join(path, &snake_case(name));
                    if let Some(value) = self.field(path, given, (&inner, kind), value) {
                        canonical.insert((*name).to_owned(), value);
                    }
                }
            }
        }
        Some(Value::Object(canonical))
    }

    /// Checks a field of the message at `path`, which was `given` this name, against its own path and kind.
    fn field(
        &mut self,
        path: &str,
        given: &str,
        (inner, kind): (&str, &Kind),
        value: &Value,
    ) -> Option<Value> {
        match (kind, value) {
            (Kind::List(item), Value::Array(values)) => {
                let items = values.iter().enumerate();
                let checked =
                    items.filter_map(|(at, value)| self.value(&format!("{inner}[{at}]"), item, value));
                Some(Value::Array(checked.collect()))
            }
            // One object where a list belongs is a list of one.
            (Kind::List(item), value) => {
                self.value(&format!("{inner}[0]"), item, value).map(|item| Value::Array(vec![item]))
            }
            (Kind::Any, value) => Some(value.clone()),
            (_, Value::Array(_)) => {
                self.unknown_name(path, given, "Proto field is not repeating, cannot start list.")
            }
            (kind, value) => self.value(inner, kind, value),
        }
    }

    fn value(&mut self, path: &str, kind: &Kind, value: &Value) -> Option<Value> {
        let is_valid = match kind {
            Kind::Message(message) => return self.message(path, value, message),
            Kind::MessageMap(message) => return self.message_map(path, value, message),
            Kind::Enum(name, values) => return self.enumeration(path, (name, values), value),
            Kind::Any => true,
            Kind::Struct => value.is_object(),
            Kind::TextMap => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            Kind::Text => value.is_string(),
            Kind::Bytes => value.as_str().is_some_and(is_base64),
            Kind::Bool => value.is_boolean(),
            Kind::Float => value.is_number(),
            // 64-bit integers may come as JSON strings.
            Kind::Int => value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
            Kind::List(_) => false,
        };
        if is_valid {
            return Some(value.clone());
        }
        self.invalid(path, type_name(kind), value)
    }

    fn message_map(&mut self, path: &str, value: &Value, message: &Message) -> Option<Value> {
        let Some(map) = value.as_object() else { return self.invalid(path, "Map", value) };
        let entries = map.iter().enumerate();
        let checked = entries.filter_map(|(at, (key, value))| {
            let value = self.message(&format!("{path}[{at}].value"), value, message)?;
            Some((key.clone(), value))
        });
        Some(Value::Object(checked.collect()))
    }

    fn enumeration(&mut self, path: &str, (name, values): (&str, &[&str]), value: &Value) -> Option<Value> {
        let given = value.as_str().map(str::to_ascii_uppercase).unwrap_or_default();
        if values.contains(&given.as_str()) {
            return Some(Value::from(given));
        }
        self.invalid(path, &format!("{PACKAGE}.{name}"), value)
    }

    fn invalid(&mut self, path: &str, type_name: &str, value: &Value) -> Option<Value> {
        self.reject(path, format!("Invalid value at '{path}' ({type_name}), {value}"))
    }
}

fn type_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "TYPE_STRING",
        Kind::Bytes => "TYPE_BYTES",
        Kind::Bool => "TYPE_BOOL",
        Kind::Float => "TYPE_FLOAT",
        Kind::Int => "TYPE_INT32",
        Kind::Struct => "type.googleapis.com/google.protobuf.Struct",
        _ => "Map",
    }
}

fn is_base64(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
    text.trim_end_matches('=').bytes().all(is_digit)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemini_upstream::fields::GENERATE_REQUEST;
    use serde_json::json;

    fn violations(payload: &Value) -> Vec<String> {
        let error = parse(payload.to_string().as_bytes(), &GENERATE_REQUEST).unwrap_err();
        error.message.lines().map(str::to_owned).collect()
    }

    #[test]
    fn unknown_names_are_reported_all_at_once_with_their_place() {
        let parameters =
            json!({"type": "object", "additionalProperties": false, "properties": {"a": {"const": 1}}});
        let payload = json!({
            "messages": [],
            "generationConfig": {"max_tokens": 3},
            "contents": [{"role": "user", "parts": [{"text": "x", "cache_control": {}}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]
        });
        let tool = "tools[0].function_declarations[0].parameters";
        let expected = [
            r#"Invalid JSON payload received. Unknown name "messages": Cannot find field."#.to_owned(),
            r#"Invalid JSON payload received. Unknown name "max_tokens" at 'generation_config': Cannot find field."#.to_owned(),
            r#"Invalid JSON payload received. Unknown name "cache_control" at 'contents[0].parts[0]': Cannot find field."#
                .to_owned(),
            format!(r#"Invalid JSON payload received. Unknown name "additionalProperties" at '{tool}': Cannot find field."#),
            format!(r#"Invalid JSON payload received. Unknown name "const" at '{tool}.properties[0].value': Cannot find field."#),
        ];
        assert_eq!(violations(&payload), expected);
    }

    #[test]
    fn a_list_where_one_value_belongs_is_refused() {
        let payload = json!({"generationConfig": {"responseSchema": {"type": ["string", "null"]}}});
        let line = "Invalid JSON payload received. Unknown name \"type\" at 'generation_config.response_schema': \
                    Proto field is not repeating, cannot start list.";
        assert_eq!(violations(&payload), [line]);
    }

    #[test]
    fn other_spellings_become_canonical() {
        let payload = json!({
            "system_instruction": {"parts": {"text": "x"}}, "contents": null,
            "generation_config": {"response_schema": {"type": "object"}, "seed": "7"}
        });
        let parsed = parse(payload.to_string().as_bytes(), &GENERATE_REQUEST).unwrap();
        let expected = json!({
            "systemInstruction": {"parts": [{"text": "x"}]},
            "generationConfig": {"responseSchema": {"type": "OBJECT"}, "seed": "7"}
        });
        assert_eq!(Value::Object(parsed), expected);
    }

    #[test]
    fn wrong_values_are_named() {
        let payload = json!({"generationConfig": {"temperature": "warm", "thinkingConfig": {"thinkingLevel": "ULTRA"}}});
        let expected = [
            "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"warm\"",
            "Invalid value at 'generation_config.thinking_config.thinking_level' \
             (type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), \"ULTRA\"",
        ];
        assert_eq!(violations(&payload), expected);
    }
}
