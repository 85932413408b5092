//! What is received. Everything may be missing or `null`; unknown fields and unknown enum values are survived.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One event of a stream.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chunk {
    /// Answers; only the first is asked for.
    pub candidates: Option<Vec<Candidate>>,
    /// Says why a prompt was blocked.
    pub prompt_feedback: Option<PromptFeedback>,
    /// Cumulative counts.
    pub usage_metadata: Option<UsageMetadata>,
    /// Model that serves and is billed.
    pub model_version: Option<String>,
    /// Google's id of the answer.
    pub response_id: Option<String>,
    /// A failure inside a stream that began with 200.
    pub error: Option<ErrorBody>,
}

/// One answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Next parts.
    pub content: Option<Content>,
    /// Set once.
    pub finish_reason: Option<String>,
    /// Position; 0 is the only one asked for.
    pub index: Option<i64>,
}

/// Parts of an answer.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Content {
    /// May be missing although the answer goes on.
    pub parts: Option<Vec<Part>>,
}

/// One part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Text; may be empty.
    pub text: Option<String>,
    /// The text is a summary of thoughts.
    pub thought: Option<bool>,
    /// Opaque state, base64.
    pub thought_signature: Option<String>,
    /// A whole call.
    pub function_call: Option<FunctionCall>,
}

/// A call; arguments arrive whole.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FunctionCall {
    /// Generation 3 only.
    pub id: Option<String>,
    /// Function.
    pub name: Option<String>,
    /// A JSON object; missing when there are no arguments.
    pub args: Option<Value>,
}

/// Verdict on a prompt.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptFeedback {
    /// For example `SAFETY`.
    pub block_reason: Option<String>,
}

/// Cumulative counts. Zeros are left out by the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageMetadata {
    /// Input, cached tokens included.
    #[serde(deserialize_with = "count")]
    pub prompt_token_count: i64,
    /// Input read from a cache.
    #[serde(deserialize_with = "count")]
    pub cached_content_token_count: i64,
    /// Output without thoughts.
    #[serde(deserialize_with = "count")]
    pub candidates_token_count: i64,
    /// Thoughts.
    #[serde(deserialize_with = "count")]
    pub thoughts_token_count: i64,
    /// Prompts of built-in tools.
    #[serde(deserialize_with = "count")]
    pub tool_use_prompt_token_count: i64,
    /// Google's own sum.
    #[serde(deserialize_with = "count")]
    pub total_token_count: i64,
    /// The prompt by what it is made of, cached tokens included.
    #[serde(deserialize_with = "modalities")]
    pub prompt_tokens_details: Modalities,
    /// What was read from a cache by what it is made of.
    #[serde(deserialize_with = "modalities")]
    pub cache_tokens_details: Modalities,
    /// Tier that served, as it is billed.
    #[serde(deserialize_with = "tier")]
    pub service_tier: Option<ServedTier>,
}

/// Tokens that are no text; documents and videos cost what text does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modalities {
    /// Pictures.
    pub image: i64,
    /// Sound.
    pub audio: i64,
}

/// A tier that the API serves in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedTier {
    /// At once.
    Standard,
    /// When there is room, or in a batch: at half the price.
    Flex,
    /// One that no price is known of here.
    Other,
}

/// The error object of every failure.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// HTTP status.
    pub code: u16,
    /// Text for people; may quote the request, so it is matched but never passed on.
    pub message: String,
    /// Canonical status name.
    pub status: String,
    /// Typed details.
    pub details: Vec<Value>,
}

/// An error page in JSON.
#[derive(Debug, Clone, Deserialize)]
pub struct ErrorPage {
    /// The error.
    pub error: ErrorBody,
}

/// Answer of `countTokens`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountTokens {
    /// Input tokens.
    #[serde(deserialize_with = "count", default)]
    pub total_tokens: i64,
}

/// Answer of `batchEmbedContents`.
#[derive(Debug, Clone, Deserialize)]
pub struct BatchEmbedContents {
    /// One a request, in order.
    #[serde(default)]
    pub embeddings: Vec<Embedding>,
}

/// One vector.
#[derive(Debug, Clone, Deserialize)]
pub struct Embedding {
    /// Components.
    #[serde(default)]
    pub values: Vec<f32>,
}

/// Reads a list of counts by modality; what is not known counts as text.
fn modalities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Modalities, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Detail {
        modality: Option<String>,
        #[serde(deserialize_with = "count")]
        token_count: i64,
    }
    let mut sums = Modalities::default();
    for detail in Option::<Vec<Detail>>::deserialize(deserializer)?.unwrap_or_default() {
        let sum = match detail.modality.as_deref() {
            Some("IMAGE") => &mut sums.image,
            Some("AUDIO") => &mut sums.audio,
            _ => continue,
        };
        *sum = sum.saturating_add(detail.token_count.max(0));
    }
    Ok(sums)
}

fn tier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ServedTier>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(word.map(|word| match word.to_ascii_lowercase().as_str() {
        "" | "unspecified" | "standard" => ServedTier::Standard,
        "flex" | "batch" => ServedTier::Flex,
        _ => ServedTier::Other,
    }))
}

/// Reads a count that may be a number, a decimal string (the JSON form of 64-bit fields) or `null`.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(i64),
        Text(String),
    }
    match Option::<Count>::deserialize(deserializer)? {
        None => Ok(0),
        Some(Count::Number(count)) => Ok(count),
        Some(Count::Text(text)) => text.parse().map_err(serde::de::Error::custom),
    }
}
