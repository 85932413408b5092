//! What a call costs beside plain tokens, through all services: its fee, pictures, and the discount of a batch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::time::Duration;

use kaleem_domain::Clock as _;
use kaleem_proto::{
    billing::v1::{
        PriceBook, PriceComponent, PriceVersion, PutPriceVersionRequest, VerifyLedgerRequest,
        price_version::Rate,
    },
    chat::v1::{ServiceTier, TokenUsage},
    gateway::v1::ChatInput,
    provider::v1::Priority,
};
use kaleem_rpc::convert;
use kaleem_runtime::SystemClock;
use kaleem_testkit::gemini_upstream::{Reply, Usage};
use kaleem_tests::{
    Mesh, Shape,
    ask::{listen, question, streamed, whole},
    in_every_layout,
};

const MODEL: &str = "gemini-2.5-flash-lite";
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
/// A cent a call, and a pico-dollar prime a token, so that a token too many or too few shows.
const FEE: i64 = 10_000_000_000;
const INPUT: i64 = 100_003;
const IMAGE: i64 = 200_003;
const OUTPUT: i64 = 400_009;
const BATCH_INPUT: i64 = 50_021;

fn version() -> PriceVersion {
    let rate = |component: PriceComponent, pico_usd_per_unit, tier: ServiceTier| Rate {
        book: PriceBook::Cost.into(),
        component: component.into(),
        pico_usd_per_unit,
        min_input_token_count: 0,
        service_tier: tier.into(),
    };
    PriceVersion {
        price_version: "lite@fee".into(),
        target: "provider-gemini".into(),
        model: MODEL.into(),
        effective_time: Some(convert::timestamp(SystemClock.now())),
        source: "test".into(),
        verified: true,
        rates: vec![
            rate(PriceComponent::InputFresh, INPUT, ServiceTier::Standard),
            rate(PriceComponent::InputFresh, BATCH_INPUT, ServiceTier::Batch),
            rate(PriceComponent::InputImage, IMAGE, ServiceTier::Standard),
            rate(PriceComponent::OutputText, OUTPUT, ServiceTier::Standard),
            rate(PriceComponent::Request, FEE, ServiceTier::Standard),
        ],
    }
}

fn counts() -> Usage {
    Usage { image: 258, ..Usage::new(300, 40) }
}

/// Adds the version, and asks until it is in force. How many calls that took, and what they cost.
async fn priced(mesh: &Mesh) -> (i64, i64) {
    let request = PutPriceVersionRequest { version: Some(version()) };
    mesh.billing().put_price_version(request).await.unwrap();
    let (mut calls, mut cost) = (0, 0);
    let known = async {
        loop {
            mesh.gemini.push(Reply::text(["نعم."]).usage(counts()));
            let answer = mesh.client().chat(whole(question(MODEL, "متاح؟"))).await.unwrap().into_inner();
            let last = answer.finished.unwrap().cost_pico_usd;
            (calls, cost) = (calls + 1, cost + last);
            if last > FEE {
                return;
            }
        }
    };
    tokio::time::timeout(KNOWN_WITHIN, known).await.expect("the router hears of the new price");
    (calls, cost)
}

in_every_layout! {
    async fn a_call_costs_its_fee_and_each_token_its_own_price(mesh) {
        let (calls, cost) = priced(&mesh).await;
        let standard = FEE + 42 * INPUT + 258 * IMAGE + 40 * OUTPUT;

        mesh.gemini.push(Reply::text(["نعم، ", "متاح."]).usage(counts()));
        let events = mesh.client().stream_chat(streamed(question(MODEL, "متاح؟"))).await.unwrap().into_inner();
        let heard = listen(events).await;
        let finished = heard.finished.expect("the answer came whole");
        assert_eq!(finished.cost_pico_usd, standard);
        assert_eq!(finished.usage.unwrap().input_image_count, 258);

        // A stream that breaks off owes the fee too.
        mesh.gemini.push(Reply::text(["نعم، "]).usage(counts()).cut());
        let events = mesh.client().stream_chat(streamed(question(MODEL, "متاح؟"))).await.unwrap().into_inner();
        assert!(listen(events).await.failure.is_some());
        mesh.nothing_held().await;

        let ledger = mesh.ledger_with(calls + 2).await;
        let cut = ledger.sell_pico_usd - cost - standard;
        assert!(cut > FEE && cut <= standard, "{cut}");
        let quota = mesh.quota_of("month_cost_nano_usd").await.posted * 1_000 - ledger.sell_pico_usd;
        assert!((0..ledger.request_count * 1_000).contains(&quota), "quota rounds up by less than a nano an event");
        let verdict = mesh.billing().verify_ledger(VerifyLedgerRequest {}).await.unwrap().into_inner();
        assert_eq!((verdict.faults, verdict.suspect_count), (vec![], 0));
        mesh.stop().await;
    }
}

async fn asked(mesh: &Mesh, priority: Priority) -> (TokenUsage, i64) {
    mesh.gemini.push(Reply::text(["نعم."]).usage(Usage::new(300, 40)));
    let input = ChatInput { priority: priority.into(), ..question(MODEL, "متاح؟") };
    let finished = mesh.client().chat(whole(input)).await.unwrap().into_inner().finished.unwrap();
    (finished.usage.unwrap(), finished.cost_pico_usd)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_sent_in_the_flex_tier_and_billed_by_what_served_it() {
    let flex = |config: &mut kaleem::Config| {
        config.provider_gemini.models.iter_mut().for_each(|model| model.batch_in_flex = true);
    };
    let mesh = Mesh::start_with(Shape::AllInOne, flex).await;
    priced(&mesh).await;
    let (usage, cost) = asked(&mesh, Priority::Interactive).await;
    assert_eq!((usage.service_tier(), cost), (ServiceTier::Standard, FEE + 300 * INPUT + 40 * OUTPUT));
    let (usage, cost) = asked(&mesh, Priority::Batch).await;
    assert_eq!(usage.service_tier(), ServiceTier::Batch);
    assert_eq!(cost, FEE + 300 * BATCH_INPUT + 40 * OUTPUT, "output has no price of its own in batches");
    let received = mesh.gemini.received().all();
    let asked = received.iter().filter(|request| request.json.get("contents").is_some());
    let tiers: Vec<_> = asked.map(|request| request.json["serviceTier"].clone()).collect();
    assert_eq!(tiers.last().unwrap(), "flex");
    assert!(tiers[..tiers.len() - 1].iter().all(serde_json::Value::is_null), "{tiers:?}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_that_do_not_add_up_are_charged_and_seen_by_the_operator() {
    let mesh = Mesh::start(Shape::AllInOne).await;
    mesh.gemini.push(Reply::text(["نعم."]).usage(Usage { unexplained: 17, ..Usage::new(300, 40) }));
    let answer = mesh.client().chat(whole(question(MODEL, "متاح؟"))).await.unwrap().into_inner();
    let usage = answer.finished.unwrap().usage.unwrap();
    assert_eq!((usage.input_fresh_count, usage.output_text_count, usage.unexplained_count), (300, 40, 17));
    mesh.ledger_with(1).await;
    let verdict = mesh.billing().verify_ledger(VerifyLedgerRequest {}).await.unwrap().into_inner();
    assert_eq!((verdict.suspect_count, verdict.faults), (1, vec![]));
    mesh.stop().await;
}
