//! What leaves for a provider and what comes back: nothing personal one way, everything restored the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use kaleem_proto::{
    chat::v1::{GenerationOptions, ToolCall, part::Kind},
    gateway::v1::ChatInput,
};
use kaleem_rpc::Fault;
use kaleem_testkit::{gemini_upstream as gemini, openai_upstream as worker};
use kaleem_tests::{
    Mesh, Shape,
    ask::{question, text_of, whole},
    in_both_shapes,
};
use serde_json::{Value, json};

const PHONE: &str = "0551234567";
/// A number behind a word for one, and none that is known: it may be personal, and cannot be replaced.
const DOUBTFUL: &str = "جوالي 1 2 345 6 789";

/// A worker that calls a tool with the placeholder that it was given, and says it in words too.
fn calls_back(request: &kaleem_testkit::ReceivedRequest) -> worker::Reply {
    let prompt = request.json.to_string();
    let start = prompt.find("[[PHONE:").expect("a placeholder");
    let token = &prompt[start..start + "[[PHONE:XXXXXX]]".len()];
    let (head, tail) = token.split_at(9);
    worker::Reply::text([format!("نتصل على {head}"), tail.to_owned()])
        .tool_call("call_back", [format!(r#"{{"phone":"{head}"#), format!(r#"{tail}"}}"#)])
        .finish("tool_calls")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_still_be_personal_goes_to_models_of_the_home_region() {
    let at_home = |config: &mut kaleem::Config| {
        config.provider_gemini.region = "me-central2".into();
        config.router.home_regions.insert("me-central2".into());
    };
    let mesh = Mesh::start_with(Shape::AllInOne, at_home).await;
    mesh.gemini.push(gemini::Reply::text(["من المنطقة"]));
    let answer = mesh.client().chat(whole(question("gemini-2.5-flash-lite", DOUBTFUL))).await.unwrap();
    assert_eq!(answer.into_inner().served_model, "gemini-2.5-flash-lite");
    assert!(mesh.gemini.received().count() > 0 && mesh.worker.received().count() == 0);
    mesh.stop().await;
}

in_both_shapes! {
    async fn what_may_still_be_personal_stays_with_us(mesh) {
        let refused = mesh.client().chat(whole(question("gemini-2.5-flash-lite", DOUBTFUL))).await.unwrap_err();
        let fault = Fault::from_status(&refused);
        assert_eq!(fault.metadata["provider-gemini/gemini-2.5-flash-lite"], "PERSONAL_DATA", "{fault}");
        mesh.worker.push(worker::Reply::text(["من عندنا"]));
        let answer = mesh.client().chat(whole(question("auto", DOUBTFUL))).await.unwrap().into_inner();
        assert_eq!((text_of(&answer).as_str(), answer.served_model.as_str()), ("من عندنا", "tiny-llama"));
        assert_eq!(mesh.gemini.received().count(), 0);
        mesh.nothing_held().await;
        mesh.stop().await;
    }

    async fn words_beside_the_messages_are_redacted_too(mesh) {
        mesh.worker.push(worker::Reply::text(["نعم"]));
        let options = GenerationOptions { stop: vec![format!("رقم {PHONE}"), "\n".into()], ..GenerationOptions::default() };
        let input = ChatInput { options: Some(options), ..question("tiny-llama", "مرحبا") };
        mesh.client().chat(whole(input)).await.unwrap();
        let sent = mesh.worker.received().nth(0).await;
        assert!(!sent.json.to_string().contains(PHONE), "{}", sent.json);
        let stop = sent.json["stop"].as_array().unwrap();
        assert!(stop[0].as_str().unwrap().starts_with("رقم [[PHONE:") && stop[1] == "\n", "{}", sent.json);
        mesh.stop().await;
    }

    async fn whole_answers_are_restored_in_text_and_arguments_on_both_surfaces(mesh) {
        mesh.worker.respond_with(calls_back);
        let answer = mesh.client().chat(whole(question("tiny-llama", &format!("رقمي {PHONE}")))).await.unwrap().into_inner();
        assert_eq!(text_of(&answer), format!("نتصل على {PHONE}"));
        let calls: Vec<&ToolCall> = answer.message.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.kind {
            Some(Kind::ToolCall(call)) => Some(call),
            _ => None,
        }).collect();
        assert_eq!(calls[0].arguments_json, format!(r#"{{"phone":"{PHONE}"}}"#));

        let body = json!({"model": "tiny-llama", "messages": [{"role": "user", "content": format!("رقمي {PHONE}")}]});
        let url = format!("http://{}/v1/chat/completions", mesh.gateway);
        let posted = kaleem_testkit::http_client().post(url).bearer_auth(mesh.demo_key()).json(&body).send().await.unwrap();
        let message = posted.json::<Value>().await.unwrap()["choices"][0]["message"].take();
        assert_eq!(message["content"], format!("نتصل على {PHONE}"));
        assert_eq!(message["tool_calls"][0]["function"]["arguments"], format!(r#"{{"phone":"{PHONE}"}}"#));
        mesh.stop().await;
    }
}
