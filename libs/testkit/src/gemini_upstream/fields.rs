//! The request messages of `v1beta`, field by field.

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Bool,
    Float,
    Int,
    /// An enum of the API: its type name and its values.
    Enum(&'static str, &'static [&'static str]),
    /// Any JSON value.
    Any,
    /// Any JSON object.
    Struct,
    /// A map from names to text.
    TextMap,
    Message(&'static Message),
    MessageMap(&'static Message),
    List(&'static Kind),
}

/// A message: its fields by their camelCase names.
pub(crate) struct Message(pub(crate) &'static [(&'static str, Kind)]);

use Kind::{Any, Bool, Bytes, Enum, Float, Int, List, Struct, Text, TextMap};

const TEXTS: Kind = List(&Text);

pub(crate) static EMPTY: Message = Message(&[]);

static BLOB: Message = Message(&[("mimeType", Text), ("data", Bytes)]);
static FILE_DATA: Message = Message(&[("mimeType", Text), ("fileUri", Text)]);
static FUNCTION_CALL: Message = Message(&[("id", Text), ("name", Text), ("args", Struct)]);
static FUNCTION_RESPONSE_PART: Message = Message(&[("inlineData", Kind::Message(&BLOB))]);
static FUNCTION_RESPONSE: Message = Message(&[
    ("id", Text),
    ("name", Text),
    ("response", Struct),
    ("parts", List(&Kind::Message(&FUNCTION_RESPONSE_PART))),
    ("willContinue", Bool),
    (
        "scheduling",
        Enum("FunctionResponse.Scheduling", &["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"]),
    ),
]);
static EXECUTABLE_CODE: Message = Message(&[("language", Text), ("code", Text), ("id", Text)]);
static CODE_RESULT: Message = Message(&[("outcome", Text), ("output", Text), ("id", Text)]);
static VIDEO_METADATA: Message = Message(&[("startOffset", Text), ("endOffset", Text), ("fps", Float)]);

/// The members of a part's `data` oneof.
pub(crate) const PART_DATA: [&str; 7] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];

static PART: Message = Message(&[
    ("text", Text),
    ("inlineData", Kind::Message(&BLOB)),
    ("fileData", Kind::Message(&FILE_DATA)),
    ("functionCall", Kind::Message(&FUNCTION_CALL)),
    ("functionResponse", Kind::Message(&FUNCTION_RESPONSE)),
    ("executableCode", Kind::Message(&EXECUTABLE_CODE)),
    ("codeExecutionResult", Kind::Message(&CODE_RESULT)),
    ("thought", Bool),
    ("thoughtSignature", Bytes),
    ("videoMetadata", Kind::Message(&VIDEO_METADATA)),
    ("partMetadata", Struct),
    ("mediaResolution", Any),
]);

pub(crate) static CONTENT: Message = Message(&[("role", Text), ("parts", List(&Kind::Message(&PART)))]);

const TYPE: Kind =
    Enum("Type", &["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"]);

static SCHEMA: Message = Message(&[
    ("type", TYPE),
    ("format", Text),
    ("title", Text),
    ("description", Text),
    ("nullable", Bool),
    ("enum", TEXTS),
    ("items", Kind::Message(&SCHEMA)),
    ("minItems", Int),
    ("maxItems", Int),
    ("properties", Kind::MessageMap(&SCHEMA)),
    ("required", TEXTS),
    ("propertyOrdering", TEXTS),
    ("minProperties", Int),
    ("maxProperties", Int),
    ("minimum", Float),
    ("maximum", Float),
    ("minLength", Int),
    ("maxLength", Int),
    ("pattern", Text),
    ("example", Any),
    ("anyOf", List(&Kind::Message(&SCHEMA))),
    ("default", Any),
]);

static FUNCTION_DECLARATION: Message = Message(&[
    ("name", Text),
    ("description", Text),
    ("parameters", Kind::Message(&SCHEMA)),
    ("parametersJsonSchema", Any),
    ("response", Kind::Message(&SCHEMA)),
    ("responseJsonSchema", Any),
    ("behavior", Enum("FunctionDeclaration.Behavior", &["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"])),
]);

static TOOL: Message = Message(&[
    ("functionDeclarations", List(&Kind::Message(&FUNCTION_DECLARATION))),
    ("googleSearch", Struct),
    ("codeExecution", Kind::Message(&EMPTY)),
    ("urlContext", Kind::Message(&EMPTY)),
    ("fileSearch", Struct),
    ("googleMaps", Struct),
    ("computerUse", Struct),
]);

const CALLING_MODE: Kind =
    Enum("FunctionCallingConfig.Mode", &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"]);
static FUNCTION_CALLING: Message = Message(&[("mode", CALLING_MODE), ("allowedFunctionNames", TEXTS)]);
static LAT_LNG: Message = Message(&[("latitude", Float), ("longitude", Float)]);
static RETRIEVAL: Message = Message(&[("latLng", Kind::Message(&LAT_LNG)), ("languageCode", Text)]);
static TOOL_CONFIG: Message = Message(&[
    ("functionCallingConfig", Kind::Message(&FUNCTION_CALLING)),
    ("retrievalConfig", Kind::Message(&RETRIEVAL)),
]);

const HARM_CATEGORIES: &[&str] = &[
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
];
const THRESHOLDS: &[&str] =
    &["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"];
static SAFETY_SETTING: Message = Message(&[
    ("category", Enum("HarmCategory", HARM_CATEGORIES)),
    ("threshold", Enum("SafetySetting.HarmBlockThreshold", THRESHOLDS)),
]);

const LEVELS: &[&str] = &["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"];
static THINKING: Message = Message(&[
    ("includeThoughts", Bool),
    ("thinkingBudget", Int),
    ("thinkingLevel", Enum("ThinkingConfig.ThinkingLevel", LEVELS)),
]);

static GENERATION: Message = Message(&[
    ("candidateCount", Int),
    ("stopSequences", TEXTS),
    ("maxOutputTokens", Int),
    ("temperature", Float),
    ("topP", Float),
    ("topK", Int),
    ("seed", Int),
    ("responseMimeType", Text),
    ("responseSchema", Kind::Message(&SCHEMA)),
    ("responseJsonSchema", Any),
    ("presencePenalty", Float),
    ("frequencyPenalty", Float),
    ("responseLogprobs", Bool),
    ("logprobs", Int),
    ("responseModalities", List(&Enum("GenerationConfig.Modality", &["TEXT", "IMAGE", "AUDIO"]))),
    ("speechConfig", Struct),
    ("thinkingConfig", Kind::Message(&THINKING)),
    ("imageConfig", Struct),
    ("mediaResolution", Text),
    ("enableEnhancedCivicAnswers", Bool),
]);

pub(crate) static GENERATE_REQUEST: Message = Message(&[
    ("model", Text),
    ("contents", List(&Kind::Message(&CONTENT))),
    ("systemInstruction", Kind::Message(&CONTENT)),
    ("tools", List(&Kind::Message(&TOOL))),
    ("toolConfig", Kind::Message(&TOOL_CONFIG)),
    ("safetySettings", List(&Kind::Message(&SAFETY_SETTING))),
    ("generationConfig", Kind::Message(&GENERATION)),
    ("cachedContent", Text),
    ("serviceTier", Text),
    ("store", Bool),
    ("labels", TextMap),
    ("continuationToken", Bytes),
]);

pub(crate) static COUNT_REQUEST: Message = Message(&[
    ("model", Text),
    ("contents", List(&Kind::Message(&CONTENT))),
    ("generateContentRequest", Kind::Message(&GENERATE_REQUEST)),
]);

const TASKS: &[&str] = &[
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
];

pub(crate) static EMBED_REQUEST: Message = Message(&[
    ("model", Text),
    ("content", Kind::Message(&CONTENT)),
    ("taskType", Enum("TaskType", TASKS)),
    ("title", Text),
    ("outputDimensionality", Int),
]);

pub(crate) static BATCH_EMBED_REQUEST: Message =
    Message(&[("model", Text), ("requests", List(&Kind::Message(&EMBED_REQUEST)))]);
