use kaleem_domain::price::Rate;
use kaleem_proto::{
    provider::v1::{Model, ModelHealth},
    router::v1::PersonalDataClass,
};
use proptest::prelude::*;

use super::*;
use crate::gate::Gate;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn offer(target: &str, model: &str, health: ModelHealth) -> Offer {
    let region = if target == "provider-local" { "local" } else { "us" };
    let model = Model {
        id: model.into(),
        context_token_count: 1_000,
        max_output_token_count: 500,
        region: region.into(),
        health: health.into(),
        ..Model::default()
    };
    Offer { target: target.into(), quota_domain: "project-1".into(), at_home: region == "local", model }
}

fn price(target: &str, model: &str, sell: i64) -> PriceVersion {
    let rates = vec![Rate {
        book: Book::Sell,
        component: Component::OutputText,
        pico_usd_per_unit: sell,
        min_input_token_count: 0,
        service_tier: ServiceTier::Standard,
    }];
    PriceVersion {
        price_version: format!("{target}/{model}@0"),
        target: target.into(),
        model: model.into(),
        effective_time: Timestamp::from_millis(0),
        source: "test".into(),
        verified: true,
        rates,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        offers: vec![
            offer("provider-gemini", "flash", ModelHealth::Ready),
            offer("provider-local", "demo", ModelHealth::Ready),
        ],
        prices: vec![price("provider-gemini", "*", 300_000), price("provider-local", "*", 60_000)],
    }
}

fn features() -> RouteFeatures {
    RouteFeatures {
        merchant_id: "dukkan".into(),
        input_token_count: 100,
        external_providers_allowed: true,
        personal_data: PersonalDataClass::Redacted.into(),
        ..RouteFeatures::default()
    }
}

fn plan(features: &RouteFeatures, snapshot: &Snapshot) -> Result<Plan, Error> {
    let (policy, holds) = (Policy::default(), Holds::default());
    select(features, &Grounds { policy: &policy, snapshot, holds: &holds, now: NOW })
}

fn gate_of(error: Error, candidate: &str) -> Gate {
    let Error::NothingPermitted(rejections) = error else { panic!("{error}") };
    rejections.into_iter().find(|r| r.candidate == candidate).unwrap().gate
}

#[test]
fn the_default_goes_to_gemini_and_fails_over_to_local() {
    let plan = plan(&features(), &snapshot()).unwrap();
    assert_eq!((plan.primary.target.as_str(), plan.primary.rung.as_str()), ("provider-gemini", "static"));
    assert_eq!(plan.failovers.len(), 1);
    assert_eq!((plan.failovers[0].model.as_str(), plan.failovers[0].rung.as_str()), ("demo", "failover"));
}

#[test]
fn failover_leaves_the_target_before_it_tries_another_model_there() {
    let mut snapshot = snapshot();
    snapshot.offers.insert(1, offer("provider-gemini", "pro", ModelHealth::Ready));
    let plan = plan(&features(), &snapshot).unwrap();
    let failovers: Vec<_> = plan.failovers.iter().map(|step| step.model.as_str()).collect();
    assert_eq!(failovers, ["demo", "pro"]);
}

#[test]
fn faq_goes_to_the_local_pool() {
    let plan = plan(&RouteFeatures { task: "faq".into(), ..features() }, &snapshot()).unwrap();
    assert_eq!(plan.primary.target, "provider-local");
    assert!(plan.reason.contains("worker tasks"), "{}", plan.reason);
}

#[test]
fn a_down_target_is_passed_over_with_its_reason() {
    let mut snapshot = snapshot();
    snapshot.offers[0].model.health = ModelHealth::Down.into();
    let plan = plan(&features(), &snapshot).unwrap();
    assert_eq!(plan.primary.model, "demo");
    assert!(plan.reason.contains("provider-gemini/flash was passed over"), "{}", plan.reason);
}

#[test]
fn sensitive_or_restricted_prompts_stay_local() {
    let sensitive = RouteFeatures { personal_data: PersonalDataClass::Sensitive.into(), ..features() };
    assert_eq!(plan(&sensitive, &snapshot()).unwrap().primary.target, "provider-local");
    let restricted = RouteFeatures { external_providers_allowed: false, model: "flash".into(), ..features() };
    let refused = plan(&restricted, &snapshot()).unwrap_err();
    assert_eq!(gate_of(refused, "provider-gemini/flash"), Gate::ExternalNotAllowed);
}

#[test]
fn a_model_without_a_price_is_no_candidate() {
    let mut snapshot = snapshot();
    snapshot.prices.clear();
    let refused = plan(&features(), &snapshot).unwrap_err();
    assert_eq!(gate_of(refused, "provider-local/demo"), Gate::PriceUnknown);
}

#[test]
fn unknown_models_name_the_known_ones() {
    let asked = RouteFeatures { model: "gpt-9".into(), ..features() };
    let Error::ModelNotFound { known, .. } = plan(&asked, &snapshot()).unwrap_err() else { panic!() };
    assert_eq!(known, "auto, flash, demo");
}

#[test]
fn a_request_too_long_for_every_model_says_so() {
    let long = RouteFeatures { input_token_count: 5_000, ..features() };
    let fault = kaleem_rpc::Fault::from(plan(&long, &snapshot()).unwrap_err());
    assert_eq!(fault.reason, "CONTEXT_LENGTH_EXCEEDED");
}

#[test]
fn near_the_cap_the_cheaper_candidate_comes_first() {
    let near = RouteFeatures { posture: QuotaPosture::NearCap.into(), ..features() };
    assert_eq!(plan(&near, &snapshot()).unwrap().primary.target, "provider-local");
}

#[test]
fn the_fee_of_a_call_is_told_for_the_hold_and_makes_a_model_dear() {
    let mut snapshot = snapshot();
    let fee = |book, pico_usd_per_unit, min_input_token_count| Rate {
        book,
        component: Component::Request,
        pico_usd_per_unit,
        min_input_token_count,
        service_tier: ServiceTier::Standard,
    };
    let fees = [fee(Book::Sell, 7, 0), fee(Book::Sell, 100_000_000_000, 50), fee(Book::Cost, 9, 0)];
    snapshot.prices[1].rates.extend(fees);
    let near = RouteFeatures { posture: QuotaPosture::NearCap.into(), ..features() };
    let plan = plan(&near, &snapshot).unwrap();
    assert_eq!(plan.primary.target, "provider-gemini", "the local model is dearer by its fee");
    let local = &plan.failovers[0];
    assert_eq!((local.request_pico_usd, local.request_cost_pico_usd), (100_000_000_000, 9));
    assert_eq!(local.expected_cost_pico_usd, 100_000_000_000 + 256 * 60_000);
    assert_eq!((plan.primary.request_pico_usd, plan.primary.request_cost_pico_usd), (0, 0));
}

#[test]
fn a_held_upstream_is_not_tried() {
    let holds = Holds::default();
    holds.hold("provider-gemini", "flash", std::time::Duration::from_secs(5), NOW);
    let (policy, snapshot) = (Policy::default(), snapshot());
    let grounds = Grounds { policy: &policy, snapshot: &snapshot, holds: &holds, now: NOW };
    assert_eq!(select(&features(), &grounds).unwrap().primary.target, "provider-local");
}

#[test]
fn what_may_be_left_stays_with_us_or_in_a_home_region() {
    let asked = RouteFeatures { personal_data: PersonalDataClass::Sensitive.into(), ..features() };
    let mut snapshot = snapshot();
    let served = |snapshot: &Snapshot, asked: &RouteFeatures| {
        let plan = plan(asked, snapshot).unwrap();
        [&plan.primary].into_iter().chain(&plan.failovers).map(|step| step.target.clone()).collect::<Vec<_>>()
    };
    assert_eq!(served(&snapshot, &asked), ["provider-local"]);
    snapshot.offers[0].at_home = true;
    assert_eq!(served(&snapshot, &asked), ["provider-gemini", "provider-local"]);
    // A home region is not our own machines: who wants no external provider gets none.
    let private = RouteFeatures { external_providers_allowed: false, ..asked };
    assert_eq!(served(&snapshot, &private), ["provider-local"]);
}

#[test]
fn a_failure_repeats_names_of_models_and_nothing_else() {
    for name in [
        "gpt-4o",
        "claude-sonnet-4-20250514",
        "provider-local/qwen2.5-0.5b-instruct",
        "accounts/fireworks/models/llama-v3p1-405b",
    ] {
        assert!(is_name(name), "{name}");
    }
    for other in [
        "0551234567",
        "sara@example.com",
        "my number is 0551234567",
        "phone-0551234567",
        "tel:055-123-4567",
        "phone-66123456",
        "جوالي",
        "sk-proj-abcdefghijklmnopqrstuvwxyz0123",
        "SA0380000000608010167519",
        "",
        "203.0.113.9",
        &"a-".repeat(50),
    ] {
        assert!(!is_name(other), "{other}");
        let asked = RouteFeatures { model: other.into(), ..features() };
        if let Err(error @ Error::ModelNotFound { .. }) = plan(&asked, &snapshot()) {
            let fault = kaleem_rpc::Fault::from(error);
            assert!(!fault.to_string().contains(other) && !fault.metadata.contains_key("model"), "{fault}");
        }
    }
}

proptest! {
    /// Whatever the request, no step of a plan is a candidate that the gate removed.
    #[test]
    fn plans_never_contain_what_the_gate_refused(
        down in any::<[bool; 2]>(),
        external in any::<bool>(),
        personal in 0i32..4,
        posture in 0i32..6,
        input in 0i64..2_000,
        allowed in proptest::option::of("flash|demo|other"),
        excluded in proptest::option::of("provider-local/demo|provider-gemini/flash"),
    ) {
        let mut snapshot = snapshot();
        for (offer, down) in snapshot.offers.iter_mut().zip(down) {
            offer.model.health = if down { ModelHealth::Down } else { ModelHealth::Ready }.into();
        }
        let features = RouteFeatures {
            external_providers_allowed: external,
            personal_data: personal,
            posture,
            input_token_count: input,
            allowed_models: allowed.into_iter().collect(),
            excluded_candidates: excluded.into_iter().collect(),
            ..features()
        };
        let holds = Holds::default();
        let inputs = Inputs { features: &features, prices: &snapshot.prices, holds: &holds, now: NOW };
        let refused: Vec<_> = snapshot.offers.iter().filter_map(|o| inputs.admit(o).err()).map(|r| r.candidate).collect();
        if let Ok(plan) = plan(&features, &snapshot) {
            for step in std::iter::once(&plan.primary).chain(&plan.failovers) {
                let candidate = format!("{}/{}", step.target, step.model);
                prop_assert!(!refused.contains(&candidate));
            }
        } else {
            prop_assert_eq!(refused.len(), snapshot.offers.len());
        }
    }
}
