//! Model folders that a test writes itself: a byte tokenizer, and a network small enough for a debug build.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

/// Id of the end token.
pub const EOS: u32 = 257;
/// Bytes, begin, end, and padding up to an even size.
pub const VOCABULARY: usize = 260;

/// Lays out nothing but the texts, so that a test controls the last token.
pub const TEMPLATE: &str = "{% for message in messages %}{{ message.content }}{% endfor %}";

/// A tokenizer of one token a byte; id and byte are the same number.
pub fn tokenizer() -> Tokenizer {
    Tokenizer::from_bytes(tokenizer_json().to_string()).unwrap()
}

fn tokenizer_json() -> Value {
    let mut free = 256u32;
    let mut vocabulary = serde_json::Map::new();
    for byte in 0u8..=255 {
        // Bytes that do not print are shown as letters from U+0100 on.
        let prints = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
        let shown = if prints {
            char::from(byte)
        } else {
            let letter = char::from_u32(free).unwrap();
            free += 1;
            letter
        };
        vocabulary.insert(shown.to_string(), json!(byte));
    }
    let special = |id: u32, content: &str| json!({"id": id, "content": content, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false});
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [special(256, "<s>"), special(EOS, "</s>")],
        "pre_tokenizer": byte_level, "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    })
}

/// A network whose greedy answer a test can predict, or one of random weights.
#[derive(Clone, Copy)]
pub enum Shape {
    /// One layer that adds nothing; the output picks the successor: letters go round for ever, digits count to 9 and end,
    /// `?` is answered with `ج` and the end.
    Successor,
    /// Two layers of random weights with grouped heads.
    Random,
}

/// Which architecture the folder says it is.
#[derive(Clone, Copy, PartialEq)]
pub enum Family {
    Llama,
    Qwen2,
}

fn successor(token: usize) -> usize {
    let end = usize::try_from(EOS).unwrap();
    match u8::try_from(token) {
        Ok(b'z') => usize::from(b'a'),
        Ok(b'?') => 0xD8,
        Ok(0xD8) => 0xAC,
        Ok(b'a'..=b'y' | b'0'..=b'8') => token + 1,
        _ => end,
    }
}

/// Writes a model folder for `shape`.
pub fn write(folder: &Path, shape: Shape, family: Family) {
    let config = config(shape, family);
    let tensors = tensors(shape, family);
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
    write_json(folder, "config.json", &config);
    write_text_side(folder);
}

/// Writes tokenizer, template and end token.
pub fn write_text_side(folder: &Path) {
    write_json(folder, "tokenizer.json", &tokenizer_json());
    write_json(
        folder,
        "tokenizer_config.json",
        &json!({"chat_template": TEMPLATE, "bos_token": "<s>", "eos_token": {"content": "</s>"}}),
    );
    write_json(folder, "generation_config.json", &json!({"eos_token_id": [EOS]}));
}

/// Writes one JSON file.
pub fn write_json(folder: &Path, name: &str, value: &Value) {
    std::fs::write(folder.join(name), value.to_string()).unwrap();
}

/// Sizes: hidden, feed-forward, layers, heads, key-value heads.
fn sizes(shape: Shape) -> [usize; 5] {
    match shape {
        Shape::Successor => [264, 8, 1, 4, 2],
        Shape::Random => [32, 48, 2, 4, 2],
    }
}

/// The `config.json`.
pub fn config(shape: Shape, family: Family) -> Value {
    let [hidden, feed_forward, layers, heads, key_value_heads] = sizes(shape);
    let name = if family == Family::Llama { "LlamaForCausalLM" } else { "Qwen2ForCausalLM" };
    json!({
        "architectures": [name], "hidden_size": hidden, "intermediate_size": feed_forward, "vocab_size": VOCABULARY,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": key_value_heads,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 2048, "hidden_act": "silu",
        "tie_word_embeddings": false, "eos_token_id": EOS,
    })
}

/// The weights under their Hugging Face names.
pub fn tensors(shape: Shape, family: Family) -> HashMap<String, Tensor> {
    let [hidden, feed_forward, layers, heads, key_value_heads] = sizes(shape);
    let head = hidden / heads;
    let mut noise = Noise(42);
    let mut tensors = HashMap::new();
    let mut add = |name: String, rows: usize, columns: usize| {
        let values: Vec<f32> = match shape {
            Shape::Successor => vec![0.0; rows * columns],
            Shape::Random => (0..rows * columns).map(|_| noise.next()).collect(),
        };
        let dimensions = if columns == 1 { vec![rows] } else { vec![rows, columns] };
        tensors.insert(name, Tensor::from_vec(values, dimensions, &Device::Cpu).unwrap());
    };
    add("model.embed_tokens.weight".into(), VOCABULARY, hidden);
    add("lm_head.weight".into(), VOCABULARY, hidden);
    for layer in 0..layers {
        let prefix = format!("model.layers.{layer}");
        for (name, rows) in [("q", hidden), ("k", head * key_value_heads), ("v", head * key_value_heads)] {
            add(format!("{prefix}.self_attn.{name}_proj.weight"), rows, hidden);
            if family == Family::Qwen2 {
                add(format!("{prefix}.self_attn.{name}_proj.bias"), rows, 1);
            }
        }
        add(format!("{prefix}.self_attn.o_proj.weight"), hidden, hidden);
        add(format!("{prefix}.mlp.gate_proj.weight"), feed_forward, hidden);
        add(format!("{prefix}.mlp.up_proj.weight"), feed_forward, hidden);
        add(format!("{prefix}.mlp.down_proj.weight"), hidden, feed_forward);
    }
    let ones = Tensor::ones(hidden, DType::F32, &Device::Cpu).unwrap();
    for layer in 0..layers {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            tensors.insert(format!("model.layers.{layer}.{norm}.weight"), ones.clone());
        }
    }
    tensors.insert("model.norm.weight".into(), ones);
    if matches!(shape, Shape::Successor) {
        tensors.insert("model.embed_tokens.weight".into(), one_hot(hidden, |token| token));
        let mut output = vec![0.0f32; VOCABULARY * hidden];
        for token in 0..VOCABULARY {
            output[successor(token) * hidden + token] = 1.0;
        }
        tensors.insert(
            "lm_head.weight".into(),
            Tensor::from_vec(output, (VOCABULARY, hidden), &Device::Cpu).unwrap(),
        );
    }
    tensors
}

fn one_hot(hidden: usize, place: impl Fn(usize) -> usize) -> Tensor {
    let mut values = vec![0.0f32; VOCABULARY * hidden];
    for token in 0..VOCABULARY {
        values[token * hidden + place(token)] = 1.0;
    }
    Tensor::from_vec(values, (VOCABULARY, hidden), &Device::Cpu).unwrap()
}

/// Small numbers around zero that are the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = u16::try_from(self.0 >> 48).unwrap();
        (f32::from(high) / f32::from(u16::MAX) - 0.5) * 0.5
    }
}
