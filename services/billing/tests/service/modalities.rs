//! Pictures, sound, caches of an hour and batches have prices of their own, and counts that do not add up are seen.

use kaleem_proto::{
    billing::v1::{self as proto, PriceComponent, record_usage_response::Outcome},
    chat::v1::{ServiceTier, TokenUsage, UsageSource},
};

use crate::{
    backend::{Backend, Sql, on_both_stores},
    harness::{LITE, Service, counted, event, in_month, item, statement_of},
};

/// Of every kind: 1 to 9 tokens, 45 in all.
fn every_kind() -> TokenUsage {
    TokenUsage {
        input_fresh_count: 1,
        input_cache_read_count: 2,
        input_cache_write_count: 3,
        input_tool_count: 4,
        output_text_count: 5,
        output_reasoning_count: 6,
        source: UsageSource::Provider.into(),
        input_image_count: 7,
        input_audio_count: 8,
        input_cache_write_1h_count: 9,
        service_tier: ServiceTier::Standard.into(),
        unexplained_count: 0,
    }
}

/// What they cost on Gemini Flash-Lite: fresh, tool prompts, pictures and caches at 0.10, what was cached at 0.01, sound at 0.30 and output
/// at 0.40 dollars a million.
const PICO: i64 = (1 + 3 + 4 + 7 + 9) * 100_000 + 2 * 10_000 + 8 * 300_000 + (5 + 6) * 400_000;
/// The same in a batch at half of it; what was cached and is named costs as ever, and a cache that is not named costs like fresh input.
const BATCH_PICO: i64 = (1 + 3 + 4 + 7 + 9) * 50_000 + 2 * 10_000 + 8 * 150_000 + (5 + 6) * 200_000;

fn kinds(request: &str, change: impl FnOnce(&mut TokenUsage)) -> proto::UsageEvent {
    counted(event(request), |usage| {
        *usage = every_kind();
        change(usage);
    })
}

fn batch(request: &str) -> proto::UsageEvent {
    kinds(request, |usage| usage.service_tier = ServiceTier::Batch.into())
}

async fn each_kind_of_token_has_its_price_in_each_tier(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let events = vec![kinds("standard", |_| ()), batch("batch")];
    let recorded = service.record(events.clone()).await.unwrap();
    assert_eq!(recorded, [item(Outcome::Recorded, PICO), item(Outcome::Recorded, BATCH_PICO)]);
    let again = service.record(events).await.unwrap();
    assert_eq!(again, [item(Outcome::Duplicate, PICO), item(Outcome::Duplicate, BATCH_PICO)]);
    let other_tier = service.record_one(kinds("batch", |_| ())).await;
    assert_eq!(other_tier, item(Outcome::Conflict, BATCH_PICO), "the tier is part of what a call is");

    let summary = service.summary("ward", "M202611").await.unwrap();
    assert_eq!(summary.sell_pico_usd, PICO + BATCH_PICO);
    let usage = summary.usage.unwrap();
    assert_eq!(
        (usage.input_image_count, usage.input_audio_count, usage.input_cache_write_1h_count),
        (14, 16, 18)
    );
    let request = proto::ListUsageEventsRequest { merchant_id: "ward".into(), ..Default::default() };
    let listed = service.client.list_usage_events(request).await.unwrap().into_inner().events;
    let shown: Vec<_> = listed.into_iter().map(|recorded| recorded.event.unwrap().usage.unwrap()).collect();
    let in_batch = TokenUsage { service_tier: ServiceTier::Batch.into(), ..every_kind() };
    assert_eq!(shown, [in_batch, every_kind()]);
    let quote = proto::QuoteRequest { price_version: LITE.into(), usage: Some(in_batch) };
    assert_eq!(service.client.quote(quote).await.unwrap().into_inner().sell_pico_usd, BATCH_PICO);
    let verdict = service.verify().await;
    assert_eq!((verdict.faults, verdict.suspect_count), (vec![], 0));
}

async fn a_statement_keeps_tiers_apart(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let month = "202601";
    let events = vec![in_month(kinds("standard", |_| ()), month), in_month(batch("batch"), month)];
    service.record(events).await.unwrap();
    let closed = service.client.close_statement(statement_of("ward", month)).await.unwrap().into_inner();
    let lines = closed.statement.unwrap().lines;
    assert_eq!(lines.len(), 18, "nine components, each in two tiers");
    let of = |component: PriceComponent| {
        let lines = lines.iter().filter(|line| line.component() == component);
        lines.map(|line| (line.service_tier(), line.unit_count, line.amount_pico_usd)).collect::<Vec<_>>()
    };
    let (standard, discounted) = (ServiceTier::Standard, ServiceTier::Batch);
    assert_eq!(of(PriceComponent::InputAudio), [(standard, 8, 2_400_000), (discounted, 8, 1_200_000)]);
    assert_eq!(of(PriceComponent::InputCacheRead), [(standard, 2, 20_000), (discounted, 2, 20_000)]);
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

async fn counts_that_do_not_add_up_are_billed_and_seen(backend: &Backend) {
    let mut service = Service::start(backend).await;
    let suspect = |request: &str, unexplained| kinds(request, |usage| usage.unexplained_count = unexplained);
    let recorded =
        service.record(vec![suspect("more", 5), suspect("fewer", -3), kinds("right", |_| ())]).await;
    assert_eq!(recorded.unwrap(), vec![item(Outcome::Recorded, PICO); 3]);
    let verdict = service.verify().await;
    assert_eq!((verdict.suspect_count, verdict.faults), (2, vec![]));
    let request = proto::ListUsageEventsRequest { merchant_id: "ward".into(), ..Default::default() };
    let listed = service.client.list_usage_events(request).await.unwrap().into_inner().events;
    let unexplained: Vec<_> = listed
        .iter()
        .map(|recorded| recorded.event.as_ref().unwrap().usage.unwrap().unexplained_count)
        .collect();
    assert_eq!(unexplained, [0, -3, 5]);
}

/// Takes the second step of the tables back.
async fn age(sql: &mut Sql) {
    let columns = ["service_tier", "input_image", "input_audio", "input_cache_write_1h", "unexplained"];
    let amounts = ["cost", "sell"].map(|book| columns[1..4].iter().map(move |name| format!("{book}_{name}")));
    let amounts = amounts.into_iter().flatten();
    for step in ["DROP VIEW usage_event", "DROP VIEW rated_line", "DROP INDEX ledger_suspect"] {
        sql.run(step).await.unwrap();
    }
    for column in columns.iter().map(ToString::to_string).chain(amounts) {
        sql.run(&format!("ALTER TABLE ledger DROP COLUMN {column}")).await.unwrap();
    }
    // The step replaces views of the first one; what they show is of no matter here.
    for view in ["usage_event", "rated_line"] {
        sql.run(&format!("CREATE VIEW {view} AS SELECT 1 AS one")).await.unwrap();
    }
    sql.run("ALTER TABLE statement_line DROP COLUMN service_tier").await.unwrap();
    sql.run("DELETE FROM _sqlx_migrations WHERE version = 2").await.unwrap();
}

async fn books_from_before_there_were_tiers_go_on(backend: &Backend) {
    let mut service = Service::start(backend).await;
    service.record((0..20).map(|number| event(&format!("r-{number}"))).collect()).await.unwrap();
    let before = service.summary("ward", "M202611").await.unwrap();
    let mut sql = service.sql().await;
    age(&mut sql).await;
    let mut service = service.restart().await;
    assert_eq!(service.summary("ward", "M202611").await.unwrap(), before);
    let verdict = service.verify().await;
    assert_eq!((verdict.event_count, verdict.faults), (20, vec![]), "every hash and link still fits");
    assert_eq!(service.record_one(event("r-7")).await, item(Outcome::Duplicate, 90_000_000));
    assert_eq!(service.record_one(batch("new")).await, item(Outcome::Recorded, BATCH_PICO));
    assert_eq!(service.verify().await.faults, Vec::<String>::new());
}

on_both_stores!(
    each_kind_of_token_has_its_price_in_each_tier,
    a_statement_keeps_tiers_apart,
    counts_that_do_not_add_up_are_billed_and_seen,
    books_from_before_there_were_tiers_go_on,
);
