//! The JSON of a streamed answer. Unknown fields appear all the time and are ignored.

use kaleem_proto::chat::v1::{TokenUsage, UsageSource};
use serde::Deserialize;
use serde_json::Value;

/// One event of the stream.
#[derive(Debug, Default, Deserialize)]
pub struct Chunk {
    /// Id of the answer.
    pub id: Option<String>,
    /// Model that answers.
    pub model: Option<String>,
    /// One entry; none in the usage chunk.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// Running or final counts.
    pub usage: Option<Usage>,
    /// A failure after the headers.
    pub error: Option<Value>,
}

/// One alternative of the answer; only the first is asked for.
#[derive(Debug, Deserialize)]
pub struct Choice {
    /// Position.
    #[serde(default)]
    pub index: u32,
    /// What is new.
    pub delta: Option<Delta>,
    /// Why the answer ended.
    pub finish_reason: Option<String>,
}

/// What is new.
#[derive(Debug, Default, Deserialize)]
pub struct Delta {
    /// Text.
    pub content: Option<String>,
    /// Reasoning.
    pub reasoning: Option<String>,
    /// Reasoning under its older name.
    pub reasoning_content: Option<String>,
    /// Pieces of tool calls.
    pub tool_calls: Option<Vec<ToolCallPiece>>,
}

/// A piece of a tool call.
#[derive(Debug, Deserialize)]
pub struct ToolCallPiece {
    /// Position of the call; some servers leave it out.
    pub index: Option<usize>,
    /// Set on the first piece.
    pub id: Option<String>,
    /// Name and arguments.
    pub function: Option<FunctionPiece>,
}

/// A piece of a function call.
#[derive(Debug, Default, Deserialize)]
pub struct FunctionPiece {
    /// Set on the first piece.
    pub name: Option<String>,
    /// Next piece of the JSON.
    pub arguments: Option<String>,
}

/// Token counts as servers report them.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Usage {
    /// Prompt, cached tokens included.
    #[serde(default)]
    pub prompt_tokens: i64,
    /// Answer, reasoning included.
    #[serde(default)]
    pub completion_tokens: i64,
    /// The server's own sum.
    pub total_tokens: Option<i64>,
    /// Of the prompt.
    pub prompt_tokens_details: Option<PromptDetails>,
    /// Of the answer.
    pub completion_tokens_details: Option<CompletionDetails>,
}

/// Parts of the prompt count.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct PromptDetails {
    /// Served from the prefix cache.
    pub cached_tokens: Option<i64>,
}

/// Parts of the answer count.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct CompletionDetails {
    /// Reasoning.
    pub reasoning_tokens: Option<i64>,
}

impl Usage {
    /// The counts in disjoint buckets. What a worker puts into its own cache is no bucket: it costs nothing extra there.
    pub fn to_disjoint(self, source: UsageSource) -> TokenUsage {
        let prompt = self.prompt_tokens.max(0);
        let answer = self.completion_tokens.max(0);
        let cached = self
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0)
            .clamp(0, prompt);
        let reasoning = self
            .completion_tokens_details
            .and_then(|details| details.reasoning_tokens)
            .unwrap_or(0)
            .clamp(0, answer);
        TokenUsage {
            input_fresh_count: prompt - cached,
            input_cache_read_count: cached,
            output_text_count: answer - reasoning,
            output_reasoning_count: reasoning,
            source: source.into(),
            unexplained_count: self.total_tokens.map_or(0, |total| {
                kaleem_domain::TokenUsage::unexplained_of(total, prompt.saturating_add(answer))
            }),
            ..TokenUsage::default()
        }
    }
}
