//! Every place of a request through which personal data comes in.

use kaleem_proto::{
    chat::v1::{
        Image, Message, Part, Reasoning, Role, Tool, ToolCall, ToolResult, image::Source, part::Kind,
    },
    redaction::v1::{RedactRequest, RedactResponse},
    router::v1::PersonalDataClass,
};
use kaleem_redaction::MAX_TEXT_BYTES;

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
            parts.filter_map(text_of).collect()
        })
        .collect()
}

fn text_of(part: &Part) -> Option<&str> {
    if let Some(Kind::Text(text)) = &part.kind { Some(text) } else { None }
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
    // The word for a value lies in the part before it.
    let apart = vec![message(Role::User, vec![text("رقم جوالي"), text("551234567")])];
    assert_eq!(redact(&mut service, apart).await.placeholders.len(), 1);
    // Numbers that merely follow each other stay.
    let apart =
        vec![message(Role::User, vec![text("ابي مقاس 42")]), message(Role::User, vec![text("طلبي 10488")])];
    assert_eq!(redact(&mut service, apart).await.placeholders, []);
}

#[tokio::test]
async fn the_parts_of_a_result_are_read_as_one_text() {
    let mut service = Service::start(Store::Sqlite).await;
    let picture =
        || part(Kind::Image(Image { source: Some(Source::Data(vec![7])), media_type: "image/png".into() }));
    for (parts, left) in [
        (vec![text("جوالي 05512"), text("34567 وشكرا")], "34567"),
        (vec![text("جوالي 05512"), picture(), text("34567 وشكرا")], "34567"),
        (vec![text(r#"{"name":"سارة","phone":"05512"#), text(r#"34567","qty":1}"#)], "34567"),
        (vec![text(r#"{"national_id":"#), text("1088888881}")], "1088888881"),
        (vec![text(r#"{"national_ids":["#), text(&"77,".repeat(100)), text("1088888881]}")], "1088888881"),
        (vec![text("رقم الجوال"), text("551234567")], "551234567"),
        // Each of them is JSON of its own and stays so.
        (vec![text(r#"{"phone":"0551234567"}"#), text(r#"{"qty":1}"#)], "0551234567"),
    ] {
        let whole_before = parts.iter().filter_map(text_of).collect::<String>();
        let result = Kind::ToolResult(ToolResult { parts, ..ToolResult::default() });
        let answer = redact(&mut service, vec![message(Role::Tool, vec![part(result)])]).await;
        let Some(Kind::ToolResult(result)) = &answer.messages[1].parts[0].kind else { panic!("a result") };
        let texts: Vec<&str> = result.parts.iter().filter_map(text_of).collect();
        let whole = texts.concat();
        assert!(!whole.contains(left) && whole.contains("[["), "{whole}");
        assert!(texts.iter().all(|text| !text.is_empty()), "{texts:?}");
        let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert!(is_json(&whole) || !is_json(&whole_before), "{whole}");
    }
}

#[tokio::test]
async fn ten_thousand_values_over_as_many_parts_are_cut_out_of_their_own_part_alone() {
    let mut service = Service::start(Store::Sqlite).await;
    let number = |index: u32| format!("05{:08}", 10_000_000 + index * 7);
    let parts = (0..10_000).flat_map(|index| {
        let number = number(index);
        [text(&format!("رقم {}", &number[..5])), text(&format!("{} ، ", &number[5..]))]
    });
    let answer = redact(&mut service, vec![message(Role::User, parts.collect())]).await;
    assert_eq!(answer.placeholders.len(), 10_000);
    let (whole, left) = (texts(&answer)[0].concat(), "[[PHONE:".len() + 6 + "]]".len());
    assert_eq!(whole.matches("رقم [[PHONE:").count(), 10_000);
    assert_eq!(whole.len(), 10_000 * ("رقم ".len() + left + " ، ".len()));
    let long = vec![message(Role::User, vec![text("a"), text(&"1".repeat(MAX_TEXT_BYTES + 1))])];
    let request = RedactRequest { merchant_id: MERCHANT.into(), messages: long, ..Default::default() };
    assert_eq!(service.redact(request).await.unwrap_err().reason, "REQUEST_INVALID");
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
