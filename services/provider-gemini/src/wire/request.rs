//! What is sent. The API refuses unknown and misplaced fields, so empty ones are left out.

use serde::Serialize;
use serde_json::Value;

/// Body of `streamGenerateContent`, and with `model` the inner request of `countTokens`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerateContent {
    /// Resource name `models/<id>`; only inside `countTokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The conversation, oldest first.
    pub contents: Vec<Content>,
    /// Operator's instructions; text only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_instruction: Option<Content>,
    /// At most one set of declarations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSet>,
    /// Whether and which function must be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_config: Option<ToolConfig>,
    /// Sampling, length, shape and thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation_config: Option<GenerationConfig>,
    /// How soon it must be served; absent is at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<ServiceTier>,
}

/// Tiers that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceTier {
    /// When there is room.
    Flex,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content {
    /// `user` or `model`; ignored for the system instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Never empty.
    pub parts: Vec<Part>,
}

/// Speakers that the API knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The shopper, and results of functions.
    User,
    /// The model.
    Model,
}

/// One part: exactly one of text, picture, call or response.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A picture by value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_data: Option<Blob>,
    /// A call that the model made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCall>,
    /// The answer to a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_response: Option<FunctionResponse>,
    /// Marks a summary of thoughts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub thought: bool,
    /// Opaque state of the model, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thought_signature: Option<String>,
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

/// Bytes with their type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blob {
    /// For example `image/png`.
    pub mime_type: String,
    /// Base64, standard alphabet.
    pub data: String,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunctionCall {
    /// The model's own id; generation 2.5 has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Function.
    pub name: String,
    /// A JSON object.
    pub args: Value,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunctionResponse {
    /// Id of the call, where calls have ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Function.
    pub name: String,
    /// A JSON object.
    pub response: Value,
}

/// Declarations.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSet {
    /// Functions that the model may call.
    pub function_declarations: Vec<FunctionDeclaration>,
}

/// One function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionDeclaration {
    /// Name.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Plain JSON Schema; the API's own `Schema` type knows only a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters_json_schema: Option<Value>,
}

/// Tool choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolConfig {
    /// The only setting in use.
    pub function_calling_config: FunctionCallingConfig,
}

/// Mode of calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionCallingConfig {
    /// `AUTO`, `ANY` or `NONE`.
    pub mode: &'static str,
    /// With `ANY`: only these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_function_names: Vec<String>,
}

/// Sampling, length, shape and thinking.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationConfig {
    /// 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Above 0, at most 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<i32>,
    /// 32 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i32>,
    /// At most 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// Includes thoughts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<i64>,
    /// `application/json` for JSON answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_mime_type: Option<&'static str>,
    /// Plain JSON Schema of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_json_schema: Option<Value>,
    /// Thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_config: Option<ThinkingConfig>,
}

/// Thinking: budget or level, never both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThinkingConfig {
    /// Send summaries of thoughts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub include_thoughts: bool,
    /// Tokens, generation 2.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_budget: Option<i64>,
    /// `MINIMAL` to `HIGH`, generation 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<&'static str>,
}

/// Body of `countTokens`. The inner request makes it count the instructions and tools too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CountTokens {
    /// What would be sent.
    pub generate_content_request: GenerateContent,
}

/// Body of `batchEmbedContents`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchEmbedContents {
    /// At most 100.
    pub requests: Vec<EmbedContent>,
}

/// One text to embed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmbedContent {
    /// Resource name `models/<id>`, the same as in the path.
    pub model: String,
    /// One text part: several parts would give one vector.
    pub content: Content,
    /// Shorter vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_dimensionality: Option<i32>,
}
