//! Recording: the one transaction that makes a call a charge.

use kaleem_domain::Timestamp;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection, sqlite::SqliteArguments};

use super::{
    super::{
        posting::Posting,
        recording::{self, EVENT_COLUMNS, First, Held},
    },
    bulk::{self, bind_all},
    post,
};
use crate::{
    event::source_word,
    rating::{Line, RatedEvent, book_word, component_word},
    store::{Error, Recorded},
};

/// Records `events` and says in order what became of each.
pub async fn record(
    connection: &mut SqliteConnection,
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
async fn held(connection: &mut SqliteConnection, events: &[RatedEvent]) -> Result<Held, Error> {
    let mut held = Held::new();
    for chunk in bulk::chunks(events) {
        // CROSS JOIN keeps the planner from walking the whole table instead of the few that are asked for.
        let sql = format!(
            "WITH wanted (month, merchant, event) AS (VALUES {})
             SELECT u.merchant_id, u.event_id, u.payload_sha256, u.sell_pico FROM wanted CROSS JOIN usage_event AS u
             ON u.window_month = month AND u.merchant_id = merchant AND u.event_id = event",
            bulk::tuples(3, chunk.len())
        );
        let mut arguments = SqliteArguments::default();
        for RatedEvent { event, .. } in chunk {
            let identity = [event.month_window.as_str(), event.merchant_id.as_str(), event.event_id.as_str()];
            identity.into_iter().try_for_each(|text| arguments.add(text)).map_err(sqlx::Error::Encode)?;
        }
        for row in sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *connection).await? {
            recording::add_held(&mut held, &row)?;
        }
    }
    Ok(held)
}

/// Writes events that the ledger does not hold, with their lines, transactions and entries.
pub async fn insert(
    connection: &mut SqliteConnection,
    events: &[&RatedEvent],
    now: Timestamp,
) -> Result<First, Error> {
    let sql = "SELECT coalesce(max(seq), 0) FROM usage_event";
    let newest: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    let events: Vec<(i64, &RatedEvent)> = (newest + 1..).zip(events.iter().copied()).collect();
    insert_events(connection, &events, now).await?;
    let lines: Vec<(i64, Line)> =
        events.iter().flat_map(|(seq, event)| event.lines.iter().map(|line| (*seq, *line))).collect();
    let columns = ["event_seq", "side", "component", "units", "amount_pico"];
    bulk::insert(connection, "rated_line", &columns, &lines, |arguments, (seq, line)| {
        let (side, component) = (book_word(line.book), component_word(line.component));
        bind_all!(arguments, *seq, side, component, line.units, line.amount_pico)
    })
    .await?;
    let postings: Vec<_> = events.iter().map(|(seq, event)| Posting::usage(*seq, event)).collect();
    let transaction = post::post(connection, &postings, now).await?;
    Ok(First { event: newest + 1, transaction })
}

async fn insert_events(
    connection: &mut SqliteConnection,
    events: &[(i64, &RatedEvent)],
    now: Timestamp,
) -> Result<(), Error> {
    bulk::insert(connection, "usage_event", &EVENT_COLUMNS, events, |arguments, (seq, rated)| {
        let event = &rated.event;
        bind_all!(
            arguments,
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
        )
    })
    .await
}
