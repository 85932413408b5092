//! Merchants who want the model to be asked again: one more attempt, charged like every attempt, or a correction in its place.

use kaleem_proto::{
    accounts::v1::{CapAction, Plan},
    chat::v1::FinishReason,
    gateway::v1::Finished,
    quota::v1::PutPolicyRequest,
};
use kaleem_testkit::openai_upstream::{Reply, Usage, WorkerError};
use kaleem_tests::{
    MERCHANT, Mesh,
    ask::{listen, question, streamed, text_of, whole},
    in_both_shapes, in_every_layout,
};

use super::{FACTS, asked, facts, post, reasons, store_facts};

const WRONG: &str = "سعر العباية السوداء ٧٩ ريال.";
const RIGHT: &str = "سعر العباية السوداء ٨٩ ريال.";
/// Begins with its value, so that nothing of it is seen before.
const WRONG_AT_ONCE: &str = "٧٩ ريال سعر العباية السوداء.";

/// What the callers of `asked` requests were told they used and pay is what quota posted and the ledger booked, in `charges`.
async fn books_agree(mesh: &Mesh, told: &[Finished], charges: i64) {
    mesh.nothing_held().await;
    let ledger = mesh.ledger_with(charges).await;
    let cost: i64 = told.iter().map(|finished| finished.cost_pico_usd).sum();
    assert_eq!((ledger.request_count, ledger.sell_pico_usd), (charges, cost));
    let booked = ledger.usage.unwrap();
    for (dimension, posted) in
        [("day_requests", charges), ("month_tokens", booked.input_fresh_count + booked.output_text_count)]
    {
        let usage = mesh.quota_of(dimension).await;
        assert_eq!((usage.posted, usage.held), (posted, 0), "{dimension}");
    }
}

/// Lets the merchant make `day` requests a day and `at_once` at once.
async fn cap(mesh: &Mesh, day: i64, at_once: i64) {
    let far = 1_000_000_000_000;
    let plan = Plan {
        plan_id: "tight".into(),
        day_request_cap: day,
        month_token_cap: far,
        month_cost_nano_usd_cap: far,
        concurrent_request_cap: at_once,
        on_cap: CapAction::Suspend.into(),
        ..Plan::default()
    };
    let policy =
        PutPolicyRequest { merchant_id: MERCHANT.into(), plan: Some(plan), time_zone: "Asia/Riyadh".into() };
    mesh.quota().put_policy(policy).await.unwrap();
}

in_every_layout! {
    async fn a_wrong_answer_is_asked_for_once_more_and_both_are_charged(mesh) {
        store_facts(&mesh, FACTS, "retry").await;
        mesh.worker.push(Reply::text([WRONG, " الشحن بـ ٣٠ ريال."]).usage(Usage::new(40, 12)));
        mesh.worker.push(Reply::text([RIGHT]).usage(Usage::new(60, 6)));
        let answer = mesh.client().chat(whole(question("tiny-llama", "بكم العباية؟"))).await.unwrap().into_inner();
        assert_eq!((text_of(&answer).as_str(), reasons(&answer)), (RIGHT, vec!["GUARDRAIL_RETRIED"]));
        let hinted = &mesh.worker.received().nth(1).await.json["messages"];
        assert_eq!((hinted[0]["role"].as_str(), hinted[1]["role"].as_str()), (Some("system"), Some("user")));
        let hint = hinted[0]["content"].as_str().unwrap();
        assert!(hint.contains("٨٩") && hint.contains("٢٥") && !hint.contains("٧٩"), "all that was wrong, set right: {hint}");
        let finished = answer.finished.unwrap();
        let usage = finished.usage.unwrap();
        assert_eq!((usage.input_fresh_count, usage.output_text_count), (100, 18), "of both");
        // $0.02 a million tokens in, $0.06 out.
        assert_eq!(finished.cost_pico_usd, 100 * 20_000 + 18 * 60_000);
        books_agree(&mesh, &[finished], 2).await;
        mesh.stop().await;
    }
}

in_both_shapes! {
    async fn a_stream_is_asked_for_again_as_long_as_nothing_was_seen(mesh) {
        store_facts(&mesh, FACTS, "retry").await;
        mesh.worker.push(Reply::text([WRONG_AT_ONCE, " ولن يُرى هذا."]));
        mesh.worker.push(Reply::text([RIGHT]));
        let events = mesh.client().stream_chat(streamed(question("tiny-llama", "بكم العباية؟"))).await.unwrap();
        let heard = listen(events.into_inner()).await;
        assert_eq!(heard.text, RIGHT, "{heard:?}");
        assert_eq!(heard.order[..2], ["started", "notice"], "{heard:?}");
        let mut told = vec![heard.finished.unwrap()];
        assert_eq!(told[0].reason(), FinishReason::Stop);
        books_agree(&mesh, &told, 2).await;

        mesh.worker.push(Reply::text(["أهلًا. ", WRONG]));
        let events = mesh.client().stream_chat(streamed(question("tiny-llama", "بكم العباية؟"))).await.unwrap();
        let heard = listen(events.into_inner()).await;
        assert_eq!(heard.text, format!("أهلًا. {RIGHT}"), "its beginning was seen, so it is corrected: {heard:?}");
        assert_eq!(mesh.worker.received().count(), 3);
        told.push(heard.finished.unwrap());
        books_agree(&mesh, &told, 3).await;
        mesh.stop().await;
    }

    async fn a_second_answer_that_is_wrong_too_is_corrected(mesh) {
        store_facts(&mesh, FACTS, "retry").await;
        for stream in [false, true] {
            mesh.worker.push(Reply::text([WRONG_AT_ONCE]));
            mesh.worker.push(Reply::text([WRONG]));
            let said = post(&mesh, &asked(stream, &facts())).await.text().await.unwrap();
            assert!(said.contains("٨٩") && !said.contains("٧٩ ريال."), "{said}");
            let places = ["GUARDRAIL_RETRIED", "GUARDRAIL_CORRECTED"].map(|reason| said.find(reason));
            assert!(places[0].is_some() && places[0] < places[1] && !said.contains("NOT_RETRIED"), "{said}");
        }
        assert_eq!(mesh.worker.received().count(), 4, "never a third time");
        mesh.nothing_held().await;
        mesh.stop().await;
    }

    async fn where_the_quota_has_no_room_the_answer_is_corrected(mesh) {
        store_facts(&mesh, FACTS, "retry").await;
        let ask = || question("tiny-llama", "بكم العباية؟");
        cap(&mesh, 1, 10).await;
        mesh.worker.push(Reply::text([WRONG]));
        let answer = mesh.client().chat(whole(ask())).await.unwrap().into_inner();
        assert_eq!(text_of(&answer), RIGHT);
        assert_eq!(reasons(&answer), ["GUARDRAIL_CORRECTED", "GUARDRAIL_NOT_RETRIED"]);
        let mut told = vec![answer.finished.unwrap()];
        books_agree(&mesh, &told, 1).await;

        // The first answer of a stream still has its place among those at once.
        cap(&mesh, 10, 1).await;
        mesh.worker.push(Reply::text([WRONG_AT_ONCE]));
        let heard = listen(mesh.client().stream_chat(streamed(ask())).await.unwrap().into_inner()).await;
        assert!(heard.failure.is_none() && heard.text.contains("٨٩") && !heard.text.contains("٧٩"), "{heard:?}");
        told.push(heard.finished.unwrap());
        books_agree(&mesh, &told, 2).await;
        assert_eq!(mesh.worker.received().count(), 2);
        mesh.stop().await;
    }

    async fn a_second_answer_that_fails_leaves_the_first_one_corrected(mesh) {
        store_facts(&mesh, FACTS, "retry").await;
        let mut told = Vec::new();
        for (second, charges) in [
            (Reply::error(WorkerError::Other { status: 400, body: "{}".into() }), 1),
            (Reply::text(["سعر "]).fail(WorkerError::EngineDead), 3),
        ] {
            mesh.worker.push(Reply::text([WRONG]));
            mesh.worker.push(second);
            let answer = mesh.client().chat(whole(question("tiny-llama", "بكم العباية؟"))).await.unwrap().into_inner();
            assert_eq!(text_of(&answer), RIGHT);
            assert_eq!(reasons(&answer), ["GUARDRAIL_CORRECTED", "GUARDRAIL_NOT_RETRIED"]);
            told.push(answer.finished.unwrap());
            // What broke off is in the ledger, and nobody pays for it.
            books_agree(&mesh, &told, charges).await;
        }
        mesh.stop().await;
    }

    async fn a_hint_with_personal_data_in_it_is_not_sent(mesh) {
        store_facts(&mesh, FACTS, "retry").await;
        let token = "[[IBAN:XXXXXX]]".len();
        mesh.worker.respond_with(move |request| {
            let prompt = request.json.to_string();
            let code = prompt.find("[[IBAN:").map_or("SAVE50", |start| &prompt[start..start + token]);
            Reply::text([format!("استخدم كود {code} لخصم ٥٠٪.")])
        });
        let mut received = 0;
        // The wrong code is a part of the hint; it is the shopper's own number, restored, the second time.
        for (ask, questions, reason) in [
            ("عندكم كود؟", 2, "GUARDRAIL_RETRIED"),
            ("الايبان SA0380000000608010167519، عندكم كود؟", 1, "GUARDRAIL_NOT_RETRIED"),
        ] {
            let answer = mesh.client().chat(whole(question("tiny-llama", ask))).await.unwrap().into_inner();
            assert!(reasons(&answer).contains(&reason), "{ask}: {:?}", answer.notices);
            received += questions;
            assert_eq!(mesh.worker.received().count(), received, "{ask}");
        }
        mesh.nothing_held().await;
        mesh.stop().await;
    }
}
