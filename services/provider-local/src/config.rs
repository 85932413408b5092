//! Configuration of ProviderLocal; every field has a default.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kaleem_runtime::config::{Secret, Span};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Name under which the in-process engine appears in the pool.
pub const ENGINE_NAME: &str = "engine";

/// Settings of ProviderLocal. With no worker and no engine it is up and serves no model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Target name that an admission must carry to be served here.
    pub target: String,
    /// Where prompts are processed, for residency rules.
    pub region: String,
    /// The in-process engine.
    pub engine: EngineConfig,
    /// OpenAI-compatible workers.
    pub workers: Vec<WorkerConfig>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Separates the prefix caches of merchants on vLLM workers. Off trades that privacy for shared system prompts.
    pub cache_salt: bool,
    /// Key of the cache salts; without one each start of the process makes its own, and caches begin cold.
    pub cache_salt_key: Secret,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target: "provider-local".to_owned(),
            region: "local".to_owned(),
            engine: EngineConfig::default(),
            workers: Vec::new(),
            timeouts: Timeouts::default(),
            cache_salt: true,
            cache_salt_key: Secret::default(),
        }
    }
}

/// Settings of the in-process engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Whether the engine runs.
    pub enabled: bool,
    /// Folder with `config.json` and `model*.safetensors`, or with one `*.gguf`; and `tokenizer.json` with a chat template.
    pub model_dir: Option<PathBuf>,
    /// Model id that callers name; the folder's name where it is absent.
    pub model_id: Option<String>,
    /// Generations at the same time, each on its own thread, 1 to 64.
    pub slots: usize,
    /// Generations that may wait for a slot, 1 to 1024.
    pub queue: usize,
    /// Longest prompt plus answer in tokens; the model's own bound where that is shorter. Bounds the memory of a generation.
    pub context_limit: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { enabled: false, model_dir: None, model_id: None, slots: 2, queue: 16, context_limit: 8192 }
    }
}

/// What an upstream worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerKind {
    /// A vLLM server: running usage, cache salts, exact token counts.
    Vllm,
    /// Any other OpenAI-compatible server, such as Ollama or the llama.cpp server.
    #[default]
    Openai,
}

/// Settings of one upstream worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// Unique name, shown in listings and in the stream's `upstream`.
    pub name: String,
    /// Address without path, for example `http://10.0.0.7:8000`; a trailing `/v1` is dropped.
    pub base_url: String,
    /// Bearer token, where the worker wants one: a text, `{ file = "path" }` or `{ env = "NAME" }`.
    #[serde(default)]
    pub api_key: Secret,
    /// What it is.
    #[serde(default)]
    pub kind: WorkerKind,
    /// Models to serve from it; all that it lists where this is absent.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Most calls at once, at least 1.
    #[serde(default = "default_window")]
    pub max_in_flight: usize,
    /// What its models can do, as the router may rely on it.
    #[serde(default = "default_capabilities")]
    pub capabilities: BTreeSet<Capability>,
}

/// What a model can do beyond text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Calls tools.
    Tools,
    /// Holds to a JSON schema.
    JsonSchema,
    /// Reads pictures.
    Vision,
    /// Reasons before it answers.
    Reasoning,
}

const fn default_window() -> usize {
    32
}

fn default_capabilities() -> BTreeSet<Capability> {
    BTreeSet::from([Capability::Tools, Capability::JsonSchema])
}

/// Time limits of calls and probes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Until a worker's port accepts.
    pub connect: Span,
    /// From dispatch to the first event of the answer; then another worker is tried once.
    pub first_token: Span,
    /// Between two pieces of an answer.
    pub idle: Span,
    /// For one health or model-list request.
    pub probe: Span,
    /// Between two health checks of a worker.
    pub probe_interval: Span,
    /// How long the engine waits for a reader that takes nothing before it gives the slot to somebody else.
    pub reader_stall: Span,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Span::seconds(2),
            first_token: Span::seconds(30),
            idle: Span::seconds(30),
            probe: Span::seconds(1),
            probe_interval: Span::seconds(2),
            reader_stall: Span::seconds(60),
        }
    }
}

impl Config {
    /// Checks what the types cannot say; the error names the field and the way out.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong = |field: String, rule: &'static str| Err(Error::Config { field, rule });
        let engine = &self.engine;
        if engine.enabled && engine.model_dir.is_none() {
            return wrong(
                "engine.model_dir".to_owned(),
                "must name a model folder when engine.enabled is true",
            );
        }
        if !(1..=64).contains(&engine.slots) {
            return wrong("engine.slots".to_owned(), "must be 1 to 64");
        }
        if !(1..=1024).contains(&engine.queue) {
            return wrong("engine.queue".to_owned(), "must be 1 to 1024");
        }
        if engine.context_limit < 16 {
            return wrong("engine.context_limit".to_owned(), "must be at least 16 tokens");
        }
        if let Some(field) = self.timeouts.zero_field() {
            return wrong(format!("timeouts.{field}"), "must be longer than zero");
        }
        let mut names = vec![ENGINE_NAME];
        for (index, worker) in self.workers.iter().enumerate() {
            let field = |name: &str| format!("workers[{index}].{name}");
            if worker.name.is_empty() || names.contains(&worker.name.as_str()) {
                return wrong(field("name"), "must be unique, not empty and not \"engine\"");
            }
            names.push(&worker.name);
            if worker.max_in_flight == 0 {
                return wrong(field("max_in_flight"), "must be at least 1");
            }
            if worker.address().is_none() {
                return wrong(
                    field("base_url"),
                    "must be an http or https address such as http://127.0.0.1:8000",
                );
            }
        }
        Ok(())
    }
}

impl Timeouts {
    fn zero_field(&self) -> Option<&'static str> {
        let all = [
            ("connect", self.connect),
            ("first_token", self.first_token),
            ("idle", self.idle),
            ("probe", self.probe),
            ("probe_interval", self.probe_interval),
            ("reader_stall", self.reader_stall),
        ];
        all.into_iter().find(|(_, limit)| *limit == Span::ZERO).map(|(field, _)| field)
    }
}

impl WorkerConfig {
    /// The base address without user, password, `/v1` and trailing slash; `None` if it is no http address.
    pub fn address(&self) -> Option<url::Url> {
        let trimmed = self.base_url.trim_end_matches('/');
        let trimmed = trimmed.strip_suffix("/v1").unwrap_or(trimmed);
        let mut url = url::Url::parse(trimmed).ok()?;
        let usable = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !usable || url.set_username("").is_err() || url.set_password(None).is_err() {
            return None;
        }
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_empty_document_is_the_default_and_valid() {
        let config = parse("{}");
        config.validate().unwrap();
        assert!(config.workers.is_empty() && !config.engine.enabled);
        assert_eq!(config.timeouts.first_token, Span::seconds(30));
    }

    #[test]
    fn secrets_do_not_show_in_a_dump() {
        let config = parse(
            r#"{"cache_salt_key":"hush-1","workers":[{"name":"a","base_url":"http://h:1","api_key":"hush-2"}]}"#,
        );
        let dump = serde_json::to_string(&config).unwrap();
        assert!(!dump.contains("hush") && !format!("{config:?}").contains("hush"));
        assert!(dump.contains(r#""api_key":"[redacted]""#));
    }

    #[test]
    fn wrong_values_name_their_field() {
        let cases = [
            (r#"{"engine":{"enabled":true}}"#, "engine.model_dir"),
            (r#"{"engine":{"slots":0}}"#, "engine.slots"),
            (r#"{"engine":{"queue":0}}"#, "engine.queue"),
            (r#"{"timeouts":{"idle":"0s"}}"#, "timeouts.idle"),
            (r#"{"workers":[{"name":"engine","base_url":"http://h"}]}"#, "workers[0].name"),
            (r#"{"workers":[{"name":"a","base_url":"h:8000"}]}"#, "workers[0].base_url"),
            (
                r#"{"workers":[{"name":"a","base_url":"http://h","max_in_flight":0}]}"#,
                "workers[0].max_in_flight",
            ),
        ];
        for (json, field) in cases {
            let message = parse(json).validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
        assert!(serde_json::from_str::<Config>(r#"{"wrokers":[]}"#).is_err());
    }

    #[test]
    fn addresses_lose_credentials_and_the_version_path() {
        const WORKER: &str = r#"{"workers":[{"name":"a","base_url":"http://h"}]}"#;
        let worker = |url: &str| WorkerConfig { base_url: url.to_owned(), ..parse(WORKER).workers.remove(0) };
        assert_eq!(worker("http://u:p@h:8000/v1/").address().unwrap().as_str(), "http://h:8000/");
        assert_eq!(worker("https://h/llm").address().unwrap().as_str(), "https://h/llm");
        assert!(worker("ftp://h").address().is_none());
    }
}
