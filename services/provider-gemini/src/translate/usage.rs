//! Gemini's cumulative counts → disjoint buckets.

use kaleem_domain::{ServiceTier, TokenUsage, UsageSource};

use super::Warnings;
use crate::wire::response::{ServedTier, UsageMetadata};

/// More tokens than any call can have; Google's own counts have 32 bits.
const COUNT_MAX: i64 = u32::MAX as i64;

/// Splits the last counts into buckets whose sum is Google's total, or says what of it they leave unexplained.
///
/// `promptTokenCount` includes cached tokens; `candidatesTokenCount` excludes thoughts.
pub(super) fn split(counts: &UsageMetadata, source: UsageSource) -> TokenUsage {
    let cached = bucket(counts.cached_content_token_count);
    let fresh = bucket(counts.prompt_token_count.saturating_sub(cached));
    let (all, read) = (counts.prompt_tokens_details, counts.cache_tokens_details);
    let audio = all.audio.saturating_sub(read.audio).clamp(0, fresh);
    let image = all.image.saturating_sub(read.image).clamp(0, fresh - audio);
    let usage = TokenUsage {
        input_fresh: fresh - audio - image,
        input_image: image,
        input_audio: audio,
        input_cache_read: cached,
        input_tool: bucket(counts.tool_use_prompt_token_count),
        output_text: bucket(counts.candidates_token_count),
        output_reasoning: bucket(counts.thoughts_token_count),
        source,
        service_tier: match counts.service_tier {
            Some(ServedTier::Flex) => ServiceTier::Batch,
            Some(ServedTier::Standard | ServedTier::Other) | None => ServiceTier::Standard,
        },
        ..TokenUsage::default()
    };
    let unexplained = TokenUsage::unexplained_of(counts.total_token_count, usage.total());
    TokenUsage { unexplained, ..usage }
}

/// Keeps a nonsensical count from overflowing a sum.
fn bucket(count: i64) -> i64 {
    count.clamp(0, COUNT_MAX)
}

/// Says so when the buckets do not add up to Google's total, or a tier served that has no price: the bill is then made from the buckets
/// and by the standard tier, and somebody should look.
pub(super) fn check(counts: &UsageMetadata, usage: &TokenUsage, warnings: &mut Warnings) {
    let (sum, total) = (usage.total(), counts.total_token_count);
    if usage.unexplained != 0 {
        warnings.push(format!(
            "token counts do not add up: the parts are {sum}, the provider's total is {total}"
        ));
        tracing::warn!(sum, total, "token counts of the Gemini API do not add up");
    }
    if counts.service_tier == Some(ServedTier::Other) {
        warnings.push("the provider served in a tier without a price; the standard tier is billed");
        tracing::warn!("the Gemini API served in a tier that has no price here");
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
            ..UsageMetadata::default()
        };
        let usage = split(&counts, UsageSource::Provider);
        assert_eq!((usage.input_fresh, usage.input_cache_read, usage.input_tool), (904, 4096, 41));
        assert_eq!((usage.output_text, usage.output_reasoning, usage.total()), (5, 343, 5389));
        let mut warnings = Warnings::default();
        check(&counts, &usage, &mut warnings);
        assert_eq!(warnings, Warnings::default());
    }

    #[test]
    fn pictures_and_sound_are_buckets_of_their_own_without_what_was_cached_of_them() {
        let text = r#"{"promptTokenCount": 1000, "cachedContentTokenCount": 300, "candidatesTokenCount": 5, "totalTokenCount": 1005,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}, {"modality": "IMAGE", "tokenCount": 516},
                {"modality": "AUDIO", "tokenCount": 384}, {"modality": "SMELL", "tokenCount": 9}, {"modality": null}],
            "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 258}, {"modality": "TEXT", "tokenCount": 42}],
            "serviceTier": "flex"}"#;
        let counts: UsageMetadata = serde_json::from_str(text).unwrap();
        let usage = split(&counts, UsageSource::Provider);
        assert_eq!((usage.input_image, usage.input_audio, usage.input_fresh), (258, 384, 58));
        assert_eq!((usage.input_cache_read, usage.total(), usage.unexplained), (300, 1005, 0));
        assert_eq!(usage.service_tier, ServiceTier::Batch);
        let null = r#"{"promptTokenCount": 7, "totalTokenCount": 7, "promptTokensDetails": null, "serviceTier": null}"#;
        let usage = split(&serde_json::from_str(null).unwrap(), UsageSource::Provider);
        assert_eq!((usage.input_fresh, usage.service_tier), (7, ServiceTier::Standard));
    }

    #[test]
    fn details_that_exceed_the_prompt_make_no_token() {
        let text = r#"{"promptTokenCount": 10, "totalTokenCount": 10, "serviceTier": "priority",
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "IMAGE", "tokenCount": 700}]}"#;
        let counts: UsageMetadata = serde_json::from_str(text).unwrap();
        let usage = split(&counts, UsageSource::Provider);
        assert_eq!((usage.input_audio, usage.input_image, usage.input_fresh, usage.total()), (7, 3, 0, 10));
        let mut warnings = Warnings::default();
        check(&counts, &usage, &mut warnings);
        let expected = "the provider served in a tier without a price; the standard tier is billed";
        assert_eq!(
            (warnings.into_sentences(), usage.service_tier),
            (vec![expected.to_owned()], ServiceTier::Standard)
        );
    }

    #[test]
    fn a_total_that_does_not_fit_is_reported() {
        let counts =
            UsageMetadata { prompt_token_count: 7, total_token_count: 9, ..UsageMetadata::default() };
        let mut warnings = Warnings::default();
        let usage = split(&counts, UsageSource::Provider);
        assert_eq!(usage.unexplained, 2);
        check(&counts, &usage, &mut warnings);
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
                ..UsageMetadata::default()
            };
            let usage = split(&counts, UsageSource::Partial);
            prop_assert!(usage.within(4_000_000));
            prop_assert_eq!((usage.total(), usage.unexplained), (counts.total_token_count, 0));
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
                ..UsageMetadata::default()
            };
            let usage = split(&counts, UsageSource::Provider);
            prop_assert!(usage.within(COUNT_MAX));
            check(&counts, &usage, &mut Warnings::default());
        }
    }
}
