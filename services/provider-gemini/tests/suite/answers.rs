//! What a caller gets when all goes well.

use kaleem_proto::chat::v1::{FinishReason, Message};
use kaleem_proto::common::v1::Admission;
use kaleem_proto::provider::v1::{
    CountTokensRequest, EmbedRequest, ListModelsRequest, ModelHealth, StreamGenerateRequest,
};
use kaleem_rpc::admission::Key;
use kaleem_rpc::{Fault, convert};
use kaleem_testkit::gemini_upstream::{API_KEY, Reply, Usage};
use serde_json::json;

use crate::builders::{ask, assistant, call, result, system, text, tool, user};
use crate::mesh::{KEY, LITE, NEXT, mesh, question};

#[tokio::test]
async fn an_answer_streams_with_its_usage() {
    let mesh = mesh().await;
    let usage = Usage { cached: 16, thoughts: 5, ..Usage::new(40, 9) };
    mesh.upstream.push(Reply::text(["نعم، ", "نشحن ", "إلى جدة."]).usage(usage));
    let heard = mesh.hear(question()).await;
    let started = heard.started.unwrap();
    assert_eq!((started.served_model.as_str(), started.upstream.as_str()), (LITE, "shop-project"));
    assert!(!started.provider_request_id.is_empty());
    assert_eq!(heard.text, "نعم، نشحن إلى جدة.");
    let finished = heard.end.unwrap();
    assert_eq!(finished.reason(), FinishReason::Stop);
    let usage = convert::from_usage(&finished.usage.unwrap());
    assert_eq!((usage.input_fresh, usage.input_cache_read), (24, 16));
    assert_eq!((usage.output_text, usage.output_reasoning, usage.total()), (9, 5, 54));
    assert!(finished.warnings.is_empty(), "{:?}", finished.warnings);

    let sent = mesh.upstream.received().nth(0).await;
    assert_eq!(sent.uri.to_string(), format!("/v1beta/models/{LITE}:streamGenerateContent?alt=sse"));
    assert_eq!(sent.header("x-goog-api-key"), Some(API_KEY));
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(sent.json["generationConfig"]["maxOutputTokens"], 256, "what quota granted");
    assert_eq!(mesh.health().await[0], (LITE.to_owned(), ModelHealth::Ready));
}

/// Google may route a model to its successor and bill that.
#[tokio::test]
async fn the_model_that_served_is_reported() {
    let mesh = mesh().await;
    mesh.upstream.push(Reply::text(["Yes."]).model_version("gemini-3.5-flash-lite-002"));
    assert_eq!(mesh.hear(question()).await.started.unwrap().served_model, "gemini-3.5-flash-lite-002");
}

/// Calls, their results and signatures go round for both generations, past a double that checks them.
#[tokio::test]
async fn a_tool_loop_goes_round() {
    for model in [LITE, NEXT] {
        let mesh = mesh().await;
        let first = Reply::call("order_status", json!({"order": "A-1"}));
        mesh.upstream.push(first.then_call("order_status", json!({"order": "A-2"})));
        let tools = vec![tool("order_status")];
        let request = StreamGenerateRequest { model: model.into(), tools, ..question() };
        let heard = mesh.hear(request.clone()).await;
        assert_eq!(heard.end.unwrap().reason(), FinishReason::ToolCalls);
        let [first, second] = heard.calls.as_slice() else { panic!("{:?}", heard.calls) };
        assert_eq!((first.index, second.index), (0, 1));
        assert_ne!(first.id, second.id);
        assert_eq!(first.arguments_json_delta, r#"{"order":"A-1"}"#);

        let calls = heard.calls.iter();
        let parts = calls.map(|c| call(&c.id, &c.name, &c.arguments_json_delta, &c.provider_signature));
        let mut messages = request.messages.clone();
        messages.push(assistant(parts.collect()));
        messages.extend([result(&second.id, "lost", false), result(&first.id, "shipped", false)]);
        let heard = mesh.hear(StreamGenerateRequest { messages, ..request }).await;
        assert_eq!(heard.end.unwrap().reason(), FinishReason::Stop, "{model}");
    }
}

/// History of another provider has no signatures; generation 3 must take it all the same.
#[tokio::test]
async fn foreign_history_is_accepted() {
    let mesh = mesh().await;
    let messages = vec![
        user("A-1?"),
        assistant(vec![text("Let me look."), call("x", "order_status", "{}", b"")]),
        result("x", "shipped", false),
    ];
    let request =
        StreamGenerateRequest { model: NEXT.into(), tools: vec![tool("order_status")], ..ask(messages) };
    mesh.hear(request).await.end.unwrap();
}

#[tokio::test]
async fn filters_and_empty_answers_are_clean_ends() {
    let cases = [
        (Reply::blocked("SAFETY"), FinishReason::ContentFiltered),
        (Reply::text(["I "]).finish("RECITATION"), FinishReason::ContentFiltered),
        (Reply::text(["I "]).finish("MAX_TOKENS"), FinishReason::Length),
        (Reply::empty(), FinishReason::Stop),
    ];
    for (reply, expected) in cases {
        let mesh = mesh().await;
        mesh.upstream.push(reply);
        assert_eq!(mesh.hear(question()).await.end.unwrap().reason(), expected);
    }
}

#[tokio::test]
async fn tokens_are_counted_with_instructions() {
    let mesh = mesh().await;
    let count = async |messages: Vec<Message>| {
        let request = CountTokensRequest { model: LITE.into(), messages, tools: vec![tool("order_status")] };
        mesh.client.clone().count_tokens(request).await.unwrap().into_inner()
    };
    let bare = count(vec![user("Hello there")]).await;
    let instructed = count(vec![system("You answer for a shop."), user("Hello there")]).await;
    assert!(bare.exact && bare.input_count > 0);
    assert!(instructed.input_count > bare.input_count);
    let sent = mesh.upstream.received().nth(0).await;
    assert_eq!(sent.json["generateContentRequest"]["model"], format!("models/{LITE}"));
}

#[tokio::test]
async fn texts_are_embedded_in_batches_with_length_one() {
    let mesh = mesh().await;
    let model = "gemini-embedding-001";
    let admission = Key::new(&KEY).mint(&Admission { model: model.into(), ..mesh.admission() });
    let texts: Vec<String> = (0..150).map(|n| format!("question number {n}")).collect();
    let request = EmbedRequest { admission, model: model.into(), texts, dimension_count: 768 };
    let answer = mesh.client.clone().embed(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.embeddings.len(), 150);
    for embedding in &answer.embeddings {
        let length: f32 = embedding.values.iter().map(|value| value * value).sum();
        assert_eq!(embedding.values.len(), 768);
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
    assert_ne!(answer.embeddings[0], answer.embeddings[149]);
    assert!(answer.usage.unwrap().input_fresh_count > 0);
    let sent = mesh.upstream.received().all();
    let sizes: Vec<_> = sent.iter().map(|sent| sent.json["requests"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 50]);

    let status =
        mesh.client.clone().embed(EmbedRequest { dimension_count: 9999, ..request }).await.unwrap_err();
    assert_eq!(Fault::from_status(&status).field_violations[0].field, "dimension_count");
}

#[tokio::test]
async fn models_are_listed_with_their_abilities() {
    let mesh = mesh().await;
    let models = mesh.client.clone().list_models(ListModelsRequest {}).await.unwrap().into_inner().models;
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, [LITE, NEXT, "gemini-3.5-flash", "gemini-3.8-flash"]);
    let first = &models[0];
    assert!(first.tools && first.json_schema && first.vision && first.reasoning);
    assert_eq!((first.context_token_count, first.max_output_token_count), (1_048_576, 65_536));
    assert_eq!(first.region, "global");
}
