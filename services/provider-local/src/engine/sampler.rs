//! Chooses the next token: greedy, or by temperature with top-k, top-p and a seed.

use std::hash::{BuildHasher, Hasher};

use candle_core::{Result, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use candle_transformers::utils::apply_repeat_penalty;
use kaleem_proto::chat::v1::GenerationOptions;

use super::folder::Generation;

/// Below this a temperature means greedy: dividing by less overflows.
const TEMPERATURE_MIN: f64 = 1e-5;

/// Sampling of one answer.
pub struct Sampler {
    processor: LogitsProcessor,
    repetition_penalty: Option<f32>,
}

impl Sampler {
    /// Takes the caller's options, and the model's defaults where the caller says nothing.
    pub fn new(options: &GenerationOptions, defaults: &Generation) -> Self {
        let seed = options.seed.map_or_else(fresh_seed, i64::cast_unsigned);
        Self {
            processor: LogitsProcessor::from_sampling(seed, sampling(options, defaults)),
            repetition_penalty: defaults
                .repetition_penalty
                .filter(|penalty| *penalty > 0.0 && (*penalty - 1.0).abs() > f32::EPSILON),
        }
    }

    /// The next token after `history`, the prompt included.
    pub fn pick(&mut self, logits: &Tensor, history: &[u32]) -> Result<u32> {
        match self.repetition_penalty {
            Some(penalty) => self.processor.sample(&apply_repeat_penalty(logits, penalty, history)?),
            None => self.processor.sample(logits),
        }
    }
}

fn sampling(options: &GenerationOptions, defaults: &Generation) -> Sampling {
    let model_default = defaults.do_sample.then(|| defaults.temperature.unwrap_or(1.0));
    let Some(temperature) = options.temperature.or(model_default).filter(|value| *value >= TEMPERATURE_MIN)
    else {
        return Sampling::ArgMax;
    };
    let top_k = options.top_k.and_then(|k| usize::try_from(k).ok()).or(defaults.top_k).filter(|k| *k > 0);
    let top_p = options.top_p.or(defaults.top_p).filter(|p| *p > 0.0 && *p < 1.0);
    match (top_k, top_p) {
        (None, None) => Sampling::All { temperature },
        (Some(k), None) => Sampling::TopK { k, temperature },
        (None, Some(p)) => Sampling::TopP { p, temperature },
        (Some(k), Some(p)) => Sampling::TopKThenTopP { k, p, temperature },
    }
}

/// A seed from the randomness that the standard library keys its maps with.
fn fresh_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn options(temperature: Option<f64>) -> GenerationOptions {
        GenerationOptions { temperature, ..GenerationOptions::default() }
    }

    #[test]
    fn the_caller_decides_then_the_model() {
        let sampled = Generation {
            do_sample: true,
            temperature: Some(0.7),
            top_k: Some(20),
            top_p: Some(0.8),
            ..Generation::default()
        };
        assert_eq!(sampling(&options(None), &Generation::default()), Sampling::ArgMax);
        assert_eq!(sampling(&options(Some(0.0)), &sampled), Sampling::ArgMax);
        assert_eq!(
            sampling(&options(None), &sampled),
            Sampling::TopKThenTopP { k: 20, p: 0.8, temperature: 0.7 }
        );
        let own = GenerationOptions { top_p: Some(1.0), top_k: Some(3), ..options(Some(1.5)) };
        assert_eq!(sampling(&own, &sampled), Sampling::TopK { k: 3, temperature: 1.5 });
        assert_eq!(sampling(&options(Some(1.0)), &Generation::default()), Sampling::All { temperature: 1.0 });
    }

    #[test]
    fn one_seed_gives_one_choice_and_greedy_the_largest() {
        let logits = Tensor::new(&[0.0f32, 3.0, 2.9, -1.0], &Device::Cpu).unwrap();
        assert_eq!(Sampler::new(&options(None), &Generation::default()).pick(&logits, &[]).unwrap(), 1);
        let seeded = GenerationOptions { seed: Some(-7), ..options(Some(2.0)) };
        let run = || {
            let mut sampler = Sampler::new(&seeded, &Generation::default());
            (0..32).map(|_| sampler.pick(&logits, &[]).unwrap()).collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run());
        assert!(
            first.iter().any(|token| *token != first[0]),
            "a high temperature chooses differently: {first:?}"
        );
    }

    #[test]
    fn the_model_s_penalty_moves_the_choice() {
        let logits = Tensor::new(&[0.0f32, 3.0, 2.9, -1.0], &Device::Cpu).unwrap();
        let defaults = Generation { repetition_penalty: Some(1.5), ..Generation::default() };
        assert_eq!(Sampler::new(&options(None), &defaults).pick(&logits, &[1]).unwrap(), 2);
    }
}
