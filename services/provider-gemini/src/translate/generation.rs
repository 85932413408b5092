//! Sampling, length, thinking and the shape of the answer.

use kaleem_proto::chat::v1::{GenerationOptions, ReasoningEffort, response_format::Format};
use kaleem_proto::provider::v1::StreamGenerateRequest;

use super::{Warnings, tools};
use crate::config::{ModelConfig, Thinking};
use crate::error::Violations;
use crate::wire::request::{GenerationConfig, ThinkingConfig};

/// Stop strings that the API takes.
const STOP_MAX: usize = 5;
/// Smallest thinking budget that is not off.
const BUDGET_MIN: i64 = 512;

/// Options of a request.
pub(super) fn config(
    options: &GenerationOptions,
    model: &ModelConfig,
    max_output: i64,
    (violations, warnings): (&mut Violations, &mut Warnings),
) -> GenerationConfig {
    check(options, violations);
    let max_output_tokens = max_output.min(model.max_output);
    if max_output > model.max_output {
        warnings
            .push(format!("max_output_token_count was lowered to {}, the model's most", model.max_output));
    }
    let mut config = GenerationConfig {
        temperature: options.temperature,
        top_p: options.top_p,
        top_k: options.top_k,
        seed: options.seed.map(|seed| fold_seed(seed, warnings)),
        stop_sequences: options.stop.clone(),
        max_output_tokens: Some(max_output_tokens),
        thinking_config: thinking(options, model, max_output_tokens, warnings),
        ..GenerationConfig::default()
    };
    let has_sampling = config.temperature.is_some() || config.top_p.is_some() || config.top_k.is_some();
    if has_sampling && !model.sampling {
        warnings.push("temperature, top_p and top_k were left out: the model ignores them");
        (config.temperature, config.top_p, config.top_k) = (None, None, None);
    }
    config
}

fn check(options: &GenerationOptions, violations: &mut Violations) {
    if options.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        violations.push("options.temperature", "must be from 0 to 2");
    }
    if options.top_p.is_some_and(|top_p| !(top_p > 0.0 && top_p <= 1.0)) {
        violations.push("options.top_p", "must be above 0 and at most 1");
    }
    if options.top_k.is_some_and(|top_k| top_k < 1) {
        violations.push("options.top_k", "must be at least 1");
    }
    if options.stop.len() > STOP_MAX {
        violations.push("options.stop", format!("may hold at most {STOP_MAX} strings at this provider"));
    }
    if options.stop.iter().any(String::is_empty) {
        violations.push("options.stop", "must not hold an empty string");
    }
}

/// The API's seed has 32 bits. Folding keeps what a seed is for: the same number gives the same seed.
fn fold_seed(seed: i64, warnings: &mut Warnings) -> i32 {
    i32::try_from(seed).unwrap_or_else(|_| {
        warnings.push("seed was folded to 32 bits");
        #[expect(clippy::cast_possible_truncation, reason = "the fold is meant to drop the upper half")]
        let folded = (seed ^ (seed >> 32)) as i32;
        folded
    })
}

fn thinking(
    options: &GenerationOptions,
    model: &ModelConfig,
    max_output: i64,
    warnings: &mut Warnings,
) -> Option<ThinkingConfig> {
    let effort = options.reasoning_effort();
    let mut config =
        ThinkingConfig { include_thoughts: options.include_reasoning, ..ThinkingConfig::default() };
    let cannot_stop = effort == ReasoningEffort::None && !model.thinking_off;
    match model.thinking {
        Thinking::None => {
            if matches!(effort, ReasoningEffort::Low | ReasoningEffort::Medium | ReasoningEffort::High) {
                warnings.push("reasoning_effort was left out: the model does not reason");
            }
            return None;
        }
        Thinking::Budget => config.thinking_budget = budget(effort, model, max_output, warnings),
        Thinking::Level => config.thinking_level = level(effort, model),
    }
    if cannot_stop || (effort == ReasoningEffort::None && model.thinking == Thinking::Level) {
        warnings.push("reasoning cannot be turned off at this model; the least was asked for");
    }
    // Without reasoning there is nothing to include.
    config.include_thoughts &= config.thinking_budget != Some(0);
    (config != ThinkingConfig::default()).then_some(config)
}

/// Tokens for thoughts. They eat the output bound, so they get at most half of it: an answer without text helps nobody.
fn budget(
    effort: ReasoningEffort,
    model: &ModelConfig,
    max_output: i64,
    warnings: &mut Warnings,
) -> Option<i64> {
    let least = if model.thinking_off { 0 } else { BUDGET_MIN };
    let wanted = match effort {
        ReasoningEffort::Unspecified => return None,
        ReasoningEffort::None => least,
        ReasoningEffort::Low => 1024,
        ReasoningEffort::Medium => 8192,
        ReasoningEffort::High => 24_576,
    };
    let half = max_output / 2;
    if wanted <= half || wanted == least {
        return Some(wanted);
    }
    let granted = if half < BUDGET_MIN { least } else { half };
    warnings.push(format!(
        "reasoning was bounded to {granted} tokens, so that max_output_token_count leaves room for an answer"
    ));
    Some(granted)
}

fn level(effort: ReasoningEffort, model: &ModelConfig) -> Option<&'static str> {
    match effort {
        ReasoningEffort::Unspecified => None,
        ReasoningEffort::None if model.thinking_off => Some("MINIMAL"),
        ReasoningEffort::None | ReasoningEffort::Low => Some("LOW"),
        ReasoningEffort::Medium => Some("MEDIUM"),
        ReasoningEffort::High => Some("HIGH"),
    }
}

/// Shape of the answer.
pub(super) fn shape(
    request: &StreamGenerateRequest,
    model: &ModelConfig,
    config: &mut GenerationConfig,
    violations: &mut Violations,
) {
    let Some(format) = request.response_format.as_ref().and_then(|format| format.format.as_ref()) else {
        return;
    };
    if !request.tools.is_empty() && !model.is_generation_3() {
        violations
            .push("response_format", "cannot be JSON together with tools at this model; use one of them");
    }
    if !model.json_schema {
        violations.push("response_format", "cannot be JSON at this model");
    }
    config.response_mime_type = Some("application/json");
    if let Format::JsonSchema(format) = format {
        match tools::schema(&format.schema_json) {
            Ok(Some(schema)) => config.response_json_schema = Some(schema),
            _ => violations.push("response_format.json_schema.schema_json", "must be a JSON Schema object"),
        }
    }
}
