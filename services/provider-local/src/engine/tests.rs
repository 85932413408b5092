//! The engine over model folders that the tests write.

use candle_core::{DType, Tensor};
use futures::StreamExt as _;
use kaleem_proto::chat::v1::{FinishReason, GenerationOptions, Role, TokenUsage, UsageSource};
use kaleem_runtime::config::Span;
use kaleem_testkit::ManualClock;
use serde_json::json;
use tempfile::TempDir;

use super::tiny::{self, Family, Shape};
use super::*;
use crate::call::Event;
use crate::call::tests::message;

pub fn folder(shape: Shape, family: Family) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), shape, family);
    folder
}

pub fn load(folder: &Path) -> Result<Model, LoadError> {
    Model::load(Folder::open(folder)?, "tiny".into(), 512, Arc::new(ManualClock::default()))
}

pub async fn engine(folder: &Path, config: Config) -> Engine {
    let (engine, loading) = Engine::start(folder, &config, Arc::new(ManualClock::default())).unwrap();
    loading.await.unwrap().unwrap();
    engine
}

pub fn call(text: &str, max_output: u32) -> Call {
    Call { request_id: "r".into(), messages: vec![message(Role::User, text)], max_output, ..Call::default() }
}

pub async fn answer(engine: &Engine, call: Call) -> Result<(String, FinishReason, TokenUsage), CallError> {
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
    assert_eq!(
        (text.as_str(), reason, usage.output_text_count),
        ("89", FinishReason::Stop, 3),
        "the end token counts"
    );

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
    let format = kaleem_proto::chat::v1::response_format::Format::JsonObject(
        kaleem_proto::chat::v1::response_format::JsonObject {},
    );
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
    config.timeouts.reader_stall = Span::millis(20);
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
        let options = GenerationOptions {
            temperature: Some(1.5),
            top_k: Some(50),
            seed: Some(seed),
            ..GenerationOptions::default()
        };
        Call { options, ..call("hello", 40) }
    };
    let first = answer(&engine, sampled(1)).await.unwrap().0;
    assert_eq!(first, answer(&engine, sampled(1)).await.unwrap().0);
    assert_ne!(first, answer(&engine, sampled(2)).await.unwrap().0);
}

/// Logits of a prompt fed in pieces, and of the same prompt fed token by token.
pub fn both_ways(model: &Model, prompt: &[u32]) -> (Vec<f32>, Vec<f32>) {
    let numbers = |logits: Tensor| logits.to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap();
    let at_once = model.network.session().prefill(prompt, || false).unwrap().unwrap();
    let mut session = model.network.session();
    let one_by_one = prompt.iter().map(|token| session.forward(&[*token]).unwrap()).last().unwrap();
    (numbers(at_once), numbers(one_by_one))
}

pub fn close(left: &[f32], right: &[f32]) -> bool {
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
    let (mut weight_map, mut shards) =
        (serde_json::Map::new(), [std::collections::HashMap::new(), std::collections::HashMap::new()]);
    for (number, (name, tensor)) in tiny::tensors(Shape::Random, Family::Llama)
        .into_iter()
        .filter(|(name, _)| name != "lm_head.weight")
        .enumerate()
    {
        weight_map.insert(name.clone(), json!(format!("model-{}.safetensors", number % 2)));
        shards[number % 2].insert(name, tensor.to_dtype([DType::BF16, DType::F16][number % 2]).unwrap());
    }
    for (number, shard) in shards.iter().enumerate() {
        candle_core::safetensors::save(shard, folder.path().join(format!("model-{number}.safetensors")))
            .unwrap();
    }
    tiny::write_json(folder.path(), "model.safetensors.index.json", &json!({"weight_map": weight_map}));
    load(folder.path()).unwrap();
    std::fs::remove_file(folder.path().join("model-1.safetensors")).unwrap();
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("model-1.safetensors is missing"), "{message}");
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
    let golden: Vec<Golden> =
        serde_json::from_slice(&std::fs::read(folder.join("golden.json")).unwrap()).unwrap();
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

/// Cuts a file in half.
pub fn truncate(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}
