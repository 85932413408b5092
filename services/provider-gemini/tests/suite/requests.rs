//! Golden requests: calls of the mesh → bodies of the API, for generation 2.5 and generation 3.

use kaleem_proto::chat::v1::{
    GenerationOptions, Image, Message, Part, ReasoningEffort, ResponseFormat, Role, ToolChoice, image,
    part::Kind,
    response_format::{Format, JsonObject, JsonSchema},
    tool_choice::Mode,
};
use kaleem_proto::provider::v1::{CountTokensRequest, StreamGenerateRequest};
use kaleem_provider_gemini::Error;
use kaleem_provider_gemini::config::{Config, ModelConfig};
use kaleem_provider_gemini::translate::request::{count, generate};
use serde_json::{Value, json};

use crate::builders::{ask, assistant, call, reasoning, result, say, system, text, tool, user};

fn lite() -> ModelConfig {
    Config::default().models[0].clone()
}

fn third() -> ModelConfig {
    Config::default().models[1].clone()
}

/// The body and the warnings for a model.
fn golden(request: &StreamGenerateRequest, model: &ModelConfig) -> Value {
    let translated = generate(request, model, 800).unwrap();
    json!({"body": translated.body, "warnings": translated.warnings.into_sentences()})
}

fn refused(request: &StreamGenerateRequest, model: &ModelConfig) -> String {
    match generate(request, model, 800) {
        Err(Error::Request(violations)) => violations.to_string(),
        other => panic!("{other:?}"),
    }
}

fn with_tools(messages: Vec<Message>) -> StreamGenerateRequest {
    StreamGenerateRequest { tools: vec![tool("order_status"), tool("opening_hours")], ..ask(messages) }
}

/// Pitfalls 11 and 22: only `user` and `model`, no empty text.
#[test]
fn roles_are_merged_and_instructions_collected() {
    let messages = vec![
        system("You answer for a shop."),
        user("Hello"),
        user(""),
        Message { name: "Reem".into(), ..user("هل تشحنون إلى جدة؟") },
        say("Yes."),
        system("Answer in Arabic."),
        say("To the whole Kingdom."),
        user("Price?"),
    ];
    insta::assert_json_snapshot!(golden(&ask(messages), &lite()));
}

/// Pitfalls 4 to 8: results by id, in one content, with names, also where calls have the same name and results come mixed.
#[test]
fn results_stand_beside_their_calls() {
    let messages = vec![
        user("Where are A-1 and A-2?"),
        assistant(vec![
            text("Let me look."),
            call("c1", "order_status", r#"{"order":"A-1"}"#, b"signed"),
            call("c2", "order_status", r#"{"order":"A-2"}"#, b""),
        ]),
        result("c2", r#"{"state":"shipped"}"#, false),
        user("Hurry!"),
        result("c1", "no such order", true),
        assistant(vec![call("c3", "opening_hours", "", b"")]),
        result("c3", "9 to 22", false),
    ];
    let request = with_tools(messages);
    insta::assert_json_snapshot!("results_stand_beside_their_calls_2_5", golden(&request, &lite()));
    insta::assert_json_snapshot!("results_stand_beside_their_calls_3", golden(&request, &third()));
}

/// Pitfall 7: signatures go back as they came, on calls and on text.
#[test]
fn signatures_go_back_on_their_parts() {
    let messages = vec![
        user("Hi"),
        assistant(vec![
            reasoning("thinking aloud", b""),
            reasoning("checked", b"\x01\xff"),
            text("Hello."),
            reasoning("", b"late"),
        ]),
        user("And?"),
        assistant(vec![reasoning("", b"alone")]),
        user("Go on"),
    ];
    insta::assert_json_snapshot!(golden(&ask(messages), &third()));
}

/// Pitfall 12.
#[test]
fn a_history_that_opens_with_a_call_loses_it() {
    let messages = vec![
        assistant(vec![text("Let me look."), call("c1", "order_status", "{}", b"")]),
        result("c1", "shipped", false),
        assistant(vec![call("c2", "order_status", "{}", b"")]),
        result("c2", "shipped", false),
        user("Thanks. And A-2?"),
    ];
    insta::assert_json_snapshot!(golden(&with_tools(messages), &lite()));
}

fn picture(source: image::Source, media_type: &str) -> Part {
    Part { kind: Some(Kind::Image(Image { source: Some(source), media_type: media_type.into() })) }
}

fn user_with(parts: Vec<Part>) -> Message {
    Message { role: Role::User.into(), parts, name: String::new() }
}

fn jpeg() -> image::Source {
    image::Source::Data(vec![0xff, 0xd8, 0xff])
}

#[test]
fn pictures_are_inlined() {
    let mut shown = result("c1", "see the picture", false);
    if let Some(Kind::ToolResult(result)) = &mut shown.parts[0].kind {
        result.parts.push(picture(jpeg(), "image/webp"));
    }
    let messages = vec![
        user_with(vec![text("What is this?"), picture(jpeg(), "image/JPEG")]),
        assistant(vec![call("c1", "order_status", "{}", b"")]),
        shown,
        user("And this?"),
    ];
    insta::assert_json_snapshot!(golden(&with_tools(messages), &lite()));
}

#[test]
fn pictures_that_cannot_be_sent_are_named() {
    let with =
        |source, media_type| refused(&ask(vec![user_with(vec![picture(source, media_type)])]), &lite());
    let fetched = with(image::Source::Uri("https://shop.example/a.png".into()), "image/png");
    assert!(fetched.contains("messages[0].parts[0].image.uri is not fetched here"), "{fetched}");
    assert!(!fetched.contains("shop.example"), "errors quote no content");
    assert!(with(image::Source::Data(vec![]), "image/png").contains("image.data must not be empty"));
    assert!(with(jpeg(), "image/svg+xml").contains("image.media_type must be one of"));
    let large = with(image::Source::Data(vec![0; 9 * 1024 * 1024]), "image/png");
    assert!(large.contains("over 8388608 bytes"), "{large}");
}

/// Pitfall 14: plain JSON Schema is sent as it is, with everything the API's own dialect refuses.
#[test]
fn tools_and_their_choice() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "properties": {
            "city": {"type": ["string", "null"], "enum": ["", "جدة"]},
            "count": {"enum": [1, 2]},
            "any": {"anyOf": [{}, {"const": 1}]}
        }
    });
    let mut request = with_tools(vec![user("Hi")]);
    request.tools[0].parameters_json_schema = schema.to_string();
    request.tools[0].strict = true;
    request.tools[1].parameters_json_schema = String::new();
    let mut choices = Vec::new();
    for mode in [Mode::Auto, Mode::None, Mode::Required, Mode::Named] {
        let name = "opening_hours".to_owned();
        request.tool_choice = Some(ToolChoice { mode: mode.into(), name, parallel_disabled: true });
        choices.push(golden(&request, &lite())["body"]["toolConfig"].clone());
    }
    let named = golden(&request, &lite());
    assert_eq!(named["body"]["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"], schema);
    insta::assert_json_snapshot!(json!({"choices": choices, "named": named}));
    assert!(generate(&request, &lite(), 9).unwrap().single_call);
}

#[test]
fn options_for_both_generations() {
    let options = GenerationOptions {
        temperature: Some(0.2),
        top_p: Some(0.95),
        top_k: Some(40),
        seed: Some(1 << 40),
        stop: vec!["END".into(), "نهاية".into()],
        max_output_token_count: Some(800),
        reasoning_effort: ReasoningEffort::High.into(),
        include_reasoning: true,
    };
    let schema = JsonSchema {
        name: "answer".into(),
        schema_json: r#"{"type":"object","additionalProperties":false}"#.into(),
        strict: true,
    };
    let request = StreamGenerateRequest {
        options: Some(options),
        response_format: Some(ResponseFormat { format: Some(Format::JsonSchema(schema)) }),
        ..ask(vec![user("Hi")])
    };
    insta::assert_json_snapshot!("options_2_5", golden(&request, &lite()));
    insta::assert_json_snapshot!("options_3", golden(&request, &third()));
}

#[test]
fn reasoning_effort_by_family() {
    use ReasoningEffort::{High, Low, Medium, None, Unspecified};
    let config = |model: &ModelConfig, effort: ReasoningEffort, max_output: i64| {
        let options = GenerationOptions { reasoning_effort: effort.into(), ..GenerationOptions::default() };
        let request = StreamGenerateRequest { options: Some(options), ..ask(vec![user("Hi")]) };
        let translated = generate(&request, model, max_output).unwrap();
        let thinking = translated.body.generation_config.unwrap().thinking_config;
        (serde_json::to_value(thinking).unwrap(), translated.warnings.into_sentences().len())
    };
    let budget = |tokens: i64| json!({ "thinkingBudget": tokens });
    assert_eq!(config(&lite(), Unspecified, 65_536), (Value::Null, 0));
    assert_eq!(config(&lite(), None, 65_536), (budget(0), 0));
    assert_eq!(config(&lite(), Low, 65_536), (budget(1024), 0));
    assert_eq!(config(&lite(), Medium, 65_536), (budget(8192), 0));
    assert_eq!(config(&lite(), High, 65_536), (budget(24_576), 0));
    assert_eq!(config(&lite(), High, 4000), (budget(2000), 1), "an answer must fit beside the thoughts");
    assert_eq!(config(&lite(), High, 100), (budget(0), 1));
    let pro = ModelConfig { thinking_off: false, ..lite() };
    assert_eq!(config(&pro, None, 65_536), (budget(512), 1));
    let level = |level: &str| json!({ "thinkingLevel": level });
    assert_eq!(config(&third(), None, 800), (level("MINIMAL"), 1));
    assert_eq!(config(&third(), Medium, 800), (level("MEDIUM"), 0));
    assert_eq!(config(&ModelConfig { thinking_off: false, ..third() }, None, 800), (level("LOW"), 1));
    let plain: ModelConfig = serde_json::from_value(json!({"id": "gemma"})).unwrap();
    assert_eq!(config(&plain, High, 800), (Value::Null, 1));
}

#[test]
fn wrong_fields_are_named_all_at_once() {
    let mut request = with_tools(vec![
        Message { role: Role::Unspecified.into(), ..user("x") },
        Message { role: Role::System.into(), ..user_with(vec![call("c", "f", "{}", b"")]) },
        user("x"),
        assistant(vec![call("c1", "order_status", "[1]", b""), call("c2", "order_status", "{}", b"")]),
        result("nobody", "x", false),
        assistant(vec![Part { kind: None }]),
        user("end"),
    ]);
    request.tools[1].name = "opening hours".into();
    request.tools[0].parameters_json_schema = "[]".into();
    request.tool_choice =
        Some(ToolChoice { mode: Mode::Named.into(), name: "other".into(), parallel_disabled: false });
    request.options = Some(GenerationOptions {
        temperature: Some(f64::NAN),
        top_p: Some(0.0),
        top_k: Some(0),
        stop: vec!["a".into(), "b".into(), "c".into(), "d".into(), "e".into(), String::new()],
        ..GenerationOptions::default()
    });
    request.response_format = Some(ResponseFormat { format: Some(Format::JsonObject(JsonObject {})) });
    insta::assert_snapshot!(refused(&request, &lite()).replace("; ", "\n"));
}

/// Pitfall 13.
#[test]
fn generation_3_wants_the_last_word_to_be_the_users() {
    let request = ask(vec![user("Write a poem"), say("Roses are")]);
    assert!(generate(&request, &lite(), 9).is_ok(), "2.5 goes on with it");
    assert!(refused(&request, &third()).contains("messages must end with a user or tool message"));
}

#[test]
fn a_conversation_needs_a_message() {
    for messages in [vec![], vec![user("")], vec![system("Be kind.")]] {
        assert!(refused(&ask(messages), &lite()).contains("messages must hold at least one user message"));
    }
}

#[test]
fn a_repeated_call_id_means_its_latest_call() {
    let request = with_tools(vec![
        user("A-1?"),
        assistant(vec![call("call_0", "order_status", "{}", b"")]),
        result("call_0", "shipped", false),
        assistant(vec![call("call_0", "opening_hours", "{}", b"")]),
        result("call_0", "9 to 22", false),
    ]);
    let body = golden(&request, &lite())["body"].clone();
    assert_eq!(body["contents"][2]["parts"][0]["functionResponse"]["name"], "order_status");
    assert_eq!(body["contents"][4]["parts"][0]["functionResponse"]["name"], "opening_hours");
}

/// Pitfall 20: instructions and tools are counted too.
#[test]
fn a_count_holds_the_whole_request() {
    let request = CountTokensRequest {
        model: "asked".into(),
        messages: vec![system("Be kind."), user("Hi")],
        tools: vec![tool("order_status")],
    };
    insta::assert_json_snapshot!(count(&request, &lite()).unwrap());
}
