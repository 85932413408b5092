//! `config.json`: which network to build, checked so that a wrong number is an error with a name and not a panic in a kernel.

use std::path::Path;

use candle_transformers::models::{llama, qwen2};
use serde::Deserialize;
use serde_json::{Value, json};

use super::LoadError;

/// A network that the engine can build of safetensors.
#[derive(Debug, Clone)]
pub enum Architecture {
    /// LlamaForCausalLM.
    Llama(Box<llama::Config>),
    /// Qwen2ForCausalLM.
    Qwen2(Box<qwen2::Config>),
}

/// What both architectures have in common.
#[derive(Deserialize)]
struct Shape {
    hidden_size: usize,
    intermediate_size: usize,
    vocab_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    max_position_embeddings: usize,
    head_dim: Option<usize>,
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
}

/// Largest value of a size in a `config.json`; real ones are far below, and products of two stay in range.
const SIZE_MAX: usize = 1 << 24;

impl Architecture {
    /// Reads the content of `file`.
    pub fn read(file: &Path, mut config: Value) -> Result<Self, LoadError> {
        let malformed = |error: serde_json::Error| LoadError::malformed(file, &error);
        let name = config["architectures"][0].as_str().unwrap_or_default().to_owned();
        let kind = config["model_type"].as_str().unwrap_or_default().to_owned();
        let is_llama = name == "LlamaForCausalLM" || (name.is_empty() && kind == "llama");
        let is_qwen2 = name == "Qwen2ForCausalLM" || (name.is_empty() && kind == "qwen2");
        if !is_llama && !is_qwen2 {
            let found = if name.is_empty() { kind } else { name };
            let what = format!("architecture {found:?} (known: LlamaForCausalLM, Qwen2ForCausalLM)");
            return Err(LoadError::unsupported(file, what));
        }
        lift_rope_parameters(&mut config);
        let shape = Shape::deserialize(&config).map_err(malformed)?;
        shape.check(file, is_llama)?;
        if is_llama {
            check_llama_scaling(file, &config)?;
            let parsed = llama::LlamaConfig::deserialize(&config).map_err(malformed)?;
            return Ok(Self::Llama(Box::new(parsed.into_config(false))));
        }
        fill_qwen2_defaults(file, &mut config, &shape)?;
        let parsed = qwen2::Config::deserialize(&config).map_err(malformed)?;
        Ok(Self::Qwen2(Box::new(parsed)))
    }

    /// Lowers the longest context to `limit` tokens, which also bounds the position tables, and returns it.
    pub fn limit_context(&mut self, limit: usize) -> usize {
        let context = match self {
            Self::Llama(config) => &mut config.max_position_embeddings,
            Self::Qwen2(config) => &mut config.max_position_embeddings,
        };
        *context = limit.min(*context);
        *context
    }

    /// Entries of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Llama(config) => config.vocab_size,
            Self::Qwen2(config) => config.vocab_size,
        }
    }
}

impl Shape {
    fn check(&self, file: &Path, is_llama: bool) -> Result<(), LoadError> {
        let key_value_heads = self.num_key_value_heads.unwrap_or(self.num_attention_heads);
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", key_value_heads),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((field, value)) = sizes.into_iter().find(|(_, value)| !(1..=SIZE_MAX).contains(value)) {
            return Err(LoadError::malformed(file, &format!("{field} is {value}")));
        }
        let head = self.hidden_size / self.num_attention_heads;
        if head * self.num_attention_heads != self.hidden_size || !head.is_multiple_of(2) {
            return Err(LoadError::malformed(
                file,
                &"hidden_size is not an even multiple of num_attention_heads",
            ));
        }
        if !self.num_attention_heads.is_multiple_of(key_value_heads) {
            return Err(LoadError::malformed(
                file,
                &"num_attention_heads is not a multiple of num_key_value_heads",
            ));
        }
        if self.head_dim.is_some_and(|given| given != head) {
            return Err(LoadError::unsupported(
                file,
                "a head_dim other than hidden_size / num_attention_heads",
            ));
        }
        if self.hidden_act.as_deref().is_some_and(|activation| activation != "silu") {
            return Err(LoadError::unsupported(file, "an activation other than silu"));
        }
        if is_llama && (self.attention_bias == Some(true) || self.mlp_bias == Some(true)) {
            return Err(LoadError::unsupported(file, "biases in attention or MLP"));
        }
        Ok(())
    }
}

/// Newer exports keep the position settings in `rope_parameters`; both readers look for them at the top.
fn lift_rope_parameters(config: &mut Value) {
    let Some(parameters) = config.get("rope_parameters").filter(|value| value.is_object()).cloned() else {
        return;
    };
    if config.get("rope_theta").is_none_or(Value::is_null) && !parameters["rope_theta"].is_null() {
        config["rope_theta"] = parameters["rope_theta"].clone();
    }
    let is_scaled = parameters["rope_type"].as_str().is_some_and(|kind| kind != "default");
    if config.get("rope_scaling").is_none_or(Value::is_null) && is_scaled {
        config["rope_scaling"] = parameters;
    }
}

fn check_llama_scaling(file: &Path, config: &Value) -> Result<(), LoadError> {
    let Some(scaling) = config.get("rope_scaling").filter(|value| !value.is_null()) else { return Ok(()) };
    match scaling["rope_type"].as_str().or_else(|| scaling["type"].as_str()) {
        Some("llama3") => Ok(()),
        other => Err(LoadError::unsupported(
            file,
            format!("rope_scaling of type {:?}", other.unwrap_or("unknown")),
        )),
    }
}

/// Fields that real Qwen2 folders leave out or set to null, and that the reader insists on.
fn fill_qwen2_defaults(file: &Path, config: &mut Value, shape: &Shape) -> Result<(), LoadError> {
    if config.get("rope_scaling").is_some_and(|scaling| !scaling.is_null()) {
        return Err(LoadError::unsupported(file, "rope_scaling in a Qwen2 model"));
    }
    if config["use_sliding_window"] == true {
        return Err(LoadError::unsupported(file, "a sliding window"));
    }
    // The reader masks with this window even where it is switched off: as wide as the context, it masks nothing.
    config["sliding_window"] = json!(shape.max_position_embeddings);
    config["use_sliding_window"] = json!(false);
    let defaults = [
        ("max_window_layers", json!(shape.num_hidden_layers)),
        ("num_key_value_heads", json!(shape.num_attention_heads)),
        ("tie_word_embeddings", json!(false)),
        ("rope_theta", json!(10_000.0)),
        ("hidden_act", json!("silu")),
    ];
    for (field, value) in defaults {
        if config.get(field).is_none_or(Value::is_null) {
            config[field] = value;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(architecture: &str) -> Value {
        json!({
            "architectures": [architecture], "hidden_size": 32, "intermediate_size": 64, "vocab_size": 260,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
            "max_position_embeddings": 128,
        })
    }

    fn error_of(config: Value) -> String {
        Architecture::read(Path::new("m/config.json"), config).unwrap_err().to_string()
    }

    #[test]
    fn both_architectures_are_read_with_their_gaps() {
        let mut llama = Architecture::read(Path::new("c"), config("LlamaForCausalLM")).unwrap();
        assert_eq!((llama.limit_context(64), llama.vocabulary()), (64, 260));
        let mut with_nulls = config("Qwen2ForCausalLM");
        with_nulls["sliding_window"] = Value::Null;
        let qwen2 = Architecture::read(Path::new("c"), with_nulls).unwrap();
        assert!(matches!(qwen2, Architecture::Qwen2(config) if config.sliding_window == 128));
    }

    #[test]
    fn rope_parameters_are_lifted() {
        let mut new_style = config("LlamaForCausalLM");
        new_style["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 50_000.0});
        let Ok(Architecture::Llama(config)) = Architecture::read(Path::new("c"), new_style) else {
            panic!("must read")
        };
        assert!((config.rope_theta - 50_000.0).abs() < 1e-3 && config.rope_scaling.is_none());
    }

    #[test]
    fn what_the_engine_cannot_do_is_said() {
        assert!(
            error_of(config("GemmaForCausalLM"))
                .contains("m/config.json asks for architecture \"GemmaForCausalLM\"")
        );
        let cases = [
            ("num_attention_heads", json!(0), "num_attention_heads is 0"),
            ("num_attention_heads", json!(5), "hidden_size"),
            ("num_key_value_heads", json!(3), "num_key_value_heads"),
            ("head_dim", json!(16), "head_dim"),
            ("attention_bias", json!(true), "biases"),
            ("hidden_act", json!("gelu"), "silu"),
            ("rope_scaling", json!({"type": "linear", "factor": 2.0}), "rope_scaling"),
            ("vocab_size", json!("many"), "damaged"),
        ];
        for (field, value, expected) in cases {
            let mut broken = config("LlamaForCausalLM");
            broken[field] = value;
            let message = error_of(broken);
            assert!(message.contains(expected), "{field}: {message}");
        }
    }
}
