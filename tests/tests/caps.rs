//! Caps under a race: three gateways and one quota admit exactly what fits, and the ledger says the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::net::SocketAddr;

use kaleem_proto::{
    accounts::v1::{CapAction, CreateMerchantRequest, IssueKeyRequest, Plan, Scope},
    chat::v1::GenerationOptions,
    gateway::v1::{ChatInput, ChatResponse, gateway_service_client::GatewayServiceClient},
    quota::v1::PutPolicyRequest,
};
use kaleem_rpc::Fault;
use kaleem_testkit::{Gate, openai_upstream as worker};
use kaleem_tests::{
    Layout, Mesh, Shape, Stores,
    ask::{question, whole},
};
use tonic::Status;

const RACERS: usize = 96;
const OUTPUT_TOKENS: u32 = 5;
const FAR: i64 = 1_000_000_000_000;

/// No cap in the way.
fn uncapped() -> Plan {
    Plan {
        plan_id: "race".into(),
        day_request_cap: FAR,
        month_token_cap: FAR,
        month_cost_nano_usd_cap: FAR,
        concurrent_request_cap: 1_000,
        on_cap: CapAction::Suspend.into(),
        ..Plan::default()
    }
}

/// A short question whose answer is bounded, so that every call holds the same.
fn short_question() -> ChatInput {
    let options = GenerationOptions {
        max_output_token_count: Some(i64::from(OUTPUT_TOKENS)),
        ..GenerationOptions::default()
    };
    ChatInput { options: Some(options), ..question("tiny-llama", "سؤال") }
}

struct Race {
    mesh: Mesh,
    gateways: Vec<SocketAddr>,
}

impl Race {
    async fn start(layout: Layout) -> Self {
        // The caps are to be in the way, not the worker.
        let roomy = |config: &mut kaleem::Config| config.provider_local.workers[0].max_in_flight = 2 * RACERS;
        let mut mesh = Mesh::start_with(layout, roomy).await;
        let gateways = vec![mesh.gateway, mesh.another_gateway().await, mesh.another_gateway().await];
        Self { mesh, gateways }
    }

    /// A merchant of its own under `plan`; its key.
    async fn merchant(&self, merchant_id: &str, plan: Plan) -> String {
        let merchant_id = merchant_id.to_owned();
        let made = CreateMerchantRequest {
            merchant_id: merchant_id.clone(),
            time_zone: "Asia/Riyadh".into(),
            external_providers_allowed: true,
            ..CreateMerchantRequest::default()
        };
        self.mesh.accounts().create_merchant(made).await.unwrap();
        let key = IssueKeyRequest {
            merchant_id: merchant_id.clone(),
            scopes: vec![Scope::Chat.into()],
            ..IssueKeyRequest::default()
        };
        let key = self.mesh.accounts().issue_key(key).await.unwrap().into_inner().api_key;
        let policy = PutPolicyRequest { merchant_id, plan: Some(plan), time_zone: "Asia/Riyadh".into() };
        self.mesh.quota().put_policy(policy).await.unwrap();
        key
    }

    fn ask(&self, racer: usize, key: &str) -> impl Future<Output = Result<ChatResponse, Status>> + use<> {
        let gateway = self.gateways[racer % self.gateways.len()];
        let mut client = GatewayServiceClient::new(self.mesh.connection_to(gateway, key));
        async move { Ok(client.chat(whole(short_question())).await?.into_inner()) }
    }

    /// All racers at once; how many were admitted, and what the first refusal said.
    async fn run(&self, key: &str) -> (i64, Fault) {
        let asks = (0..RACERS).map(|racer| self.ask(racer, key));
        let answers = futures::future::join_all(asks).await;
        let admitted = answers.iter().filter(|answer| answer.is_ok()).count();
        let refused = answers.into_iter().find_map(Result::err).expect("somebody is refused");
        (i64::try_from(admitted).unwrap(), Fault::from_status(&refused))
    }
}

/// What one call holds in tokens and nano-dollars, seen while it is in flight; its answer then uses exactly that.
async fn held_by_one(race: &Race) -> (i64, i64) {
    let key = race.merchant("one-alone", uncapped()).await;
    let gate = Gate::new();
    race.mesh.worker.push(worker::Reply::new().paced(&gate, ["نعم"]));
    let asking = tokio::task::JoinSet::from_iter([race.ask(0, &key)]);
    race.mesh.worker.received().nth(0).await;
    let tokens = race.mesh.quota_of_merchant("one-alone", "month_tokens").await.held;
    let cost = race.mesh.quota_of_merchant("one-alone", "month_cost_nano_usd").await.held;
    gate.open();
    asking.join_all().await.pop().unwrap().unwrap();
    (tokens, cost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_admit_exactly_what_fits_in_every_dimension() {
    admit_exactly_what_fits(Shape::Split.into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_admit_exactly_what_fits_on_production_stores() {
    admit_exactly_what_fits(Shape::Split.on(Stores::Production)).await;
}

async fn admit_exactly_what_fits(layout: Layout) {
    let race = Race::start(layout).await;
    let (tokens, cost_nano) = held_by_one(&race).await;
    assert!(tokens > i64::from(OUTPUT_TOKENS) && cost_nano > 0, "{tokens} tokens, {cost_nano} nano");
    let input = u32::try_from(tokens).unwrap() - OUTPUT_TOKENS;
    let used = worker::Usage::new(input, OUTPUT_TOKENS);
    race.mesh.worker.respond_with(move |_| worker::Reply::text(["نعم"]).usage(used));
    let cases = [
        ("day_requests", 1, Plan { day_request_cap: 1, ..uncapped() }),
        ("day_requests", 63, Plan { day_request_cap: 63, ..uncapped() }),
        ("month_tokens", 17, Plan { month_token_cap: 18 * tokens - 1, ..uncapped() }),
        ("month_cost_nano_usd", 40, Plan { month_cost_nano_usd_cap: 40 * cost_nano, ..uncapped() }),
    ];
    for (limit, admits, plan) in cases {
        let merchant = format!("race-{}-{admits}", limit.replace('_', "-"));
        let key = race.merchant(&merchant, plan).await;
        let (admitted, refusal) = race.run(&key).await;
        assert_eq!(admitted, admits, "{limit}: {refusal:?}");
        let named = refusal.metadata.get("limit").map(String::as_str);
        assert_eq!((refusal.reason.as_str(), named), ("QUOTA_EXCEEDED", Some(limit)), "{refusal:?}");
        // Quota and ledger agree on requests, tokens and money, and nothing is held.
        let ledger = race.mesh.ledger_of_merchant_with(&merchant, admits).await;
        assert_eq!(ledger.request_count, admits);
        for (dimension, posted) in [
            ("day_requests", admits),
            ("month_tokens", admits * tokens),
            ("month_cost_nano_usd", ledger.sell_pico_usd / 1_000),
        ] {
            let usage = race.mesh.quota_of_merchant(&merchant, dimension).await;
            assert_eq!((usage.posted, usage.held), (posted, 0), "{limit}: {dimension}");
        }
    }
    race.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_run_exactly_the_calls_at_once_that_a_plan_allows() {
    run_exactly_the_calls_at_once(Shape::Split.into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_run_exactly_the_calls_at_once_on_production_stores() {
    run_exactly_the_calls_at_once(Shape::Split.on(Stores::Production)).await;
}

async fn run_exactly_the_calls_at_once(layout: Layout) {
    const AT_ONCE: usize = 7;
    let race = Race::start(layout).await;
    let key = race.merchant("at-once", Plan { concurrent_request_cap: 7, ..uncapped() }).await;
    let gate = Gate::new();
    let gated = gate.clone();
    race.mesh.worker.respond_with(move |_| worker::Reply::new().paced(&gated, ["نعم"]));
    let mut asking: tokio::task::JoinSet<_> = (0..RACERS).map(|racer| race.ask(racer, &key)).collect();
    // Whoever is refused hears so while the others still wait at the gate.
    for _ in AT_ONCE..RACERS {
        let refused = asking.join_next().await.unwrap().unwrap().unwrap_err();
        assert_eq!(Fault::from_status(&refused).reason, "RATE_LIMITED");
    }
    let running = race.mesh.quota_of_merchant("at-once", "concurrent_requests").await;
    assert_eq!(running.held, 7);
    gate.open();
    for answered in asking.join_all().await {
        answered.unwrap();
    }
    assert_eq!(race.mesh.ledger_of_merchant_with("at-once", 7).await.request_count, 7);
    race.mesh.stop().await;
}
