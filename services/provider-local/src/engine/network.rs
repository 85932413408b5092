//! The network itself: weights in memory, shared by all generations, and a session with its own key-value cache for each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Result, Tensor};
use candle_transformers::models::{llama, quantized_llama, quantized_qwen2, qwen2};

/// Prompt tokens that are fed at once. Smaller pieces notice sooner that the caller left and bound the attention matrix.
const PREFILL_TOKENS: usize = 256;

/// Prompt tokens that are fed at once to a network that keeps every mask it has made: few sizes, few masks.
const PREFILL_TOKENS_KEPT_MASKS: usize = 64;

/// Weights in memory.
pub struct Network {
    kind: Kind,
    device: Device,
}

pub(super) enum Kind {
    /// Weights of floats; the cache is an empty one to copy, as its position tables are costly to make.
    Llama { model: Box<llama::Llama>, cache: Box<llama::Cache> },
    /// Copies share the weights and differ in their cache.
    Qwen2(Box<qwen2::ModelForCausalLM>),
    /// Copies share the weights and differ in their cache.
    GgufLlama(Box<quantized_llama::ModelWeights>),
    /// Cannot be copied: one generation at a time.
    GgufQwen2(Mutex<Box<quantized_qwen2::ModelWeights>>),
}

impl Network {
    pub(super) fn new(kind: Kind, device: Device) -> Self {
        Self { kind, device }
    }

    /// How many sessions can run at the same time; `None` is without a bound.
    pub fn sessions_max(&self) -> Option<usize> {
        matches!(self.kind, Kind::GgufQwen2(_)).then_some(1)
    }

    /// Starts an empty session. Waits where the network takes one at a time.
    pub fn session(&self) -> Session<'_> {
        let state = match &self.kind {
            Kind::Llama { model, cache } => State::Llama { model, cache: cache.clone() },
            Kind::Qwen2(model) => State::Qwen2(model.clone()),
            Kind::GgufLlama(model) => State::GgufLlama(model.clone()),
            Kind::GgufQwen2(model) => {
                let mut model = model.lock().unwrap_or_else(PoisonError::into_inner);
                model.clear_kv_cache();
                State::GgufQwen2(model)
            }
        };
        Session { state, device: &self.device, position: 0 }
    }
}

enum State<'n> {
    Llama { model: &'n llama::Llama, cache: Box<llama::Cache> },
    Qwen2(Box<qwen2::ModelForCausalLM>),
    GgufLlama(Box<quantized_llama::ModelWeights>),
    GgufQwen2(MutexGuard<'n, Box<quantized_qwen2::ModelWeights>>),
}

/// One text that grows: its tokens so far are in the cache.
pub struct Session<'n> {
    state: State<'n>,
    device: &'n Device,
    position: usize,
}

impl Session<'_> {
    /// Feeds a prompt and returns the logits of its last token, or `None` if `abandoned` said so between two pieces.
    pub fn prefill(&mut self, prompt: &[u32], abandoned: impl Fn() -> bool) -> Result<Option<Tensor>> {
        let keeps_masks = matches!(self.state, State::GgufQwen2(_));
        let piece = if keeps_masks { PREFILL_TOKENS_KEPT_MASKS } else { PREFILL_TOKENS };
        let mut rest = prompt;
        let mut logits = None;
        while !rest.is_empty() {
            if abandoned() {
                return Ok(None);
            }
            // A lone token needs no mask, so what is left of the last piece leaves none behind.
            let length = if rest.len() >= piece {
                piece
            } else if keeps_masks {
                1
            } else {
                rest.len()
            };
            let (now, later) = rest.split_at(length);
            logits = Some(self.forward(now)?);
            rest = later;
        }
        Ok(logits)
    }

    /// Feeds tokens and returns the logits of the last one, a vector of the size of the vocabulary.
    pub fn forward(&mut self, tokens: &[u32]) -> Result<Tensor> {
        let input = Tensor::new(tokens, self.device)?.unsqueeze(0)?;
        let logits = match &mut self.state {
            State::Llama { model, cache } => model.forward(&input, self.position, cache)?,
            State::Qwen2(model) => model.forward(&input, self.position)?,
            State::GgufLlama(model) => model.forward(&input, self.position)?,
            State::GgufQwen2(model) => model.forward(&input, self.position)?,
        };
        self.position += tokens.len();
        logits.flatten_all()
    }
}
