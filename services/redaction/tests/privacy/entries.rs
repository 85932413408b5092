//! Every place of a request through which personal data comes in.

use kaleem_proto::{
    chat::v1::{
        Image, Message, Part, Reasoning, Role, Tool, ToolCall, ToolResult, image::Source, part::Kind,
    },
    redaction::v1::{RedactRequest, RedactResponse},
    router::v1::PersonalDataClass,
};

use crate::harness::{MERCHANT, Service, Store, shown, text};

const PHONE: &str = "0551234567";

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role: role.into(), parts, name: String::new() }
}

fn part(kind: Kind) -> Part {
    Part { kind: Some(kind) }
}

async fn redact(service: &mut Service, messages: Vec<Message>) -> RedactResponse {
    let request = RedactRequest { merchant_id: MERCHANT.into(), messages, ..Default::default() };
    service.redact(request).await.unwrap()
}

/// The texts of the messages that came in, without the instruction before them.
fn texts(answer: &RedactResponse) -> Vec<Vec<&str>> {
    let skipped = usize::from(!answer.placeholders.is_empty());
    answer.messages[skipped..]
        .iter()
        .map(|message| {
            let parts = message.parts.iter();
            parts
                .filter_map(
                    |part| if let Some(Kind::Text(text)) = &part.kind { Some(text.as_str()) } else { None },
                )
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn no_entry_lets_a_number_through() {
    let mut service = Service::start(Store::Sqlite).await;
    let nested =
        serde_json::json!({ "payload": serde_json::json!({ "note": format!("call {PHONE}") }).to_string() });
    let twice = serde_json::json!({ "outer": nested.to_string() }).to_string();
    let call = ToolCall { arguments_json: twice.clone(), ..ToolCall::default() };
    let result =
        ToolResult { parts: vec![text(&twice), text(&format!("جوال {PHONE}"))], ..ToolResult::default() };
    let mut named = message(Role::User, vec![text(&format!("رقمي {PHONE}"))]);
    named.name = format!("phone {PHONE}");
    let request = RedactRequest {
        merchant_id: MERCHANT.into(),
        messages: vec![
            message(Role::System, vec![text(&format!("المصدر: العميل {PHONE}"))]),
            named,
            message(Role::Assistant, vec![part(Kind::ToolCall(call))]),
            message(Role::Tool, vec![part(Kind::ToolResult(result))]),
            message(
                Role::Assistant,
                vec![part(Kind::Reasoning(Reasoning { text: format!("{PHONE} ?"), ..Reasoning::default() }))],
            ),
        ],
        tools: vec![Tool {
            description: format!("calls {PHONE}"),
            parameters_json_schema: format!(r#"{{"description":"like {PHONE}"}}"#),
            ..Tool::default()
        }],
        ..Default::default()
    };
    let mut answer = service.redact(request).await.unwrap();
    let values = std::mem::take(&mut answer.placeholders);
    let left = shown(&answer);
    assert!(!left.contains(PHONE), "{left}");
    assert_eq!(left.matches("[[PHONE:").count(), 9, "{left}");
    assert_eq!(values.len(), 1, "one value has one placeholder");
}

#[tokio::test]
async fn a_value_split_over_parts_or_messages_is_one_value() {
    let mut service = Service::start(Store::Sqlite).await;
    for split in [
        vec![message(Role::User, vec![text("جوالي 05512"), text("34567 وشكرا")])],
        vec![message(Role::User, vec![text("بريدي sara@exam"), text("ple.com")])],
        vec![message(Role::User, vec![text("ايباني SA03 8000 0000 6080"), text("1016 7519 تمام")])],
        vec![message(Role::User, vec![text("جوالي 05512")]), message(Role::User, vec![text("34567")])],
    ] {
        let answer = redact(&mut service, split.clone()).await;
        assert_eq!(answer.placeholders.len(), 1, "{}", shown(&answer));
        let left = format!("{:?}", texts(&answer));
        for rest in ["34567", "05512", "ple.com", "1016"] {
            assert!(!left.contains(rest), "{left}");
        }
        assert!(texts(&answer).iter().flatten().all(|text| !text.is_empty()), "{left}");
    }
    // Numbers that merely follow each other stay.
    let apart =
        vec![message(Role::User, vec![text("ابي مقاس 42")]), message(Role::User, vec![text("طلبي 10488")])];
    assert_eq!(redact(&mut service, apart).await.placeholders, []);
}

#[tokio::test]
async fn the_last_question_of_the_assistant_counts_even_if_something_was_said_since() {
    let mut service = Service::start(Store::Sqlite).await;
    let asked = |between: &[&str]| {
        let mut messages = vec![message(Role::Assistant, vec![text("ممكن رقم جوالك")])];
        messages.extend(between.iter().map(|words| message(Role::User, vec![text(words)])));
        messages.push(message(Role::User, vec![text("551234567")]));
        messages
    };
    for between in [&[][..], &["لحظة"], &["لحظة", "ابشر"]] {
        let answer = redact(&mut service, asked(between)).await;
        assert_eq!(answer.placeholders.len(), 1, "{between:?}");
    }
    let unasked = vec![message(Role::User, vec![text("551234567")])];
    assert_eq!(redact(&mut service, unasked).await.placeholders, []);
}

#[tokio::test]
async fn addresses_of_pictures_raise_the_class() {
    let mut service = Service::start(Store::Sqlite).await;
    let picture = |source| {
        vec![message(
            Role::User,
            vec![part(Kind::Image(Image { source: Some(source), media_type: "image/png".into() }))],
        )]
    };
    let uri = |uri: &str| picture(Source::Uri(uri.to_owned()));
    for (messages, class) in [
        (uri("https://cdn.example/a.png"), PersonalDataClass::None),
        (uri("https://cdn.example/a.png?email=sara@example.com"), PersonalDataClass::Sensitive),
        (uri("https://admin:Tr0ub4dor3@cdn.example/a.png"), PersonalDataClass::Sensitive),
        (uri(&format!("data:image/png;base64,{}", "A".repeat(4096))), PersonalDataClass::None),
        (picture(Source::Data(b"0551234567".to_vec())), PersonalDataClass::None),
    ] {
        let answer = redact(&mut service, messages.clone()).await;
        assert_eq!(answer.residual(), class, "{}", shown(&answer));
        assert_eq!(answer.messages, messages);
    }
}
