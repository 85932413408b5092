//! Keeping the memory index in step with what other processes write to a shared store.

use std::convert::Infallible;

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::Shared;
use crate::store;

const BATCH: usize = 1_024;

/// Takes up every change of the feed after `sequence`, when the store tells of one and at the latest after
/// `poll_interval`. Never ends: while the store does not answer, the index is trusted less and less.
pub(super) async fn run(shared: &Shared, sequence: i64) {
    let news = Notify::new();
    tokio::select! {
        () = shared.store.listen(&news) => {}
        _ = keep_up(shared, sequence, &news) => {}
    }
}

async fn keep_up(shared: &Shared, mut cursor: i64, news: &Notify) -> Infallible {
    let mut hears = true;
    loop {
        let caught_up = catch_up(shared, &mut cursor).await;
        // Said once, not at every poll.
        match &caught_up {
            Err(error) if hears => tracing::warn!(%error, "changes of other processes are not heard"),
            Ok(()) if !hears => tracing::info!("changes of other processes are heard again"),
            _ => {}
        }
        hears = caught_up.is_ok();
        // Whether a notification or the poll came first makes no difference to what is read.
        let _ = timeout(shared.config.postgres.poll_interval.get(), news.notified()).await;
    }
}

/// Takes up all changes after `cursor`.
async fn catch_up(shared: &Shared, cursor: &mut i64) -> Result<(), store::Error> {
    loop {
        let asked = Instant::now();
        let Some(changes) = shared.store.changes(*cursor, BATCH).await? else {
            // Behind the start of the feed, or ahead of a database that was restored.
            *cursor = shared.store.snapshot(0, 0).await?.sequence;
            shared.edit().changed_all();
            shared.newest.send_replace(*cursor);
            continue;
        };
        let mut index = shared.edit();
        for change in &changes {
            index.changed(&change.subject);
        }
        *cursor = changes.last().map_or(*cursor, |last| last.sequence);
        if changes.len() < BATCH {
            index.heard(asked);
        }
        drop(index);
        shared.announce(*cursor);
        if changes.len() < BATCH {
            return Ok(());
        }
    }
}
