//! Settings of the service.

use kaleem_runtime::config::{Secret, Span};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Environment variable that holds the key where the configuration has none.
pub const API_KEY_ENV: &str = "GEMINI_API_KEY";

/// Configuration key of the API key, as error messages name it.
pub const API_KEY_CONFIG: &str = "provider_gemini.api_key";

/// Longest chain of fallbacks of a model.
const FALLBACKS_MAX: usize = 8;

/// Settings of the Gemini provider. The default calls Google with the key of `GEMINI_API_KEY`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the API is, without a version.
    pub base_url: String,
    /// API key: a string, `{ file = "…" }` or `{ env = "…" }`. Absent, `GEMINI_API_KEY` is read; empty, there is none.
    pub api_key: Option<Secret>,
    /// Google project of the key: the domain of quotas, and the upstream that events name.
    pub project: String,
    /// Where prompts are processed, for residency rules.
    pub region: String,
    /// Whether `HTTPS_PROXY` and its like are obeyed.
    pub system_proxy: bool,
    /// Calls to Google at once; more are refused as overload.
    pub in_flight_max: usize,
    /// Time limits.
    pub timeouts: Timeouts,
    /// What to do about Google's limits.
    pub limits: Limits,
    /// Models for generation, the default one first.
    pub models: Vec<ModelConfig>,
    /// Models for embedding.
    pub embedding_models: Vec<EmbeddingModelConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: "https://generativelanguage.googleapis.com".to_owned(),
            api_key: None,
            project: "default".to_owned(),
            region: "global".to_owned(),
            system_proxy: true,
            in_flight_max: 256,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            models: ModelConfig::known(),
            embedding_models: vec![EmbeddingModelConfig::default()],
        }
    }
}

/// Time limits of one call. There is none on a whole stream: the caller's deadline is that.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// TCP and TLS.
    pub connect: Span,
    /// From sending to the first event; Google holds even the headers until the first token.
    pub first_token: Span,
    /// Between two reads of a stream that has begun.
    pub idle: Span,
    /// Whole calls that do not stream: counting and embedding.
    pub unary: Span,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Span::seconds(3),
            first_token: Span::seconds(60),
            idle: Span::seconds(30),
            unary: Span::seconds(20),
        }
    }
}

/// How long refusals are believed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A model that answered 404 is passed over this long.
    pub gone_model: Span,
    /// After a refused key or spent credit, the time until one call may try again.
    pub refused_project: Span,
    /// Wait that a rate limit without a hint asks for.
    pub rate_limit_default: Span,
    /// Longest wait that a rate limit of a minute asks for.
    pub rate_limit_max: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            gone_model: Span::seconds(24 * 3600),
            refused_project: Span::seconds(60),
            rate_limit_default: Span::seconds(10),
            rate_limit_max: Span::seconds(300),
        }
    }
}

/// A model for generation and its abilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "abilities are independent switches")]
pub struct ModelConfig {
    /// Id at Google, without `models/`.
    pub id: String,
    /// Configured models that answer where the project is refused this one, in order.
    #[serde(default)]
    pub fallbacks: Vec<String>,
    /// Longest input plus output, tokens.
    #[serde(default = "default_context")]
    pub context: i64,
    /// Longest output, tokens, thoughts included.
    #[serde(default = "default_max_output")]
    pub max_output: i64,
    /// How thinking is controlled.
    #[serde(default)]
    pub thinking: Thinking,
    /// Whether thinking can be turned off (`budget`) or down to minimal (`level`).
    #[serde(default = "yes")]
    pub thinking_off: bool,
    /// Whether temperature, `top_p` and `top_k` have an effect; 3.5 and later ignore them.
    #[serde(default = "yes")]
    pub sampling: bool,
    /// Can call tools.
    #[serde(default = "yes")]
    pub tools: bool,
    /// Can hold to a JSON schema.
    #[serde(default = "yes")]
    pub json_schema: bool,
    /// Reads pictures.
    #[serde(default = "yes")]
    pub vision: bool,
    /// Calls of class BATCH are sent in the flex tier, which costs half and may wait or be refused when there is no room. The price book
    /// bills what the API says that it served in.
    #[serde(default)]
    pub batch_in_flex: bool,
}

/// How the thinking of a model is controlled; it also tells the generations of the API apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// Does not think.
    #[default]
    None,
    /// By a number of tokens: generation 2.5.
    Budget,
    /// By a level: generation 3.
    Level,
}

/// A model for embedding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingModelConfig {
    /// Id at Google, without `models/`.
    pub id: String,
    /// Most components of a vector, and the model's own number.
    pub dimensions_max: i32,
}

impl Default for EmbeddingModelConfig {
    fn default() -> Self {
        Self { id: "gemini-embedding-001".to_owned(), dimensions_max: 3072 }
    }
}

impl ModelConfig {
    /// The models of the default configuration.
    fn known() -> Vec<Self> {
        let lite = Self {
            id: "gemini-2.5-flash-lite".to_owned(),
            fallbacks: vec!["gemini-3.5-flash-lite".to_owned()],
            context: default_context(),
            max_output: default_max_output(),
            thinking: Thinking::Budget,
            thinking_off: true,
            sampling: true,
            tools: true,
            json_schema: true,
            vision: true,
            batch_in_flex: false,
        };
        let later = |id: &str, fallbacks: &[&str]| Self {
            id: id.to_owned(),
            fallbacks: fallbacks.iter().map(|id| (*id).to_owned()).collect(),
            thinking: Thinking::Level,
            sampling: false,
            ..lite.clone()
        };
        vec![
            lite.clone(),
            later("gemini-3.5-flash-lite", &[]),
            later("gemini-3.5-flash", &[]),
            later("gemini-3.8-flash", &["gemini-3.5-flash"]),
        ]
    }

    /// Whether the model is of generation 3: calls have ids, signatures are required, the last turn is the user's.
    pub(crate) fn is_generation_3(&self) -> bool {
        self.thinking == Thinking::Level
    }
}

impl Config {
    /// The API key, without the white space that files and shells leave around it; `environment` looks a variable up.
    pub(crate) fn credential(&self, environment: impl Fn(&str) -> Option<String>) -> Option<Secret> {
        let key = match &self.api_key {
            Some(secret) => secret.expose().trim().to_owned(),
            None => environment(API_KEY_ENV)?.trim().to_owned(),
        };
        (!key.is_empty()).then(|| Secret::from(key))
    }

    /// Checks what the types cannot; the error names the key.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong =
            |key: &str, why: String| Err(Error::Config { key: format!("provider_gemini.{key}"), why });
        if reqwest::Url::parse(&self.base_url).is_ok_and(|url| url.has_host()) {
            let has_scheme = self.base_url.starts_with("https://") || self.base_url.starts_with("http://");
            if !has_scheme {
                return wrong(
                    "base_url",
                    "must begin with https:// (or http:// for a test double)".to_owned(),
                );
            }
        } else {
            return wrong(
                "base_url",
                "is no address; the default is https://generativelanguage.googleapis.com".to_owned(),
            );
        }
        if self.in_flight_max == 0 {
            return wrong("in_flight_max", "must be at least 1".to_owned());
        }
        if self.models.is_empty() {
            return wrong("models", "must name at least one model".to_owned());
        }
        for (at, model) in self.models.iter().enumerate() {
            self.validate_model(at, model)?;
        }
        for (at, model) in self.embedding_models.iter().enumerate() {
            if !is_model_id(&model.id) || model.dimensions_max < 1 {
                return wrong(
                    &format!("embedding_models[{at}]"),
                    "needs an id and dimensions_max of at least 1".to_owned(),
                );
            }
        }
        Ok(())
    }

    fn validate_model(&self, at: usize, model: &ModelConfig) -> Result<(), Error> {
        let wrong = |field: &str, why: String| {
            Err(Error::Config { key: format!("provider_gemini.models[{at}].{field}"), why })
        };
        if !is_model_id(&model.id) {
            return wrong(
                "id",
                "must be letters, digits, dots, dashes and underscores, without models/".to_owned(),
            );
        }
        if self.models[..at].iter().any(|earlier| earlier.id == model.id) {
            return wrong("id", format!("{} is listed twice", model.id));
        }
        if model.max_output < 1 || model.context < model.max_output {
            return wrong("max_output", "must be at least 1 and at most context".to_owned());
        }
        if model.fallbacks.len() > FALLBACKS_MAX {
            return wrong("fallbacks", format!("has more than {FALLBACKS_MAX} models"));
        }
        let unknown = model.fallbacks.iter().find(|id| !self.models.iter().any(|other| other.id == **id));
        match unknown {
            Some(id) => wrong("fallbacks", format!("{id} is not among provider_gemini.models; add it there")),
            None => Ok(()),
        }
    }
}

/// Ids become part of a path, so nothing that a path gives a meaning is let in.
fn is_model_id(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=128).contains(&id.len()) && id.bytes().all(is_allowed) && !id.starts_with('.')
}

const fn yes() -> bool {
    true
}

const fn default_context() -> i64 {
    1_048_576
}

const fn default_max_output() -> i64 {
    65_536
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_starts_with_the_cheapest_model() {
        let config = Config::default();
        config.validate().unwrap();
        assert_eq!(config.models[0].id, "gemini-2.5-flash-lite");
        assert_eq!(config.models[0].fallbacks, ["gemini-3.5-flash-lite"]);
    }

    #[test]
    fn wrong_settings_are_named() {
        let key_of = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(key_of(|c| c.base_url = "ftp://x".into()).contains("provider_gemini.base_url"));
        assert!(key_of(|c| c.base_url = "nowhere".into()).contains("provider_gemini.base_url"));
        assert!(key_of(|c| c.models.clear()).contains("provider_gemini.models"));
        assert!(key_of(|c| c.models[3].id = "a/../b".into()).contains("provider_gemini.models[3].id"));
        assert!(key_of(|c| c.models[3].id = c.models[0].id.clone()).contains("listed twice"));
        assert!(key_of(|c| c.models[0].fallbacks = vec!["gone".into()]).contains("gone is not among"));
        assert!(key_of(|c| c.models[0].max_output = 0).contains("max_output"));
        assert!(key_of(|c| c.in_flight_max = 0).contains("in_flight_max"));
    }

    #[test]
    fn the_key_comes_from_the_configuration_then_from_the_environment() {
        let environment = |name: &str| (name == API_KEY_ENV).then(|| "from-env\n".to_owned());
        let key = |api_key: Option<&str>| {
            let api_key = api_key.map(|key| Secret::from(key.to_owned()));
            let config = Config { api_key, ..Config::default() };
            config.credential(environment).map(|secret| secret.expose().to_owned())
        };
        assert_eq!(key(Some("AQ.configured")).as_deref(), Some("AQ.configured"));
        assert_eq!(key(None).as_deref(), Some("from-env"));
        assert_eq!(key(Some("")), None);
        assert!(Config::default().credential(|_| None).is_none());
    }

    #[test]
    fn settings_come_from_the_environment_and_a_dump_hides_the_key() {
        let sources = kaleem_runtime::config::Sources { env_prefix: "T__".into(), ..Default::default() };
        let variables = [("T__TIMEOUTS__IDLE", "5s"), ("T__API_KEY", "AQ.hidden"), ("T__PROJECT", "123")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let config: Config = kaleem_runtime::config::load_with_env(&sources, variables).unwrap();
        assert_eq!((config.timeouts.idle, config.project.as_str()), (Span::seconds(5), "123"));
        assert_eq!(config.models, ModelConfig::known());
        let dump = kaleem_runtime::config::dump(&config).unwrap();
        assert!(dump.contains("[[models]]") && !dump.contains("hidden"), "{dump}");
    }

    #[test]
    fn a_model_needs_only_its_id() {
        let model: ModelConfig = serde_json::from_str(r#"{"id": "gemini-9", "thinking": "level"}"#).unwrap();
        assert!(model.tools && model.is_generation_3());
        assert!(serde_json::from_str::<ModelConfig>(r#"{"id": "x", "thinkng": "level"}"#).is_err());
    }
}
