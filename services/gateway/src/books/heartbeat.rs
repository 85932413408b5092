//! Keeps the holds of long streams alive and their progress on disk.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use kaleem_proto::quota::v1::{HeartbeatRequest, Reservation, heartbeat_request::Beat};
use tokio_util::sync::CancellationToken;

use super::{Books, bounded};

/// Shorter streams need no heartbeat.
const FIRST_BEAT: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_secs(5);
const BEATS_MAX: usize = 1024;
/// How much of a stream a killed process may lose.
pub(super) const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Attempts that run now, by event id.
#[derive(Default)]
pub(super) struct Live(HashMap<String, Running>);

struct Running {
    reservation: Reservation,
    output: Arc<AtomicI64>,
    since: Instant,
}

impl Live {
    pub(super) fn enter(&mut self, reservation: &Reservation, output: &Arc<AtomicI64>) {
        let running =
            Running { reservation: reservation.clone(), output: Arc::clone(output), since: Instant::now() };
        self.0.insert(reservation.event_id.clone(), running);
    }

    pub(super) fn leave(&mut self, reservation: &Reservation) {
        self.0.remove(&reservation.event_id);
    }

    /// Event ids of the streams that have output, with its tokens so far.
    fn progress(&self) -> Vec<(String, i64)> {
        let counts = self.0.iter().map(|(id, running)| (id, running.output.load(Ordering::Relaxed)));
        counts.filter(|(_, output)| *output > 0).map(|(id, output)| (id.clone(), output)).collect()
    }

    fn beats(&self) -> Vec<Beat> {
        let old = self.0.values().filter(|running| running.since.elapsed() >= FIRST_BEAT);
        old.map(|running| Beat {
            reservation: Some(running.reservation.clone()),
            output_token_count: running.output.load(Ordering::Relaxed),
        })
        .collect()
    }
}

/// Journals how far the streams have come.
pub(super) fn journal_progress(books: &Books) {
    let progress = books.live().progress();
    for (event_id, output) in progress {
        let journalled = books.journal().progress(&event_id, output);
        if let Err(error) = journalled {
            tracing::warn!(%error, "the progress of a stream was not journalled");
        }
        fail::fail_point!("gateway::progress::after");
    }
}

/// Beats until `stop`; what still runs then ends within the drain, or its hold expires and it settles late.
pub(super) async fn run(books: Books, gateway_id: String, stop: CancellationToken) -> io::Result<()> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let beats = books.live().beats();
        for beats in beats.chunks(BEATS_MAX) {
            let request = HeartbeatRequest { gateway_id: gateway_id.clone(), beats: beats.to_vec() };
            match books.0.peers.heartbeat(&bounded(), request).await {
                Ok(answer) if answer.failed_request_ids.is_empty() => {}
                Ok(answer) => {
                    let streams = answer.failed_request_ids.len();
                    tracing::warn!(streams, "holds of some long streams were not extended");
                }
                Err(fault) => tracing::warn!(%fault, "holds of long streams were not extended"),
            }
        }
    }
}
