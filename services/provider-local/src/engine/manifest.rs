//! The tensors that an architecture needs, with their shapes. Checked before the network is built, because the builder of Llama
//! networks panics on what is not there.

use std::collections::HashMap;

use candle_core::Tensor;

use super::architecture::Architecture;

/// Name and shape of a tensor.
type Entry = (String, Vec<usize>);

/// Sizes that both architectures share.
struct Sizes {
    vocabulary: usize,
    hidden: usize,
    feed_forward: usize,
    key_values: usize,
    layers: usize,
    has_biases: bool,
    has_head: bool,
}

/// Says which tensor is missing or of another shape.
pub fn check(architecture: &Architecture, tensors: &HashMap<String, Tensor>) -> Result<(), String> {
    for (name, shape) in sizes(architecture, tensors).entries() {
        match tensors.get(&name) {
            None => return Err(format!("tensor {name} is missing")),
            Some(tensor) if tensor.dims() != shape => {
                return Err(format!(
                    "tensor {name} has shape {:?} where config.json asks for {shape:?}",
                    tensor.dims()
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn sizes(architecture: &Architecture, tensors: &HashMap<String, Tensor>) -> Sizes {
    match architecture {
        Architecture::Llama(config) => Sizes {
            vocabulary: config.vocab_size,
            hidden: config.hidden_size,
            feed_forward: config.intermediate_size,
            key_values: config.hidden_size / config.num_attention_heads * config.num_key_value_heads,
            layers: config.num_hidden_layers,
            has_biases: false,
            has_head: !config.tie_word_embeddings,
        },
        Architecture::Qwen2(config) => Sizes {
            vocabulary: config.vocab_size,
            hidden: config.hidden_size,
            feed_forward: config.intermediate_size,
            key_values: config.hidden_size / config.num_attention_heads * config.num_key_value_heads,
            layers: config.num_hidden_layers,
            has_biases: true,
            // The builder takes the head that is there, and the embeddings otherwise.
            has_head: !config.tie_word_embeddings || tensors.contains_key("lm_head.weight"),
        },
    }
}

impl Sizes {
    fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let head = self.has_head.then(|| ("lm_head.weight".to_owned(), vec![self.vocabulary, self.hidden]));
        let ends = [
            ("model.embed_tokens.weight".to_owned(), vec![self.vocabulary, self.hidden]),
            ("model.norm.weight".to_owned(), vec![self.hidden]),
        ];
        ends.into_iter().chain(head).chain((0..self.layers).flat_map(|layer| self.layer(layer)))
    }

    fn layer(&self, layer: usize) -> Vec<Entry> {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let projections = [
            ("self_attn.q_proj", self.hidden, self.hidden, self.has_biases),
            ("self_attn.k_proj", self.key_values, self.hidden, self.has_biases),
            ("self_attn.v_proj", self.key_values, self.hidden, self.has_biases),
            ("self_attn.o_proj", self.hidden, self.hidden, false),
            ("mlp.gate_proj", self.feed_forward, self.hidden, false),
            ("mlp.up_proj", self.feed_forward, self.hidden, false),
            ("mlp.down_proj", self.hidden, self.feed_forward, false),
        ];
        let mut entries = Vec::new();
        for (part, rows, columns, has_bias) in projections {
            entries.push((name(&format!("{part}.weight")), vec![rows, columns]));
            if has_bias {
                entries.push((name(&format!("{part}.bias")), vec![rows]));
            }
        }
        for norm in ["input_layernorm.weight", "post_attention_layernorm.weight"] {
            entries.push((name(norm), vec![self.hidden]));
        }
        entries
    }
}
