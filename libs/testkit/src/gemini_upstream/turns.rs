//! The rules on contents: roles, parts, and the order of function calls and their responses.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::errors::ApiError;
use super::fields::PART_DATA;
use super::models::Model;

/// How every thought signature of this double begins, once decoded.
const SIGNATURE_MARK: &str = "kaleem-testkit-signature-";
/// Signatures that the API takes for history of other models.
const SIGNATURE_BYPASSES: [&str; 2] =
    ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

const CALL_ORDER: &str = "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
const RESPONSE_ORDER: &str =
    "Please ensure that function response turn comes immediately after a function call turn.";
const RESPONSE_COUNT: &str = "Please ensure that the number of function response parts is equal to the number of \
                              function call parts of the function call turn.";

/// Returns the thought signature number `number` of this double.
pub(crate) fn signature(number: usize) -> String {
    STANDARD.encode(format!("{SIGNATURE_MARK}{number}"))
}

fn is_valid_signature(signature: &str) -> bool {
    let is_ours =
        || STANDARD.decode(signature).is_ok_and(|bytes| bytes.starts_with(SIGNATURE_MARK.as_bytes()));
    SIGNATURE_BYPASSES.contains(&signature) || is_ours()
}

/// Checks contents and system instruction of a canonical generate request.
pub(crate) fn check(model: &Model, request: &Map<String, Value>) -> Result<(), ApiError> {
    let contents = request.get("contents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if contents.is_empty() {
        return Err(ApiError::invalid_argument(
            "* GenerateContentRequest.contents: contents is not specified\n",
        ));
    }
    if let Some(instruction) = request.get("systemInstruction") {
        check_instruction(instruction)?;
    }
    for (at, content) in contents.iter().enumerate() {
        check_content(content, &format!("contents[{at}]"))?;
    }
    check_order(contents)?;
    if model.is_third_generation() {
        check_signatures_present(contents)?;
        if contents.last().is_some_and(|last| last["role"] == "model") {
            return Err(ApiError::invalid_argument("Please ensure that the last turn has role: user."));
        }
    }
    Ok(())
}

fn parts(content: &Value) -> &[Value] {
    content["parts"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn count(content: &Value, data: &str) -> usize {
    parts(content).iter().filter(|part| part.get(data).is_some()).count()
}

fn check_instruction(instruction: &Value) -> Result<(), ApiError> {
    for (at, part) in parts(instruction).iter().enumerate() {
        if part["text"].as_str().is_none_or(str::is_empty) {
            let message = format!(
                "* GenerateContentRequest.system_instruction.parts[{at}]: system instruction takes text only\n"
            );
            return Err(ApiError::invalid_argument(message));
        }
    }
    Ok(())
}

/// Checks one content on its own; also for embeddings, which have no roles.
pub(crate) fn check_content(content: &Value, path: &str) -> Result<(), ApiError> {
    if !matches!(content["role"].as_str(), None | Some("user" | "model")) {
        return Err(ApiError::invalid_argument("Please use a valid role: user, model."));
    }
    if parts(content).is_empty() {
        let message = format!("* GenerateContentRequest.{path}.parts: contents.parts must not be empty.\n");
        return Err(ApiError::invalid_argument(message));
    }
    for (at, part) in parts(content).iter().enumerate() {
        check_part(part, &format!("{path}.parts[{at}]"))?;
    }
    let is_model = content["role"] == "model";
    if count(content, "functionCall") > 0 && !is_model {
        return Err(ApiError::invalid_argument("Please ensure that function call parts have role: model."));
    }
    if count(content, "functionResponse") > 0 && is_model {
        return Err(ApiError::invalid_argument(
            "Please ensure that function response parts have role: user.",
        ));
    }
    Ok(())
}

fn check_part(part: &Value, path: &str) -> Result<(), ApiError> {
    let signature = part["thoughtSignature"].as_str();
    if signature.is_some_and(|signature| !is_valid_signature(signature)) {
        return Err(ApiError::invalid_argument("Corrupted thought signature."));
    }
    let mut data = PART_DATA.into_iter().filter(|name| part.get(name).is_some());
    let (first, second) = (data.next(), data.next());
    if let Some(second) = second {
        let line = format!(
            "Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{second}'"
        );
        return Err(ApiError::invalid_payload(&[(path.to_owned(), line)]));
    }
    let is_empty = first.is_none() || part["text"].as_str().is_some_and(str::is_empty);
    if is_empty && signature.is_none() {
        let message = format!(
            "* GenerateContentRequest.{path}.data: required oneof field 'data' must have one initialized field\n"
        );
        return Err(ApiError::invalid_argument(message));
    }
    for (data, field) in [("functionCall", "function_call"), ("functionResponse", "function_response")] {
        if part.get(data).is_some_and(|data| data["name"].as_str().is_none_or(str::is_empty)) {
            let message = format!("* GenerateContentRequest.{path}.{field}.name: Name cannot be empty.\n");
            return Err(ApiError::invalid_argument(message));
        }
    }
    Ok(())
}

fn check_order(contents: &[Value]) -> Result<(), ApiError> {
    for (at, content) in contents.iter().enumerate() {
        let previous = at.checked_sub(1).map(|before| &contents[before]);
        let calls_before = previous.map_or(0, |previous| count(previous, "functionCall"));
        let responses = count(content, "functionResponse");
        if responses > 0 && calls_before == 0 {
            return Err(ApiError::invalid_argument(RESPONSE_ORDER));
        }
        if responses != calls_before {
            return Err(ApiError::invalid_argument(RESPONSE_COUNT));
        }
        let follows_user = previous.is_some_and(|previous| previous["role"] != "model");
        if count(content, "functionCall") > 0 && !follows_user {
            return Err(ApiError::invalid_argument(CALL_ORDER));
        }
    }
    Ok(())
}

/// Checks that the first call of each step since the last real user turn carries its signature.
fn check_signatures_present(contents: &[Value]) -> Result<(), ApiError> {
    let is_user_turn =
        |content: &Value| content["role"] != "model" && count(content, "functionResponse") == 0;
    let turn_start = contents.iter().rposition(is_user_turn).unwrap_or(0);
    for (at, content) in contents.iter().enumerate().skip(turn_start) {
        let call = parts(content).iter().find(|part| part.get("functionCall").is_some());
        let Some(call) = call.filter(|call| call.get("thoughtSignature").is_none()) else { continue };
        let (name, position) = (call["functionCall"]["name"].as_str().unwrap_or_default(), at + 1);
        let message = format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and \
             missing thought_signature may lead to degraded model performance. Additional data, function call \
             `default_api:{name}` , position {position}. Please refer to \
             https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
        );
        return Err(ApiError::invalid_argument(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(model: &str, contents: Value) -> Option<String> {
        let request = Map::from_iter([("contents".to_owned(), contents)]);
        check(Model::find(model).unwrap(), &request).err().map(|error| error.message)
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "parts": [{"text": text}]})
    }

    fn calls(count: usize, signature: Option<&str>) -> Value {
        let mut parts = vec![json!({"functionCall": {"name": "get_order", "args": {}}}); count];
        if let Some(signature) = signature {
            parts[0]["thoughtSignature"] = json!(signature);
        }
        json!({"role": "model", "parts": parts})
    }

    fn responses(count: usize) -> Value {
        let part = json!({"functionResponse": {"name": "get_order", "response": {"result": "shipped"}}});
        json!({"role": "user", "parts": vec![part; count]})
    }

    #[test]
    fn calls_and_responses_are_paired_in_order() {
        let lite = "gemini-2.5-flash-lite";
        assert_eq!(refusal(lite, json!([user("a"), calls(2, None), responses(2)])), None);
        assert_eq!(
            refusal(lite, json!([user("a"), calls(2, None), responses(1), responses(1)])).unwrap(),
            RESPONSE_COUNT
        );
        assert_eq!(refusal(lite, json!([user("a"), calls(1, None), user("b")])).unwrap(), RESPONSE_COUNT);
        assert_eq!(refusal(lite, json!([user("a"), responses(1)])).unwrap(), RESPONSE_ORDER);
        assert_eq!(refusal(lite, json!([calls(1, None), responses(1)])).unwrap(), CALL_ORDER);
    }

    #[test]
    fn roles_other_than_user_and_model_are_refused() {
        for role in ["assistant", "system", "tool", "function"] {
            let contents = json!([{"role": role, "parts": [{"text": "a"}]}]);
            assert_eq!(
                refusal("gemini-3.5-flash", contents).unwrap(),
                "Please use a valid role: user, model."
            );
        }
    }

    #[test]
    fn the_third_generation_wants_its_signatures_back() {
        let model = "gemini-3.5-flash-lite";
        let history = |signature| json!([user("a"), calls(2, signature), responses(2)]);
        assert!(
            refusal(model, history(None))
                .unwrap()
                .contains("missing a thought_signature in functionCall parts")
        );
        let issued = signature(7);
        assert_eq!(refusal(model, history(Some(&issued))), None);
        assert_eq!(refusal(model, history(Some("skip_thought_signature_validator"))), None);
        assert_eq!(refusal(model, history(Some("AAAA"))).unwrap(), "Corrupted thought signature.");
        let older_turn = json!([user("a"), calls(1, None), responses(1), user("b")]);
        assert_eq!(refusal(model, older_turn), None, "only the current turn needs signatures");
        assert_eq!(refusal("gemini-2.5-flash", history(None)), None);
    }

    #[test]
    fn a_part_holds_exactly_one_thing() {
        let with = |part| json!([{"role": "user", "parts": [part]}]);
        let two = json!({"text": "a", "functionResponse": {"name": "f", "response": {}}});
        assert!(
            refusal("gemini-2.5-flash", with(two)).unwrap().contains("oneof field 'data' is already set")
        );
        for empty in [json!({}), json!({"text": ""}), json!({"thought": true})] {
            assert!(
                refusal("gemini-2.5-flash", with(empty)).unwrap().contains("must have one initialized field")
            );
        }
    }
}
