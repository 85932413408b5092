//! Token counts in disjoint buckets.

use serde::{Deserialize, Serialize};

/// Disjoint token counts of one call; their sum is the provider's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Input tokens not served from a cache.
    pub input_fresh: i64,
    /// Input tokens read from the provider's cache.
    pub input_cache_read: i64,
    /// Input tokens written to the provider's cache.
    pub input_cache_write: i64,
    /// Tokens of tool prompts that the provider adds.
    pub input_tool: i64,
    /// Output text and tool-call tokens.
    pub output_text: i64,
    /// Reasoning tokens, billed as output.
    pub output_reasoning: i64,
    /// Who counted.
    pub source: UsageSource,
}

/// Where a token count comes from, from the most certain to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider's own final count.
    Provider,
    /// Counted by us from what was relayed.
    #[default]
    Counted,
    /// Last count seen before the stream ended early.
    Partial,
}

impl TokenUsage {
    /// All input tokens; sums saturate.
    pub const fn input(&self) -> i64 {
        let cached = self.input_cache_read.saturating_add(self.input_cache_write);
        self.input_fresh.saturating_add(cached).saturating_add(self.input_tool)
    }

    /// All output tokens, reasoning included.
    pub const fn output(&self) -> i64 {
        self.output_text.saturating_add(self.output_reasoning)
    }

    /// All tokens.
    pub const fn total(&self) -> i64 {
        self.input().saturating_add(self.output())
    }

    /// The tokens of both, by the less certain count; they saturate.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input_fresh: self.input_fresh.saturating_add(other.input_fresh),
            input_cache_read: self.input_cache_read.saturating_add(other.input_cache_read),
            input_cache_write: self.input_cache_write.saturating_add(other.input_cache_write),
            input_tool: self.input_tool.saturating_add(other.input_tool),
            output_text: self.output_text.saturating_add(other.output_text),
            output_reasoning: self.output_reasoning.saturating_add(other.output_reasoning),
            source: self.source.max(other.source),
        }
    }

    /// Whether every bucket is within `0..=limit`.
    pub fn within(&self, limit: i64) -> bool {
        [
            self.input_fresh,
            self.input_cache_read,
            self.input_cache_write,
            self.input_tool,
            self.output_text,
            self.output_reasoning,
        ]
        .iter()
        .all(|count| (0..=limit).contains(count))
    }
}
