//! The engine over model folders that the tests write.

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{DType, Tensor};
use futures::StreamExt as _;
use kaleem_proto::chat::v1::{FinishReason, GenerationOptions, Role, TokenUsage, UsageSource};
use kaleem_testkit::ManualClock;
use serde_json::json;
use tempfile::TempDir;

use super::tiny::{self, Family, Shape};
use super::*;
use crate::call::Event;
use crate::call::tests::message;

fn folder(shape: Shape, family: Family) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), shape, family);
    folder
}

fn load(folder: &Path) -> Result<Model, LoadError> {
    Model::load(Folder::open(folder)?, "tiny".into(), 512, Arc::new(ManualClock::default()))
}

async fn engine(folder: &Path, config: Config) -> Engine {
    let (engine, loading) = Engine::start(folder, &config, Arc::new(ManualClock::default())).unwrap();
    loading.await.unwrap().unwrap();
    engine
}

fn call(text: &str, max_output: u32) -> Call {
    Call { request_id: "r".into(), messages: vec![message(Role::User, text)], max_output, ..Call::default() }
}

async fn answer(engine: &Engine, call: Call) -> Result<(String, FinishReason, TokenUsage), CallError> {
    let mut events = engine.generate(Arc::new(call)).await?;
    let mut text = String::new();
    while let Some(event) = events.next().await {
        match event? {
            Event::Text(delta) => text.push_str(&delta.text),
            Event::Finished(end) => return Ok((text, end.reason(), end.usage.unwrap())),
            _ => {}
        }
    }
    panic!("no end after {text:?}")
}

#[tokio::test]
async fn answers_end_by_length_by_the_end_token_and_by_a_stop_string() {
    let folder = folder(Shape::Successor, Family::Llama);
    let engine = engine(folder.path(), Config::default()).await;
    let (text, reason, usage) = answer(&engine, call("say a", 5)).await.unwrap();
    assert_eq!((text.as_str(), reason), ("bcdef", FinishReason::Length));
    assert_eq!((usage.input_fresh_count, usage.output_text_count), (5, 5));
    assert_eq!(usage.source(), UsageSource::Provider);

    let (text, reason, usage) = answer(&engine, call("7", 50)).await.unwrap();
    assert_eq!((text.as_str(), reason, usage.output_text_count), ("89", FinishReason::Stop, 3), "the end token counts");

    let (text, reason, _) = answer(&engine, call("ok?", 50)).await.unwrap();
    assert_eq!((text.as_str(), reason), ("ج", FinishReason::Stop));

    let options = GenerationOptions { stop: vec!["hij".into()], ..GenerationOptions::default() };
    let (text, reason, _) = answer(&engine, Call { options, ..call("a", 50) }).await.unwrap();
    assert_eq!((text.as_str(), reason), ("bcdefg", FinishReason::Stop));
    assert_eq!(engine.count(vec![message(Role::User, "قهوة")]).await.unwrap(), 8);
}

#[tokio::test]
async fn the_context_bounds_prompt_and_answer() {
    let folder = folder(Shape::Successor, Family::Llama);
    let mut config = Config::default();
    config.engine.context_limit = 16;
    let engine = engine(folder.path(), config).await;
    let error = answer(&engine, call(&"a".repeat(16), 5)).await.unwrap_err();
    assert_eq!(error, CallError::ContextLength { model: engine.id.clone(), needed: 16, context: 16 });
    let (text, reason, _) = answer(&engine, call(&"a".repeat(12), 50)).await.unwrap();
    assert_eq!((text.as_str(), reason), ("bcde", FinishReason::Length), "the room that is left");
}

#[tokio::test]
async fn what_the_engine_cannot_do_is_refused_before_it_queues() {
    let folder = folder(Shape::Successor, Family::Llama);
    let engine = engine(folder.path(), Config::default()).await;
    let image = kaleem_proto::chat::v1::Part {
        kind: Some(kaleem_proto::chat::v1::part::Kind::Image(kaleem_proto::chat::v1::Image::default())),
    };
    let mut with_image = call("a", 1);
    with_image.messages[0].parts.push(image);
    let error = answer(&engine, with_image).await.unwrap_err();
    assert!(matches!(error, CallError::Invalid(violations) if violations[0].field == "messages[0].parts"));
    let format = kaleem_proto::chat::v1::response_format::Format::JsonObject(Default::default());
    let format = kaleem_proto::chat::v1::ResponseFormat { format: Some(format) };
    let error = answer(&engine, Call { response_format: Some(format), ..call("a", 1) }).await.unwrap_err();
    assert!(matches!(error, CallError::Invalid(violations) if violations[0].field == "response_format"));
}

#[tokio::test]
async fn a_reader_who_leaves_frees_the_slot_and_a_full_queue_is_busy() {
    let folder = folder(Shape::Successor, Family::Llama);
    let mut config = Config::default();
    (config.engine.slots, config.engine.queue) = (1, 1);
    let engine = engine(folder.path(), config).await;
    // The answer is endless and its reader slow, so the slot stays taken.
    let mut running = engine.generate(Arc::new(call("a", 4000))).await.unwrap();
    assert!(matches!(running.next().await, Some(Ok(Event::Started(_)))));
    let waiting = engine.generate(Arc::new(call("7", 50))).await.unwrap();
    let refused = engine.generate(Arc::new(call("7", 50))).await.err();
    assert_eq!(refused, Some(CallError::Busy { worker: "engine".into() }));
    drop(running);
    let events: Vec<_> = waiting.collect().await;
    assert!(matches!(events.last(), Some(Ok(Event::Finished(_)))), "{events:?}");
}

#[tokio::test]
async fn a_reader_who_stalls_loses_its_slot() {
    let folder = folder(Shape::Successor, Family::Llama);
    let mut config = Config::default();
    config.engine.slots = 1;
    config.timeouts.reader_stall = Duration::from_millis(20);
    let engine = engine(folder.path(), config).await;
    let stalled = engine.generate(Arc::new(call("a", 4000))).await.unwrap();
    let (text, ..) = answer(&engine, call("7", 50)).await.unwrap();
    assert_eq!(text, "89");
    drop(stalled);
}

#[tokio::test]
async fn one_seed_is_one_answer() {
    let folder = folder(Shape::Random, Family::Qwen2);
    let engine = engine(folder.path(), Config::default()).await;
    let sampled = |seed: i64| {
        let options = GenerationOptions { temperature: Some(1.5), top_k: Some(50), seed: Some(seed), ..GenerationOptions::default() };
        Call { options, ..call("hello", 40) }
    };
    let first = answer(&engine, sampled(1)).await.unwrap().0;
    assert_eq!(first, answer(&engine, sampled(1)).await.unwrap().0);
    assert_ne!(first, answer(&engine, sampled(2)).await.unwrap().0);
}

/// Logits of a prompt fed in pieces, and of the same prompt fed token by token.
fn both_ways(model: &Model, prompt: &[u32]) -> (Vec<f32>, Vec<f32>) {
    let numbers = |logits: Tensor| logits.to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap();
    let at_once = model.network.session().prefill(prompt, || false).unwrap().unwrap();
    let mut session = model.network.session();
    let one_by_one = prompt.iter().map(|token| session.forward(&[*token]).unwrap()).last().unwrap();
    (numbers(at_once), numbers(one_by_one))
}

fn close(left: &[f32], right: &[f32]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-3)
}

#[test]
fn a_long_prompt_in_pieces_is_the_same_as_token_by_token() {
    let prompt: Vec<u32> = (0..300).map(|position| position * 7 % 256).collect();
    for family in [Family::Llama, Family::Qwen2] {
        let folder = folder(Shape::Random, family);
        let model = load(folder.path()).unwrap();
        let (at_once, one_by_one) = both_ways(&model, &prompt);
        assert!(close(&at_once, &one_by_one));
        assert!(at_once.iter().any(|logit| logit.abs() > 1e-3), "the network says something");
    }
}

#[test]
fn an_abandoned_prompt_stops_between_pieces() {
    let folder = folder(Shape::Random, Family::Llama);
    let model = load(folder.path()).unwrap();
    let asked = std::cell::Cell::new(0);
    let abandoned = || asked.replace(asked.get() + 1) == 1;
    assert!(model.network.session().prefill(&[1; 300], abandoned).unwrap().is_none());
    assert_eq!(asked.get(), 2);
}

#[test]
fn shards_in_half_precision_and_tied_weights_load() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write_text_side(folder.path());
    let mut config = tiny::config(Shape::Random, Family::Llama);
    config["tie_word_embeddings"] = json!(true);
    tiny::write_json(folder.path(), "config.json", &config);
    let (mut weight_map, mut shards) = (serde_json::Map::new(), [std::collections::HashMap::new(), std::collections::HashMap::new()]);
    for (number, (name, tensor)) in tiny::tensors(Shape::Random, Family::Llama).into_iter().filter(|(name, _)| name != "lm_head.weight").enumerate() {
        weight_map.insert(name.clone(), json!(format!("model-{}.safetensors", number % 2)));
        shards[number % 2].insert(name, tensor.to_dtype([DType::BF16, DType::F16][number % 2]).unwrap());
    }
    for (number, shard) in shards.iter().enumerate() {
        candle_core::safetensors::save(shard, folder.path().join(format!("model-{number}.safetensors"))).unwrap();
    }
    tiny::write_json(folder.path(), "model.safetensors.index.json", &json!({"weight_map": weight_map}));
    load(folder.path()).unwrap();
    std::fs::remove_file(folder.path().join("model-1.safetensors")).unwrap();
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("model-1.safetensors is missing"), "{message}");
}

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
    assert_eq!(answer(&engine, call("a", 3)).await.unwrap().0, "bcd", "one answer leaves nothing behind for the next");
}

#[test]
fn a_qwen2_gguf_computes_what_its_safetensors_do() {
    let prompt: Vec<u32> = (0..150).map(|position| position * 11 % 256).collect();
    let folder = tempfile::tempdir().unwrap();
    write_gguf(folder.path(), Shape::Random, Family::Qwen2);
    let quantized = load(folder.path()).unwrap();
    assert_eq!(quantized.network.sessions_max(), Some(1));
    let floats = self::folder(Shape::Random, Family::Qwen2);
    let floats = load(floats.path()).unwrap();
    let (expected, _) = both_ways(&floats, &prompt);
    let (at_once, one_by_one) = both_ways(&quantized, &prompt);
    assert!(close(&at_once, &one_by_one) && close(&at_once, &expected));
}

#[test]
fn every_broken_folder_names_the_file() {
    type Breakage = (&'static str, fn(&Path));
    let cases: [Breakage; 10] = [
        ("config.json is missing", |folder| std::fs::remove_file(folder.join("config.json")).unwrap()),
        ("config.json is damaged", |folder| std::fs::write(folder.join("config.json"), "{").unwrap()),
        ("model.safetensors is missing", |folder| std::fs::remove_file(folder.join("model.safetensors")).unwrap()),
        ("model.safetensors is damaged", |folder| truncate(&folder.join("model.safetensors"))),
        ("tokenizer.json is missing", |folder| std::fs::remove_file(folder.join("tokenizer.json")).unwrap()),
        ("tokenizer.json is damaged", |folder| truncate(&folder.join("tokenizer.json"))),
        ("chat_template.jinja is missing", |folder| std::fs::remove_file(folder.join("tokenizer_config.json")).unwrap()),
        ("chat_template.jinja does not work", |folder| std::fs::write(folder.join("chat_template.jinja"), "{% for %}").unwrap()),
        ("generation_config.json is damaged", |folder| std::fs::write(folder.join("generation_config.json"), "{\"do_sample\": 3}").unwrap()),
        ("model.layers.0.mlp.up_proj.weight", |folder| {
            let mut tensors = tiny::tensors(Shape::Random, Family::Llama);
            tensors.remove("model.layers.0.mlp.up_proj.weight");
            candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
        }),
    ];
    for (expected, break_it) in cases {
        let folder = folder(Shape::Random, Family::Llama);
        break_it(folder.path());
        let message = load(folder.path()).err().unwrap_or_else(|| panic!("{expected}: loaded")).to_string();
        assert!(message.contains(expected) && message.contains(folder.path().to_str().unwrap()), "{expected}: {message}");
    }
    let message = load(Path::new("no/such/folder")).err().unwrap().to_string();
    assert!(message.contains("no/such/folder is missing") && message.contains("engine.model_dir"), "{message}");
}

fn truncate(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn weights_that_compute_nonsense_and_a_foreign_tokenizer_are_found() {
    let folder = folder(Shape::Random, Family::Llama);
    let mut tensors = tiny::tensors(Shape::Random, Family::Llama);
    let norm = tensors["model.norm.weight"].affine(f64::NAN, 0.0).unwrap();
    tensors.insert("model.norm.weight".into(), norm);
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("not finite"), "{message}");

    let folder = self::folder(Shape::Random, Family::Llama);
    let tensors: std::collections::HashMap<_, _> = tiny::tensors(Shape::Random, Family::Llama)
        .into_iter()
        .map(|(name, tensor)| if tensor.dims()[0] == tiny::VOCABULARY { (name, tensor.narrow(0, 0, 100).unwrap().contiguous().unwrap()) } else { (name, tensor) })
        .collect();
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    let mut config = tiny::config(Shape::Random, Family::Llama);
    config["vocab_size"] = json!(100);
    tiny::write_json(folder.path(), "config.json", &config);
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("tokenizer.json") && message.contains("the weights know 100"), "{message}");
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

/// One conversation of `golden.json`, computed by the program that trained the model.
#[derive(serde::Deserialize)]
struct Golden {
    messages: Vec<Said>,
    prompt_ids: Vec<u32>,
    answer_ids: Vec<u32>,
    answer: String,
}

#[derive(serde::Deserialize)]
struct Said {
    role: String,
    content: String,
}

#[tokio::test]
async fn the_shipped_model_says_what_its_trainer_computed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    let golden: Vec<Golden> = serde_json::from_slice(&std::fs::read(folder.join("golden.json")).unwrap()).unwrap();
    assert!(!golden.is_empty());
    let model = load(&folder).unwrap();
    let engine = engine(&folder, Config::default()).await;
    for Golden { messages, prompt_ids, answer_ids, answer: expected } in golden {
        let messages: Vec<Message> = messages
            .iter()
            .map(|said| {
                let role = match said.role.as_str() {
                    "system" => Role::System,
                    "user" => Role::User,
                    "assistant" => Role::Assistant,
                    other => panic!("role {other}"),
                };
                message(role, &said.content)
            })
            .collect();
        let call = Call { messages, ..call("", 128) };
        assert_eq!(model.prompt(&call).unwrap().ids, prompt_ids);
        let mut session = model.network.session();
        let mut logits = session.prefill(&prompt_ids, || false).unwrap().unwrap();
        for id in &answer_ids {
            assert_eq!(logits.argmax(0).unwrap().to_scalar::<u32>().unwrap(), *id, "in {expected:?}");
            logits = session.forward(&[*id]).unwrap();
        }
        let (text, ..) = answer(&engine, call).await.unwrap();
        assert_eq!(text.trim_end(), expected.trim_end());
    }
}
