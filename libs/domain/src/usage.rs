//! Token counts in disjoint buckets.

use serde::{Deserialize, Serialize};

/// Buckets of token counts.
pub const BUCKETS: usize = 9;

/// Most tokens of a kind that one call may ask for or report: whoever says more is not believed.
pub const TOKENS_PER_CALL_MAX: i64 = 1 << 31;

/// Disjoint token counts of one call; their sum is the provider's total, but for what is unexplained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Input tokens not served from a cache.
    pub input_fresh: i64,
    /// Input tokens read from the provider's cache.
    pub input_cache_read: i64,
    /// Input tokens written to the provider's cache, for minutes.
    pub input_cache_write: i64,
    /// Tokens of tool prompts that the provider adds.
    pub input_tool: i64,
    /// Output text and tool-call tokens.
    pub output_text: i64,
    /// Reasoning tokens, billed as output.
    pub output_reasoning: i64,
    /// Fresh input tokens of pictures.
    pub input_image: i64,
    /// Fresh input tokens of sound.
    pub input_audio: i64,
    /// Input tokens written to the provider's cache, for an hour.
    pub input_cache_write_1h: i64,
    /// Who counted.
    pub source: UsageSource,
    /// Tier that served, as the provider bills it.
    pub service_tier: ServiceTier,
    /// The provider's own total less the sum of the buckets; other than 0 the counts are suspect, and billed nevertheless.
    pub unexplained: i64,
}

/// How soon a provider has to serve a call, for its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// At once.
    #[default]
    Standard,
    /// When there is room, at a discount: the flex tier and the batches of providers.
    Batch,
}

impl ServiceTier {
    /// Every tier.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Batch];
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
    /// The count of every bucket. The order is part of what is stored: it never changes, and grows at its end.
    pub const fn buckets(&self) -> [i64; BUCKETS] {
        [
            self.input_fresh,
            self.input_cache_read,
            self.input_cache_write,
            self.input_tool,
            self.output_text,
            self.output_reasoning,
            self.input_image,
            self.input_audio,
            self.input_cache_write_1h,
        ]
    }

    /// The counts that [`buckets`](Self::buckets) gives.
    pub fn of_buckets(buckets: [i64; BUCKETS]) -> Self {
        let [
            input_fresh,
            input_cache_read,
            input_cache_write,
            input_tool,
            output_text,
            output_reasoning,
            input_image,
            input_audio,
            input_cache_write_1h,
        ] = buckets;
        Self {
            input_fresh,
            input_cache_read,
            input_cache_write,
            input_tool,
            output_text,
            output_reasoning,
            input_image,
            input_audio,
            input_cache_write_1h,
            ..Self::default()
        }
    }

    /// All input tokens; sums saturate.
    pub const fn input(&self) -> i64 {
        let cached = self
            .input_cache_read
            .saturating_add(self.input_cache_write)
            .saturating_add(self.input_cache_write_1h);
        let fresh = self.input_fresh.saturating_add(self.input_image).saturating_add(self.input_audio);
        fresh.saturating_add(cached).saturating_add(self.input_tool)
    }

    /// All output tokens, reasoning included.
    pub const fn output(&self) -> i64 {
        self.output_text.saturating_add(self.output_reasoning)
    }

    /// All tokens.
    pub const fn total(&self) -> i64 {
        self.input().saturating_add(self.output())
    }

    /// The tokens of both, by the less certain count and the dearer tier; they saturate.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut buckets = self.buckets();
        for (count, more) in buckets.iter_mut().zip(other.buckets()) {
            *count = count.saturating_add(more);
        }
        Self {
            source: self.source.max(other.source),
            service_tier: self.service_tier.min(other.service_tier),
            unexplained: self.unexplained.saturating_add(other.unexplained),
            ..Self::of_buckets(buckets)
        }
    }

    /// What a provider's own total has more than the `sum` of its counts, as far as it is believed.
    pub fn unexplained_of(total: i64, sum: i64) -> i64 {
        total.saturating_sub(sum).clamp(-TOKENS_PER_CALL_MAX, TOKENS_PER_CALL_MAX)
    }

    /// Whether every bucket is within `0..=limit`, and what is unexplained no further from 0.
    pub fn within(&self, limit: i64) -> bool {
        self.buckets().iter().all(|count| (0..=limit).contains(count))
            && (-limit..=limit).contains(&self.unexplained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_is_counted_once() {
        let buckets = std::array::from_fn(|place| 1 << place);
        let usage = TokenUsage::of_buckets(buckets);
        assert_eq!(usage.buckets(), buckets);
        assert_eq!(usage.total(), (1 << BUCKETS) - 1);
        assert_eq!(usage.plus(&usage).total(), 2 * usage.total());
        for place in 0..BUCKETS {
            let mut wrong = buckets;
            wrong[place] = -1;
            assert!(!TokenUsage::of_buckets(wrong).within(1 << BUCKETS), "{place}");
        }
        assert!(usage.within(1 << BUCKETS));
        assert!(!TokenUsage { unexplained: -(1 << BUCKETS) - 1, ..usage }.within(1 << BUCKETS));
        let most = TOKENS_PER_CALL_MAX;
        for (total, sum, unexplained) in [(7, 5, 2), (5, 7, -2), (i64::MAX, -1, most), (i64::MIN, 1, -most)] {
            assert_eq!(TokenUsage::unexplained_of(total, sum), unexplained);
        }
    }
}
