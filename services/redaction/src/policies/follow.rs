//! Keeping what is remembered in step with what other processes write to a shared store.

use std::convert::Infallible;

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::Shared;
use crate::store;

const BATCH: usize = 1_024;

/// Takes up every change after `version`, when the store tells of one and at the latest after `poll_interval`. Never ends:
/// while the store does not answer, what is remembered is trusted less and less.
pub(super) async fn run(shared: &Shared, version: i64) {
    let news = Notify::new();
    tokio::select! {
        () = shared.store.listen(&news) => {}
        _ = keep_up(shared, version, &news) => {}
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
        let newest = shared.store.newest().await?;
        if newest < *cursor {
            // An older backup was restored.
            shared.forget_all();
            *cursor = newest;
        }
        let changes = shared.store.changes(*cursor, BATCH).await?;
        for change in &changes {
            shared.forget(&change.merchant_id).await;
            *cursor = change.version;
        }
        if changes.len() < BATCH {
            shared.heard(asked);
            return Ok(());
        }
    }
}
