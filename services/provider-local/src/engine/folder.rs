//! What lies in a model folder: found and checked before any weight is read.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::LoadError;
use super::architecture::Architecture;

const FOLDER_WAY_OUT: &str = "set engine.model_dir to a folder with a model, or engine.enabled to false";
const CONFIG_WAY_OUT: &str =
    "export the model in the Hugging Face layout, or put one .gguf file into the folder";
const WEIGHTS_WAY_OUT: &str = "copy the model's safetensors files, every shard of them, into the folder";
const TOKENIZER_WAY_OUT: &str =
    "copy the tokenizer.json of the model into the folder; GGUF files need it, too";
const TEMPLATE_WAY_OUT: &str =
    "put the model's chat template there; without one the engine cannot lay out a conversation";

/// A model folder whose parts are all there.
#[derive(Debug)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// The weights.
    pub weights: Weights,
    /// The tokenizer.
    pub tokenizer: PathBuf,
    /// The chat template, unless a GGUF file carries it.
    pub template: Option<TemplateSource>,
    /// Text of the tokens that begin and end a text, where the folder says.
    pub special: SpecialTokens,
    /// Sampling defaults and end tokens.
    pub generation: Generation,
}

/// Where the weights are.
#[derive(Debug)]
pub enum Weights {
    /// Safetensors files of an architecture that `config.json` describes.
    Safetensors {
        /// All shards.
        files: Vec<PathBuf>,
        /// What to build of them.
        architecture: Architecture,
    },
    /// One GGUF file, which describes itself.
    Gguf(PathBuf),
}

/// A chat template and where it came from.
#[derive(Debug, Clone)]
pub struct TemplateSource {
    /// The file.
    pub file: PathBuf,
    /// Jinja source.
    pub source: String,
}

/// Text of the special tokens that templates use.
#[derive(Debug, Default, Clone)]
pub struct SpecialTokens {
    /// Begin of a text.
    pub bos: Option<String>,
    /// End of a text.
    pub eos: Option<String>,
}

/// One id or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Ids {
    fn into_vec(self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![id],
            Self::Many(ids) => ids,
        }
    }
}

/// What `generation_config.json` says; the file is optional.
#[derive(Debug, Default, Deserialize)]
pub struct Generation {
    /// Whether the model is meant to be sampled; greedy otherwise.
    #[serde(default)]
    pub do_sample: bool,
    /// Default temperature.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Default nucleus.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// Default number of candidates.
    #[serde(default)]
    pub top_k: Option<usize>,
    /// Default penalty of tokens that have been there.
    #[serde(default)]
    pub repetition_penalty: Option<f32>,
    /// Ids that end an answer.
    #[serde(skip)]
    pub eos: Vec<u32>,
}

impl Folder {
    /// Looks into `path`.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        if !path.is_dir() {
            return Err(LoadError::Missing { file: path.to_owned(), way_out: FOLDER_WAY_OUT });
        }
        let tokenizer = path.join("tokenizer.json");
        let config_file = path.join("config.json");
        let gguf = find_gguf(path)?;
        let has_safetensors = path.join("model.safetensors").is_file() || path.join(INDEX).is_file();
        let mut eos = Vec::new();
        let weights = match gguf {
            Some(file) if !has_safetensors => Weights::Gguf(file),
            _ => {
                let config = read_json(&config_file)?
                    .ok_or(LoadError::Missing { file: config_file.clone(), way_out: CONFIG_WAY_OUT })?;
                eos.extend(ids_of(&config, "eos_token_id"));
                let architecture = Architecture::read(&config_file, config)?;
                Weights::Safetensors { files: shards(path)?, architecture }
            }
        };
        if !tokenizer.is_file() {
            return Err(LoadError::Missing { file: tokenizer, way_out: TOKENIZER_WAY_OUT });
        }
        let mut generation = generation(path)?;
        generation.eos.extend(eos);
        let (template, special) = template(path)?;
        if template.is_none() && !matches!(weights, Weights::Gguf(_)) {
            return Err(missing_template(path));
        }
        Ok(Self { path: path.to_owned(), weights, tokenizer, template, special, generation })
    }
}

/// The error for a folder without a chat template.
pub fn missing_template(folder: &Path) -> LoadError {
    LoadError::Missing { file: folder.join("chat_template.jinja"), way_out: TEMPLATE_WAY_OUT }
}

/// Reads a whole file.
pub fn read(file: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(file).map_err(|source| LoadError::Unreadable { file: file.to_owned(), source })
}

fn read_json(file: &Path) -> Result<Option<Value>, LoadError> {
    if !file.is_file() {
        return Ok(None);
    }
    serde_json::from_slice(&read(file)?).map(Some).map_err(|error| LoadError::malformed(file, &error))
}

fn ids_of(config: &Value, key: &str) -> Vec<u32> {
    let ids = config.get(key).and_then(|ids| Ids::deserialize(ids).ok());
    ids.map_or_else(Vec::new, Ids::into_vec)
}

fn find_gguf(folder: &Path) -> Result<Option<PathBuf>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { file: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) {
            found.push(path);
        }
    }
    found.sort();
    if found.len() > 1 {
        let names: Vec<_> =
            found.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
        return Err(LoadError::Ambiguous { folder: folder.to_owned(), found: names.join(", ") });
    }
    Ok(found.pop())
}

const INDEX: &str = "model.safetensors.index.json";

/// The shards that the index names, or the one file.
fn shards(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let index_file = folder.join(INDEX);
    let mut names = vec!["model.safetensors".to_owned()];
    if let Some(index) = read_json(&index_file)? {
        let index = Index::deserialize(index).map_err(|error| LoadError::malformed(&index_file, &error))?;
        names = index.weight_map.into_values().collect();
        names.sort();
        names.dedup();
        if let Some(outside) = names.iter().find(|name| Path::new(name).components().count() != 1) {
            return Err(LoadError::malformed(
                &index_file,
                &format!("{outside:?} is not a file of this folder"),
            ));
        }
    }
    let files: Vec<PathBuf> = names.into_iter().map(|name| folder.join(name)).collect();
    match files.iter().find(|file| !file.is_file()) {
        Some(file) => Err(LoadError::Missing { file: file.clone(), way_out: WEIGHTS_WAY_OUT }),
        None => Ok(files),
    }
}

fn generation(folder: &Path) -> Result<Generation, LoadError> {
    let file = folder.join("generation_config.json");
    let Some(value) = read_json(&file)? else { return Ok(Generation::default()) };
    let eos = ids_of(&value, "eos_token_id");
    let generation = Generation::deserialize(value).map_err(|error| LoadError::malformed(&file, &error))?;
    Ok(Generation { eos, ..generation })
}

fn template(folder: &Path) -> Result<(Option<TemplateSource>, SpecialTokens), LoadError> {
    let config_file = folder.join("tokenizer_config.json");
    let config = read_json(&config_file)?.unwrap_or_default();
    let special =
        SpecialTokens { bos: token_text(&config["bos_token"]), eos: token_text(&config["eos_token"]) };
    let template_file = folder.join("chat_template.jinja");
    if template_file.is_file() {
        let source = String::from_utf8(read(&template_file)?)
            .map_err(|error| LoadError::malformed(&template_file, &error))?;
        return Ok((Some(TemplateSource { file: template_file, source }), special));
    }
    let source = match &config["chat_template"] {
        Value::String(source) => Some(source.clone()),
        // Several templates: a list of {name, template}.
        Value::Array(named) => {
            let default = named.iter().find(|entry| entry["name"] == "default").or_else(|| named.first());
            default.and_then(|entry| entry["template"].as_str()).map(str::to_owned)
        }
        _ => None,
    };
    Ok((source.map(|source| TemplateSource { file: config_file, source }), special))
}

/// A special token is a text, or an object with its text as `content`.
fn token_text(token: &Value) -> Option<String> {
    token.as_str().or_else(|| token["content"].as_str()).map(str::to_owned)
}
