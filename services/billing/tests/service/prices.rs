//! The price book: seeded, added to, never changed.

use std::time::Duration;

use kaleem_proto::{
    billing::v1::{self as proto, PriceBook, PriceComponent},
    chat::v1::{ServiceTier, TokenUsage},
};
use kaleem_rpc::{Code, Fault, convert};

use crate::{
    backend::{Backend, on_both_stores},
    harness::{LITE, LOCAL, NOW, Service, assert_fault, assert_invalid},
};

fn rate(book: PriceBook, component: PriceComponent, pico_usd_per_unit: i64) -> proto::price_version::Rate {
    let (book, component) = (book.into(), component.into());
    let service_tier = ServiceTier::Standard.into();
    proto::price_version::Rate { book, component, pico_usd_per_unit, min_input_token_count: 0, service_tier }
}

fn version(id: &str) -> proto::PriceVersion {
    proto::PriceVersion {
        price_version: id.into(),
        target: "provider-local".into(),
        model: "*".into(),
        effective_time: Some(convert::timestamp(NOW.plus_millis(1_000))),
        source: "the operator".into(),
        verified: true,
        rates: both_books(|book, picos: [i64; 2]| {
            let components = [PriceComponent::InputFresh, PriceComponent::OutputText];
            components.into_iter().zip(picos).map(|(component, pico)| rate(book, component, pico)).collect()
        }),
    }
}

/// Given away by the provider, and sold for 30,000 and 90,000 pico.
fn both_books(
    of: impl Fn(PriceBook, [i64; 2]) -> Vec<proto::price_version::Rate>,
) -> Vec<proto::price_version::Rate> {
    [of(PriceBook::Cost, [0, 0]), of(PriceBook::Sell, [30_000, 90_000])].concat()
}

/// As it is listed: with the components that it leaves out.
fn whole(id: &str) -> proto::PriceVersion {
    use PriceComponent::{
        InputAudio, InputCacheRead, InputCacheWrite, InputCacheWrite1h, InputFresh, InputImage, InputTool,
        OutputReasoning, OutputText,
    };
    let rates = both_books(|book, [input, output]| {
        let inputs = [InputFresh, InputCacheRead, InputCacheWrite, InputTool].map(|input| (input, false));
        let outputs = [OutputText, OutputReasoning].map(|output| (output, true));
        let later = [InputImage, InputAudio, InputCacheWrite1h].map(|input| (input, false));
        let all = inputs.into_iter().chain(outputs).chain(later);
        all.map(|(component, is_output)| rate(book, component, if is_output { output } else { input }))
            .collect()
    });
    proto::PriceVersion { rates, ..version(id) }
}

async fn put(service: &mut Service, version: proto::PriceVersion) -> Result<(), Fault> {
    let answer =
        service.client.put_price_version(proto::PutPriceVersionRequest { version: Some(version) }).await;
    answer.map(|_| ()).map_err(|status| Fault::from_status(&status))
}

async fn list(service: &mut Service, include_superseded: bool) -> Vec<proto::PriceVersion> {
    let request = proto::ListPricesRequest { include_superseded };
    service.client.list_prices(request).await.unwrap().into_inner().versions
}

async fn ids(service: &mut Service, include_superseded: bool) -> Vec<String> {
    list(service, include_superseded).await.into_iter().map(|version| version.price_version).collect()
}

async fn a_new_store_has_the_shipped_prices_and_superseded_ones_on_demand(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let all = [
        "gemini-2.5-flash@2026-10-07",
        "gemini-2.5-flash-lite@2025-10-03",
        "gemini-2.5-flash-lite@2026-10-07",
        "gemini-3.5-flash-lite@2026-10-07",
        "gemini-3.8-flash@2026-10-07",
        "gemini-3.8-flash@2027-01-01",
        LOCAL,
    ];
    assert_eq!(ids(&mut service, true).await, all);
    let current: Vec<_> = all.into_iter().filter(|id| *id != "gemini-2.5-flash-lite@2025-10-03").collect();
    assert_eq!(ids(&mut service, false).await, current, "what is in force now or later");
    service.clock.advance(Duration::from_hours(60 * 24));
    assert!(!ids(&mut service, false).await.contains(&"gemini-3.8-flash@2026-10-07".to_owned()));
}

async fn a_version_comes_back_whole_and_survives_a_restart(backend: &Backend) {
    let mut service = Service::start(backend).await;
    put(&mut service, version("local@2")).await.unwrap();
    let mut service = service.restart().await;
    let listed = list(&mut service, true).await.into_iter().find(|listed| listed.price_version == "local@2");
    assert_eq!(listed, Some(whole("local@2")));
    assert_eq!(ids(&mut service, true).await.len(), 8, "the shipped prices are not added again");
}

async fn versions_never_change_and_never_share_an_instant(backend: &Backend) {
    let mut service = Service::start(backend).await;
    put(&mut service, version("local@2")).await.unwrap();
    let mut reordered = version("local@2");
    reordered.rates.reverse();
    put(&mut service, reordered).await.unwrap();
    put(&mut service, whole("local@2")).await.unwrap();
    let mut dearer = version("local@2");
    dearer.rates[0].pico_usd_per_unit += 1;
    assert_fault(put(&mut service, dearer).await, Code::AlreadyExists, "PRICE_VERSION_EXISTS");
    assert_invalid(put(&mut service, version("local@3")).await, &["version.effective_time"]);
    let shipped = proto::PriceVersion { price_version: LITE.into(), ..version("") };
    assert_fault(put(&mut service, shipped).await, Code::AlreadyExists, "PRICE_VERSION_EXISTS");
}

async fn wrong_versions_are_refused_with_every_field_named(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let wrong = proto::PriceVersion {
        target: String::new(),
        model: "a*b".into(),
        rates: vec![rate(PriceBook::Sell, PriceComponent::Request, -1)],
        ..version("v")
    };
    let fields = ["version.target", "version.model", "version.rates[0].pico_usd_per_unit"];
    assert_invalid(put(&mut service, wrong).await, &fields);
    let unspecified = proto::PriceVersion {
        effective_time: None,
        rates: vec![
            rate(PriceBook::Unspecified, PriceComponent::Request, 1),
            rate(PriceBook::Cost, PriceComponent::Unspecified, 1),
        ],
        ..version("v")
    };
    let fields = ["version.effective_time", "version.rates[0].book", "version.rates[1].component"];
    assert_invalid(put(&mut service, unspecified).await, &fields);
    assert_invalid(
        put(&mut service, proto::PriceVersion { rates: vec![], ..version("v") }).await,
        &["version.rates"],
    );
    let answer = service.client.put_price_version(proto::PutPriceVersionRequest { version: None }).await;
    assert_invalid(answer.map(|_| ()).map_err(|status| Fault::from_status(&status)), &["version"]);
}

async fn no_token_is_free_because_nobody_named_its_price(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let fee = vec![rate(PriceBook::Cost, PriceComponent::Request, 100_000_000_000)];
    let fee_alone = proto::PriceVersion { rates: fee, ..version("fee@1") };
    assert_invalid(put(&mut service, fee_alone).await, &["version.rates"]);
    put(&mut service, version("local@2")).await.unwrap();
    let usage = TokenUsage {
        input_cache_read_count: 1,
        input_cache_write_count: 1,
        input_tool_count: 1,
        output_reasoning_count: 1,
        ..TokenUsage::default()
    };
    let quote = proto::QuoteRequest { price_version: "local@2".into(), usage: Some(usage) };
    assert_eq!(service.client.quote(quote).await.unwrap().into_inner().sell_pico_usd, 3 * 30_000 + 90_000);
}

async fn the_book_is_bounded(backend: &Backend) {
    let mut service = Service::start_with(backend, |config| config.price_versions_max = 7).await;
    assert_invalid(put(&mut service, version("local@2")).await, &["version.price_version"]);
}

async fn a_quote_rates_without_recording(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let usage = Some(TokenUsage { input_fresh_count: 300, output_text_count: 150, ..TokenUsage::default() });
    for (price_version, sell, cost) in [(LITE, 90_000_000, 90_000_000), (LOCAL, 15_000_000, 0)] {
        let request = proto::QuoteRequest { price_version: price_version.into(), usage };
        let quote = service.client.quote(request).await.unwrap().into_inner();
        assert_eq!((quote.sell_pico_usd, quote.cost_pico_usd), (sell, cost));
    }
    assert_eq!(service.verify().await.event_count, 0);
}

async fn a_quote_names_what_is_wrong(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let mut quote = async |price_version: &str, usage| {
        let request = proto::QuoteRequest { price_version: price_version.into(), usage };
        service.client.quote(request).await.map_err(|status| Fault::from_status(&status))
    };
    let counts = |count| Some(TokenUsage { output_text_count: count, ..TokenUsage::default() });
    assert_fault(quote("nothing@1", counts(1)).await, Code::FailedPrecondition, "PRICE_UNKNOWN");
    assert_invalid(quote(LITE, None).await, &["usage"]);
    assert_invalid(quote(LITE, counts(-1)).await, &["usage"]);
    assert_fault(quote(LITE, counts((1 << 53) - 1)).await, Code::FailedPrecondition, "AMOUNT_OVERFLOW");
}

on_both_stores!(
    a_new_store_has_the_shipped_prices_and_superseded_ones_on_demand,
    a_version_comes_back_whole_and_survives_a_restart,
    versions_never_change_and_never_share_an_instant,
    wrong_versions_are_refused_with_every_field_named,
    no_token_is_free_because_nobody_named_its_price,
    the_book_is_bounded,
    a_quote_rates_without_recording,
    a_quote_names_what_is_wrong,
);
