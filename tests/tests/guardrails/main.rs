//! What a model says about prices and policies is held against the shop's facts before a customer reads it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

mod again;

use kaleem_proto::{
    chat::v1::FinishReason,
    gateway::v1::{ChatInput, ChatResponse},
    redaction::v1::{PutPolicyRequest, redaction_service_client::RedactionServiceClient},
};
use kaleem_rpc::Fault;
use kaleem_testkit::{Gate, openai_upstream as worker};
use kaleem_tests::{
    MERCHANT, Mesh,
    ask::{listen, question, streamed, text_of, whole},
    in_both_shapes,
};
use reqwest::Response;
use serde_json::{Value, json};

const FACTS: &str = r#"{"currency":"SAR","prices":[{"sku":"AB","names":["عباية سوداء","Black Abaya"],"amount":"89.00"}],
    "shipping":{"fee":"25.00"},"return_days":14,"coupons":{"EID2026":20}}"#;

fn guarded(text: &str) -> ChatInput {
    ChatInput { guardrail_policy_json: FACTS.into(), ..question("tiny-llama", text) }
}

fn reasons(answer: &ChatResponse) -> Vec<&str> {
    answer.notices.iter().map(|notice| notice.reason.as_str()).collect()
}

async fn post(mesh: &Mesh, body: &Value) -> Response {
    let url = format!("http://{}/v1/chat/completions", mesh.gateway);
    kaleem_testkit::http_client().post(url).bearer_auth(mesh.demo_key()).json(body).send().await.unwrap()
}

fn asked(stream: bool, facts: &Value) -> Value {
    json!({
        "model": "tiny-llama", "stream": stream, "guardrail_policy": facts,
        "messages": [{"role": "user", "content": "بكم العباية؟"}],
    })
}

/// Puts the facts in force for the merchant's answers, with what happens to statements that contradict them.
async fn store_facts(mesh: &Mesh, facts: &str, on_violation: &str) {
    let document = format!(r#"{{"answer":{{"facts":{facts},"on_violation":"{on_violation}"}}}}"#);
    let put = PutPolicyRequest { merchant_id: MERCHANT.into(), document, ..PutPolicyRequest::default() };
    RedactionServiceClient::new(mesh.connection(&mesh.admin_key())).put_policy(put).await.unwrap();
}

fn facts() -> Value {
    serde_json::from_str(FACTS).unwrap()
}

in_both_shapes! {
    async fn what_the_facts_back_passes_unchanged(mesh) {
        let said = ["أهلًا! ", "سعر العباية السوداء ٨٩ ", "ريال. ", "الإرجاع خلال ١٤ يومًا، ", "والشحن بـ ٢٥ ريال."];
        mesh.worker.push(worker::Reply::text(said));
        let heard = listen(mesh.client().stream_chat(streamed(guarded("بكم العباية؟"))).await.unwrap().into_inner()).await;
        assert_eq!(heard.text, said.concat(), "{heard:?}");
        assert!(!heard.order.contains(&"notice"), "{heard:?}");
        assert_eq!(heard.finished.unwrap().reason(), FinishReason::Stop);
        mesh.stop().await;
    }

    async fn a_wrong_price_is_corrected_in_its_place_and_told(mesh) {
        mesh.worker.push(worker::Reply::text(["سعر العباية السوداء ٧", "٩ ريال", "، والإرجاع خلال ١٤ يومًا."]));
        let answer = mesh.client().chat(whole(guarded("بكم العباية؟"))).await.unwrap().into_inner();
        assert_eq!(text_of(&answer), "سعر العباية السوداء ٨٩ ريال، والإرجاع خلال ١٤ يومًا.");
        assert_eq!(reasons(&answer), ["GUARDRAIL_CORRECTED"]);
        assert!(answer.notices[0].message.contains("السعر") && answer.notices[0].message.contains("89"), "{:?}", answer.notices);
        assert_eq!(answer.finished.unwrap().reason(), FinishReason::Stop);
        mesh.stop().await;
    }

    async fn what_cannot_be_set_right_ends_the_answer_and_the_model(mesh) {
        let gate = Gate::new();
        let said = ["أهلًا. ", "استخدم كود SAVE50 لخصم ٥٠٪. ", "شكرًا. "];
        mesh.worker.push(worker::Reply::text(said).paced(&gate, ["لن يُقال هذا"]));
        let heard = listen(mesh.client().stream_chat(streamed(guarded("عندكم كود؟"))).await.unwrap().into_inner()).await;
        assert!(heard.failure.is_none() && heard.text.starts_with("أهلًا. "), "{heard:?}");
        assert!(!heard.text.contains("SAVE50") && !heard.text.contains("شكر"), "{heard:?}");
        assert_eq!(heard.order[heard.order.len() - 2..], ["notice", "finished"], "{heard:?}");
        let finished = heard.finished.unwrap();
        assert_eq!(finished.reason(), FinishReason::ContentFiltered);
        mesh.worker.received().nth(0).await.exchange.disconnected().await;
        mesh.nothing_held().await;
        let ledger = mesh.ledger_with(1).await;
        assert!(ledger.usage.unwrap().output_text_count > 0, "what was produced is billed");
        assert_eq!((ledger.request_count, ledger.sell_pico_usd), (1, finished.cost_pico_usd));
        let tokens = mesh.quota_of("month_tokens").await;
        let usage = finished.usage.unwrap();
        assert_eq!(tokens.posted, usage.input_fresh_count + usage.output_text_count);
        mesh.stop().await;
    }

    async fn openai_callers_give_facts_and_read_the_outcome(mesh) {
        mesh.worker.push(worker::Reply::text(["سعر العباية السوداء ٧٩ ريال."]));
        let answered = post(&mesh, &asked(false, &facts())).await;
        assert_eq!(answered.headers()["x-kaleem-notices"], "GUARDRAIL_CORRECTED");
        let completion: Value = answered.json().await.unwrap();
        let choice = &completion["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&json!("سعر العباية السوداء ٨٩ ريال."), &json!("stop"))
        );
        assert_eq!(completion["notices"][0]["reason"], "GUARDRAIL_CORRECTED");

        for stream in [false, true] {
            mesh.worker.push(worker::Reply::text(["أهلًا. ", "استخدم كود SAVE50 لخصم ٥٠٪. ", "شكرًا."]));
            let said = post(&mesh, &asked(stream, &facts())).await.text().await.unwrap();
            assert!(said.contains("أهل") && !said.contains("SAVE50"), "{said}");
            let frames: Vec<Value> = said
                .lines()
                .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ").unwrap_or(line)).ok())
                .collect();
            let last = frames.last().expect("an answer");
            assert_eq!(last["choices"][0]["finish_reason"], "content_filter", "{said}");
            let reasons = last["notices"].as_array().expect("remarks").iter().map(|notice| notice["reason"].as_str());
            assert!(reasons.flatten().any(|reason| reason == "GUARDRAIL_BLOCKED"), "{said}");
            assert!(last["usage"]["completion_tokens"].as_i64() > Some(0), "{said}");
            assert_eq!(said.ends_with("data: [DONE]\n\n"), stream, "{said}");
        }
        mesh.stop().await;
    }

    async fn facts_that_are_wrong_are_named_and_nothing_is_sent(mesh) {
        let wrong = r#"{"currency":"riyal","prices":[{"amount":"8,9"}]}"#;
        let input = ChatInput { guardrail_policy_json: wrong.into(), ..question("tiny-llama", "مرحبا") };
        let refused = Fault::from_status(&mesh.client().chat(whole(input)).await.unwrap_err());
        let fields: Vec<_> = refused.field_violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            (refused.reason.as_str(), fields.as_slice()),
            ("REQUEST_INVALID", &["input.guardrail_policy_json.currency", "input.guardrail_policy_json.prices[0].amount"][..])
        );
        let refused = post(&mesh, &asked(false, &json!({"return_days": -1}))).await;
        assert_eq!(refused.status().as_u16(), 400);
        let error = refused.json::<Value>().await.unwrap()["error"].take();
        assert_eq!((&error["code"], &error["param"]), (&json!("request_invalid"), &json!("guardrail_policy.return_days")));
        assert_eq!(mesh.worker.received().count(), 0, "nothing was sent to a model");
        mesh.nothing_held().await;
        mesh.stop().await;
    }

    async fn a_failure_while_a_sentence_is_held_shows_nothing_of_it(mesh) {
        let said = ["سعر العباية السوداء ", "٨٩ ريال و"];
        mesh.worker.push(worker::Reply::text(said).fail(worker::WorkerError::EngineDead));
        let heard = listen(mesh.client().stream_chat(streamed(guarded("بكم العباية؟"))).await.unwrap().into_inner()).await;
        assert!(heard.failure.is_some() && heard.finished.is_none(), "{heard:?}");
        assert!(!heard.text.contains("٨٩"), "{heard:?}");
        mesh.nothing_held().await;
        assert!(mesh.ledger_with(1).await.usage.unwrap().output_text_count > 0, "what came is billed");
        mesh.stop().await;
    }

    async fn stored_facts_guard_every_answer_and_newer_ones_take_their_place(mesh) {
        for (price, action, text, reason) in [
            ("89.00", "correct", "سعر العباية السوداء ٨٩ ريال.", "GUARDRAIL_CORRECTED"),
            // The same version again: the facts do not travel, and hold all the same.
            ("89.00", "correct", "سعر العباية السوداء ٨٩ ريال.", "GUARDRAIL_CORRECTED"),
            ("95.00", "correct", "سعر العباية السوداء ٩٥ ريال.", "GUARDRAIL_CORRECTED"),
            ("95.00", "block", "سعر العباية السوداء ", "GUARDRAIL_BLOCKED"),
        ] {
            store_facts(&mesh, &FACTS.replace("89.00", price), action).await;
            mesh.worker.push(worker::Reply::text(["سعر العباية السوداء ٧٩ ريال."]));
            let answer = mesh.client().chat(whole(question("tiny-llama", "بكم العباية؟"))).await.unwrap().into_inner();
            assert_eq!((text_of(&answer).as_str(), reasons(&answer)), (text, vec![reason]));
        }
        mesh.stop().await;
    }
}
