//! `POST /v1/chat/completions` as a chat. Unknown fields are ignored; a field that changes the meaning and is not supported is
//! refused by name.

use std::collections::HashMap;

use base64::Engine as _;
use kaleem_proto::{
    chat::v1 as chat,
    chat::v1::{part::Kind, response_format::Format},
    gateway::v1::ChatInput,
    provider::v1::Priority,
};
use kaleem_rpc::Fault;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use serde_path_to_error::Segment;

use super::encode::Shape;
use crate::fault;

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(default)]
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<i32>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<ResponseFormat>,
    reasoning_effort: Option<String>,
    metadata: Option<HashMap<String, String>>,
    service_tier: Option<String>,
    /// Not OpenAI's: the facts that the answer must respect, which the SDKs send as `extra_body`.
    #[serde(borrow)]
    guardrail_policy: Option<&'a RawValue>,
    // What is looked at only to refuse it.
    n: Option<i64>,
    logprobs: Option<bool>,
    top_logprobs: Option<i64>,
    logit_bias: Option<HashMap<String, f64>>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    modalities: Option<Vec<String>>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    functions: Option<&'a RawValue>,
    #[serde(borrow)]
    web_search_options: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    name: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    function: FunctionCall,
}

#[derive(Deserialize)]
struct FunctionCall {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: String,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    parameters: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<JsonSchema>,
}

#[derive(Deserialize)]
struct JsonSchema {
    #[serde(default)]
    name: String,
    schema: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

fn wrong(field: &str, description: &str) -> Fault {
    fault::request_invalid(format!("{field} {description}")).violation(field, description)
}

/// The chat that `body` asks for, and the shape that its answer must have.
pub(super) fn parse(body: &[u8]) -> Result<(ChatInput, Shape), Fault> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let asked: Completion<'_> =
        serde_path_to_error::deserialize(&mut json).map_err(|error| unreadable(&error))?;
    json.end().map_err(|error| not_a_request(&place(&error)))?;
    refuse_unsupported(&asked)?;
    let shape = Shape {
        stream: asked.stream.unwrap_or(false),
        include_usage: asked.stream_options.as_ref().is_some_and(|options| options.include_usage),
    };
    let options = chat::GenerationOptions {
        temperature: asked.temperature,
        top_p: asked.top_p,
        top_k: asked.top_k,
        seed: asked.seed,
        stop: match asked.stop {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop],
            Some(OneOrMany::Many(stops)) => stops,
        },
        max_output_token_count: asked.max_completion_tokens.or(asked.max_tokens),
        reasoning_effort: effort(asked.reasoning_effort.as_deref())?.into(),
        include_reasoning: false,
    };
    let messages = asked.messages.into_iter().enumerate();
    let mut metadata = asked.metadata.unwrap_or_default();
    let input = ChatInput {
        model: asked.model,
        messages: messages.map(|(index, said)| message(said, index)).collect::<Result<_, _>>()?,
        tools: tools(asked.tools.unwrap_or_default())?,
        tool_choice: tool_choice(asked.tool_choice.as_ref(), asked.parallel_tool_calls)?,
        response_format: asked.response_format.map(response_format).transpose()?,
        options: Some(options),
        task: metadata.remove("task").unwrap_or_default(),
        metadata,
        priority: priority(asked.service_tier.as_deref())?.into(),
        guardrail_policy_json: asked.guardrail_policy.map(|facts| facts.get().to_owned()).unwrap_or_default(),
        ..ChatInput::default()
    };
    Ok((input, shape))
}

/// The scheduling class of a `service_tier`.
fn priority(tier: Option<&str>) -> Result<Priority, Fault> {
    match tier {
        None | Some("auto" | "default") => Ok(Priority::Unspecified),
        Some("flex") => Ok(Priority::Batch),
        Some(_) => Err(wrong("service_tier", "must be auto, default or flex: there is no other tier here")),
    }
}

fn not_a_request(why: &str) -> Fault {
    fault::request_invalid(format!("the body is not a chat completion request: {why}"))
}

fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let mut field = String::new();
    for segment in error.path() {
        field = match segment {
            Segment::Seq { index } => format!("{field}[{index}]"),
            // The keys of these objects are the caller's own words.
            Segment::Map { .. } if matches!(field.as_str(), "metadata" | "logit_bias") => break,
            Segment::Map { key } if field.is_empty() => key.clone(),
            Segment::Map { key } => format!("{field}.{key}"),
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    let why = place(error.inner());
    if field.is_empty() || !error.inner().is_data() {
        return not_a_request(&why);
    }
    not_a_request(&format!("{field}: {why}")).violation(&field, &why)
}

/// Where and what, without quoting the text: it may hold personal data.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Syntax => "invalid JSON",
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Data => return data_error(error),
        serde_json::error::Category::Io => "it cannot be read",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

/// Names of missing fields are ours; anything else that serde says may quote the caller.
fn data_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let known = text.starts_with("missing field");
    let what =
        if known { text.split(" at line").next().unwrap_or_default() } else { "a field has the wrong type" };
    format!("{what} at line {} column {}", error.line(), error.column())
}

fn refuse_unsupported(asked: &Completion<'_>) -> Result<(), Fault> {
    let unsupported = [
        ("n", asked.n.is_some_and(|n| n != 1), "must be 1; ask again for another answer"),
        (
            "logprobs",
            asked.logprobs == Some(true) || asked.top_logprobs.is_some_and(|n| n > 0),
            "is not supported",
        ),
        ("logit_bias", asked.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()), "is not supported"),
        (
            "presence_penalty",
            asked.presence_penalty.is_some_and(|p| p != 0.0),
            "is not supported; leave it out or 0",
        ),
        (
            "frequency_penalty",
            asked.frequency_penalty.is_some_and(|p| p != 0.0),
            "is not supported; leave it out or 0",
        ),
        (
            "modalities",
            asked.modalities.as_ref().is_some_and(|m| m.iter().any(|m| m != "text")),
            "must be [\"text\"]",
        ),
        ("audio", asked.audio.is_some(), "is not supported"),
        ("functions", asked.functions.is_some(), "is not supported; use tools"),
        ("web_search_options", asked.web_search_options.is_some(), "is not supported"),
    ];
    match unsupported.into_iter().find(|(_, found, _)| *found) {
        Some((field, _, description)) => Err(wrong(field, description)),
        None => Ok(()),
    }
}

fn message(said: Message, index: usize) -> Result<chat::Message, Fault> {
    let field = |name: &str| format!("messages[{index}].{name}");
    let role = match said.role.as_str() {
        "system" | "developer" => chat::Role::System,
        "user" => chat::Role::User,
        "assistant" => chat::Role::Assistant,
        "tool" => chat::Role::Tool,
        _ => return Err(wrong(&field("role"), "must be system, developer, user, assistant or tool")),
    };
    let mut parts = match said.content {
        None => Vec::new(),
        Some(Content::Text(text)) => vec![text_part(text)],
        Some(Content::Parts(parts)) => {
            parts.into_iter().map(|part| content_part(part, index)).collect::<Result<_, _>>()?
        }
    };
    if role == chat::Role::Tool {
        let tool_call_id = said.tool_call_id.unwrap_or_default();
        if tool_call_id.is_empty() {
            return Err(wrong(&field("tool_call_id"), "must name the call that this message answers"));
        }
        let result = chat::ToolResult { tool_call_id, parts, is_error: false };
        parts = vec![chat::Part { kind: Some(Kind::ToolResult(result)) }];
    }
    let calls = said.tool_calls.unwrap_or_default().into_iter().map(|call| {
        let call = chat::ToolCall {
            id: call.id,
            name: call.function.name,
            arguments_json: if call.function.arguments.is_empty() {
                "{}".to_owned()
            } else {
                call.function.arguments
            },
            provider_signature: Vec::new(),
        };
        chat::Part { kind: Some(Kind::ToolCall(call)) }
    });
    // An assistant turn of calls alone has an empty text in some clients.
    parts.retain(|part| {
        role != chat::Role::Assistant || !matches!(&part.kind, Some(Kind::Text(text)) if text.is_empty())
    });
    parts.extend(calls);
    Ok(chat::Message { role: role.into(), parts, name: said.name.unwrap_or_default() })
}

fn text_part(text: String) -> chat::Part {
    chat::Part { kind: Some(Kind::Text(text)) }
}

fn content_part(part: ContentPart, index: usize) -> Result<chat::Part, Fault> {
    let field = format!("messages[{index}].content");
    match (part.kind.as_str(), part.text.or(part.refusal), part.image_url) {
        ("text" | "refusal", Some(text), _) => Ok(text_part(text)),
        ("image_url", _, Some(image)) => image_part(&image.url, &field),
        _ => Err(wrong(&field, "must hold parts of type text or image_url")),
    }
}

fn image_part(url: &str, field: &str) -> Result<chat::Part, Fault> {
    let described = "must give pictures as data URLs (data:image/png;base64,…); addresses are not fetched";
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let (media_type, encoded) = data.ok_or_else(|| wrong(field, described))?;
    let data = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .map_err(|_| wrong(field, "holds invalid base64"))?;
    let image =
        chat::Image { source: Some(chat::image::Source::Data(data)), media_type: media_type.to_owned() };
    Ok(chat::Part { kind: Some(Kind::Image(image)) })
}

fn tools(tools: Vec<Tool>) -> Result<Vec<chat::Tool>, Fault> {
    let tool = |(index, tool): (usize, Tool)| match (tool.kind.as_str(), tool.function) {
        ("function", Some(function)) => Ok(chat::Tool {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters_json_schema: function.parameters.map(|schema| schema.to_string()).unwrap_or_default(),
            strict: function.strict.unwrap_or(false),
        }),
        _ => Err(wrong(&format!("tools[{index}]"), "must be of type function")),
    };
    tools.into_iter().enumerate().map(tool).collect()
}

fn tool_choice(choice: Option<&Value>, parallel: Option<bool>) -> Result<Option<chat::ToolChoice>, Fault> {
    use chat::tool_choice::Mode;
    let parallel_disabled = parallel == Some(false);
    let (mode, name) = match choice {
        None if !parallel_disabled => return Ok(None),
        None => (Mode::Auto, String::new()),
        Some(Value::String(text)) => match text.as_str() {
            "auto" => (Mode::Auto, String::new()),
            "none" => (Mode::None, String::new()),
            "required" => (Mode::Required, String::new()),
            _ => return Err(wrong("tool_choice", "must be auto, none, required or a function")),
        },
        Some(named) => match named.pointer("/function/name").and_then(Value::as_str) {
            Some(name) => (Mode::Named, name.to_owned()),
            None => return Err(wrong("tool_choice", "must be auto, none, required or a function")),
        },
    };
    Ok(Some(chat::ToolChoice { mode: mode.into(), name, parallel_disabled }))
}

fn response_format(format: ResponseFormat) -> Result<chat::ResponseFormat, Fault> {
    use chat::response_format::{JsonObject, JsonSchema};
    let format = match (format.kind.as_str(), format.json_schema) {
        ("text", _) => None,
        ("json_object", _) => Some(Format::JsonObject(JsonObject {})),
        ("json_schema", Some(schema)) => Some(Format::JsonSchema(JsonSchema {
            name: schema.name,
            schema_json: schema.schema.map(|schema| schema.to_string()).unwrap_or_default(),
            strict: schema.strict.unwrap_or(false),
        })),
        _ => return Err(wrong("response_format", "must be text, json_object or json_schema with a schema")),
    };
    Ok(chat::ResponseFormat { format })
}

fn effort(effort: Option<&str>) -> Result<chat::ReasoningEffort, Fault> {
    use chat::ReasoningEffort as Effort;
    Ok(match effort {
        None => Effort::Unspecified,
        Some("none") => Effort::None,
        Some("minimal" | "low") => Effort::Low,
        Some("medium") => Effort::Medium,
        Some("high" | "xhigh") => Effort::High,
        Some(_) => return Err(wrong("reasoning_effort", "must be none, minimal, low, medium or high")),
    })
}

#[cfg(test)]
mod tests;
