//! Gemini's cumulative counts → disjoint buckets.

use kaleem_domain::{TokenUsage, UsageSource};

use super::Warnings;
use crate::wire::response::UsageMetadata;

/// More tokens than any call can have; Google's own counts have 32 bits.
const COUNT_MAX: i64 = u32::MAX as i64;

/// Splits the last counts into buckets whose sum is Google's total.
///
/// `promptTokenCount` includes cached tokens; `candidatesTokenCount` excludes thoughts.
pub(super) fn split(counts: &UsageMetadata, source: UsageSource) -> TokenUsage {
    let cached = bucket(counts.cached_content_token_count);
    TokenUsage {
        input_fresh: bucket(counts.prompt_token_count.saturating_sub(cached)),
        input_cache_read: cached,
        input_cache_write: 0,
        input_tool: bucket(counts.tool_use_prompt_token_count),
        output_text: bucket(counts.candidates_token_count),
        output_reasoning: bucket(counts.thoughts_token_count),
        source,
    }
}

/// Keeps a nonsensical count from overflowing a sum.
fn bucket(count: i64) -> i64 {
    count.clamp(0, COUNT_MAX)
}

/// Says so when the buckets do not add up to Google's total: the bill is then made from the buckets, and somebody should look.
pub(super) fn check(counts: &UsageMetadata, usage: &TokenUsage, warnings: &mut Warnings) {
    let (sum, total) = (usage.total(), counts.total_token_count);
    if sum != total {
        warnings.push(format!(
            "token counts do not add up: the parts are {sum}, the provider's total is {total}"
        ));
        tracing::warn!(sum, total, "token counts of the Gemini API do not add up");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cached_tokens_are_part_of_the_prompt_and_thoughts_are_not_part_of_the_candidates() {
        let counts = UsageMetadata {
            prompt_token_count: 5000,
            cached_content_token_count: 4096,
            candidates_token_count: 5,
            thoughts_token_count: 343,
            tool_use_prompt_token_count: 41,
            total_token_count: 5389,
        };
        let usage = split(&counts, UsageSource::Provider);
        assert_eq!((usage.input_fresh, usage.input_cache_read, usage.input_tool), (904, 4096, 41));
        assert_eq!((usage.output_text, usage.output_reasoning, usage.total()), (5, 343, 5389));
        let mut warnings = Warnings::default();
        check(&counts, &usage, &mut warnings);
        assert_eq!(warnings, Warnings::default());
    }

    #[test]
    fn a_total_that_does_not_fit_is_reported() {
        let counts =
            UsageMetadata { prompt_token_count: 7, total_token_count: 9, ..UsageMetadata::default() };
        let mut warnings = Warnings::default();
        check(&counts, &split(&counts, UsageSource::Provider), &mut warnings);
        let expected = "token counts do not add up: the parts are 7, the provider's total is 9";
        assert_eq!(warnings.into_sentences(), [expected]);
    }

    proptest! {
        #[test]
        fn no_bucket_is_negative_and_honest_counts_are_conserved(
            prompt in 0i64..2_000_000, cached in 0i64..2_000_000, candidates in 0i64..70_000, thoughts in 0i64..70_000
        ) {
            let counts = UsageMetadata {
                prompt_token_count: prompt,
                cached_content_token_count: cached.min(prompt),
                candidates_token_count: candidates,
                thoughts_token_count: thoughts,
                tool_use_prompt_token_count: 0,
                total_token_count: prompt + candidates + thoughts,
            };
            let usage = split(&counts, UsageSource::Partial);
            prop_assert!(usage.within(4_000_000));
            prop_assert_eq!(usage.total(), counts.total_token_count);
        }

        #[test]
        fn dishonest_counts_do_not_overflow(counts in prop::array::uniform6(any::<i64>())) {
            let [prompt, cached, candidates, thoughts, tool, total] = counts;
            let counts = UsageMetadata {
                prompt_token_count: prompt,
                cached_content_token_count: cached,
                candidates_token_count: candidates,
                thoughts_token_count: thoughts,
                tool_use_prompt_token_count: tool,
                total_token_count: total,
            };
            let usage = split(&counts, UsageSource::Provider);
            prop_assert!(usage.within(COUNT_MAX));
            check(&counts, &usage, &mut Warnings::default());
        }
    }
}
