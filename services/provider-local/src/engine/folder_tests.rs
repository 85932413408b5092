//! Broken model folders: each error names the file and the way out.

use candle_core::{DType, Tensor};
use serde_json::json;

use super::tests::{folder as written, load, truncate};
use super::tiny::{self, Family, Shape};
use super::*;

#[test]
fn every_broken_folder_names_the_file() {
    type Breakage = (&'static str, fn(&Path));
    let cases: [Breakage; 11] = [
        ("config.json is missing", |folder| std::fs::remove_file(folder.join("config.json")).unwrap()),
        ("config.json is damaged", |folder| std::fs::write(folder.join("config.json"), "{").unwrap()),
        ("model.safetensors is missing", |folder| {
            std::fs::remove_file(folder.join("model.safetensors")).unwrap();
        }),
        ("model.safetensors is damaged", |folder| truncate(&folder.join("model.safetensors"))),
        ("tokenizer.json is missing", |folder| std::fs::remove_file(folder.join("tokenizer.json")).unwrap()),
        ("tokenizer.json is damaged", |folder| truncate(&folder.join("tokenizer.json"))),
        ("chat_template.jinja is missing", |folder| {
            std::fs::remove_file(folder.join("tokenizer_config.json")).unwrap();
        }),
        ("chat_template.jinja does not work", |folder| {
            std::fs::write(folder.join("chat_template.jinja"), "{% for %}").unwrap();
        }),
        ("generation_config.json is damaged", |folder| {
            std::fs::write(folder.join("generation_config.json"), "{\"do_sample\": 3}").unwrap();
        }),
        ("tensor model.norm.weight has shape [32] where config.json asks for [64]", |folder| {
            let mut config = tiny::config(Shape::Random, Family::Llama);
            config["hidden_size"] = json!(64);
            config["vocab_size"] = json!(260);
            tiny::write_json(folder, "config.json", &config);
            let mut tensors = tiny::tensors(Shape::Random, Family::Llama);
            let wide = Tensor::zeros((tiny::VOCABULARY, 64), DType::F32, &candle_core::Device::Cpu).unwrap();
            tensors.insert("model.embed_tokens.weight".into(), wide);
            candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
        }),
        ("tensor model.layers.0.mlp.up_proj.weight is missing", |folder| {
            let mut tensors = tiny::tensors(Shape::Random, Family::Llama);
            tensors.remove("model.layers.0.mlp.up_proj.weight");
            candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
        }),
    ];
    for (expected, break_it) in cases {
        let folder = written(Shape::Random, Family::Llama);
        break_it(folder.path());
        let message = load(folder.path()).err().unwrap_or_else(|| panic!("{expected}: loaded")).to_string();
        assert!(
            message.contains(expected) && message.contains(folder.path().to_str().unwrap()),
            "{expected}: {message}"
        );
    }
    let message = load(Path::new("no/such/folder")).err().unwrap().to_string();
    assert!(
        message.contains("no/such/folder is missing") && message.contains("engine.model_dir"),
        "{message}"
    );
}

#[test]
fn weights_that_compute_nonsense_and_a_foreign_tokenizer_are_found() {
    let folder = written(Shape::Random, Family::Llama);
    let mut tensors = tiny::tensors(Shape::Random, Family::Llama);
    let norm = tensors["model.norm.weight"].affine(f64::NAN, 0.0).unwrap();
    tensors.insert("model.norm.weight".into(), norm);
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("not finite"), "{message}");

    let folder = written(Shape::Random, Family::Llama);
    let tensors: std::collections::HashMap<_, _> = tiny::tensors(Shape::Random, Family::Llama)
        .into_iter()
        .map(|(name, tensor)| {
            if tensor.dims()[0] == tiny::VOCABULARY {
                (name, tensor.narrow(0, 0, 100).unwrap().contiguous().unwrap())
            } else {
                (name, tensor)
            }
        })
        .collect();
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    let mut config = tiny::config(Shape::Random, Family::Llama);
    config["vocab_size"] = json!(100);
    tiny::write_json(folder.path(), "config.json", &config);
    let message = load(folder.path()).err().unwrap().to_string();
    assert!(message.contains("tokenizer.json") && message.contains("the weights know 100"), "{message}");
}
