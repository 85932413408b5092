//! Single parts of a message, in Gemini's shape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaleem_proto::chat::v1::{Image, ToolCall, ToolResult, image, part::Kind};
use serde_json::{Map, Value, json};

use crate::error::Violations;
use crate::wire::request::{Blob, FunctionCall, FunctionResponse, Part};

/// Picture types that the API reads.
const IMAGE_TYPES: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];

/// Encodes a provider signature as the wire has it; none where it is empty.
pub(super) fn signature(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| STANDARD.encode(bytes))
}

/// A picture by value. An address is refused: the gateway fetches it, where the merchant's policy allows that.
pub(super) fn picture(image: &Image, field: &str, violations: &mut Violations) -> Option<Part> {
    let data = match &image.source {
        Some(image::Source::Data(data)) if !data.is_empty() => data,
        Some(image::Source::Uri(_)) => {
            let why = "is not fetched here; the gateway puts the bytes into data";
            violations.push(format!("{field}.image.uri"), why);
            return None;
        }
        _ => {
            violations.push(format!("{field}.image.data"), "must not be empty");
            return None;
        }
    };
    let media_type = image.media_type.to_ascii_lowercase();
    if !IMAGE_TYPES.contains(&media_type.as_str()) {
        let why = format!("must be one of {}", IMAGE_TYPES.join(", "));
        violations.push(format!("{field}.image.media_type"), why);
        return None;
    }
    let blob = Blob { mime_type: media_type, data: STANDARD.encode(data) };
    Some(Part { inline_data: Some(blob), ..Part::default() })
}

/// A call that the model made. Ids go back only to models that gave one.
pub(super) fn call(call: &ToolCall, with_id: bool, field: &str, violations: &mut Violations) -> Option<Part> {
    if call.name.is_empty() {
        violations.push(format!("{field}.tool_call.name"), "must not be empty");
        return None;
    }
    let args = if call.arguments_json.trim().is_empty() {
        Some(Value::Object(Map::new()))
    } else {
        serde_json::from_str(&call.arguments_json).ok().filter(Value::is_object)
    };
    let Some(args) = args else {
        violations.push(format!("{field}.tool_call.arguments_json"), "must be a JSON object");
        return None;
    };
    let id = (with_id && !call.id.is_empty()).then(|| call.id.clone());
    Some(Part {
        function_call: Some(FunctionCall { id, name: call.name.clone(), args }),
        thought_signature: signature(&call.provider_signature),
        ..Part::default()
    })
}

/// The answer to the call of function `name`, and the pictures that came with it.
pub(super) fn response(
    result: &ToolResult,
    (name, with_id): (&str, bool),
    field: &str,
    violations: &mut Violations,
) -> (Part, Vec<Part>) {
    let mut text = String::new();
    let mut pictures = Vec::new();
    for (at, part) in result.parts.iter().enumerate() {
        let field = format!("{field}.tool_result.parts[{at}]");
        match &part.kind {
            Some(Kind::Text(piece)) => text.push_str(piece),
            Some(Kind::Image(image)) => pictures.extend(picture(image, &field, violations)),
            _ => violations.push(field, "must be text or an image"),
        }
    }
    let response = FunctionResponse {
        id: with_id.then(|| result.tool_call_id.clone()),
        name: name.to_owned(),
        response: object(&text, result.is_error),
    };
    (Part { function_response: Some(response), ..Part::default() }, pictures)
}

/// The API takes only objects: an object stays as it is, anything else is wrapped under the key that tells success from failure.
fn object(text: &str, is_error: bool) -> Value {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(object @ Value::Object(_)) if !is_error => return object,
        Ok(object @ Value::Object(_)) => object,
        // Other JSON stays text: the model reads it either way, and numbers keep their spelling.
        _ => Value::from(text),
    };
    if is_error { json!({ "error": value }) } else { json!({ "result": value }) }
}
