//! The models that the API serves, and how they think and call functions.

use serde_json::{Value, json};

/// How a model's thinking is controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// `thinkingBudget` within the range; 0 where it may be switched off; -1 for a dynamic one.
    Budget { min: i64, max: i64, may_be_off: bool },
    /// `thinkingLevel`.
    Level,
    /// Not at all.
    None,
}

/// A served model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) id: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) input_token_limit: u32,
    pub(crate) output_token_limit: u32,
    pub(crate) methods: &'static [&'static str],
    pub(crate) thinking: Thinking,
}

const GENERATE: &[&str] = &["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"];
const EMBED: &[&str] = &["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"];

const fn chat(id: &'static str, display_name: &'static str, thinking: Thinking) -> Model {
    let (input_token_limit, output_token_limit) = (1_048_576, 65_536);
    Model { id, display_name, input_token_limit, output_token_limit, methods: GENERATE, thinking }
}

const FLASH_LITE: Thinking = Thinking::Budget { min: 512, max: 24_576, may_be_off: true };
const FLASH: Thinking = Thinking::Budget { min: 1, max: 24_576, may_be_off: true };
const PRO: Thinking = Thinking::Budget { min: 128, max: 32_768, may_be_off: false };

/// Every served model.
pub(crate) const MODELS: [Model; 9] = [
    chat("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", FLASH_LITE),
    chat("gemini-2.5-flash", "Gemini 2.5 Flash", FLASH),
    chat("gemini-2.5-pro", "Gemini 2.5 Pro", PRO),
    chat("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite", Thinking::Level),
    chat("gemini-3.5-flash", "Gemini 3.5 Flash", Thinking::Level),
    chat("gemini-3.8-flash", "Gemini 3.8 Flash", Thinking::Level),
    chat("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", Thinking::Level),
    Model {
        id: "gemini-embedding-001",
        display_name: "Gemini Embedding 001",
        input_token_limit: 2_048,
        output_token_limit: 1,
        methods: EMBED,
        thinking: Thinking::None,
    },
    Model {
        id: "gemini-embedding-2",
        display_name: "Gemini Embedding 2",
        input_token_limit: 8_192,
        output_token_limit: 1,
        methods: EMBED,
        thinking: Thinking::None,
    },
];

impl Model {
    /// Finds a served model by its id.
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.id == id)
    }

    /// Reports whether the model belongs to the third generation: calls with ids and thought signatures,
    /// thinking levels.
    pub(crate) fn is_third_generation(&self) -> bool {
        self.thinking == Thinking::Level
    }

    /// Returns the resource as `GET /v1beta/models/{id}` answers it.
    pub(crate) fn resource(&self) -> Value {
        json!({
            "name": format!("models/{}", self.id),
            "version": "001",
            "displayName": self.display_name,
            "inputTokenLimit": self.input_token_limit,
            "outputTokenLimit": self.output_token_limit,
            "supportedGenerationMethods": self.methods,
            "temperature": 1,
            "topP": 0.95,
            "topK": 64,
            "maxTemperature": 2,
            "thinking": self.thinking != Thinking::None
        })
    }
}
