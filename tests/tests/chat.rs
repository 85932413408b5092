//! The main job: a question goes through every stage and the answer comes back whole, restored and billed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::time::Duration;

use kaleem_domain::{Clock as _, RequestId};
use kaleem_proto::{
    billing::v1::{GetUsageSummaryRequest, ListUsageEventsRequest, UsageStatus},
    quota::v1::{GetUsageRequest, GrantTopUpRequest},
};
use kaleem_rpc::Fault;
use kaleem_runtime::config::Span;
use kaleem_testkit::{Gate, gemini_upstream as gemini, openai_upstream as worker};
use kaleem_tests::{
    MERCHANT, Mesh, Shape,
    ask::{listen, question, streamed, text_of, whole},
    in_every_layout,
};
use tonic::Request;

const PHONE: &str = "٠٥٥١٢٣٤٥٦٧";

in_every_layout! {
    async fn an_arabic_question_is_answered_restored_and_billed(mesh) {
        mesh.worker.push(worker::Reply::echo().usage(worker::Usage::new(300, 150)));
        let input = question("tiny-llama", &format!("هل تشحنون إلى جدة؟ رقمي {PHONE}"));
        let heard = listen(mesh.client().stream_chat(streamed(input)).await.unwrap().into_inner()).await;
        assert!(heard.failure.is_none(), "{heard:?}");
        assert!(heard.text.contains(PHONE), "the number is restored: {}", heard.text);
        assert_eq!((heard.order.first(), heard.order.last()), (Some(&"started"), Some(&"finished")));
        assert_eq!(heard.order.iter().filter(|event| **event == "finished").count(), 1);

        let seen = mesh.worker.received().nth(0).await;
        let prompt = seen.json.to_string();
        assert!(!prompt.contains(PHONE) && !prompt.contains("551234567"), "{prompt}");
        assert!(prompt.contains("[[PHONE:"), "{prompt}");

        let finished = heard.finished.unwrap();
        // 300 × 20,000 + 150 × 60,000 pico: the local pool's sell price of the shipped book.
        assert_eq!(finished.cost_pico_usd, 300 * 20_000 + 150 * 60_000);
        let stages: Vec<_> = finished.stages.iter().map(|stage| stage.stage.as_str()).collect();
        assert_eq!(stages, ["authenticate", "redact", "route", "reserve", "invoke", "stream", "settle"]);
        let left = finished.quota_left.unwrap();
        assert_eq!((left.day_request_count, left.month_token_count), (1_999, 20_000_000 - 450));

        let ledger = mesh.ledger_with(1).await;
        assert_eq!((ledger.request_count, ledger.sell_pico_usd), (1, finished.cost_pico_usd));
        let tokens = mesh.quota_of("month_tokens").await;
        assert_eq!((tokens.posted, tokens.held), (450, 0));
        mesh.stop().await;
    }

    async fn gemini_answers_whole_and_is_billed_by_its_own_price(mesh) {
        mesh.gemini.push(gemini::Reply::text(["نعم، ", "نشحن إلى جدة."]).usage(gemini::Usage::new(300, 150)));
        let answer = mesh.client().chat(whole(question("gemini-2.5-flash-lite", "هل تشحنون؟"))).await.unwrap().into_inner();
        assert_eq!(text_of(&answer), "نعم، نشحن إلى جدة.");
        let route = answer.route.unwrap();
        assert_eq!((route.rung.as_str(), route.failed_over), ("static", false));
        let ledger = mesh.ledger_with(1).await;
        assert_eq!(ledger.sell_pico_usd, answer.finished.unwrap().cost_pico_usd);
        assert!(ledger.sell_pico_usd > 0);
        mesh.stop().await;
    }

    async fn a_caller_that_leaves_stops_the_upstream_and_pays_for_what_came(mesh) {
        let gate = Gate::new();
        mesh.worker.push(worker::Reply::text(["واحد "]).paced(&gate, ["اثنان", "ثلاثة"]));
        let mut events =
            mesh.client().stream_chat(streamed(question("tiny-llama", "عد"))).await.unwrap().into_inner();
        while !matches!(
            events.message().await.unwrap().unwrap().event,
            Some(kaleem_proto::gateway::v1::stream_chat_response::Event::Text(_))
        ) {}
        drop(events);
        let request = mesh.worker.received().nth(0).await;
        request.exchange.disconnected().await;
        mesh.nothing_held().await;
        let ledger = mesh.ledger_with(1).await;
        let usage = ledger.usage.unwrap();
        assert!(usage.input_fresh_count > 0 && usage.output_text_count > 0, "{usage:?}");
        assert_eq!(mesh.quota_of("day_requests").await.posted, 1);
        mesh.stop().await;
    }

    async fn a_failure_before_content_fails_over_and_says_so(mesh) {
        mesh.gemini.push(gemini::Reply::error(gemini::ApiError::overloaded()));
        mesh.worker.push(worker::Reply::text(["من عندنا"]));
        let answer = mesh.client().chat(whole(question("auto", "اشرح لي"))).await.unwrap().into_inner();
        assert_eq!((text_of(&answer).as_str(), answer.served_model.as_str()), ("من عندنا", "tiny-llama"));
        let route = answer.route.unwrap();
        assert!(route.failed_over && route.rung == "failover", "{route:?}");
        assert_eq!(answer.notices[0].reason, "FAILED_OVER");
        mesh.nothing_held().await;
        assert_eq!(mesh.ledger_with(1).await.request_count, 1);
        assert_eq!(mesh.quota_of("day_requests").await.posted, 1);
        mesh.stop().await;
    }

    async fn a_failure_after_content_is_a_failure_and_what_came_is_billed(mesh) {
        mesh.worker.push(worker::Reply::text(["نصف ", "جواب"]).fail(worker::WorkerError::EngineDead));
        let heard = listen(
            mesh.client().stream_chat(streamed(question("tiny-llama", "سؤال"))).await.unwrap().into_inner(),
        ).await;
        assert!(heard.text.starts_with("نصف"), "{heard:?}");
        assert!(heard.finished.is_none(), "no clean end after a failure");
        let fault = Fault::from_status(&heard.failure.expect("the failure shows"));
        assert_eq!(fault.metadata["stage"], "stream");
        mesh.nothing_held().await;
        assert!(mesh.ledger_with(1).await.usage.unwrap().output_text_count > 0);
        mesh.stop().await;
    }

    async fn many_that_ask_under_one_id_get_one_answer_and_one_charge(mesh) {
        mesh.worker.respond_with(|_| worker::Reply::text(["نعم"]));
        let under = |id: RequestId| {
            let mut request = Request::new(whole(question("tiny-llama", "سؤال")));
            request.metadata_mut().insert("x-kaleem-request-id", id.to_string().parse().unwrap());
            let mut client = mesh.client();
            async move { client.chat(request).await.map_err(|status| Fault::from_status(&status)) }
        };
        let now = kaleem_runtime::SystemClock.now();
        let id = RequestId::new(now);
        let answers = futures::future::join_all((0..8).map(|_| under(id))).await;
        let refusals: Vec<_> = answers.into_iter().filter_map(Result::err).map(|fault| fault.reason).collect();
        assert_eq!(refusals, ["REQUEST_ID_REUSED"; 7]);
        assert_eq!((mesh.worker.received().count(), mesh.ledger_with(1).await.request_count), (1, 1));
        // Older ids may be forgotten, and a charge under them would be taken for one that is known.
        for wrong in [now.plus_millis(-301_000), now.plus_millis(70_000)] {
            let fault = under(RequestId::new(wrong)).await.unwrap_err();
            assert_eq!((fault.reason.as_str(), fault.field_violations[0].field.as_str()), ("REQUEST_INVALID", "x-kaleem-request-id"));
        }
        mesh.nothing_held().await;
        mesh.stop().await;
    }

    async fn the_cap_admits_exactly_its_number(mesh) {
        use kaleem_proto::{accounts::v1::{CapAction, Plan}, quota::v1::PutPolicyRequest};
        let plan = Plan {
            plan_id: "tiny".into(), day_request_cap: 5, month_token_cap: 1_000_000, month_cost_nano_usd_cap: 1_000_000_000,
            concurrent_request_cap: 100, on_cap: CapAction::Suspend.into(), ..Plan::default()
        };
        let policy = PutPolicyRequest { merchant_id: MERCHANT.into(), plan: Some(plan), time_zone: "Asia/Riyadh".into() };
        mesh.quota().put_policy(policy).await.unwrap();
        mesh.worker.respond_with(|_| worker::Reply::text(["نعم"]));
        let asks = (0..20).map(|_| {
            let mut client = mesh.client();
            async move { client.chat(whole(question("tiny-llama", "سؤال"))).await }
        });
        let answers = futures::future::join_all(asks).await;
        let admitted = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(admitted, 5);
        let refused = answers.into_iter().find_map(Result::err).unwrap();
        let fault = Fault::from_status(&refused);
        assert_eq!((fault.reason.as_str(), fault.metadata["limit"].as_str()), ("QUOTA_EXCEEDED", "day_requests"));
        assert!(fault.metadata.contains_key("reset_time"), "{fault:?}");
        let said = fault.localized.unwrap();
        assert_eq!(said.locale, "ar");
        assert!(said.message.contains("حد الطلبات اليومية") && said.message.contains(" من 5"), "{said:?}");
        mesh.nothing_held().await;
        assert_eq!(mesh.ledger_with(5).await.request_count, 5);
        mesh.stop().await;
    }
}

/// The provider had the request and may bill it: our cost and the merchant's tokens, but no charge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_shows_nothing_in_time_is_our_cost_and_no_charge() {
    for shape in [Shape::AllInOne, Shape::Split] {
        let patience = Span::millis(300);
        let mesh = Mesh::start_with(shape, |config| config.gateway.first_token_timeout = patience).await;
        mesh.worker.push(worker::Reply::new().stall());
        let refused = mesh.client().chat(whole(question("tiny-llama", "سؤال"))).await.unwrap_err();
        let fault = Fault::from_status(&refused);
        assert_eq!((fault.reason.as_ref(), fault.metadata["stage"].as_str()), ("UPSTREAM_TIMEOUT", "invoke"));
        mesh.nothing_held().await;
        let ledger = mesh.ledger_with(1).await;
        assert_eq!((ledger.request_count, ledger.sell_pico_usd), (1, 0));
        assert!(ledger.usage.unwrap().input_fresh_count > 0);
        let request =
            ListUsageEventsRequest { merchant_id: MERCHANT.into(), ..ListUsageEventsRequest::default() };
        let events = mesh.billing().list_usage_events(request).await.unwrap().into_inner().events;
        assert_eq!(events[0].event.as_ref().unwrap().status(), UsageStatus::FailedBilled);
        assert_eq!(mesh.quota_of("month_cost_nano_usd").await.posted, 0);
        assert!(mesh.quota_of("month_tokens").await.posted > 0);
        mesh.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_whose_connection_breaks_before_it_shows_anything_is_our_cost_and_another_model_serves() {
    for shape in [Shape::AllInOne, Shape::Split] {
        let mesh = Mesh::start(shape).await;
        mesh.gemini.push(gemini::Reply::empty().cut());
        mesh.worker.push(worker::Reply::text(["من عندنا"]));
        let answer = mesh.client().chat(whole(question("auto", "اشرح لي"))).await.unwrap().into_inner();
        assert_eq!(text_of(&answer), "من عندنا");
        mesh.nothing_held().await;
        mesh.ledger_with(2).await;
        let request =
            ListUsageEventsRequest { merchant_id: MERCHANT.into(), ..ListUsageEventsRequest::default() };
        let listed = mesh.billing().list_usage_events(request).await.unwrap().into_inner().events;
        let mut charges: Vec<_> = listed
            .iter()
            .map(|recorded| (recorded.event.as_ref().unwrap().status(), recorded.sell_pico_usd > 0))
            .collect();
        charges.sort_unstable_by_key(|(status, _)| *status as i32);
        assert_eq!(charges, [(UsageStatus::Ok, true), (UsageStatus::FailedBilled, false)]);
        mesh.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_whose_rate_is_used_up_is_not_asked_and_another_model_serves() {
    for shape in [Shape::AllInOne, Shape::Split] {
        let limits = "projects = [{ quota_domain = 'shop-prod', limits = { minute_requests = 2 } }]";
        let limited = |config: &mut kaleem::Config| {
            config.quota.upstream = toml::from_str(limits).unwrap();
            config.router.quota_domains.insert("provider-gemini".into(), "shop-prod".into());
        };
        let mesh = Mesh::start_with(shape, limited).await;
        mesh.worker.respond_with(|_| worker::Reply::text(["من عندنا"]));
        for _ in 0..2 {
            mesh.gemini.push(gemini::Reply::text(["من جيميناي"]));
        }
        let mut served = Vec::new();
        for _ in 0..3 {
            let answer = mesh.client().chat(whole(question("auto", "اشرح لي"))).await.unwrap().into_inner();
            served.push(text_of(&answer));
        }
        assert_eq!(served, ["من جيميناي", "من جيميناي", "من عندنا"]);
        assert_eq!(mesh.gemini.received().count(), 2, "the provider never had to refuse");
        mesh.nothing_held().await;
        assert_eq!(mesh.ledger_with(3).await.request_count, 3);
        mesh.stop().await;
    }
}

/// What the project `shop-prod` was posted, what it holds and what it may cost.
async fn shop_prod(mesh: &Mesh) -> (i64, i64, i64) {
    let request = GetUsageRequest { merchant_id: "upstream/shop-prod".into() };
    let usage = mesh.quota().get_usage(request).await.unwrap().into_inner();
    let money = usage.dimensions.iter().find(|dimension| dimension.name == "month_cost_nano_usd").unwrap();
    (money.posted, money.held, money.cap)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_at_its_spend_cap_is_passed_over_until_the_cap_is_raised_and_costs_what_the_ledger_says() {
    for shape in [Shape::AllInOne, Shape::Split] {
        let capped = |config: &mut kaleem::Config| {
            let spend = "spend = [{ quota_domain = 'shop-prod', month_cost_nano_usd = 1 }]";
            config.quota.upstream = toml::from_str(spend).unwrap();
            config.router.quota_domains.insert("provider-gemini".into(), "shop-prod".into());
        };
        let mesh = Mesh::start_with(shape, capped).await;
        mesh.worker.respond_with(|_| worker::Reply::text(["من عندنا"]));
        mesh.gemini.push(gemini::Reply::text(["من جيميناي"]));
        let ask = async || {
            let answer = mesh.client().chat(whole(question("auto", "اشرح لي"))).await.unwrap();
            text_of(&answer.into_inner())
        };
        assert_eq!(ask().await, "من عندنا");
        assert_eq!((mesh.gemini.received().count(), shop_prod(&mesh).await), (0, (0, 0, 1)));

        let raise = GrantTopUpRequest {
            op_id: "raise-1".into(),
            merchant_id: "upstream/shop-prod".into(),
            cost_nano_usd: 1_000_000_000,
            token_count: 0,
        };
        mesh.quota().grant_top_up(raise).await.unwrap();
        let mut asked = 1;
        let served = async {
            // The router passes the project over for a moment after its refusal.
            loop {
                asked += 1;
                if ask().await == "من جيميناي" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), served).await.expect("the project serves within 30 s");
        mesh.nothing_held().await;
        mesh.ledger_with(asked).await;
        let window_id = month_in_los_angeles();
        let request = GetUsageSummaryRequest {
            upstream: "shop-prod".into(),
            window_id,
            time_zone: "America/Los_Angeles".into(),
            ..Default::default()
        };
        let ledger = mesh.billing().get_usage_summary(request).await.unwrap().into_inner();
        assert_eq!(ledger.request_count, 1);
        assert!(ledger.cost_pico_usd > 0);
        let posted = (ledger.cost_pico_usd + 999) / 1_000;
        assert_eq!(shop_prod(&mesh).await, (posted, 0, 1_000_000_001));
        mesh.stop().await;
    }
}

fn month_in_los_angeles() -> String {
    let zone = kaleem_domain::window::Zone::parse("America/Los_Angeles").unwrap();
    zone.month(kaleem_runtime::SystemClock.now()).unwrap().id
}
