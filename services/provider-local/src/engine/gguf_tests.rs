//! GGUF folders: written here, answered from, and compared with their safetensors twins.

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};

use super::tests::{answer, both_ways, call, close, engine, load, truncate};
use super::tiny::{self, Family, Shape};
use super::*;

/// Writes the weights of `shape` as GGUF under llama.cpp's names.
fn write_gguf(folder: &Path, shape: Shape, family: Family) {
    let config = tiny::config(shape, family);
    let prefix = if family == Family::Llama { "llama" } else { "qwen2" };
    let number = |field: &str| gguf_file::Value::U32(u32::try_from(config[field].as_u64().unwrap()).unwrap());
    let head = config["hidden_size"].as_u64().unwrap() / config["num_attention_heads"].as_u64().unwrap();
    let metadata = [
        ("general.architecture".to_owned(), gguf_file::Value::String(prefix.to_owned())),
        (format!("{prefix}.context_length"), number("max_position_embeddings")),
        (format!("{prefix}.embedding_length"), number("hidden_size")),
        (format!("{prefix}.block_count"), number("num_hidden_layers")),
        (format!("{prefix}.attention.head_count"), number("num_attention_heads")),
        (format!("{prefix}.attention.head_count_kv"), number("num_key_value_heads")),
        (format!("{prefix}.attention.layer_norm_rms_epsilon"), gguf_file::Value::F32(1e-5)),
        (format!("{prefix}.rope.dimension_count"), gguf_file::Value::U32(u32::try_from(head).unwrap())),
        ("tokenizer.ggml.eos_token_id".to_owned(), gguf_file::Value::U32(tiny::EOS)),
        ("tokenizer.chat_template".to_owned(), gguf_file::Value::String(tiny::TEMPLATE.to_owned())),
    ];
    let renames = [
        ("model.embed_tokens", "token_embd"),
        ("lm_head", "output"),
        ("model.norm", "output_norm"),
        ("model.layers.", "blk."),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    let tensors: Vec<(String, QTensor)> = tiny::tensors(shape, family)
        .into_iter()
        .map(|(name, tensor)| {
            let name = renames.iter().fold(name, |name, (from, to)| name.replace(from, to));
            (name, QTensor::quantize(&tensor, GgmlDType::F32).unwrap())
        })
        .collect();
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut file = std::fs::File::create(folder.join("tiny.gguf")).unwrap();
    gguf_file::write(&mut file, &metadata, &tensors).unwrap();
    tiny::write_text_side(folder);
    std::fs::remove_file(folder.join("tokenizer_config.json")).unwrap();
    std::fs::remove_file(folder.join("generation_config.json")).unwrap();
}

#[tokio::test]
async fn a_llama_gguf_answers_with_its_own_template_and_end() {
    let folder = tempfile::tempdir().unwrap();
    write_gguf(folder.path(), Shape::Successor, Family::Llama);
    let engine = engine(folder.path(), Config::default()).await;
    assert_eq!(answer(&engine, call("7", 50)).await.unwrap().0, "89");
    assert_eq!(
        answer(&engine, call("a", 3)).await.unwrap().0,
        "bcd",
        "one answer leaves nothing behind for the next"
    );
}

#[test]
fn a_qwen2_gguf_computes_what_its_safetensors_do() {
    let prompt: Vec<u32> = (0..150).map(|position| position * 11 % 256).collect();
    let folder = tempfile::tempdir().unwrap();
    write_gguf(folder.path(), Shape::Random, Family::Qwen2);
    let quantized = load(folder.path()).unwrap();
    assert_eq!(quantized.network.sessions_max(), Some(1));
    let floats = super::tests::folder(Shape::Random, Family::Qwen2);
    let floats = load(floats.path()).unwrap();
    let (expected, _) = both_ways(&floats, &prompt);
    let (at_once, one_by_one) = both_ways(&quantized, &prompt);
    assert!(close(&at_once, &one_by_one) && close(&at_once, &expected));
}

#[test]
fn two_ggufs_and_a_damaged_one_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_gguf(folder.path(), Shape::Successor, Family::Llama);
    std::fs::copy(folder.path().join("tiny.gguf"), folder.path().join("other.gguf")).unwrap();
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("other.gguf, tiny.gguf"), "{message}");
    std::fs::remove_file(folder.path().join("other.gguf")).unwrap();
    truncate(&folder.path().join("tiny.gguf"));
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("tiny.gguf is damaged"), "{message}");
}
