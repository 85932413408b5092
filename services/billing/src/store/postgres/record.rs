//! Recording in Postgres: the one transaction that makes a call a charge.

use kaleem_domain::Timestamp;
use sqlx::PgConnection;

use super::{
    bulk::{RatedLines, Rows, UsageEvents, add_all},
    post,
};
use crate::{
    event::source_word,
    rating::{RatedEvent, book_word, component_word},
    store::{
        Error, Recorded,
        posting::Posting,
        recording::{self, First, Held},
    },
};

/// Records `events` and says in order what became of each.
pub async fn record(
    connection: &mut PgConnection,
    events: &[RatedEvent],
    now: Timestamp,
) -> Result<Vec<Recorded>, Error> {
    let (outcomes, new) = recording::sort(events, &held(connection, events).await?);
    if !new.is_empty() {
        insert(connection, &new, now).await?;
    }
    Ok(outcomes)
}

/// Looks up which of `events` the ledger holds.
async fn held(connection: &mut PgConnection, events: &[RatedEvent]) -> Result<Held, Error> {
    // The limit keeps the planner from reading the whole table instead of the few that are asked for.
    let sql = "SELECT held.* FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (month, merchant, event)
               CROSS JOIN LATERAL (SELECT u.merchant_id, u.event_id, u.payload_sha256, u.sell_pico FROM usage_event AS u
               WHERE u.window_month = month AND u.merchant_id = merchant AND u.event_id = event LIMIT 1) AS held";
    let column = |text: fn(&RatedEvent) -> &str| events.iter().map(text).collect::<Vec<_>>();
    let query = sqlx::query(sql).bind(column(|rated| &rated.event.month_window));
    let query = query.bind(column(|rated| rated.event.merchant_id.as_str()));
    let query = query.bind(column(|rated| &rated.event.event_id));
    let mut held = Held::new();
    for row in query.fetch_all(connection).await? {
        recording::add_held(&mut held, &row)?;
    }
    Ok(held)
}

/// Writes events that the ledger does not hold, with their lines, transactions and entries.
pub async fn insert(
    connection: &mut PgConnection,
    events: &[&RatedEvent],
    now: Timestamp,
) -> Result<First, Error> {
    let sql = "SELECT coalesce(max(seq), 0) FROM usage_event";
    let newest: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    let events: Vec<(i64, &RatedEvent)> = (newest + 1..).zip(events.iter().copied()).collect();
    insert_events(connection, &events, now).await?;
    let lines = events.iter().flat_map(|(seq, event)| event.lines.iter().map(move |line| (*seq, line)));
    Rows::<RatedLines>::of(lines, |row, (seq, line)| {
        let (side, component) = (book_word(line.book), component_word(line.component));
        add_all!(row, seq, side, component, line.units, line.amount_pico);
    })
    .insert(connection)
    .await?;
    let postings: Vec<_> = events.iter().map(|(seq, event)| Posting::usage(*seq, event)).collect();
    let transaction = post::post(connection, &postings, now).await?;
    Ok(First { event: newest + 1, transaction })
}

async fn insert_events(
    connection: &mut PgConnection,
    events: &[(i64, &RatedEvent)],
    now: Timestamp,
) -> Result<(), Error> {
    Rows::<UsageEvents>::of(events, |row, (seq, rated)| {
        let event = &rated.event;
        add_all!(
            row,
            *seq,
            event.merchant_id.as_str(),
            event.event_id.as_str(),
            rated.payload_sha256.as_slice(),
            event.request_id.as_str(),
            event.attempt,
            event.epoch,
            event.admit_time.as_millis(),
            event.day_window.as_str(),
            event.month_window.as_str(),
            event.price_version.as_str(),
            event.target.as_str(),
            event.upstream.as_str(),
            event.model_requested.as_str(),
            event.model_served.as_str(),
            event.provider_request_id.as_str(),
            event.gateway_id.as_str(),
            event.key_id.as_str(),
            event.decision_id.as_str(),
            event.status.word(),
            source_word(event.usage.source),
            event.usage.input_fresh,
            event.usage.input_cache_read,
            event.usage.input_cache_write,
            event.usage.input_tool,
            event.usage.output_text,
            event.usage.output_reasoning,
            rated.sell_pico,
            rated.cost_pico,
            now.as_millis(),
        );
    })
    .insert(connection)
    .await
}
